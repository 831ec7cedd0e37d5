"""XML from anywhere: MusicXML and MEI documents, zipped ones too, made into trees or refused.

Nothing outside of a document is ever read: expat fetches nothing by itself, and a document that declares
entities is refused, for they can make a gigabyte of a kilobyte, or name a file. A DOCTYPE without
declarations, as MusicXML has, is let pass.
"""

import io
import lzma
import re
import struct
import zipfile
import zlib
from xml.etree import ElementTree as ET
from xml.parsers import expat

from focal_omr.errors import NotationError

__all__ = ["MAX_DEPTH", "MAX_SCORE_BYTES", "ZIP_ERRORS", "parse_xml", "unzip_musicxml", "xml_text"]

MAX_SCORE_BYTES = 100_000_000  # the score of an opera has 30 MB as MusicXML
MAX_DEPTH = 100  # elements in one another; MEI's beams in tuplets in layers reach 20

# What zipfile raises for archives that are damaged, encrypted, or packed in a way that it does not know.
ZIP_ERRORS = (
    *(zipfile.BadZipFile, zlib.error, lzma.LZMAError, struct.error),
    *(LookupError, ValueError, ArithmeticError, OSError, EOFError, RuntimeError),
)


class _BegunError(Exception):
    """The first element has been reached: there are no declarations after it."""


def parse_xml(data: str | bytes) -> ET.Element:
    """The root of a document.

    Raises:
        NotationError: It is no XML, declares entities, or nests elements deeper than `MAX_DEPTH`.
    """
    _refuse_entities(data)
    try:
        root = ET.fromstring(data)
    except (
        ET.ParseError,
        LookupError,
        ValueError,
    ) as error:  # an encoding that nobody knows; one of many bytes
        raise NotationError(f"not an XML document: {error}") from None
    level, depth = [root], 0
    while level:
        level, depth = [child for element in level for child in element], depth + 1
        if depth > MAX_DEPTH:
            raise NotationError(f"an XML document with more than {MAX_DEPTH} elements in one another")
    return root


def _refuse_entities(data: str | bytes) -> None:
    def declared(name: str, *_: object) -> None:
        raise NotationError(f"an XML document that declares an entity, {name!r}; such are not read")

    def begun(*_: object) -> None:
        raise _BegunError

    parser = expat.ParserCreate()
    parser.EntityDeclHandler, parser.StartElementHandler = declared, begun
    try:
        parser.Parse(data, True)
    except (_BegunError, expat.ExpatError, LookupError, ValueError):
        return  # what is wrong is said by who makes the tree


def xml_text(data: bytes) -> str:
    """The text of a document, in the encoding that its byte order mark or its declaration names, or UTF-8.

    Raises:
        NotationError: It is not in its encoding, or as `parse_xml`.
    """
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        encoding = "utf-16"
    else:
        declared = re.match(rb"<\?xml[^>]{0,200}?encoding=[\"']([\w.-]{1,40})", data)
        encoding = declared[1].decode() if declared else "utf-8-sig"
    try:
        text = data.decode(encoding)
    except (ValueError, LookupError) as error:  # rot13 is a codec, and none of text
        raise NotationError(f"not XML in its encoding {encoding}: {error}") from None
    parse_xml(text)
    return text


def unzip_musicxml(data: bytes) -> bytes:
    """The MusicXML document in a zipped MusicXML file: the first that its container names.

    Raises:
        NotationError: It is none, or holds more than `MAX_SCORE_BYTES`.
    """
    # Verovio 6.4 ends the process when it gets something that is no zip archive.
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
    """A file of an archive, of which no more is unpacked than may be read."""
    with archive.open(name) as file:
        data = file.read(MAX_SCORE_BYTES + 1)
    if len(data) > MAX_SCORE_BYTES:
        raise NotationError(f"{name[:80]!r} in it is larger than the {MAX_SCORE_BYTES:,} bytes that are read")
    return data
