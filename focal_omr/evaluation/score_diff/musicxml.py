"""MusicXML as a judge reads it: chords, several voices and staves and all, without a `Score` between.

Pitches are those of <pitch>, which a transposing instrument reads; durations are those of <type>, <dot> and
<time-modification>, and of <duration> where a note has no type.

Source: MusicXML 4.0, W3C Community Group final report.
"""

import re
from collections.abc import Collection
from dataclasses import dataclass, field
from fractions import Fraction
from xml.etree import ElementTree as ET

from focal_omr.errors import NotationError
from focal_omr.evaluation.score_diff.records import Bar, NoteEvent, VoicedPart

__all__ = ["musicxml_parts", "only_parts"]

# No exponents, which make numbers of a million digits.
_NUMBER = re.compile(r"[+-]?(?:[0-9]{1,9}(?:\.[0-9]{0,9})?|\.[0-9]{1,9})")
# Quarters of each <type>.
_QUARTERS = {
    "maxima": Fraction(32),
    "long": Fraction(16),
    "breve": Fraction(8),
    "whole": Fraction(4),
    "half": Fraction(2),
    "quarter": Fraction(1),
    "eighth": Fraction(1, 2),
    **{name: Fraction(4, int(name[:-2])) for name in ("16th", "64th", "128th", "256th", "512th", "1024th")},
    "32nd": Fraction(1, 8),
}


def musicxml_parts(root: ET.Element) -> list[VoicedPart]:
    """Every staff of a <score-partwise> document; those of a part of several are numbered.

    Raises:
        NotationError: Another document, no part, or an element whose text is not what it has to be.
    """
    if root.tag != "score-partwise":
        raise NotationError(f"a <{root.tag}> document; needed is MusicXML of the kind <score-partwise>")
    names = {e.get("id", ""): (e.findtext("part-name") or "").strip() for e in root.iter("score-part")}
    parts: list[VoicedPart] = []
    for part in root.iterfind("part"):
        parts += _staves(part, names.get(part.get("id", ""), ""))
    if not parts:
        raise NotationError("a MusicXML document without a <part>")
    return parts


def only_parts(root: ET.Element, sources: Collection[str]) -> ET.Element:
    """The document with the parts of these ids, and no others."""
    alone = ET.Element(root.tag, root.attrib)
    for child in root:
        if child.tag == "part-list":
            kept = [e for e in child if e.tag == "score-part" and e.get("id") in sources]
            ET.SubElement(alone, "part-list").extend(kept)
        elif child.tag != "part" or child.get("id") in sources:
            alone.append(child)
    return alone


def _staves(part: ET.Element, name: str) -> list[VoicedPart]:
    staves = sorted({note.findtext("staff") or "1" for note in part.iter("note")} or {"1"})
    readers = {staff: _StaffReader() for staff in staves}
    divisions = Fraction(1)
    for index, measure in enumerate(part.iterfind("measure"), 1):
        try:
            divisions = _measure(measure, index, divisions, readers)
        except (ValueError, ZeroDivisionError) as error:
            raise NotationError(f"part {name or part.get('id')!r}, measure {index}: {error}") from None
    several = len(staves) > 1
    return [
        VoicedPart(f"{name} staff {staff}".strip() if several else name, tuple(r.bars), part.get("id", ""))
        for staff, r in readers.items()
    ]


@dataclass
class _StaffReader:
    """The bars of one staff, and what was seen of the present one."""

    bars: list[Bar] = field(default_factory=list)
    notes: list[NoteEvent] = field(default_factory=list)
    voices: set[str] = field(default_factory=set)
    has_chord: bool = False

    def hear(self, note: ET.Element, index: int, onset: Fraction, lasts: Fraction) -> None:
        """Take note of a <note> that takes time and can be seen."""
        self.voices.add(note.findtext("voice") or "1")
        if note.find("rest") is None:
            self.has_chord |= note.find("chord") is not None
            self.notes.append(_event(note, index, onset, lasts))

    def close(self, index: int, number: str, length: Fraction) -> None:
        """End the bar."""
        notes = tuple(sorted(self.notes, key=lambda note: note.onset))
        self.bars.append(Bar(index, number, notes, length, self.has_chord or len(self.voices) > 1))
        self.notes, self.voices, self.has_chord = [], set(), False


def _measure(
    measure: ET.Element, index: int, divisions: Fraction, readers: dict[str, _StaffReader]
) -> Fraction:
    """Read a measure of all staves; the divisions of a quarter that hold after it."""
    now = onset = length = Fraction(0)
    for element in measure:
        if element.tag == "attributes":
            divisions = _number(element, "divisions", divisions)
        elif element.tag in ("backup", "forward"):
            step = _number(element, "duration") / divisions
            now += step if element.tag == "forward" else -step
        elif element.tag == "note" and element.find("grace") is None:
            lasts = _number(element, "duration") / divisions
            if element.find("chord") is None:
                onset = now
                now += lasts
            if element.get("print-object") != "no":
                readers[element.findtext("staff") or "1"].hear(element, index, onset, lasts)
        length = max(length, now)
    for reader in readers.values():
        reader.close(index, measure.get("number", ""), length)
    return divisions


def _event(note: ET.Element, index: int, onset: Fraction, lasts: Fraction) -> NoteEvent:
    pitch = note.find("pitch")
    if pitch is not None:
        step, alter = pitch.findtext("step") or "", float(_number(pitch, "alter", Fraction(0)))
        octave = int(_number(pitch, "octave"))
    else:  # of percussion: where it stands
        step, alter = note.findtext("unpitched/display-step") or "", 0.0
        octave = int(note.findtext("unpitched/display-octave") or 0)
    return NoteEvent(index, onset, step, alter, octave, _written(note) or lasts)


def _written(note: ET.Element) -> Fraction | None:
    """Quarters that a note is written to last; None where its <type> is not told."""
    kind = note.findtext("type")
    if kind is None:
        return None
    if kind not in _QUARTERS:
        raise ValueError(f"a note of the type {kind!r}; known are {', '.join(_QUARTERS)}")
    length = _QUARTERS[kind] * (2 - Fraction(1, 2 ** len(note.findall("dot"))))
    modification = note.find("time-modification")
    if modification is None:
        return length
    return length * _number(modification, "normal-notes") / _number(modification, "actual-notes")


def _number(element: ET.Element, name: str, missing: Fraction | None = None) -> Fraction:
    """The number in a child; where there is none, `missing`."""
    text = element.findtext(name)
    if text is None and missing is not None:
        return missing
    if not _NUMBER.fullmatch(number := (text or "").strip()):
        raise ValueError(f"<{element.tag}> with the {name} {text!r}; a number is needed")
    return Fraction(number)
