"""The directories of a TIFF file, as far as a page needs them. EXIF data have the same structure.

A directory lists the tags of one page, and says where the next one lies. OpenCV decodes pages, but does not
tell before how many there are and how large they are.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass

__all__ = [
    "HEIGHT",
    "ORIENTATION",
    "REDUCED",
    "RESOLUTION_UNIT",
    "WIDTH",
    "X_RESOLUTION",
    "Y_RESOLUTION",
    "Directory",
    "TagError",
    "is_tiff",
    "read_directories",
    "set_first",
]

REDUCED, WIDTH, HEIGHT, ORIENTATION = 254, 256, 257, 274  # TIFF 6.0, NewSubfileType and so on
X_RESOLUTION, Y_RESOLUTION, RESOLUTION_UNIT = 282, 283, 296
_WANTED = frozenset({REDUCED, WIDTH, HEIGHT, ORIENTATION, X_RESOLUTION, Y_RESOLUTION, RESOLUTION_UNIT})
_SHORT, _LONG, _RATIONAL, _LONG8 = 3, 4, 5, 16
_MAX_DIRECTORIES = 100_000  # a longer chain is a loop, or no document
# Of all directories together: a page has 10 to 30. Directories that lie over one another can have millions in
# a small file, which took half a minute to look through.
_MAX_ENTRIES = 500_000


class TagError(ValueError):
    """The directories end outside of the file or lead in a circle; no error of this package."""


@dataclass(frozen=True)
class Directory:
    """One directory.

    Attributes:
        offset: where it starts, in bytes.
        tags: the values of the tags named above; others are left out.
    """

    offset: int
    tags: dict[int, float]


@dataclass(frozen=True)
class _Layout:
    """How wide the numbers are: TIFF and BigTIFF differ in nothing else."""

    order: str
    first_at: int
    offset: str
    count: str
    entry_bytes: int

    @classmethod
    def of(cls, data: bytes | bytearray) -> "_Layout":
        order = "<" if data[:1] == b"I" else ">"
        if 43 in data[2:4]:
            return cls(order, 8, order + "Q", order + "Q", 20)
        return cls(order, 4, order + "I", order + "H", 12)

    def unpack(self, form: str, data: bytes | bytearray, at: int) -> int:
        try:
            return int(struct.unpack_from(form, data, at)[0])
        except (struct.error, OverflowError):
            raise TagError(f"byte {at} is outside of the file") from None


def is_tiff(data: bytes | bytearray) -> bool:
    """Whether these bytes begin a TIFF or BigTIFF file."""
    return bytes(data[:4]) in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")


def read_directories(data: bytes | bytearray) -> Iterator[Directory]:
    """Yield the directories in the order of their chain.

    Args:
        data: a whole TIFF file, or EXIF data without what a format puts before them.

    Raises:
        TagError: a directory lies outside of the file, leads back to one before it, or has entries beyond
            number.

    Source: TIFF 6.0, section 2; BigTIFF as libtiff describes it.
    """
    layout = _Layout.of(data)
    at = layout.unpack(layout.offset, data, layout.first_at)
    seen: set[int] = set()
    entries = 0
    while at:
        if at in seen or len(seen) >= _MAX_DIRECTORIES:
            raise TagError(f"the directory at byte {at} follows itself")
        seen.add(at)
        count = layout.unpack(layout.count, data, at)
        entries += count
        if entries > _MAX_ENTRIES:
            raise TagError(f"more than {_MAX_ENTRIES} entries up to the directory at byte {at}")
        start = at + struct.calcsize(layout.count)
        end = start + count * layout.entry_bytes
        following = layout.unpack(layout.offset, data, end)
        yield Directory(at, dict(_tags(data, layout, range(start, end, layout.entry_bytes))))
        at = following


def set_first(data: bytearray, directory: Directory) -> None:
    """Make a directory the first one of a file, so that a decoder of single pictures decodes its page."""
    layout = _Layout.of(data)
    struct.pack_into(layout.offset, data, layout.first_at, directory.offset)


def _tags(data: bytes | bytearray, layout: _Layout, entries: range) -> Iterator[tuple[int, float]]:
    for at in entries:
        tag = layout.unpack(layout.order + "H", data, at)
        if tag in _WANTED:
            kind = layout.unpack(layout.order + "H", data, at + 2)
            place = at + layout.entry_bytes - struct.calcsize(layout.offset)
            value = _value(data, layout, kind, place)
            if value is not None:
                yield tag, value


def _value(data: bytes | bytearray, layout: _Layout, kind: int, at: int) -> float | None:
    """The first value of an entry whose value or offset is stored at a place; None for other types."""
    if kind in (_SHORT, _LONG, _LONG8):
        return layout.unpack(layout.order + {_SHORT: "H", _LONG: "I", _LONG8: "Q"}[kind], data, at)
    if kind != _RATIONAL:
        return None
    if layout.entry_bytes == 12:  # eight bytes do not fit into an entry of TIFF, they do in BigTIFF
        at = layout.unpack(layout.offset, data, at)
    above, below = (layout.unpack(layout.order + "I", data, at + k) for k in (0, 4))
    return above / below if below else None
