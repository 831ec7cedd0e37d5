"""Beaming by the meter, for scores whose source says nothing of beams: readings, labels, MIDI, ABC.

The groups, where common practice leaves a choice:

    2/4 4/4 C 2/2 C/ ...   a half bar filled by eighths alone is one group; otherwise by quarter
    3/4 6/4                the same with three quarters
    3/8 6/8 9/8 12/8 ...   by three units: the dotted quarter of x/8
    5/8 7/8                3+2, 2+2+3
    other, unmetered       by quarter from the start of the bar

A rest ends a beam, a clef does not. A tuplet is a group of its own. Two or more consecutive grace notes form
a beam of their own, and the beam of the full-size notes continues across them.
"""

from collections import Counter
from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import accumulate, groupby

from focal_omr.score.score import (
    Barline,
    BeamPart,
    Chord,
    Duration,
    Event,
    Key,
    Meter,
    Part,
    Rest,
    Score,
    Tuplet,
    Voice,
)

__all__ = ["beam_by_meter", "beam_levels"]

_ZERO = Fraction(0)
_QUARTER = Fraction(1, 4)
_EIGHTH = Fraction(1, 8)
# Group lengths in units of the meter, for irregular meters.
_IRREGULAR = {5: (3, 2), 7: (2, 2, 3)}

# The group of an event; neighbours of one group share a beam.
_Group = Hashable
_BREAK: _Group = None  # not beamed, and ends a beam
_TRANSPARENT: _Group = "transparent"  # not beamed, but a beam continues across it


@dataclass(frozen=True, slots=True)
class _Beats:
    """Beam groups of a meter.

    Attributes:
        groups: Lengths of the groups of one bar, in whole notes.
        span: Length, in whole notes, over which eighths that fill it share one beam; None: none.
    """

    groups: tuple[Fraction, ...] = (_QUARTER,)
    span: Fraction | None = None

    def group(self, position: Fraction) -> _Group:
        """The group at a position in whole notes from the start of the bar."""
        if len(self.groups) == 1:
            return position // self.groups[0]
        bars, inside = divmod(position, sum(self.groups, _ZERO))
        return bars, sum(start <= inside for start in accumulate(self.groups, initial=_ZERO))


def beam_by_meter(score: Score) -> Score:
    """The score with beams on chords shorter than a quarter, by the groups of the meter.

    A score that has a beam anywhere is returned unchanged. A measure at the beginning, or after any barline
    but a plain one, that is shorter than its meter is a pickup: its beats are counted from its end.
    """
    if any(isinstance(event, Chord | Rest) and event.beams for *_, event in score.events()):
        return score
    return replace(score, parts=tuple(map(_beam_part, score.parts)))


def _beam_part(part: Part) -> Part:
    tuplets = _tuplets(part)
    meter: Meter | None = None
    before: Barline | None = None
    measures = []
    for measure in part.measures:
        meters = [(sign.onset, sign.value) for sign in measure.signs if isinstance(sign.value, Meter)]
        meter = next((value for onset, value in reversed(meters) if onset == 0), meter)
        full = meter.length if meter is not None else None
        opens = before != Barline() or measure.left is not None
        pickup = full is not None and opens and measure.right is not None
        start = max(full - measure.length, _ZERO) if full is not None and pickup else _ZERO
        breaks = {sign.onset for sign in measure.signs if sign.onset and isinstance(sign.value, Key | Meter)}
        beater = _VoiceBeamer(_beats(meter), start, tuplets, frozenset(breaks))
        measures.append(replace(measure, voices=tuple(map(beater.beamed, measure.voices))))
        meter, before = meters[-1][1] if meters else meter, measure.right
    return _with_brackets(replace(part, measures=tuple(measures)))


def _tuplets(part: Part) -> dict[str, int]:
    """For each event inside a tuplet, by its id, the number of the outermost one."""
    spans: dict[str, list[tuple[str, int]]] = {}
    for number, spanner in enumerate(part.spanners):
        if isinstance(spanner, Tuplet):
            spans.setdefault(spanner.start, []).append((spanner.end, number))
    if not spans:
        return {}
    found: dict[str, int] = {}
    for measure in part.measures:
        for voice in measure.voices:
            open_: list[tuple[str, int]] = []
            for event in voice.events:
                open_ += spans.get(event.id, ())
                if open_:
                    found[event.id] = open_[0][1]
                    open_ = [each for each in open_ if each[0] != event.id]
    return found


def _beats(meter: Meter | None) -> _Beats:
    if meter is None or meter.length is None or len(meter.terms) != 1:
        return _Beats()
    ((beats, number),) = meter.terms
    count, unit = sum(beats), Fraction(1, number)
    if len(beats) > 1:
        return _Beats(tuple(each * unit for each in beats))
    if number >= 8 and count % 3 == 0:
        return _Beats((3 * unit,))
    if number == 8 and count in _IRREGULAR:
        return _Beats(tuple(units * unit for units in _IRREGULAR[count]))
    if number == 4 and count in (3, 6):
        return _Beats(span=3 * _QUARTER)
    if number <= 4 and meter.length % Fraction(1, 2) == 0:
        return _Beats(span=Fraction(1, 2))
    return _Beats()


