"""A contact sheet: some samples of a data set on one picture, with their labels and what wear makes of them.

To look at before training: are the labels those of the staves, is the worst strength still legible?
"""

import html
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from focal_omr.data.degrade.augment import check_wear, degraded_strip, worn_picture
from focal_omr.data.degrade.chance import Gray
from focal_omr.data.engraving.render import tight_crop
from focal_omr.data.engraving.shards import shard_index
from focal_omr.data.primus.samples import primus_samples
from focal_omr.data.primus.split import read_ids
from focal_omr.errors import DataError, NoStaffError, OutputError
from focal_omr.files import write_together
from focal_omr.image import find_staff, load_gray

__all__ = ["Shown", "contact_sheet", "show_data"]

STRENGTHS = (0.25, 0.5, 0.75, 1.0)
_COLUMNS = 2
_WIDTH_PX = 800  # of a column
_TALLEST_PX = 110  # of one staff: most are as wide as the column; short ones would become huge
_PAD_PX = 12
_TEXT_PX = 18  # distance of two lines of text
_FONT, _FONT_SCALE = cv2.FONT_HERSHEY_SIMPLEX, 0.42
_GROUND, _INK = 236, 40


@dataclass(frozen=True)
class Shown:
    """One sample on the sheet.

    Attributes:
        id: Its name.
        label: Its symbols.
        staves: Captions and pictures, drawn one above the other.
    """

    id: str
    label: tuple[str, ...]
    staves: tuple[tuple[str, Gray], ...]


def show_data(
    folder: Path, out: Path, *, count: int = 12, seed: int = 1, degrade: str = "none", ids: Path | None = None
) -> None:
    """Write `contact.png` and `index.html` of some samples, drawn by the seed and in order of their ids.

    Args:
        folder: A tree in PrIMuS layout, or a folder of shards. Of shards the strips that training makes are
            shown, of a tree the worn pictures.
        out: The folder to write to.
        count: Number of samples; fewer if there are fewer.
        seed: Same seed, same bytes.
        degrade: "none" for the samples as they are; "scan" or "camera" shows this wear at four strengths.
        ids: A text file with one id per line: only these samples are shown.

    Raises:
        DataError: No samples, an unknown kind, or an id that is not there.
        OutputError: The files cannot be written.
    """
    check_wear(degrade)
    wanted = None if ids is None else set(read_ids(ids))
    rng = np.random.default_rng(seed)
    draw = _from_shards if any(folder.glob("*.tar")) else _from_tree
    shown = draw(folder, wanted, count, rng, degrade)
    page = _page(folder, shown, degrade, seed)
    png = bytes(cv2.imencode(".png", contact_sheet(shown))[1])
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"{out} cannot be made: {error.strerror}") from error
    write_together({out / "contact.png": png, out / "index.html": page.encode()})


def _from_tree(
    folder: Path, wanted: set[str] | None, count: int, rng: Generator, degrade: str
) -> list[Shown]:
    samples = {sample.id: sample for sample in primus_samples(folder)}
    shown = []
    for name in _drawn(list(samples), wanted, count, rng, folder):
        gray = load_gray(samples[name].picture)
        staves = [("as it is", gray), *_worn(gray, rng, degrade)]
        shown.append(Shown(name, samples[name].semantic, tuple(staves)))
    return shown


def _worn(gray: Gray, rng: Generator, degrade: str) -> list[tuple[str, Gray]]:
    if degrade == "none":
        return []
    try:
        space_px = find_staff(gray).space_px
    except NoStaffError:
        return [("no staff found: its size and so its wear are unknown", gray)]
    return [
        (f"{degrade} {strength}", worn_picture(gray, rng, kind=degrade, strength=strength, space_px=space_px))
        for strength in STRENGTHS
    ]


def _from_shards(
    folder: Path, wanted: set[str] | None, count: int, rng: Generator, degrade: str
) -> list[Shown]:
    plates = {plate.id: plate for shard in sorted(folder.glob("*.tar")) for plate in shard_index(shard)}
    shown = []
    for name in _drawn(list(plates), wanted, count, rng, folder):
        gray = plates[name].gray()
        staves = [("as engraved", tight_crop(gray))]
        beside = plates[str(rng.choice(list(plates)))].gray()
        for strength in STRENGTHS if degrade != "none" else ():
            ink = degraded_strip(gray, rng, kind=degrade, strength=strength, neighbour=beside)
            staves.append((f"{degrade} {strength}, as the network sees it", _as_print(ink)))
        shown.append(Shown(name, plates[name].semantic, tuple(staves)))
    return shown


