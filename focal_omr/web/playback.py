"""Playback of a document in the browser: times and pitches of its notes, and their places on the pages.

Onsets and durations come from Verovio's timemap. Three things do not: ties (the timemap starts a tied note
again), grace notes (Verovio 6.4 puts them on the beat, sometimes delaying the main note), and the way back
from a written-out repeat to the printed symbol.
"""

import math
from dataclasses import dataclass, field
from itertools import chain, count, takewhile
from typing import Any
from xml.etree import ElementTree as ET

from focal_omr.document.document import Document
from focal_omr.formats.mei_writer import event_id, mei_tree
from focal_omr.formats.midi import played_measures, unfold_repeats
from focal_omr.formats.verovio import Engraver
from focal_omr.score.records import (
    MultiRest,
    Note,
    Part,
    Rest,
    Score,
    flat_events,
    fold_repeat_starts,
    open_tie,
    tie_ends,
)
from focal_omr.web.events import score_events

__all__ = ["playback"]

# In quarters: short, but audible at any usual tempo. Grace notes take it from the note before them, at most
# half of that; at the beginning from their main note.
_GRACE_QUARTERS = 0.125
_DECIMALS = 6


def playback(document: Document, unfold: bool = True) -> dict[str, Any]:
    """The notes and rests of all parts in order of their onset.

    The first of several tied notes sounds for all of them; the others are silent entries, like rests, which
    the cursor visits.

    Args:
        document: The document.
        unfold: Whether repeats are played.

    Returns:
        "quarters": total duration; "notes": each with "onset" and "length" in quarters, "midi" (None:
        silent), "page" (its number), "staff" and "symbol" (from 0; None: a rest that replaces an unread bar)
        and "id" as in `view.page_view`.
    """
    parts = [fold_repeat_starts(part)[0] for part in document.score.parts]
    played = unfold_repeats(document.score) if unfold else document.score
    order = played_measures(parts)
    times = _times(played) if parts else {}
    quarters = max((end for _, end in times.values()), default=0.0)
    notes = []
    for number, places in enumerate(score_events(document).places, 1):
        printed = _timed_events(parts[number - 1])
        if unfold:  # a shorter part ends where it first lacks a measure, as in `unfold_repeats`
            printed = [printed[measure] for measure in takewhile(range(len(printed)).__contains__, order)]
        elements = _timed_events(played.parts[number - 1])
        voice = _Voice()
        for (index, event), (element, _) in zip(chain(*printed), chain(*elements), strict=True):
            if isinstance(event, Note) and event.grace:
                voice.graces.append((index, event))
            else:
                voice.play(index, event, *times[event_id(number, element)])
        voice.play_graces(quarters, 0.0)
        for sound in voice.sounds:
            if (place := places[sound.index]) is not None:
                notes.append(
                    {
                        "onset": round(sound.onset, _DECIMALS),
                        "length": round(sound.end - sound.onset, _DECIMALS),
                        "midi": sound.midi,
                        **place._asdict(),
                        "id": event_id(number, sound.index),
                    }
                )
    notes.sort(key=lambda note: float(note["onset"]))
    return {"quarters": round(quarters, _DECIMALS), "notes": notes}


def _timed_events(part: Part) -> list[list[tuple[int, Note | Rest | MultiRest]]]:
    """The notes and rests of each measure, with their indices among the part's events."""
    indices = count()
    return [
        [
            (index, event)
            for event, index in zip(flat_events(measure), indices, strict=False)
            if isinstance(event, Note | Rest | MultiRest)
        ]
        for measure in part.measures
    ]


def _times(score: Score) -> dict[str, tuple[float, float]]:
    """Onset and end, in quarters, of each note and rest by its MEI id; every measure is played once."""
    root = mei_tree(score)
    for element in list(root.iter()):
        for side in ("left", "right"):  # Verovio plays the repeat signs that it meets
            element.attrib.pop(side, None)
        for grace in element.findall("note[@grace]"):  # else they move their main notes
            element.remove(grace)
    onsets: dict[str, float] = {}
    ends: dict[str, float] = {}
    for moment in Engraver().timemap(ET.tostring(root, encoding="unicode")):
        at = moment["qstamp"]
        onsets.update((each, at) for each in (*moment.get("on", ()), *moment.get("restsOn", ())))
        ends.update((each, at) for each in (*moment.get("off", ()), *moment.get("restsOff", ())))
    return {identity: (onset, ends[identity]) for identity, onset in onsets.items()}


@dataclass
class _Sound:
    """A note or rest as played: its index in its part, its times in quarters, its pitch (None: silent)."""

    index: int
    onset: float
    end: float
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
    graces: list[tuple[int, Note]] = field(default_factory=list)

    def play(self, index: int, event: Note | Rest | MultiRest, onset: float, end: float) -> None:
        """Add a note or rest, and before it the grace notes that wait.

        Args:
            index: Its index in the part.
            event: The note or rest.
            onset: In quarters.
            end: In quarters.
        """
        self._add(index, event, onset + self.play_graces(onset, end - onset), end)

    def play_graces(self, at: float, room: float) -> float:
        """Add the waiting grace notes before a main note; returns the quarters by which they delay it.

        Args:
            at: Onset of the main note in quarters.
            room: Its duration in quarters.
        """
        before = [sound for sound in self.last if math.isclose(sound.end, at, abs_tol=1e-9)]
        room = min((sound.end - sound.onset for sound in before), default=room)
        total = min(len(self.graces) * _GRACE_QUARTERS, room / 2)
        for sound in before:
            sound.end -= total
        onset = at - total if before else at
        waiting, self.graces = self.graces, []
        for number, (index, note) in enumerate(waiting):
            each = total / len(waiting)
            self._add(index, note, onset + number * each, onset + (number + 1) * each)
        return 0.0 if before else total

    def _add(self, index: int, event: Note | Rest | MultiRest, onset: float, end: float) -> None:
        sound = _Sound(index, onset, end)
        self.sounds.append(sound)
        self.last = (sound,)
        if not isinstance(event, Note):
            return
        tied, heard = self.tied
        if tied and heard and tie_ends(tied, event) and tied.pitch.midi == event.pitch.midi:
            heard.end = end
            self.last = (sound, heard)
        else:
            sound.midi, heard = event.pitch.midi, sound
        open_ = open_tie(tied, event)
        self.tied = (open_, heard if open_ is event else self.tied[1])
