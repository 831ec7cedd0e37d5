"""What was read, drawn on the picture it was read from: for the eye that looks for mistakes."""

import io
import re
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from focal_omr.document.confidence import DOUBTFUL_BELOW
from focal_omr.document.document import Document, Page, StaffReading, Symbol, Unread, staff_lines
from focal_omr.document.review import OddBar, confidence_rgb, odd_bars
from focal_omr.encodings.semantic import METER_SIGNS, TUPLET_NORMAL
from focal_omr.page.load import PageImage

__all__ = ["draw_page", "overlay_pdf", "overlay_png", "short_name"]

_INK_KEPT = 0.45  # of the picture's darkness, so that boxes and names stand out
_SMALLEST_SPACE_PX = 14  # pictures with a smaller staff space are enlarged, else names cannot be read
_MOST_ENLARGED = 4
_STEM_SPACES = 3.5  # kept free below the lowest box, for the stems and beams of its note
_SMALLEST_ON_PAGES_PX = 10  # the same where there are several staves, and few names
_ODD_BAR, _LINE, _UNREAD = (0, 94, 213), (115, 158, 0), (167, 121, 204)  # blue, green, red; Okabe and Ito
_JPEG_QUALITY = 85
_USUAL_DPI = 150  # of a picture that does not tell, for the size of its page
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
    """The picture of a document with every symbol's box on it, as a PNG file.

    Args:
        gray: (H, W) the picture that was read, as `load_gray` gives it.
        document: What was read on it; the first page is drawn.
    """
    return bytes(cv2.imencode(".png", draw_page(gray, document.pages[0]))[1])


def overlay_pdf(pictures: Iterable[PageImage], document: Document) -> bytes:
    """The pages of a document with what was read drawn on them, as a PDF file.

    Args:
        pictures: The pages that were read, one for each of the document's.
        document: What was read on them.
    """
    import pypdfium2  # here: it is slow to load, and most documents are a page

    pdf = pypdfium2.PdfDocument.new()
    for picture, page in zip(pictures, document.pages, strict=True):
        drawn = draw_page(picture.gray, page)
        jpeg = cv2.imencode(".jpg", drawn, (cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY))[1]
        points = 72 / (picture.dpi or _USUAL_DPI) * page.width / drawn.shape[1]
        width, height = drawn.shape[1] * points, drawn.shape[0] * points
        image = pypdfium2.PdfImage.new(pdf)
        image.load_jpeg(io.BytesIO(bytes(jpeg)), inline=True)
        image.set_matrix(pypdfium2.PdfMatrix().scale(width, height))
        sheet = pdf.new_page(width, height)
        sheet.insert_obj(image)
        sheet.gen_content()
        sheet.close()
    written = io.BytesIO()
    pdf.save(written)
    pdf.close()
    return written.getvalue()


def draw_page(gray: NDArray[np.uint8], page: Page) -> NDArray[np.uint8]:
    """Draw what was read on a page.

    Boxes are blue where the reading is sure and orange, with a thicker line, where it is doubtful; a symbol
    that is no part of the score is crossed out. Bars that do not add up have an outline and their number,
    what was not read a box and its reason; the lines of the staves are drawn thinly. The names of all symbols
    stand in rows below the staff where it is the only one, else those of the doubtful ones beside it.

    Args:
        gray: (H, W) the page's picture as it came; it is drawn upright.
        page: Its staves and symbols.

    Returns:
        (H', W', 3) blue, green, red. Small pictures are enlarged by a whole number; there is more paper at
        the right and the bottom where the names need it.
    """
    spaces = [_space_px(reading, page) for reading in page.staves]
    alone = len(page.staves) < 2
    wanted = _SMALLEST_SPACE_PX if alone else _SMALLEST_ON_PAGES_PX
    scale = int(np.clip(np.ceil(wanted / max(1.0, min(spaces, default=14.0))), 1, _MOST_ENLARGED))
    gray = page.turned(gray)
    faint = np.asarray(255 - (255 - gray.astype(np.float32)) * _INK_KEPT, np.uint8)
    canvas = cv2.resize(faint, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC)
    canvas = cv2.cvtColor(canvas, cv2.COLOR_GRAY2BGR)
    usual = scale * float(np.median(spaces or [14.0]))
    for unread in page.unread:
        _draw_unread(canvas, unread, scale=scale, space_px=usual)
    for reading, space in zip(page.staves, spaces, strict=True):
        if not alone:
            _draw_lines(canvas, reading, scale=scale)
        for bar in odd_bars(reading):
            _draw_odd_bar(canvas, bar, scale=scale, space_px=space * scale)
        draw = _draw_staff if alone else _draw_staff_on_page
        canvas = draw(canvas, reading, scale=scale, space_px=space * scale)
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


