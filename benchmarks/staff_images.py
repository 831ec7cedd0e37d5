"""Staves to measure on, composed and engraved on the spot with a fixed seed."""

from random import Random

from focal_omr.data.engraving.render import StaffImage
from focal_omr.data.engraving.shards import StaffRecord
from focal_omr.data.engraving.staff_images import draw_staff_image, staff_record
from focal_omr.data.music.draw import draw_composed
from focal_omr.formats.verovio import Engraver

SEED = 7


def composed_staves(count: int, *, seed: int = SEED, space_px: int = 10) -> list[StaffImage]:
    """Compose and engrave the same staves each time."""
    random, engraver = Random(seed), Engraver()
    return [draw_staff_image(engraver, random, draw_composed, space_px=space_px) for _ in range(count)]


def records(made: list[StaffImage]) -> list[StaffRecord]:
    """The staff images as they are stored in a shard."""
    return [staff_record(str(number), staff_image) for number, staff_image in enumerate(made)]
