"""What was read from one input: pages, staves, symbols with their place and confidence, and a score."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from focal_omr.document.geometry import Box, Polygon, bounds
from focal_omr.encodings.bar_rules import number_bars
from focal_omr.encodings.semantic import parse_barline
from focal_omr.formats.registry import save_score
from focal_omr.page.systems import System
from focal_omr.score.records import Score
from focal_omr.staff.find import Staff

JSON_FORMAT = 2


@dataclass(frozen=True)
class Symbol:
    """One recognized symbol.

    Attributes:
        token: Its semantic token.
        polygon: The corners (x, y) of its box in pixels of the picture, within 0 .. its width and height,
            from the upper left one clockwise; upright on the staff, so it leans where the staff does.
        confidence: The chance that the token is right, 0 .. 1: the network's probability in its best frame,
            calibrated as its file says.
        used: Whether it is part of the score; a symbol that breaks the grammar (a tie after no note) is not.
        mended: Whether a person put it here or changed it after it was read; its confidence is 1.
    """

    token: str
    polygon: Polygon
    confidence: float
    used: bool = True
    mended: bool = False

    @property
    def box(self) -> Box:
        """(left, top, right, bottom) of the polygon."""
        return bounds(self.polygon)


@dataclass(frozen=True)
class StaffReading:
    """One staff of a picture and what was read on it.

    Attributes:
        staff: Where it lies; None where plain pictures are read whole.
        symbols: From left to right.
        bars: For each bar that ends on this staff, and the open one at its end, whether it adds up to the
            meter; None where nobody can tell (no meter, a pickup).
        first_bar: Number of its first bar in its piece, from 1.
        unread: Why what was read is not believed and not used; "" where it is.
        piece: Which piece of the document it belongs to, from 1.
        part: Which part of that piece it is, from 1.
        mended: Whether a person changed what stands on it, by leaving symbols out too.
    """

    staff: Staff | None
    symbols: tuple[Symbol, ...]
    bars: tuple[bool | None, ...] = ()
    first_bar: int = 1
    unread: str = ""
    piece: int = 1
    part: int = 1
    mended: bool = False

    @property
    def expected_error(self) -> float:
        """Share of the symbols that are probably wrong, in percent, by their confidence; ranks staves."""
        doubts = [1 - symbol.confidence for symbol in self.symbols]
        return 100 * sum(doubts) / len(doubts) if doubts else 100.0

    @property
    def symbol_bars(self) -> list["SymbolBar"]:
        """For each symbol the bar that it stands in; a barline belongs to the bar that it closes."""
        used = [symbol.token for symbol in self.symbols if symbol.used]
        numbers, after = number_bars(used, first=self.first_bar)
        places: list[SymbolBar] = []
        closed = counted = 0
        for symbol in self.symbols:
            number = numbers[counted] if counted < len(used) else after
            adds_up = self.bars[closed] if closed < len(self.bars) else None
            places.append(SymbolBar(number, adds_up))
            counted += symbol.used
            closed += symbol.used and parse_barline(symbol.token) is not None
        return places


class SymbolBar(NamedTuple):
    """A bar's number in its piece, and whether it adds up to the meter; None where nobody can tell."""

    number: int
    adds_up: bool | None


@dataclass(frozen=True)
class Unread:
    """Something ruled that is no staff to read, or one whose content is none.

    Attributes:
        box: Where, in pixels of the picture.
        reason: What it seems to be.
    """

    box: Box
    reason: str


