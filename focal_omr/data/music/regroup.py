"""Other staves for the same music: one staff of a part alone, or two parts on one staff."""

from dataclasses import replace
from itertools import zip_longest

from focal_omr.score.score import (
    Chord,
    Clef,
    Ending,
    Event,
    Hairpin,
    Lyric,
    Measure,
    Ottava,
    Part,
    Pedal,
    Rest,
    Spanner,
    Voice,
)

__all__ = ["on_one_staff", "one_staff"]


def one_staff(part: Part, staff: int) -> Part | None:
    """The part of one staff alone; None if a voice goes from staff to staff."""
    measures = []
    for measure in part.measures:
        voices = []
        for voice in measure.voices:
            staves = {event.staff for event in voice.events}
            staves |= {
                note.staff for e in voice.events if isinstance(e, Chord) for note in e.notes if note.staff
            }
            if staff in staves and len(staves) > 1:
                return None
            if staff in staves:
                voices.append(replace(voice, events=tuple(replace(e, staff=1) for e in voice.events)))
        if not voices:
            return None
        measures.append(
            replace(
                measure,
                voices=tuple(voices),
                signs=tuple(replace(s, staff=None) for s in measure.signs if s.staff in (None, staff)),
                directions=tuple(replace(d, staff=1) for d in measure.directions if d.staff == staff),
                repeats=tuple((1, repeat) for number, repeat in measure.repeats if number == staff),
                unread=tuple(replace(u, staff=1) for u in measure.unread if u.staff == staff),
            )
        )
    ids = {e.id for m in measures for v in m.voices for e in v.events}
    ids |= {
        n.id for m in measures for v in m.voices for e in v.events if isinstance(e, Chord) for n in e.notes
    }
    spanners: list[Spanner] = []
    for spanner in part.spanners:
        if isinstance(spanner, Hairpin | Ottava | Pedal):
            if spanner.start.staff == staff:
                ends = replace(spanner.start, staff=1), replace(spanner.end, staff=1)
                spanners.append(replace(spanner, start=ends[0], end=ends[1]))
        elif spanner.start in ids and spanner.end in ids:
            spanners.append(spanner)
    return replace(part, measures=tuple(measures), staves=1, spanners=tuple(spanners))


def on_one_staff(upper: Part, lower: Part) -> Part | None:
    """Two parts of one voice each on one staff, with stems up and down, under the clef of the lower one.

    Lyrics are those of the upper part. None where a part has several voices, or a clef changes.
    """
    clefs = {
        s.value
        for part in (upper, lower)
        for m in part.measures
        for s in m.signs
        if isinstance(s.value, Clef)
    }
    if len(clefs) > 2 or any(clef.shape not in "GFC" for clef in clefs) or upper.staves + lower.staves > 2:
        return None
    measures = []
    for one, other in zip_longest(upper.measures, lower.measures):
        if one is None or other is None or len(one.voices) != 1 or len(other.voices) != 1:
            return None
        if one.length != other.length or one.unread or other.unread or one.multirest or other.multirest:
            return None
        measures.append(_joined(one, other))
    spanners = (*upper.spanners, *lower.spanners)
    if any(isinstance(spanner, Ottava | Ending) for spanner in spanners):
        return None  # they would hold for both, or name a measure that is gone
    kept = tuple(spanner for spanner in spanners if not isinstance(spanner, Hairpin | Pedal))
    return replace(lower, measures=tuple(measures), spanners=kept)


def _joined(upper: Measure, lower: Measure) -> Measure:
    """The measure of the lower part with the upper one's voice as its first."""
    voices = [
        Voice(number, tuple(_stemmed(event, stem) for event in measure.voices[0].events))
        for number, (measure, stem) in enumerate(((upper, "up"), (lower, "down")), 1)
    ]
    if all(isinstance(voice.events[0], Rest) and voice.events[0].measure for voice in voices):
        voices.pop()
    return replace(lower, voices=tuple(voices), directions=upper.directions)


def _stemmed(event: Event, stem: str) -> Event:
    if not isinstance(event, Chord):
        return event
    marks = event.marks if stem == "up" else tuple(m for m in event.marks if not isinstance(m, Lyric))
    return replace(event, stem="up" if event.grace or stem == "up" else "down", marks=marks)
