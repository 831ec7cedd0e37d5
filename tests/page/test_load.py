"""Documents of one page and of many: which pages come, at what resolution, what is refused."""

import io
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from pdfs import picture_pdf, strokes, write_pdf
from PIL import Image

from focal_omr.errors import ImageError
from focal_omr.page.load import choose_pages, load_pages, parse_pages

Gray = NDArray[np.uint8]


def sheet(number: int = 0) -> Gray:
    """A small page with five lines, and bars that count its number."""
    page = np.full((120, 200), 255, np.uint8)
    page[40:81:10, 10:190] = 0
    for bar in range(number):
        page[90:110, 20 + 12 * bar : 24 + 12 * bar] = 0
    return page


def saved(pages: list[Gray], kind: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    first, *rest = [Image.fromarray(page) for page in pages]
    more = {"save_all": True, "append_images": rest} if rest else {}
    first.save(buffer, kind, **more, **options)
    return buffer.getvalue()


# --- which pages -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "ranges", "of_nine"),
    [
        ("1", [(1, 1)], [1]),
        ("1,3-5,8-", [(1, 1), (3, 5), (8, None)], [1, 3, 4, 5, 8, 9]),
        (" 4 , 2-2 ", [(4, 4), (2, 2)], [2, 4]),
        ("3-,3,2-4", [(3, None), (3, 3), (2, 4)], [2, 3, 4, 5, 6, 7, 8, 9]),
    ],
)
def test_lists_of_pages(text: str, ranges: list[tuple[int, int | None]], of_nine: list[int]) -> None:
    assert parse_pages(text) == ranges
    assert choose_pages(parse_pages(text), 9, name="a") == of_nine
    assert choose_pages(None, 3, name="a") == [1, 2, 3]


@pytest.mark.parametrize(
    "text", ["", ",", "1,", "0", "00", "-3", "-", "a", "1-x", "1--3", "1.5", "1;2", "+1", "٣", "9" * 5000]
)
def test_nonsense_is_no_list_of_pages(text: str) -> None:
    with pytest.raises(ImageError, match="page numbers from 1 and ranges are needed, such as 1,3-5,8-"):
        parse_pages(text)


def test_a_range_that_ends_before_it_begins() -> None:
    with pytest.raises(ImageError, match="the range 5-3 ends before it begins"):
        parse_pages("1,5-3")


@pytest.mark.parametrize(("text", "missing"), [("4", 4), ("2-5", 5), ("4-", 4), ("1-999999999", 999999999)])
@pytest.mark.parametrize("kind", ["pdf", "tiff"])
def test_pages_that_do_not_exist(text: str, missing: int, kind: str) -> None:
    pages = [sheet(k) for k in range(3)]
    data = picture_pdf(pages) if kind == "pdf" else saved(pages, "TIFF")
    with pytest.raises(ImageError, match=rf"^a: there is no page {missing}, the document has 3 pages$"):
        next(load_pages(data, name="a", pages=text))


def test_a_picture_has_one_page() -> None:
    assert [page.number for page in load_pages(saved([sheet()], "PNG"), pages="1-")] == [1]
    with pytest.raises(ImageError, match=r"^a\.png: there is no page 2, the document has 1 page$"):
        next(load_pages(saved([sheet()], "PNG"), name="a.png", pages="2"))


# --- formats ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "WebP", "BMP", "GIF", "JPEG"])
@pytest.mark.parametrize("way", ["path", "text", "bytes"])
def test_pictures(kind: str, way: str, tmp_path: Path) -> None:
    data = saved([sheet()], kind, **({"lossless": True} if kind == "WebP" else {}))
    file = tmp_path / "picture"  # what is inside counts, not how it is called
    file.write_bytes(data)
    source = {"path": file, "text": str(file), "bytes": data}[way]
    (page,) = load_pages(source)
    assert (page.number, page.dpi, page.title) == (1, None, "")
    assert np.abs(page.gray.astype(int) - sheet()).max() <= (60 if kind == "JPEG" else 1)


@pytest.mark.parametrize("compression", [None, "tiff_lzw", "group4", "jpeg"])
@pytest.mark.parametrize("big", [False, True])
def test_all_pages_of_a_tiff(compression: str | None, big: bool) -> None:
    pages = [sheet(k) if compression != "group4" else sheet(k) > 0 for k in range(4)]
    data = saved(pages, "TIFF", compression=compression, big_tiff=big, dpi=(300, 300))
    found = list(load_pages(data))
    assert [(page.number, page.dpi) for page in found] == [(1, 300), (2, 300), (3, 300), (4, 300)]
    for k, page in enumerate(found):
        assert np.array_equal(page.gray < 128, sheet(k) < 128)
    assert [page.number for page in load_pages(data, pages="4,2")] == [2, 4]


