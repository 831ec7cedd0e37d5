"""Playback of a document in the browser: times and pitches of its notes, and their places on the pages.

What is heard is what a MIDI file of the document plays. Verovio's timemap, the reference of the tests, agrees
on correct bars but not on all that is needed here: it starts tied notes again, puts grace notes on the beat,
and stretches a multi-bar rest that shares its measure with notes after a missed barline.
"""

from fractions import Fraction
from typing import Any

from focal_omr.document.document import Document
from focal_omr.document.events import event_places
from focal_omr.document.pieces import played_measures
from focal_omr.formats.midi_score import PartPlayer, is_percussion, measure_starts

__all__ = ["playback"]

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
    score = document.score
    longest = max((len(part.measures) for part in score.parts), default=0)
    order = played_measures(document.pieces) if unfold else range(longest)
    starts = measure_starts(score, order)
    places = event_places(document.pages)
    notes: list[dict[str, Any]] = [
        {
            "onset": _quarters(sound.start),
            "length": _quarters(sound.end - sound.start),
            "midi": sound.pitch,
            **places[sound.id]._asdict(),
            "id": sound.id,
        }
        for part in score.parts
        for sound in PartPlayer(part, order, starts, drums=is_percussion(part)).sounds()
        if sound.id in places
    ]
    notes.sort(key=lambda note: float(note["onset"]))
    return {"quarters": _quarters(starts[-1]), "notes": notes}


def _quarters(wholes: Fraction) -> float:
    return round(float(4 * wholes), _DECIMALS)
