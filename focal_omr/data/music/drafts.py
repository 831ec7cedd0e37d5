"""Drafts of the composer: notes and events that can still be changed, and their beams and stems."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import pairwise
from typing import Literal

from focal_omr.score.score import (
    BeamPart,
    Chord,
    Duration,
    Event,
    Mark,
    Note,
    Pitch,
    Rest,
    Space,
    Tremolo,
    Unpitched,
)
from focal_omr.score.signs import STEPS

__all__ = ["ACCIDENTAL_NAMES", "EventDraft", "NoteDraft", "set_beams"]

ACCIDENTAL_NAMES = {-2: "flat-flat", -1: "flat", 0: "natural", 1: "sharp", 2: "double-sharp"}
_EIGHTH = Fraction(1, 8)


@dataclass
class NoteDraft:
    """A note; `step` is diatonic (C4 is 28), `alter` None for an unpitched one."""

    id: str
    position: int
    step: int
    alter: int | None
    accidental: bool = False
    kind: str = "normal"
    tie_to: "NoteDraft | None" = None

    def record(self) -> Note:
        """The note as a record."""
        letter, octave = STEPS[self.step % 7], self.step // 7
        unpitched = self.alter is None
        return Note(
            id=self.id,
            pitch=Unpitched(letter, octave) if self.alter is None else Pitch(letter, octave, self.alter),
            accidental=None if unpitched or not self.accidental else ACCIDENTAL_NAMES[self.alter or 0],
            head=self.kind,
            tie_to=self.tie_to.id if self.tie_to else None,
        )


@dataclass
class EventDraft:
    """A chord, rest (no notes) or space (no duration) of a voice."""

    id: str
    onset: Fraction
    length: Fraction
    duration: Duration | None
    staff: int
    notes: list[NoteDraft] = field(default_factory=list)
    grace: Literal["slash", "plain"] | None = None
    stem: Literal["up", "down"] | None = None
    beams: tuple[BeamPart, ...] = ()
    marks: list[Mark] = field(default_factory=list)
    cue: bool = False
    measure_rest: bool = False
    rest_step: int | None = None

    @property
    def beam_count(self) -> int:
        """Beams or flags of its note value."""
        if self.duration is None or self.duration.value > _EIGHTH:
            return 0
        return self.duration.value.denominator.bit_length() - 3

    def record(self) -> Event:
        """The event as a record."""
        if self.duration is None:
            return Space(id=self.id, onset=self.onset, length=self.length, staff=self.staff)
        common = {"id": self.id, "onset": self.onset, "length": self.length, "staff": self.staff}
        if not self.notes:
            return Rest(
                **common,  # type: ignore[arg-type]  # the values are of these fields
                duration=self.duration,
                measure=self.measure_rest,
                position=self.rest_step,
                cue=self.cue,
                beams=self.beams,
                marks=tuple(self.marks),
            )
        notes = sorted(self.notes, key=lambda note: note.step)
        return Chord(
            **common,  # type: ignore[arg-type]  # as above
            duration=self.duration,
            notes=tuple(note.record() for note in notes),
            grace=self.grace,
            cue=self.cue,
            stem=self.stem,
            beams=self.beams,
            marks=tuple(self.marks),
        )


def set_beams(events: Sequence[EventDraft], beat: Fraction, *, over_rests: bool, stem: str | None) -> None:
    """Beam the notes of a voice in a measure by beats, grace notes by groups, and set stems.

    Args:
        events: Of the voice in the measure.
        beat: Length over which notes share a beam.
        over_rests: Rests inside a group stand under its beam.
        stem: up or down where the voice is one of several; None: by the notes of the group, or by the
            engraver's rule for a single chord.
    """
    for event in events:
        if event.notes and stem is not None and event.stem is None:
            event.stem = "up" if event.grace or stem == "up" else "down"
    group: list[EventDraft] = []
    for event in [e for e in events if e.grace is None]:
        if group and (event.onset // beat != group[0].onset // beat or not _can_join(event, over_rests)):
            _beam(group, stem)
            group = []
        if _can_join(event, over_rests):
            group.append(event)
    _beam(group, stem)
    graces: list[EventDraft] = []
    for event in events:
        if event.grace is not None and event.beam_count:
            graces.append(event)
        else:
            _beam(graces, stem)
            graces = []


def _can_join(event: EventDraft, over_rests: bool) -> bool:
    if not event.beam_count or any(isinstance(m, Tremolo) and m.between for m in event.marks):
        return False
    return bool(event.notes) or (over_rests and not event.measure_rest)


def _beam(group: list[EventDraft], stem: str | None) -> None:
    """One beam over a group; rests at its ends do not belong to it."""
    while group and not group[-1].notes:
        group.pop()
    while group and not group[0].notes:
        group.pop(0)
    if len(group) < 2:
        return
    if stem is None and len({event.staff for event in group}) == 1:
        reach = [note.position - 4 for event in group for note in event.notes]
        up = max(reach) + min(reach) < 0
        for event in group:
            if event.notes:
                event.stem = "up" if up or event.grace else "down"
    counts = [event.beam_count if event.notes else 1 for event in group]
    for index, event in enumerate(group):
        levels: list[BeamPart] = []
        for level in range(1, counts[index] + 1):
            before = index > 0 and counts[index - 1] >= level
            after = index + 1 < len(group) and counts[index + 1] >= level
            if before:
                levels.append("continue" if after else "end")
            elif after:
                levels.append("begin")
            else:
                levels.append("forward hook" if index == 0 else "backward hook")
        event.beams = tuple(levels)


def neighbours(events: Sequence[EventDraft]) -> list[tuple[EventDraft, EventDraft]]:
    """Pairs of chords that follow each other without a rest or grace note between them."""
    return [(a, b) for a, b in pairwise(events) if a.notes and b.notes and not (a.grace or b.grace)]
