"""Score to columns: what is printed on each staff, system by system.

What columns cannot say is listed, measure by measure; it is written as near to it as columns can.
"""

from dataclasses import dataclass, field
from typing import Literal

from focal_omr.encodings.columns import Column
from focal_omr.encodings.staff_to_columns import Layout, Outside, StaffEncoder
from focal_omr.score.score import Chord, Rest, Score

__all__ = ["Outside", "ScoreColumns", "score_to_columns"]


@dataclass(frozen=True, slots=True)
class ScoreColumns:
    """The columns of a score.

    Attributes:
        staves: Number of staves of each part, from the top.
        systems: For each system the columns of each staff, from the top.
        outside: What columns cannot say.
        stems: The stem decided for each chord, by its id; none for those on a third stem.
        accidentals: The accidental decided for each note, by its id.
    """

    staves: tuple[int, ...]
    systems: tuple[tuple[tuple[Column, ...], ...], ...]
    outside: tuple[Outside, ...]
    stems: dict[str, Literal["up", "down"]] = field(default_factory=dict, compare=False)
    accidentals: dict[str, str | None] = field(default_factory=dict, compare=False)


def score_to_columns(score: Score) -> ScoreColumns:
    """The columns of each staff, system by system; each system begins with the clef and key in force.

    Every system has all staves of the score. A system begins where any part says so. Ids are not in columns.

    Args:
        score: A valid score: its parts have equally many measures.
    """
    measures = [part.measures for part in score.parts]
    count = min(len(own) for own in measures)
    starts = [i for i in range(count) if i == 0 or any(own[i].break_before for own in measures)]
    # A multi-measure rest is printed where all parts have it, and no system begins inside it.
    skipped: set[int] = set()
    multirests: dict[int, int] = {}
    for index in range(count):
        rests = {own[index].multirest for own in measures}
        length = rests.pop() if len(rests) == 1 else None
        if length is None or index in skipped or index + length.measures > count:
            continue
        inside = set(range(index + 1, index + length.measures))
        silent = not any(
            isinstance(event, Chord)
            for own in measures
            for i in (index, *inside)
            for voice in own[i].voices
            for event in voice.events
        )
        if silent and not inside & set(starts):
            multirests[index] = length.measures
            skipped |= inside
    layout = Layout(
        starts=tuple(starts),
        lengths=tuple(max(own[i].length for own in measures) for i in range(count)),
        barlines=tuple(
            tuple(dict.fromkeys(line for own in measures for line in own[i].barlines)) for i in range(count)
        ),
        multirests=multirests,
        skipped=frozenset(skipped),
    )
    staves: list[list[list[Column]]] = []
    outside: list[Outside] = []
    stems: dict[str, Literal["up", "down"]] = {}
    accidentals: dict[str, str | None] = {}
    for part in score.parts:
        for staff in range(1, part.staves + 1):
            encoder = StaffEncoder(part, staff, len(staves) + 1, layout, measures[0])
            staves.append(encoder.encode())
            outside += encoder.outside
            stems |= encoder.stems
            accidentals |= encoder.accidentals
    for index in range(count):
        events = [e for own in measures for v in own[index].voices for e in v.events]
        timed = [e for e in events if isinstance(e, Chord) or (isinstance(e, Rest) and not e.measure)]
        if timed and all(e.onset > 0 for e in timed):
            outside.append(Outside(index, 1, "silence without a rest at the beginning of a measure"))
    return ScoreColumns(
        tuple(part.staves for part in score.parts),
        tuple(tuple(tuple(own[i]) for own in staves) for i in range(len(starts))),
        tuple(outside),
        stems,
        accidentals,
    )
