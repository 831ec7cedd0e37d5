"""Composer of one staff: its voices in a measure, with what holds on this staff alone."""

from collections.abc import Iterator, Sequence
from copy import deepcopy
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Any, Literal

from focal_omr.data.music.choices import Choices, weighted
from focal_omr.data.music.drafts import EventDraft
from focal_omr.data.music.rhythm import Rhythm, Slot, advance_leads, beat_of, fill
from focal_omr.data.music.sign_composer import draw_clef
from focal_omr.data.music.voice_composer import StaffState, VoiceComposer, VoiceStyle
from focal_omr.score.score import Duration, Key, Meter, Moment, Ottava, Sign, Spanner, Tuplet

__all__ = ["StaffComposer", "StaffMeasure"]

_ZERO = Fraction(0)
_WHOLE = Duration(Fraction(1))
_CENTRES = {1: (4,), 2: (8, 0), 3: (9, -1, 4)}  # of the voices of a staff


@dataclass
class StaffMeasure:
    """What a staff has in a measure."""

    voices: list[list[EventDraft]] = field(default_factory=list)
    signs: list[Sign] = field(default_factory=list)
    spanners: list[Spanner] = field(default_factory=list)
    repeats: bool = False  # a sign for the measure before, and nothing else

    @property
    def columns(self) -> int:
        """Number of its columns of notes and rests, and of the signs inside."""
        onsets = {event.onset for events in self.voices for event in events if event.duration}
        graces = sum(event.grace is not None for events in self.voices for event in events)
        return len(onsets) + graces + len(self.signs)


