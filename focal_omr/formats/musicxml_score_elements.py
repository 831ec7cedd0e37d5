"""Elements of MusicXML written one at a time: signs, notes, marks, lyrics and directions."""

from collections.abc import Iterable, Sequence
from decimal import Decimal
from fractions import Fraction
from xml.etree import ElementTree as ET

from focal_omr.formats.musicxml_names import DYNAMICS, ELISION, JUMP_SOUNDS, TYPE_NAMES, UNREAD
from focal_omr.score.score import (
    Arpeggio,
    Articulation,
    Barline,
    ChordSymbol,
    Clef,
    Direction,
    Duration,
    Dynamic,
    Fermata,
    FiguredBass,
    Fingering,
    Jump,
    Key,
    Lyric,
    Mark,
    MeasureRepeat,
    Meter,
    MultiRest,
    Note,
    Ornament,
    Pitch,
    Rehearsal,
    Sign,
    StaffLines,
    Technique,
    Tempo,
    Transposition,
    Tremolo,
    Tuplet,
    Unread,
    Words,
)

__all__ = [
    "chord_symbol",
    "direction",
    "figured_bass",
    "line_direction",
    "sub",
    "tuplet_start",
    "write_lyric",
    "write_marks",
    "write_middle_barline",
    "write_pitch",
    "write_repeat_changes",
    "write_sign",
    "write_unread",
]

_SOUNDS = {kind: attribute for attribute, kind in JUMP_SOUNDS.items()}


def sub(parent: ET.Element, tag: str, text: str = "", attributes: dict[str, str] | None = None) -> ET.Element:
    """A new child of an element.

    Args:
        parent: The element.
        tag: Name of the child.
        text: Its text.
        attributes: Its attributes.
    """
    element = ET.SubElement(parent, tag, attributes or {})
    if text:
        element.text = text
    return element


def _placed(placement: str | None) -> dict[str, str]:
    return {"placement": placement} if placement else {}


def _decimal(value: Fraction) -> str:
    """A number with at most eight decimals."""
    text = f"{round(Decimal(value.numerator) / Decimal(value.denominator), 8):f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


# Signs ---------------------------------------------------------------------------------------------------


def without_doubles(signs: Sequence[Sign]) -> list[list[Sign]]:
    """The signs in groups, each with at most one of a kind for a staff: of two keys the last one holds."""
    groups: list[list[Sign]] = [[]]
    for sign in signs:
        if any(type(o.value) is type(sign.value) and o.staff == sign.staff for o in groups[-1]):
            groups.append([])
        groups[-1].append(sign)
    return groups


def write_sign(attributes: ET.Element, sign: Sign) -> None:
    """Write a sign into an <attributes> element; a clef and staff lines name their staff in any case."""
    how = {} if sign.staff is None else {"number": str(sign.staff)}
    if not sign.printed and not isinstance(sign.value, Transposition):
        how["print-object"] = "no"
    if sign.id and isinstance(sign.value, Clef | Key | Meter):
        how["id"] = sign.id
    match sign.value:
        case Key(fifths, cancel):
            element = sub(attributes, "key", "", how)
            if cancel is not None:
                sub(element, "cancel", str(cancel))
            sub(element, "fifths", str(fifths))
        case Meter(terms, symbol):
            element = sub(attributes, "time", "", how | ({"symbol": symbol} if symbol else {}))
            for beats, unit in terms:
                sub(element, "beats", "+".join(map(str, beats)))
                sub(element, "beat-type", str(unit))
            if not terms:
                sub(element, "senza-misura")
        case Clef(shape, line, octave):
            element = sub(attributes, "clef", "", {"number": "1"} | how)
            sub(element, "sign", shape)
            if shape not in ("none", "percussion") or line != 3:
                sub(element, "line", str(line))
            if octave:
                sub(element, "clef-octave-change", str(octave))
        case StaffLines(lines):
            element = sub(attributes, "staff-details", "", {"number": "1"} | how)
            sub(element, "staff-lines", str(lines))
        case Transposition(diatonic, chromatic):
            element = sub(attributes, "transpose", "", how)
            octaves = int(chromatic / 12) if chromatic % 12 == 0 else int(diatonic / 7)
            sub(element, "diatonic", str(diatonic - 7 * octaves))
            sub(element, "chromatic", str(chromatic - 12 * octaves))
            if octaves:
                sub(element, "octave-change", str(octaves))


def write_repeat_changes(
    attributes: ET.Element,
    multirest: MultiRest | None,
    before: dict[int, MeasureRepeat],
    now: dict[int, MeasureRepeat],
) -> None:
    """Write what changes in multi-measure rests and measure repeats.

    Args:
        attributes: The <attributes> element.
        multirest: A multi-measure rest that begins.
        before: Measure-repeat signs by staff in the measure before.
        now: Those in this measure.
    """
    if multirest is not None:
        sub(sub(attributes, "measure-style"), "multiple-rest", str(multirest.measures))
    for staff in sorted({*before, *now}):
        if (sign := now.get(staff)) == before.get(staff):
            continue
        style = sub(attributes, "measure-style", "", {"number": str(staff)})
        if sign is None:
            sub(style, "measure-repeat", "", {"type": "stop"})
        else:
            how = {"type": "start", "slashes": str(sign.slashes)}
            sub(style, "measure-repeat", str(sign.measures), how)


