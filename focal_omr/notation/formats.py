"""Scores and files: which suffix is read and written how."""

import io
import re
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from xml.etree import ElementTree as ET

from focal_omr.errors import NotationError, OmrError, OutputError
from focal_omr.files import write_atomic
from focal_omr.notation.abc_tune import write_abc
from focal_omr.notation.agnostic import read_agnostic, write_agnostic
from focal_omr.notation.beaming import beam_by_meter
from focal_omr.notation.engrave import Engraver
from focal_omr.notation.kern import write_kern
from focal_omr.notation.mei import write_mei
from focal_omr.notation.mei_reader import read_mei
from focal_omr.notation.musicxml import write_musicxml
from focal_omr.notation.playing import Playback, playable_mei
from focal_omr.notation.score import Score
from focal_omr.notation.semantic import read_semantic, write_semantic


@dataclass(frozen=True)
class OutputFormat:
    """How a score is written in a format, and the suffix of such a file."""

    suffix: str
    write: Callable[[Score], bytes]


def _text(write: Callable[[Score], str]) -> Callable[[Score], bytes]:
    return lambda score: write(score).encode()


def _line(write: Callable[[Score], str]) -> Callable[[Score], bytes]:
    return lambda score: (write(score) + "\n").encode()


def write_midi(score: Score, playback: Playback) -> bytes:
    """The score as a Standard MIDI File, played as `playback` says. Raises as `save_score` does."""
    return Engraver().midi(playable_mei(score, playback))


def _pae(score: Score) -> str:
    if len(score.parts) != 1:
        raise NotationError(f"Plaine & Easie code is one staff; this score has {len(score.parts)} parts")
    return Engraver().pae(write_mei(score))


def _svg(score: Score) -> str:
    return Engraver().svg_document(write_mei(_beamed(score)))


def _beamed(score: Score) -> Score:
    """The score with beams by the meter in parts that tell none: Verovio draws flags there."""
    return replace(score, parts=tuple(beam_by_meter(part) for part in score.parts))


# The formats that `save_score` writes, by the names that the command line takes.
FORMATS: dict[str, OutputFormat] = {
    "musicxml": OutputFormat(".musicxml", _text(write_musicxml)),
    "midi": OutputFormat(".mid", lambda score: write_midi(score, Playback())),
    "mei": OutputFormat(".mei", _text(lambda score: write_mei(_beamed(score)))),
    "semantic": OutputFormat(".semantic", _line(write_semantic)),
    "agnostic": OutputFormat(".agnostic", _line(write_agnostic)),
    "svg": OutputFormat(".svg", _text(_svg)),
    "pae": OutputFormat(".pae", _text(_pae)),
    "kern": OutputFormat(".krn", _text(write_kern)),
    "abc": OutputFormat(".abc", _text(write_abc)),
}
# Formats of one staff or one tune; a file of them can hold several, one after the other.
PIECE_BY_PIECE = ("semantic", "agnostic", "abc")
_WRITTEN = {output.suffix: name for name, output in FORMATS.items()} | {
    ".xml": "musicxml",
    ".midi": "midi",
    ".kern": "kern",
}


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


def save_score(
    score: Score, path: Path | str, *, format: str | None = None, playback: Playback | None = None
) -> None:
    """Write a score to a file, whole or not at all.

    Args:
        score: The score.
        path: The file; one that is there is replaced.
        format: A name in `FORMATS`; None: by the suffix.
        playback: How a MIDI file is played; other formats do without.

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
    write_atomic(path, write_score(score, name, playback))


def write_pieces(pieces: Sequence[Score], name: str) -> bytes:
    """The pieces of a document in one file of a format in `PIECE_BY_PIECE`.

    ABC has a tune for each; a file of labels a line for each part of each piece.

    Raises:
        NotationError: The format cannot hold a piece.
    """
    if name == "abc":
        tunes = [write_abc(piece, number=number) for number, piece in enumerate(pieces, 1)]
        return "\n".join(tunes).encode()
    return b"".join(write_score(Score((part,)), name) for piece in pieces for part in piece.parts)


def write_score(score: Score, name: str, playback: Playback | None = None) -> bytes:
    """The score in one of `FORMATS`. Raises NotationError and EngraveError as `save_score` does."""
    if name == "midi" and playback is not None:
        return write_midi(score, playback)
    return FORMATS[name].write(score)


# Bytes -> Score --------------------------------------------------------------------------------------------


def plain_text(data: bytes) -> str:
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


def unzip_musicxml(data: bytes) -> bytes:
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


def _one_line(data: bytes) -> str:
    """The label of a file that has one; `read` writes several lines, a part or a piece each."""
    lines = [line for line in plain_text(data).splitlines() if line.strip()]
    if len(lines) > 1:
        raise NotationError(f"{len(lines)} lines; a label is one line, of one staff or one part")
    return "".join(lines)


def _kern(data: bytes) -> str:
    """Humdrum text in which C and cut C stand alone: Verovio 6.4 hides a meter that numbers name, too."""
    numbers, signs = r"\*M\d+/\d+", r"\*met\(c\|?\)"
    both = rf"^{numbers}(?:\t{numbers})*\r?\n({signs}(?:\t{signs})*)$"
    return re.sub(both, r"\1", plain_text(data), flags=re.MULTILINE)


def _by_verovio(kind: str, text: Callable[[bytes], str]) -> Callable[[bytes], Score]:
    return lambda data: read_mei(Engraver().mei(text(data), input_format=kind))


_READERS: dict[str, Callable[[bytes], Score]] = {
    ".mei": lambda data: read_mei(_xml(data)),
    ".musicxml": _by_verovio("musicxml", _xml),
    ".xml": _by_verovio("auto", _xml),
    ".mxl": _by_verovio("musicxml", lambda data: _xml(unzip_musicxml(data))),
    ".krn": _by_verovio("kern", _kern),
    ".kern": _by_verovio("kern", _kern),
    ".abc": _by_verovio("abc", plain_text),
    ".pae": _by_verovio("pae", plain_text),
    ".semantic": lambda data: read_semantic(_one_line(data)),
    ".agnostic": lambda data: read_agnostic(_one_line(data)),
}
