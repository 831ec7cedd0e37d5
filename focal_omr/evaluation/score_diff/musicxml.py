"""MusicXML to bars, read by music21: chords, several voices and several staves in a part included.

music21 is independent of the package's own readers and writers, whose output is judged here. Pitches are the
written ones of transposing instruments; durations are those of the printed note values, and of <duration>
where a note has none.

Source: music21 10.5, https://github.com/cuthbertLab/music21.
"""

import warnings
from collections.abc import Collection, Iterator
from fractions import Fraction
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

from focal_omr.errors import NotationError, OmrError
from focal_omr.evaluation.score_diff.records import Bar, NoteEvent, VoicedPart

if TYPE_CHECKING:
    from music21.stream import Measure

__all__ = ["musicxml_parts", "only_parts"]


def musicxml_parts(root: ET.Element) -> list[VoicedPart]:
    """Every staff of a <score-partwise> document; those of a part of several are numbered.

    Raises:
        NotationError: Another document, no part, or music that music21 cannot read.
        OmrError: music21 is not installed.
    """
    if root.tag != "score-partwise":
        raise NotationError(f"a <{root.tag}> document; needed is MusicXML of the kind <score-partwise>")
    names = {e.get("id", ""): (e.findtext("part-name") or "").strip() for e in root.iter("score-part")}
    ids = [part.get("id", "") for part in root.iterfind("part")]
    parts = [staff for id_ in ids for staff in _staves(only_parts(root, {id_}), id_, names.get(id_, ""))]
    if not parts:
        raise NotationError("a MusicXML document without a <part>")
    return parts


def only_parts(root: ET.Element, sources: Collection[str]) -> ET.Element:
    """The document with the parts of these ids, and no others."""
    alone = ET.Element(root.tag, root.attrib)
    for child in root:
        if child.tag == "part-list":
            listed = [e for e in child if e.tag == "score-part" and e.get("id") in sources]
            ET.SubElement(alone, "part-list").extend(listed)
        elif child.tag != "part" or child.get("id") in sources:
            alone.append(child)
    return alone


def _staves(document: ET.Element, source: str, name: str) -> list[VoicedPart]:
    """The staves of a document of one part."""
    try:
        from music21 import converter
    except ModuleNotFoundError as error:
        raise OmrError(
            f"MusicXML is compared with music21; `pip install 'focal-ctc-omr[judge]'` brings it ({error.name})"
        ) from None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about what it guesses
            score: Any = converter.parseData(ET.tostring(document, encoding="unicode"), format="musicxml")
            staves = [list(part.getElementsByClass("Measure")) for part in score.parts]
            lengths = list(_bar_lengths(document))
    except Exception as error:  # music21 has no common parent of what it raises about a document
        raise NotationError(f"part {name or source!r}: {type(error).__name__}: {error}") from None
    numbers = [measure.get("number", "") for measure in document.iterfind("part/measure")]
    return [
        VoicedPart(
            f"{name} staff {number}".strip() if len(staves) > 1 else name,
            tuple(
                _bar(measure, index, numbers[index - 1], lengths[index - 1])
                for index, measure in enumerate(staff, 1)
            ),
            source,
        )
        for number, staff in enumerate(staves, 1)
    ]


def _bar_lengths(document: ET.Element) -> Iterator[Fraction]:
    """Quarters of each measure by its <duration>s; music21 makes rests of whole bars as long as the meter says."""
    divisions = Fraction(1)
    for measure in document.iterfind("part/measure"):
        now = length = Fraction(0)
        for element in measure:
            divisions = Fraction(float(element.findtext("divisions") or divisions))
            if element.find("grace") is None and element.find("chord") is None:
                lasts = Fraction(float(element.findtext("duration") or 0)) / divisions
                now += -lasts if element.tag == "backup" else lasts
            length = max(length, now)
        yield length


def _bar(measure: "Measure", index: int, number: str, length: Fraction) -> Bar:
    from music21.chord import ChordBase

    shown = [each for each in _shown(measure)]
    voices = {voice for voice, _ in shown}
    notes = [note for voice, element in shown for note in _events(element, index, measure)]
    notes.sort(key=lambda note: note.onset)
    has_chord = any(isinstance(element, ChordBase) for _, element in shown)
    return Bar(index, number, tuple(notes), length, has_chord or len(voices) > 1)


def _shown(measure: "Measure") -> Iterator[tuple[object, Any]]:
    """The visible notes, chords and rests of a measure, without grace notes, each with its voice."""
    from music21.harmony import Harmony

    for voice in measure.voices or [measure]:
        for element in voice.notesAndRests:
            hidden = element.style.hideObjectOnPrint
            if not (hidden or element.duration.isGrace or isinstance(element, Harmony)):
                yield voice.id, element


def _events(element: Any, index: int, measure: "Measure") -> Iterator[NoteEvent]:
    from music21.duration import convertTypeToQuarterLength
    from music21.note import Unpitched

    if element.isRest:
        return
    onset = Fraction(element.getOffsetInHierarchy(measure))
    lasts = element.duration
    quarters = lasts.quarterLength if lasts.linked else convertTypeToQuarterLength(lasts.type, lasts.dots, lasts.tuplets)
    for note in getattr(element, "notes", [element]):
        if isinstance(note, Unpitched):
            yield NoteEvent(index, onset, note.displayStep, 0.0, note.displayOctave, Fraction(quarters))
        else:
            pitch = note.pitch
            yield NoteEvent(index, onset, pitch.step, pitch.alter, pitch.octave, Fraction(quarters))