def write_middle_barline(measure: ET.Element, barline: Barline) -> None:
    """Write a barline inside a measure."""
    element = sub(measure, "barline", "", {"location": "middle"})
    sub(element, "bar-style", barline.style)
    if barline.repeat:
        sub(element, "repeat", "", {"direction": barline.repeat})


# Notes ---------------------------------------------------------------------------------------------------


def write_pitch(parent: ET.Element, note: Note) -> None:
    """Write the pitch of a note, or its place on a percussion staff."""
    if isinstance(note.pitch, Pitch):
        pitch = sub(parent, "pitch")
        sub(pitch, "step", note.pitch.step)
        if note.pitch.alter:
            sub(pitch, "alter", str(note.pitch.alter))
        sub(pitch, "octave", str(note.pitch.octave))
    else:
        unpitched = sub(parent, "unpitched")
        sub(unpitched, "display-step", note.pitch.step)
        sub(unpitched, "display-octave", str(note.pitch.octave))


def tuplet_start(tuplet: Tuplet, first: Duration | None, number: int) -> ET.Element:
    """The <tuplet> at the first note of a tuplet.

    Args:
        tuplet: The tuplet.
        first: Duration of its first event.
        number: Its number among the tuplets around it, from 1.
    """
    attributes = {"type": "start", "number": str(number)}
    if tuplet.bracket is not None:
        attributes["bracket"] = "yes" if tuplet.bracket else "no"
    if tuplet.number != "actual":
        attributes["show-number"] = tuplet.number
    element = ET.Element("tuplet", attributes | _placed(tuplet.placement))
    value = tuplet.value or first
    for tag, count in (("tuplet-actual", tuplet.actual), ("tuplet-normal", tuplet.normal)):
        group = sub(element, tag)
        sub(group, "tuplet-number", str(count))
        if value is not None:
            sub(group, "tuplet-type", TYPE_NAMES[value.value])
            for _ in range(tuplet.value.dots if tuplet.value else 0):
                sub(group, "tuplet-dot")
    return element


def write_marks(
    notations: ET.Element, marks: Iterable[Mark], trill_lines: Iterable[ET.Element], *, last: bool
) -> None:
    """Write the marks of a note, grouped as the schema wants them.

    Args:
        notations: The <notations> element.
        marks: Marks; lyrics among them are left out.
        trill_lines: <wavy-line> elements, which stand among the ornaments.
        last: Whether it is the highest note of its chord.
    """
    marks = tuple(marks)
    ornaments = [mark for mark in marks if isinstance(mark, Ornament | Tremolo)]
    wavy = list(trill_lines)
    if ornaments or wavy:
        group = sub(notations, "ornaments")
        for ornament in ornaments:
            if isinstance(ornament, Tremolo):
                sub(group, "tremolo", str(ornament.beams), {"type": ornament.between or "single"})
                continue
            sub(group, ornament.name, "", _placed(ornament.placement))
            for accidental, place in zip(ornament.accidentals, ("above", "below"), strict=False):
                sub(group, "accidental-mark", accidental, {"placement": place})
        group.extend(wavy)
    techniques = [mark for mark in marks if isinstance(mark, Technique | Fingering)]
    if techniques:
        group = sub(notations, "technical")
        for technique in techniques:
            name = "fingering" if isinstance(technique, Fingering) else technique.name
            sub(group, name, technique.text, _placed(technique.placement))
    articulations = [mark for mark in marks if isinstance(mark, Articulation)]
    if articulations:
        group = sub(notations, "articulations")
        for articulation in articulations:
            sub(group, articulation.name, "", _placed(articulation.placement))
    for mark in marks:
        if isinstance(mark, Fermata):
            kind = "inverted" if mark.placement == "below" else "upright"
            sub(notations, "fermata", "" if mark.shape == "normal" else mark.shape, {"type": kind})
        elif isinstance(mark, Arpeggio):
            group_number = {"number": mark.group} if mark.group else {}
            if mark.direction == "none":
                edge = {"type": "top" if last else "bottom"}
                sub(notations, "non-arpeggiate", "", edge | group_number)
            else:
                turn = {"direction": mark.direction} if mark.direction else {}
                sub(notations, "arpeggiate", "", turn | group_number)


def write_lyric(parent: ET.Element, lyric: Lyric) -> None:
    """Write a syllable; an undertie in it becomes an elision."""
    element = sub(parent, "lyric", "", {"number": lyric.verse} | _placed(lyric.placement))
    if lyric.text:
        sub(element, "syllabic", lyric.syllabic)
        for index, text in enumerate(lyric.text.split(ELISION)):
            if index:
                sub(element, "elision", ELISION)
            sub(element, "text", text)
    if lyric.extend:
        sub(element, "extend")


