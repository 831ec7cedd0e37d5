"""Standard MIDI File of a whole score: repeats and jumps unfolded, ties joined, dynamics as velocity.

Verovio is not used for it: Verovio 6.4 plays neither D.C. nor D.S., gives a plain grace note half of any note
that it leads to, and plays every note equally loud.

Source: Standard MIDI Files 1.0 and General MIDI System Level 1, MIDI Manufacturers Association.
"""

import re
import struct
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from focal_omr.errors import NotationError
from focal_omr.formats.instruments import DRUMS, program_of
from focal_omr.formats.midi import Playback
from focal_omr.score.score import (
    Articulation,
    Chord,
    Clef,
    Dynamic,
    Event,
    Hairpin,
    Key,
    Meter,
    Note,
    Part,
    Pitch,
    Rest,
    Score,
    Space,
    Tempo,
    Transposition,
    Unpitched,
)
from focal_omr.score.unfold import unfold

__all__ = ["PartPlayer", "Sound", "is_percussion", "measure_starts", "write_midi_score"]

_TICKS = 960  # per quarter note: exact for tuplets of 3 and 5 down to 128th notes
_CHANNELS = [channel for channel in range(16) if channel != 9]
_PERCUSSION = 9
_VELOCITIES = {
    **{"pppp": 20, "ppp": 28, "pp": 38, "p": 50, "mp": 62, "mf": 74, "f": 88, "ff": 102, "fff": 114},
    **{"ffff": 122, "fp": 50, "pf": 88},
}
_ACCENTS = frozenset(("sf", "sfz", "sffz", "fz", "rf", "rfz", "sfp", "fp"))
_USUAL = 74
_SHORTER = {"staccato": Fraction(1, 2), "staccatissimo": Fraction(1, 4), "spiccato": Fraction(1, 3)}
_GRACE = Fraction(1, 32)  # length of a grace note with a slash, where the next note is long enough
_ZERO = Fraction(0)


@dataclass(frozen=True)
class Sound:
    """A note or rest as it is played.

    Attributes:
        id: Of the note or rest.
        start, end: In whole notes from the beginning of the piece. The first of tied notes sounds for all.
        pitch: MIDI note number; None: it is silent, a rest or a note that others are tied to.
        velocity: 1 to 127.
    """

    id: str
    start: Fraction
    end: Fraction
    pitch: int | None = None
    velocity: int = _USUAL


def write_midi_score(
    score: Score, playback: Playback | None = None, *, order: Sequence[int] | None = None
) -> bytes:
    """The score as a Standard MIDI File of format 1: a track of tempo, meter and key, and one for each part.

    Args:
        score: The score. A tempo in it holds from its place on; `playback.tempo` holds before.
        playback: Tempo, instruments and whether repeats are played; None: at 120, instruments by the names of
            the parts, with repeats.
        order: Indices of the measures as they are played; None: as `playback.unfold` says.

    Raises:
        NotationError: A score without parts.
    """
    if not score.parts:
        raise NotationError("a score without parts cannot be played; at least one part is needed")
    playback = playback or Playback(unfold=True)
    if order is None:
        longest = max(len(part.measures) for part in score.parts)
        order = unfold(score) if playback.unfold else range(longest)
    starts = measure_starts(score, order)
    tracks = [_conductor(score, order, starts, playback)]
    melodic = 0
    for number, part in enumerate(score.parts):
        drums = is_percussion(part)
        channel = _PERCUSSION if drums else _CHANNELS[melodic % len(_CHANNELS)]
        melodic += not drums
        if playback.instruments:
            program = playback.instruments[min(number, len(playback.instruments) - 1)]
        else:
            program = program_of(part.name)
        sounds = PartPlayer(part, order, starts, drums=drums).sounds()
        tracks.append(_track(part, channel, 0 if drums else program, sounds))
    head = struct.pack(">4sIHHH", b"MThd", 6, 1, len(tracks), _TICKS)
    return head + b"".join(struct.pack(">4sI", b"MTrk", len(track)) + track for track in tracks)


def measure_starts(score: Score, order: Sequence[int]) -> list[Fraction]:
    """When each measure of the playing order begins, and when the last one ends."""
    starts = [_ZERO]
    for index in order:
        lengths = (part.measures[index].length for part in score.parts if index < len(part.measures))
        starts.append(starts[-1] + max(lengths))
    return starts


