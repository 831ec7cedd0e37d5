"""PDF documents: pages at the right size, scans as they are, titles, and what cannot be opened."""

import zlib

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from pdfs import encrypted, picture_pdf, stream, strokes, text, write_pdf
from shared_data import SHARED

from focal_omr.errors import ImageError
from focal_omr.page import pdf
from focal_omr.page.load import load_pages

QUARTET = SHARED / "data" / "pages" / "quartet-parts"
HEADING = text("Largo", 60, 690, 12) + text("A Merry Tune", 200, 780, 24) + text("Trad.", 500, 760, 10)

Gray = NDArray[np.uint8]


def scan(shape: tuple[int, int] = (300, 200)) -> Gray:
    return np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8) | 128


def first(data: bytes) -> tuple[Gray, float | None]:
    with pdf.open_pdf(data, name="a") as document:
        return pdf.rasterize(document, 1, name="a, page 1")


def title(data: bytes) -> str:
    with pdf.open_pdf(data, name="a") as document:
        return pdf.read_title(document)


# --- pages -----------------------------------------------------------------------------------------------


def test_a_vector_page_is_drawn_at_300_dpi() -> None:
    gray, dpi = first(write_pdf([strokes(700, space=6)]))
    assert (gray.shape, gray.dtype, dpi) == ((3508, 2479), np.uint8, 300)
    rows = np.flatnonzero(gray[:, 1000] < 128)
    lines = rows[np.flatnonzero(np.diff(rows, prepend=-9) > 1)]
    assert np.diff(lines) == pytest.approx(25, abs=1)  # 6 points
    assert lines[-1] == pytest.approx((842 - 700) * 300 / 72, abs=3)


def test_a_giant_page_is_drawn_at_less() -> None:
    gray, dpi = first(write_pdf([strokes(700)], size=(14_400, 14_400)))
    assert 98_000_000 < gray.size <= 100_000_000
    assert dpi == pytest.approx(50, abs=0.5)


def test_a_turned_page() -> None:
    gray, _ = first(write_pdf([strokes(700)], page_keys=b"/Rotate 90"))
    assert gray.shape == (2479, 3508)
    assert int((gray[1200] < 128).sum()) == pytest.approx(5 * 3.3, abs=3)  # the lines stand upright


def test_light_music_on_a_dark_page() -> None:
    dark = b"0 g 0 0 595 842 re f 1 G\n" + strokes(700)
    assert float(np.median(first(write_pdf([dark]))[0])) == 255


def test_colours_and_transparency_become_gray() -> None:
    state = b"/ExtGState << /Half << /ca 0.5 >> >>"
    page = b"/Half gs 0 g 100 100 300 300 re f 1 0 0 rg 100 500 300 200 re f\n"
    gray, _ = first(write_pdf([page], resources=state))
    assert int(gray[-1000, 1000]) == pytest.approx(128, abs=2)
    assert int(gray[-2500, 1000]) == pytest.approx(255 - 0.5 * (255 - 76), abs=3)


def test_annotations_are_left_out() -> None:
    note = b"<< /Type /Annot /Subtype /Stamp /Rect [100 100 300 300] /F 4 /AP << /N 6 0 R >> >>"
    form = stream(b"0 g 0 0 200 200 re f", b"/Type /XObject /Subtype /Form /BBox [0 0 200 200]")
    data = write_pdf([strokes(700)], more=[note, form], page_keys=b"/Annots [5 0 R]")
    assert int(first(data)[0][-800, 800]) == 255


# --- scans -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(300, 200), (120, 200), (777, 1234)])
@pytest.mark.parametrize("dpi", [60, 150, 300])
def test_a_scan_is_taken_as_it_is(shape: tuple[int, int], dpi: float) -> None:
    picture = scan(shape)
    gray, found = first(picture_pdf([picture], dpi=dpi))
    assert np.array_equal(gray, picture)
    assert found == pytest.approx(dpi)


def test_a_photograph_on_a_page_of_a_metre_is_taken_as_it_is() -> None:
    picture = np.full((4000, 3000), 230, np.uint8)
    picture[::7, ::3] = 20
    gray, dpi = first(picture_pdf([picture], dpi=72))
    assert np.array_equal(gray, picture)
    assert dpi is None  # nobody measured that


def test_a_sideways_scan() -> None:
    picture = scan()
    gray, _ = first(picture_pdf([picture], page_keys=b"/Rotate 90"))
    assert np.array_equal(gray, np.rot90(picture, -1))


def test_a_fine_scan_is_reduced_by_area_to_what_is_needed() -> None:
    fine = np.full((3600, 5000), 255, np.uint8)  # 6 by 8.3 inches
    fine[::6], fine[1::6] = 0, 0
    gray, dpi = first(picture_pdf([fine], dpi=600))
    assert dpi == pytest.approx(417, abs=1)
    assert gray.size == pytest.approx(8_700_000, rel=0.01)  # what an A4 page has at 300 dpi
    assert float(gray.mean()) == pytest.approx(170, abs=1)


