"""Excerpts of tunes: whole measures of about a given number of symbols, with clef, key and meter."""

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

MAX_SYMBOLS = 60  # of a staff, as in the systems of a page
_BARLINE = re.compile(r"\tbarline[^\t]*(\t|$)")
_SIGNS = ("clef-", "keySignature-", "timeSignature-")
_BYTES_PER_SYMBOL = 22  # a long token and its tab
_FROM_THE_BEGINNING = 0.2  # share that starts at the beginning, with its pickup if it has one
_METER_SHOWN = 0.8
_NO_LAST_BARLINE = 0.25  # share of incipits
_LATER_DROPPED = 1  # mean number of symbols: a meter, a key without accidentals, the last barline


def excerpt(tune: Tune, random: Random, *, symbols: int, vary: bool = True) -> Score | None:
    """Cut some measures out of a tune.

    Args:
        tune: The tune.
        random: Draws the place and the variation.
        symbols: Target number of symbols; the excerpt comes as close as whole measures allow.
        vary: Vary clef, key, pitch and so on, in many excerpts.

    Returns:
        A staff of one part; None if there are no notes, or notes that a strip cannot show.

    Raises:
        NotationError: The tune's label is not grammatical.
    """
    start = 0
    if random.random() >= _FROM_THE_BEGINNING:  # after a barline anywhere
        barline = _BARLINE.search(tune.label, random.randrange(len(tune.label)))
        start = barline.end() if barline and barline.end() < len(tune.label) else 0
    signs = _signs_before(tune.label, start)
    tokens = _whole_measures(tune.label, start, symbols - len(signs) + _LATER_DROPPED)
    if tokens is None:
        return None
    measures = _with_lead(tokens_to_score([*signs, *tokens]).parts[0].measures, random)
    if random.random() < _NO_LAST_BARLINE and measures[-1].events:
        measures[-1] = replace(measures[-1], barline=None)
    part = Part(tuple(measures))
    if vary:
        part = varied(part, random)
    has_notes = any(isinstance(event, Note) for m in part.measures for event in flat_events(m))
    return Score((sound_accidentals(part),)) if has_notes and fits_strip(part) else None


def _signs_before(label: str, start: int) -> list[str]:
    """Return the clef, key and meter in effect at a position of the label."""
    found = []
    for kind in _SIGNS:
        place = label.rfind(kind, 0, start)
        if place >= 0:
            found.append(label[place : label.index("\t", place)])
    return found


def _whole_measures(label: str, start: int, symbols: int) -> list[str] | None:
    """Return tokens of whole measures from `start` on, as close to `symbols` in number as possible."""
    window = label[start : start + MAX_SYMBOLS * _BYTES_PER_SYMBOL]
    tokens = window.split("\t")
    ends = [place for place, token in enumerate(tokens, 1) if token.startswith("barline")]
    if start + len(window) >= len(label):
        ends.append(len(tokens))  # the last measure of a tune may have no barline
    elif ends and ends[-1] == len(tokens):
        ends.pop()  # the window may end inside the name of a barline
    ends = [end for end in ends if end <= MAX_SYMBOLS]
    if not ends:
        return None
    return tokens[: min(ends, key=lambda end: abs(end - symbols))]


def _with_lead(measures: Sequence[Measure], random: Random) -> list[Measure]:
    """Return the measures with each initial sign once, in the order clef, key and mostly meter."""
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
