"""System and page breaks, and doubtful notes, in MusicXML and MEI."""

from dataclasses import replace
from xml.etree import ElementTree as ET

from lxml import etree
from one_voice import write_musicxml

from focal_omr.encodings.join_staves import StaffTokens, join_staves
from focal_omr.encodings.semantic import read_semantic
from focal_omr.formats.mei_reader import read_mei
from focal_omr.formats.mei_writer import mei_tree, write_mei
from focal_omr.formats.verovio import Engraver
from focal_omr.score.accidentals import map_notes
from focal_omr.score.records import Score

BARS = (
    "clef-G2 timeSignature-2/4 note-C4_half barline note-C4_half barline keySignature-GM "
    "barline-repeat_start note-C4_half barline-repeat_end note-C4_half barline-final"
)


def broken() -> Score:
    """Breaks before the first and second measure and before signs with a repeat after them."""
    (part,) = read_semantic(BARS).parts
    breaks = ("page", "system", "page", None, None)
    pairs = zip(part.measures, breaks, strict=True)
    return Score((replace(part, measures=tuple(replace(m, break_before=b) for m, b in pairs)),))


def test_musicxml_has_breaks(schema):
    root = ET.fromstring(write_musicxml(broken()))
    prints = [(m.get("number"), p.attrib) for m in root.iter("measure") for p in m.findall("print")]
    assert prints == [("2", {"new-system": "yes"}), ("3", {"new-page": "yes"})]
    assert [m[0].tag for m in root.iter("measure")] == ["attributes", "print", "print", "note"]
    assert len(root.findall(".//supports[@element='print']")) == 2
    schema.assertValid(etree.fromstring(write_musicxml(broken()).encode()))
    assert not ET.fromstring(write_musicxml(read_semantic(BARS))).findall(".//supports[@element='print']")


def test_mei_has_breaks():
    tags = [element.tag for element in next(mei_tree(broken()).iter("section"))]
    assert tags == ["measure", "sb", "measure", "pb", "scoreDef", "measure", "measure"]


def test_doubtful_notes_are_coloured_and_compare_equal(schema):
    score = read_semantic(BARS)
    doubted = Score((map_notes(score.parts[0], lambda note, _: replace(note, doubtful=True)),))
    assert doubted == score
    assert {n.get("color") for n in ET.fromstring(write_musicxml(doubted)).iter("note")} == {"#D55E00"}
    assert {n.get("color") for n in mei_tree(doubted).iter("note")} == {"#D55E00"}
    assert {n.get("color") for n in ET.fromstring(write_musicxml(score)).iter("note")} == {None}
    schema.assertValid(etree.fromstring(write_musicxml(doubted).encode()))


def test_all_pages_are_engraved():
    score = read_semantic("clef-G2 timeSignature-C " + "note-C5_whole barline " * 300)
    svg = Engraver().svg_document(ET.tostring(mei_tree(score), encoding="unicode"))
    root = ET.fromstring(svg)
    pages = [child for child in root if child.tag.endswith("svg")]
    assert len(pages) == 3
    tops = [float(page.get("y")) for page in pages]
    assert tops[0] == 0
    assert tops[1] > 2000
    assert root.get("width") == "210mm"
    assert svg.count('class="measure"') == 300


def test_clef_change_at_a_break_belongs_to_the_new_system():
    part = join_staves(
        [
            StaffTokens(("clef-G2", "note-C5_whole", "barline")),
            StaffTokens(("clef-F4", "note-C3_whole", "barline"), "system"),
        ]
    )
    text = write_mei(Score((part,)))
    assert text.index("<sb") < text.index('<clef shape="F"') < text.index('<measure n="2"')
    read = [measure.events for measure in read_mei(text).parts[0].measures]
    assert read == [measure.events for measure in part.measures]


def test_excerpt_keeps_ids():
    score = read_semantic("clef-G2 note-C5_half_fermata note-D5_half tie barline note-D5_whole barline")
    tree = mei_tree(score, ids=[[None, "p3e7", "p3e8", "p3e9"]])
    ids = [each.get("xml:id") for each in tree.iter() if each.tag in ("clef", "note")]
    assert ids == [None, "p3e7", "p3e8", "p3e9"]
    assert tree.find(".//tie").get("startid") == "#p3e8"
    assert tree.find(".//fermata").get("startid") == "#p3e7"
