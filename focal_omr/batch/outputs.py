"""From inputs to files: which pictures are read, where their results go, and how these are written.

What makes the content of the files is imported where it is made: the process that gives the orders and writes
the results has no need of it.
"""

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from focal_omr.document.confidence import DOUBTFUL_BELOW
from focal_omr.errors import OmrError, OutputError
from focal_omr.formats.midi import Playback
from focal_omr.formats.suffixes import PIECE_BY_PIECE, SUFFIXES
from focal_omr.runtime.atomic_files import make_folder, write_together

if TYPE_CHECKING:
    from focal_omr.document.document import Document
    from focal_omr.score.records import Score

__all__ = [
    "OUTPUTS",
    "PICTURE_SUFFIXES",
    "STDIN",
    "OutputOptions",
    "check_files",
    "check_folder",
    "document_results",
    "output_names",
    "picture_files",
    "result_names",
    "write_results",
]

PICTURE_SUFFIXES = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".webp", ".bmp", ".gif", ".pdf")
STDIN = Path("-")  # an input: what comes through the standard input
# What `read --to` takes, and the suffixes of the files.
OUTPUTS = {
    **SUFFIXES,
    "json": ".json",
    "overlay": ".overlay.png",  # of several pages ".overlay.pdf"
    "overlay-html": ".overlay.html",
}
_OVERLAYS = (".overlay.png", ".overlay.pdf")  # pictures, but none to be read


@dataclass(frozen=True)
class OutputOptions:
    """How documents are written.

    Attributes:
        playback: How MIDI files are played.
        mark_doubtful: Whether doubtful notes are coloured in MusicXML, MEI and SVG.
        doubtful_below: The confidence, 0 .. 1, below which a note is doubtful.
        split: Whether each piece of a document becomes a file of its own.
    """

    playback: Playback = field(default_factory=Playback)
    mark_doubtful: bool = False
    doubtful_below: float = DOUBTFUL_BELOW
    split: bool = False


def output_names(names: str) -> list[str]:
    """The outputs that a list with commas between names. Raises OutputError for an unknown one, or none."""
    wanted = [name.strip() for name in names.split(",") if name.strip()]
    if unknown := [name for name in wanted if name not in OUTPUTS]:
        raise OutputError(f"unknown format {unknown[0]!r}; known are {', '.join(OUTPUTS)}")
    if not wanted:
        raise OutputError(f"no format to write is named; known are {', '.join(OUTPUTS)}")
    return list(dict.fromkeys(wanted))


def picture_files(inputs: Sequence[Path]) -> list[Path]:
    """The inputs, each once, with folders replaced by the pictures in them, at any depth.

    A folder without pictures stays what it is, for its reading to say so. Overlays that were written beside
    their pictures are no input.
    """
    files: dict[Path, Path] = {}
    for path in inputs:
        inside = sorted(_pictures_in(path)) if path.is_dir() else []
        for file in inside or [path]:
            files.setdefault(file.absolute(), file)
    return list(files.values())


def _pictures_in(folder: Path) -> list[Path]:
    return [
        path
        for path in folder.rglob("*")
        if path.suffix.lower() in PICTURE_SUFFIXES and not path.name.endswith(_OVERLAYS) and path.is_file()
    ]


def result_names(files: Sequence[Path], out: Path) -> list[str]:
    """The names of results without suffix, one for each input: the input's own, or "stdin".

    Raises:
        OutputError: Two inputs have one name and would overwrite each other's results.
    """
    seen: dict[str, Path] = {}
    names = ["stdin" if file == STDIN else file.stem for file in files]
    for name, file in zip(names, files, strict=True):
        if (other := seen.setdefault(name, file)) is not file:
            raise OutputError(
                f"{other} and {file} would both be written to {out / name}.*; "
                "read them into different folders"
            )
    return names


