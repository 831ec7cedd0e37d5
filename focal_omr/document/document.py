"""Records of a document as read: pages, staves, symbols with place and confidence, and a score."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from focal_omr.document.geometry import Box, Polygon, bounds
from focal_omr.encodings.bar_rules import number_bars
from focal_omr.encodings.semantic import parse_barline
from focal_omr.formats.musicxml_score import write_musicxml_score
from focal_omr.formats.registry import save_score
from focal_omr.page.systems import System
from focal_omr.score.score import Chord, Pitch, Score, Space
from focal_omr.staff.find import Staff

JSON_FORMAT = 2


@dataclass(frozen=True)
class Symbol:
    """One recognized symbol.

    Attributes:
        token: Semantic token.
        polygon: Corners (x, y) of its box in pixels of the image, clockwise from the upper left, clipped to
            the image; upright on the staff, so the box leans where the staff does.
        confidence: Probability that the token is right, 0 .. 1: the network's probability in its best frame,
            calibrated as stored in its file.
        used: Whether it is part of the score; a symbol that breaks the grammar (a tie after no note) is not.
        mended: Whether a person inserted or changed it after it was read; its confidence is 1.
        event: Id of its event or sign in the document's score; None: it is none (a barline, a tie, a clef
            that is only repeated). Set by `assemble.assemble` and ignored by comparisons, like `note`.
        note: Id of its note, of which a chord has several; None: it is no note head.
    """

    token: str
    polygon: Polygon
    confidence: float
    used: bool = True
    mended: bool = False
    event: str | None = field(default=None, compare=False)
    note: str | None = field(default=None, compare=False)

    @property
    def box(self) -> Box:
        """(left, top, right, bottom) of the polygon."""
        return bounds(self.polygon)


@dataclass(frozen=True)
class StaffReading:
    """One staff of an image and its symbols.

    Attributes:
        staff: Its geometry; None for plain images, which are read whole.
        symbols: From left to right.
        bars: For each bar that ends on this staff, and the open one at its end, whether it adds up to the
            meter; None where that is undecidable (no meter, a pickup).
        first_bar: Number of its first bar in its piece, from 1.
        unread: Why the reading is rejected and not used; "" if it is used.
        piece: Number of its piece in the document, from 1.
        part: Number of its part in that piece, from 1.
        mended: Whether a person edited it, including by removing symbols.
        part_staff: Number of its staff in that part, from 1.
        silent_events: If it is unread, the ids of the events that replace its bars in the score; set by
            `assemble.assemble` and ignored by comparisons.
    """

    staff: Staff | None
    symbols: tuple[Symbol, ...]
    bars: tuple[bool | None, ...] = ()
    first_bar: int = 1
    unread: str = ""
    piece: int = 1
    part: int = 1
    mended: bool = False
    part_staff: int = 1
    silent_events: tuple[str, ...] = field(default=(), compare=False)

    @property
    def expected_error(self) -> float:
        """Expected share of wrong symbols in percent, from their confidences; ranks staves for review."""
        errors = [1 - symbol.confidence for symbol in self.symbols]
        return 100 * sum(errors) / len(errors) if errors else 100.0

    @property
    def symbol_bars(self) -> list["SymbolBar"]:
        """The bar of each symbol; a barline belongs to the bar that it closes."""
        used = [symbol.token for symbol in self.symbols if symbol.used]
        numbers, after = number_bars(used, first=self.first_bar)
        bars: list[SymbolBar] = []
        closed = counted = 0
        for symbol in self.symbols:
            number = numbers[counted] if counted < len(used) else after
            adds_up = self.bars[closed] if closed < len(self.bars) else None
            bars.append(SymbolBar(number, adds_up))
            counted += symbol.used
            closed += symbol.used and parse_barline(symbol.token) is not None
        return bars


class SymbolBar(NamedTuple):
    """A bar's number in its piece, and whether it adds up to the meter; None if undecidable."""

    number: int
    adds_up: bool | None


@dataclass(frozen=True)
class Unread:
    """A ruled region that is not a staff, or a staff without readable content.

    Attributes:
        box: Its box in pixels of the image.
        reason: What it appears to be.
    """

    box: Box
    reason: str


