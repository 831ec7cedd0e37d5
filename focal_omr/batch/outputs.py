"""Inputs and outputs of a batch: images to read, and names and contents of the result files.

Renderers are imported on use, because the process that hands out tasks and writes results needs none.
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

__all__ = [
    "IMAGE_SUFFIXES",
    "OUTPUTS",
    "STDIN",
    "OutputOptions",
    "check_output_files",
    "check_output_folder",
    "document_results",
    "find_inputs",
    "parse_outputs",
    "result_names",
    "write_results",
]

IMAGE_SUFFIXES = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".webp", ".bmp", ".gif", ".pdf")
STDIN = Path("-")  # an input: the standard input
# Values of `read --to`, and the suffixes of their files.
OUTPUTS = {
    **SUFFIXES,
    "json": ".json",
    "overlay": ".overlay.png",  # ".overlay.pdf" for several pages
    "overlay-html": ".overlay.html",
}
_OVERLAYS = (".overlay.png", ".overlay.pdf")  # images that are results, not inputs


@dataclass(frozen=True)
class OutputOptions:
    """How documents are written.

    The names of the fields are part of the digest that `--resume` compares.

    Attributes:
        playback: How MIDI files are played.
        mark_doubtful: Whether doubtful notes are coloured in MusicXML, MEI and SVG.
        doubtful_below: The confidence, 0 .. 1, below which a note is doubtful.
        split: Whether each piece of a document gets a file of its own.
    """

    playback: Playback = field(default_factory=Playback)
    mark_doubtful: bool = False
    doubtful_below: float = DOUBTFUL_BELOW
    split: bool = False


def parse_outputs(names: str) -> list[str]:
    """Parse keys of `OUTPUTS` from a comma-separated list, without duplicates.

    Raises:
        OutputError: One is unknown, or there is none.
    """
    wanted = [name.strip() for name in names.split(",") if name.strip()]
    if unknown := [name for name in wanted if name not in OUTPUTS]:
        raise OutputError(f"unknown format {unknown[0]!r}; choose from {', '.join(OUTPUTS)}")
    if not wanted:
        raise OutputError(f"no output format given; choose from {', '.join(OUTPUTS)}")
    return list(dict.fromkeys(wanted))


def find_inputs(inputs: Sequence[Path]) -> list[Path]:
    """List the inputs without duplicates, each folder replaced by the images in it at any depth.

    A folder without images stays in the list; reading it fails. Overlays, results that may lie beside their
    images, are left out.
    """
    files: dict[Path, Path] = {}
    for path in inputs:
        found = sorted(
            file
            for file in (path.rglob("*") if path.is_dir() else ())
            if file.suffix.lower() in IMAGE_SUFFIXES and not file.name.endswith(_OVERLAYS) and file.is_file()
        )
        for file in found or [path]:
            files.setdefault(file.absolute(), file)
    return list(files.values())


def result_names(files: Sequence[Path], out: Path) -> list[str]:
    """Name the results of each input, without suffix: the stem of the input, or "stdin".

    Raises:
        OutputError: Two inputs have the same name and would overwrite each other's results.
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


def check_output_folder(folder: Path) -> None:
    """Check before any work that results can be written into a folder; it need not exist yet.

    Raises:
        OutputError: It, or its nearest existing parent, is not a folder or not writable.
    """
    try:
        existing = next(path for path in (folder, *folder.parents) if path.exists())
    except OSError as error:
        raise OutputError(f"{folder}: cannot create the folder: {error.strerror or error}") from error
    reason = ""
    if not existing.is_dir():
        reason = "is a file, not a folder"
    elif not os.access(existing, os.W_OK | os.X_OK):
        reason = "is not writable"
    if reason and existing == folder:
        raise OutputError(f"{folder}: {reason}")
    if reason:
        raise OutputError(f"{folder}: cannot create the folder: {existing} {reason}")


def check_output_files(*files: Path | None) -> None:
    """Check before any work that files can be written. Raises OutputError like `check_output_folder`."""
    for file in files:
        if file is not None:
            check_output_folder(file.absolute().parent)


def document_results(
    document: "Document",
    stem: str,
    names: Sequence[str],
    options: OutputOptions | None = None,
    *,
    source: str | Path | bytes | None = None,
) -> dict[str, bytes]:
    """Render the result files of a document.

    Args:
        document: The document.
        stem: Name of the files without suffix.
        names: Keys of `OUTPUTS`.
        options: How they are written; None: the defaults.
        source: The file that was read, to draw overlays on; None: the path in `document.source`.

    Returns:
        Contents by file name.

    Raises:
        OmrError: The document cannot be written in a format; the message names both.
    """
    options = options or OutputOptions()
    source = document.source if source is None else source
    if options.mark_doubtful:
        from focal_omr.document.review import mark_doubtful

        document = mark_doubtful(document, below=options.doubtful_below)
    results: dict[str, bytes] = {}
    for name in names:
        try:
            for ending, data in _render(document, name, options, source):
                results[stem + ending] = data
        except OmrError as error:
            raise type(error)(f"{document.source}: cannot be written as {name}: {error}") from error
    return results


def write_results(results: Mapping[str, bytes], folder: Path) -> list[Path]:
    """Write the files of a document into a folder, which is made if missing: all of them, or none.

    Raises:
        OutputError: The folder or a file cannot be written.
    """
    make_folder(folder)
    paths = {folder / file: content for file, content in results.items()}
    write_together(paths)
    return list(paths)


def _render(
    document: "Document", name: str, options: OutputOptions, source: str | Path | bytes
) -> Iterator[tuple[str, bytes]]:
    """Yield the files of one output: the ending of the file name after the stem, and the content."""
    from focal_omr.document.pieces import join_pieces, played_measures
    from focal_omr.formats.midi_score import write_midi_score
    from focal_omr.formats.registry import write_pieces, write_score

    suffix = OUTPUTS[name]
    if name == "json":
        yield suffix, (json.dumps(document.to_json(), indent=1) + "\n").encode()
    elif name in ("overlay", "overlay-html"):
        from focal_omr.document.overlay import overlay_pdf, overlay_png
        from focal_omr.document.overlay_html import overlay_html
        from focal_omr.page.load import load_pages

        numbers = ",".join(str(page.number) for page in document.pages)
        images = load_pages(source, name=document.source, pages=numbers)
        if name == "overlay-html":
            yield suffix, overlay_html(images, document).encode()
        elif len(document.pages) > 1:
            yield ".overlay.pdf", overlay_pdf(images, document)
        else:
            yield suffix, overlay_png(next(images).gray, document)
    elif options.split or name in PIECE_BY_PIECE:
        title = document.score.title
        pieces = [join_pieces([piece], title=piece.title or title) for piece in document.pieces]
        if options.split:
            for number, piece in enumerate(pieces, 1):
                yield f"-{number}{suffix}", write_score(piece, name, options.playback).data
        else:
            yield suffix, write_pieces(pieces, name)
    elif name == "midi" and options.playback.unfold:
        order = played_measures(document.pieces)
        yield suffix, write_midi_score(document.score, options.playback, order=order)
    else:
        yield suffix, write_score(document.score, name, options.playback).data
