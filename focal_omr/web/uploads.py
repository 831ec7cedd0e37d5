"""Uploaded files: checks by their first bytes and header, and display names."""

import unicodedata
from urllib.parse import quote

from focal_omr.errors import ImageError
from focal_omr.images.header import is_pdf, is_tiff, read_header
from focal_omr.web.errors import RejectedError
from focal_omr.web.settings import MB, Settings

__all__ = ["check_upload", "content_disposition", "display_name", "stem"]

_MAX_NAME_LENGTH = 120  # characters; file systems allow 255 bytes


def check_upload(data: bytes, name: str, settings: Settings) -> None:
    """Reject a file that cannot be read, as far as its header tells; nothing is decoded.

    Pages of PDF and TIFF documents are checked when they are read, in a worker process that may crash.

    Args:
        data: Content of the file.
        name: Display name, for messages.
        settings: Limits.

    Raises:
        RejectedError: The file is empty, too large, animated, damaged, or neither an image nor a PDF.
    """
    if len(data) > settings.upload_bytes:
        raise RejectedError(413, f"{name}: larger than the limit of {settings.upload_bytes / MB:g} MB")
    if not data:
        raise RejectedError(422, f"{name}: the file is empty")
    if is_pdf(data) or is_tiff(data):
        return
    try:
        header = read_header(data, name=name)
    except ImageError as error:
        raise RejectedError(422, str(error)) from error
    if not header.kind:
        raise RejectedError(
            415, f"{name}: neither an image (PNG, JPEG, TIFF, WebP, BMP or GIF) nor a PDF document"
        )
    if header.size is not None and header.size[0] * header.size[1] > settings.pixels:
        width, height = header.size
        limit = f"at most {settings.pixels / 1e6:g} million are read"
        raise RejectedError(413, f"{name}: {width} x {height} pixels, {limit}")
    if header.frames > 1:
        raise RejectedError(422, f"{name}: an animation of {header.frames} frames; send a still image")


def display_name(sent: str | None) -> str:
    """A client's file name without folders and control characters; only ever displayed, never opened."""
    last = (sent or "").replace("\\", "/").rpartition("/")[2]
    printable = "".join(
        " " if character.isspace() else character
        for character in last
        if character.isspace() or not unicodedata.category(character).startswith("C")
    )
    name = " ".join(printable.split()).strip(". ")
    if len(name) > _MAX_NAME_LENGTH:
        before, _, suffix = name.rpartition(".")
        name = f"{before[: _MAX_NAME_LENGTH - 10]}.{suffix[:9]}" if before else name[:_MAX_NAME_LENGTH]
    return name or "document"


def stem(name: str) -> str:
    """A display name without its suffix."""
    before, _, suffix = name.rpartition(".")
    return before if before and len(suffix) <= 5 else name


def content_disposition(name: str) -> str:
    """The Content-Disposition header of a download. Source: RFC 6266, RFC 5987."""
    plain = "".join(each if each.isascii() and (each.isalnum() or each in " -_.") else "_" for each in name)
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"
