"""Symbols of staves read as columns: notes, rests and signs with their boxes, names and confidence."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from focal_omr.calibration import apply_calibration
from focal_omr.decode.columns import DecodedColumn, note_confidence
from focal_omr.document.document import Symbol
from focal_omr.document.geometry import Box, clipped, strip_polygons
from focal_omr.encodings.columns import Column, Group, NoteColumn, SignColumn
from focal_omr.encodings.semantic import ACCIDENTAL_SIGNS, KEY_NAMES
from focal_omr.score.records import NOTE_VALUES
from focal_omr.score.score import Clef, Key, Meter, Note, Pitch
from focal_omr.staff.find import Staff
from focal_omr.staff.strip import MIDDLE_LINE_PX, STAFF_SPACE_PX

__all__ = ["column_symbols", "with_sources"]

_NAMES = {value: name for name, value in NOTE_VALUES.items()}
# Half width, top and bottom, in staff spaces from the middle of the staff downwards.
_NOTE_SPACES, _REST, _BARLINE, _SIGN = 0.7, (0.8, -1.5, 1.5), (0.4, -2.0, 2.0), (1.2, -2.0, 2.0)


def with_sources(columns: Sequence[DecodedColumn], prefix: str) -> tuple[DecodedColumn, ...]:
    """Columns whose groups and heads have names, by which they are found in the score made of them.

    Args:
        columns: Of one staff.
        prefix: Distinguishes the staff from all others.
    """
    named = []
    for number, each in enumerate(columns):
        if isinstance(each.column, NoteColumn):
            groups: list[Group | None] = []
            for stem, group in enumerate(each.column.groups):
                if group is not None:
                    source = f"{prefix}.{number}.{stem}"
                    heads = tuple(
                        (p, replace(h, note=f"{source}.{n}")) for n, (p, h) in enumerate(group.heads)
                    )
                    group = replace(group, heads=heads, event=source)
                groups.append(group)
            up, down, third = groups
            each = replace(each, column=replace(each.column, groups=(up, down, third)))
        named.append(each)
    return tuple(named)


def column_symbols(
    columns: Sequence[DecodedColumn],
    staff: Staff,
    ids: Mapping[str, str],
    notes: Mapping[str, Note],
    *,
    frame_px: int,
    calibration: tuple[float, float],
    size: tuple[int, int],
) -> tuple[Symbol, ...]:
    """The symbols of a staff, from left to right.

    Args:
        columns: Its columns, with the names of `with_sources`.
        staff: The staff on the page.
        ids: Ids of events and notes in the score by those names.
        notes: Notes of the score by id.
        frame_px: Strip pixels per frame.
        calibration: (slope, offset) of the confidence.
        size: Width and height of the page, to which boxes are clipped.
    """
    found: list[tuple[str, Box, float, str | None, str | None]] = []
    for each in columns:
        middle = (each.peak_frame + 0.5) * frame_px
        if isinstance(each.column, NoteColumn):
            found += _notes(each, middle, ids, notes)
        elif each.column is not None:
            shape = _BARLINE if each.column.kind == "barline" else _SIGN
            found.append((_sign_token(each.column), _box(middle, *shape), each.confidence, None, None))
    polygons = strip_polygons(staff, [box for _, box, *_ in found])
    return tuple(
        Symbol(
            token, clipped(polygon, *size), apply_calibration(confidence, calibration), event=event, note=note
        )
        for (token, _, confidence, event, note), polygon in zip(found, polygons, strict=True)
    )


def _notes(
    decoded: DecodedColumn, middle: float, ids: Mapping[str, str], notes: Mapping[str, Note]
) -> Iterator[tuple[str, Box, float, str | None, str | None]]:
    """Token, box on the strip, confidence, event and note of each head and rest of a column."""
    assert isinstance(decoded.column, NoteColumn)
    for stem, group in enumerate(decoded.column.groups):
        if group is None:
            continue
        event = ids.get(group.event)
        value, duration = "whole", group.duration
        if duration is not None:
            value = _NAMES.get(duration.value, str(duration.value)) + "." * duration.dots
        fermata = "_fermata" if group.fermata else ""
        if not group.heads:
            confidence = note_confidence(decoded, stem, None)
            yield f"rest-{value}{fermata}", _box(middle, *_REST), confidence, event, None
        for position, head in group.heads:
            note = ids.get(head.note)
            kind = "gracenote" if group.grace else "note"
            down = (4 - position) / 2  # staff spaces below the middle line
            box = _box(middle, 0.9, down - _NOTE_SPACES, down + _NOTE_SPACES)
            pitch = "?"
            if (known := notes.get(note or "")) is not None:
                alter = known.pitch.alter if isinstance(known.pitch, Pitch) else 0
                pitch = f"{known.pitch.step}{ACCIDENTAL_SIGNS.get(alter, '')}{known.pitch.octave}"
            token = f"{kind}-{pitch}_{value}{fermata}"
            yield token, box, note_confidence(decoded, stem, position), event, note


def _box(middle: float, half: float, top: float, bottom: float) -> Box:
    """A box on the strip in pixels, of sizes in staff spaces."""
    space = STAFF_SPACE_PX
    return (
        middle - half * space,
        MIDDLE_LINE_PX + top * space,
        middle + half * space,
        MIDDLE_LINE_PX + bottom * space,
    )


def _sign_token(column: Column) -> str:
    """The semantic token of a sign, or a name like one."""
    assert isinstance(column, SignColumn)
    match column.value:
        case Clef() as clef:
            return f"clef-{clef.shape}{clef.line}" + (f"{8 * clef.octave:+d}" if clef.octave else "")
        case Key() as key:
            return f"keySignature-{KEY_NAMES[key.fifths]}"
        case Meter(terms=terms, symbol=symbol):
            names = {"common": "C", "cut": "C/"}
            told = "+".join(f"{'+'.join(map(str, beats))}/{unit}" for beats, unit in terms)
            return f"timeSignature-{names.get(symbol or '', told or 'none')}"
    if column.kind == "barline":
        return "barline" if column.value == "single" else f"barline-{str(column.value).replace('-', '_')}"
    return f"{column.kind}-{column.value}"
