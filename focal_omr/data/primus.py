"""Samples in PrIMuS layout: a folder of `<id>/<id>.png` (or .jpg) with `<id>/<id>.semantic` beside it."""

from dataclasses import dataclass
from pathlib import Path

from focal_omr.errors import DataError
from focal_omr.notation.semantic import split_label

PICTURE_SUFFIXES = (".png", ".jpg", ".jpeg")


@dataclass(frozen=True)
class Sample:
    """One labelled staff.

    Attributes:
        id: Name of its folder.
        picture: The picture's path.
        semantic: Its semantic label.
    """

    id: str
    picture: Path
    semantic: tuple[str, ...]


def primus_samples(folder: Path) -> list[Sample]:
    """The samples of a folder in PrIMuS layout, in order of their ids.

    Raises:
        DataError: No such folder, no sample in it, or a sample without a picture or a label; all such
            samples are named.
    """
    if not folder.is_dir():
        raise DataError(f"{folder}: not a folder")
    samples, troubles = [], []
    for path in sorted(path for path in folder.iterdir() if path.is_dir()):
        try:
            samples.append(_sample(path))
        except DataError as error:
            troubles.append(str(error))
    if troubles:
        raise DataError(f"{folder}: {len(troubles)} incomplete samples: {'; '.join(troubles)}")
    if not samples:
        raise DataError(f"{folder}: no samples; needed are folders <id> with <id>.png and <id>.semantic")
    return samples


def _sample(folder: Path) -> Sample:
    name = folder.name
    pictures = [path for suffix in PICTURE_SUFFIXES if (path := folder / f"{name}{suffix}").exists()]
    label = folder / f"{name}.semantic"
    if not pictures or not label.exists():
        raise DataError(f"{name} has no {'picture' if not pictures else 'semantic label'}")
    try:
        text = label.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise DataError(f"{name} has a semantic label that is no text") from None
    return Sample(name, pictures[0], tuple(split_label(text)))
