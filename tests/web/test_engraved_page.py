"""Engraving of a page: measures, systems, ids, and an SVG that meets the content security policy."""

import re
from dataclasses import replace
from xml.etree import ElementTree as ET

import pytest
from hand_made import make_document, with_unread
from web_documents import on_one_page, one_after_the_other

from focal_omr.document.assemble import assemble
from focal_omr.document.document import Document
from focal_omr.score.score import Clef, Key, Meter
from focal_omr.web.engraved_page import page_scores
from focal_omr.web.svg import EngravedScore, plain_svg
from focal_omr.web.view import page_view

OPEN = "clef-G2 keySignature-GM timeSignature-2/4"
SYSTEM = "clef-G2 keySignature-GM"
BAR = "note-G4_eighth note-A4_eighth note-F#4_quarter barline"
TWO_PAGES = (
    f"{OPEN} {BAR} {BAR}",
    f"{SYSTEM} {BAR} {BAR} note-G4_quarter",
    f"{SYSTEM} note-A4_quarter barline rest-whole barline {BAR}",
    f"{SYSTEM} {BAR} note-G4_half_fermata barline-final",
)


def svg_of(document: Document, number: int = 1) -> ET.Element:
    svg = page_view(document, number)["svg"]
    assert isinstance(svg, str)
    return ET.fromstring(svg)


def ids_of(root: ET.Element) -> set[str]:
    found = [
        element.get("id") for element in root.iter() if re.fullmatch(r"p\d+m\d+e\d+", element.get("id", ""))
    ]
    assert len(found) == len(set(found))
    return set(found)


def systems_of(root: ET.Element) -> list[int]:
    """Number of measures of each system."""
    groups = [g for g in root.iter() if g.get("class") == "system"]
    return [sum(each.get("class") == "measure" for each in g) for g in groups]


def test_every_symbol_with_an_id_is_in_the_engraving_of_its_page():
    document = make_document(*TWO_PAGES, pages=2)
    for number in (1, 2):
        view = page_view(document, number)
        wanted = {symbol["id"] for staff in view["staves"] for symbol in staff["symbols"] if symbol["id"]}
        assert wanted <= ids_of(svg_of(document, number))
        assert len(wanted) >= 9


def test_systems_break_where_those_of_the_scan_do():
    document = make_document(*TWO_PAGES, pages=2)
    assert systems_of(svg_of(document, 1)) == [2, 3]  # with the bar that continues on the next page
    assert systems_of(svg_of(document, 2)) == [3, 2]
    assert systems_of(svg_of(on_one_page(document), 1)) == [2, 3, 2, 2]


def test_a_page_has_the_signs_that_hold_before_it():
    document = make_document(*TWO_PAGES, pages=2)
    (score,) = page_scores(document, document.pages[1])
    (part,) = score.parts
    first = part.measures[0]
    assert [sign.value for sign in first.signs] == [Clef("G", 2), Key(1), Meter((((2,), 4),))]
    assert [sign.id for sign in first.signs] == ["", "", ""]
    assert [sign.printed for sign in first.signs] == [True, True, False]
    assert first.voices[0].events[0].id == "p1m5e1"
    events = {event.id: event for *_, event in document.score.events()}
    shown = [event for *_, event in score.events()]
    assert len(shown) >= 9
    assert all(event == events[event.id] for event in shown)
    svg = svg_of(document, 2)
    assert not any(element.get("class") == "meterSig" and len(element) for element in svg.iter())
    assert any(
        element.get("class") == "mRest doubtful" for element in svg.iter()
    )  # the meter holds but is not drawn


