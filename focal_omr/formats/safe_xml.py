"""Safe parsing of untrusted XML: MusicXML and MEI documents, plain or zipped.

Nothing outside of a document is read: expat fetches nothing by itself, and documents that declare entities
are refused, since entities can expand a kilobyte to a gigabyte, or name a file. A DOCTYPE without
declarations, as MusicXML has, is accepted.
"""

import io
import lzma
import re
import struct
import zipfile
import zlib
from contextlib import suppress
from xml.etree import ElementTree as ET
from xml.parsers import expat

from focal_omr.errors import NotationError

__all__ = ["MAX_DEPTH", "MAX_SCORE_BYTES", "ZIP_ERRORS", "parse_xml", "unzip_musicxml", "xml_text"]

MAX_SCORE_BYTES = 100_000_000  # the score of an opera has 30 MB as MusicXML
MAX_DEPTH = 100  # nested elements; MEI reaches 20 with beams in tuplets in layers

# Raised by zipfile for archives that are damaged, encrypted, or compressed by an unknown method.
ZIP_ERRORS = (
    *(zipfile.BadZipFile, zlib.error, lzma.LZMAError, struct.error),
    *(LookupError, ValueError, ArithmeticError, OSError, EOFError, RuntimeError),
)


_ENDS_EARLY = tuple(
    expat.errors.codes[text]
    for text in (
        expat.errors.XML_ERROR_NO_ELEMENTS,
        expat.errors.XML_ERROR_UNCLOSED_TOKEN,
        expat.errors.XML_ERROR_UNCLOSED_CDATA_SECTION,
    )
)


class _StopParsingError(Exception):
    """Raised at the first element: no declarations follow it."""


def parse_xml(data: str | bytes) -> ET.Element:
    """The root element of a document.

    Raises:
        NotationError: Not XML, entity declarations, or elements nested deeper than `MAX_DEPTH`.
    """

    def refuse(name: str, *_: object) -> None:
        raise NotationError(f"an XML document that declares an entity, {name!r}; entities are not allowed")

    def stop(*_: object) -> None:
        raise _StopParsingError

    parser = expat.ParserCreate()
    parser.EntityDeclHandler, parser.StartElementHandler = refuse, stop
    # LookupError and ValueError: an unknown encoding, or one of several bytes per character.
    with suppress(_StopParsingError, expat.ExpatError, LookupError, ValueError):
        parser.Parse(data, True)
    try:
        root = ET.fromstring(data)
    except ET.ParseError as error:
        if error.code in _ENDS_EARLY and data.strip():
            raise NotationError(f"the XML document ends early, at line {error.position[0]}") from None
        raise NotationError(f"not an XML document: {error}") from None
    except (LookupError, ValueError) as error:
        raise NotationError(f"not an XML document: {error}") from None
    level, depth = [root], 0
    while level:
        level, depth = [child for element in level for child in element], depth + 1
        if depth > MAX_DEPTH:
            raise NotationError(f"an XML document with elements nested deeper than {MAX_DEPTH}")
    return root


def xml_text(data: bytes) -> str:
    """The text of a document, decoded by its byte order mark or its declaration, else as UTF-8.

    Raises:
        NotationError: Bytes that are invalid in this encoding, or as `parse_xml`.
    """
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        encoding = "utf-16"
    else:
        declared = re.match(rb"<\?xml[^>]{0,200}?encoding=[\"']([\w.-]{1,40})", data)
        encoding = declared[1].decode() if declared else "utf-8-sig"
    try:
        text = data.decode(encoding)
    except (ValueError, LookupError) as error:  # rot13 is a codec, but not of text
        raise NotationError(f"not XML in its encoding {encoding}: {error}") from None
    parse_xml(text)
    return text


def unzip_musicxml(data: bytes) -> bytes:
    """The MusicXML document in a zipped MusicXML file: the first rootfile of its container.

    Raises:
        NotationError: Not a zipped MusicXML file, or one of more than `MAX_SCORE_BYTES`.
    """
    # Not left to Verovio 6.4, which crashes on anything else than a zip archive.
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            container = parse_xml(_member(archive, "META-INF/container.xml"))
            roots = [e for e in container.iter() if str(e.tag).rpartition("}")[2] == "rootfile"]
            if not roots:
                raise NotationError("not a zipped MusicXML file: its container names no file")
            return _member(archive, roots[0].get("full-path", ""))
    except ZIP_ERRORS as error:
        raise NotationError(f"not a zipped MusicXML file: {error or type(error).__name__}") from None


def _member(archive: zipfile.ZipFile, name: str) -> bytes:
    """A file of an archive; extraction stops at `MAX_SCORE_BYTES`."""
    with archive.open(name) as file:
        data = file.read(MAX_SCORE_BYTES + 1)
    if len(data) > MAX_SCORE_BYTES:
        raise NotationError(f"{name[:80]!r} in it is larger than {MAX_SCORE_BYTES:,} bytes")
    return data
