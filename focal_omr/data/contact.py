"""Contact sheets: samples of a data set in one image, with their labels and degraded versions.

For a check before training: whether labels match their staves, and the maximum strength is still legible.
"""

import html
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.random import Generator

from focal_omr.data.degrade.augment import check_degradation, degraded_image, degraded_strip
from focal_omr.data.degrade.noise import Gray
from focal_omr.data.engraving.shards import StoredStaff
from focal_omr.data.primus.samples import Sample
from focal_omr.data.staff_image import tight_crop
from focal_omr.errors import DataError, NoStaffError
from focal_omr.staff.strip import decode_gray, find_staff

__all__ = ["SheetEntry", "contact_sheet", "select_ids", "sheet_entries", "sheet_png", "sheet_section"]

Staves = Mapping[str, Sample] | Mapping[str, StoredStaff]

STRENGTHS = (0.25, 0.5, 0.75, 1.0)
_COLUMNS = 2
_WIDTH_PX = 800  # of a column
_MAX_HEIGHT_PX = 110  # of a staff: most fill the column's width; short ones would become huge
_PAD_PX = 12
_TEXT_PX = 18  # distance of two lines of text
_FONT, _FONT_SCALE = cv2.FONT_HERSHEY_SIMPLEX, 0.42
_BACKGROUND, _INK = 236, 40


@dataclass(frozen=True)
class SheetEntry:
    """One sample on the sheet.

    Attributes:
        id: Id of the sample.
        label: Semantic label.
        staves: Captions and images (H, W), stacked vertically.
    """

    id: str
    label: tuple[str, ...]
    staves: tuple[tuple[str, Gray], ...]


def select_ids(wanted: Collection[str], available: Collection[str], source: Path) -> list[str]:
    """Check that ids exist and sort them.

    Args:
        wanted: The requested ids.
        available: The ids of the data set.
        source: The list of ids, for error messages.

    Raises:
        DataError: An id is not in the data set.
    """
    if missing := sorted(set(wanted).difference(available)):
        count = f"{len(missing)} of {len(wanted)}"
        raise DataError(f"{source}: {count} ids are not in the data set, such as {missing[0]}")
    return sorted(wanted)


def sheet_entries(
    staves: Staves, names: Sequence[str], *, count: int, seed: int, degrade: str = "none"
) -> list[SheetEntry]:
    """Draw samples; return them sorted by id, clean and degraded.

    Args:
        staves: Samples or stored staff images by id. Staff images are shown as training strips, samples as
            degraded images.
        names: The ids to draw from.
        count: Maximum number of samples.
        seed: Determines the samples and their degradation.
        degrade: "none" for clean samples only; "scan" or "camera" adds this degradation at four strengths.

    Raises:
        DataError: Unknown kind of degradation, or a staff image that cannot be read.
        ImageError: The image of a sample cannot be read.
    """
    check_degradation(degrade)
    rng = np.random.default_rng(seed)
    chosen = rng.permutation(len(names))[:count]
    entries = []
    for name in sorted(names[int(index)] for index in chosen):
        staff = staves[name]
        if isinstance(staff, StoredStaff):
            neighbour = staves[str(rng.choice(list(staves)))]
            assert isinstance(neighbour, StoredStaff)  # all values have one type
            views = [
                ("engraved", tight_crop(staff.gray())),
                *_degraded_strips(staff, neighbour, rng, degrade),
            ]
        else:
            gray = decode_gray(staff.picture_bytes(), name=str(staff.picture))
            views = [("original", gray), *_degraded_images(gray, rng, degrade)]
        entries.append(SheetEntry(name, staff.semantic, tuple(views)))
    return entries


def _degraded_images(gray: Gray, rng: Generator, degrade: str) -> list[tuple[str, Gray]]:
    if degrade == "none":
        return []
    try:
        space_px = find_staff(gray).space_px
    except NoStaffError:
        return [("no staff found: degradation needs its size", gray)]
    return [
        (
            f"{degrade} {strength}",
            degraded_image(gray, rng, kind=degrade, strength=strength, space_px=space_px),
        )
        for strength in STRENGTHS
    ]


