"""Normal form of scores, for comparisons after a round trip."""

from dataclasses import replace

from focal_omr.score.accidentals import map_notes
from focal_omr.score.records import Note, Part, Score, fold_repeat_starts, open_tie, tie_ends


def normal(score: Score) -> list[object]:
    """A score as readers return it: without empty repeat bars and ties that lead nowhere."""
    result: list[object] = [score.title]
    for part in score.parts:
        folded, opens = fold_repeat_starts(part)
        result += [part.name, opens, _with_real_ties(folded).measures]
    return result


def _with_real_ties(part: Part) -> Part:
    tied: list[Note] = []  # the open tie, if there is one
    ending: set[int] = set()
    numbers: dict[int, int] = {}

    def number(note: Note, _: object) -> Note:
        numbers[id(note)] = len(numbers)
        if tied and tie_ends(tied[0], note):
            ending.add(numbers[id(tied[0])])
        tied[:] = [still] if (still := open_tie(tied[0] if tied else None, note)) else []
        return note

    # Every note is a separate object, so that ids are unique.
    part = map_notes(part, lambda note, _: replace(note))
    map_notes(part, number)
    place = iter(range(len(numbers)))
    return map_notes(part, lambda note, _: replace(note, tie=next(place) in ending))
