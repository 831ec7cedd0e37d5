"""What the server and its studio say to each other: orders for views, files and changes, and the answers."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from focal_omr.web.store import Place

__all__ = ["FORMATS", "Changed", "Format", "Made", "Order", "Refusal", "Subject"]


@dataclass(frozen=True)
class Format:
    """A file that a document can be had as: its name in `batch.OUTPUTS`, "" for views, and its media type."""

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
class Subject:
    """A document at one point of its history.

    Attributes:
        job, folder, name: Of its job; where its files are; what it is called.
        revision: Which; -1 is the document as it was read.
        staves: Symbols of the staves that changed until then.
        can_undo, can_redo: Whether there are changes before and after.
    """

    job: str
    folder: Path
    name: str
    revision: int
    staves: Mapping[tuple[int, int], Any]
    can_undo: bool = False
    can_redo: bool = False


@dataclass(frozen=True)
class Order:
    """What is wanted.

    Attributes:
        subject: Of which document.
        what: "overview", "page", "playback", "samples", "overlay.png", "overlay.pdf", "overlay.html", a key
            of `FORMATS`; "change", or "place" for the answer to a change that was made before.
        target: The file to write; None where the answer is a `Changed`.
        page: Number of the page for "page".
        unfold: Whether "playback" plays repeats.
        everything: Whether "samples" are of all staves.
        place, change: Of a change.
    """

    subject: Subject
    what: str
    target: Path | None = None
    page: int = 0
    unfold: bool = True
    everything: bool = False
    place: Place = (0, 0, 0)
    change: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Changed:
    """What a change did: the answer to the client, what is selected now, and the staves for the history."""

    answer: bytes
    place: Place
    staves: Mapping[tuple[int, int], Any]


@dataclass(frozen=True)
class Made:
    """The file is written."""


@dataclass(frozen=True)
class Refusal:
    """Why an order cannot be carried out, with the HTTP status that says so."""

    status: int
    error: str