def _degraded_strips(
    staff: StoredStaff, neighbour: StoredStaff, rng: Generator, degrade: str
) -> list[tuple[str, Gray]]:
    if degrade == "none":
        return []
    gray, neighbour_gray = staff.gray(), neighbour.gray()
    views = []
    for strength in STRENGTHS:
        ink = degraded_strip(gray, rng, kind=degrade, strength=strength, neighbour=neighbour_gray)
        gray_ink = (255 - np.rint(255 * ink)).astype(np.uint8)
        views.append((f"{degrade} {strength}, as the network sees it", gray_ink))
    return views


def sheet_png(entries: Sequence[SheetEntry]) -> bytes:
    """Draw the contact sheet as a PNG file."""
    return bytes(cv2.imencode(".png", contact_sheet(entries))[1])


def contact_sheet(entries: Sequence[SheetEntry]) -> Gray:
    """Draw all samples in two columns, (H, 1600): the id, the staves with captions, the label."""
    columns: list[list[Gray]] = [[] for _ in range(_COLUMNS)]
    for entry in entries:
        parts = [_text([f"{entry.id}   {len(entry.label)} symbols"], thick=2)]
        for caption, gray in entry.staves:
            parts += [_text([caption]), _fitted(gray)]
        block = np.vstack([*parts, _text(_wrapped(entry.label)), _blank(2 * _PAD_PX)])
        min(columns, key=_height).append(block)  # to the shortest column
    height = max(map(_height, columns))
    return np.hstack([np.vstack([*column, _blank(height - _height(column))]) for column in columns])


def _height(blocks: Sequence[Gray]) -> int:
    return sum(block.shape[0] for block in blocks)


def _blank(height: int) -> Gray:
    return np.full((height, _WIDTH_PX), _BACKGROUND, np.uint8)


def _fitted(gray: Gray) -> Gray:
    """Scale an image to the column width or to the maximum height, on the background."""
    height, width = gray.shape
    scale = min((_WIDTH_PX - 2 * _PAD_PX) / width, _MAX_HEIGHT_PX / height)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    interpolation = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    out = _blank(size[1] + 4)
    out[2:-2, _PAD_PX : _PAD_PX + size[0]] = cv2.resize(gray, size, interpolation=interpolation)
    return out


def _wrapped(label: Sequence[str]) -> list[str]:
    """Wrap the symbols into lines that fit the column."""
    lines = [""]
    for token in label:
        longer = f"{lines[-1]}   {token}".strip()
        width_px = cv2.getTextSize(longer, _FONT, _FONT_SCALE, 1)[0][0]
        if width_px > _WIDTH_PX - 2 * _PAD_PX and lines[-1]:
            lines.append(token)
        else:
            lines[-1] = longer
    return lines


def _text(lines: Sequence[str], *, thick: int = 1) -> Gray:
    out = _blank(_TEXT_PX * len(lines) + 4)
    for row, line in enumerate(lines, 1):
        origin = (_PAD_PX, _TEXT_PX * row - 3)
        cv2.putText(out, line, origin, _FONT, _FONT_SCALE, _INK, thick, cv2.LINE_AA)
    return out


def sheet_section(entries: Sequence[SheetEntry], degrade: str, seed: int) -> str:
    """Write the HTML of the contact sheet, a `contact.png` beside the page, and its labels.

    Args:
        entries: The samples of the sheet.
        degrade: Kind of degradation shown.
        seed: Seed of the samples.
    """
    labels = "\n".join(
        f"<dt>{html.escape(entry.id)}</dt><dd>{html.escape(' '.join(entry.label))}</dd>" for entry in entries
    )
    return f"""<p>Drawn with seed {seed}; degradation: {html.escape(degrade)}.</p>
<img src="contact.png" alt="The staves with their labels">
<h2>Labels</h2>
<dl>
{labels}
</dl>"""
