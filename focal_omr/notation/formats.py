"""Scores and files: which suffix is read and written how."""

import io
import re
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from xml.etree import ElementTree as ET

from focal_omr.errors import NotationError, OmrError, OutputError
from focal_omr.files import write_atomic
from focal_omr.notation.agnostic import read_agnostic, write_agnostic
from focal_omr.notation.engrave import ONE_PAGE, Engraver
from focal_omr.notation.mei import write_mei
from focal_omr.notation.mei_reader import read_mei
from focal_omr.notation.musicxml import write_musicxml
from focal_omr.notation.score import Score, open_repeats
from focal_omr.notation.semantic import read_semantic, write_semantic


@dataclass(frozen=True)
class OutputFormat:
    """How a score is written in a format, and the suffix of such a file."""

    suffix: str
    write: Callable[[Score], bytes]


def _text(write: Callable[[Score], str]) -> Callable[[Score], bytes]:
    return lambda score: write(score).encode()


def _playable(score: Score) -> Score:
    return replace(score, parts=tuple(open_repeats(part) for part in score.parts))


def _line(write: Callable[[Score], str]) -> Callable[[Score], bytes]:
    return lambda score: (write(score) + "\n").encode()


# The formats that `save_score` writes, by the names that the command line takes.
FORMATS: dict[str, OutputFormat] = {
    "musicxml": OutputFormat(".musicxml", _text(write_musicxml)),
    "midi": OutputFormat(".mid", lambda score: Engraver().midi(write_mei(_playable(score)))),
    "mei": OutputFormat(".mei", _text(write_mei)),
    "semantic": OutputFormat(".semantic", _line(write_semantic)),
    "agnostic": OutputFormat(".agnostic", _line(write_agnostic)),
    "svg": OutputFormat(".svg", _text(lambda score: Engraver(**ONE_PAGE).svg(write_mei(score)))),
    "pae": OutputFormat(".pae", _text(lambda score: Engraver().pae(write_mei(score)))),
}
_WRITTEN = {output.suffix: name for name, output in FORMATS.items()} | {".xml": "musicxml", ".midi": "midi"}


def load_score(path: Path | str) -> Score:
    """The score in a file, by its suffix: MEI, MusicXML, zipped MusicXML, kern, ABC, PAE, semantic, agnostic.

    Raises:
        NotationError: An unknown suffix, a file that cannot be read, or music that a `Score` cannot hold.
        EngraveError: Verovio could not read the music.
    """
    path = Path(path)
    read = _READERS.get(path.suffix.lower())
    if read is None:
        raise NotationError(f"{path}: unknown suffix {path.suffix!r}; known are {', '.join(_READERS)}")
    try:
        return read(path.read_bytes())
    except OSError as error:
        raise NotationError(f"{path} cannot be read: {error.strerror or error}") from error
    except OmrError as error:
        raise type(error)(f"{path}: {error}") from error


def save_score(score: Score, path: Path | str, *, format: str | None = None) -> None:
    """Write a score to a file, whole or not at all.

    Args:
        score: The score.
        path: The file; one that is there is replaced.
        format: A name in `FORMATS`; None: by the suffix.

    Raises:
        OutputError: An unknown format or suffix, or a file that cannot be written.
        NotationError: The format cannot hold the score.
        EngraveError: Verovio could not engrave the score.
    """
    path = Path(path)
    name = _WRITTEN.get(path.suffix.lower()) if format is None else format
    if name not in FORMATS:
        unknown = f"suffix {path.suffix!r}; known are {', '.join(_WRITTEN)}"
        if format is not None:
            unknown = f"format {format!r}; known are {', '.join(FORMATS)}"
        raise OutputError(f"{path} cannot be written: unknown {unknown}")
    write_atomic(path, FORMATS[name].write(score))


# Bytes -> Score --------------------------------------------------------------------------------------------


def _plain(data: bytes) -> str:
    """Text in UTF-8, or else in Latin-1, as older ABC and Humdrum files are."""
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("latin-1")


def _xml(data: bytes) -> str:
    """XML text, in the encoding that its byte order mark or its declaration names, or UTF-8."""
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        encoding = "utf-16"
    else:
        declared = re.match(rb"<\?xml[^>]*encoding=[\"']([\w.-]+)", data)
        encoding = declared[1].decode() if declared else "utf-8-sig"
    try:
        return data.decode(encoding)
    except (UnicodeDecodeError, LookupError) as error:
        raise NotationError(f"not XML in its encoding {encoding}: {error}") from None


def _unzipped(data: bytes) -> bytes:
    """The MusicXML document in a zipped MusicXML file: the first that its container names."""
    # Verovio 6.4 ends the process when it gets something that is no zip archive.
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            container = ET.fromstring(archive.read("META-INF/container.xml"))
            root = next(e for e in container.iter() if e.tag.rpartition("}")[2] == "rootfile")
            return archive.read(root.get("full-path", ""))
    except (zipfile.BadZipFile, KeyError, ET.ParseError, StopIteration) as error:
        raise NotationError(
            f"not a zipped MusicXML file: {str(error) or 'its container names no file'}"
        ) from None


def _by_verovio(kind: str, text: Callable[[bytes], str]) -> Callable[[bytes], Score]:
    return lambda data: read_mei(Engraver().mei(text(data), input_format=kind))


_READERS: dict[str, Callable[[bytes], Score]] = {
    ".mei": lambda data: read_mei(_xml(data)),
    ".musicxml": _by_verovio("musicxml", _xml),
    ".xml": _by_verovio("auto", _xml),
    ".mxl": _by_verovio("musicxml", lambda data: _xml(_unzipped(data))),
    ".krn": _by_verovio("kern", _plain),
    ".kern": _by_verovio("kern", _plain),
    ".abc": _by_verovio("abc", _plain),
    ".pae": _by_verovio("pae", _plain),
    ".semantic": lambda data: read_semantic(_plain(data)),
    ".agnostic": lambda data: read_agnostic(_plain(data)),
}
