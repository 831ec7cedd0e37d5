"""Boxes of symbols on the image: frames give the position along the staff, the kind of symbol its size."""

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
# Widths of the opening signs and the gap after each, in staff spaces, as engravers set them.
_CLEF_SPACES, _ACCIDENTAL_SPACES, _METER_SPACES, _SIGN_GAP_SPACES = 2.8, 1.05, 1.8, 1.2


def bounds(polygon: Polygon) -> Box:
    """The bounding box of a polygon."""
    xs, ys = zip(*polygon, strict=True)
    return min(xs), min(ys), max(xs), max(ys)


def symbol_polygons(
    tokens: Sequence[str], decoded: Sequence[Decoded], staff: Staff, *, frame_px: int
) -> list[Polygon]:
    """The box of each symbol of a staff on the image, by its corners; upright on the staff.

    A note's box is that of its head. The network emits clef, key and meter at the very beginning, so these
    are laid out side by side as engravers do.

    Args:
        tokens: Semantic tokens.
        decoded: Their frames, one for each token.
        staff: The staff.
        frame_px: Strip pixels per frame.
    """
    clef = Clef("G", 2)
    boxes = []  # on the strip
    opening = _opening_spans(tokens, decoded, frame_px)
    for index, (token, symbol) in enumerate(zip(tokens, decoded, strict=True)):
        sign = parse_sign(token)
        clef = sign if isinstance(sign, Clef) else clef
        half, top, bottom = _extent(token, sign, clef)
        middle = _middle_px(symbol, frame_px)
        left, right = opening[index] if index < len(opening) else (middle - half, middle + half)
        boxes.append((left, top, right, bottom))
    return strip_polygons(staff, boxes)


def symbol_polygon(token: str, staff: Staff, clef: Clef, *, at: float) -> Polygon:
    """The box of a symbol inserted by a person, by its corners.

    Args:
        token: Semantic token.
        staff: The staff.
        clef: The clef that holds there; it gives the height of a note.
        at: Strip column of its centre in pixels, see `place_on_staff`.
    """
    half, top, bottom = _extent(token, parse_sign(token), clef)
    (polygon,) = strip_polygons(staff, [(at - half, top, at + half, bottom)])
    return polygon


def strip_polygons(staff: Staff, boxes: Sequence[Box]) -> list[Polygon]:
    """The corners on the image of boxes on the strip."""
    edges = np.array(boxes, np.float64).reshape(-1, 4)
    x, y = to_page(staff, edges[:, [0, 2, 2, 0]], edges[:, [1, 1, 3, 3]])
    corners = np.stack([x, y], axis=2).tolist()  # (N, 4, 2)
    return [tuple((across, down) for across, down in polygon) for polygon in corners]


def place_on_staff(polygon: Polygon, staff: Staff) -> float:
    """Strip column, in pixels, of the centre of a box."""
    xs, ys = zip(*polygon, strict=True)
    column, _ = to_strip(staff, sum(xs) / len(xs), sum(ys) / len(ys))
    return float(column)


def moved_polygon(polygon: Polygon, staff: Staff, *, steps: int) -> Polygon:
    """Move a box up by diatonic steps of half a staff space.

    Args:
        polygon: Its corners.
        staff: Its staff.
        steps: Number of steps; negative moves it down.
    """
    x, y = np.array(polygon, np.float64).T
    column, row = to_strip(staff, x, y)
    x, y = to_page(staff, column, row - steps * STAFF_SPACE_PX / 2)
    return tuple(zip(x.tolist(), y.tolist(), strict=True))


def clipped(polygon: Polygon, width: int, height: int) -> Polygon:
    """Clip corners to the image: strips, and notes read beside the staff, may extend beyond its edges.

    Args:
        polygon: Corners.
        width: Width of the image in pixels.
        height: Height of the image in pixels.
    """
    return tuple((min(max(x, 0.0), width), min(max(y, 0.0), height)) for x, y in polygon)


def plain_polygons(decoded: Sequence[Decoded], *, frame_px: int, scale: float, height: int) -> list[Polygon]:
    """Boxes on a plain image, which is read whole; as high as the image.

    Args:
        decoded: Frames of the symbols.
        frame_px: Network input pixels per frame.
        scale: Image pixels per input pixel.
        height: Height of the image in pixels.
    """
    polygons: list[Polygon] = []
    for symbol in decoded:
        middle, half = _middle_px(symbol, frame_px), frame_px / 2
        left, right, bottom = (middle - half) * scale, (middle + half) * scale, float(height)
        polygons.append(((left, 0.0), (right, 0.0), (right, bottom), (left, bottom)))
    return polygons


def _middle_px(symbol: Decoded, frame_px: int) -> float:
    return (symbol.first_frame + symbol.end_frame) / 2 * frame_px


def _opening_spans(
    tokens: Sequence[str], decoded: Sequence[Decoded], frame_px: int
) -> list[tuple[float, float]]:
    """(left, right) in strip pixels of the opening clef, key and meter; condensed if room is short."""
    signs = list(takewhile(lambda sign: isinstance(sign, Clef | Key | Meter), map(parse_sign, tokens)))
    spans, at = [], 0.2
    for sign in signs:
        width = _CLEF_SPACES if isinstance(sign, Clef) else _METER_SPACES
        if isinstance(sign, Key):
            width = max(1, abs(sign.fifths)) * _ACCIDENTAL_SPACES
        spans.append((at, at + width))
        at += width + _SIGN_GAP_SPACES
    start = MARGIN_SPACES * STAFF_SPACE_PX
    room = at * STAFF_SPACE_PX
    if len(signs) < len(tokens):
        room = _middle_px(decoded[len(signs)], frame_px) - start
    scale = min(1.0, max(room, 1.0) / (at * STAFF_SPACE_PX)) * STAFF_SPACE_PX
    return [(start + left * scale, start + right * scale) for left, right in spans]


def _extent(token: str, sign: Event | None, clef: Clef) -> tuple[float, float, float]:
    """Half width, top and bottom in strip pixels."""
    if isinstance(sign, Note):
        row = _BOTTOM_PX - (sign.pitch.diatonic - clef.lowest_line) * STAFF_SPACE_PX // 2
        return 0.9 * STAFF_SPACE_PX, row - 0.7 * STAFF_SPACE_PX, row + 0.7 * STAFF_SPACE_PX
    if isinstance(sign, Rest):
        return 0.8 * STAFF_SPACE_PX, _TOP_PX + 0.5 * STAFF_SPACE_PX, _BOTTOM_PX - 0.5 * STAFF_SPACE_PX
    return (0.5 if parse_barline(token) else 1.2) * STAFF_SPACE_PX, _TOP_PX, _BOTTOM_PX
