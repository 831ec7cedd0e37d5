"""What a client sent: judged by its first bytes and its header, named by a name that is only ever shown."""

import unicodedata
from urllib.parse import quote

from focal_omr.errors import ImageError
from focal_omr.images.header import is_pdf, read_header
from focal_omr.images.tiff import is_tiff
from focal_omr.web.refusal import RefusedError
from focal_omr.web.settings import MB, Settings

__all__ = ["check_content", "disposition", "shown_name", "stem"]

_LONGEST_NAME = 120  # characters; file systems take 255 bytes


def check_content(data: bytes, name: str, settings: Settings) -> None:
    """Raise RefusedError for a file that cannot be read, as far as its header tells; nothing is decoded.

    Pages of PDF and TIFF documents are looked at where they are read: that takes a process that may die.
    """
    if len(data) > settings.upload_bytes:
        raise RefusedError(
            413, f"{name}: larger than {settings.upload_bytes / MB:g} MB, which is the most that is read"
        )
    if not data:
        raise RefusedError(422, f"{name}: the file is empty")
    if is_pdf(data) or is_tiff(data):
        return
    try:
        header = read_header(data, name=name)
    except ImageError as error:
        raise RefusedError(422, str(error)) from error
    if not header.kind:
        raise RefusedError(
            415, f"{name}: neither a picture (PNG, JPEG, TIFF, WebP, BMP or GIF) nor a PDF document"
        )
    if header.size is not None and header.size[0] * header.size[1] > settings.pixels:
        width, height = header.size
        most = f"at most {settings.pixels / 1e6:g} million are read"
        raise RefusedError(413, f"{name}: {width} x {height} pixels, {most}")
    if header.frames > 1:
        raise RefusedError(422, f"{name}: an animation of {header.frames} frames, a still picture is needed")


def shown_name(sent: str | None) -> str:
    """A file's name to show: a line of characters that print, without folders. No file is ever called so."""
    last = (sent or "").replace("\\", "/").rpartition("/")[2]
    printable = "".join(
        " " if character.isspace() else character
        for character in last
        if character.isspace() or not unicodedata.category(character).startswith("C")
    )
    name = " ".join(printable.split()).strip(". ")
    if len(name) > _LONGEST_NAME:
        before, _, suffix = name.rpartition(".")
        name = f"{before[: _LONGEST_NAME - 10]}.{suffix[:9]}" if before else name[:_LONGEST_NAME]
    return name or "document"


def stem(name: str) -> str:
    """A shown name without its suffix."""
    before, _, suffix = name.rpartition(".")
    return before if before and len(suffix) <= 5 else name


def disposition(name: str) -> str:
    """The Content-Disposition of a file to keep under a shown name. Source: RFC 6266, RFC 5987."""
    plain = "".join(each if each.isascii() and (each.isalnum() or each in " -_.") else "_" for each in name)
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"