def is_percussion(part: Part) -> bool:
    """Whether a part has a percussion clef from the start, or notes without pitch alone."""
    signs = part.measures[0].signs if part.measures else ()
    clefs = [sign.value.shape for sign in signs if isinstance(sign.value, Clef)]
    if clefs:
        return clefs[0] == "percussion"
    chords = (e for m in part.measures for v in m.voices for e in v.events if isinstance(e, Chord))
    pitches = [note.pitch for chord in chords for note in chord.notes]
    return bool(pitches) and all(isinstance(pitch, Unpitched) for pitch in pitches)


class PartPlayer:
    """Plays one part.

    Args:
        part: The part.
        order: The indices of measures as they are played.
        starts: When each of them begins.
        drums: Whether notes are sounds of the percussion channel.
    """

    def __init__(self, part: Part, order: Sequence[int], starts: Sequence[Fraction], *, drums: bool) -> None:
        self.part, self.starts, self.drums = part, starts, drums
        self.order = [index for index in order if index < len(part.measures)]
        self.shifts: list[dict[int, int]] = []  # by measure and staff, from written to sounding pitch
        shift = dict.fromkeys(range(1, part.staves + 1), 0)
        for measure in part.measures:
            for sign in measure.signs:
                if isinstance(sign.value, Transposition):
                    shift |= dict.fromkeys([sign.staff] if sign.staff else shift, sign.value.chromatic)
            self.shifts.append(dict(shift))
        self.loudness = _Loudness(part)
        # Of notes that are tied on: the id that they lead to, when it begins, and the sound to lengthen.
        self.open: dict[tuple[str, Fraction], int] = {}
        self.played: list[Sound] = []

    def sounds(self) -> list[Sound]:
        """Everything that sounds, in the order of the playing."""
        for start, index in zip(self.starts, self.order, strict=False):
            measure = self.part.measures[index]
            for voice in measure.voices:
                self._play([e for e in voice.events if e.staff not in dict(measure.repeats)], index, start)
            for staff, repeat in measure.repeats:
                source = self._source(index, staff, repeat.measures)
                for voice in self.part.measures[source].voices if source is not None else ():
                    events = [e for e in voice.events if e.staff == staff]
                    self._play(events, source or 0, start)
        return self.played

    def _source(self, index: int, staff: int, back: int) -> int | None:
        """The measure whose music a measure-repeat sign means."""
        while index >= back:
            index -= back
            repeats = dict(self.part.measures[index].repeats)
            if staff not in repeats:
                return index
            back = repeats[staff].measures
        return None

    def _play(self, events: Sequence[Event], index: int, start: Fraction) -> None:
        """Plays the events of one voice; grace notes take their time from the note after them."""
        graces: list[Chord] = []
        last: Chord | None = None
        multirest = self.part.measures[index].multirest
        for event in events:
            if isinstance(event, Space):
                continue
            if isinstance(event, Rest):
                length = event.length * (multirest.measures if multirest else 1)
                self.played.append(Sound(event.id, start + event.onset, start + event.onset + length))
            if isinstance(event, Chord) and event.grace:
                graces.append(event)
            elif isinstance(event, Chord):
                now = self._run(graces, _grace_lengths(graces, event.length), index, start, event.onset)
                self._sound(event, index, start, (now, event.onset + event.length))
                graces, last = [], event
            elif last is not None and graces:
                self._after(graces, last, index, start)
                graces = []
        if last is not None and graces:
            self._after(graces, last, index, start)
        elif graces:
            self._run(graces, [grace.duration.length for grace in graces], index, start, _ZERO)

    def _run(
        self, graces: Sequence[Chord], lengths: Sequence[Fraction], index: int, start: Fraction, now: Fraction
    ) -> Fraction:
        """Plays grace notes one after the other from a moment of their measure; returns when they end."""
        for grace, length in zip(graces, lengths, strict=True):
            self._sound(grace, index, start, (now, now + length))
            now += length
        return now

    def _after(self, graces: list[Chord], last: Chord, index: int, start: Fraction) -> None:
        """Plays grace notes that no note follows: at the end of the note before them."""
        end = last.onset + last.length
        lengths = _grace_lengths(graces, last.length)
        now = end - sum(lengths)
        self.played = [
            replace(sound, end=start + now)
            if sound.end == start + end and sound.start < start + now
            else sound
            for sound in self.played
        ]
        self._run(graces, lengths, index, start, now)

    def _sound(self, chord: Chord, index: int, start: Fraction, span: tuple[Fraction, Fraction]) -> None:
        onset, end = span
        velocity = self.loudness.at(index, chord.onset)
        names = {mark.name for mark in chord.marks if isinstance(mark, Articulation)}
        if names & {"accent", "strong-accent"}:
            velocity = min(127, velocity + 16)
        shorter = min((_SHORTER[name] for name in names if name in _SHORTER), default=Fraction(1))
        for note in chord.notes:
            # Grace notes take time of the notes around them, not of the ties between those.
            begun = self.open.pop((note.id, start + chord.onset), None)
            stop = end if note.tie_to else onset + (end - onset) * shorter
            if begun is not None:
                self.played[begun] = replace(self.played[begun], end=start + stop)
                self.played.append(Sound(note.id, start + onset, start + stop))
                place = begun
            else:
                pitch = self._pitch(note, chord, index)
                place = len(self.played)
                self.played.append(Sound(note.id, start + onset, start + stop, pitch, velocity))
            if note.tie_to:
                self.open[note.tie_to, start + chord.onset + chord.length] = place

    def _pitch(self, note: Note, chord: Chord, index: int) -> int | None:
        if isinstance(note.pitch, Pitch):
            shift = 0 if self.drums else self.shifts[index].get(note.staff or chord.staff, 0)
            pitch = note.pitch.midi + shift
        else:
            by_name = next((n for word, n in DRUMS if word in self.part.name.casefold()), None)
            pitch = by_name or _DRUM_PLACES.get((note.pitch.diatonic, note.head == "x"), 38)
        return pitch if 0 <= pitch <= 127 else None


