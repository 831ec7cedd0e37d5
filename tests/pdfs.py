"""PDF documents written by hand: pages of strokes, text and pictures, and what can be wrong with them."""

import zlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

__all__ = ["A4", "encrypted", "picture_pdf", "strokes", "text", "write_pdf"]

A4 = (595, 842)  # points


def strokes(y: float, left: float = 50, right: float = 545, space: float = 6) -> bytes:
    """Five staff lines whose lowest lies at height y, in points."""
    return b"0.8 w\n" + b"".join(
        b"%g %g m %g %g l S\n" % (left, y + k * space, right, y + k * space) for k in range(5)
    )


def text(words: str, x: float, y: float, size: float) -> bytes:
    """Words in Helvetica; the size is in the matrix, as some programs have it."""
    return b"BT /F1 1 Tf %g 0 0 %g %g %g Tm (%s) Tj ET\n" % (size, size, x, y, words.encode("latin-1"))


def write_pdf(
    pages: Sequence[bytes],
    *,
    size: tuple[float, float] = A4,
    info: str = "",
    font: str = "Helvetica",
    page_keys: bytes = b"",
    resources: bytes = b"",
    more: Sequence[bytes] = (),
    trailer: bytes = b"",
) -> bytes:
    """A document of pages with these content streams.

    Objects: 1 catalog, 2 page tree, 3 font, 4 info, 5... `more`, then page and content by turns.
    """
    first = 5 + len(more)
    kids = b" ".join(b"%d 0 R" % (first + 2 * k) for k in range(len(pages)))
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [%s] /Count %d >>" % (kids, len(pages)),
        b"<< /Type /Font /Subtype /Type1 /Encoding /WinAnsiEncoding /BaseFont /%s >>" % font.encode(),
        b"<< /Title (%s) >>" % info.encode("latin-1"),
        *more,
    ]
    for k, content in enumerate(pages):
        objects.append(
            b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 %g %g] /Contents %d 0 R %s "
            b"/Resources << /Font << /F1 3 0 R >> %s >> >>" % (*size, first + 2 * k + 1, page_keys, resources)
        )
        objects.append(stream(content))
    return _joined(objects, trailer)


def stream(content: bytes, keys: bytes = b"") -> bytes:
    return b"<< /Length %d %s >>\nstream\n%s\nendstream" % (len(content), keys, content)


def _joined(objects: Sequence[bytes], trailer: bytes) -> bytes:
    data = b"%PDF-1.7\n"
    places = []
    for number, body in enumerate(objects, 1):
        places.append(len(data))
        data += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    table = b"0000000000 65535 f \n" + b"".join(b"%010d 00000 n \n" % place for place in places)
    size = len(objects) + 1
    end = b"trailer\n<< /Size %d /Root 1 0 R /Info 4 0 R %s >>\nstartxref\n%d\n%%%%EOF\n"
    return data + b"xref\n0 %d\n%s" % (size, table) + end % (size, trailer, len(data))


def picture_pdf(
    pictures: Sequence[NDArray[np.uint8]],
    *,
    dpi: float = 150,
    page_keys: bytes = b"",
    over: bytes = b"",
) -> bytes:
    """A scan: each page is one gray picture; all have the first one's size. `over` is drawn over each."""
    height, width = pictures[0].shape
    images = [
        stream(
            zlib.compress(picture.tobytes()),
            b"/Type /XObject /Subtype /Image /Width %d /Height %d /ColorSpace /DeviceGray "
            b"/BitsPerComponent 8 /Filter /FlateDecode" % (width, height),
        )
        for picture in pictures
    ]
    size = (width * 72 / dpi, height * 72 / dpi)
    names = b" ".join(b"/Im%d %d 0 R" % (k, 5 + k) for k in range(len(pictures)))
    draw = [b"q %g 0 0 %g 0 0 cm /Im%d Do Q\n%s" % (*size, k, over) for k in range(len(pictures))]
    resources = b"/XObject << %s >>" % names
    return write_pdf(draw, size=size, page_keys=page_keys, resources=resources, more=images)


def encrypted(pages: Sequence[bytes]) -> bytes:
    """A document that no password was given for: its encryption names a user's password that is not empty."""
    keys = b"<< /Filter /Standard /V 1 /R 2 /P -4 /O <%s> /U <%s> >>" % (b"5a" * 32, b"a5" * 32)
    ids = b"/ID [<00112233445566778899aabbccddeeff> <00112233445566778899aabbccddeeff>]"
    return write_pdf(pages, more=[keys], trailer=b"/Encrypt 5 0 R " + ids)
