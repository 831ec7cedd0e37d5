"""Sounding pitches and ties of measures whose printed music has changed.

An accidental holds to the end of its measure for its own line and octave on its staff, in every voice; a tie
carries it over the barline for that one note; a key signature cancels earlier accidentals of its measure.
"""

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import replace
from fractions import Fraction

from focal_omr.encodings.one_voice import ACCIDENTAL_NAMES
from focal_omr.errors import EditError
from focal_omr.score.score import Chord, Event, Key, Measure, Note, Pitch, Sign, Voice

__all__ = ["ALTERS", "Hearing", "map_notes"]

# By MusicXML name the alterations of accidentals that a person can set.
ALTERS = {name: alter for alter, name in ACCIDENTAL_NAMES.items()}
_MAX_MIDI = 127
_Line = tuple[int, int]  # staff, and diatonic step


class Hearing:
    """The pitches and ties of a part's measures.

    Args:
        staves: Number of staves of the part.
        measures: Its measures, with the printed accidentals and the ties wanted.
    """

    def __init__(self, staves: int, measures: Sequence[Measure]) -> None:
        self.measures = list(measures)
        self.keys = {staff: Key(0) for staff in range(1, staves + 1)}
        self.tied: dict[int, Chord] = {}  # by voice, the last chord of full size
        self.ends: dict[str, str] = {}  # ids of notes that are tied on, and of those they lead to

    def heard(self, first: int, last: int) -> list[Measure]:
        """The measures, those from the first to the last and what is tied to them with new pitches and ties.

        Raises:
            EditError: A note is out of the range of MIDI.
        """
        for measure in self.measures[:first]:
            self._read_keys(measure.signs)
        begun = self._last_chords(first)
        sources = {note.id for chord in self.tied.values() for note in chord.notes}
        index = first
        while index < len(self.measures) and (index <= last or any(map(_ties_on, self.tied.values()))):
            self.measures[index] = self._measure(self.measures[index])
            index += 1
        for number in range(begun, first):
            self.measures[number] = self._with_ties(self.measures[number], only=sources)
        for number in range(first, index):
            self.measures[number] = self._with_ties(self.measures[number])
        return self.measures

    def _last_chords(self, index: int) -> int:
        """Note the last chord of each voice before a measure; return the index of the first one's measure."""
        voices = {voice.number for voice in self.measures[index].voices}
        while index > 0 and voices - self.tied.keys():
            index -= 1
            for voice in self.measures[index].voices:
                chords = [e for e in voice.events if isinstance(e, Chord) and not e.grace]
                if chords:
                    self.tied.setdefault(voice.number, chords[-1])
        return index

    def _read_keys(self, signs: Iterable[Sign]) -> None:
        for sign in signs:
            if isinstance(sign.value, Key):
                self.keys |= dict.fromkeys([sign.staff] if sign.staff else self.keys, sign.value)

    def _measure(self, measure: Measure) -> Measure:
        """One measure, whose ties are noted and not yet set."""
        printed: dict[_Line, int] = {}
        found: dict[str, Chord] = {}
        keys = sorted((s for s in measure.signs if isinstance(s.value, Key)), key=lambda s: s.onset)
        moments: list[tuple[tuple[Fraction, int], int, Chord]] = []
        for voice in measure.voices:
            onset, place = None, 0
            for event in voice.events:
                if isinstance(event, Chord):
                    onset, place = event.onset, place + 1 if event.onset == onset else 0
                    moments.append(((event.onset, place), voice.number, event))
        several = len(measure.voices) > 1
        for at, number, chord in sorted(moments, key=lambda moment: moment[0]) if several else moments:
            while keys and (keys[0].onset, keys[0].graces) <= at:
                self._read_keys([keys.pop(0)])
                printed.clear()
            # An accidental of another voice at the same moment holds, too.
            for other in (each for when, _, each in moments if when == at) if several else (chord,):
                printed |= {
                    (note.staff or other.staff, note.pitch.diatonic): ALTERS[note.accidental]
                    for note in other.notes
                    if note.accidental in ALTERS
                }
            heard = replace(
                chord, notes=tuple(self._note(note, chord, number, printed) for note in chord.notes)
            )
            found[chord.id] = chord if heard == chord else heard
            before = self.tied.get(number)
            passed = chord.grace and before is not None and not before.grace and not _ties_on(heard)
            if not passed:  # the tie of a full-size note passes over grace notes
                self.tied[number] = heard
        self._read_keys(keys)
        voices = tuple(
            Voice(voice.number, tuple(found.get(event.id, event) for event in voice.events))
            for voice in measure.voices
        )
        return replace(measure, voices=voices)

    def _note(self, note: Note, chord: Chord, voice: int, printed: dict[_Line, int]) -> Note:
        """A note with its sounding pitch; the tie that ends at it is noted."""
        if not isinstance(note.pitch, Pitch):
            return note
        line = (note.staff or chord.staff, note.pitch.diatonic)
        tied = self.tied.get(voice)
        source = next(
            (
                each
                for each in (tied.notes if tied is not None and (tied.grace or not chord.grace) else ())
                if each.tie_to is not None and each.pitch.diatonic == note.pitch.diatonic
            ),
            None,
        )
        if note.accidental in ALTERS:
            alter = ALTERS[note.accidental]
        elif note.accidental is not None:
            return note
        elif source is not None and isinstance(source.pitch, Pitch):
            alter = source.pitch.alter
        else:
            alter = printed.get(line, self.keys[line[0]].alter(note.pitch.step))
        pitch = replace(note.pitch, alter=alter)
        if not 0 <= pitch.midi <= _MAX_MIDI:
            raise EditError(f"a note would be out of range: {pitch.step}{pitch.octave}")
        if source is not None and source.pitch == pitch:
            self.ends[source.id] = note.id
        return note if pitch == note.pitch else replace(note, pitch=pitch)

    def _with_ties(self, measure: Measure, only: Collection[str] | None = None) -> Measure:
        """A measure whose ties lead where they were heard to lead; `only` limits it to notes of these ids."""

        def tied(note: Note) -> Note:
            if note.tie_to is None or (only is not None and note.id not in only):
                return note
            return replace(note, tie_to=self.ends.get(note.id, ""))

        if not any(isinstance(e, Chord) and _ties_on(e) for voice in measure.voices for e in voice.events):
            return measure
        return map_notes(measure, tied)


def map_notes(measure: Measure, change: Callable[[Note], Note]) -> Measure:
    """A measure with each of its notes changed; those that stay equal stay the same objects."""

    def changed(event: Event) -> Event:
        if not isinstance(event, Chord):
            return event
        notes = tuple(map(change, event.notes))
        return event if notes == event.notes else replace(event, notes=notes)

    changed_events = [tuple(map(changed, voice.events)) for voice in measure.voices]
    if all(events == voice.events for events, voice in zip(changed_events, measure.voices, strict=True)):
        return measure
    pairs = zip(changed_events, measure.voices, strict=True)
    return replace(measure, voices=tuple(replace(voice, events=events) for events, voice in pairs))


def _ties_on(chord: Chord) -> bool:
    return any(note.tie_to is not None for note in chord.notes)
