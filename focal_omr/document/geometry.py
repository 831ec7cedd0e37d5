"""Where a symbol stands on the picture: its frames say how far along, its kind how high and wide."""

from collections.abc import Sequence
from itertools import takewhile
from typing import TypeAlias

import numpy as np

from focal_omr.decode import Decoded
from focal_omr.encodings.semantic import parse_barline, parse_sign
from focal_omr.score.records import Clef, Event, Key, Meter, Note, Rest
from focal_omr.staff.find import Staff
from focal_omr.staff.strip import MARGIN_SPACES, MIDDLE_LINE_PX, STAFF_SPACE_PX, to_page, to_strip

# (left, top, right, bottom) in pixels
Box: TypeAlias = tuple[float, float, float, float]
# Corners (x, y) in pixels
Polygon: TypeAlias = tuple[tuple[float, float], ...]

_TOP_PX, _BOTTOM_PX = MIDDLE_LINE_PX - 2 * STAFF_SPACE_PX, MIDDLE_LINE_PX + 2 * STAFF_SPACE_PX
# Widths of the signs at the beginning and the gaps after them, in staff spaces, as engravers set them.
_CLEF_SPACES, _ACCIDENTAL_SPACES, _METER_SPACES, _SIGN_GAP_SPACES = 2.8, 1.05, 1.8, 1.2


def bounds(polygon: Polygon) -> Box:
    """The upright box around a polygon."""
    xs, ys = zip(*polygon, strict=True)
    return min(xs), min(ys), max(xs), max(ys)


def symbol_polygons(
    tokens: Sequence[str], decoded: Sequence[Decoded], staff: Staff, *, frame_px: int
) -> list[Polygon]:
    """A box on the source picture for each symbol, by its corners: upright on the staff.

    A note's box is that of its head. The network writes clef, key and meter all at the very beginning, so
    those of the beginning are set side by side as engravers do.

    Args:
        tokens: Semantic tokens.
        decoded: Their frames, as many.
        staff: Where the staff lies that was read.
        frame_px: Pixels of the strip per frame.
    """
    clef = Clef("G", 2)
    edges = []  # left, top, right, bottom of each, on the strip
    opening = _opening(tokens, decoded, frame_px)
    for index, (token, symbol) in enumerate(zip(tokens, decoded, strict=True)):
        sign = parse_sign(token)
        clef = sign if isinstance(sign, Clef) else clef
        half, top, bottom = _extent(token, sign, clef)
        middle = (symbol.first_frame + symbol.end_frame) / 2 * frame_px
        left, right = opening[index] if index < len(opening) else (middle - half, middle + half)
        edges.append((left, top, right, bottom))
    return _on_page(staff, edges)


def _on_page(staff: Staff, edges: Sequence[Box]) -> list[Polygon]:
    """The corners on the picture of boxes of the strip."""
    boxes = np.array(edges, np.float64).reshape(-1, 4)
    x, y = to_page(staff, boxes[:, [0, 2, 2, 0]], boxes[:, [1, 1, 3, 3]])
    corners = np.stack([x, y], axis=2).tolist()  # (N, 4, 2)
    return [tuple((across, down) for across, down in polygon) for polygon in corners]


def symbol_polygon(token: str, staff: Staff, clef: Clef, *, at: float) -> Polygon:
    """The box of a symbol that was put on a staff later, by its corners.

    Args:
        token: Its semantic token.
        staff: The staff.
        clef: That holds there; it says how high a note stands.
        at: Where along the staff its middle is, in pixels of the strip, see `place_on_staff`.
    """
    half, top, bottom = _extent(token, parse_sign(token), clef)
    (polygon,) = _on_page(staff, [(at - half, top, at + half, bottom)])
    return polygon


def place_on_staff(polygon: Polygon, staff: Staff) -> float:
    """Where along the staff the middle of a box is, in pixels of the strip."""
    xs, ys = zip(*polygon, strict=True)
    column, _ = to_strip(staff, sum(xs) / len(xs), sum(ys) / len(ys))
    return float(column)


def moved_polygon(polygon: Polygon, staff: Staff, *, steps: int) -> Polygon:
    """A box moved up by half a staff space a step; down where there are fewer than 0."""
    x, y = np.array(polygon, np.float64).T
    column, row = to_strip(staff, x, y)
    x, y = to_page(staff, column, row - steps * STAFF_SPACE_PX / 2)
    return tuple(zip(x.tolist(), y.tolist(), strict=True))


def clipped(polygon: Polygon, width: int, height: int) -> Polygon:
    """The corners moved onto the picture: strips go on beyond its edges, as do notes read off the paper."""
    return tuple((min(max(x, 0.0), width), min(max(y, 0.0), height)) for x, y in polygon)


def plain_polygons(decoded: Sequence[Decoded], *, frame_px: int, scale: float, height: int) -> list[Polygon]:
    """Boxes for a plain picture: as high as the picture, `scale` picture pixels per pixel that was read."""
    polygons: list[Polygon] = []
    for symbol in decoded:
        middle, half = (symbol.first_frame + symbol.end_frame) / 2 * frame_px, frame_px / 2
        left, right, bottom = (middle - half) * scale, (middle + half) * scale, float(height)
        polygons.append(((left, 0.0), (right, 0.0), (right, bottom), (left, bottom)))
    return polygons


def _opening(tokens: Sequence[str], decoded: Sequence[Decoded], frame_px: int) -> list[tuple[float, float]]:
    """(left, right) in strip pixels of the clef, key and meter of the beginning, closer if room is short."""
    signs = list(takewhile(lambda sign: isinstance(sign, Clef | Key | Meter), map(parse_sign, tokens)))
    places, at = [], 0.2
    for sign in signs:
        width = _sign_spaces(sign)
        places.append((at, at + width))
        at += width + _SIGN_GAP_SPACES
    start = MARGIN_SPACES * STAFF_SPACE_PX
    room = at * STAFF_SPACE_PX
    if len(signs) < len(tokens):
        following = decoded[len(signs)]
        room = (following.first_frame + following.end_frame) / 2 * frame_px - start
    scale = min(1.0, max(room, 1.0) / (at * STAFF_SPACE_PX)) * STAFF_SPACE_PX
    return [(start + left * scale, start + right * scale) for left, right in places]


def _sign_spaces(sign: Event | None) -> float:
    if isinstance(sign, Key):
        return max(1, abs(sign.fifths)) * _ACCIDENTAL_SPACES
    return _CLEF_SPACES if isinstance(sign, Clef) else _METER_SPACES


def _extent(token: str, sign: Event | None, clef: Clef) -> tuple[float, float, float]:
    """Half width, top and bottom in strip pixels."""
    if isinstance(sign, Note):
        row = _BOTTOM_PX - (sign.pitch.diatonic - clef.lowest_line) * STAFF_SPACE_PX // 2
        return 0.9 * STAFF_SPACE_PX, row - 0.7 * STAFF_SPACE_PX, row + 0.7 * STAFF_SPACE_PX
    if isinstance(sign, Rest):
        return 0.8 * STAFF_SPACE_PX, _TOP_PX + 0.5 * STAFF_SPACE_PX, _BOTTOM_PX - 0.5 * STAFF_SPACE_PX
    return (0.5 if parse_barline(token) else 1.2) * STAFF_SPACE_PX, _TOP_PX, _BOTTOM_PX
