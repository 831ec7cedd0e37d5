"""Messages between the server and its view worker: requests for views, files and edits, and their results."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from focal_omr.web.store import Selection

__all__ = ["FORMATS", "DocumentRevision", "Done", "Edited", "Format", "Rejected", "ViewRequest"]


@dataclass(frozen=True)
class Format:
    """A download format: its name in `batch.OUTPUTS` and its media type."""

    output: str
    media_type: str


FORMATS = {
    "musicxml": Format("musicxml", "application/vnd.recordare.musicxml+xml"),
    "mid": Format("midi", "audio/midi"),
    "mei": Format("mei", "application/mei+xml"),
    "json": Format("json", "application/json"),
    "svg": Format("svg", "image/svg+xml"),
    "krn": Format("kern", "text/plain; charset=utf-8"),
    "abc": Format("abc", "text/vnd.abc; charset=utf-8"),
}


@dataclass(frozen=True)
class DocumentRevision:
    """A document at one point of its edit history.

    Attributes:
        job, folder, name: Id of its job, folder of its files, display name.
        revision: Number of the revision; -1 is the document as it was read.
        staves: Symbols of the staves edited up to this revision, by (page number, staff).
        can_undo, can_redo: Whether the history has edits before and after this revision.
    """

    job: str
    folder: Path
    name: str
    revision: int
    staves: Mapping[tuple[int, int], Any]
    can_undo: bool = False
    can_redo: bool = False


@dataclass(frozen=True)
class ViewRequest:
    """A request to the view worker.

    Attributes:
        document: The document revision it is about.
        kind: "overview", "page", "playback", "samples", "overlay.png", "overlay.pdf", "overlay.html" or a key
            of `FORMATS`; "edit"; "selection" for the response to an undo or redo, which the store has already
            made.
        target: File to write; None if the result is an `Edited`.
        page: Page number for "page".
        unfold: Whether "playback" plays repeats.
        all_staves: Whether "samples" include staves that nobody edited.
        place, edit: Symbol and edit for "edit"; the symbol alone for "selection".
    """

    document: DocumentRevision
    kind: str
    target: Path | None = None
    page: int = 0
    unfold: bool = True
    all_staves: bool = False
    place: Selection = (0, 0, 0)
    edit: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Edited:
    """An edit was applied.

    Attributes:
        response: JSON for the client.
        place: The symbol selected now.
        staves: Edited staves for the history.
    """

    response: bytes
    place: Selection
    staves: Mapping[tuple[int, int], Any]


@dataclass(frozen=True)
class Done:
    """The target file is written."""


@dataclass(frozen=True)
class Rejected:
    """A request cannot be carried out: HTTP status and message."""

    status: int
    error: str