@dataclass(frozen=True)
class Page:
    """One picture, turned upright; all places on it are places of the upright picture.

    Attributes:
        width, height: In pixels.
        staves: From top to bottom.
        systems: Which of them sound together.
        number: Of the page in its document, from 1.
        quarter_turns: By which the picture was turned to the left.
        unread: What was seen and not read.
    """

    width: int
    height: int
    staves: tuple[StaffReading, ...]
    systems: tuple[System, ...] = (System((0,)),)
    number: int = 1
    quarter_turns: int = 0
    unread: tuple[Unread, ...] = ()

    def turned(self, picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """The page's picture, as it came, turned upright."""
        return np.ascontiguousarray(np.rot90(picture, self.quarter_turns))

    def on_picture(self, x: float, y: float) -> tuple[float, float]:
        """Where a place of the upright page is on the picture as it came."""
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
    """What was read from one input.

    Attributes:
        source: Name of the input.
        pages: Its pictures.
        pieces: The music, piece by piece.
        score: All of it, one piece after the other.
        warnings: What the reader should know, a line each.
    """

    source: str
    pages: tuple[Page, ...]
    pieces: tuple[Score, ...]
    score: Score
    warnings: tuple[str, ...] = field(default=())

    @property
    def staves(self) -> list[StaffReading]:
        """All staves in reading order."""
        return [staff for page in self.pages for staff in page.staves]

    @property
    def symbols(self) -> list[Symbol]:
        """All symbols in reading order."""
        return [symbol for staff in self.staves for symbol in staff.symbols]

    def save(self, path: str | Path, *, format: str | None = None) -> None:
        """Write the score; the format follows from the suffix or is one of `notation.formats.FORMATS`.

        Raises:
            OutputError: An unknown format, or the file cannot be written.
        """
        save_score(self.score, Path(path), format=format)

    def to_json(self) -> dict[str, Any]:
        """Everything but the score, as plain values, see docs/json.md; the way back is in `assembly`."""
        return {
            "format": JSON_FORMAT,
            "source": self.source,
            "title": self.score.title,
            "warnings": list(self.warnings),
            "pieces": len(self.pieces),
            "pages": [_page_json(page) for page in self.pages],
        }


def _page_json(page: Page) -> dict[str, Any]:
    sizes = (page.width, page.height)
    width, height = sizes[::-1] if page.quarter_turns % 2 else sizes
    return {
        "number": page.number,
        "width": width,
        "height": height,
        "quarter_turns": page.quarter_turns,
        "systems": [list(system.staves) for system in page.systems],
        "indents": [round(system.indent_spaces, 2) for system in page.systems],
        "staves": [_staff_json(reading, page) for reading in page.staves],
        "unread": [
            {"box": rounded(_box_on_picture(each.box, page)), "reason": each.reason} for each in page.unread
        ],
    }


def _box_on_picture(box: Box, page: Page) -> Box:
    left, top, right, bottom = box
    return bounds((page.on_picture(left, top), page.on_picture(right, bottom)))


def _staff_json(reading: StaffReading, page: Page) -> dict[str, Any]:
    pairs = zip(reading.symbols, reading.symbol_bars, strict=True)
    return {
        "piece": reading.piece,
        "part": reading.part,
        "lines": [
            [rounded(page.on_picture(*point)) for point in line] for line in staff_lines(reading.staff)
        ],
        "symbols": [_symbol_json(*pair, page) for pair in pairs],
        "first_bar": reading.first_bar,
        "bars": list(reading.bars),
        "expected_error": round(reading.expected_error, 2),
        "unread": reading.unread,
        **({"mended": True} if reading.mended else {}),
    }


def _symbol_json(symbol: Symbol, bar: SymbolBar, page: Page) -> dict[str, Any]:
    polygon = tuple(page.on_picture(*corner) for corner in symbol.polygon)
    return {
        "token": symbol.token,
        "box": rounded(bounds(polygon)),
        "polygon": [rounded(corner) for corner in polygon],
        "confidence": round(symbol.confidence, 4),
        "used": symbol.used,
        "bar": bar.number,
        "adds_up": bar.adds_up,
        **({"mended": True} if symbol.mended else {}),
    }


def rounded(values: Sequence[float]) -> list[float]:
    """Values with one decimal, as JSON has places."""
    return [round(value, 1) for value in values]


def staff_lines(staff: Staff | None) -> list[list[tuple[float, float]]]:
    """The five lines of a staff from top to bottom, each as points (x, y); none where none was measured."""
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
