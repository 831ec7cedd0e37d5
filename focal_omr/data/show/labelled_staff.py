"""A staff image with its label drawn over it: columns as a reader of the label would write them, and boxes.

Heads are drawn from the columns alone: a ring at the position that the column says, at the x of the column.
A wrong label is seen at a glance, because its rings do not lie on heads.
"""

from collections.abc import Sequence
from fractions import Fraction

import cv2
import numpy as np
from numpy.typing import NDArray

from focal_omr.data.engraving.column_shards import ColumnLabel
from focal_omr.encodings.columns import Column, Group, NoteColumn
from focal_omr.score.score import Clef, Key, Meter

__all__ = ["column_text", "draw_label"]

_SCALE = 2  # of the image
_LOWEST_ROW, _STEP_ROWS = 110, 5  # in the staff image
_BAND_PX = 46  # above and below, for text
_FONT, _FONT_SIZE = cv2.FONT_HERSHEY_SIMPLEX, 0.38
# Blue, green, red.
_STEM_COLOURS = ((0, 0, 230), (230, 60, 0), (0, 150, 0))
_SIGN_COLOUR, _BOX_COLOUR, _OTHER_STAFF = (150, 0, 150), (190, 200, 120), (215, 215, 215)
_ACCIDENTALS = {"sharp": "#", "flat": "b", "natural": "n", "double-sharp": "x", "flat-flat": "bb"}


def draw_label(gray: NDArray[np.uint8], label: ColumnLabel, staff: int) -> NDArray[np.uint8]:
    """Draw the label of a staff over its image.

    Args:
        gray: The staff image (180, W).
        label: Its label.
        staff: Its index in the system; boxes of other staves are pale.

    Returns:
        An image (2 * 180 + 92, 2 * W, 3), blue, green, red.
    """
    image = cv2.resize(gray, None, fx=_SCALE, fy=_SCALE, interpolation=cv2.INTER_LINEAR)
    image = cv2.cvtColor(image, cv2.COLOR_GRAY2BGR)
    for element in sorted(label.elements, key=lambda each: each.staff == staff):
        left, top, right, bottom = (round(_SCALE * value) for value in element.box)
        colour = _BOX_COLOUR if element.staff == staff else _OTHER_STAFF
        cv2.rectangle(image, (left, top), (right, bottom), colour, 1)
    image = cv2.copyMakeBorder(image, _BAND_PX, _BAND_PX, 0, 0, cv2.BORDER_CONSTANT, value=(255, 255, 255))
    for number, (column, x) in enumerate(zip(label.columns, label.xs.tolist(), strict=True)):
        _draw_column(image, column, round(_SCALE * x), lift=number % 2)
    return np.asarray(image, np.uint8)


def _draw_column(image: NDArray[np.uint8], column: Column, x: int, *, lift: int) -> None:
    """Draw one column; the texts of neighbours alternate between two lines, as `lift` is 0 or 1."""
    height = image.shape[0]
    if not isinstance(column, NoteColumn):
        cv2.line(image, (x, _BAND_PX - 8), (x, _BAND_PX), _SIGN_COLOUR, 2)
        _write(image, column_text(column), (x, 12 + 16 * lift), _SIGN_COLOUR)
        return
    for stem, group in enumerate(column.groups):
        if group is None:
            continue
        colour = _STEM_COLOURS[stem]
        row = 12 + 16 * lift if stem == 0 else height - 34 + 16 * lift if stem == 1 else _BAND_PX + 12
        edge = (height - _BAND_PX, height - _BAND_PX + 8) if stem == 1 else (_BAND_PX - 8, _BAND_PX)
        cv2.line(image, (x, edge[0]), (x, edge[1]), colour, 2)
        _write(image, _group_text(group), (x, row), colour)
        for position, head in group.heads:
            y = _BAND_PX + _SCALE * (_LOWEST_ROW - _STEP_ROWS * position)
            cv2.circle(image, (x, y), 7 - 2 * stem, colour, 1, cv2.LINE_AA)
            mark = _ACCIDENTALS.get(head.accidental or "", "") + ("~" if head.tie else "")
            if mark:
                _write(image, mark, (x + 8, y + 4), colour)


def column_text(column: Column) -> str:
    """A column in a few letters: clef G2, key -3, meter 3/4, barline single, 4. r8."""
    if isinstance(column, NoteColumn):
        return " ".join(_group_text(group) for group in column.groups if group is not None)
    value = column.value
    if isinstance(value, Clef):
        octave = {1: "^8", -1: "_8"}.get(value.octave, "")
        return f"{value.shape}{value.line}{octave}"
    if isinstance(value, Key):
        return f"key {value.fifths}"
    if isinstance(value, Meter):
        fractions = ("+".join(map(str, beats)) + f"/{unit}" for beats, unit in value.terms)
        return value.symbol or " ".join(fractions) or "no meter"
    return f"{column.kind} {value}"


def _group_text(group: Group) -> str:
    if group.duration is None:
        return "measure"
    value = group.duration.value
    name = str(Fraction(1) / value) if value <= 1 else f"{value}/1"
    ratio = "" if group.ratio == (1, 1) else f"({group.ratio[0]}:{group.ratio[1]})"
    kind = "g" if group.grace else "" if group.heads else "r"
    return f"{kind}{name}{'.' * group.duration.dots}{ratio}"


def _write(image: NDArray[np.uint8], text: str, place: Sequence[int], colour: Sequence[float]) -> None:
    cv2.putText(image, text, place, _FONT, _FONT_SIZE, colour, 1, cv2.LINE_AA)