def _as_print(ink: NDArray[np.float32]) -> Gray:
    return (255 - np.rint(255 * ink)).astype(np.uint8)


def _drawn(
    names: Sequence[str], wanted: set[str] | None, count: int, rng: Generator, folder: Path
) -> list[str]:
    if wanted is not None:
        if missing := sorted(wanted.difference(names)):
            raise DataError(
                f"{folder}: {len(missing)} of {len(wanted)} ids are not there, such as {missing[0]}"
            )
        names = sorted(wanted)
    chosen = rng.permutation(len(names))[:count]
    return sorted(names[int(index)] for index in chosen)


def contact_sheet(shown: Sequence[Shown]) -> Gray:
    """(H, 1600) all samples in two columns: the id, the staves with captions, the label."""
    columns: list[list[Gray]] = [[] for _ in range(_COLUMNS)]
    for sample in shown:  # each goes to the column that is shorter so far
        min(columns, key=_height).append(_block(sample))
    height = max(map(_height, columns))
    return np.hstack([np.vstack([*column, _ground(height - _height(column))]) for column in columns])


def _height(blocks: Sequence[Gray]) -> int:
    return sum(block.shape[0] for block in blocks)


def _ground(height: int) -> Gray:
    return np.full((height, _WIDTH_PX), _GROUND, np.uint8)


def _block(sample: Shown) -> Gray:
    parts = [_text([f"{sample.id}   {len(sample.label)} symbols"], thick=2)]
    for caption, gray in sample.staves:
        parts += [_text([caption]), _fitted(gray)]
    return np.vstack([*parts, _text(_wrapped(sample.label)), _ground(2 * _PAD_PX)])


def _fitted(gray: Gray) -> Gray:
    """The picture as wide as the column, if that is not too tall, on the sheet's ground."""
    height, width = gray.shape
    scale = min((_WIDTH_PX - 2 * _PAD_PX) / width, _TALLEST_PX / height)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    out = _ground(size[1] + 4)
    out[2:-2, _PAD_PX : _PAD_PX + size[0]] = cv2.resize(gray, size, interpolation=how)
    return out


def _wrapped(label: Sequence[str]) -> list[str]:
    """The symbols in lines that fit the column."""
    lines = [""]
    for token in label:
        longer = f"{lines[-1]}   {token}".strip()
        if _text_width(longer) > _WIDTH_PX - 2 * _PAD_PX and lines[-1]:
            lines.append(token)
        else:
            lines[-1] = longer
    return lines


def _text_width(line: str) -> int:
    return int(cv2.getTextSize(line, _FONT, _FONT_SCALE, 1)[0][0])


def _text(lines: Sequence[str], *, thick: int = 1) -> Gray:
    out = _ground(_TEXT_PX * len(lines) + 4)
    for number, line in enumerate(lines):
        place = (_PAD_PX, _TEXT_PX * (number + 1) - 3)
        cv2.putText(out, line, place, _FONT, _FONT_SCALE, _INK, thick, cv2.LINE_AA)
    return out


def _page(folder: Path, shown: Sequence[Shown], degrade: str, seed: int) -> str:
    title = html.escape(f"{len(shown)} samples of {folder.name}")
    labels = "\n".join(
        f"<dt>{html.escape(sample.id)}</dt><dd>{html.escape(' '.join(sample.label))}</dd>" for sample in shown
    )
    return f"""<!DOCTYPE html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>{title}</title>
<style>
body {{ font: 16px/1.5 sans-serif; max-width: 1600px; margin: 2em auto; padding: 0 1em; }}
img {{ max-width: 100%; }}
dt {{ font-weight: bold; }}
dd {{ margin: 0 0 1em; font-family: monospace; overflow-wrap: anywhere; }}
</style>
<h1>{title}</h1>
<p>Drawn with seed {seed}; wear: {html.escape(degrade)}.</p>
<img src="contact.png" alt="The staves with their labels">
<h2>Labels</h2>
<dl>
{labels}
</dl>
</html>
"""
