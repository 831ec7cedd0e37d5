"""Response models of the HTTP API, for validation in tests and for its OpenAPI description."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

__all__ = [
    "ApiJson",
    "CreatedJson",
    "DocumentJson",
    "EditedJson",
    "ErrorJson",
    "HealthJson",
    "JobJson",
    "JsonModel",
    "PageJson",
    "PlaybackJson",
    "error_responses",
]

Probability = Annotated[float, Field(ge=0, le=1)]
Colour = Annotated[str, Field(pattern="^#[0-9a-f]{6}$")]
# Left, top, right, bottom in pixels of the upright page.
BoxJson = Annotated[list[float], Field(min_length=4, max_length=4)]


class JsonModel(BaseModel):
    """Base of all response models; unknown keys are errors."""

    model_config = ConfigDict(extra="forbid")


class ErrorJson(JsonModel):
    """Why a request was rejected, in one line for the user."""

    error: str


class HealthJson(JsonModel):
    """The server is up."""

    status: Literal["ok"]
    version: str


class LimitsJson(JsonModel):
    """Limits of one document."""

    upload_bytes: int
    pages: int
    pixels: int
    seconds: float


class ApiJson(JsonModel):
    """Version, limits and features of this server."""

    version: str
    limits: LimitsJson
    expires_s: float
    formats: list[str]
    token: bool


class CreatedJson(JsonModel):
    """A job was queued; poll `/api/jobs/{id}`."""

    id: str


class JobJson(JsonModel):
    """State of a job."""

    id: str
    name: str = Field(description="Name of the uploaded file.")
    status: Literal["queued", "running", "done", "failed"]
    progress: Probability
    error: str | None = Field(description="Why it failed.")
    pages: int | None = Field(description="Pages of the document; null until they are counted.")
    pages_read: int
    staves_read: int
    waiting: int | None = Field(description="Jobs ahead of this one in the queue; null if it is not queued.")
    created: str
    expires: str = Field(description="When the job and its files are removed.")


class SymbolPlaceJson(JsonModel):
    """A symbol by page number (from 1), staff and index on the staff (from 0)."""

    page: int
    staff: int
    symbol: int


class OddBarJson(SymbolPlaceJson):
    """A bar that does not add up to the meter, by its first symbol."""

    bar: int
    piece: int
    part: int


class PageSummaryJson(JsonModel):
    """A page: its upright size in pixels, the URL of its image, its number of staves."""

    number: int
    width: int
    height: int
    picture: str
    staves: int


class DocumentJson(JsonModel):
    """Overview of a document at its current revision."""

    revision: int
    can_undo: bool
    can_redo: bool
    name: str
    title: str
    warnings: list[str]
    pieces: int
    pages: list[PageSummaryJson]
    doubtful: list[SymbolPlaceJson]
    odd_bars: list[OddBarJson]
    mended_staves: int


class SymbolJson(JsonModel):
    """A symbol; `points` are the corners of its box, `id` names its element in the engraving."""

    token: str
    name: str
    points: str
    box: BoxJson
    confidence: Probability
    colour: Colour
    doubtful: bool
    used: bool
    mended: bool
    bar: int
    adds_up: bool | None
    id: str | None


class BarOutlineJson(JsonModel):
    """The outline of a bar that does not add up."""

    bar: int
    points: str


class StaffJson(JsonModel):
    """A staff: its five lines and its symbols."""

    piece: int
    part: int
    unread: str
    lines: list[str]
    odd: list[BarOutlineJson]
    symbols: list[SymbolJson]


class UnreadRegionJson(JsonModel):
    """A ruled region that is not a readable staff."""

    box: BoxJson
    reason: str


class PageJson(JsonModel):
    """Everything to show of a page; coordinates are pixels of the upright page."""

    revision: int
    number: int
    width: int
    height: int
    staves: list[StaffJson]
    unread: list[UnreadRegionJson]
    svg: str | None
    message: str | None


class PlayedNoteJson(JsonModel):
    """A note or, without `midi`, a rest; onset and length in quarter notes."""

    onset: float
    length: float
    midi: int | None
    page: int
    staff: int
    symbol: int
    id: str | None


class PlaybackJson(JsonModel):
    """Notes and rests in order of their onset."""

    revision: int
    quarters: float
    notes: list[PlayedNoteJson]


class EditedJson(SymbolPlaceJson):
    """The symbol selected after an edit, and everything that may look different."""

    revision: int
    overview: DocumentJson
    view: PageJson


_ERRORS = {
    400: "The request is malformed, or its Host header names another server.",
    401: "The token is missing or wrong.",
    403: "The request comes from another site's page.",
    404: "There is no such document, page or format, or it has expired.",
    409: "The document is not read yet, or is at another revision.",
    413: "The file or its image is too large.",
    415: "The file is neither an image nor a PDF document.",
    422: "The request is valid but cannot be fulfilled.",
    429: "Too many uploads from this address.",
    503: "The server is full or busy; please try again later.",
}
_EXAMPLES = {
    404: "there is no such document",
    409: "the document has changed meanwhile",
    413: "page.png: 40000 x 40000 pixels, at most 100 million are read",
    415: "page.html: neither an image (PNG, JPEG, TIFF, WebP, BMP or GIF) nor a PDF document",
    422: "a rest has no pitch",
}


def error_responses(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Error responses for a route's description; 400 and 401, which any route may give, are added."""
    return {
        status: {
            "model": ErrorJson,
            "description": _ERRORS[status],
            **(
                {"content": {"application/json": {"example": {"error": _EXAMPLES[status]}}}}
                if status in _EXAMPLES
                else {}
            ),
        }
        for status in sorted({400, 401, *statuses})
    }
