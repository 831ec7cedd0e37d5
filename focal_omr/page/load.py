"""Documents (image files, multi-page TIFF, PDF) to grayscale pages, decoded one at a time."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from focal_omr.images.header import is_pdf, is_tiff, read_header, read_tiff_pages, select_tiff_page
from focal_omr.images.load import decode_gray, read_file
from focal_omr.page.ranges import PageRange, choose_pages, parse_pages

__all__ = ["PageImage", "PageRange", "choose_pages", "count_pages", "load_pages", "parse_pages"]

# PDFium keeps what it has parsed of a page, up to 0.9 MB (observed), until its document is closed.
_PAGES_OPEN = 10


@dataclass(frozen=True)
class PageImage:
    """One page of a document.

    Attributes:
        number: page number in the document, from 1.
        gray: (H, W) uint8 gray levels, light paper.
        dpi: dots per inch; None where neither the file nor the rasterizer gives a believable resolution.
        title: title of a PDF document, on its page 1; "" on other pages and where there is none.
    """

    number: int
    gray: NDArray[np.uint8]
    dpi: float | None
    title: str = ""


def load_pages(
    source: str | Path | bytes, *, name: str | None = None, pages: str | None = None
) -> Iterator[PageImage]:
    """Open a document and yield its pages; each is decoded when it is requested.

    PNG, JPEG, WebP, BMP and GIF hold one page, TIFF and PDF any number. The file's bytes stay in memory until
    the last page. PDF documents have to be read in one thread of a process (see `focal_omr.page.pdf`).

    Args:
        source: path or bytes of a file.
        name: name of the document in error messages; the path by default.
        pages: page list such as "1,3-5,8-" (see `parse_pages`); all pages by default. They are yielded in
            the order of the document, each once.

    Yields:
        the pages.

    Raises:
        ImageError: on the first page: the file is missing, empty, not an image, truncated, protected by a
            password, without pages, or lacks a page of the list; on any page: it is damaged, too large or too
            small. The message names the document.
    """
    ranges = None if pages is None else parse_pages(pages)
    data = source if isinstance(source, bytes) else read_file(source)
    label = name or ("the given bytes" if isinstance(source, bytes) else str(Path(source)))
    if is_pdf(data):
        yield from _load_pdf(data, ranges, name=label)
        return
    if not is_tiff(data):
        choose_pages(ranges, 1, name=label)
        header = read_header(data, name=label)
        yield PageImage(1, decode_gray(data, name=label, header=header), header.dpi)
        return
    tiff_pages = read_tiff_pages(data, name=label)
    file = bytearray(data)
    for number in choose_pages(ranges, len(tiff_pages), name=label):
        page = tiff_pages[number - 1]
        select_tiff_page(file, page)
        page_label = label if len(tiff_pages) == 1 else f"{label}, page {number}"
        yield PageImage(number, decode_gray(file, name=page_label, header=page.header), page.header.dpi)


def count_pages(data: bytes, *, name: str) -> int:
    """Count the pages of a file without decoding any.

    Raises:
        ImageError: as `load_pages` for the first page, where the file cannot be opened.
    """
    if is_pdf(data):
        from focal_omr.page import pdf

        with pdf.open_pdf(data, name=name) as document:
            return len(document)
    return len(read_tiff_pages(data, name=name)) if is_tiff(data) else 1


def _load_pdf(data: bytes, ranges: Sequence[PageRange] | None, *, name: str) -> Iterator[PageImage]:
    from focal_omr.page import pdf  # lazily: loading PDFium takes 50 to 80 ms, which images can do without

    with pdf.open_pdf(data, name=name) as document:
        numbers = choose_pages(ranges, len(document), name=name)
        title = pdf.read_title(document) if numbers[0] == 1 else ""
    for start in range(0, len(numbers), _PAGES_OPEN):
        with pdf.open_pdf(data, name=name) as document:
            for number in numbers[start : start + _PAGES_OPEN]:
                gray, dpi = pdf.rasterize(document, number, name=f"{name}, page {number}")
                yield PageImage(number, gray, dpi, title if number == 1 else "")
