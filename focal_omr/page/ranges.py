"""Page lists of documents, such as "1,3-5,8-"."""

import re
from collections.abc import Sequence

from focal_omr.errors import ImageError

__all__ = ["PageRange", "choose_pages", "parse_pages"]

PageRange = tuple[int, int | None]  # first and last page, both from 1; None: to the end
_RANGE = re.compile(r"([1-9]\d{0,8})(-([1-9]\d{0,8})?)?")


def parse_pages(text: str) -> list[PageRange]:
    """Parse a page list: numbers and ranges separated by commas; "8-" is page 8 and all that follow.

    Raises:
        ImageError: not a page list, or a range ends before it begins.
    """
    ranges: list[PageRange] = []
    for part in text.split(","):
        match = _RANGE.fullmatch(part.strip())
        if match is None:
            raise ImageError(
                f"{text!r} is not a page list: page numbers from 1 and ranges are needed, such as 1,3-5,8-"
            )
        first = int(match[1])
        last = int(match[3]) if match[3] else None if match[2] else first
        if last is not None and last < first:
            raise ImageError(f"{text!r} is not a page list: the range {part.strip()} ends before it begins")
        ranges.append((first, last))
    return ranges


def choose_pages(ranges: Sequence[PageRange] | None, count: int, *, name: str) -> list[int]:
    """Select the pages of a document.

    Args:
        ranges: page ranges from `parse_pages`; None selects all pages.
        count: number of pages of the document.
        name: name of the document in error messages.

    Returns:
        page numbers from 1, ascending.

    Raises:
        ImageError: a listed page does not exist; the message names the document.
    """
    if ranges is None:
        return list(range(1, count + 1))
    for first, last in ranges:
        missing = first if first > count else last
        if missing is not None and missing > count:
            has = "1 page" if count == 1 else f"{count} pages"
            raise ImageError(f"{name}: there is no page {missing}, the document has {has}")
    return sorted({page for first, last in ranges for page in range(first, (last or count) + 1)})
