"""Overlay of the reading on the page images, as PNG or PDF, for finding mistakes by eye."""

import io
import re
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from focal_omr.document.confidence import DOUBTFUL_BELOW
from focal_omr.document.document import Document, Page, StaffReading, Symbol, staff_lines
from focal_omr.document.review import confidence_rgb, odd_bars
from focal_omr.encodings.semantic import METER_SIGNS, TUPLET_NORMAL
from focal_omr.page.load import PageImage

__all__ = ["draw_page", "overlay_pdf", "overlay_png", "short_name"]

_FADE = 0.45  # of the image's darkness, so that boxes and names stand out
_MIN_SPACE_PX = 14  # images with a smaller staff space are enlarged to make names legible
_MIN_SPACE_ON_PAGES_PX = 10  # likewise on pages of several staves, which have few names
_MAX_SCALE = 4
_STEM_SPACES = 3.5  # kept free below the lowest box, for the stem and beam of its note
_ODD_BAR, _LINE, _UNREAD = (0, 94, 213), (115, 158, 0), (167, 121, 204)  # BGR; Okabe and Ito
_JPEG_QUALITY = 85
_DEFAULT_DPI = 150  # for the page size of images without a resolution
_FONT = cv2.FONT_HERSHEY_SIMPLEX
_FONT_PX = 22  # height of that font's capitals at scale 1
_BGR = tuple[int, int, int]

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
_NAMES = {
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
_PREFIXES = {"keySignature": "key", "timeSignature": "", "multirest": "bars of rest"}
_TIMED = re.compile(r"(note|gracenote|rest)-(?:([A-G][b#]*\d)_)?([a-z_]+?)(\.*)(_fermata)?")


def short_name(token: str) -> str:
    """An abbreviation of a token in ASCII: "F#4 1/8.", "rest 1/2", "key FM", "||"."""
    if token in _NAMES:
        return _NAMES[token]
    if (match := _TIMED.fullmatch(token)) and match[3] in _VALUES:
        kind, pitch, value, dots, fermata = match.groups()
        name = {"note": "", "gracenote": "grace ", "rest": "rest "}[kind] + (f"{pitch} " if pitch else "")
        return f"{name}{_VALUES[value]}{dots}{' ferm.' if fermata else ''}"
    head, _, rest = token.partition("-")
    return f"{_PREFIXES.get(head, head)} {rest}".strip()


def overlay_png(gray: NDArray[np.uint8], document: Document) -> bytes:
    """The image of a document with the box of each symbol, as a PNG file.

    Args:
        gray: The image that was read, (H, W), as from `load_gray`.
        document: The document; its first page is drawn.
    """
    return bytes(cv2.imencode(".png", draw_page(gray, document.pages[0]))[1])


def overlay_pdf(pictures: Iterable[PageImage], document: Document) -> bytes:
    """The pages of a document with their readings, as a PDF file.

    Args:
        pictures: The page images, one for each page of the document.
        document: The document.
    """
    import pypdfium2  # here: it is slow to load, and most documents have one page

    pdf = pypdfium2.PdfDocument.new()
    for picture, page in zip(pictures, document.pages, strict=True):
        drawn = draw_page(picture.gray, page)
        jpeg = cv2.imencode(".jpg", drawn, (cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY))[1]
        points = 72 / (picture.dpi or _DEFAULT_DPI) * page.width / drawn.shape[1]
        width, height = drawn.shape[1] * points, drawn.shape[0] * points
        image = pypdfium2.PdfImage.new(pdf)
        image.load_jpeg(io.BytesIO(bytes(jpeg)), inline=True)
        image.set_matrix(pypdfium2.PdfMatrix().scale(width, height))
        pdf_page = pdf.new_page(width, height)
        pdf_page.insert_obj(image)
        pdf_page.gen_content()
        pdf_page.close()
    written = io.BytesIO()
    pdf.save(written)
    pdf.close()
    return written.getvalue()


def draw_page(gray: NDArray[np.uint8], page: Page) -> NDArray[np.uint8]:
    """Draw the reading of a page on its image.

    Boxes are blue if the symbol is certain, orange with a thicker line if it is doubtful, and crossed out if
    it is left out of the score. Bars that do not add up have an outline and their number, unread regions a
    box and a reason; staff lines are drawn thinly. If the page has one staff, all symbols are named in rows
    below it; otherwise only the doubtful ones, above their staff.

    Args:
        gray: The page's original image, (H, W); it is drawn upright.
        page: Its reading.

    Returns:
        (H', W', 3) BGR. Small images are enlarged by an integer factor, and padded at the right and the
        bottom if the names need it.
    """
    # Without a measured staff: the staff space in an image cropped like those of PrIMuS.
    spaces = [reading.staff.space_px if reading.staff else page.height / 10 for reading in page.staves]
    alone = len(page.staves) < 2
    wanted = _MIN_SPACE_PX if alone else _MIN_SPACE_ON_PAGES_PX
    scale = int(np.clip(np.ceil(wanted / max(1.0, min(spaces, default=14.0))), 1, _MAX_SCALE))
    gray = page.turned(gray)
    faded = np.asarray(255 - (255 - gray.astype(np.float32)) * _FADE, np.uint8)
    canvas = cv2.resize(faded, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC)
    canvas = cv2.cvtColor(canvas, cv2.COLOR_GRAY2BGR)
    usual = scale * float(np.median(spaces or [14.0]))
    for unread in page.unread:
        left, top, right, bottom = (round(scale * edge) for edge in unread.box)
        thickness = max(2, round(0.15 * usual))
        cv2.rectangle(canvas, (left, top), (right, bottom), _UNREAD, thickness, cv2.LINE_AA)
        reason = unread.reason.encode("ascii", "replace").decode()  # OpenCV's fonts have nothing else
        font = _page_font(usual)
        base = (left + round(0.3 * usual), top + round(1.5 * font * _FONT_PX))
        _draw_text(canvas, f"not read: {reason}", base, font, _UNREAD)
    for reading, space in zip(page.staves, spaces, strict=True):
        if not alone:
            for line in staff_lines(reading.staff):
                points = [(round(scale * x), round(scale * y)) for x, y in line]
                for start, end in pairwise(points):
                    cv2.line(canvas, start, end, _LINE, 1, cv2.LINE_AA)
        for bar in odd_bars(reading):
            corners = np.round(np.array(bar.polygon) * scale).astype(np.int32)
            cv2.polylines(canvas, [corners], True, _ODD_BAR, max(2, round(0.15 * space * scale)), cv2.LINE_AA)
            font = _page_font(space * scale)
            left, bottom = corners[-1]
            base = (int(left), int(bottom + 1.4 * font * _FONT_PX))
            _draw_text(canvas, f"bar {bar.number} does not add up", base, font, _ODD_BAR)
        draw = _draw_single_staff if alone else _draw_staff_of_page
        canvas = draw(canvas, reading, scale=scale, space_px=space * scale)
    return np.asarray(canvas, np.uint8)


def _draw_single_staff(canvas: Any, reading: StaffReading, *, scale: int, space_px: float) -> Any:
    """The canvas, padded for the names, with the boxes and names of the only staff."""
    font = float(np.clip(0.75 * space_px, 10, 40)) / _FONT_PX
    row_px = round(1.6 * font * _FONT_PX)
    names, lefts, widths, rows = _captions(reading.symbols, font, scale, gap_px=round(0.5 * space_px))
    lowest = scale * max((symbol.box[3] for symbol in reading.symbols), default=0.0)
    top = round(min(lowest + _STEM_SPACES * space_px, canvas.shape[0]))
    right = max((left + width for left, width in zip(lefts, widths, strict=True)), default=0) + row_px // 4
    bottom = top + row_px * (max(rows, default=0) + 1)
    below, beside = max(0, bottom - canvas.shape[0]), max(0, right - canvas.shape[1])
    canvas = cv2.copyMakeBorder(canvas, 0, below, 0, beside, cv2.BORDER_CONSTANT, value=(255, 255, 255))
    for symbol, name, left, row in zip(reading.symbols, names, lefts, rows, strict=True):
        base = top + row_px * (row + 1) - round(0.4 * row_px)
        _draw_symbol(canvas, symbol, scale=scale)
        foot, head = (left, round(scale * symbol.box[3])), (left, base - round(font * _FONT_PX))
        cv2.line(canvas, foot, head, (200, 200, 200), 1, cv2.LINE_AA)
        cv2.putText(canvas, name, (left, base), _FONT, font, _bgr(symbol.confidence), 1, cv2.LINE_AA)
    return canvas


def _draw_staff_of_page(canvas: Any, reading: StaffReading, *, scale: int, space_px: float) -> Any:
    """The canvas with the boxes of one staff, and the names of its doubtful symbols in rows above it."""
    font = _page_font(space_px)
    row_px = round(1.5 * font * _FONT_PX)
    doubtful = [symbol for symbol in reading.symbols if symbol.confidence < DOUBTFUL_BELOW or not symbol.used]
    names, lefts, _, rows = _captions(doubtful, font, scale, gap_px=round(0.4 * space_px))
    for symbol in reading.symbols:
        _draw_symbol(canvas, symbol, scale=scale)
    for symbol, name, left, row in zip(doubtful, names, lefts, rows, strict=True):
        top_line = symbol.box[1]
        if staff := reading.staff:
            middle = float(np.interp(symbol.box[0], staff.xs, staff.middle_ys))
            top_line = middle - 2 * staff.space_px
        base = round(scale * min(symbol.box[1], top_line) - 1.0 * space_px - row_px * row)
        colour = _bgr(symbol.confidence)
        cv2.line(canvas, (left, round(scale * symbol.box[1])), (left, base), colour, 1, cv2.LINE_AA)
        _draw_text(canvas, name, (left, base), font, colour)
    return canvas


def _page_font(space_px: float) -> float:
    """Font scale of names on pages: capitals of 0.7 staff spaces, within legible limits."""
    return float(np.clip(0.7 * space_px, 9, 40)) / _FONT_PX


def _draw_text(canvas: Any, text: str, origin: tuple[int, int], font: float, colour: _BGR) -> None:
    """Text on a light background, moved inside the canvas."""
    (width, height), below = cv2.getTextSize(text, _FONT, font, 1)
    x = max(0, min(origin[0], canvas.shape[1] - width))
    y = max(height, min(origin[1], canvas.shape[0] - below))
    ground = canvas[y - height - 2 : y + below, x : x + width]
    ground[:] = 255 - (255 - ground.astype(np.float32)) * 0.2
    cv2.putText(canvas, text, (x, y), _FONT, font, colour, 1, cv2.LINE_AA)


def _captions(
    symbols: Sequence[Symbol], font: float, scale: int, *, gap_px: int
) -> tuple[list[str], list[int], list[int], list[int]]:
    """Names of symbols, their left edges and widths in pixels, and the first row in which each has room."""
    names = []
    for symbol in symbols:
        percent = "" if symbol.confidence >= DOUBTFUL_BELOW else f" {100 * symbol.confidence:.0f}%"
        names.append(f"{short_name(symbol.token)}{percent}")
    lefts = [round(scale * symbol.box[0]) for symbol in symbols]
    widths = [cv2.getTextSize(name, _FONT, font, 1)[0][0] for name in names]
    ends: list[int] = []  # of each row
    rows = []
    for left, width in zip(lefts, widths, strict=True):
        row = next((row for row, end in enumerate(ends) if end + gap_px <= left), len(ends))
        ends[row : row + 1] = [left + width]
        rows.append(row)
    return names, lefts, widths, rows


def _draw_symbol(canvas: Any, symbol: Symbol, *, scale: int) -> None:
    left, top, right, bottom = (round(scale * edge) for edge in symbol.box)
    colour = _bgr(symbol.confidence)
    thickness = 1 if symbol.confidence >= DOUBTFUL_BELOW else 2
    cv2.rectangle(canvas, (left, top), (right, bottom), colour, thickness, cv2.LINE_AA)
    if not symbol.used:
        cv2.line(canvas, (left, top), (right, bottom), colour, thickness, cv2.LINE_AA)
        cv2.line(canvas, (left, bottom), (right, top), colour, thickness, cv2.LINE_AA)


def _bgr(confidence: float) -> _BGR:
    red, green, blue = confidence_rgb(confidence)
    return blue, green, red
