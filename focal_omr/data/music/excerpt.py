"""Staves cut out of tunes: whole bars, about as many symbols as asked for, under clef, key and meter."""

import re
from collections.abc import Sequence
from dataclasses import replace
from random import Random

from focal_omr.data.music.clefs import fits_strip
from focal_omr.data.music.collection import Tune
from focal_omr.data.music.vary import varied
from focal_omr.encodings.semantic import tokens_to_score
from focal_omr.score.accidentals import sound_accidentals
from focal_omr.score.records import Clef, Event, Key, Measure, Meter, Note, Part, Score, flat_events

# The most symbols of a staff; the systems of a page have about 60.
LONGEST = 60
_BARLINE = re.compile(r"\tbarline[^\t]*(\t|$)")
_SIGNS = ("clef-", "keySignature-", "timeSignature-")
_BYTES_PER_SYMBOL = 22  # a long token and its tab
# Where staves come from and how they end.
_FROM_THE_BEGINNING = 0.2  # with its pickup, if it has one
_METER_SHOWN = 0.8
_NO_LAST_BARLINE = 0.25  # as many incipits end
_LATER_DROPPED = 1  # symbols, in the mean: a meter, a key of no signs, the last barline


def excerpt(tune: Tune, random: Random, *, symbols: int, vary: bool = True) -> Score | None:
    """Some bars of a tune, varied or as they are.

    Args:
        tune: Where they come from.
        random: Draws the place and the variation.
        symbols: About how many symbols the staff shall have; with all its bars whole, it comes as close as it
            can.
        vary: Another clef, key, place and so on than the tune has, in many of them.

    Returns:
        A staff of one part; None where the place has no music, or one that a strip does not show.

    Raises:
        NotationError: The tune's label is not grammatical.
    """
    start = _start(tune.label, random)
    signs = _signs_before(tune.label, start)
    bars = _whole_bars(tune.label, start, symbols - len(signs) + _LATER_DROPPED)
    if bars is None:
        return None
    measures = _lead(tokens_to_score([*signs, *bars]).parts[0].measures, random)
    part = Part(tuple(_ended(measures, random)))
    if vary:
        part = varied(part, random)
    return Score((sound_accidentals(part),)) if _has_notes(part) and fits_strip(part) else None


def _has_notes(part: Part) -> bool:
    return any(isinstance(event, Note) for measure in part.measures for event in flat_events(measure))


def _start(label: str, random: Random) -> int:
    """The place of a bar's first token: the first one's, or that of a bar anywhere."""
    if random.random() < _FROM_THE_BEGINNING:
        return 0
    barline = _BARLINE.search(label, random.randrange(len(label)))
    return barline.end() if barline and barline.end() < len(label) else 0


def _signs_before(label: str, start: int) -> list[str]:
    """The clef, key and meter that hold where a bar begins."""
    found = []
    for kind in _SIGNS:
        place = label.rfind(kind, 0, start)
        if place >= 0:
            found.append(label[place : label.index("\t", place)])
    return found


def _whole_bars(label: str, start: int, symbols: int) -> list[str] | None:
    """The tokens of the bars from `start` on whose number comes closest to `symbols`."""
    window = label[start : start + LONGEST * _BYTES_PER_SYMBOL]
    tokens = window.split("\t")
    ends = [place for place, token in enumerate(tokens, 1) if token.startswith("barline")]
    if start + len(window) >= len(label):
        ends.append(len(tokens))  # the last bar of a tune may have no barline
    elif ends and ends[-1] == len(tokens):
        ends.pop()  # the window may end inside the name of a barline
    ends = [end for end in ends if end <= LONGEST]
    if not ends:
        return None
    return tokens[: min(ends, key=lambda end: abs(end - symbols))]


def _lead(measures: Sequence[Measure], random: Random) -> list[Measure]:
    """The measures with each sign of their beginning once, in the order clef, key and mostly meter."""
    events = list(measures[0].events)
    signs: dict[type, Event] = {Clef: Clef("G", 2)}
    while events and isinstance(events[0], Clef | Key | Meter):
        sign = events.pop(0)
        signs[type(sign)] = sign
    if signs.get(Key) == Key(0):
        del signs[Key]  # nothing is printed for it
    if random.random() >= _METER_SHOWN:
        signs.pop(Meter, None)
    lead = [signs[kind] for kind in (Clef, Key, Meter) if kind in signs]
    return [replace(measures[0], events=(*lead, *events)), *measures[1:]]


def _ended(measures: Sequence[Measure], random: Random) -> list[Measure]:
    """The measures without their last barline, as some staves are, or with the one that they have."""
    last = measures[-1]
    if random.random() < _NO_LAST_BARLINE and last.events:
        last = replace(last, barline=None)
    return [*measures[:-1], last]
