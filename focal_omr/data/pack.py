"""Packing of labelled images into shards, so that training reads them like engraved staves."""

import logging
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from itertools import count, islice
from pathlib import Path

import cv2

from focal_omr.data.engraving.shards import StaffRecord, save_shard, shard_path
from focal_omr.data.engraving.storage import check_is_local
from focal_omr.data.primus.samples import Defect, Sample, read_primus
from focal_omr.data.staff_image import (
    STAFF_IMAGE_HALF_SPACES,
    STAFF_IMAGE_MARGIN_SPACES,
    STAFF_IMAGE_SPACE_PX,
)
from focal_omr.errors import DataError, ImageError
from focal_omr.runtime.atomic_folder import atomic_folder, is_free
from focal_omr.staff.strip import as_dark_on_light, decode_gray, find_staff, straighten

logger = logging.getLogger(__name__)


@dataclass
class PackReport:
    """Result of packing.

    Attributes:
        staves: Number of packed staff images.
        left_out: Why each of the other samples was skipped.
        absent: Requested ids that do not exist.
    """

    staves: int = 0
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
    """Find the staff in each sample's image and pack it, straightened and scaled, with its label.

    Args:
        data: A tree or archive in PrIMuS layout.
        out: Folder for the shards; it appears when all are written.
        ids: Samples to pack, in the order of the data set; None packs all.
        distorted: Pack the images `<id>_distorted.jpg` of Camera-PrIMuS.
        size: Staff images per shard.

    Raises:
        DataError: The folder is a URL or not empty, or no sample could be packed.
        OutputError: The folder or a shard cannot be written.
    """
    check_is_local(out)
    if any(out.glob("*.tar")):
        raise DataError(f"{out}: has shards already; choose another folder")
    if not is_free(out):
        raise DataError(f"{out}: not empty; choose another folder")
    report = PackReport()
    wanted = None if ids is None else frozenset(ids)
    seen: set[str] = set()

    def records() -> Iterator[StaffRecord]:
        for sample in read_primus([data]):
            if wanted is not None and sample.id not in wanted:
                continue
            seen.add(sample.id)
            if isinstance(sample, Defect):
                report.left_out.append(str(sample))
                continue
            try:
                record = staff_of_sample(sample, distorted=distorted)
            except ImageError as error:
                report.left_out.append(str(error))
                continue
            report.staves += 1
            yield record

    with atomic_folder(out) as folder:
        stream = records()
        for number in count():
            if not (batch := list(islice(stream, size))):
                break
            save_shard(shard_path(folder, 0, number), batch)
        report.absent = sorted((wanted or frozenset()) - seen)
        if not report.staves:
            reason = report.left_out[0] if report.left_out else "none of the ids exists"
            raise DataError(f"{data}: no sample could be packed ({reason})")
    return report


def staff_of_sample(sample: Sample, *, distorted: bool = False) -> StaffRecord:
    """Extract the staff of a sample's image as a staff image.

    Raises:
        DataError: There is no such image.
        ImageError: It cannot be decoded, or has no staff.
    """
    name = str(sample.picture_path(distorted=distorted))
    gray = as_dark_on_light(decode_gray(sample.picture_bytes(distorted=distorted), name=name))
    image = straighten(
        gray,
        find_staff(gray, name=name),
        space_px=STAFF_IMAGE_SPACE_PX,
        margin_spaces=STAFF_IMAGE_MARGIN_SPACES,
        half_spaces=STAFF_IMAGE_HALF_SPACES,
    )
    png = bytes(cv2.imencode(".png", image, [cv2.IMWRITE_PNG_COMPRESSION, 4])[1])
    return StaffRecord(sample.id, png, sample.semantic)
