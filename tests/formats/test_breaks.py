"""System and page breaks, and doubtful notes, in MusicXML and MEI."""

from dataclasses import replace
from xml.etree import ElementTree as ET

from hand_made import make_document
from lxml import etree
from one_voice import write_musicxml

from focal_omr.document.review import mark_doubtful
from focal_omr.encodings.join_staves import StaffTokens, join_staves
from focal_omr.encodings.one_voice import to_score
from focal_omr.encodings.semantic import read_semantic
from focal_omr.formats.mei_reader import read_mei
from focal_omr.formats.mei_terms import MEI_NAMESPACE
from focal_omr.formats.mei_writer import mei_tree, write_mei
from focal_omr.formats.registry import write_score
from focal_omr.formats.verovio import Engraver
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
    news = [{"new-page": "yes"}, {"new-system": "yes"}, {"new-page": "yes"}]
    assert prints == [*zip("123", news, strict=True)]
    assert [m[0].tag for m in root.iter("measure")] == ["print", "print", "print", "note"]
    assert len(root.findall(".//supports[@element='print']")) == 2
    schema.assertValid(etree.fromstring(write_musicxml(broken()).encode()))
    assert not ET.fromstring(write_musicxml(read_semantic(BARS))).findall(".//supports[@element='print']")


def test_mei_has_breaks():
    root = ET.fromstring(write_score(to_score(broken()), "mei").data)
    tags = [element.tag.rpartition("}")[2] for element in next(root.iter(f"{{{MEI_NAMESPACE}}}section"))]
    assert tags == ["measure", "sb", "measure", "pb", "scoreDef", "measure", "measure"]


def test_doubtful_notes_are_coloured_and_compare_equal(schema):
    document = make_document(BARS)
    doubted = mark_doubtful(document)
    assert doubted.score == document.score
    for name in ("musicxml", "mei"):
        before, after = (
            {n.get("color") for n in ET.fromstring(write_score(each.score, name).data).iter() if is_note(n)}
            for each in (document, doubted)
        )
        assert (before, after) == ({None}, {"#D55E00"})
    schema.assertValid(etree.fromstring(write_score(doubted.score, "musicxml").data))


def is_note(element: ET.Element) -> bool:
    return element.tag.rpartition("}")[2] == "note"


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
