"""Composer of one voice on one staff: pitches walk over the staff, with chords, ties and grace notes."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Literal

from focal_omr.data.music.choices import Choices, HeadWish
from focal_omr.data.music.drafts import ACCIDENTAL_NAMES, EventDraft, NoteDraft, neighbours, set_beams
from focal_omr.data.music.rhythm import Rhythm, RhythmStyle, Slot
from focal_omr.encodings.column_factors import POSITIONS
from focal_omr.encodings.columns import STEMS
from focal_omr.score.score import Clef, Duration, Fermata, Key, Tremolo

__all__ = ["StaffState", "VoiceComposer", "VoiceStyle"]

_ZERO = Fraction(0)
_MIDDLE = 4
_INTERVALS = {0: 1, 1: 14, 2: 40, 3: 24, 4: 10, 5: 8, 6: 4, 7: 14}
_ALTERS = {-2: 1, -1: 6, 0: 8, 1: 6, 2: 1}
_ALTER_OF = {name: alter for alter, name in ACCIDENTAL_NAMES.items()}


@dataclass(frozen=True)
class VoiceStyle:
    """Rates of one voice, drawn once.

    Attributes:
        centre, width: Of the walk, in positions.
        chords: Weights of the number of notes of a chord.
        odd_head: Share of heads that are a cross or diamond.
        over_rests: Beams go on over rests.
    """

    rhythm: RhythmStyle
    centre: float
    width: float
    chords: dict[int, float]
    altered: float
    leap: float
    repeated: float
    tie: float
    grace: float
    fermata: float
    odd_head: float
    over_rests: bool
    courtesy: float
    rest_away: float

    @classmethod
    def drawn(cls, choices: Choices, centre: float, *, chordal: bool) -> "VoiceStyle":
        """Draw a style; most rates are low in most voices.

        Args:
            choices: Random generator and wishes.
            centre: Centre of the walk, in positions.
            chordal: A voice of chords rather than single notes.
        """
        random = choices.random
        uniform = random.random
        chords: dict[int, float] = {1: 1}
        if chordal:
            chords = {1: 4 * uniform(), 2: 4 * uniform(), 3: 4 * uniform(), 4: 2 * uniform(), 5: 0.3, 6: 0.15}
        rhythm = RhythmStyle(
            merge=uniform() ** 1.5,
            tuplet=0.4 * uniform() ** 4,
            rest=0.3 * uniform() ** 2,
            tremolo=0.3 * uniform() ** 12,
            halvings=random.choices((0, 1, 2), (12, 2, 0.5))[0],
        )
        return cls(
            rhythm=rhythm,
            centre=centre,
            width=random.uniform(3, 7),
            chords=chords,
            altered=0.3 * uniform() ** 3,
            leap=0.5 * uniform(),
            repeated=0.5 * uniform() ** 2,
            tie=0.2 * uniform() ** 3,
            grace=0.25 * uniform() ** 4,
            fermata=0.15 * uniform() ** 5,
            odd_head=0.6 * uniform() ** 14,
            over_rests=uniform() < 0.15,
            courtesy=0.06 * uniform() ** 2,
            rest_away=uniform() ** 3,
        )


@dataclass
class StaffState:
    """What holds on a staff while it is composed.

    Attributes:
        number: Of the staff in its part, from 1.
        clefs: (onset in the measure, clef) from the measure's beginning on.
        keys: (onset, key) likewise.
        ottavas: (onset, octaves) likewise.
        alters: Alterations by onset and step, so that heads at one place agree.
        heads: Kinds of heads by onset and position, likewise.
        sounding: Notes of the voices so far, by onset, for shared heads.
    """

    number: int
    clefs: list[tuple[Fraction, Clef]]
    keys: list[tuple[Fraction, Key]]
    ottavas: list[tuple[Fraction, int]] = field(default_factory=list)
    alters: dict[tuple[Fraction, int], int] = field(default_factory=dict)
    heads: dict[tuple[Fraction, int], str] = field(default_factory=dict)
    sounding: dict[Fraction, list[NoteDraft]] = field(default_factory=dict)

    def next_measure(self) -> None:
        """Only the last clef and octave line hold on."""
        self.clefs = [(_ZERO, self.clefs[-1][1])]
        self.keys = [(_ZERO, self.keys[-1][1])]
        self.ottavas = [(_ZERO, self.ottavas[-1][1])] if self.ottavas and self.ottavas[-1][1] else []
        self.alters.clear()
        self.heads.clear()
        self.sounding.clear()

    def clef(self, onset: Fraction) -> Clef:
        """The clef at an onset."""
        return next(clef for begin, clef in reversed(self.clefs) if begin <= onset)

    def usual_alter(self, step: int, onset: Fraction) -> int:
        """Alteration that the key at an onset gives to a diatonic step."""
        key = next(key for begin, key in reversed(self.keys) if begin <= onset)
        return key.alter("CDEFGAB"[step % 7])

    def step(self, position: int, onset: Fraction) -> int:
        """Diatonic step of a position."""
        octaves = next((octaves for begin, octaves in reversed(self.ottavas) if begin <= onset), 0)
        return self.clef(onset).lowest_line + position + 7 * octaves


class VoiceComposer:
    """Composes one voice, measure by measure.

    Args:
        choices: Random generator and wishes.
        style: Rates.
        ids: Ids for events and notes.
        stem: Index of the stem that its notes get: 0 up, 1 down, 2 third.
    """

    def __init__(self, choices: Choices, style: VoiceStyle, ids: Iterator[str], stem: int) -> None:
        self.choices, self.style, self.ids, self.stem = choices, style, ids, stem
        self.position = round(choices.random.gauss(style.centre, 2))
        self.last: EventDraft | None = None
        self.tie_wished = False

    @property
    def stem_name(self) -> str:
        """Prefix of the factors of its stem."""
        return STEMS[self.stem]

    def measure(
        self,
        rhythm: Rhythm,
        state: StaffState,
        beat: Fraction,
        stem: Literal["up", "down"] | None,
        crossing: tuple[StaffState, range] | None = None,
    ) -> list[EventDraft]:
        """The events of a measure.

        Args:
            rhythm: Slots.
            state: Of the staff.
            beat: Length over which notes share a beam.
            stem: Of all notes; None where the voice is alone.
            crossing: Another staff, and the slots that stand on it.
        """
        events: list[EventDraft] = []
        for number, slot in enumerate(rhythm.slots):
            here = state
            if crossing is not None and number in crossing[1]:
                here = crossing[0]
            tie_wished, self.tie_wished = self.tie_wished, False
            event = self._event(slot, here)
            if event.notes and slot.tremolo is None and crossing is None:
                events += self._graces(slot.onset, here)
            events.append(event)
            self._tie(event, here, wished=tie_wished)
        if crossing is not None:  # the beam stands between the staves
            for event in events:
                if event.notes:
                    event.stem = "down" if (event.staff < crossing[0].number) else "up"
        set_beams(events, beat, over_rests=self.style.over_rests, stem=stem)
        return events

    def _tie(self, event: EventDraft, state: StaffState, *, wished: bool) -> None:
        """Tie the last chord to this one, at the rate of the style or as wished."""
        last, self.last = self.last, event
        if last is None or last.staff != event.staff or not neighbours([last, event]):
            return
        if not (wished or self.choices.chance(self.style.tie)):
            return
        tied: list[NoteDraft] = []
        for note in last.notes if wished or self.choices.chance(0.7) else last.notes[:1]:
            position = note.step - state.step(0, event.onset)
            place = (event.onset, note.step)
            if position not in POSITIONS or state.alters.get(place, note.alter) != note.alter:
                continue
            other = next((n for n in event.notes if n.step == note.step and n.alter == note.alter), None)
            if other is None:
                if any(n.step == note.step for n in event.notes):
                    continue
                kind = state.heads.setdefault((event.onset, position), note.kind)
                other = NoteDraft(next(self.ids), position, note.step, note.alter, kind=kind)
                if len(event.notes) == 1 and event.notes[0] not in tied and self.choices.chance(0.8):
                    event.notes.clear()
                event.notes.append(other)
                if note.alter is not None:
                    state.alters[place] = note.alter
            note.tie_to = other
            other.accidental = False
            tied.append(other)

    def _event(self, slot: Slot, state: StaffState) -> EventDraft:
        event = EventDraft(next(self.ids), slot.onset, slot.length, slot.duration, state.number)
        if slot.duration is None:
            return event
        if slot.rest:
            if self.choices.chance(self.style.rest_away):
                event.rest_step = state.step(round(self.style.centre) // 2 * 2, slot.onset)
        else:
            event.notes = self._notes(slot.onset, state)
            state.sounding.setdefault(slot.onset, []).extend(event.notes)
            if slot.tremolo is not None:
                event.marks.append(Tremolo(*slot.tremolo))
        if self.choices.take(f"{self.stem_name}.fermata", (True,)) or self.choices.chance(self.style.fermata):
            event.marks.append(Fermata(placement="above" if self.stem == 0 else "below"))
        return event

    # Heads -------------------------------------------------------------------------------------------------

    def _notes(self, onset: Fraction, state: StaffState) -> list[NoteDraft]:
        """The notes of a chord: walked to, or as wished."""
        self._walk()
        size = self.choices.random.choices([*self.style.chords], [*self.style.chords.values()])[0]
        positions = {self.position: 1}
        away = self.position
        reach = 7 if self.choices.chance(0.8) else 16
        for _ in range(size - 1):
            interval = self.choices.random.choices([*_INTERVALS], [*_INTERVALS.values()])[0]
            away += -interval if self.stem == 0 else interval
            if away in POSITIONS and abs(away - self.position) <= reach:
                positions[away] = min(positions.get(away, 0) + 1, 2)
        wish = self._wish(onset, state)
        special: dict[int, tuple[str, object]] = {}
        if wish is not None:
            position, kind, value = wish
            special[position] = kind, value
            if size == 1:
                positions = {}
            positions[position] = 2 if (kind, value) in (("head", (0, 0)), ("head", (1, 1))) else 1
        notes: list[NoteDraft] = []
        for position in sorted(positions):
            taken = sum(n.position == position for n in state.sounding.get(onset, ()))
            for _ in range(min(positions[position], 2 - min(taken, 2)) if taken < 2 else 0):
                notes.append(self._note(position, onset, state, special.get(position)))
        return notes or [self._note(self.position, onset, state, None)]

    def _wish(self, onset: Fraction, state: StaffState) -> HeadWish | None:
        """A wished head for this chord, in every second one at most."""
        others = {n.position: n.tie_to is not None for n in state.sounding.get(onset, ())}
        wish = self.choices.take_shared_head(others) if self.stem == 1 else None
        if wish is None and self.choices.heads and self.choices.chance(0.8):
            wish = self.choices.take_head(self.stem, POSITIONS)
        if wish is not None and wish[1] == "tie":
            self.tie_wished = bool(wish[2][min(self.stem, 1)])
        return wish

    def _note(
        self, position: int, onset: Fraction, state: StaffState, wish: tuple[str, object] | None
    ) -> NoteDraft:
        """A note at a position, its accidental and head as wished or drawn."""
        step = state.step(position, onset)
        note = NoteDraft(next(self.ids), position, step, 0)
        place = (onset, step)
        wished_kind = wish[1] if wish and wish[0] == "kind" else None
        drawn = self.choices.random.choice(("x", "diamond"))
        kind = wished_kind or (drawn if self.choices.chance(self.style.odd_head) else "normal")
        note.kind = state.heads.setdefault((onset, position), str(kind))
        if state.clef(onset).shape == "percussion":
            note.alter = None
            return note
        alter = state.usual_alter(step, onset)
        if wish and wish[0] == "accidental" and wish[1] is not None:
            alter, note.accidental = _ALTER_OF[str(wish[1])], True
        elif self.choices.chance(self.style.altered):
            alter = self.choices.random.choices([*_ALTERS], [*_ALTERS.values()])[0]
        elif self.choices.chance(self.style.courtesy):
            note.accidental = True
        note.alter = state.alters.setdefault(place, alter)
        return note

    def _walk(self) -> None:
        random, style = self.choices.random, self.style
        if random.random() < style.repeated:
            return
        size = random.choice((2, 2, 3, 4, 5, 7)) if random.random() < style.leap else 1
        pull = (style.centre - self.position) / style.width
        up = random.random() < min(max(0.5 + pull / 2, 0.05), 0.95)
        self.position += size if up else -size
        self.position = min(max(self.position, POSITIONS[0]), POSITIONS[-1])

    def _graces(self, onset: Fraction, state: StaffState) -> list[EventDraft]:
        """Grace notes before a chord, at the rate of the style or as wished."""
        shapes: tuple[Literal["plain", "slash"], ...] = ("plain", "slash")
        shape = self.choices.take(f"{self.stem_name}.grace", shapes)
        if shape is None and (self.stem > 1 or not self.choices.chance(self.style.grace)):
            return []
        random = self.choices.random
        count = random.choices((1, 2, 3, 4), (12, 5, 3, 1))[0]
        shape = shape or random.choice(shapes)
        value = Fraction(1, random.choice((8, 8, 16, 16, 32, 4)))
        graces = []
        kept = self.position
        self.position = min(max(self.position + random.randint(-3, 8), POSITIONS[0]), POSITIONS[-1])
        for _ in range(count):
            self._walk()
            event = EventDraft(next(self.ids), onset, _ZERO, Duration(value), state.number, grace=shape)
            step = state.step(self.position, onset)
            alter = state.usual_alter(step, onset)
            drum = state.clef(onset).shape == "percussion"
            event.notes = [NoteDraft(next(self.ids), self.position, step, None if drum else alter)]
            graces.append(event)
        self.position = kept
        return graces
