"""Notes that cross a barline in Verovio's MEI of Humdrum, split into tied notes, as a `Score` needs them.

Verovio 6.4 writes such a note whole into the measure where it begins, with the time that it has there as
@dur.ges, and most of its time in the next measures as spaces; all of them have the word "straddle" in @type.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

from focal_omr.formats.mei_control_reader import DraftMeasure
from focal_omr.formats.mei_drafts import Draft, DraftVoice
from focal_omr.formats.mei_terms import DURATIONS
from focal_omr.score.score import Duration

__all__ = ["split_straddles"]

_ZERO = Fraction(0)
_VALUES = sorted(
    (Duration(value, dots) for value in DURATIONS for dots in (0, 1)), key=lambda d: d.length, reverse=True
)


@dataclass
class _Crossing:
    """An event that crosses a barline.

    Attributes:
        draft: Its last piece.
        left: What is left of it.
        notes: Ids of its own notes.
        keep_id: Makes an id that begins with a prefix.
    """

    draft: Draft
    left: Fraction
    notes: list[str]
    keep_id: Callable[[str | None, str], str]

    def open_voice(self, voice: DraftVoice, end: Fraction) -> None:
        """Begin a voice with what is left of the event.

        Args:
            voice: The voice in the next measure.
            end: Of that measure.
        """
        events = [d for d in voice.events if d.kind != "space" or not d.straddles]
        room = sum((d.length for d in voice.events if d not in events), _ZERO)
        if not events:
            room = end or self.left
        elif not room:  # Verovio leaves out some spaces
            room = min(self.left, max(end - events[-1].onset - events[-1].length, _ZERO)) or self.left
            for draft in events:
                draft.onset += room
        now, pieces = _ZERO, []
        for duration in _durations(min(room, self.left)):
            self.draft = self.next_piece(duration, now)
            pieces.append(self.draft)
            now += duration.length
        voice.events = pieces + events
        self.left = _ZERO if events else max(self.left - room, _ZERO)

    def next_piece(self, duration: Duration, onset: Fraction) -> Draft:
        """A copy of the last piece, to which it is tied, without what is printed at the first note alone."""
        draft = self.draft
        ids = [self.keep_id(None, f"{note.id}-tied") for note in draft.notes]
        notes = [
            replace(note, id=id_, accidental=None, tie_to=None)
            for note, id_ in zip(draft.notes, ids, strict=True)
        ]
        draft.notes = [replace(note, tie_to=id_) for note, id_ in zip(draft.notes, ids, strict=True)]
        own = ids[0] if len(ids) == 1 else self.keep_id(None, f"{draft.id}-tied")
        times: dict[str, Any] = {"onset": onset, "duration": duration, "length": duration.length}
        return replace(draft, id=own, notes=notes, marks=[], ties=[], beams=(), beyond=_ZERO, **times)


def split_straddles(
    measures: Sequence[DraftMeasure], ends: Sequence[Fraction], keep_id: Callable[[str | None, str], str]
) -> dict[str, str]:
    """Split the notes, chords and rests of a part that cross a barline, in place.

    Args:
        measures: The measures of the part.
        ends: For each measure the end of its longest voice in any part.
        keep_id: Makes an id that begins with a prefix.

    Returns:
        Of each note that was split the id of its last piece.
    """
    last: dict[str, str] = {}
    crossing: dict[tuple[int, int], _Crossing] = {}
    for measure, end in zip(measures, ends, strict=True):
        voices = {(voice.staff, voice.number): voice for voice in measure.voices}
        for (staff, number), event in crossing.items():
            if (staff, number) not in voices:
                voices[staff, number] = DraftVoice(number, staff)
                measure.voices.append(voices[staff, number])
            event.open_voice(voices[staff, number], end)
            ids = (note.id for note in event.draft.notes)
            last |= dict(zip(event.notes, ids, strict=True))
        crossing = {key: event for key, event in crossing.items() if event.left}
        for key, voice in voices.items():
            if voice.events and (draft := voice.events[-1]).beyond:
                own = [note.id for note in draft.notes]
                crossing[key] = _Crossing(draft, draft.beyond, own, keep_id)
                draft.duration = next(_durations(draft.length), draft.duration)
    return last


def _durations(length: Fraction) -> Iterator[Duration]:
    """Note values that last as long together, the longest first; nothing for the rest that none has."""
    for duration in _VALUES:
        while duration.length <= length:
            length -= duration.length
            yield duration
