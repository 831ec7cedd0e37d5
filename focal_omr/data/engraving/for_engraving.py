"""A score in the form in which Verovio engraves it as it would be printed; what it says stays the same."""

from collections import Counter
from dataclasses import replace

from focal_omr.score.score import Clef, Key, Measure, Part, Score, Sign

__all__ = ["for_engraving"]


def for_engraving(score: Score) -> Score:
    """The score as it has to be written for Verovio.

    - The voices of each staff count from 1, because Verovio draws the stems of odd ones up.
    - A new clef stands at the end of the measure before, because Verovio draws one at the beginning of a
      measure behind the barline.
    - A clef or key that is in force already is not written again, because Verovio would draw it.
    """
    return replace(score, parts=tuple(map(_part, score.parts)))


def _part(part: Part) -> Part:
    measures = [_numbered(measure) for measure in part.measures]
    clefs: dict[int, object] = {}
    keys: dict[int, object] = {}
    for index, measure in enumerate(part.measures):
        kept: list[Sign] = []
        early: list[Sign] = []
        for sign in measure.signs:
            if not isinstance(sign.value, Clef | Key):
                kept.append(sign)
                continue
            now, said = (clefs, sign.value) if isinstance(sign.value, Clef) else (keys, sign.value.fifths)
            staves = [sign.staff] if sign.staff else range(1, part.staves + 1)
            if all(now.get(staff) == said for staff in staves):
                continue
            now |= dict.fromkeys(staves, said)
            before = index and sign.onset == 0 and now is clefs and not part.measures[index - 1].multirest
            (early if before else kept).append(sign)
        if early:
            previous = measures[index - 1]
            moved = tuple(replace(sign, onset=previous.length) for sign in early)
            measures[index - 1] = replace(previous, signs=previous.signs + moved)
        measures[index] = replace(measures[index], signs=tuple(kept))
    return replace(part, measures=tuple(measures))


def _numbered(measure: Measure) -> Measure:
    """The measure with the voices of each staff numbered from 1."""
    counts: Counter[int] = Counter()
    voices = []
    for voice in measure.voices:
        staves = [event.staff for event in voice.events]
        home = max(sorted(set(staves)), key=staves.count, default=1)
        counts[home] += 1
        voices.append(replace(voice, number=counts[home]))
    return replace(measure, voices=tuple(voices))
