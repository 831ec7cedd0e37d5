"""A tree in PrIMuS layout, rendered from tunes or from composed music."""

from functools import partial
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

import cv2
import numpy as np

from focal_omr.data.augment import worn_picture
from focal_omr.data.plates import DrawScore, draw_composed, draw_excerpt, draw_plate
from focal_omr.data.render import tight_crop
from focal_omr.data.tunes import collect_tunes, music21_folder, tune_files
from focal_omr.errors import DataError, NotationError
from focal_omr.files import write_atomic
from focal_omr.notation.agnostic import write_agnostic
from focal_omr.notation.engrave import Engraver
from focal_omr.notation.mei import write_mei
from focal_omr.notation.semantic import write_semantic

_SPACE_PX = 18  # as in PrIMuS


def render_tree(
    out: Path, *, count: int, seed: int, tunes: Path | None = None, degrade: str = "none"
) -> None:
    """Render `count` samples `<id>/<id>.png`, `.semantic`, `.agnostic` and `.mei`.

    Sample k depends on the seed, k and the tunes alone.

    Args:
        out: The folder to make.
        count: Number of samples.
        seed: Same seed, same bytes.
        tunes: A folder of tunes, a collection, or the word "music21"; None composes the music.
        degrade: "none", "scan" or "camera".

    Raises:
        DataError: The folder has samples already, or the tunes cannot be used.
        OutputError: A file cannot be written.
    """
    if out.exists() and any(out.iterdir()):
        raise DataError(f"{out}: not empty; samples of two renderings are not mixed")
    with TemporaryDirectory() as temporary:
        draw = _drawer(tunes, Path(temporary))
        for number in range(count):
            _render_sample(out, seed, number, draw, degrade)


def _drawer(tunes: Path | None, temporary: Path) -> DrawScore:
    if tunes is None:
        return draw_composed
    if tunes.is_file():
        return partial(draw_excerpt, tunes)
    root = music21_folder() if str(tunes) == "music21" else tunes
    collection = temporary / "tunes.txt"
    if not collect_tunes(tune_files(root), collection, root=root):
        raise DataError(f"{tunes}: no monophonic part in its tunes")
    return partial(draw_excerpt, collection)


def _render_sample(out: Path, seed: int, number: int, draw: DrawScore, degrade: str) -> None:
    random = Random(f"{seed}/{number}")
    plate = draw_plate(Engraver(), random, draw, space_px=_SPACE_PX)
    picture = worn_picture(
        tight_crop(plate.gray, space_px=_SPACE_PX), np.random.default_rng((seed, number)), kind=degrade
    )
    name = f"{seed:09d}-{number:06d}"
    folder = out / name
    folder.mkdir(parents=True)
    write_atomic(folder / f"{name}.png", bytes(cv2.imencode(".png", picture)[1]))
    write_atomic(folder / f"{name}.semantic", write_semantic(plate.score).encode())
    write_atomic(folder / f"{name}.mei", write_mei(plate.score).encode())
    try:
        agnostic = write_agnostic(plate.score)
    except NotationError:
        return  # a double sharp has no agnostic glyph: such a sample has no agnostic label
    write_atomic(folder / f"{name}.agnostic", agnostic.encode())
