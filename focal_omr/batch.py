"""From inputs to files: which pictures are read, where their results go, and how these are written."""

import json
import os
from collections.abc import Sequence
from pathlib import Path

from focal_omr.document import Document
from focal_omr.errors import ImageError, OmrError, OutputError
from focal_omr.files import write_together
from focal_omr.image import load_gray
from focal_omr.notation.formats import FORMATS
from focal_omr.overlay import overlay_png
from focal_omr.recognize import Recognizer

__all__ = [
    "OUTPUTS",
    "PICTURE_SUFFIXES",
    "check_folder",
    "output_names",
    "picture_files",
    "read_picture",
    "result_paths",
    "write_document",
]

PICTURE_SUFFIXES = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".webp", ".bmp", ".gif", ".pdf")
# What `read --to` takes, and the suffixes of the files.
OUTPUTS = {
    **{name: output.suffix for name, output in FORMATS.items()},
    "json": ".json",
    "overlay": ".overlay.png",
}


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

    A folder without pictures stays what it is, for `read_picture` to say so. Overlays that were written
    beside their pictures are no input.
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
        if path.suffix.lower() in PICTURE_SUFFIXES
        and not path.name.endswith(OUTPUTS["overlay"])
        and path.is_file()
    ]


def read_picture(recognizer: Recognizer, file: Path) -> Document:
    """Read one of the `picture_files`. Raises ImageError as `Recognizer.read` does."""
    if file.is_dir():
        raise ImageError(f"{file}: a folder without pictures (*{', *'.join(PICTURE_SUFFIXES)})")
    return recognizer.read(file)


def result_paths(files: Sequence[Path], out: Path) -> list[Path]:
    """The results' paths without suffix, one for each input.

    Raises:
        OutputError: Two inputs have one name and would overwrite each other's results.
    """
    seen: dict[str, Path] = {}
    for file in files:
        if (other := seen.setdefault(file.stem, file)) is not file:
            raise OutputError(
                f"{other} and {file} would both be written to {out / file.stem}.*; "
                "read them into different folders"
            )
    return [out / file.stem for file in files]


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


def write_document(document: Document, target: Path, names: Sequence[str]) -> list[Path]:
    """Write a document in several formats: all of them, or none.

    Args:
        document: What was read.
        target: Path of the results without suffix; its folder is made where it is missing.
        names: Keys of `OUTPUTS`.

    Returns:
        The files that were written.

    Raises:
        OutputError: The folder or a file cannot be written.
        NotationError: A format cannot hold the score; the message names document and format.
        EngraveError: Verovio could not engrave it.
    """
    results: dict[Path, bytes] = {}
    for name in names:
        try:
            results[target.with_name(target.name + OUTPUTS[name])] = _content(document, name)
        except OmrError as error:
            raise type(error)(f"{document.source}: cannot be written as {name}: {error}") from error
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(
            f"{document.source}: the folder {target.parent} cannot be made ({error.strerror or error})"
        ) from error
    write_together(results)
    return list(results)


def _content(document: Document, name: str) -> bytes:
    if name == "json":
        return (json.dumps(document.to_json(), indent=1) + "\n").encode()
    if name == "overlay":
        return overlay_png(load_gray(document.source), document)
    return FORMATS[name].write(document.score)
