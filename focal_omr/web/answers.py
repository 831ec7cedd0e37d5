"""What the HTTP API answers, as its description (OpenAPI) says it."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

__all__ = [
    "Answer",
    "Api",
    "Changed",
    "Created",
    "Health",
    "JobState",
    "Overview",
    "PageView",
    "Playback",
    "Problem",
    "problems",
]

Share = Annotated[float, Field(ge=0, le=1)]
Colour = Annotated[str, Field(pattern="^#[0-9a-f]{6}$")]
# Left, top, right, bottom in pixels of the upright page.
Box = Annotated[list[float], Field(min_length=4, max_length=4)]


class Answer(BaseModel):
    """The parent of all answers."""

    model_config = ConfigDict(extra="forbid")


class Problem(Answer):
    """Why a request was refused, in one line for the user."""

    error: str


class Health(Answer):
    """The server is there."""

    status: Literal["ok"]
    version: str


class Limits(Answer):
    """What one document may be."""

    upload_bytes: int
    pages: int
    pixels: int
    seconds: float


class Api(Answer):
    """What this server does and takes."""

    version: str
    limits: Limits
    expires_s: float
    formats: list[str]
    token: bool


class Created(Answer):
    """A job waits; ask for `/api/jobs/{id}`."""

    id: str


class JobState(Answer):
    """Where a job stands."""

    id: str
    name: str = Field(description="Of the file that was sent.")
    status: Literal["queued", "running", "done", "failed"]
    progress: Share
    error: str | None = Field(description="Why it failed.")
    pages: int | None = Field(description="Of the document; null until they are counted.")
    pages_read: int
    staves_read: int
    waiting: int | None = Field(description="Jobs that are read before this one, where it is queued.")
    created: str
    expires: str = Field(description="When it and its files are removed.")


class SymbolPlace(Answer):
    """A symbol by its page (number from 1), staff and place on it (from 0)."""

    page: int
    staff: int
    symbol: int


class OddBar(SymbolPlace):
    """A bar that does not add up to the meter, by its first symbol."""

    bar: int
    piece: int
    part: int


class PageSummary(Answer):
    """A page: its size in pixels, upright, its picture and how many staves it has."""

    number: int
    width: int
    height: int
    picture: str
    staves: int


class Overview(Answer):
    """A document as it is now."""

    revision: int
    can_undo: bool
    can_redo: bool
    name: str
    title: str
    warnings: list[str]
    pieces: int
    pages: list[PageSummary]
    doubtful: list[SymbolPlace]
    odd_bars: list[OddBar]
    mended_staves: int


class SymbolView(Answer):
    """A symbol where it was read; `points` are the corners of its box, `id` its element in the engraving."""

    token: str
    name: str
    points: str
    box: Box
    confidence: Share
    colour: Colour
    doubtful: bool
    used: bool
    mended: bool
    bar: int
    adds_up: bool | None
    id: str | None


class OddBarView(Answer):
    """The outline of a bar that does not add up."""

    bar: int
    points: str


class StaffView(Answer):
    """A staff, its five lines and what was read on it."""

    piece: int
    part: int
    unread: str
    lines: list[str]
    odd: list[OddBarView]
    symbols: list[SymbolView]


class UnreadView(Answer):
    """Something ruled that is no staff to read."""

    box: Box
    reason: str


class PageView(Answer):
    """All that is to be seen of a page; places are in pixels of the upright page."""

    revision: int
    number: int
    width: int
    height: int
    staves: list[StaffView]
    unread: list[UnreadView]
    svg: str | None
    message: str | None


class PlayedNote(Answer):
    """A note or, without `midi`, a rest: onset and length in quarter notes."""

    onset: float
    length: float
    midi: int | None
    page: int
    staff: int
    symbol: int
    id: str | None


class Playback(Answer):
    """What sounds."""

    revision: int
    quarters: float
    notes: list[PlayedNote]


class Changed(SymbolPlace):
    """What is selected now, and all that may look different."""

    revision: int
    overview: Overview
    view: PageView


_PROBLEMS = {
    400: "The request is malformed, or the server is not called by this name.",
    401: "The token is missing or wrong.",
    403: "The request comes from another site's page.",
    404: "There is no such document, page or format, or no longer.",
    409: "The document is not read, or not at this revision.",
    413: "The file or its picture is too large.",
    415: "The file is neither a picture nor a PDF document.",
    422: "What is asked for is not possible.",
    429: "Too many uploads from this address.",
    503: "The server is full or has too much to do; please try again later.",
}
_EXAMPLES = {
    404: "there is no such document",
    409: "the document has changed meanwhile",
    413: "page.png: 40000 x 40000 pixels, at most 100 million are read",
    415: "page.html: neither a picture (PNG, JPEG, TIFF, WebP, BMP or GIF) nor a PDF document",
    422: "a rest has no pitch",
}


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The answers that refuse, for the description of a route: these and those that any route may give."""
    return {
        status: {
            "model": Problem,
            "description": _PROBLEMS[status],
            **(
                {"content": {"application/json": {"example": {"error": _EXAMPLES[status]}}}}
                if status in _EXAMPLES
                else {}
            ),
        }
        for status in sorted({400, 401, *statuses})
    }
