"""The pages of a PDF document as pictures, and its title.

PDFium (by way of pypdfium2) is not made for several threads: whoever uses this module keeps to one thread of
a process. It is written in C++ and meets files from anywhere; a file made to harm it could end the process,
and would have to be opened in one of its own.
"""

import math
import re
from collections.abc import Iterator

import numpy as np
import pypdfium2
import pypdfium2.raw as pdfium
from numpy.typing import NDArray

from focal_omr.errors import ImageError
from focal_omr.images.header import believable_dpi
from focal_omr.images.load import MAX_IMAGE_PX, as_dark_on_light, check_size

__all__ = ["PAGE_DPI", "open_pdf", "rasterize", "read_title"]

PAGE_DPI = 300  # a staff of 7 mm then has a staff space of 21 px
_A4_PX = 8_700_000  # an A4 page at that resolution
_POINTS = 72.0  # of a PDF, in an inch
_TAIL_BYTES = 1024  # where readers look for the mark of the end, as Acrobat does
_MAX_TITLE = 200  # characters; more than that is a paragraph
_INSET = 1e-5  # of a page's side, see `_drawn`
_IMAGES_SHARE = 0.9  # of a page that is a scan; borders that were cut white leave 0.95 and more

# Fonts whose letters are clefs and notes where they do not say so in Unicode. Not their companions for text.
_MUSIC_FONT = re.compile(
    r"(emmentaler|feta|bravura|leland|petaluma|maestro|opus|sonata|petrucci|gonville|mscore|musejazz)(?!.*text)",
    re.IGNORECASE,
)
# What programs write as a document's title that know of none.
_NO_TITLE = re.compile(
    r"untitled.*|unbenannt.*|sans titre.*|microsoft word.*|scan.*|.*\.(pdf|docx?|indd|qxd|ps|tiff?|jpe?g|png"
    r"|msc[xz]|sib|musx?|ly|cap|dorico|xml|mxl|musicxml)",
    re.IGNORECASE,
)


def open_pdf(data: bytes, *, name: str) -> pypdfium2.PdfDocument:
    """Open a PDF document; close it when done, or use it in a `with`.

    Args:
        data: the whole file.
        name: what an error message calls it.

    Raises:
        ImageError: protected by a password, without pages, damaged or cut off. PDFium would mend a document
            without its end and say nothing of the pages that are missing.
    """
    if b"%%EOF" not in data.rstrip(b"\0\r\n\t ")[-_TAIL_BYTES:]:
        raise ImageError(f"{name}: the PDF is cut off after {len(data)} bytes, its end is missing")
    try:
        document = pypdfium2.PdfDocument(data)
    except pypdfium2.PdfiumError as error:
        raise ImageError(f"{name}: {_refusal(data, error.err_code)}") from error
    if not len(document):
        document.close()
        raise ImageError(f"{name}: the PDF has no pages")
    return document


def _refusal(data: bytes, code: int | None) -> str:
    encrypted = b"/Encrypt" in data
    if code == pdfium.FPDF_ERR_PASSWORD and encrypted:
        return "the PDF is protected by a password, save it without one first"
    if code == pdfium.FPDF_ERR_SECURITY and encrypted:
        return "the PDF is encrypted in a way that cannot be read, save it without encryption first"
    if code == pdfium.FPDF_ERR_SUCCESS:  # PDFium 152 refuses a document without pages, and gives no reason
        return "the PDF has no pages that can be read"
    return "the PDF is damaged, it cannot be opened"


def rasterize(
    document: pypdfium2.PdfDocument, number: int, *, name: str
) -> tuple[NDArray[np.uint8], float | None]:
    """Draw one page, without what was added as annotations.

    A vector page is drawn at `PAGE_DPI`, at less where it would have more than `MAX_IMAGE_PX`. A page that
    holds nothing but pictures, a scan, is drawn at the resolution of its pictures, which gives their pixels
    as they are; only what is finer than `PAGE_DPI` is reduced, to no less than an A4 page has.

    Args:
        document: from `open_pdf`.
        number: the page's number, from 1.
        name: what an error message calls the page.

    Returns:
        (H, W) gray values, paper light; dots per inch, None for a scan that tells none that can be true.

    Raises:
        ImageError: the page is damaged, or too small for a staff.
    """
    try:
        page = document[number - 1]
    except pypdfium2.PdfiumError as error:
        raise ImageError(f"{name}: the page is damaged, it cannot be opened") from error
    try:
        width, height = page.get_size()
        if not width * height > 0:
            raise ImageError(f"{name}: the page has no size")
        own_dpi = _scan_dpi(page)
        dpi = _drawing_dpi(width * height / _POINTS**2, own_dpi)
        size = (round(width * dpi / _POINTS), round(height * dpi / _POINTS))
        check_size(size, name=name)
        gray = _drawn(page, *size)
    except pypdfium2.PdfiumError as error:
        raise ImageError(f"{name}: the page cannot be drawn ({error})") from error
    finally:
        page.close()
    return as_dark_on_light(gray), dpi if own_dpi is None else believable_dpi(dpi, dpi)


