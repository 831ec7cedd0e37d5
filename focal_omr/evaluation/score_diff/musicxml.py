"""MusicXML reader of the comparison, based on music21: chords, voices and several staves included.

music21 is independent of the package's own readers and writers, whose output is compared here. It ships with
the extra `judge`. Pitches are the written ones of transposing instruments; durations are those of the printed
note values, and of <duration> where a note has no <type>.

music21 10.5 relies on <staves> for the staves of a part and on <voice> in bars of several voices, and puts
all notes of a chord that spans two staves on one of them.

Source: Cuthbert and Ariza, "music21: A Toolkit for Computer-Aided Musicology and Symbolic Music Data", 2010.
"""

import re
import warnings
from collections.abc import Collection, Iterator
from fractions import Fraction
from typing import Any
from xml.etree import ElementTree as ET

from focal_omr.errors import NotationError, OmrError, missing_extra
from focal_omr.evaluation.score_diff.records import NoteEvent, VoicedBar, VoicedPart

__all__ = ["musicxml_parts", "only_parts"]

# Digits that the numbers of an element may have: music21 10.5 makes an object for each beat of a meter and
# each accidental of a key, however many there are. 99/8 takes 0.2 s.
_COUNTS = "actual-notes alter beat-type fifths multiple-rest normal-notes octave staves"
_MOST_DIGITS = {"beats": 2, "duration": 9, "divisions": 9, **dict.fromkeys(_COUNTS.split(), 3)}
_INTEGER_PART = re.compile(r"(?<![.\d])\d+")


def musicxml_parts(root: ET.Element) -> list[VoicedPart]:
    """Read every staff of a <score-partwise> document; the staves of a part with several are numbered.

    Raises:
        NotationError: Another kind of document, no part, or music that music21 cannot read.
        OmrError: music21 is not installed.
    """
    if root.tag != "score-partwise":
        raise NotationError(f"a <{root.tag}> document; needed is MusicXML of the kind <score-partwise>")
    for element in root.iter():
        digits, text = _MOST_DIGITS.get(element.tag), element.text or ""
        if digits and ("e" in text.lower() or any(len(n) > digits for n in _INTEGER_PART.findall(text))):
            raise NotationError(f"<{element.tag}> with {text!r}; a number of up to {digits} digits is needed")
    names = {e.get("id", ""): (e.findtext("part-name") or "").strip() for e in root.iter("score-part")}
    ids = [part.get("id", "") for part in root.iterfind("part")]
    parts = [staff for id_ in ids for staff in _staves(only_parts(root, {id_}), id_, names.get(id_, ""))]
    if not parts:
        raise NotationError("a MusicXML document without a <part>")
    return parts


def only_parts(root: ET.Element, sources: Collection[str]) -> ET.Element:
    """The document with only the parts of the given ids."""
    alone = ET.Element(root.tag, root.attrib)
    for child in root:
        if child.tag == "part-list":
            listed = [e for e in child if e.tag == "score-part" and e.get("id") in sources]
            ET.SubElement(alone, "part-list").extend(listed)
        elif child.tag != "part" or child.get("id") in sources:
            alone.append(child)
    return alone


def _staves(document: ET.Element, source: str, name: str) -> list[VoicedPart]:
    """Read the staves of a document with one part."""
    try:
        from music21 import converter
    except ModuleNotFoundError as error:
        raise OmrError(missing_extra("comparing MusicXML", error.name, extra="judge")) from None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # music21 warns about everything it has to guess
            score: Any = converter.parseData(ET.tostring(document, encoding="unicode"), format="musicxml")
            lengths = list(_bar_lengths(document))
            staves = [
                [_bar(*each) for each in zip(part.getElementsByClass("Measure"), lengths, strict=True)]
                for part in score.parts
            ]
    except Exception as error:  # music21's errors about a document have no common base class
        raise NotationError(f"part {name or source!r}: {type(error).__name__}: {error}") from None
    if len(staves) == 1:
        return [VoicedPart(name, tuple(staves[0]), source)]
    return [
        VoicedPart(f"{name} staff {number}".strip(), tuple(bars), source)
        for number, bars in enumerate(staves, 1)
    ]


def _bar_lengths(document: ET.Element) -> Iterator[tuple[int, str, Fraction]]:
    """Index, number and length in quarters of each measure.

    The lengths are sums of <duration>s, since music21 stretches rests of whole measures to the meter.
    """
    divisions = Fraction(1)
    for index, measure in enumerate(document.iterfind("part/measure"), 1):
        now = length = Fraction(0)
        for element in measure:
            divisions = Fraction(float(element.findtext("divisions") or divisions))
            if element.find("grace") is None and element.find("chord") is None:
                lasts = Fraction(float(element.findtext("duration") or 0)) / divisions
                now += -lasts if element.tag == "backup" else lasts
            length = max(length, now)
        yield index, measure.get("number", ""), length


def _bar(measure: Any, place: tuple[int, str, Fraction]) -> VoicedBar:
    """Convert a music21 measure of one staff."""
    from music21.chord import ChordBase
    from music21.duration import convertTypeToQuarterLength
    from music21.harmony import Harmony
    from music21.note import Unpitched

    index, number, length = place
    notes: list[NoteEvent] = []
    voices = set()
    has_chord = False
    for voice in measure.voices or [measure]:
        for element in voice.notesAndRests:
            duration = element.duration
            if element.style.hideObjectOnPrint or duration.isGrace or isinstance(element, Harmony):
                continue
            voices.add(voice.id)
            if element.isRest:
                continue
            has_chord |= isinstance(element, ChordBase)
            onset = Fraction(element.getOffsetInHierarchy(measure))
            quarters = duration.quarterLength
            if not duration.linked:  # <type> and <duration> contradict each other
                quarters = convertTypeToQuarterLength(duration.type, duration.dots, duration.tuplets)
            for head in getattr(element, "notes", [element]):
                if isinstance(head, Unpitched):  # percussion is compared by its place on the staff
                    pitch = head.displayStep, 0.0, head.displayOctave
                else:
                    pitch = head.pitch.step, head.pitch.alter, head.pitch.octave
                notes.append(NoteEvent(index, onset, *pitch, Fraction(quarters)))
    notes.sort(key=lambda note: note.onset)
    return VoicedBar(index, number, tuple(notes), length, has_chord or len(voices) > 1)