@dataclass(frozen=True)
class Page:
    """One image, turned upright; all coordinates are those of the upright image.

    Attributes:
        width, height: In pixels.
        staves: From top to bottom.
        systems: Groups of staves that sound together.
        number: Page number in its document, from 1.
        quarter_turns: Quarter turns to the left that made the image upright.
        unread: Regions that were not read.
    """

    width: int
    height: int
    staves: tuple[StaffReading, ...]
    systems: tuple[System, ...] = (System((0,)),)
    number: int = 1
    quarter_turns: int = 0
    unread: tuple[Unread, ...] = ()

    def turned(self, picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Turn the page's original image, (H, W), upright: (H, W) or (W, H)."""
        return np.ascontiguousarray(np.rot90(picture, self.quarter_turns))

    def on_picture(self, x: float, y: float) -> tuple[float, float]:
        """Map coordinates of the upright page to the original image."""
        match self.quarter_turns % 4:
            case 1:
                return self.height - 1 - y, x
            case 2:
                return self.width - 1 - x, self.height - 1 - y
            case 3:
                return y, self.width - 1 - x
        return x, y


@dataclass(frozen=True)
class Document:
    """The reading of one input.

    Attributes:
        source: Name of the input.
        pages: Its pages.
        pieces: The music, piece by piece; its events have the ids that they have in `score`.
        score: All pieces, one after the other.
        warnings: Warnings for the user, one line each.
        from_columns: Whether it was read as columns. The tokens of its symbols do not tell all of its music,
            so its JSON holds the pieces, too.
    """

    source: str
    pages: tuple[Page, ...]
    pieces: tuple[Score, ...]
    score: Score
    warnings: tuple[str, ...] = field(default=())
    from_columns: bool = False

    @property
    def staves(self) -> list[StaffReading]:
        """All staves in reading order."""
        return [staff for page in self.pages for staff in page.staves]

    @property
    def symbols(self) -> list[Symbol]:
        """All symbols in reading order."""
        return [symbol for staff in self.staves for symbol in staff.symbols]

    def save(self, path: str | Path, *, format: str | None = None) -> None:
        """Write the score; the format follows from the suffix or is one of `formats.registry.save_score`.

        Raises:
            OutputError: An unknown format, or the file cannot be written.
            NotationError: The format cannot hold the score.
        """
        save_score(self.score, Path(path), format=format)

    def to_json(self) -> dict[str, Any]:
        """The reading as JSON values (docs/json.md); `assemble.document_from_json` reads it."""
        events = _events_json(self.score)
        return {
            "format": JSON_FORMAT,
            "source": self.source,
            "title": self.score.title,
            "warnings": list(self.warnings),
            "pieces": len(self.pieces),
            "pages": [_page_json(page, events) for page in self.pages],
            **({"scores": list(map(write_musicxml_score, self.pieces))} if self.from_columns else {}),
        }


def _events_json(score: Score) -> dict[str, dict[str, Any]]:
    """The keys of a note or rest that its symbol has beyond those of every symbol, by its id."""
    found: dict[str, dict[str, Any]] = {}
    for _, measure, voice, event in score.events():
        if isinstance(event, Space):
            continue
        count = measure.multirest.measures if measure.multirest else 1
        keys = {"event": event.id, "voice": voice.number}
        times = {"onset": str(event.onset), "duration": str(count * event.length)}
        found[event.id] = keys | times
        for note in event.notes if isinstance(event, Chord) else ():
            if isinstance(note.pitch, Pitch):
                alter = note.pitch.alter
                sign = "#" * alter if alter > 0 else "b" * -alter
                own = {"note": note.id} if note.id != event.id else {}
                own |= {"pitch": f"{note.pitch.step}{sign}{note.pitch.octave}"}
                found[note.id] = keys | own | times
    return found


def _page_json(page: Page, events: Mapping[str, dict[str, Any]]) -> dict[str, Any]:
    sizes = (page.width, page.height)
    width, height = sizes[::-1] if page.quarter_turns % 2 else sizes
    unread = []
    for region in page.unread:
        left, top, right, bottom = region.box
        box = bounds((page.on_picture(left, top), page.on_picture(right, bottom)))
        unread.append({"box": rounded(box), "reason": region.reason})
    return {
        "number": page.number,
        "width": width,
        "height": height,
        "quarter_turns": page.quarter_turns,
        "systems": [list(system.staves) for system in page.systems],
        "indents": [round(system.indent_spaces, 2) for system in page.systems],
        "staves": [_staff_json(reading, page, events) for reading in page.staves],
        "unread": unread,
    }


def _staff_json(reading: StaffReading, page: Page, events: Mapping[str, dict[str, Any]]) -> dict[str, Any]:
    symbols = []
    for symbol, bar in zip(reading.symbols, reading.symbol_bars, strict=True):
        polygon = tuple(page.on_picture(*corner) for corner in symbol.polygon)
        symbols.append(
            {
                "token": symbol.token,
                "box": rounded(bounds(polygon)),
                "polygon": [rounded(corner) for corner in polygon],
                "confidence": round(symbol.confidence, 4),
                "used": symbol.used,
                "bar": bar.number,
                "adds_up": bar.adds_up,
                "staff": reading.part_staff,
                **events.get(symbol.note or symbol.event or "", {"event": None, "voice": None}),
                **({"mended": True} if symbol.mended else {}),
            }
        )
    return {
        "piece": reading.piece,
        "part": reading.part,
        **({"part_staff": reading.part_staff} if reading.part_staff > 1 else {}),
        "lines": [
            [rounded(page.on_picture(*point)) for point in line] for line in staff_lines(reading.staff)
        ],
        "symbols": symbols,
        "first_bar": reading.first_bar,
        "bars": list(reading.bars),
        "expected_error": round(reading.expected_error, 2),
        "unread": reading.unread,
        **({"mended": True} if reading.mended else {}),
    }


def rounded(values: Sequence[float]) -> list[float]:
    """Coordinates rounded to one decimal for JSON."""
    return [round(value, 1) for value in values]


def staff_lines(staff: Staff | None) -> list[list[tuple[float, float]]]:
    """The five lines of a staff from top to bottom, each as points (x, y); empty if no staff was measured."""
    if staff is None:
        return []
    spaces = np.full(len(staff.xs), staff.space_px) if staff.spaces_px is None else staff.spaces_px
    return [
        [
            (float(x), float(y + line * space))
            for x, y, space in zip(staff.xs, staff.middle_ys, spaces, strict=True)
        ]
        for line in (-2, -1, 0, 1, 2)
    ]