class StaffComposer:
    """Composes one staff, measure by measure.

    Args:
        choices: Random generator and wishes.
        ids: Ids for events and notes.
        place: Number of its part and number in the part, from 1.
        voices: Number of its voices.
        chordal: Voices of chords rather than single notes.
    """

    def __init__(
        self, choices: Choices, ids: Iterator[str], place: tuple[int, int], *, voices: int, chordal: bool
    ) -> None:
        self.choices, self.random, self.ids = choices, choices.random, ids
        self.part, self.number = place
        uniform = self.random.random
        clef = draw_clef(choices, lower=self.number == 2)
        self.state = StaffState(self.number, [(_ZERO, clef)], [(_ZERO, Key(0))])
        self.voices = [
            VoiceComposer(choices, style, ids, index if voices > 1 else self.random.choice((0, 1)))
            for index, style in enumerate(self._styles(voices, chordal=chordal))
        ]
        self.rates = {
            "clef": 0.3 * uniform() ** 4,
            "voice": 1 - 0.4 * uniform(),
            "empty": self.random.choice((0.02, 0.02, 0.1, 0.5, 0.9)) * uniform(),
            "ottava": 0.25 * uniform() ** 4,
            "repeat": 0.4 * uniform() ** 8,
            "space": uniform(),
            "homophony": max(0.0, 1.6 * uniform() - 0.6),
            "cue": 0.3 * uniform() ** 12,
            "crossing": 0.3 * uniform() ** 3,
        }

    def _styles(self, voices: int, *, chordal: bool) -> Iterator[VoiceStyle]:
        """A style for each voice; a third one is plain, for its stem cannot have all that others have."""
        for index, centre in enumerate(_CENTRES[voices]):
            style = VoiceStyle.drawn(self.choices, centre, chordal=chordal)
            plain = replace(style, rhythm=replace(style.rhythm, tuplet=0.0, tremolo=0.0), grace=0.0)
            yield plain if index == 2 else style

    def _chance(self, name: str) -> bool:
        return self.choices.chance(self.rates[name])

    def begin(self, measure: str, length: Fraction, keys: Sequence[tuple[Fraction, Key]]) -> StaffMeasure:
        """Begin a measure: the state of the staff, a new clef, an octave line.

        Args:
            measure: Its id.
            length: In whole notes.
            keys: Keys by onset.
        """
        found = StaffMeasure()
        self.state.next_measure()
        self.state.keys = [*keys]
        self.state.ottavas = []
        wished = self.choices.take("kind", [("sign", f"ottava-{n}") for n in (1, 2, -1)])
        if wished is not None or self._chance("ottava"):
            drawn = self.random.choice((1, 1, 1, -1, -1, 2))
            octaves = int(wished[1].removeprefix("ottava-")) if wished else drawn
            self.state.ottavas = [(_ZERO, octaves)]
            ends = Moment(measure, _ZERO, self.number), Moment(measure, length, self.number)
            found.spanners.append(Ottava(*ends, octaves))
        return found

    def new_clef(self, found: StaffMeasure, onset: Fraction) -> None:
        """A new clef at an onset, if both are of pitched music."""
        old = self.state.clefs[-1][1]
        clef = draw_clef(self.choices, lower=False)
        if clef != old and "percussion" not in (clef.shape, old.shape):
            self.state.clefs = [*(pair for pair in self.state.clefs if pair[0] < onset), (onset, clef)]
            found.signs.append(Sign(onset, clef, self.number))

    def compose(
        self,
        found: StaffMeasure,
        length: Fraction,
        meter: Meter,
        lower: "StaffComposer | None",
        *,
        first: bool,
    ) -> None:
        """Compose the voices of a measure that was begun.

        Args:
            found: From `begin`; the voices are added.
            length: In whole notes.
            meter: For its beats.
            lower: The staff below in its part.
            first: Nothing stands before the measure.
        """
        present = [v for i, v in enumerate(self.voices) if i == 0 or self._chance("voice")]
        if not first:
            wished = self.choices.take("kind", [("measure-repeat", 1)]) is not None
            found.repeats = wished or self._chance("repeat")
            if self._chance("clef"):
                self.new_clef(found, _ZERO)
        alone = len(present) == 1
        silent = alone and (self._chance("empty") or self.choices.take("up.value", ("measure",)) is not None)
        if silent or found.repeats:
            self.rest()
            space = EventDraft(next(self.ids), _ZERO, length, None, self.number)
            found.voices.append([space if found.repeats else self.measure_rest(length)])
            return
        rhythms = self._rhythms(present, length, beat_of(meter))
        if self._chance("clef"):
            onsets = [slot.onset for slot in rhythms[0].slots if slot.onset and slot.duration]
            if onsets:
                self.new_clef(found, self.random.choice(onsets))
        self._fill(found, present, rhythms, beat_of(meter), lower if alone else None)

    def rest(self) -> None:
        """Nothing is tied from what came before."""
        for voice in self.voices:
            voice.last = None

    def measure_rest(self, length: Fraction) -> EventDraft:
        """A rest of the whole measure."""
        return EventDraft(next(self.ids), _ZERO, length, _WHOLE, self.number, measure_rest=True)

    def _rhythms(self, present: Sequence[VoiceComposer], length: Fraction, beat: Fraction) -> list[Rhythm]:
        """The rhythms of the voices; lower ones have spaces in place of some rests, outside tuplets."""
        leads = advance_leads(self.choices, length) if len(present) > 1 else ()
        rhythms: list[Rhythm] = []
        for number, voice in enumerate(present):
            if number and self._is_homophonic(voice, rhythms[0]):
                rhythm = deepcopy(rhythms[0])
                for slot in rhythm.slots:
                    slot.rest = slot.rest and self.choices.chance(0.5)
                rhythms.append(rhythm)
                continue
            lead = leads[number] if number < len(leads) else ()
            rhythm = fill(self.choices, voice.stem_name, length, beat, voice.style.rhythm, lead)
            inside = {i for begin, end, *_ in rhythm.tuplets for i in range(begin, end + 1)}
            for index, slot in enumerate(rhythm.slots if number else ()):
                if slot.rest and index not in inside and self._chance("space"):
                    rhythm.slots[index] = Slot(slot.onset, slot.length, None)
            rhythms.append(rhythm)
        return rhythms

    def _is_homophonic(self, voice: VoiceComposer, first: Rhythm) -> bool:
        """Whether a lower voice has the rhythm of the first one in this measure; a third stem cannot have
        all that others have."""
        odd = any(slot.tremolo or (slot.duration and slot.duration.dots > 1) for slot in first.slots)
        if voice.stem == 2 and (odd or any(tuple(ratio) != (3, 2) for _, _, *ratio, _ in first.tuplets)):
            return False
        own = [f"{voice.stem_name}.{name}" for name in ("value", "dots", "ratio", "tremolo")]
        if any(self.choices.wishes.get(name) for name in own) and self.choices.chance(0.6):
            return False
        return (self.choices.wants_chords and self.choices.chance(0.8)) or self._chance("homophony")

    def _fill(
        self,
        found: StaffMeasure,
        present: Sequence[VoiceComposer],
        rhythms: Sequence[Rhythm],
        beat: Fraction,
        lower: "StaffComposer | None",
    ) -> None:
        """Pitches for the rhythms."""
        group = beat * self.random.choice((1, 1, 2)) if beat.numerator == 1 else beat
        stems: tuple[Literal["up", "down"] | None, ...] = (
            (None,) if len(present) == 1 else ("up", "down", "up")
        )
        for voice, rhythm, stem in zip(present, rhythms, stems, strict=False):
            crossing = None
            count = len(rhythm.slots)
            if lower is not None and count > 3 and self._chance("crossing"):
                begin = self.random.randrange(count - 1)
                crossing = lower.state, range(begin, self.random.randint(begin + 1, count))
            events = voice.measure(rhythm, self.state, group, stem, crossing)
            found.spanners += self._tuplets(rhythm, [e for e in events if e.grace is None])
            cue = self._chance("cue")
            for event in events:
                event.cue = cue and event.grace is None
            found.voices.append(events)
        for voice in self.voices:
            if voice not in present:
                voice.last = None

    def _tuplets(self, rhythm: Rhythm, events: Sequence[EventDraft]) -> Iterator[Tuplet]:
        number: Any = weighted(self.random, {"actual": 80, "none": 14, "both": 6})
        bracket = weighted(self.random, {None: 50, True: 25, False: 25})
        for first, last, actual, normal, value in rhythm.tuplets:
            ends = events[first].id, events[last].id
            yield Tuplet(*ends, actual, normal, Duration(value), number=number, bracket=bracket)