@dataclass(frozen=True, slots=True)
class _VoiceBeamer:
    """Sets the beams of the voices of one measure.

    Attributes:
        beats: Its groups.
        start: Position of its beginning in its bar, in whole notes.
        tuplets: As `_tuplets`.
        breaks: Onsets of keys and meters inside the measure, which end a beam.
    """

    beats: _Beats
    start: Fraction
    tuplets: Mapping[str, int]
    breaks: frozenset[Fraction]

    def beamed(self, voice: Voice) -> Voice:
        """The voice with its beams."""
        short = [isinstance(event, Chord) and event.duration.value < _QUARTER for event in voice.events]
        if sum(short) < 2:
            return voice
        events = list(voice.events)
        main = _runs(list(self._main_groups(voice.events)))
        # The beams of grace notes do not cross the bounds of a tuplet.
        graces: list[_Group] = [
            ("grace", self.tuplets.get(event.id))
            if is_short and isinstance(event, Chord) and event.grace
            else _BREAK
            for event, is_short in zip(events, short, strict=True)
        ]
        small = _runs(graces)
        for run in (*main, *small):
            chords = [chord for n in run if isinstance(chord := events[n], Chord)]
            levels = beam_levels([chord.duration for chord in chords])
            for place, chord, beams in zip(run, chords, levels, strict=True):
                events[place] = replace(chord, beams=beams)
        return replace(voice, events=tuple(events))

    def _main_groups(self, events: Sequence[Event]) -> Iterator[_Group]:
        """The group of each event."""
        span = self.beats.span
        filled = set() if span is None else self._filled(events, span)
        for event in events:
            position = self.start + event.onset
            if not isinstance(event, Chord):
                yield _BREAK
            elif event.grace:
                yield _TRANSPARENT
            elif event.duration.value >= _QUARTER:
                yield _BREAK
            else:
                broken = sum(onset <= event.onset for onset in self.breaks)
                tuplet = self.tuplets.get(event.id)
                if tuplet is not None:
                    yield "tuplet", tuplet
                elif span is not None and position // span in filled:
                    yield "span", position // span, broken
                else:
                    yield self.beats.group(position), broken

    def _filled(self, events: Sequence[Event], span: Fraction) -> set[int]:
        """Numbers of the spans of the bar that plain eighths on the beat fill."""
        counts = Counter(
            (self.start + event.onset) // span
            for event in events
            if isinstance(event, Chord | Rest)
            and (event.duration.value, event.duration.dots) == (_EIGHTH, 0)
            and event.length
            and event.id not in self.tuplets
            and (self.start + event.onset) % _EIGHTH == 0
        )
        return {number for number, count in counts.items() if count * _EIGHTH == span}


def _runs(groups: Sequence[_Group]) -> list[list[int]]:
    """The runs of two or more events of one group, by their places; each is a beam."""
    kept = [place for place, group in enumerate(groups) if group != _TRANSPARENT]
    runs = (list(run) for group, run in groupby(kept, key=lambda place: groups[place]) if group is not _BREAK)
    return [run for run in runs if len(run) > 1]


def beam_levels(durations: Sequence[Duration]) -> list[tuple[BeamPart, ...]]:
    """The beams of each chord of a beamed group, from the eighth beam on, by their durations."""
    counts = [max((_EIGHTH / duration.value).numerator.bit_length(), 1) for duration in durations]
    found = []
    for place, count in enumerate(counts):
        # A hook points to the dotted neighbour that its note completes, else back.
        following = durations[place + 1].dots if place + 1 < len(durations) else 0
        forward = place == 0 or following > durations[place - 1].dots
        levels: list[BeamPart] = []
        for level in range(1, count + 1):
            before = place > 0 and counts[place - 1] >= level
            after = place + 1 < len(counts) and counts[place + 1] >= level
            if before:
                levels.append("continue" if after else "end")
            else:
                levels.append("begin" if after else "forward hook" if forward else "backward hook")
        found.append(tuple(levels))
    return found


def _with_brackets(part: Part) -> Part:
    """The part, whose tuplets without word of it have a bracket where they are not one beam."""
    tuplets = [s for s in part.spanners if isinstance(s, Tuplet) and s.bracket is None]
    voices = [voice.events for measure in part.measures for voice in measure.voices] if tuplets else []
    places = {event.id: (events, n) for events in voices for n, event in enumerate(events)}
    if not any(isinstance(event, Chord) and event.beams for events in voices for event in events):
        return part
    brackets = {}
    for tuplet in tuplets:
        events, first = places[tuplet.start]
        inside = events[first : places[tuplet.end][1] + 1]
        brackets[tuplet] = not _is_one_beam(inside)
    spanners = tuple(replace(s, bracket=brackets[s]) if s in brackets else s for s in part.spanners)
    return replace(part, spanners=spanners)


def _is_one_beam(events: Sequence[Event]) -> bool:
    """Whether events are all chords, and the full-size ones exactly one beam."""
    if not all(isinstance(event, Chord) for event in events):
        return False
    firsts = [event.beams[:1] for event in events if isinstance(event, Chord) and not event.grace]
    inner = {*firsts[1:-1]} <= {("continue",)}
    return firsts[:1] == [("begin",)] and firsts[-1:] == [("end",)] and inner
