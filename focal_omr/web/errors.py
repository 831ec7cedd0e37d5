"""A rejected request and its HTTP status."""

from focal_omr.errors import OmrError

__all__ = ["RejectedError"]


class RejectedError(OmrError):
    """A client's request is rejected.

    Attributes:
        status: HTTP status: 413 too large, 415 neither an image nor a PDF, 422 not possible, 503 not now ...
    """

    def __init__(self, status: int, error: str) -> None:
        super().__init__(error)
        self.status = status