def test_changed_signs_are_linked_and_repeated_ones_are_not():
    document = make_document(
        f"{OPEN} {BAR}", f"clef-F4 keySignature-DM timeSignature-3/4 {BAR}", f"clef-F4 {BAR}"
    )
    root = svg_of(document)
    classes = {element.get("id"): element.get("class") for element in root.iter() if element.get("id")}
    signs = list(page_view(document, 1)["staves"][1]["symbols"][:3])
    kinds = [classes[symbol["id"]].removesuffix(" doubtful") for symbol in signs]
    assert kinds == ["clef", "keySig", "meterSig"]
    assert page_view(document, 1)["staves"][2]["symbols"][0]["id"] is None


def test_pieces_are_stacked():
    document = on_one_page(
        one_after_the_other(
            make_document((f"{OPEN} {BAR}", f"{OPEN} {BAR}")),
            make_document(f"clef-F4 timeSignature-2/4 {BAR}", f"clef-F4 {BAR} {BAR}"),
        )
    )
    root = svg_of(document)
    assert systems_of(root) == [1, 1, 2]
    staves = [len([g for g in m if g.get("class") == "staff"]) for m in _measures(root)]
    assert staves == [2, 1, 1, 1]  # no silent second staff
    assert len(root.findall("{*}svg")) == 2


def _measures(root: ET.Element) -> list[ET.Element]:
    return [element for element in root.iter() if element.get("class") == "measure"]


def test_bars_have_the_numbers_of_their_piece():
    bars = " ".join([BAR] * 4)
    document = make_document(f"{OPEN} {bars}", f"{SYSTEM} multirest-5 barline", f"{SYSTEM} {bars}", pages=3)
    numbers = ["".join(element.itertext()) for element in svg_of(document, 3).iter() if _is_number(element)]
    assert numbers == ["10"]


def _is_number(element: ET.Element) -> bool:
    return element.get("class", "").startswith("mNum")


def test_no_styles_no_colours_no_scripts():
    document = make_document(
        *TWO_PAGES, "clef-G2 keySignature-GM tuplet-3 note-G4_quarter tie note-G4_quarter"
    )
    svg = page_view(document, 1)["svg"]
    assert not re.search(r"<style| style=|<script| on\w+=|href=\"[^#]|black|#[0-9a-fA-F]{6}", svg)
    root = ET.fromstring(svg)
    assert root.get("fill") == "currentColor"
    assert root.get("viewBox")
    assert not root.get("width")
    lines = [element for element in root.iter() if element.get("stroke-width")]
    assert lines
    assert all(element.get("stroke") == "currentColor" for element in lines)
    uses = {element.get("href") for element in root.iter() if element.tag.endswith("use")}
    glyphs = [f"#{glyph.get('id')}" for glyph in root.find("{*}defs")]
    assert uses <= set(glyphs)
    assert len(glyphs) == len(set(glyphs))


def test_doubtful_events_have_a_class():
    document = make_document(f"{OPEN} {BAR}")  # all of confidence 0.75
    classes = {g.get("id"): g.get("class") for g in svg_of(document).iter() if g.get("id")}
    assert classes["p1m1e4"] == "note doubtful"
    assert classes["p1m1e1"] == "clef doubtful"


def test_a_page_without_music_says_so():
    document = one_after_the_other(make_document(f"{OPEN} {BAR}"), make_document(f"{OPEN} {BAR}"))
    empty = replace(document.pages[1], staves=(), systems=())
    view = page_view(assemble("one.png", "", [document.pages[0], empty]), 2)
    assert view["svg"] is None
    assert view["message"] == "no music was read on this page"
    with pytest.raises(KeyError):
        page_view(document, 3)


def test_an_unread_staff_is_engraved_as_rests():
    document = with_unread(make_document(f"{OPEN} {BAR}", f"{SYSTEM} {BAR} {BAR}"), 0, 1)
    assert systems_of(svg_of(document)) == [1, 2]


def test_svg_without_scores():
    assert ET.fromstring(plain_svg([])).get("viewBox") == "0 0 0 0"
    with pytest.raises(Exception, match="view box"):
        plain_svg([EngravedScore("<svg/>")])
