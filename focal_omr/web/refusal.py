"""A request that is refused, and the HTTP status that says so."""

from focal_omr.errors import OmrError

__all__ = ["RefusedError"]


class RefusedError(OmrError):
    """What a client asks for is not done.

    Attributes:
        status: Of HTTP: 413 too large, 415 no picture and no PDF, 422 not possible, 503 not now ...
    """

    def __init__(self, status: int, error: str) -> None:
        super().__init__(error)
        self.status = status
