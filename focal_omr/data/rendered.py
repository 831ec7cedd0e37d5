"""Synthetic data sets in PrIMuS layout, rendered from tunes or composed music.

Ids look like those of PrIMuS, with up to four incipits per source; but a source is only a number, and its
incipits are no more similar than others. Samples have the files of PrIMuS, with two logged exceptions: no
`.agnostic` if a symbol has no agnostic glyph (double sharps), and no `.pae` if Verovio cannot write the music
as Plaine & Easie code.
"""

import logging
from collections.abc import Iterator
from functools import partial
from itertools import count as count_from
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

import cv2
import numpy as np

from focal_omr.data.degrade.augment import PRIMUS_SPACE_PX, check_degradation, degraded_image
from focal_omr.data.engraving.render import StaffImage
from focal_omr.data.engraving.staff_images import check_engraver, engrave_staves
from focal_omr.data.music.draw import DrawScore, ScoreSource, draw_composed, draw_excerpt
from focal_omr.data.music.sources import is_archive, is_tune, tune_files
from focal_omr.data.music.tunes import collect_tunes, music21_folder
from focal_omr.data.primus.write import label_bytes, palette_png, sample_writer
from focal_omr.data.staff_image import tight_crop
from focal_omr.encodings.agnostic import score_to_agnostic
from focal_omr.encodings.semantic import score_to_tokens, to_primus
from focal_omr.encodings.vocabulary import primus_semantic
from focal_omr.errors import DataError, EngraveError, NotationError
from focal_omr.formats.mei_writer import write_mei
from focal_omr.formats.verovio import Engraver
from focal_omr.score.records import Score

logger = logging.getLogger(__name__)

# Suffixes of the ids of one source, and weights of the number of incipits per source. In PrIMuS 78 % of the
# sources have one; here fewer, so that a small data set has sources to keep together.
_INCIPITS = ("1_1_1", "1_1_2", "1_2_1", "1_3_1")
_INCIPIT_WEIGHTS = (5, 3, 1, 1)
_JPEG_QUALITY = 95  # camera degradation has its own compression
_MAX_DRAWS = 1000


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
        out: Folder or archive to create.
        count: Number of samples.
        seed: The same seed gives the same bytes; from 0.
        tunes: A folder or archive of tunes, a tune, a collection, or the word "music21"; None composes.
        rare: Share of staves that are enriched with the symbols seen least so far.
        degrade: "none"; "scan", which degrades the image itself; or "camera", which adds `_distorted.jpg` to
            the clean image, as in Camera-PrIMuS.
        strength: Of the degradation, 0 mild .. 1 the worst that is legible; None draws it uniformly.
        primus: Tunes without variation, labels in the vocabulary of PrIMuS and images in its two colours;
            otherwise varied tunes, labels in the full vocabulary and gray images.
        plain: Composed staves with few different symbols, see `compose`.
        archive: Write a .tgz instead of a folder.
        engraver: "verovio" or "lilypond", which must be installed.

    Raises:
        DataError: The folder has samples already, the tunes cannot be used, or an option is out of range.
        OutputError: A file cannot be written.
    """
    check_degradation(degrade, strength)
    check_engraver(engraver)
    if not 0 <= rare <= 1:
        raise DataError(f"share of {rare} with rare symbols is out of range; it must be from 0 to 1")
    with TemporaryDirectory() as temporary, sample_writer(out, archive=archive) as write:
        base = score_drawer(tunes, Path(temporary), vary=not primus, plain=plain)
        stream = ScoreSource(base, rare).stream()
        draw = partial(_draw_primus, stream) if primus else stream
        for number, name, image in zip(
            range(count), sample_names(seed), _images(engraver, seed, draw), strict=False
        ):
            rng = np.random.default_rng((seed, number))
            stream.keep(score_to_tokens(image.score))
            files = _score_files(name, image.score, primus=primus)
            clean = tight_crop(image.gray, space_px=PRIMUS_SPACE_PX)
            images = {".png": palette_png(clean) if primus else bytes(cv2.imencode(".png", clean)[1])}
            if degrade != "none":
                degraded = degraded_image(clean, rng, kind=degrade, strength=strength)
                if degrade == "scan":
                    images = {".png": bytes(cv2.imencode(".png", degraded)[1])}
                else:
                    quality = (cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY)
                    images["_distorted.jpg"] = bytes(cv2.imencode(".jpg", degraded, quality)[1])
            write(name, {**images, **files})


def _images(engraver: str, seed: int, draw: DrawScore) -> Iterator[StaffImage]:
    """Engrave an endless stream: Verovio with a generator per sample, LilyPond in batches."""
    if engraver == "lilypond":
        random = Random(f"{seed}/lilypond")
        yield from engrave_staves(engraver, random, draw, alone=True, space_px=PRIMUS_SPACE_PX)
    for number in count_from():
        random = Random(f"{seed}/{number}")
        yield next(engrave_staves(engraver, random, draw, alone=True, space_px=PRIMUS_SPACE_PX))


def sample_names(seed: int) -> Iterator[str]:
    """Generate endless ids like those of PrIMuS; those of two seeds differ.

    Raises:
        DataError: The seed is negative.
    """
    if seed < 0:
        raise DataError(f"seed {seed} is out of range; it must be 0 or more")
    random = Random(f"{seed}/ids")
    for source in count_from(1):
        incipits = random.choices(range(1, len(_INCIPITS) + 1), _INCIPIT_WEIGHTS)[0]
        for ending in _INCIPITS[:incipits]:
            yield f"{seed:04d}{source:05d}-{ending}"


def score_drawer(tunes: Path | None, temporary: Path, *, vary: bool = True, plain: bool = False) -> DrawScore:
    """The function that draws scores; tunes are first collected into a file of a temporary folder.

    Args:
        tunes: As in `render_tree`.
        temporary: The folder, needed as long as scores are drawn.
        vary: Vary the tunes.
        plain: As in `render_tree`.

    Raises:
        DataError: The tunes cannot be used.
    """
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
    """Draw the next score that the semantic vocabulary of PrIMuS can label and that has an agnostic label."""
    known = frozenset(primus_semantic().symbols)
    for _ in range(_MAX_DRAWS):
        score = draw(random)
        if known.issuperset(to_primus(score_to_tokens(score))) and _agnostic(score) is not None:
            return score
    raise DataError(f"{_MAX_DRAWS} scores in a row have symbols that PrIMuS lacks")


def _score_files(name: str, score: Score, *, primus: bool) -> dict[str, bytes]:
    """The label and score files of a sample, by suffix."""
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
