"""Variations of a score: transposed, under another clef, in longer or shorter note values.

Each returns None where the music is not possible: a key beyond seven accidentals, a triple flat, a note value
or beam that does not exist.
"""

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from typing import Any

from focal_omr.score.score import (
    Chord,
    ChordSymbol,
    Clef,
    Direction,
    Event,
    Key,
    Measure,
    Meter,
    Note,
    Pitch,
    Rest,
    Score,
    Sign,
)
from focal_omr.score.signs import STEPS

__all__ = ["rescaled", "transposed", "under_clef"]

_FIFTHS = "FCGDAEB"
_NAMES = {-2: "flat-flat", -1: "flat", 0: "natural", 1: "sharp", 2: "double-sharp"}
_LONGEST, _SHORTEST = Fraction(2), Fraction(1, 256)
MapEvent = Callable[[Event], Event]


class _ImpossibleError(Exception):
    """The variation does not exist."""


def transposed(score: Score, fifths: int, octaves: int = 0) -> Score | None:
    """The score with all keys `fifths` further up the circle of fifths.

    Args:
        score: A score.
        fifths: Fifths up (positive) or down; the music moves by less than an octave.
        octaves: Octaves that the music moves besides.
    """
    steps = 4 * fifths % 7 + 7 * octaves

    def event(old: Event) -> Event:
        return _moved(old, steps, lambda pitch: _transposed_pitch(pitch, fifths, steps))

    def sign(old: Sign) -> Sign:
        if not isinstance(old.value, Key):
            return old
        if not -7 <= old.value.fifths + fifths <= 7:
            raise _ImpossibleError
        return replace(old, value=Key(old.value.fifths + fifths))

    def measure(old: Measure) -> Measure:
        directions = tuple(_transposed_symbol(each, fifths, steps) for each in old.directions)
        return replace(_mapped(old, event), signs=tuple(map(sign, old.signs)), directions=directions)

    return _each_measure(score, measure)


def under_clef(score: Score, part: int, clef: Clef) -> Score | None:
    """The score with the one staff of a part under another clef: every note stays at its position.

    Accidentals keep their relation to the key. None also for a part of several staves or clefs.

    Args:
        score: A score.
        part: Index of the part.
        clef: The new clef.
    """
    chosen = score.parts[part]
    clefs = {s.value for m in chosen.measures for s in m.signs if isinstance(s.value, Clef)}
    if len(clefs) != 1 or chosen.staves != 1 or {c.shape for c in (*clefs, clef)} & {"percussion", "TAB"}:
        return None
    steps = clef.lowest_line - clefs.pop().lowest_line
    key = Key(0)

    def change(pitch: Pitch) -> Pitch:
        diatonic = pitch.diatonic + steps
        return _pitch(diatonic, key.alter(STEPS[diatonic % 7]) + pitch.alter - key.alter(pitch.step))

    def measure(old: Measure) -> Measure:
        nonlocal key
        key = next((s.value for s in reversed(old.signs) if isinstance(s.value, Key)), key)
        signs = tuple(replace(s, value=clef) if isinstance(s.value, Clef) else s for s in old.signs)
        return replace(_mapped(old, lambda event: _moved(event, steps, change)), signs=signs)

    changed = _each_measure(replace(score, parts=(chosen,)), measure)
    if changed is None:
        return None
    return replace(score, parts=(*score.parts[:part], changed.parts[0], *score.parts[part + 1 :]))


def rescaled(score: Score, doublings: int) -> Score | None:
    """The score in note values `2 ** doublings` times as long, under meters of the same beats.

    Beams of notes that become quarters go; notes that become eighths get flags.
    """
    factor = Fraction(2) ** doublings

    def measure(old: Measure) -> Measure:
        return replace(
            _mapped(old, lambda event: _rescaled_event(event, doublings)),
            signs=tuple(replace(s, onset=s.onset * factor, value=_meter(s.value, factor)) for s in old.signs),
            directions=tuple(replace(each, onset=each.onset * factor) for each in old.directions),
            barlines=tuple((onset * factor, line) for onset, line in old.barlines),
        )

    changed = _each_measure(score, measure)
    if changed is None:
        return None
    parts = tuple(
        replace(part, spanners=tuple(_rescaled_spanner(each, factor) for each in part.spanners))
        for part in changed.parts
    )
    return replace(changed, parts=parts)


