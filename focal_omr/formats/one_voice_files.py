"""One-voice scores by suffix or name of their format: labels, kern, ABC, Plaine & Easie.

The adapters of `formats.registry`, which loads and saves whole scores. `load_one_voice` is for what works on
the records of `score.records`: comparison and training data.
"""

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeVar

from focal_omr.encodings.agnostic import read_agnostic, write_agnostic
from focal_omr.encodings.one_voice import to_score
from focal_omr.encodings.semantic import read_semantic, write_semantic
from focal_omr.errors import NotationError, OmrError
from focal_omr.formats.abc import write_abc
from focal_omr.formats.kern import write_kern
from focal_omr.formats.mei_reader import read_mei
from focal_omr.formats.mei_score_writer import write_mei_score
from focal_omr.formats.safe_xml import MAX_SCORE_BYTES, unzip_musicxml, xml_text
from focal_omr.formats.verovio import Engraver
from focal_omr.runtime.atomic_files import read_limited
from focal_omr.score.records import Score

T = TypeVar("T")  # a score of one voice, or a whole one


def _write_pae(score: Score) -> str:
    if len(score.parts) != 1:
        raise NotationError(f"Plaine & Easie code is one staff; this score has {len(score.parts)} parts")
    return Engraver().pae(write_mei_score(to_score(score)))


_WRITERS: dict[str, Callable[[Score], str]] = {
    "semantic": lambda score: write_semantic(score) + "\n",
    "agnostic": lambda score: write_agnostic(score) + "\n",
    "pae": _write_pae,
    "kern": write_kern,
    "abc": write_abc,
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


def write_one_voice(score: Score, name: str) -> bytes:
    """Write a score in a format of one voice: semantic, agnostic, kern, abc or pae.

    Raises:
        NotationError: The format cannot hold the score.
        EngraveError: Verovio could not read it.
    """
    return _WRITERS[name](score).encode()


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
