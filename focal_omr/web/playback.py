"""Playback of a document in the browser: times and pitches of its notes, and their places on the pages.

Times are added up here, in exact fractions. Verovio's timemap, the reference of the tests, agrees on correct
bars but not on all that is needed here: it starts tied notes again, puts grace notes on the beat, and
stretches a multi-bar rest that shares its measure with notes after a missed barline. It also takes six times
as long.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from focal_omr.document.document import Document
from focal_omr.document.events import event_places
from focal_omr.encodings.to_one_voice import from_score
from focal_omr.formats.midi import played_measures
from focal_omr.score.event_ids import event_ids
from focal_omr.score.records import (
    Meter,
    MultiRest,
    Note,
    Part,
    Rest,
    Tuplet,
    closing_meter,
    fold_repeat_starts,
    is_measure_rest,
    open_tie,
    opening_meter,
    sounding_length,
    tie_ends,
)

__all__ = ["playback"]

# In whole notes: short, but audible at any usual tempo. Grace notes take it from the note before them, at
# most half of that; at the beginning from their main note.
_GRACE = Fraction(1, 32)
_DEFAULT_BAR = Fraction(1)  # a whole-bar rest without a meter, as in Verovio
_DECIMALS = 6


def playback(document: Document, unfold: bool = True) -> dict[str, Any]:
    """The notes and rests of all parts in order of their onset.

    Bars of all parts begin together and last as long as the longest of them. The first of several tied notes
    sounds for all of them; the others are silent entries, like rests, which the cursor visits.

    Args:
        document: The document.
        unfold: Whether repeats are played.

    Returns:
        "quarters": total duration; "notes": each with "onset" and "length" in quarters, "midi" (None:
        silent), "page" (its number), "staff" and "symbol" (from 0; None: a rest that replaces an unread bar)
        and "id" as in `view.page_view`.
    """
    score, _ = from_score(document.score)
    parts = [fold_repeat_starts(part)[0] for part in score.parts]
    longest = max((len(part.measures) for part in parts), default=0)
    bars = [list(_bars(*each)) for each in zip(parts, event_ids(score), strict=True)]
    voices = [_Voice() for _ in parts]
    onset = Fraction(0)
    for index in played_measures(parts) if unfold else range(longest):
        current = [part[index] if index < len(part) else _Bar() for part in bars]
        length = max(bar.length for bar in current)
        for voice, bar in zip(voices, current, strict=True):
            voice.play(bar, onset, length)
        onset += length
    notes = []
    places = event_places(document.pages)
    for voice in voices:
        voice.play_graces(onset, Fraction(0))
        for sound in voice.sounds:
            if (place := places.get(sound.id)) is not None:
                notes.append(
                    {
                        "onset": _quarters(sound.onset),
                        "length": _quarters(sound.length),
                        "midi": sound.midi,
                        **place._asdict(),
                        "id": sound.id,
                    }
                )
    notes.sort(key=lambda note: float(note["onset"]))
    return {"quarters": _quarters(onset), "notes": notes}


def _quarters(wholes: Fraction) -> float:
    return round(float(4 * wholes), _DECIMALS)


# As printed ------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Timed:
    """A note or rest of a measure: its id, its length in whole notes (None: the whole bar)."""

    id: str
    event: Note | Rest | MultiRest
    length: Fraction | None


@dataclass(frozen=True)
class _Bar:
    """The notes and rests of one part's measure, and its own length in whole notes."""

    timed: tuple[_Timed, ...] = ()
    length: Fraction = Fraction(0)


def _bars(part: Part, ids: Sequence[str]) -> Iterator[_Bar]:
    """The measures of a part, whose events have these ids."""
    meter: Meter | None = None
    remaining = iter(ids)
    for measure in part.measures:
        current = opening_meter(measure, meter)
        full = current.length if current else _DEFAULT_BAR
        whole = is_measure_rest(measure, current)
        timed, total = [], Fraction(0)
        for event in measure.events:
            factor = Fraction(event.normal, event.actual) if isinstance(event, Tuplet) else Fraction(1)
            for each in event.events if isinstance(event, Tuplet) else (event,):
                id_ = next(remaining)
                if isinstance(each, Note | Rest | MultiRest):
                    bars = each.bars if isinstance(each, MultiRest) else int(whole and isinstance(each, Rest))
                    length = bars * full if bars else factor * sounding_length(each)
                    timed.append(_Timed(id_, each, None if bars else length))
                    total += length
        yield _Bar(tuple(timed), total)
        meter = closing_meter(measure, meter)


# As played -------------------------------------------------------------------------------------------------


@dataclass
class _Sound:
    """A note or rest as played: its id, its times in whole notes, its pitch (None: silent)."""

    id: str
    onset: Fraction
    length: Fraction
    midi: int | None = None


@dataclass
class _Voice:
    """One part while it is played.

    Attributes:
        sounds: So far.
        tied: The note whose tie is open, and its sound.
        last: The entry that ends where the next one begins, and the sound of its tie.
        graces: Grace notes that wait for their main note.
    """

    sounds: list[_Sound] = field(default_factory=list)
    tied: tuple[Note | None, _Sound | None] = (None, None)
    last: tuple[_Sound, ...] = ()
    graces: list[_Timed] = field(default_factory=list)

    def play(self, bar: _Bar, onset: Fraction, length: Fraction) -> None:
        """Play a measure.

        Args:
            bar: The measure.
            onset: Its onset in whole notes.
            length: Its length in whole notes, that of the longest part.
        """
        end = onset + length
        for timed in bar.timed:
            if isinstance(timed.event, Note) and timed.event.grace:
                self.graces.append(timed)
                continue
            takes = end - onset if timed.length is None else timed.length
            delay = self.play_graces(onset, takes)
            self._add(timed, onset + delay, takes - delay)
            onset += takes

    def play_graces(self, onset: Fraction, room: Fraction) -> Fraction:
        """Play the waiting grace notes before a main note; returns the time by which they delay it.

        Args:
            onset: Onset of the main note in whole notes.
            room: Its length in whole notes.
        """
        if not self.graces:
            return Fraction(0)
        before = [sound for sound in self.last if sound.onset + sound.length == onset]
        room = min((sound.length for sound in before), default=room)
        total = min(len(self.graces) * _GRACE, room / 2)
        for sound in before:
            sound.length -= total
        start = onset - total if before else onset
        waiting, self.graces = self.graces, []
        for number, timed in enumerate(waiting):
            each = total / len(waiting)
            self._add(timed, start + number * each, each)
        return Fraction(0) if before else total

    def _add(self, timed: _Timed, onset: Fraction, length: Fraction) -> None:
        sound = _Sound(timed.id, onset, length)
        self.sounds.append(sound)
        self.last = (sound,)
        if not isinstance(timed.event, Note):
            return
        note, (tied, heard) = timed.event, self.tied
        if tied and heard and tie_ends(tied, note) and tied.pitch.midi == note.pitch.midi:
            heard.length = onset + length - heard.onset
            self.last = (sound, heard)
        else:
            sound.midi, heard = note.pitch.midi, sound
        open_ = open_tie(tied, note)
        self.tied = (open_, heard if open_ is note else self.tied[1])