def _each_measure(score: Score, change: Callable[[Measure], Measure]) -> Score | None:
    try:
        parts = [replace(part, measures=tuple(map(change, part.measures))) for part in score.parts]
    except _ImpossibleError:
        return None
    return replace(score, parts=tuple(parts))


def _mapped(measure: Measure, change: MapEvent) -> Measure:
    voices = tuple(replace(voice, events=tuple(map(change, voice.events))) for voice in measure.voices)
    return replace(measure, voices=voices)


# Pitches ---------------------------------------------------------------------------------------------------


def _moved(event: Event, steps: int, change: Callable[[Pitch], Pitch]) -> Event:
    if isinstance(event, Rest):
        return event if event.position is None else replace(event, position=event.position + steps)
    if not isinstance(event, Chord):
        return event
    notes: list[Note] = []
    for note in event.notes:
        if isinstance(note.pitch, Pitch):
            pitch = change(note.pitch)
            note = replace(note, pitch=pitch, accidental=note.accidental and _NAMES[pitch.alter])
        notes.append(note)
    return replace(event, notes=tuple(notes))


def _pitch(diatonic: int, alter: int) -> Pitch:
    if abs(alter) > 2:
        raise _ImpossibleError
    return Pitch(STEPS[diatonic % 7], diatonic // 7, alter)


def _transposed_pitch(pitch: Pitch, fifths: int, steps: int) -> Pitch:
    diatonic = pitch.diatonic + steps
    place = _FIFTHS.index(pitch.step) + 7 * pitch.alter + fifths
    return _pitch(diatonic, (place - _FIFTHS.index(STEPS[diatonic % 7])) // 7)


def _transposed_symbol(direction: Direction, fifths: int, steps: int) -> Direction:
    symbol = direction.value
    if not isinstance(symbol, ChordSymbol):
        return direction

    def moved(name: tuple[str, int] | None) -> tuple[str, int] | None:
        if name is None:
            return None
        pitch = _transposed_pitch(Pitch(name[0], 4, name[1]), fifths, steps)  # type: ignore[arg-type]
        return pitch.step, pitch.alter

    return replace(direction, value=replace(symbol, root=moved(symbol.root), bass=moved(symbol.bass)))


# Note values -----------------------------------------------------------------------------------------------


def _rescaled_event(event: Event, doublings: int) -> Event:
    factor = Fraction(2) ** doublings
    event = replace(event, onset=event.onset * factor, length=event.length * factor)
    if not isinstance(event, Chord | Rest) or (isinstance(event, Rest) and event.measure):
        return event
    value = event.duration.value * factor
    if not _SHORTEST <= value <= _LONGEST:
        raise _ImpossibleError
    beams = (*event.beams[:1] * -doublings, *event.beams[max(doublings, 0) :])
    if beams and beams[0] not in ("begin", "continue", "end"):
        beams = ()  # a hook alone
    return replace(event, duration=replace(event.duration, value=value), beams=beams)


def _meter(value: Any, factor: Fraction) -> Any:
    if not isinstance(value, Meter):
        return value
    terms = []
    for beats, unit in value.terms:
        new = unit / factor
        if new.denominator != 1 or new > 16:
            raise _ImpossibleError
        terms.append((beats, int(new)))
    return Meter(tuple(terms))


def _rescaled_spanner(spanner: Any, factor: Fraction) -> Any:
    changes: dict[str, Any] = {}
    for name in ("start", "end"):
        moment = getattr(spanner, name)
        if hasattr(moment, "onset"):
            changes[name] = replace(moment, onset=moment.onset * factor)
    value = getattr(spanner, "value", None)
    if value is not None:
        changes["value"] = replace(value, value=value.value * factor)
    return replace(spanner, **changes) if changes else spanner
