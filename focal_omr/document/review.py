"""What is doubtful in a reading: notes of little confidence, bars that do not add up; colours and places."""

from dataclasses import dataclass, replace

import numpy as np

from focal_omr.document.confidence import DOUBTFUL_BELOW
from focal_omr.document.document import Document, StaffReading, Symbol
from focal_omr.document.geometry import Polygon
from focal_omr.document.pieces import join_pieces
from focal_omr.encodings.semantic import parse_barline, parse_sign
from focal_omr.errors import NotationError
from focal_omr.score.records import Event, Note, Part, Tuplet

# From very doubtful to sure: orange and blue stay apart for every kind of colour blindness (RGB).
# Source: Okabe and Ito, "Color universal design", 2008.
_SCALE = ((0.5, (213, 94, 0)), (DOUBTFUL_BELOW, (230, 159, 0)), (1.0, (0, 114, 178)))
_AROUND_SPACES = 1.5  # that the outline of a bar stands off the outer lines


def confidence_rgb(confidence: float) -> tuple[int, int, int]:
    """Red, green, blue, 0 .. 255, of a confidence: orange where it is small, blue where it is 1."""
    places = [place for place, _ in _SCALE]
    red, green, blue = (
        round(float(np.interp(confidence, places, [rgb[channel] for _, rgb in _SCALE])))
        for channel in range(3)
    )
    return red, green, blue


def is_doubtful(symbol: Symbol, reading: StaffReading) -> bool:
    """Whether somebody should look at a symbol of a staff.

    That is where it is less sure than `DOUBTFUL_BELOW` or had to be left out of the score; not where a person
    put it or said that it is right, nor on a staff that was not read.
    """
    return (
        not reading.unread and not symbol.mended and (symbol.confidence < DOUBTFUL_BELOW or not symbol.used)
    )


# Bars that do not add up -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class OddBar:
    """A bar that does not add up to its meter.

    Attributes:
        number: In its piece, from 1.
        polygon: Around what of it stands on the staff on which it ends, in pixels of the picture.
    """

    number: int
    polygon: Polygon


def odd_bars(reading: StaffReading) -> list[OddBar]:
    """The bars that end on a staff and do not add up; none where no staff was measured."""
    if reading.staff is None:
        return []
    found = []
    for first, last, number in odd_stretches(reading):
        left = _middle(reading.symbols[first - 1]) if first else float(reading.staff.xs[0])
        found.append(OddBar(number, _around(reading, left, _middle(reading.symbols[last]))))
    return found


def odd_stretches(reading: StaffReading) -> list[tuple[int, int, int]]:
    """For each bar that ends on a staff and does not add up its first symbol, its barline, and its number.

    The symbols are counted on the staff, from 0; a bar that began on the staff before has its first one here.
    """
    found, first = [], 0
    for place, (symbol, bar) in enumerate(zip(reading.symbols, reading.symbol_bars, strict=True)):
        if not symbol.used or parse_barline(symbol.token) is None:
            continue
        if bar.adds_up is False:
            found.append((first, place, bar.number))
        first = place + 1
    return found


def _middle(symbol: Symbol) -> float:
    return (symbol.box[0] + symbol.box[2]) / 2


def _around(reading: StaffReading, left: float, right: float) -> Polygon:
    """The corners around a stretch of a staff, along its bend."""
    staff = reading.staff
    assert staff is not None
    spaces = np.full(len(staff.xs), staff.space_px) if staff.spaces_px is None else staff.spaces_px
    inside = staff.xs[(staff.xs > left) & (staff.xs < right)]
    xs = np.array([left, *inside, right])
    middles, reach = np.interp(xs, staff.xs, staff.middle_ys), np.interp(xs, staff.xs, spaces)
    reach = reach * (2 + _AROUND_SPACES)
    upper = zip(xs, middles - reach, strict=True)
    lower = zip(xs[::-1], (middles + reach)[::-1], strict=True)
    return tuple((float(x), float(y)) for x, y in (*upper, *lower))


# Notes that are doubtful -----------------------------------------------------------------------------------


def mark_doubtful(document: Document, *, below: float = DOUBTFUL_BELOW) -> Document:
    """The document with `Note.doubtful` set in its pieces and its score for each note of less confidence.

    Args:
        document: What was read.
        below: Confidence, 0 .. 1.
    """
    pieces = tuple(
        replace(
            piece,
            parts=tuple(
                _marked(document, part, (number, place), below) for place, part in enumerate(piece.parts, 1)
            ),
        )
        for number, piece in enumerate(document.pieces, 1)
    )
    return replace(document, pieces=pieces, score=join_pieces(pieces, title=document.score.title))


def _marked(document: Document, part: Part, place: tuple[int, int], below: float) -> Part:
    """A part with doubt; its notes are the notes of its staves, in their order."""
    staves = [reading for reading in document.staves if (reading.piece, reading.part) == place]
    confidences = [
        symbol.confidence
        for reading in staves
        for symbol in reading.symbols
        if symbol.used and isinstance(parse_sign(symbol.token), Note)
    ]
    waiting = iter(confidences)

    def marked(event: Event) -> Event:
        match event:
            case Note():
                return replace(event, doubtful=next(waiting) < below)
            case Tuplet():
                return replace(event, events=tuple(marked(e) for e in event.events))  # type: ignore[misc]
        return event

    measures = tuple(
        replace(measure, events=tuple(marked(event) for event in measure.events)) for measure in part.measures
    )
    if next(waiting, None) is not None:
        raise NotationError(f"piece {place[0]}, part {place[1]} has fewer notes than were read")
    return replace(part, measures=measures)
