"""A set in PrIMuS layout, rendered from tunes or from composed music.

Its ids are like those of PrIMuS, with up to four incipits of one source; but a source is a number here, and
its incipits are no more alike than others. A sample has the files that PrIMuS has, with two exceptions that
are logged: no `.agnostic` where a symbol has no agnostic glyph (double sharps), and no `.pae` where Verovio
cannot write the music as Plaine & Easie code.
"""

import logging
from collections.abc import Iterator, Mapping
from functools import partial
from itertools import count as count_from
from itertools import islice
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from focal_omr.data.degrade.augment import PRIMUS_SPACE_PX, check_degradation, degraded_image
from focal_omr.data.engraving.render import StaffImage, tight_crop
from focal_omr.data.engraving.staff_images import check_engraver, engrave_staves
from focal_omr.data.music.draw import DrawScore, ScoreSource, draw_composed, draw_excerpt
from focal_omr.data.music.sources import is_archive, is_tune, tune_files
from focal_omr.data.music.tunes import collect_tunes, music21_folder
from focal_omr.data.primus.write import label_bytes, palette_png, sample_writer
from focal_omr.encodings.agnostic import score_to_agnostic
from focal_omr.encodings.semantic import score_to_tokens, to_primus
from focal_omr.encodings.vocabulary import primus_semantic
from focal_omr.errors import DataError, EngraveError, NotationError
from focal_omr.formats.mei_writer import write_mei
from focal_omr.formats.verovio import Engraver
from focal_omr.score.records import Score

logger = logging.getLogger(__name__)

# The ends of a source's ids, the commonest of PrIMuS first, and how many sources have how many of them. In
# PrIMuS 78 % have one; here fewer, so that a small set has sources to keep together.
_INCIPITS = ("1_1_1", "1_1_2", "1_2_1", "1_3_1")
_INCIPIT_WEIGHTS = (5, 3, 1, 1)
_JPEG_QUALITY = 95  # the wear of a camera has its own compression


def render_tree(
    out: Path,
    *,
    count: int,
    seed: int,
    tunes: Path | None = None,
    rare: float = 0.0,
    degrade: str = "none",
    strength: float | None = None,
    primus: bool = False,
    plain: bool = False,
    archive: bool = False,
    engraver: str = "verovio",
) -> None:
    """Render `count` samples `<id>/<id>.png`, `.semantic`, `.agnostic`, `.mei` and `.pae`.

    Sample k depends on the seed, k and the tunes alone; with `rare` also on the samples before it.

    Args:
        out: The folder to make, or the archive.
        count: Number of samples.
        seed: Same seed, same bytes; from 0.
        tunes: A folder or archive of tunes, a tune, a collection, or the word "music21"; None composes.
        rare: The share of the staves into which the symbols are put that were seen least so far.
        degrade: "none"; "scan", which wears the picture itself; or "camera", which adds `_distorted.jpg` to
            the clean picture, as Camera-PrIMuS has it.
        strength: Of the wear, 0 mild .. 1 as bad as the worst that is legible; None draws it evenly.
        primus: Tunes as they are, symbols of PrIMuS alone in the labels, and pictures of its two colours;
            else tunes varied, labels of our superset and pictures in shades of gray.
        plain: Composed staves of few different symbols, see `compose`; tunes are as they are.
        archive: Write a .tgz instead of a folder.
        engraver: "verovio" or "lilypond", which needs that program.

    Raises:
        DataError: The folder has samples already, or the tunes cannot be used.
        OutputError: A file cannot be written.
    """
    check_degradation(degrade, strength)
    check_engraver(engraver)
    if not 0 <= rare <= 1:
        raise DataError(f"a share of {rare} with rare symbols; needed is one from 0 to 1")
    with TemporaryDirectory() as temporary, sample_writer(out, archive=archive) as write:
        draw = ScoreSource(_drawer(tunes, Path(temporary), vary=not primus, plain=plain), rare).stream()
        plates = _plates(engraver, seed, partial(_draw_primus, draw) if primus else draw)
        named = zip(islice(sample_names(seed), count), plates, strict=False)
        for number, (name, plate) in enumerate(named):
            rng = np.random.default_rng((seed, number))
            draw.keep(score_to_tokens(plate.score))
            scores = _scores(name, plate.score, primus=primus)
            write(name, {**_pictures(plate, rng, degrade, strength, primus=primus), **scores})


