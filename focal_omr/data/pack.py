"""Labelled pictures packed into shards, so that the training reads them as it reads engraved plates."""

import logging
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import count, islice
from pathlib import Path

import cv2

from focal_omr.data.engraving.render import (
    STAFF_IMAGE_HALF_SPACES,
    STAFF_IMAGE_MARGIN_SPACES,
    STAFF_IMAGE_SPACE_PX,
)
from focal_omr.data.engraving.shards import StaffRecord, save_shard, shard_path
from focal_omr.data.engraving.storage import check_is_local
from focal_omr.data.primus.samples import Defect, Sample, read_primus
from focal_omr.errors import DataError, ImageError
from focal_omr.runtime.atomic_folder import atomic_folder, is_free
from focal_omr.staff.strip import as_dark_on_light, decode_gray, find_staff, straighten

logger = logging.getLogger(__name__)


@dataclass
class PackReport:
    """What came of packing.

    Attributes:
        plates: How many were packed.
        left_out: Why each of the others was not.
        absent: Ids that were asked for and are not there.
    """

    plates: int = 0
    left_out: list[str] = field(default_factory=list)
    absent: list[str] = field(default_factory=list)


def pack_samples(
    data: Path,
    out: Path,
    *,
    ids: Collection[str] | None = None,
    distorted: bool = False,
    size: int = 500,
) -> PackReport:
    """Find the staff of each sample's picture and pack it, straightened and scaled, with its label.

    Args:
        data: A tree or an archive in PrIMuS layout.
        out: Folder for the shards, which is there when all are packed.
        ids: The samples to pack, None for all. Plates come in the order of the set.
        distorted: Pack the pictures `<id>_distorted.jpg` of Camera-PrIMuS.
        size: Plates in a shard.

    Raises:
        DataError: The folder is a URL or not empty, or no sample could be packed.
        OutputError: The folder or a shard cannot be written.
    """
    check_is_local(out)
    if any(out.glob("*.tar")):
        raise DataError(f"{out}: has shards already; choose another folder")
    if not is_free(out):
        raise DataError(f"{out}: not empty; choose another folder")
    with atomic_folder(out) as folder:
        return _pack(data, folder, ids, distorted, size)


def _pack(data: Path, folder: Path, ids: Collection[str] | None, distorted: bool, size: int) -> PackReport:
    packed = PackReport()
    absent = set(ids or ())
    records = _records(
        read_primus([data]), None if ids is None else frozenset(ids), absent, distorted, packed
    )
    for number in count():
        if not (plates := list(islice(records, size))):
            break
        save_shard(shard_path(folder, 0, number), plates)
    packed.absent = sorted(absent)
    if not packed.plates:
        why = packed.left_out[0] if packed.left_out else "none of the ids is there"
        raise DataError(f"{data}: no sample could be packed ({why})")
    return packed


def _records(
    found: Iterable[Sample | Defect],
    wanted: frozenset[str] | None,
    absent: set[str],
    distorted: bool,
    packed: PackReport,
) -> Iterator[StaffRecord]:
    """The wanted samples as plates; what came of the others goes to `packed`, what is found from `absent`."""
    for each in found:
        if wanted is not None and each.id not in wanted:
            continue
        absent.discard(each.id)
        if isinstance(each, Defect):
            packed.left_out.append(str(each))
            continue
        try:
            record = staff_of_sample(each, distorted=distorted)
        except ImageError as error:
            packed.left_out.append(str(error))
            continue
        packed.plates += 1
        yield record


def staff_of_sample(sample: Sample, *, distorted: bool = False) -> StaffRecord:
    """A sample's staff as a plate.

    Raises:
        DataError: There is no such picture.
        ImageError: It cannot be decoded, or has no staff.
    """
    name = str(sample.picture_path(distorted=distorted))
    gray = as_dark_on_light(decode_gray(sample.picture_bytes(distorted=distorted), name=name))
    plate = straighten(
        gray,
        find_staff(gray, name=name),
        space_px=STAFF_IMAGE_SPACE_PX,
        margin_spaces=STAFF_IMAGE_MARGIN_SPACES,
        half_spaces=STAFF_IMAGE_HALF_SPACES,
    )
    png = bytes(cv2.imencode(".png", plate, [cv2.IMWRITE_PNG_COMPRESSION, 4])[1])
    return StaffRecord(sample.id, png, sample.semantic)