def _draw_staff_on_page(canvas: Any, reading: StaffReading, *, scale: int, space_px: float) -> Any:
    """The canvas with the boxes of one staff, and the names of what is doubtful in rows above it."""
    font = _page_font(space_px)
    row_px = round(1.5 * font * _FONT_PX)
    doubtful = [symbol for symbol in reading.symbols if symbol.confidence < DOUBTFUL_BELOW or not symbol.used]
    names = [_caption(symbol) for symbol in doubtful]
    widths = [cv2.getTextSize(name, _FONT, font, 1)[0][0] for name in names]
    lefts = [round(scale * symbol.box[0]) for symbol in doubtful]
    for symbol in reading.symbols:
        _draw_symbol(canvas, symbol, scale=scale)
    rows = _rows(lefts, widths, gap_px=round(0.4 * space_px))
    for symbol, name, left, row in zip(doubtful, names, lefts, rows, strict=True):
        above = scale * min(symbol.box[1], _top_line(reading, symbol.box[0], symbol.box[1]))
        base = round(above - 1.0 * space_px - row_px * row)
        colour = _colour(symbol.confidence)
        cv2.line(canvas, (left, round(scale * symbol.box[1])), (left, base), colour, 1, cv2.LINE_AA)
        _write(canvas, name, (left, base), font, colour)
    return canvas


def _page_font(space_px: float) -> float:
    """The size of names on pages: three quarters of a staff space, as long as that can be read."""
    return float(np.clip(0.7 * space_px, 9, 40)) / _FONT_PX


def _top_line(reading: StaffReading, x: float, otherwise: float) -> float:
    """The height of a staff's top line at x; `otherwise` where no staff was measured."""
    if reading.staff is None:
        return otherwise
    middle = float(np.interp(x, reading.staff.xs, reading.staff.middle_ys))
    return middle - 2 * reading.staff.space_px


def _draw_lines(canvas: Any, reading: StaffReading, *, scale: int) -> None:
    """The five lines as they were found, thin."""
    for line in staff_lines(reading.staff):
        for (x0, y0), (x1, y1) in pairwise(line):
            ends = (round(scale * x0), round(scale * y0)), (round(scale * x1), round(scale * y1))
            cv2.line(canvas, *ends, _LINE, 1, cv2.LINE_AA)


def _draw_odd_bar(canvas: Any, bar: OddBar, *, scale: int, space_px: float) -> None:
    """The outline of a bar that does not add up, and its number below."""
    corners = np.round(np.array(bar.polygon) * scale).astype(np.int32)
    cv2.polylines(canvas, [corners], True, _ODD_BAR, max(2, round(0.15 * space_px)), cv2.LINE_AA)
    font = _page_font(space_px)
    left, bottom = corners[-1]
    base = (int(left), int(bottom + 1.4 * font * _FONT_PX))
    _write(canvas, f"bar {bar.number} does not add up", base, font, _ODD_BAR)


def _draw_unread(canvas: Any, unread: Unread, *, scale: int, space_px: float) -> None:
    left, top, right, bottom = (round(scale * edge) for edge in unread.box)
    cv2.rectangle(canvas, (left, top), (right, bottom), _UNREAD, max(2, round(0.15 * space_px)), cv2.LINE_AA)
    font = _page_font(space_px)
    reason = unread.reason.encode("ascii", "replace").decode()  # what OpenCV's fonts have
    base = (left + round(0.3 * space_px), top + round(1.5 * font * _FONT_PX))
    _write(canvas, f"not read: {reason}", base, font, _UNREAD)


def _write(
    canvas: Any, text: str, origin: tuple[int, int], font: float, colour: tuple[int, int, int]
) -> None:
    """Text on a light ground, moved onto the picture where it would stand beyond its edge."""
    (width, height), below = cv2.getTextSize(text, _FONT, font, 1)
    x = max(0, min(origin[0], canvas.shape[1] - width))
    y = max(height, min(origin[1], canvas.shape[0] - below))
    ground = canvas[y - height - 2 : y + below, x : x + width]
    ground[:] = 255 - (255 - ground.astype(np.float32)) * 0.2
    cv2.putText(canvas, text, (x, y), _FONT, font, colour, 1, cv2.LINE_AA)


def _at_least(canvas: Any, *, width: int, height: int) -> Any:
    """The canvas with white paper added at the right and at the bottom where it is smaller."""
    below, beside = max(0, height - canvas.shape[0]), max(0, width - canvas.shape[1])
    return cv2.copyMakeBorder(canvas, 0, below, 0, beside, cv2.BORDER_CONSTANT, value=(255, 255, 255))


def _caption(symbol: Symbol) -> str:
    name = short_name(symbol.token)
    return name if symbol.confidence >= DOUBTFUL_BELOW else f"{name} {100 * symbol.confidence:.0f}%"


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
    thickness = 1 if symbol.confidence >= DOUBTFUL_BELOW else 2
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
    red, green, blue = confidence_rgb(confidence)
    return blue, green, red
