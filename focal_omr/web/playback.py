"""A document as notes to be played in the browser: what sounds when, and where it stands."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from focal_omr.document.document import Document
from focal_omr.formats.mei_writer import event_id
from focal_omr.formats.midi import played_measures
from focal_omr.score.records import (
    Measure,
    Meter,
    MultiRest,
    Note,
    Part,
    Rest,
    Tuplet,
    closing_meter,
    flat_events,
    fold_repeat_starts,
    is_measure_rest,
    open_tie,
    opening_meter,
    sounding_length,
    tie_ends,
)
from focal_omr.web.events import SymbolPlace, score_events

__all__ = ["playback"]

# In whole notes: short, and at any usual tempo still heard. They take it from the note before theirs, half of
# it at most; at the beginning from their own.
_GRACE = Fraction(1, 32)
_NO_METER = Fraction(1)  # a bar that only a rest fills, as Verovio takes it
_DECIMALS = 6


@dataclass
class _Sound:
    """A note or rest that is played: its number in its part; times in whole notes; None is silent."""

    event: int
    onset: Fraction
    length: Fraction
    midi: int | None = None


@dataclass(frozen=True)
class _Timed:
    """A note or rest of a measure: its number in its part, and its length (None: it lasts the bar)."""

    event: int
    what: Note | Rest | MultiRest
    length: Fraction | None


@dataclass(frozen=True)
class _Bar:
    """A measure of a part: what takes time in it, and how long it is by itself."""

    timed: tuple[_Timed, ...] = ()
    length: Fraction = Fraction(0)


def playback(document: Document, unfold: bool = True) -> dict[str, Any]:
    """What sounds when, for all parts together.

    Bars of all parts begin together, as long as the longest of them. Of tied notes the first sounds for all;
    the others, as rests, are silent entries that a cursor visits.

    Args:
        document: The document.
        unfold: Whether repeats are played.

    Returns:
        "quarters": how long all of it is; "notes" by their onset: "onset" and "length" in quarters, "midi"
        (None: silent), and where it stands: "page" (its number), "staff" and "symbol" (from 0; None: a rest
        for a bar that was not read), "id" as in `view.page_view`.
    """
    places = score_events(document).places
    parts = [fold_repeat_starts(part)[0] for part in document.score.parts]
    longest = max((len(part.measures) for part in parts), default=0)
    order = played_measures(parts) if unfold else list(range(longest))
    bars = [list(_bars(part)) for part in parts]
    voices = [_Voice() for _ in parts]
    at = Fraction(0)
    for index in order:
        now = [part[index] if index < len(part) else _Bar() for part in bars]
        length = max(bar.length for bar in now)
        for voice, bar in zip(voices, now, strict=True):
            voice.play(bar, at, length)
        at += length
    for voice in voices:
        voice.play_graces(at, Fraction(0))
    notes = [
        _note(number, sound, place)
        for number, (voice, part) in enumerate(zip(voices, places, strict=True), 1)
        for sound in voice.sounds
        if (place := part[sound.event]) is not None
    ]
    return {"quarters": _quarters(at), "notes": sorted(notes, key=lambda note: float(note["onset"]))}


def _note(part: int, sound: _Sound, place: SymbolPlace) -> dict[str, Any]:
    return {
        "onset": _quarters(sound.onset),
        "length": _quarters(sound.length),
        "midi": sound.midi,
        **place._asdict(),
        "id": event_id(part, sound.event),
    }


def _quarters(wholes: Fraction) -> float:
    return round(float(4 * wholes), _DECIMALS)


# What is printed -------------------------------------------------------------------------------------------


def _bars(part: Part) -> Iterator[_Bar]:
    """The measures of a part, each with the meter that holds in it."""
    meter: Meter | None = None
    first = 0
    for measure in part.measures:
        own = opening_meter(measure, meter)
        yield _bar(measure, own, first)
        first += sum(1 for _ in flat_events(measure))
        meter = closing_meter(measure, meter)


def _bar(measure: Measure, meter: Meter | None, first: int) -> _Bar:
    full = meter.length if meter else _NO_METER
    whole = is_measure_rest(measure, meter)
    timed, length, number = [], Fraction(0), first
    for event in measure.events:
        factor = Fraction(event.normal, event.actual) if isinstance(event, Tuplet) else Fraction(1)
        for each in event.events if isinstance(event, Tuplet) else (event,):
            if isinstance(each, Note | Rest | MultiRest):
                bars = each.bars if isinstance(each, MultiRest) else int(whole and isinstance(each, Rest))
                takes = bars * full if bars else factor * sounding_length(each)
                timed.append(_Timed(number, each, None if bars else takes))
                length += takes
            number += 1
    return _Bar(tuple(timed), length)


# What is played --------------------------------------------------------------------------------------------


@dataclass
class _Voice:
    """One part while it is played.

    Attributes:
        sounds: So far.
        tied: The note whose tie is open, and what sounds of it.
        last: What ends where the next begins: the entry, and what sounds of it.
        graces: Grace notes that wait for their note.
    """

    sounds: list[_Sound] = field(default_factory=list)
    tied: tuple[Note | None, _Sound | None] = (None, None)
    last: tuple[_Sound, ...] = ()
    graces: list[_Timed] = field(default_factory=list)

    def play(self, bar: _Bar, at: Fraction, length: Fraction) -> None:
        """Play a measure that begins at a time and lasts some."""
        end = at + length
        for timed in bar.timed:
            if isinstance(timed.what, Note) and timed.what.grace:
                self.graces.append(timed)
                continue
            takes = end - at if timed.length is None else timed.length
            late = self.play_graces(at, takes)
            self._sound(timed, at + late, takes - late)
            at += takes

    def play_graces(self, at: Fraction, takes: Fraction) -> Fraction:
        """Play the grace notes that wait, before a note; the time that they take from it."""
        if not self.graces:
            return Fraction(0)
        before = [sound for sound in self.last if sound.onset + sound.length == at]
        room = min((sound.length for sound in before), default=takes)
        total = min(len(self.graces) * _GRACE, room / 2)
        for sound in before:
            sound.length -= total
        onset = at - total if before else at
        waiting, self.graces = self.graces, []
        for number, timed in enumerate(waiting):
            each = total / len(waiting)
            self._sound(timed, onset + number * each, each)
        return Fraction(0) if before else total

    def _sound(self, timed: _Timed, onset: Fraction, length: Fraction) -> None:
        sound = _Sound(timed.event, onset, length)
        self.sounds.append(sound)
        self.last = (sound,)
        if not isinstance(timed.what, Note):
            return
        note, (tied, heard) = timed.what, self.tied
        if tied and heard and tie_ends(tied, note) and tied.pitch.midi == note.pitch.midi:
            heard.length = onset + length - heard.onset
            self.last = (sound, heard)
        else:
            sound.midi, heard = note.pitch.midi, sound
        open_ = open_tie(tied, note)
        self.tied = (open_, heard if open_ is note else self.tied[1])