def test_small_copies_in_a_tiff_are_no_pages() -> None:
    buffer = io.BytesIO()
    first, copy = Image.fromarray(sheet(1)), Image.fromarray(sheet(1)[::2, ::2])
    copy.encoderinfo = {"tiffinfo": {254: 1}}
    first.save(buffer, "TIFF", save_all=True, append_images=[copy, Image.fromarray(sheet(2))])
    assert [page.gray.shape for page in load_pages(buffer.getvalue())] == [(120, 200), (120, 200)]


def test_a_tiff_that_is_cut_off() -> None:
    data = saved([sheet(k) for k in range(4)], "TIFF")
    for share in (0.3, 0.6, 0.9):
        with pytest.raises(ImageError, match=r"^a(, page \d)?: the TIFF file is damaged or cut off"):
            list(load_pages(data[: int(share * len(data))], name="a"))


def test_a_tiff_that_leads_back_is_refused() -> None:
    data = bytearray(saved([sheet(0), sheet(1)], "TIFF"))
    first = int.from_bytes(data[4:8], "little")
    count = int.from_bytes(data[first : first + 2], "little")
    data[first + 2 + 12 * count : first + 6 + 12 * count] = data[4:8]
    with pytest.raises(ImageError, match=r"^a: the TIFF file is damaged or cut off.* follows itself"):
        next(load_pages(bytes(data), name="a"))


def test_a_page_of_a_tiff_that_is_too_large_is_refused_before_it_is_decoded() -> None:
    large = np.zeros((40, 60_000), np.uint8)
    data = bytearray(saved([sheet(), large], "TIFF", compression="tiff_lzw"))
    at = data.index((60_000).to_bytes(4, "little") + (257).to_bytes(2, "little"))  # the tag after the width
    data[at + 12 : at + 16] = (60_000).to_bytes(4, "little")
    pages = load_pages(bytes(data), name="a")
    assert next(pages).number == 1
    with pytest.raises(ImageError, match=r"^a, page 2: 60000 x 60000 pixels, at most 100 million"):
        next(pages)


def test_the_pages_of_a_scan() -> None:
    pages = [sheet(k) for k in range(3)]
    found = list(load_pages(picture_pdf(pages, dpi=150), name="a", pages="2-"))
    assert [(page.number, page.dpi, page.title) for page in found] == [(2, 150, ""), (3, 150, "")]
    assert np.array_equal(found[1].gray, pages[2])


def test_a_document_of_many_pages() -> None:
    data = picture_pdf([sheet(k) for k in range(12)], dpi=150)
    for k, page in enumerate(load_pages(data)):
        assert page.number == k + 1
        assert np.array_equal(page.gray, sheet(k))
    assert [page.number for page in load_pages(data, pages="2-")] == list(range(2, 13))


def test_a_page_is_drawn_when_it_is_asked_for() -> None:
    data = write_pdf([strokes(50)] * 3, size=(200, 100))
    last = data.rfind(b"/MediaBox [0 0 200 100]")
    narrow = data[:last] + b"/MediaBox [0 0 003 100]" + data[last + 23 :]
    pages = load_pages(narrow, name="a.pdf")
    assert [next(pages).number, next(pages).number] == [1, 2]
    with pytest.raises(ImageError, match=r"^a\.pdf, page 3: 12 x 417 pixels, a staff needs at least"):
        next(pages)


# --- what is refused -------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["GIF", "WebP", "PNG"])
def test_animations_are_refused(kind: str) -> None:
    data = saved([sheet(0), sheet(1), sheet(2)], kind)
    with pytest.raises(ImageError, match=r"^a: an animation of 3 frames, a still image is needed$"):
        next(load_pages(data, name="a"))


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "a: the file is empty"),
        (b"no picture at all\n" * 20, "a: not an image that can be decoded"),
        (b"%PDF-1.7\n", "a: the PDF is cut off after 9 bytes"),
        (b"II*\0\x08\0\0\0", "a: the TIFF file is damaged or cut off"),
        (b"II*\0\0\0\0\0", "a: the TIFF file has no pages"),
    ],
)
def test_unusable_bytes(data: bytes, reason: str) -> None:
    with pytest.raises(ImageError) as caught:
        next(load_pages(data, name="a"))
    assert str(caught.value).startswith(reason)
    assert "\n" not in str(caught.value)


def test_missing_files_and_folders(tmp_path: Path) -> None:
    with pytest.raises(ImageError, match=r"no\.pdf: no such file"):
        next(load_pages(tmp_path / "no.pdf"))
    with pytest.raises(ImageError, match="is a folder"):
        next(load_pages(tmp_path))
    with pytest.raises(ImageError, match=r"^the given bytes: not an image"):
        next(load_pages(b"nothing"))


def test_a_picture_is_read_without_pdfium(tmp_path: Path) -> None:
    file = tmp_path / "a.png"
    cv2.imwrite(str(file), sheet())
    code = (
        "import sys; from focal_omr.page.load import load_pages; "
        f"list(load_pages({str(file)!r})); sys.exit('pypdfium2' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