# General MIDI drums by their place in a G clef and whether the head is a cross, as drum notation has them.
_DRUM_PLACES = {
    **{(31, False): 36, (33, False): 43, (35, False): 38, (36, False): 47, (37, False): 48, (34, False): 45},
    **{(29, True): 44, (35, True): 37, (37, True): 51, (38, True): 51, (39, True): 42, (40, True): 49},
}


class _Loudness:
    """Velocity at each moment of a part: its dynamics, and hairpins between them."""

    def __init__(self, part: Part) -> None:
        self.steps: list[tuple[tuple[int, Fraction], int]] = []
        self.accents: set[tuple[int, Fraction]] = set()
        for index, measure in enumerate(part.measures):
            for direction in measure.directions:
                if not isinstance(direction.value, Dynamic):
                    continue
                place = (index, direction.onset)
                for word in re.findall(r"[a-z]+", direction.value.text.casefold()):
                    if word in _ACCENTS:
                        self.accents.add(place)
                    if word in _VELOCITIES:
                        self.steps.append((place, _VELOCITIES[word]))
        self.steps.sort(key=lambda step: step[0])
        self.places = [place for place, _ in self.steps]
        numbers = {measure.id: index for index, measure in enumerate(part.measures)}
        self.lengths = [measure.length for measure in part.measures]
        self.hairpins = [
            ((numbers[s.start.measure], s.start.onset), (numbers[s.end.measure], s.end.onset), s.kind)
            for s in part.spanners
            if isinstance(s, Hairpin) and s.start.measure in numbers and s.end.measure in numbers
        ]

    def at(self, index: int, onset: Fraction) -> int:
        """The velocity, 1 to 127."""
        here = (index, onset)
        if here in self.accents:
            return 110
        before = bisect_right(self.places, here)
        velocity = self.steps[before - 1][1] if before else _USUAL
        for first, last, kind in self.hairpins:
            if not first <= here < last:
                continue
            goal = next((value for place, value in self.steps if place >= last), None)
            step = 16 if kind == "crescendo" else -16
            if goal is None or (goal - velocity) * step <= 0:
                goal = velocity + step
            begun, ended, now = (
                sum(self.lengths[:number], _ZERO) + onset for number, onset in (first, last, here)
            )
            velocity += round((goal - velocity) * (now - begun) / (ended - begun)) if ended > begun else 0
        return min(max(velocity, 1), 127)