def test_a_scan_with_hidden_text_stays_a_scan_and_one_that_is_drawn_on_does_not() -> None:
    picture = scan()
    hidden = b"3 Tr " + text("guessed", 10, 100, 9)
    assert np.array_equal(first(picture_pdf([picture], over=hidden))[0], picture)
    for drawn in (strokes(50), text("printed", 10, 100, 9)):
        assert first(picture_pdf([picture], over=drawn))[1] == 300


def test_a_small_picture_on_a_page_makes_no_scan() -> None:
    image = stream(
        zlib.compress(scan().tobytes()),
        b"/Type /XObject /Subtype /Image /Width 200 /Height 300 /ColorSpace /DeviceGray /BitsPerComponent 8"
        b" /Filter /FlateDecode",
    )
    data = write_pdf(
        [b"q 100 0 0 150 50 50 cm /Im Do Q"], more=[image], resources=b"/XObject << /Im 5 0 R >>"
    )
    assert first(data)[1] == 300


# --- titles ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("page", "info", "expected"),
    [
        (HEADING, "something else", "A Merry Tune"),
        (text("Two", 60, 800, 20) + text("Lines", 60, 770, 20) + HEADING[:50], "", "Two Lines"),
        (text("4", 60, 800, 60) + text("f", 90, 800, 40) + HEADING, "", "A Merry Tune"),  # one letter is none
        (text("Copyright by me", 60, 100, 30), "", ""),  # in the lower two thirds
        (b"3 Tr " + text("guessed", 60, 800, 30), "A Book", "A Book"),
        (strokes(700), "Suite No. 1", "Suite No. 1"),
        (strokes(700), "Microsoft Word - tune.doc", ""),
        (strokes(700), "untitled", ""),
        (strokes(700), "tune.mscz", ""),
        (strokes(700), "", ""),
        (text("Gr\xfc\xdfe aus Wien", 60, 800, 22), "", "Gr\xfc\xdfe aus Wien"),
    ],
)
def test_titles(page: bytes, info: str, expected: str) -> None:
    assert title(write_pdf([page], info=info)) == expected


def test_letters_of_a_music_font_are_no_title_those_of_its_text_font_are() -> None:
    for font, expected in (("Maestro", ""), ("ABCDEF+Emmentaler-20", ""), ("MuseJazzText", "A Merry Tune")):
        assert title(write_pdf([HEADING], font=font)) == expected


def test_the_title_is_on_page_1_alone() -> None:
    data = write_pdf([HEADING, HEADING])
    assert [page.title for page in load_pages(data)] == ["A Merry Tune", ""]
    assert [page.title for page in load_pages(data, pages="2")] == [""]


# --- what cannot be opened -------------------------------------------------------------------------------


def test_a_password_is_named_as_the_reason() -> None:
    with pytest.raises(
        ImageError, match=r"^a: the PDF is protected by a password, save it without one first$"
    ):
        pdf.open_pdf(encrypted([strokes(700)]), name="a")


def test_no_pages_after_a_password() -> None:  # PDFium keeps the last error of another document
    with pytest.raises(ImageError, match="password"):
        pdf.open_pdf(encrypted([strokes(700)]), name="a")
    with pytest.raises(ImageError, match=r"^a: the PDF (is damaged|has no pages)"):
        pdf.open_pdf(write_pdf([]), name="a")


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 0.99])
def test_a_document_that_is_cut_off(share: float) -> None:
    data = write_pdf([HEADING + strokes(700)] * 5)
    with pytest.raises(ImageError, match=r"^a: the PDF is cut off after \d+ bytes, its end is missing$"):
        pdf.open_pdf(data[: int(share * len(data))], name="a")


def test_zeros_after_the_end_are_let_pass() -> None:
    assert first(write_pdf([strokes(50)], size=(200, 100)) + bytes(5000))[1] == 300


def test_a_damaged_document() -> None:
    with pytest.raises(ImageError, match=r"^a: the PDF is damaged, it cannot be opened$"):
        pdf.open_pdf(b"%PDF-1.7\n" + b"nothing of it is left\n" * 50 + b"%%EOF\n", name="a")


def test_a_page_that_cannot_be_opened() -> None:
    data = write_pdf([strokes(50)] * 2, size=(200, 100))
    kids = b"/Kids [5 0 R 7 0 R]"
    assert kids in data
    pages = load_pages(data.replace(kids, b"/Kids [5 0 R 1 0 R]"), name="a")
    assert next(pages).number == 1
    with pytest.raises(ImageError, match=r"^a, page 2: the page is damaged, it cannot be opened$"):
        next(pages)


# --- real documents, where they are ----------------------------------------------------------------------


@pytest.mark.skipif(not QUARTET.is_dir(), reason="the documents are not beside the repository")
def test_titles_of_musescore() -> None:
    for file in QUARTET.glob("*.pdf"):
        key = "C minor" if "8437280" in file.name else "C major"
        page = next(load_pages(file))
        assert page.title == f"String Quartet in {key}", file.name
        assert (page.gray.shape, page.dpi) == ((3508, 2480), 300)
        assert cv2.countNonZero(255 - page.gray) > 100_000