def _plates(engraver: str, seed: int, draw: DrawScore) -> Iterator[StaffImage]:
    """Verovio draws each sample by itself, LilyPond many at a time."""
    if engraver == "lilypond":
        random = Random(f"{seed}/lilypond")
        yield from engrave_staves(engraver, random, draw, alone=True, space_px=PRIMUS_SPACE_PX)
    for number in count_from():
        random = Random(f"{seed}/{number}")
        yield next(engrave_staves(engraver, random, draw, alone=True, space_px=PRIMUS_SPACE_PX))


def sample_names(seed: int) -> Iterator[str]:
    """Endless ids in the style of PrIMuS, different for each seed.

    Raises:
        DataError: The seed is negative.
    """
    if seed < 0:
        raise DataError(f"seed {seed}: needed is a number from 0")
    random = Random(f"{seed}/ids")
    for source in count_from(1):
        incipits = random.choices(range(1, len(_INCIPITS) + 1), _INCIPIT_WEIGHTS)[0]
        for ending in _INCIPITS[:incipits]:
            yield f"{seed:04d}{source:05d}-{ending}"


def _drawer(tunes: Path | None, temporary: Path, *, vary: bool, plain: bool) -> DrawScore:
    if tunes is None:
        return partial(draw_composed, plain=plain)
    if tunes.is_file() and not is_archive(tunes) and not is_tune(tunes):
        return partial(draw_excerpt, tunes, vary=vary)
    root = music21_folder() if str(tunes) == "music21" else tunes
    collection = temporary / "tunes.txt"
    if not collect_tunes(tune_files(root), collection, root=root):
        raise DataError(f"{tunes}: no monophonic part in its tunes")
    return partial(draw_excerpt, collection, vary=vary)


def _draw_primus(draw: DrawScore, random: Random) -> Score:
    """The next score that PrIMuS's semantic vocabulary can label and that has an agnostic label."""
    known = frozenset(primus_semantic().symbols)
    for _ in range(1000):
        score = draw(random)
        if known.issuperset(to_primus(score_to_tokens(score))) and _agnostic(score) is not None:
            return score
    raise DataError("1000 scores in a row have symbols that PrIMuS lacks")


def _pictures(
    plate: StaffImage, rng: np.random.Generator, degrade: str, strength: float | None, *, primus: bool
) -> Mapping[str, bytes]:
    clean = tight_crop(plate.gray, space_px=PRIMUS_SPACE_PX)
    if degrade == "scan":
        return {".png": _encoded(degraded_image(clean, rng, kind="scan", strength=strength), ".png")}
    pictures = {".png": palette_png(clean) if primus else _encoded(clean, ".png")}
    if degrade == "camera":
        worn = degraded_image(clean, rng, kind="camera", strength=strength)
        pictures["_distorted.jpg"] = _encoded(worn, ".jpg", cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY)
    return pictures


def _encoded(gray: NDArray[Any], ending: str, *options: int) -> bytes:
    return bytes(cv2.imencode(ending, gray, options)[1])


def _scores(name: str, score: Score, *, primus: bool) -> dict[str, bytes]:
    tokens = score_to_tokens(score)
    mei = write_mei(score)
    files = {".semantic": label_bytes(to_primus(tokens) if primus else tokens), ".mei": mei.encode()}
    if (agnostic := _agnostic(score)) is not None:
        files[".agnostic"] = label_bytes(agnostic)
    else:
        logger.warning("%s: no agnostic label, a symbol of it has no glyph", name)
    try:
        files[".pae"] = Engraver().pae(mei).encode()
    except EngraveError as error:
        logger.warning("%s: no Plaine & Easie code: %s", name, error)
    return files


def _agnostic(score: Score) -> list[str] | None:
    try:
        return score_to_agnostic(score)
    except NotationError:
        return None
