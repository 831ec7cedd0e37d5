"""Review of a reading: doubtful symbols, bars that do not add up, and the colours of confidences."""

from collections.abc import Collection
from dataclasses import dataclass, replace

import numpy as np

from focal_omr.document.confidence import DOUBTFUL_BELOW
from focal_omr.document.document import Document, StaffReading, Symbol
from focal_omr.document.geometry import Polygon
from focal_omr.document.pieces import join_pieces
from focal_omr.encodings.semantic import parse_barline
from focal_omr.score.score import Chord, Event, Measure, Score

# Confidence to RGB: orange and blue can be told apart with every kind of colour blindness.
# Source: Okabe and Ito, "Color universal design", 2008.
_SCALE = ((0.5, (213, 94, 0)), (DOUBTFUL_BELOW, (230, 159, 0)), (1.0, (0, 114, 178)))
_MARGIN_SPACES = 1.5  # between the outer lines and the outline of a bar


def confidence_rgb(confidence: float) -> tuple[int, int, int]:
    """Red, green, blue, 0 .. 255, of a confidence: orange if it is low, blue at 1."""
    places = [place for place, _ in _SCALE]
    red, green, blue = (
        round(float(np.interp(confidence, places, [rgb[channel] for _, rgb in _SCALE])))
        for channel in range(3)
    )
    return red, green, blue


def is_doubtful(symbol: Symbol, reading: StaffReading) -> bool:
    """Whether a person should check a symbol of a staff.

    Yes if its confidence is below `DOUBTFUL_BELOW` or it is left out of the score; no if a person inserted or
    confirmed it, or if the staff is unread.
    """
    return (
        not reading.unread and not symbol.mended and (symbol.confidence < DOUBTFUL_BELOW or not symbol.used)
    )


# Bars that do not add up -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class OddBar:
    """A bar that does not add up to its meter.

    Attributes:
        number: Its number in its piece, from 1.
        polygon: Outline of its stretch on the staff on which it ends, in pixels of the image.
    """

    number: int
    polygon: Polygon


def odd_bars(reading: StaffReading) -> list[OddBar]:
    """The bars that end on a staff and do not add up; empty if no staff was measured."""
    staff = reading.staff
    if staff is None:
        return []
    spaces = np.full(len(staff.xs), staff.space_px) if staff.spaces_px is None else staff.spaces_px
    bars = []
    for first, last, number in odd_stretches(reading):
        left = _centre_x(reading.symbols[first - 1]) if first else float(staff.xs[0])
        right = _centre_x(reading.symbols[last])
        # The outline follows the curve of the staff.
        xs = np.array([left, *staff.xs[(staff.xs > left) & (staff.xs < right)], right])
        middles, reach = np.interp(xs, staff.xs, staff.middle_ys), np.interp(xs, staff.xs, spaces)
        reach = reach * (2 + _MARGIN_SPACES)
        upper = zip(xs, middles - reach, strict=True)
        lower = zip(xs[::-1], (middles + reach)[::-1], strict=True)
        bars.append(OddBar(number, tuple((float(x), float(y)) for x, y in (*upper, *lower))))
    return bars


def odd_stretches(reading: StaffReading) -> list[tuple[int, int, int]]:
    """Bars that end on a staff and do not add up: indices of first symbol and barline, bar number.

    Indices are those of the staff's symbols; a bar that began on the previous staff has its first symbol
    here.
    """
    found, first = [], 0
    for index, (symbol, bar) in enumerate(zip(reading.symbols, reading.symbol_bars, strict=True)):
        if not symbol.used or parse_barline(symbol.token) is None:
            continue
        if bar.adds_up is False:
            found.append((first, index, bar.number))
        first = index + 1
    return found


def _centre_x(symbol: Symbol) -> float:
    return (symbol.box[0] + symbol.box[2]) / 2


# Doubtful notes --------------------------------------------------------------------------------------------


def mark_doubtful(document: Document, *, below: float = DOUBTFUL_BELOW) -> Document:
    """Set `Note.doubtful` in the pieces and the score for each note of low confidence.

    Args:
        document: The document.
        below: Confidence below which a note is doubtful, 0 .. 1.
    """
    doubtful = {symbol.note for symbol in document.symbols if symbol.note and symbol.confidence < below}
    pieces = tuple(_marked(piece, doubtful) for piece in document.pieces)
    return replace(document, pieces=pieces, score=join_pieces(pieces, title=document.score.title))


def _marked(score: Score, doubtful: Collection[str]) -> Score:
    """A score whose notes of these ids are doubtful."""

    def marked(event: Event) -> Event:
        if not isinstance(event, Chord) or not any(note.id in doubtful for note in event.notes):
            return event
        notes = tuple(replace(note, doubtful=note.id in doubtful) for note in event.notes)
        return replace(event, notes=notes)

    def of_measure(measure: Measure) -> Measure:
        voices = (replace(voice, events=tuple(map(marked, voice.events))) for voice in measure.voices)
        return replace(measure, voices=tuple(voices))

    parts = (replace(part, measures=tuple(map(of_measure, part.measures))) for part in score.parts)
    return replace(score, parts=tuple(parts))