# Directions ----------------------------------------------------------------------------------------------


def line_direction(line: ET.Element, placement: str | None, staff: int | None) -> ET.Element:
    """The direction of one end of a hairpin, octave line or pedal.

    Args:
        line: The <wedge>, <octave-shift> or <pedal>.
        placement: Above or below, if known.
        staff: Its staff; None in a part with one.
    """
    element = ET.Element("direction", _placed(placement))
    sub(element, "direction-type").append(line)
    if staff is not None:
        sub(element, "staff", str(staff))
    return element


def write_filler(measure: ET.Element) -> None:
    """Write a rest without ink and room, where a measure has grace notes only: music21 10.5 divides by its
    length."""
    element = sub(measure, "note", "", {"print-object": "no", "print-spacing": "no"})
    sub(element, "rest")
    sub(element, "duration", "1")
    sub(element, "voice", "1")


def write_unread(measure: ET.Element, unread: Unread) -> None:
    """Write that a staff of the measure was seen but not read. MusicXML has no element for it; a <grouping>
    holds what an analysis adds to the music, and other programs pass over it."""
    grouping = sub(measure, "grouping", "", {"type": "single", "member-of": f"staff {unread.staff}"})
    sub(grouping, "feature", unread.reason, {"type": UNREAD})


def direction(value: Direction, staff: int | None) -> ET.Element:
    """What is printed at a moment of a staff, but for chord symbols and figured bass.

    Args:
        value: The direction.
        staff: Its staff; None in a part with one.
    """
    element = ET.Element("direction", _placed(value.placement))
    kind = sub(element, "direction-type")
    sound: dict[str, str] = {}
    match value.value:
        case Dynamic(text):
            dynamics = sub(kind, "dynamics")
            if text in DYNAMICS:
                sub(dynamics, text)
            else:
                sub(dynamics, "other-dynamics", text)
        case Words(text, style):
            font = {"font-style": "italic"} if "italic" in style else {}
            sub(kind, "words", text, font | ({"font-weight": "bold"} if "bold" in style else {}))
        case Rehearsal(text):
            sub(kind, "rehearsal", text)
        case Jump("segno" | "coda" as sign):
            sub(kind, sign)
            sound[sign] = sign
        case Jump(name, text):
            sub(kind, "words", text)
            sound[_SOUNDS[name]] = {"dal-segno": "segno", "to-coda": "coda"}.get(name, "yes")
        case Tempo(text, beat, per_minute, quarters):
            if text or beat is None:
                sub(kind, "words", text)
            if beat is not None:
                metronome = sub(sub(element, "direction-type") if text else kind, "metronome")
                sub(metronome, "beat-unit", TYPE_NAMES[beat.value])
                for _ in range(beat.dots):
                    sub(metronome, "beat-unit-dot")
                sub(metronome, "per-minute", "" if per_minute is None else _decimal(per_minute))
            if quarters is not None:
                sound["tempo"] = _decimal(quarters)
    if staff is not None:
        sub(element, "staff", str(staff))
    if sound:
        sub(element, "sound", "", sound)
    return element


def figured_bass(value: FiguredBass, placement: str | None, ticks: str | None) -> ET.Element:
    """Figures of a bass.

    Args:
        value: The figures.
        placement: Above or below, if known.
        ticks: Their duration in divisions, where they have one.
    """
    element = ET.Element("figured-bass", _placed(placement))
    for figure in value.figures:
        group = sub(element, "figure")
        for tag, text in zip(("prefix", "figure-number", "suffix"), figure, strict=True):
            if text:
                sub(group, tag, text)
    if ticks is not None:
        sub(element, "duration", ticks)
    return element


def chord_symbol(value: Direction, symbol: ChordSymbol, staff: int | None) -> ET.Element:
    """A chord symbol.

    Args:
        value: Its direction.
        symbol: Its value.
        staff: Its staff; None in a part with one.
    """
    element = ET.Element("harmony", _placed(value.placement))
    if symbol.root is None:
        sub(element, "function")
    for tag, tone in (("root", symbol.root), ("bass", symbol.bass)):
        if tag == "bass":
            sub(element, "kind", symbol.kind, {} if symbol.text is None else {"text": symbol.text})
        if tone is not None:
            group = sub(element, tag)
            sub(group, f"{tag}-step", tone[0])
            if tone[1]:
                sub(group, f"{tag}-alter", str(tone[1]))
    for type_, number, alter in symbol.degrees:
        degree = sub(element, "degree")
        sub(degree, "degree-value", str(number))
        sub(degree, "degree-alter", str(alter))
        sub(degree, "degree-type", type_)
    if staff is not None:
        sub(element, "staff", str(staff))
    return element
