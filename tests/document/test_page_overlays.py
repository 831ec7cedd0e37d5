"""Overlays of pages as images, PDF and HTML; JSON against its schema."""

import json
import re
from dataclasses import replace
from pathlib import Path

import cv2
import jsonschema
import numpy as np
import pypdfium2
import pytest
from scripted import draw_staff, write_scripted

from focal_omr import Recognizer
from focal_omr.batch.outputs import document_results, write_results
from focal_omr.document.document import Unread
from focal_omr.document.overlay import draw_page
from focal_omr.document.overlay_html import overlay_html
from focal_omr.page.load import load_pages

TOKENS = (
    *("clef-G2", "timeSignature-3/4", "note-D5_half.", "barline", "note-G4_half", "barline"),
    *("rest-half.", "barline-final"),
)
SCHEMA = json.loads((Path(__file__).parents[2] / "docs" / "document.schema.json").read_text())


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    """The reading of a file of two pages, with two staves and one."""
    folder = tmp_path_factory.mktemp("pages")
    sheets = [np.vstack([draw_staff(), draw_staff()]), draw_staff(700, 400, top=150)]
    assert cv2.imwritemulti(str(folder / "book.tif"), sheets)
    recognizer = Recognizer(model=write_scripted(folder / "m.onnx", TOKENS, confidence=0.8), beam_width=0)
    document = recognizer.read(folder / "book.tif")
    assert [len(page.staves) for page in document.pages] == [2, 1]
    first = replace(document.pages[0], unread=(Unread((10, 10, 200, 40), "text </script>"),))
    return replace(document, pages=(first, *document.pages[1:]))


def test_json_matches_its_schema(pages):
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    written = json.loads(json.dumps(pages.to_json()))
    jsonschema.validate(written, SCHEMA)
    assert [staff["piece"] for page in written["pages"] for staff in page["staves"]] == [1, 2, 3]
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({**written, "more": 1}, SCHEMA)


def test_every_key_is_documented():
    text = (Path(__file__).parents[2] / "docs" / "json.md").read_text()
    keys = {key for part in (SCHEMA, *SCHEMA["$defs"].values()) for key in part.get("properties", ())}
    assert keys <= set(re.findall(r"`(\w+)`", text))


def test_pages_show_lines_odd_bars_and_unread_regions(pages):
    gray = next(load_pages(pages.source)).gray
    picture = draw_page(gray, pages.pages[0])
    assert picture.shape[:2] == gray.shape  # no room for names is needed
    seen = np.unique(picture.reshape(-1, 3), axis=0).astype(int)
    # Unread region, short bar, staff lines; thin lines are antialiased, so colours match approximately.
    for colour in ((167, 121, 204), (0, 94, 213), (115, 158, 0)):
        assert np.abs(seen - colour).max(axis=1).min() <= 30


def test_several_pages_give_a_pdf_and_one_a_png(pages, tmp_path):
    results = document_results(pages, "book", ["overlay", "overlay-html"])
    written = write_results(results, tmp_path)
    assert [path.name for path in written] == ["book.overlay.pdf", "book.overlay.html"]
    with pypdfium2.PdfDocument(written[0]) as pdf:
        assert len(pdf) == 2
        width, height = pdf[1].get_size()
        assert width / height == pytest.approx(700 / 400, rel=0.02)
        drawn = np.asarray(pdf[0].render(scale=2).to_numpy())
        assert (drawn.std(axis=2) > 20).any()  # in colour
    one = replace(pages, pages=pages.pages[1:])
    assert list(document_results(one, "one", ["overlay"])) == ["one.overlay.png"]


def test_the_html_overlay_is_self_contained(pages):
    html = overlay_html(load_pages(pages.source), pages)
    assert "http" not in html.replace("http://www.w3.org/2000/svg", "").replace("http-equiv", "")
    assert html.count("</script>") == 2  # none from the text of the document
    data = json.loads(re.search(r'id="data">(.*?)</script>', html, re.DOTALL)[1])
    assert [page["number"] for page in data["pages"]] == [1, 2]
    assert data["pages"][0]["unread"][0]["reason"] == "text </script>"
    staff = data["pages"][0]["staves"][0]
    assert [symbol["name"] for symbol in staff["symbols"]][:3] == [
        "treble clef",
        "3/4 time",
        "D5 dotted half",
    ]
    assert [bar["bar"] for bar in staff["odd"]] == [2]
    assert data["pages"][0]["picture"].startswith("data:image/jpeg;base64,/9j/")


def test_a_turned_page_is_drawn_upright(pages):
    page = replace(pages.pages[0], quarter_turns=0)
    upright = next(load_pages(pages.source)).gray
    for turns in (1, 2, 3):
        picture = np.ascontiguousarray(np.rot90(upright, -turns))  # the original, turned to the right
        drawn = draw_page(picture, replace(page, quarter_turns=turns))
        assert np.array_equal(drawn, draw_page(upright, page))
