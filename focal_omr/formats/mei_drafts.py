"""Drafts of events: what MEI's layers say, before control elements have added marks, ties and lengths."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Any, cast

from focal_omr.formats.mei_terms import beat_unit, engraved_beams, flags
from focal_omr.score.score import (
    Barline,
    BeamPart,
    Chord,
    Clef,
    Duration,
    Event,
    Key,
    Mark,
    MeasureRepeat,
    Meter,
    Note,
    Rest,
    Space,
    Tuplet,
)

__all__ = ["Draft", "DraftVoice", "StaffState", "set_beams"]

_ZERO = Fraction(0)


@dataclass
class StaffState:
    """What holds on a staff: how its notes are read."""

    key: Key = field(default_factory=lambda: Key(0))
    meter: Meter | None = None
    default: str = "4"  # @dur.default
    in_measure: dict[tuple[str, int], int] = field(default_factory=dict)  # accidentals of this measure

    @property
    def unit(self) -> int:
        """The note value that time stamps count."""
        return beat_unit(self.meter)


@dataclass
class Draft:
    """An event that is being read.

    Attributes:
        fills: It lasts the whole measure, whose length is not known yet.
        named: It has an id in the document.
        ties: For each note that is tied by attribute: its id, and whether a tie ends and begins there.
        straddles: It crosses a barline, see `mei_straddles`.
        beyond: How long it lasts after that barline.
    """

    kind: str  # chord, rest or space
    id: str
    onset: Fraction
    length: Fraction
    staff: int
    duration: Duration = field(default_factory=lambda: Duration(Fraction(1)))
    notes: list[Note] = field(default_factory=list)
    grace: str | None = None
    cue: bool = False
    stem: str | None = None
    beams: tuple[BeamPart, ...] = ()
    marks: list[Mark] = field(default_factory=list)
    fills: bool = False
    named: bool = True
    position: int | None = None
    breaks: int | None = None
    beamed: bool = True  # where a beam goes by
    ties: list[tuple[str, bool, bool]] = field(default_factory=list)
    straddles: bool = False
    beyond: Fraction = _ZERO

    def event(self, tied: dict[str, str], order: Callable[[Mark], int]) -> Event:
        """The event as a record.

        Args:
            tied: Of each note that is tied on the note that it leads to.
            order: Sorts marks.
        """
        if self.kind == "space":
            return Space(id=self.id, onset=self.onset, length=self.length, staff=self.staff)
        marks = tuple(sorted(self.marks, key=order))
        common: dict[str, Any] = {"id": self.id, "onset": self.onset, "length": self.length}
        common |= {"staff": self.staff, "duration": self.duration, "marks": marks, "beams": self.beams}
        if self.kind == "rest":
            return Rest(**common, measure=self.fills, position=self.position, cue=self.cue)
        notes = [replace(note, tie_to=tied.get(note.id, note.tie_to)) for note in self.notes]
        notes.sort(key=lambda n: (n.pitch.diatonic, getattr(n.pitch, "alter", 0)))
        return Chord(
            **common,
            notes=tuple(notes),
            grace=cast("Any", self.grace),
            cue=self.cue,
            stem=cast("Any", self.stem),
        )


@dataclass
class DraftVoice:
    """A layer that is being read.

    Attributes:
        number: Its @n.
        staff: Of the part, from 1.
        told: The length of the measure, where the document tells it.
        signs: Clefs, keys and meters inside the measure, with their onsets.
    """

    number: int
    staff: int
    events: list[Draft] = field(default_factory=list)
    tuplets: list[Tuplet] = field(default_factory=list)
    told: Fraction | None = None
    signs: list[tuple[Fraction, Clef | Key | Meter]] = field(default_factory=list)
    barlines: list[tuple[Fraction, Barline]] = field(default_factory=list)
    repeat: MeasureRepeat | None = None
    multirest: int | None = None

    @property
    def empty(self) -> bool:
        """Whether nothing is in it but time that no id names."""
        return not any(event.named or event.kind != "space" for event in self.events)


def set_beams(members: list[Draft]) -> None:
    """Beam together the drafts that have flags; rests between them too."""
    members = [draft for draft in members if draft.kind != "space" and draft.beamed and flags(draft.duration)]
    if len(members) < 2:
        return
    beams = engraved_beams([m.duration for m in members], [m.breaks for m in members])
    for draft, own in zip(members, beams, strict=True):
        draft.beams = own
