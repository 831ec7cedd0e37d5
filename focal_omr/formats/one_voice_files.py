"""Files of one-voice scores by their suffix.

For what still works on the records of `score.records`: documents, the web page and comparison. Whole scores
are loaded and saved by `formats.registry`.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

from focal_omr.encodings.agnostic import read_agnostic, write_agnostic
from focal_omr.encodings.semantic import read_semantic, write_semantic
from focal_omr.errors import NotationError, OmrError, OutputError
from focal_omr.formats.abc import write_abc
from focal_omr.formats.kern import write_kern
from focal_omr.formats.mei_reader import read_mei
from focal_omr.formats.mei_writer import write_mei
from focal_omr.formats.midi import Playback, playable_mei
from focal_omr.formats.musicxml_writer import write_musicxml
from focal_omr.formats.safe_xml import MAX_SCORE_BYTES, unzip_musicxml, xml_text
from focal_omr.formats.suffixes import SUFFIXES
from focal_omr.formats.verovio import Engraver
from focal_omr.runtime.atomic_files import read_limited, write_atomic
from focal_omr.score.beaming import beam_by_meter
from focal_omr.score.records import Score

T = TypeVar("T")  # a score of one voice, or a whole one


@dataclass(frozen=True)
class OutputFormat:
    """A writer and the suffix of its files."""

    suffix: str
    write: Callable[[Score], bytes]


def _text(write: Callable[[Score], str]) -> Callable[[Score], bytes]:
    return lambda score: write(score).encode()


def _line(write: Callable[[Score], str]) -> Callable[[Score], bytes]:
    return lambda score: (write(score) + "\n").encode()


def write_one_voice_midi(score: Score, playback: Playback) -> bytes:
    """Write a score as a Standard MIDI File. Raises as `save_one_voice` does."""
    return Engraver().midi(playable_mei(score, playback))


def _write_pae(score: Score) -> str:
    if len(score.parts) != 1:
        raise NotationError(f"Plaine & Easie code is one staff; this score has {len(score.parts)} parts")
    return Engraver().pae(write_mei(score))


def _write_beamed_mei(score: Score) -> str:
    """Write MEI with beams by the meter in parts without beams, where Verovio would draw flags."""
    return write_mei(replace(score, parts=tuple(beam_by_meter(part) for part in score.parts)))


# The formats that `save_one_voice` writes, by their names on the command line.
FORMATS: dict[str, OutputFormat] = {
    "musicxml": OutputFormat(SUFFIXES["musicxml"], _text(write_musicxml)),
    "midi": OutputFormat(SUFFIXES["midi"], lambda score: write_one_voice_midi(score, Playback())),
    "mei": OutputFormat(SUFFIXES["mei"], _text(_write_beamed_mei)),
    "semantic": OutputFormat(SUFFIXES["semantic"], _line(write_semantic)),
    "agnostic": OutputFormat(SUFFIXES["agnostic"], _line(write_agnostic)),
    "svg": OutputFormat(
        SUFFIXES["svg"], _text(lambda score: Engraver().svg_document(_write_beamed_mei(score)))
    ),
    "pae": OutputFormat(SUFFIXES["pae"], _text(_write_pae)),
    "kern": OutputFormat(SUFFIXES["kern"], _text(write_kern)),
    "abc": OutputFormat(SUFFIXES["abc"], _text(write_abc)),
}
_BY_SUFFIX = {output.suffix: name for name, output in FORMATS.items()} | {
    ".xml": "musicxml",
    ".midi": "midi",
    ".kern": "kern",
}


def load_one_voice(path: Path | str) -> Score:
    """Load a score by suffix: MEI, MusicXML (also zipped), kern, ABC, PAE, semantic or agnostic.

    Raises:
        NotationError: An unknown suffix, a file that cannot be read, or music that a `Score` cannot hold.
        EngraveError: Verovio could not read the music.
    """
    return read_file(Path(path), ONE_VOICE_READERS)


def read_file(path: Path, readers: Mapping[str, Callable[[bytes], T]]) -> T:
    """Read a file by the reader of its suffix; errors name the file.

    Raises:
        NotationError: A folder, an unknown suffix, or a file that cannot be read.
        OmrError: The reader's error.
    """
    read = readers.get(path.suffix.lower())
    if path.is_dir():
        raise NotationError(f"{path}: is a folder; a score or a label file is needed")
    if read is None:
        raise NotationError(f"{path}: unknown suffix {path.suffix!r}; known are {', '.join(readers)}")
    try:
        return read(read_limited(path, MAX_SCORE_BYTES))
    except OSError as error:
        raise NotationError(f"{path} cannot be read: {error.strerror or error}") from error
    except OmrError as error:
        raise type(error)(f"{path}: {error}") from error


def save_one_voice(
    score: Score, path: Path | str, *, format: str | None = None, playback: Playback | None = None
) -> None:
    """Write a score to a file atomically.

    Args:
        score: The score.
        path: The file; an existing one is replaced.
        format: A name in `FORMATS`; None: by the suffix.
        playback: How a MIDI file is played; ignored by other formats.

    Raises:
        OutputError: An unknown format or suffix, or a file that cannot be written.
        NotationError: The format cannot hold the score.
        EngraveError: Verovio could not engrave the score.
    """
    path = Path(path)
    write_atomic(path, write_one_voice(score, format_of(path, format, _BY_SUFFIX), playback))


def format_of(path: Path, name: str | None, by_suffix: Mapping[str, str]) -> str:
    """Return the named format, or that of the file's suffix.

    Args:
        path: The file to be written.
        name: The format's name; None: by the suffix.
        by_suffix: Names of the formats by suffix.

    Raises:
        OutputError: An unknown format or suffix.
    """
    found = by_suffix.get(path.suffix.lower()) if name is None else name
    if found in by_suffix.values():
        return str(found)
    unknown = f"suffix {path.suffix!r}; known are {', '.join(by_suffix)}"
    if name is not None:
        unknown = f"format {name!r}; known are {', '.join(dict.fromkeys(by_suffix.values()))}"
    raise OutputError(f"{path} cannot be written: unknown {unknown}")


def write_pieces(pieces: Sequence[Score], name: str) -> bytes:
    """Write the pieces of a document as one file of a format in `PIECE_BY_PIECE`.

    ABC has one tune per piece; a label file has one line per part of each piece.

    Raises:
        NotationError: The format cannot hold a piece.
    """
    if name == "abc":
        tunes = [write_abc(piece, number=number) for number, piece in enumerate(pieces, 1)]
        return "\n".join(tunes).encode()
    return b"".join(write_one_voice(Score((part,)), name) for piece in pieces for part in piece.parts)


def write_one_voice(score: Score, name: str, playback: Playback | None = None) -> bytes:
    """Write a score in one of `FORMATS`.

    Args:
        score: The score.
        name: A name in `FORMATS`.
        playback: How a MIDI file is played; ignored by other formats.

    Raises:
        NotationError, EngraveError: As `save_one_voice`.
    """
    if name == "midi" and playback is not None:
        return write_one_voice_midi(score, playback)
    return FORMATS[name].write(score)


# Bytes -> Score --------------------------------------------------------------------------------------------


def decode_text(data: bytes) -> str:
    """Decode UTF-8, or else Latin-1, the encoding of older ABC and Humdrum files."""
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("latin-1")


def _single_line(data: bytes) -> str:
    """Return the label in a file of one label; `read` writes several lines, one per part or piece."""
    lines = [line for line in decode_text(data).splitlines() if line.strip()]
    if len(lines) > 1:
        raise NotationError(f"{len(lines)} lines; a label is one line, of one staff or one part")
    return "".join(lines)


def kern_text(data: bytes) -> str:
    """Decode Humdrum text; drop meters in numbers beside C and cut C, which Verovio 6.4 would hide."""
    numbers, signs = r"\*M\d+/\d+", r"\*met\(c\|?\)"
    both = rf"^{numbers}(?:\t{numbers})*\r?\n({signs}(?:\t{signs})*)$"
    return re.sub(both, r"\1", decode_text(data), flags=re.MULTILINE)


def _by_verovio(kind: str, text: Callable[[bytes], str]) -> Callable[[bytes], Score]:
    return lambda data: read_mei(Engraver().mei(text(data), input_format=kind))


ONE_VOICE_READERS: dict[str, Callable[[bytes], Score]] = {
    ".mei": lambda data: read_mei(xml_text(data)),
    ".musicxml": _by_verovio("musicxml", xml_text),
    ".xml": _by_verovio("auto", xml_text),
    ".mxl": _by_verovio("musicxml", lambda data: xml_text(unzip_musicxml(data))),
    ".krn": _by_verovio("kern", kern_text),
    ".kern": _by_verovio("kern", kern_text),
    ".abc": _by_verovio("abc", decode_text),
    ".pae": _by_verovio("pae", decode_text),
    ".semantic": lambda data: read_semantic(_single_line(data)),
    ".agnostic": lambda data: read_agnostic(_single_line(data)),
}
