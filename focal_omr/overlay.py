"""What was read, drawn on the picture it was read from: for the eye that looks for mistakes."""

import re
from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from focal_omr.document import Document, Page, StaffReading, Symbol
from focal_omr.notation.semantic import METER_SIGNS, TUPLET_NORMAL

__all__ = ["draw_page", "overlay_png", "short_name"]

_INK_KEPT = 0.45  # of the picture's darkness, so that boxes and names stand out
_SMALLEST_SPACE_PX = 14  # pictures with a smaller staff space are enlarged, else names cannot be read
_MOST_ENLARGED = 4
# From doubtful to sure. Orange and blue stay apart for every kind of colour blindness (RGB).
# Source: Okabe and Ito, "Color universal design", 2008.
_SCALE = ((0.5, (213, 94, 0)), (0.75, (230, 159, 0)), (1.0, (0, 114, 178)))
_DOUBTFUL = 0.9  # below it a box is drawn with a thicker line, and a name is followed by the confidence
_STEM_SPACES = 3.5  # kept free below the lowest box, for the stems and beams of its note
_FONT = cv2.FONT_HERSHEY_SIMPLEX
_FONT_PX = 22  # height of that font's capitals at scale 1

_VALUES = {
    "quadruple_whole": "4/1",
    "double_whole": "2/1",
    "whole": "1/1",
    "half": "1/2",
    "quarter": "1/4",
    "eighth": "1/8",
    "sixteenth": "1/16",
    "thirty_second": "1/32",
    "sixty_fourth": "1/64",
    "hundred_twenty_eighth": "1/128",
}
_WORDS = {
    "accidental": "acc.",
    "barline": "|",
    "barline-double": "||",
    "barline-final": "||.",
    "barline-repeat_start": "|:",
    "barline-repeat_end": ":|",
    "barline-repeat_both": ":|:",
    "tuplet-end": ")",
    **{f"tuplet-{actual}": f"{actual}(" for actual in TUPLET_NORMAL},
    **{f"timeSignature-{sign}": "cut C" if sign == "C/" else sign for sign in METER_SIGNS},
}
_HEADS = {"keySignature": "key", "timeSignature": "", "multirest": "bars of rest"}
_TIMED = re.compile(r"(note|gracenote|rest)-(?:([A-G][b#]*\d)_)?([a-z_]+?)(\.*)(_fermata)?")


def short_name(token: str) -> str:
    """A token in a few characters of ASCII: "F#4 1/8.", "rest 1/2", "key FM", "||"."""
    if token in _WORDS:
        return _WORDS[token]
    if (match := _TIMED.fullmatch(token)) and match[3] in _VALUES:
        kind, pitch, value, dots, fermata = match.groups()
        name = {"note": "", "gracenote": "grace ", "rest": "rest "}[kind] + (f"{pitch} " if pitch else "")
        return f"{name}{_VALUES[value]}{dots}{' ferm.' if fermata else ''}"
    head, _, rest = token.partition("-")
    return f"{_HEADS.get(head, head)} {rest}".strip()


def overlay_png(gray: NDArray[np.uint8], document: Document) -> bytes:
    """The picture of a document with every symbol's box and name on it, as a PNG file.

    Args:
        gray: (H, W) the picture that was read, as `load_gray` gives it.
        document: What was read on it; the first page is drawn.
    """
    return bytes(cv2.imencode(".png", draw_page(gray, document.pages[0]))[1])


def draw_page(gray: NDArray[np.uint8], page: Page) -> NDArray[np.uint8]:
    """Draw what was read on a page.

    Boxes are blue where the reading is sure and orange, with a thicker line, where it is doubtful; a symbol
    that is no part of the score is crossed out. The names stand in rows below the staff.

    Args:
        gray: (H, W) the page's picture.
        page: Its staves and symbols.

    Returns:
        (H', W', 3) blue, green, red. Small pictures are enlarged by a whole number; there is more paper at
        the right and the bottom where the names need it.
    """
    spaces = [_space_px(reading, page) for reading in page.staves]
    scale = int(np.clip(np.ceil(_SMALLEST_SPACE_PX / max(1.0, min(spaces, default=14.0))), 1, _MOST_ENLARGED))
    faint = np.asarray(255 - (255 - gray.astype(np.float32)) * _INK_KEPT, np.uint8)
    canvas = cv2.resize(faint, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC)
    canvas = cv2.cvtColor(canvas, cv2.COLOR_GRAY2BGR)
    for reading, space in zip(page.staves, spaces, strict=True):
        canvas = _draw_staff(canvas, reading, scale=scale, space_px=space * scale)
    return np.asarray(canvas, np.uint8)


