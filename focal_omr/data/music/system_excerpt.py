"""Excerpts of the width of a printed system, varied, every staff inside the alphabet of columns."""

from dataclasses import replace
from random import Random
from typing import NamedTuple

from focal_omr.data.music.cut import cut
from focal_omr.data.music.regroup import on_one_staff, one_staff
from focal_omr.data.music.variation import rescaled, transposed, under_clef
from focal_omr.encodings.as_printed import as_printed
from focal_omr.encodings.column_factors import column_factors
from focal_omr.errors import NotationError
from focal_omr.score.score import (
    Chord,
    Clef,
    Measure,
    Meter,
    Part,
    PartGroup,
    Rest,
    Score,
    StaffLines,
)

__all__ = ["MAX_COLUMNS", "Fitted", "draw_columns", "fitting", "system_excerpt"]

MIN_COLUMNS, MAX_COLUMNS = 8, 60  # of the widest staff
MIN_NOTES = 4
MAX_OCTAVE = 9  # of MusicXML
_BRACKETED = ("quartet", "strings", "choir", "hymn")
_FROM_THE_BEGINNING = 0.15
_METER_SHOWN = 0.4
_NAMES_SHOWN = 0.3
_TRANSPOSED, _RESCALED, _RECLEFED = 0.6, 0.15, 0.25
# Clefs of single staves by weight; positions stay, so all are possible.
_CLEFS = {
    **{Clef("G", 2): 20, Clef("F", 4): 16, Clef("C", 3): 14, Clef("C", 4): 10, Clef("C", 1): 8},
    **{Clef("G", 2, -1): 8, Clef("G", 2, 1): 4, Clef("F", 4, -1): 4, Clef("F", 3): 4, Clef("C", 2): 4},
    **{Clef("C", 5): 3, Clef("G", 1): 3, Clef("F", 5): 2},
}


class Fitted(NamedTuple):
    """A score whose staves fit the alphabet, and the columns of all of them as indices of factor values."""

    score: Score
    columns: list[tuple[int, ...]]


def draw_columns(random: Random) -> int:
    """Draw the target number of columns of the widest staff."""
    return round(random.triangular(MIN_COLUMNS, MAX_COLUMNS, 24))


def system_excerpt(fragment: Score, random: Random, texture: str, *, vary: bool = True) -> Fitted | None:
    """Cut an excerpt out of a fragment.

    Args:
        fragment: A score with the parts of the excerpt alone.
        random: Draws the place and the variation.
        texture: Its texture, see `textures`; some have their staves in a bracket.
        vary: Vary key, clef and note values, in many excerpts.

    Returns:
        A score with every accidental as printed; None if a staff does not fit the alphabet.
    """
    measures = _drawn_measures(fragment, random)
    regrouped = _regrouped(cut(fragment, measures), random, texture)
    if regrouped is None:
        return None
    score = regrouped
    if any(
        isinstance(s.value, StaffLines) and s.value.lines != 5
        for p in score.parts
        for m in p.measures
        for s in m.signs
    ):
        return None
    if measures.start or random.random() > 2 * _METER_SHOWN:
        score = score if random.random() < _METER_SHOWN else _without_meter(score)
    if vary:
        score = _varied(score, random)
    named = random.random() < _NAMES_SHOWN
    parts = tuple(part if named else replace(part, name="", abbreviation="") for part in score.parts)
    groups = (PartGroup(parts[0].id, parts[-1].id),) if texture in _BRACKETED else ()
    return fitting(replace(score, parts=parts, groups=groups))


def _regrouped(score: Score, random: Random, texture: str) -> Score | None:
    """The score on the staves of its texture, None if its voices do not allow it."""
    parts: list[Part | None] = [*score.parts]
    if texture == "one" and score.parts[0].staves > 1:
        parts = [one_staff(score.parts[0], random.randint(1, score.parts[0].staves))]
    elif texture == "hymn":
        parts = [on_one_staff(*score.parts[index : index + 2]) for index in (0, 2)]
    kept = tuple(part for part in parts if part is not None)
    return replace(score, parts=kept) if len(kept) == len(parts) else None


def fitting(score: Score) -> Fitted | None:
    """The score as printed, None if a staff is too narrow, too wide or outside the alphabet of columns."""
    score, columns = as_printed(score, stems=False)  # stems are the engraver's
    staves = [staff for system in columns.systems for staff in system]
    widest = max(map(len, staves))
    chords = [event for *_, event in score.events() if isinstance(event, Chord)]
    octaves = [note.pitch.octave for chord in chords for note in chord.notes]
    if columns.outside or not MIN_COLUMNS <= widest <= MAX_COLUMNS or len(chords) < MIN_NOTES:
        return None
    if not 0 <= min(octaves) <= max(octaves) <= MAX_OCTAVE:
        return None
    try:
        return Fitted(score, [column_factors(column) for staff in staves for column in staff])
    except NotationError:
        return None


def _drawn_measures(fragment: Score, random: Random) -> range:
    """Consecutive measures of about as many columns as drawn."""
    parts = [part.measures for part in fragment.parts]
    widths = [max(_width(part[i]) for part in parts) for i in range(min(map(len, parts)))]
    wanted = draw_columns(random)
    start = 0 if random.random() < _FROM_THE_BEGINNING else random.randrange(len(widths))
    stop, width = start, 2
    while stop < len(widths) and (stop == start or width + widths[stop] / 2 <= wanted):
        width += widths[stop]
        stop += 1
    while start and width + widths[start - 1] / 2 <= wanted:  # the end of the fragment came first
        start -= 1
        width += widths[start]
    return range(start, stop)


def _width(measure: Measure) -> int:
    """Estimated number of columns of the widest staff."""
    onsets: dict[int, set[object]] = {}
    for voice in measure.voices:
        for event in voice.events:
            if isinstance(event, Chord | Rest):
                grace = isinstance(event, Chord) and event.grace is not None
                onsets.setdefault(event.staff, set()).add(event.id if grace else event.onset)
    return 1 + max(map(len, onsets.values()), default=1)


def _without_meter(score: Score) -> Score:
    """The score, its meter at the beginning not printed."""
    parts = []
    for part in score.parts:
        first = part.measures[0]
        signs = tuple(
            replace(s, printed=False) if isinstance(s.value, Meter) and not s.onset else s
            for s in first.signs
        )
        parts.append(replace(part, measures=(replace(first, signs=signs), *part.measures[1:])))
    return replace(score, parts=tuple(parts))


def _varied(score: Score, random: Random) -> Score:
    """The score transposed, in other note values or under another clef; what is not possible is not done."""
    if random.random() < _TRANSPOSED:
        score = transposed(score, random.randint(-6, 6), random.choice((-1, -1, 0, 0))) or score
    if random.random() < _RESCALED:
        score = rescaled(score, random.choice((-1, 1))) or score
    if random.random() < _RECLEFED:
        clef = random.choices([*_CLEFS], [*_CLEFS.values()])[0]
        score = under_clef(score, random.randrange(len(score.parts)), clef) or score
    return score
