"""The symbols that a part prints: semantic tokens that know which event or measure they belong to."""

from collections.abc import Iterator
from typing import Literal, NamedTuple

from focal_omr.editing.hearing import ALTERS
from focal_omr.editing.part_editor import PartEditor
from focal_omr.editing.part_rows import Spot
from focal_omr.encodings.one_voice import METER_SYMBOLS, NO_BARLINE
from focal_omr.encodings.semantic import note_token, sign_token
from focal_omr.score import records
from focal_omr.score.score import (
    Barline,
    Chord,
    Clef,
    Event,
    Fermata,
    Key,
    Measure,
    Meter,
    Pitch,
    Rest,
    Sign,
    Tuplet,
    Voice,
)

__all__ = ["InForce", "Printed", "Target", "printed"]

_VALUES = {value: name for name, value in records.NOTE_VALUES.items()}
_SYMBOLS = {name: symbol for symbol, name in METER_SYMBOLS.items()}
_STYLES: dict[str, records.BarlineKind] = {"light-light": "double", "light-heavy": "final"}

Mark = Literal["", "accidental", "tie", "tuplet", "tuplet end", "barline", "left barline"]


class Target(NamedTuple):
    """What a symbol stands for.

    Attributes:
        id: Of a note, a rest, a sign; of the measure of a barline; of the first or last event of a tuplet.
        mark: Which symbol of it; "" for the note, rest or sign itself.
    """

    id: str
    mark: Mark = ""


class InForce(NamedTuple):
    """Tokens of the signs in force; "" where none was printed."""

    clef: str = ""
    key: str = ""
    meter: str = ""


class Printed(NamedTuple):
    """A symbol: what it stands for, its token, and the signs in force before it."""

    target: Target
    token: str
    in_force: InForce


def printed(part: PartEditor, first: int, last: int) -> Iterator[Printed]:
    """The symbols of a part's measures from left to right, voice by voice.

    Args:
        part: The part.
        first: Index of the first measure.
        last: Index after the last one.
    """
    tuplets = [spanner for spanner in part.spanners if isinstance(spanner, Tuplet)]
    starts, ends = ({getattr(t, end): t for t in tuplets} for end in ("start", "end"))
    held = InForce()  # the tokens of the signs in force before the measure
    for measure in part.measures[:first]:
        for sign in measure.signs:
            if (token := sign_text(sign)) is not None:
                held = held._replace(**{type(sign.value).__name__.lower(): token})
    for index in range(first, last):
        measure = part.measures[index]
        multirest = part.multirest(index)
        for voice in measure.voices or (Voice(1, ()),):
            staff = voice.events[0].staff if voice.events else 1
            spot = Spot(index, voice.number, staff, 0)
            key = part.key(spot)
            for item in part.row(spot):
                if isinstance(item, Barline):
                    yield Printed(Target(measure.id, "left barline"), "barline-repeat_start", held)
                elif isinstance(item, Sign):
                    key = item.value if isinstance(item.value, Key) else key
                    if (token := sign_text(item)) is not None:
                        yield Printed(Target(item.id), token, held)
                        held = held._replace(**{type(item.value).__name__.lower(): token})
                else:
                    if item.id in starts:
                        yield Printed(Target(item.id, "tuplet"), f"tuplet-{starts[item.id].actual}", held)
                    if multirest is None:
                        for target, token in _event(item, key):
                            yield Printed(target, token, held)
                    elif multirest.start == index:
                        yield Printed(Target(item.id), f"multirest-{len(multirest)}", held)
                    if item.id in ends:
                        yield Printed(Target(item.id, "tuplet end"), "tuplet-end", held)
        following = part.measures[index + 1] if index + 1 < len(part.measures) else None
        if (kind := barline_kind(measure, following)) and (multirest is None or multirest.stop == index + 1):
            token = "barline" if kind == "single" else f"barline-{kind}"
            yield Printed(Target(measure.id, "barline"), token, held)


def _event(item: Event, key: Key) -> Iterator[tuple[Target, str]]:
    if isinstance(item, Chord):
        for note in item.notes:
            if not isinstance(note.pitch, Pitch):
                continue
            own, usual = ALTERS.get(note.accidental or ""), key.alter(note.pitch.step)
            if own == usual:
                yield Target(note.id, "accidental"), "accidental"
            pitch = Pitch(note.pitch.step, note.pitch.octave, usual if own is None else own)
            grace, held = item.grace is not None, _held(item)
            yield Target(note.id), note_token(records.Note(pitch, _duration(item), grace=grace, fermata=held))
            if note.tie_to is not None:
                yield Target(note.id, "tie"), "tie"
    elif isinstance(item, Rest):
        yield Target(item.id), sign_token(records.Rest(_duration(item), _held(item)))


def _duration(event: Chord | Rest) -> records.Duration:
    return records.Duration(_VALUES[event.duration.value], event.duration.dots)


def _held(event: Chord | Rest) -> bool:
    return any(isinstance(mark, Fermata) for mark in event.marks)


def sign_text(sign: Sign) -> str | None:
    """The token of a clef, key or meter; None if it has none."""
    match sign.value:
        case Clef(shape=("G" | "F" | "C") as shape, line=line):
            return f"clef-{shape}{line}"
        case Key(fifths=fifths):
            return sign_token(records.Key(fifths))
        case Meter(terms=terms, symbol=symbol) if terms:
            (beats, unit), *_ = terms
            return f"timeSignature-{_SYMBOLS.get(symbol or '') or f'{sum(beats)}/{unit}'}"
    return None


def barline_kind(measure: Measure, following: Measure | None) -> records.BarlineKind | None:
    """The kind of the barline between two measures; None: none is printed."""
    right, left = measure.right, following.left if following else None
    opens = bool(left and left.repeat == "forward" and following and following.left_after is None)
    if right is not None and right.repeat == "backward":
        return "repeat_both" if opens or right.style == "heavy-heavy" else "repeat_end"
    if opens or (right is not None and right.repeat == "forward"):
        return "repeat_start"
    if right is None or right == NO_BARLINE:
        return None
    return _STYLES.get(right.style, "single")
