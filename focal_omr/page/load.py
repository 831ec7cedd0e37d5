"""A file, or its bytes, becomes pages: gray pictures, one at a time, whatever the format."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from focal_omr.errors import ImageError
from focal_omr.images.header import is_pdf, read_header
from focal_omr.images.load import decode_gray, read_file
from focal_omr.images.tiff import REDUCED, Directory, TagError, is_tiff, read_directories, set_first
from focal_omr.page.ranges import PageRange, choose_pages, parse_pages

__all__ = ["PageImage", "PageRange", "choose_pages", "count_pages", "load_pages", "parse_pages"]

# PDFium keeps what it has read of a page, up to 0.9 MB (observed), until its document is closed.
_PAGES_OPEN = 10


@dataclass(frozen=True)
class PageImage:
    """One page of a document.

    Attributes:
        number: its number in the document, from 1.
        gray: (H, W) gray values, paper light.
        dpi: dots per inch, where the file tells a believable resolution or the page was drawn at one.
        title: what a PDF says that the document is called, on its page 1; "" on others, and where it says
            nothing.
    """

    number: int
    gray: NDArray[np.uint8]
    dpi: float | None
    title: str = ""


def load_pages(
    source: str | Path | bytes, *, name: str | None = None, pages: str | None = None
) -> Iterator[PageImage]:
    """Open a document and yield its pages; a page is decoded when it is asked for.

    PNG, JPEG, WebP, BMP and GIF hold one page, TIFF and PDF any number. The file's bytes stay in memory
    until the last page, of its pages one at a time. PDF documents have to be read in one thread of a process
    (see `focal_omr.page.pdf`).

    Args:
        source: a path, or the bytes of a file.
        name: what error messages call the document; the path where none is given.
        pages: which pages, such as "1,3-5,8-" (see `parse_pages`); all of them where it is None. They come
            in the order of the document, each once.

    Raises:
        ImageError: when the first page is asked for: the file is missing, empty, no picture, cut off,
            protected by a password, without pages, or has not all the pages that are wanted; for any page:
            it is damaged, too large or too small. The message names the document.
    """
    ranges = None if pages is None else parse_pages(pages)
    data = source if isinstance(source, bytes) else read_file(source)
    label = name or ("the given bytes" if isinstance(source, bytes) else str(Path(source)))
    if is_pdf(data):
        yield from _pdf_pages(data, ranges, name=label)
    elif is_tiff(data):
        yield from _tiff_pages(data, ranges, name=label)
    else:
        choose_pages(ranges, 1, name=label)
        gray = decode_gray(data, name=label)
        yield PageImage(1, gray, read_header(data, name=label).dpi)


def count_pages(data: bytes, *, name: str) -> int:
    """How many pages the bytes of a file hold; none of them is decoded.

    Raises:
        ImageError: as `load_pages` for the first page, where the file cannot be opened.
    """
    if is_pdf(data):
        from focal_omr.page import pdf

        with pdf.open_pdf(data, name=name) as document:
            return len(document)
    return len(_tiff_directories(data, name=name)) if is_tiff(data) else 1


def _pdf_pages(data: bytes, ranges: Sequence[PageRange] | None, *, name: str) -> Iterator[PageImage]:
    from focal_omr.page import pdf  # here: pictures need not wait for PDFium to be loaded, 50 to 80 ms

    with pdf.open_pdf(data, name=name) as document:
        wanted = choose_pages(ranges, len(document), name=name)
        title = pdf.read_title(document) if wanted[0] == 1 else ""
    for start in range(0, len(wanted), _PAGES_OPEN):
        with pdf.open_pdf(data, name=name) as document:
            for number in wanted[start : start + _PAGES_OPEN]:
                gray, dpi = pdf.rasterize(document, number, name=f"{name}, page {number}")
                yield PageImage(number, gray, dpi, title if number == 1 else "")


def _tiff_pages(data: bytes, ranges: Sequence[PageRange] | None, *, name: str) -> Iterator[PageImage]:
    directories = _tiff_directories(data, name=name)
    wanted = choose_pages(ranges, len(directories), name=name)
    file = bytearray(data)
    for number in wanted:
        set_first(file, directories[number - 1])
        label = name if len(directories) == 1 else f"{name}, page {number}"
        gray = decode_gray(file, name=label)
        yield PageImage(number, gray, read_header(file, name=label).dpi)


def _tiff_directories(data: bytes, *, name: str) -> list[Directory]:
    """The pages of a TIFF file, without the small copies and masks that some programs put beside a page."""
    try:
        directories = list(read_directories(data))
    except TagError as error:
        raise ImageError(
            f"{name}: the TIFF file is damaged or cut off, its pages cannot be counted ({error})"
        ) from None
    pages = [page for page in directories if not int(page.tags.get(REDUCED, 0)) & 0b101]
    if not pages:
        raise ImageError(f"{name}: the TIFF file has no pages")
    return pages
