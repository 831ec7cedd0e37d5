"""Staves to measure on, composed and engraved on the spot with a fixed seed."""

from random import Random

from focal_omr.data.engraving.plates import draw_plate, plate_record
from focal_omr.data.engraving.render import Plate
from focal_omr.data.engraving.shards import PlateRecord
from focal_omr.data.music.draw import draw_composed
from focal_omr.formats.verovio import Engraver

SEED = 7


def plates(count: int, *, seed: int = SEED, space_px: int = 10) -> list[Plate]:
    """The same composed plates each time."""
    random, engraver = Random(seed), Engraver()
    return [draw_plate(engraver, random, draw_composed, space_px=space_px) for _ in range(count)]


def records(made: list[Plate]) -> list[PlateRecord]:
    """The plates as they lie in a shard."""
    return [plate_record(str(number), plate) for number, plate in enumerate(made)]