def _grace_lengths(graces: Sequence[Chord], following: Fraction) -> list[Fraction]:
    """How long grace notes sound: short ones with a slash; at most half of the note that they lead to."""
    wanted = [_GRACE if grace.grace == "slash" else grace.duration.length for grace in graces]
    total = sum(wanted, _ZERO)
    scale = min(Fraction(1), following / 2 / total) if total else Fraction(1)
    return [length * scale for length in wanted]


# Tracks ----------------------------------------------------------------------------------------------------


def _conductor(score: Score, order: Sequence[int], starts: Sequence[Fraction], playback: Playback) -> bytes:
    """The track of tempo, meter and key."""
    events: list[tuple[Fraction, bytes]] = [(_ZERO, _tempo(Fraction(playback.tempo)))]
    if score.title:
        events.insert(0, (_ZERO, _meta(3, score.title.encode())))
    for start, index in zip(starts, order, strict=False):
        for number, part in enumerate(score.parts):
            measure = part.measures[index] if index < len(part.measures) else None
            for direction in measure.directions if measure is not None else ():
                if isinstance(direction.value, Tempo) and (speed := _quarters(direction.value)):
                    events.append((start + direction.onset, _tempo(speed)))
            for sign in measure.signs if measure is not None and number == 0 else ():
                if (data := _sign(sign.value)) is not None:
                    events.append((start + sign.onset, data))
    return _encoded(events, starts[-1])


def _quarters(tempo: Tempo) -> Fraction | None:
    """Quarter notes a minute, between what a MIDI file can say."""
    speed = tempo.quarters
    if speed is None and tempo.beat is not None and tempo.per_minute is not None:
        speed = tempo.per_minute * tempo.beat.length * 4
    return speed if speed is not None and 4 <= speed <= 2000 else None


def _tempo(quarters: Fraction) -> bytes:
    return _meta(0x51, round(60_000_000 / quarters).to_bytes(3, "big"))


def _sign(value: object) -> bytes | None:
    if isinstance(value, Key):
        return _meta(0x59, struct.pack(">bB", value.fifths, 0))
    if not isinstance(value, Meter) or value.length is None:
        return None
    length = value.length
    unit = max(max(unit for _, unit in value.terms), length.denominator)
    if unit & (unit - 1) or length * unit > 255:
        return None
    return _meta(0x58, bytes((int(length * unit), unit.bit_length() - 1, 24, 8)))


def _track(part: Part, channel: int, program: int, sounds: Sequence[Sound]) -> bytes:
    """The track of one part; at one moment notes end before others begin."""
    events: list[tuple[Fraction, bytes]] = [
        (_ZERO, _meta(3, part.name.encode())),
        (_ZERO, bytes((0xC0 | channel, program))),
    ]
    timed: list[tuple[Fraction, int, bytes]] = []
    for sound in sounds:
        if sound.pitch is not None and sound.end > sound.start:
            timed.append((sound.start, 1, bytes((0x90 | channel, sound.pitch, sound.velocity))))
            timed.append((sound.end, 0, bytes((0x80 | channel, sound.pitch, 64))))
    events += ((time, data) for time, _, data in sorted(timed))
    return _encoded(events, max((sound.end for sound in sounds if sound.pitch is not None), default=_ZERO))


def _encoded(events: Sequence[tuple[Fraction, bytes]], end: Fraction) -> bytes:
    """Events with their times as differences in ticks, and the end of the track."""
    ordered = sorted(events, key=lambda event: event[0])
    out, now = bytearray(), 0
    for time, data in [*ordered, (max(end, ordered[-1][0]), _meta(0x2F, b""))]:
        ticks = round(time * 4 * _TICKS)
        out += _variable(ticks - now) + data
        now = ticks
    return bytes(out)


def _meta(kind: int, data: bytes) -> bytes:
    return bytes((0xFF, kind)) + _variable(len(data)) + data


def _variable(value: int) -> bytes:
    """A variable-length quantity: seven bits a byte, the highest first."""
    out = [value & 0x7F]
    while value := value >> 7:
        out.append(0x80 | value & 0x7F)
    return bytes(reversed(out))
