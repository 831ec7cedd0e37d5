"""Score formats by file suffix: loading, saving and conversion of whole scores."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from focal_omr.encodings.one_voice import to_score
from focal_omr.encodings.to_one_voice import from_score
from focal_omr.errors import NotationError, OutputError
from focal_omr.formats.abc import write_abc
from focal_omr.formats.kern_score import read_kern_score
from focal_omr.formats.mei_score_reader import read_mei_score
from focal_omr.formats.mei_score_writer import write_mei_score
from focal_omr.formats.midi import Playback
from focal_omr.formats.midi_score import write_midi_score
from focal_omr.formats.musicxml_reader import read_musicxml
from focal_omr.formats.musicxml_score import write_musicxml_score, write_mxl
from focal_omr.formats.one_voice_files import (
    ONE_VOICE_READERS,
    decode_text,
    read_file,
    write_one_voice,
)
from focal_omr.formats.safe_xml import unzip_musicxml, xml_text
from focal_omr.formats.suffixes import SUFFIXES
from focal_omr.formats.verovio import Engraver
from focal_omr.runtime.atomic_files import write_atomic
from focal_omr.score import records
from focal_omr.score.beams import beam_by_meter
from focal_omr.score.score import Score

__all__ = [
    "Converted",
    "convert_score",
    "load_score",
    "read_score",
    "save_score",
    "write_pieces",
    "write_score",
]


class Converted(NamedTuple):
    """A score in a format.

    Attributes:
        data: The content of the file.
        left_out: One phrase for each kind of thing that the format cannot hold, see
            `encodings.to_one_voice.from_score`.
    """

    data: bytes
    left_out: tuple[str, ...] = ()


def load_score(path: Path | str) -> Score:
    """Load a score by suffix: MusicXML (also zipped), MEI, kern, ABC, PAE, semantic or agnostic.

    Raises:
        NotationError: An unknown suffix, a file that cannot be read, or music that a `Score` cannot hold.
        EngraveError: Verovio could not read the music.
    """
    return read_file(Path(path), _READERS)


def read_score(data: bytes, suffix: str) -> Score:
    """The score of a file's bytes, read as `load_score` reads a file of that suffix.

    Raises:
        NotationError, EngraveError: As `load_score`.
    """
    read = _READERS.get(suffix.lower())
    if read is None:
        raise NotationError(f"unknown suffix {suffix!r}; known are {', '.join(_READERS)}")
    return read(data)


def save_score(
    score: Score,
    path: Path | str,
    *,
    format: str | None = None,
    playback: Playback | None = None,
) -> None:
    """Write a score to a file atomically. What the format cannot hold is left out, see `write_score`.

    Args:
        score: The score.
        path: The file; an existing one is replaced.
        format: musicxml, mxl, mei, midi, svg, kern, abc, pae, semantic or agnostic; None: by the suffix.
        playback: How a MIDI file is played; ignored by other formats.

    Raises:
        OutputError: An unknown format or suffix, or a file that cannot be written.
        NotationError: The format cannot hold the score.
        EngraveError: Verovio could not engrave the score.
    """
    path = Path(path)
    write_atomic(path, write_score(score, _format_of(path, format), playback).data)


def convert_score(files: tuple[Path, Path], playback: Playback) -> Converted:
    """Convert the score of the first file to the format of the second; return the result, write nothing.

    Raises:
        NotationError, EngraveError, OutputError: As `load_score` and `save_score`.
    """
    source, target = files
    name = _format_of(target, None)
    try:
        return write_score(load_score(source), name, playback)
    except NotationError as error:
        named = str(error) if str(error).startswith(str(source)) else f"{source}: {error}"
        raise NotationError(named) from error


def _format_of(path: Path, name: str | None) -> str:
    """Return the named format, or that of the file's suffix. Raises OutputError if it is unknown."""
    found = _BY_SUFFIX.get(path.suffix.lower()) if name is None else name
    if found in _BY_SUFFIX.values():
        return str(found)
    unknown = f"suffix {path.suffix!r}; known are {', '.join(_BY_SUFFIX)}"
    if name is not None:
        unknown = f"format {name!r}; known are {', '.join(dict.fromkeys(_BY_SUFFIX.values()))}"
    raise OutputError(f"{path} cannot be written: unknown {unknown}")


def write_score(score: Score, name: str, playback: Playback | None = None) -> Converted:
    """Write a score in one of the formats of `save_score`; tell what the format leaves out.

    A score without beams gets beams by the meter, where beams are printed.

    Args:
        score: The score.
        name: The format's name.
        playback: How a MIDI file is played; ignored by other formats.

    Raises:
        NotationError, EngraveError: As `save_score`.
    """
    if name == "midi":
        return Converted(write_midi_score(score, playback or Playback()))
    if name in _WHOLE:
        return Converted(_WHOLE[name](beam_by_meter(score)))
    one_voice, left_out = from_score(score)
    return Converted(write_one_voice(one_voice, name), left_out)


def write_pieces(pieces: Sequence[Score], name: str) -> bytes:
    """Write the pieces of a document as one file of a format in `suffixes.PIECE_BY_PIECE`.

    ABC has one tune per piece; a label file has one line per part of each piece.

    Raises:
        NotationError: The format cannot hold a piece.
    """
    one_voice = [from_score(piece)[0] for piece in pieces]
    if name == "abc":
        tunes = [write_abc(piece, number=number) for number, piece in enumerate(one_voice, 1)]
        return "\n".join(tunes).encode()
    parts = (records.Score((part,)) for piece in one_voice for part in piece.parts)
    return b"".join(write_one_voice(part, name) for part in parts)


# Score -> bytes --------------------------------------------------------------------------------------------


# Writers that take whole scores; the others take one voice of each staff.
_WHOLE: dict[str, Callable[[Score], bytes]] = {
    "musicxml": lambda score: write_musicxml_score(score).encode(),
    "mxl": write_mxl,
    "mei": lambda score: write_mei_score(score).encode(),
    "svg": lambda score: Engraver().svg_document(write_mei_score(score)).encode(),
}
_BY_SUFFIX = {suffix: name for name, suffix in SUFFIXES.items()} | {
    ".mxl": "mxl",
    ".xml": "musicxml",
    ".midi": "midi",
    ".kern": "kern",
}


# Bytes -> Score --------------------------------------------------------------------------------------------


def _read_xml(data: bytes) -> Score:
    """Read MusicXML, or MEI in a file named .xml."""
    text = xml_text(data)
    return read_mei_score(text) if "<mei" in text[:10_000] else read_musicxml(text)


def _one_voice(suffix: str) -> Callable[[bytes], Score]:
    return lambda data: to_score(ONE_VOICE_READERS[suffix](data))


_READERS: dict[str, Callable[[bytes], Score]] = {
    ".mei": lambda data: read_mei_score(xml_text(data)),
    ".musicxml": lambda data: read_musicxml(xml_text(data)),
    ".xml": _read_xml,
    ".mxl": lambda data: read_musicxml(unzip_musicxml(data)),
    **{suffix: lambda data: read_kern_score(decode_text(data)) for suffix in (".krn", ".kern")},
    **{suffix: _one_voice(suffix) for suffix in (".abc", ".pae", ".semantic", ".agnostic")},
}