def check_folder(folder: Path) -> None:
    """Make sure that results can go into a folder, before any work; it need not exist yet.

    Raises:
        OutputError: It, or what it would be made in, is no folder or may not be written to.
    """
    try:
        there = next(path for path in (folder, *folder.parents) if path.exists())
    except OSError as error:
        raise OutputError(f"{folder}: no results can go there ({error.strerror or error})") from error
    if not there.is_dir():
        raise OutputError(f"{folder}: no results can go there ({there} is a file, needed is a folder)")
    if not os.access(there, os.W_OK | os.X_OK):
        raise OutputError(f"{folder}: no results can go there ({there} may not be written to)")


def check_files(*files: Path | None) -> None:
    """Make sure that files can be written, before any work. Raises OutputError as `check_folder`."""
    for file in files:
        if file is not None:
            check_folder(file.absolute().parent)


def document_results(
    document: "Document",
    stem: str,
    names: Sequence[str],
    options: OutputOptions | None = None,
    *,
    source: str | Path | bytes | None = None,
) -> dict[str, bytes]:
    """What the files of a document hold, by their names.

    Args:
        document: What was read.
        stem: Name of the files without suffix.
        names: Keys of `OUTPUTS`.
        options: How.
        source: What was read, for overlays to be drawn on; the path that the document names if it is None.

    Raises:
        NotationError: A format cannot hold the score; the message names document and format.
        EngraveError: Verovio could not engrave it.
    """
    options = options or OutputOptions()
    source = document.source if source is None else source
    if options.mark_doubtful:
        from focal_omr.document.review import mark_doubtful

        document = mark_doubtful(document, below=options.doubtful_below)
    results: dict[str, bytes] = {}
    for name in names:
        try:
            for ending, data in _contents(document, name, options, source):
                results[stem + ending] = data
        except OmrError as error:
            raise type(error)(f"{document.source}: cannot be written as {name}: {error}") from error
    return results


def write_results(results: Mapping[str, bytes], folder: Path, *, name: str) -> list[Path]:
    """Write the files of a document into a folder, which is made where it is missing: all of them, or none.

    Args:
        results: By their names.
        folder: Where they go.
        name: What a message calls the document.

    Raises:
        OutputError: The folder or a file cannot be written.
    """
    make_folder(folder)
    paths = {folder / file: content for file, content in results.items()}
    write_together(paths)
    return list(paths)


def _contents(
    document: "Document", name: str, options: OutputOptions, source: str | Path | bytes
) -> Iterator[tuple[str, bytes]]:
    """What follows the target's name in the name of each file, and what is in it."""
    from focal_omr.document.pieces import join_pieces
    from focal_omr.formats.midi import unfold_repeats
    from focal_omr.formats.registry import write_pieces, write_score

    suffix = OUTPUTS[name]
    if name == "json":
        yield suffix, (json.dumps(document.to_json(), indent=1) + "\n").encode()
    elif name in ("overlay", "overlay-html"):
        yield _overlay(document, name, source)
    elif options.split:
        for number, piece in enumerate(document.pieces, 1):
            yield f"-{number}{suffix}", write_score(_titled(piece, document), name, options.playback)
    elif name in PIECE_BY_PIECE:
        yield suffix, write_pieces([_titled(piece, document) for piece in document.pieces], name)
    else:
        score = document.score
        if name == "midi" and options.playback.unfold:  # no repeat goes back into the piece before
            score = join_pieces([unfold_repeats(piece) for piece in document.pieces])
        yield suffix, write_score(score, name, options.playback)


def _titled(piece: "Score", document: "Document") -> "Score":
    from focal_omr.document.pieces import join_pieces

    return join_pieces([piece], title=piece.title or document.score.title)


def _overlay(document: "Document", name: str, source: str | Path | bytes) -> tuple[str, bytes]:
    from focal_omr.document.overlay import overlay_pdf, overlay_png
    from focal_omr.document.overlay_html import overlay_html
    from focal_omr.page.load import load_pages

    numbers = ",".join(str(page.number) for page in document.pages)
    pictures = load_pages(source, name=document.source, pages=numbers)
    if name == "overlay-html":
        return OUTPUTS[name], overlay_html(pictures, document).encode()
    if len(document.pages) > 1:
        return ".overlay.pdf", overlay_pdf(pictures, document)
    return ".overlay.png", overlay_png(next(pictures).gray, document)