def _space_px(reading: StaffReading, page: Page) -> float:
    """The staff space; where no staff was measured, what it is in a picture cropped as PrIMuS crops."""
    return reading.staff.space_px if reading.staff else page.height / 10


def _draw_staff(canvas: Any, reading: StaffReading, *, scale: int, space_px: float) -> Any:
    """The canvas, longer where the names need it, with the boxes and the names of one staff."""
    font = float(np.clip(0.75 * space_px, 10, 40)) / _FONT_PX
    row_px = round(1.6 * font * _FONT_PX)
    names = [_caption(symbol) for symbol in reading.symbols]
    lefts = [round(scale * symbol.box[0]) for symbol in reading.symbols]
    widths = [cv2.getTextSize(name, _FONT, font, 1)[0][0] for name in names]
    rows = _rows(lefts, widths, gap_px=round(0.5 * space_px))
    lowest = scale * max((symbol.box[3] for symbol in reading.symbols), default=0.0)
    top = round(min(lowest + _STEM_SPACES * space_px, canvas.shape[0]))
    canvas = _at_least(
        canvas,
        width=max((left + width for left, width in zip(lefts, widths, strict=True)), default=0) + row_px // 4,
        height=top + row_px * (max(rows, default=0) + 1),
    )
    for symbol, name, left, row in zip(reading.symbols, names, lefts, rows, strict=True):
        base = top + row_px * (row + 1) - round(0.4 * row_px)
        _draw_symbol(canvas, symbol, scale=scale)
        _draw_name(canvas, name, (left, base), font, _colour(symbol.confidence), box=symbol.box, scale=scale)
    return canvas


def _at_least(canvas: Any, *, width: int, height: int) -> Any:
    """The canvas with white paper added at the right and at the bottom where it is smaller."""
    below, beside = max(0, height - canvas.shape[0]), max(0, width - canvas.shape[1])
    return cv2.copyMakeBorder(canvas, 0, below, 0, beside, cv2.BORDER_CONSTANT, value=(255, 255, 255))


def _caption(symbol: Symbol) -> str:
    name = short_name(symbol.token)
    return name if symbol.confidence >= _DOUBTFUL else f"{name} {100 * symbol.confidence:.0f}%"


def _rows(lefts: Sequence[int], widths: Sequence[int], *, gap_px: int) -> list[int]:
    """The first row in which each name does not run into the one before it."""
    ends: list[int] = []
    rows = []
    for left, width in zip(lefts, widths, strict=True):
        row = next((row for row, end in enumerate(ends) if end + gap_px <= left), len(ends))
        ends[row : row + 1] = [left + width]
        rows.append(row)
    return rows


def _draw_symbol(canvas: Any, symbol: Symbol, *, scale: int) -> None:
    left, top, right, bottom = (round(scale * edge) for edge in symbol.box)
    colour = _colour(symbol.confidence)
    thickness = 1 if symbol.confidence >= _DOUBTFUL else 2
    cv2.rectangle(canvas, (left, top), (right, bottom), colour, thickness, cv2.LINE_AA)
    if not symbol.used:
        cv2.line(canvas, (left, top), (right, bottom), colour, thickness, cv2.LINE_AA)
        cv2.line(canvas, (left, bottom), (right, top), colour, thickness, cv2.LINE_AA)


def _draw_name(
    canvas: Any,
    name: str,
    origin: tuple[int, int],
    font: float,
    colour: tuple[int, int, int],
    *,
    box: Sequence[float],
    scale: int,
) -> None:
    """A name, and the thin line that leads to it from its box."""
    foot = (origin[0], round(scale * box[3]))
    head = (origin[0], origin[1] - round(font * _FONT_PX))
    cv2.line(canvas, foot, head, (200, 200, 200), 1, cv2.LINE_AA)
    cv2.putText(canvas, name, origin, _FONT, font, colour, 1, cv2.LINE_AA)


def _colour(confidence: float) -> tuple[int, int, int]:
    """Blue, green, red of a confidence."""
    places = [place for place, _ in _SCALE]
    red, green, blue = (
        round(float(np.interp(confidence, places, [rgb[channel] for _, rgb in _SCALE])))
        for channel in range(3)
    )
    return blue, green, red
