"""PDF documents: pages rasterized by PDFium, and the title.

PDFium (through pypdfium2) is not thread-safe: callers use this module in one thread of a process. It is
written in C++ and gets files from anywhere; a malicious file could crash the process.
"""

import math
import re

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
_POINTS = 72.0  # per inch
_TAIL_BYTES = 1024  # in which readers look for the end marker, as Acrobat does
_MAX_TITLE_LENGTH = 200  # characters; more is a paragraph
_INSET = 1e-5  # of a page's side, see `_render`
_IMAGES_SHARE = 0.9  # of a scanned page that images cover; where white borders were cut off 0.95 and more

# Fonts whose characters are clefs and notes, even where their code points are letters; not their text fonts.
_MUSIC_FONT = re.compile(
    r"(emmentaler|feta|bravura|leland|petaluma|maestro|opus|sonata|petrucci|gonville|mscore|musejazz)(?!.*text)",
    re.IGNORECASE,
)
# Default titles of programs, and file names.
_NO_TITLE = re.compile(
    r"untitled.*|unbenannt.*|sans titre.*|microsoft word.*|scan.*|.*\.(pdf|docx?|indd|qxd|ps|tiff?|jpe?g|png"
    r"|msc[xz]|sib|musx?|ly|cap|dorico|xml|mxl|musicxml)",
    re.IGNORECASE,
)


def open_pdf(data: bytes, *, name: str) -> pypdfium2.PdfDocument:
    """Open a PDF document; close it afterwards, or use it in a `with` statement.

    Args:
        data: the whole file.
        name: name of the document in error messages.

    Raises:
        ImageError: protected by a password, without pages, damaged or truncated. PDFium would repair a
            truncated document and not report the pages that are missing.
    """
    if b"%%EOF" not in data.rstrip(b"\0\r\n\t ")[-_TAIL_BYTES:]:
        raise ImageError(f"{name}: the PDF is cut off after {len(data)} bytes, its end is missing")
    try:
        document = pypdfium2.PdfDocument(data)
    except pypdfium2.PdfiumError as error:
        reason, encrypted = "the PDF is damaged, it cannot be opened", b"/Encrypt" in data
        if error.err_code == pdfium.FPDF_ERR_PASSWORD and encrypted:
            reason = "the PDF is protected by a password, save it without one first"
        elif error.err_code == pdfium.FPDF_ERR_SECURITY and encrypted:
            reason = "the PDF is encrypted in a way that cannot be read, save it without encryption first"
        elif error.err_code == pdfium.FPDF_ERR_SUCCESS:  # PDFium 152, for a document without pages
            reason = "the PDF has no pages that can be read"
        raise ImageError(f"{name}: {reason}") from error
    if not len(document):
        document.close()
        raise ImageError(f"{name}: the PDF has no pages")
    return document


def rasterize(
    document: pypdfium2.PdfDocument, number: int, *, name: str
) -> tuple[NDArray[np.uint8], float | None]:
    """Rasterize one page, without annotations.

    A vector page is rendered at `PAGE_DPI`, at less where it would have more than `MAX_IMAGE_PX` pixels. A
    page that holds nothing but images, a scan, is rendered at the resolution of its images, which gives their
    pixels unchanged; only what is finer than `PAGE_DPI` is reduced, to no less than an A4 page has.

    Args:
        document: from `open_pdf`.
        number: page number, from 1.
        name: name of the page in error messages.

    Returns:
        (H, W) uint8 gray levels, light paper; dots per inch, None for a scan without a believable resolution.

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
        square_inches, scan_dpi = width * height / _POINTS**2, _scan_dpi(page)
        most = 0.999 * math.sqrt(MAX_IMAGE_PX / square_inches)  # sizes are rounded
        dpi = min(PAGE_DPI, most)
        if scan_dpi is not None:
            dpi = min(scan_dpi, max(PAGE_DPI, math.sqrt(_A4_PX / square_inches)), most)
        size = (round(width * dpi / _POINTS), round(height * dpi / _POINTS))
        check_size(size, name=name)
        gray = _render(page, *size)
    except pypdfium2.PdfiumError as error:
        raise ImageError(f"{name}: the page cannot be drawn ({error})") from error
    finally:
        page.close()
    return as_dark_on_light(gray), dpi if scan_dpi is None else believable_dpi(dpi, dpi)


def _render(page: pypdfium2.PdfPage, width_px: int, height_px: int) -> NDArray[np.uint8]:
    """Render a page to (H, W) gray levels, a hundred thousandth smaller than the bitmap.

    PDFium rounds the place of an image outwards: drawn at 200.00001 pixels it takes 201, and pixels that
        should be
    unchanged are blurred (observed in one of six sizes at 150 and 300 dpi).
    """
    width, height = page.get_size()
    bitmap = pypdfium2.PdfBitmap.new_native(width_px, height_px, pdfium.FPDFBitmap_Gray)
    bitmap.fill_rect((255, 255, 255, 255), 0, 0, width_px, height_px)
    across, down = width_px / width * (1 - _INSET), height_px / height * (1 - _INSET)
    matrix = pdfium.FS_MATRIX(across, 0, 0, down, width_px * _INSET / 2, height_px * _INSET / 2)
    whole = pdfium.FS_RECTF(0, 0, width_px, height_px)
    pdfium.FPDF_RenderPageBitmapWithMatrix(bitmap, page, matrix, whole, pdfium.FPDF_GRAYSCALE)
    return np.asarray(bitmap.to_numpy(), np.uint8).reshape(height_px, width_px)


def _scan_dpi(page: pypdfium2.PdfPage) -> float | None:
    """The finest resolution of the images that a page consists of; None where anything else is drawn on it.

    Hidden text is ignored, many scans have a layer of it. Scans in layers or bands have several images.
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
    """Read the title: the largest text in the top third of the first page, else that of the metadata; or "".

    The hidden text of a scan is ignored, since a program has recognised it.
    """
    title = _one_line(document.get_metadata_value("Title"))
    return _printed_title(document) or ("" if _NO_TITLE.fullmatch(title) else title)


def _printed_title(document: pypdfium2.PdfDocument) -> str:
    try:
        page = document[0]
    except pypdfium2.PdfiumError:
        return ""  # a damaged page is an error of `rasterize`
    characters: list[tuple[str, float]] = []  # with their size in half points, 0 for spaces
    try:
        textpage = page.get_textpage()
        _, bottom, _, top = page.get_bbox()
        # On a rotated page text has its position before the rotation, and the top is another side.
        for index in range(0 if page.get_rotation() else textpage.count_chars()):
            character = chr(pdfium.FPDFText_GetUnicode(textpage, index))
            _, low, _, high = textpage.get_charbox(index, loose=True)
            if not character.isprintable() or character.isspace():  # such as clefs, in a private use area
                characters.append((" ", 0.0))
            elif low > top - (top - bottom) / 3:
                part = textpage.get_textobj(index)
                hidden = part is None or _is_hidden_text(part)
                if not hidden and not _MUSIC_FONT.search(part.get_font().get_base_name()):
                    characters.append((character, round(2 * (high - low)) / 2))
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


def _one_line(text: str) -> str:
    printable = "".join(character if character.isprintable() else " " for character in text)
    return " ".join(printable.split())[:_MAX_TITLE_LENGTH]


def _is_hidden_text(part: pypdfium2.PdfObject) -> bool:
    if part.type != pdfium.FPDF_PAGEOBJ_TEXT:
        return False
    return bool(pdfium.FPDFTextObj_GetTextRenderMode(part) == pdfium.FPDF_TEXTRENDERMODE_INVISIBLE)
