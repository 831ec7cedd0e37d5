"""MEI to `Score`: the way in for every format that Verovio reads.

A `Score` holds what is printed on a staff of one voice. Lyrics, dynamics, slurs, ornaments, chord names,
fingerings, figured bass, voltas and layout are no part of it: the reader passes over them silently.
What takes part in the music but cannot be said in a `Score` (chords, a second voice, tremolos, repeat signs
for a measure, octave clefs, quarter tones) is an error that names staff and measure.

Reading rules:
  - A note sounds what `@accid.ges` says, else its printed `@accid`, else what the key signature and the
    accidentals before it make of it.
  - A score in which no note has a printed accidental comes from a source that tells only what sounds: its
    accidentals are printed where they are needed.
  - Spaces and invisible rests and notes take no ink and are left out; their bar is then shorter than its
    meter. A measure rest is the whole rest that is printed.
  - A clef, key or meter change between two measures opens the second one, as Verovio draws it.
  - Dashed, dotted and heavy barlines are read as the plain ones that they vary.
  - A fermata without `@startid` stands over a barline in what Verovio writes, and is left out.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from xml.etree import ElementTree as ET

from focal_omr.errors import NotationError
from focal_omr.formats.mei_staff import StaffReader, element_text, staff_layers
from focal_omr.formats.safe_xml import parse_xml
from focal_omr.score.accidentals import print_accidentals, sound_accidentals
from focal_omr.score.bounds import check_bounds
from focal_omr.score.records import Note, Part, Score, flat_events


def read_mei(text: str) -> Score:
    """The score of an MEI document, one part per staff.

    Raises:
        NotationError: Not MEI, a staff that a `Score` cannot hold, or no staff.
    """
    root = _parse(text)
    score = _only_score(root)
    timeline = list(_timeline(score))
    ties, fermatas = _start_ids(score, "tie"), _start_ids(score, "fermata")
    staff_defs = _staff_defs(timeline)
    if not staff_defs:
        raise NotationError("the MEI document has no staff that can be read")
    parts = [StaffReader(staff_def, timeline, ties, fermatas).part() for staff_def in staff_defs]
    check_bounds(*parts)
    title = element_text(root.find("meiHead/fileDesc/titleStmt/title"))
    return Score(tuple(_with_accidentals(parts, root)), title)


@dataclass(frozen=True)
class MonophonicRun:
    """Measures of one voice that a `Score` can hold, with nothing between them left out.

    Attributes:
        part: The measures; the clef, key and meter that hold where they begin open the first one.
        staff: Which staff of the document, from 0.
        voice: Which voice of that staff, from 0.
        first: Which measure of the document it begins with, from 0.
        whole: Whether it is the whole staff, which then has one voice.
    """

    part: Part
    staff: int
    voice: int
    first: int
    whole: bool


def read_monophonic_runs(text: str) -> tuple[list[MonophonicRun], int]:
    """What is monophonic in an MEI document: each staff, or else what its voices have of one-voice music.

    A measure with chords, or one that a voice does not fill, ends a run; the next measure may begin another.

    Returns:
        The runs, and how many measures the document's staves have in all.

    Raises:
        NotationError: Not MEI, or no score in it.
    """
    root = _parse(text)
    score = _only_score(root)
    timeline = list(_timeline(score))
    ties, fermatas = _start_ids(score, "tie"), _start_ids(score, "fermata")
    staff_defs = _staff_defs(timeline)
    measures = sum(element.tag == "measure" for element in timeline)
    runs: list[MonophonicRun] = []
    for number, staff_def in enumerate(staff_defs):
        voices = _voices(timeline, staff_def.get("n", "1"))
        for voice in range(voices):
            reader = StaffReader(staff_def, timeline, ties, fermatas, voice)
            found = list(reader.runs())
            whole = voices == 1 and not reader.gaps
            runs += [MonophonicRun(part, number, voice, first, whole) for first, part in found]
    check_bounds(*(run.part for run in runs))
    parts = _with_accidentals([run.part for run in runs], root)
    return [replace(run, part=part) for run, part in zip(runs, parts, strict=True)], measures * len(
        staff_defs
    )


def _voices(timeline: Sequence[ET.Element], staff: str) -> int:
    """The most voices that a measure of the staff has."""
    return max(
        (len(staff_layers(element, staff)[1]) for element in timeline if element.tag == "measure"), default=0
    )


def _parse(text: str) -> ET.Element:
    """The tree with bare tag names."""
    try:
        root = parse_xml(text)
    except NotationError as error:
        raise NotationError(f"not an MEI document, {error}; it begins with {text[:40]!r}") from None
    for element in root.iter():
        if isinstance(element.tag, str):
            element.tag = element.tag.rpartition("}")[2]
    if root.tag != "mei":
        raise NotationError(f"not an MEI document: its root is <{root.tag}>, an MEI document's is <mei>")
    return root


def _only_score(root: ET.Element) -> ET.Element:
    scores = list(root.iter("score"))
    if len(scores) != 1:
        raise NotationError(f"the MEI document has {len(scores)} <score> elements; exactly one is needed")
    return scores[0]


def _timeline(parent: ET.Element) -> Iterator[ET.Element]:
    """Definitions and measures in their order, sections and endings opened."""
    for child in parent:
        if child.tag in ("section", "ending"):
            yield from _timeline(child)
        elif child.tag in ("scoreDef", "staffDef", "measure"):
            yield child
        elif child.find(".//measure") is not None:
            raise NotationError(
                f"measures inside <{child.tag}> cannot be read; they must stand in a <section>"
            )


def _staff_defs(timeline: Sequence[ET.Element]) -> list[ET.Element]:
    """The first definition of every staff."""
    staves: dict[str, ET.Element] = {}
    for element in timeline:
        for staff_def in element.iter("staffDef"):
            staves.setdefault(staff_def.get("n", "1"), staff_def)
    return list(staves.values())


def _start_ids(score: ET.Element, tag: str) -> frozenset[str]:
    # Verovio 6.4 leaves out the "#" at the startid of a tie from ABC.
    return frozenset(element.get("startid", "").removeprefix("#") for element in score.iter(tag)) - {""}


def _with_accidentals(parts: Sequence[Part], root: ET.Element) -> Iterator[Part]:
    """The parts with accidentals printed, or sounding, where the source does not tell them."""
    # Verovio 6.4 gives an ABC note the alteration of the key signature even after an accidental in its bar.
    # May go when "K:F\n=BB" is read with a second B natural.
    from_abc = any(
        "abc music" in element_text(p) for p in root.iterfind("meiHead/encodingDesc/appInfo/application/p")
    )
    marked = any(note.accidental is not None for part in parts for note in _notes(part))
    for part in parts:
        if not marked:
            yield print_accidentals(part)
        else:
            yield sound_accidentals(part) if from_abc else part


def _notes(part: Part) -> Iterator[Note]:
    for measure in part.measures:
        yield from (event for event in flat_events(measure) if isinstance(event, Note))