def _drawn(page: pypdfium2.PdfPage, width_px: int, height_px: int) -> NDArray[np.uint8]:
    """Draw a page a hundred thousandth smaller than the bitmap.

    PDFium rounds the place of a picture outwards: drawn at 200.00001 pixels it takes 201, and what should be
    its pixels as they are is blurred (observed in one of six sizes at 150 and 300 dpi).
    """
    width, height = page.get_size()
    bitmap = pypdfium2.PdfBitmap.new_native(width_px, height_px, pdfium.FPDFBitmap_Gray)
    bitmap.fill_rect((255, 255, 255, 255), 0, 0, width_px, height_px)
    across, down = width_px / width * (1 - _INSET), height_px / height * (1 - _INSET)
    matrix = pdfium.FS_MATRIX(across, 0, 0, down, width_px * _INSET / 2, height_px * _INSET / 2)
    whole = pdfium.FS_RECTF(0, 0, width_px, height_px)
    pdfium.FPDF_RenderPageBitmapWithMatrix(bitmap, page, matrix, whole, pdfium.FPDF_GRAYSCALE)
    return np.asarray(bitmap.to_numpy(), np.uint8).reshape(height_px, width_px)


def _drawing_dpi(square_inches: float, own_dpi: float | None) -> float:
    """The resolution to draw a page at, whose pictures have `own_dpi` where it is a scan."""
    most = 0.999 * math.sqrt(MAX_IMAGE_PX / square_inches)  # sizes are rounded
    if own_dpi is None:
        return min(PAGE_DPI, most)
    return min(own_dpi, max(PAGE_DPI, math.sqrt(_A4_PX / square_inches)), most)


def _scan_dpi(page: pypdfium2.PdfPage) -> float | None:
    """The finest resolution of the pictures that a page consists of, None where it holds anything drawn.

    Hidden text is let pass, many scans have a layer of it. Scans in layers or bands have several pictures.
    """
    finest, covered = 0.0, 0.0
    for part in page.get_objects():
        if part.type == pdfium.FPDF_PAGEOBJ_FORM or _is_hidden_text(part):
            continue
        if part.type != pdfium.FPDF_PAGEOBJ_IMAGE:
            return None
        a, b, c, d, _, _ = part.get_matrix().get()
        across, up = math.hypot(a, b), math.hypot(c, d)
        if across and up:
            wide, high = part.get_px_size()
            covered += abs(a * d - b * c)
            finest = max(finest, wide / across * _POINTS, high / up * _POINTS)
    width, height = page.get_size()
    return finest if finest and covered >= _IMAGES_SHARE * width * height else None


def read_title(document: pypdfium2.PdfDocument) -> str:
    """The largest text in the top third of the first page; else the title that the document is said to have.

    The hidden text of a scan is left out, it is guessed. "" where there is none.
    """
    said = _one_line(document.get_metadata_value("Title"))
    return _printed_title(document) or ("" if _NO_TITLE.fullmatch(said) else said)


def _printed_title(document: pypdfium2.PdfDocument) -> str:
    try:
        page = document[0]
    except pypdfium2.PdfiumError:
        return ""  # a damaged page is an error of `rasterize`
    try:
        textpage = page.get_textpage()
        characters = list(_head_characters(page, textpage))
        textpage.close()
    except pypdfium2.PdfiumError:
        return ""
    finally:
        page.close()
    letters = [size for character, size in characters if character.isalpha()]
    largest = max((size for size in set(letters) if letters.count(size) >= 2), default=0.0)
    if not largest:
        return ""
    return _one_line("".join(character if size == largest else " " for character, size in characters))


def _head_characters(page: pypdfium2.PdfPage, textpage: pypdfium2.PdfTextPage) -> Iterator[tuple[str, float]]:
    """Yield what is printed in the top third, with its size in half points; spaces have the size 0."""
    if page.get_rotation():
        return  # text has its place before the turn, and the top is another side
    _, bottom, _, top = page.get_bbox()
    for index in range(textpage.count_chars()):
        character = chr(pdfium.FPDFText_GetUnicode(textpage, index))
        _, low, _, high = textpage.get_charbox(index, loose=True)
        if not character.isprintable() or character.isspace():  # clefs and notes are in a private area
            yield " ", 0.0
        elif low > top - (top - bottom) / 3 and _is_printed_text(textpage, index):
            yield character, round(2 * (high - low)) / 2


def _is_hidden_text(part: pypdfium2.PdfObject) -> bool:
    if part.type != pdfium.FPDF_PAGEOBJ_TEXT:
        return False
    return bool(pdfium.FPDFTextObj_GetTextRenderMode(part) == pdfium.FPDF_TEXTRENDERMODE_INVISIBLE)


def _is_printed_text(textpage: pypdfium2.PdfTextPage, index: int) -> bool:
    part = textpage.get_textobj(index)
    if part is None or _is_hidden_text(part):
        return False
    return not _MUSIC_FONT.search(part.get_font().get_base_name())


def _one_line(words: str) -> str:
    printable = "".join(character if character.isprintable() else " " for character in words)
    return " ".join(printable.split())[:_MAX_TITLE]
