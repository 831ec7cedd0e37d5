"""Shards of a few engraved polyphonic staves, shared by several test files."""

from functools import cache
from pathlib import Path
from random import Random

from focal_omr.data.engraving.column_shards import StaffRecord, save_column_shard
from focal_omr.data.engraving.render_systems import staff_records
from focal_omr.data.music.score_stream import MusicSource


@cache
def staff_record(number: int) -> StaffRecord:
    """The staff of a number, from 0; the narrowest of twelve staves first."""
    records = staff_records(Random(3), MusicSource().stream("3"), "x")
    drawn = sorted((next(records) for _ in range(12)), key=lambda r: int.from_bytes(r.png[16:20], "big"))
    return drawn[number]


def write_column_shards_of_staves(folder: Path, *sizes: int) -> Path:
    """Write shards with the given numbers of staves, cycling through the eight narrowest."""
    folder.mkdir(parents=True, exist_ok=True)
    number = 0
    for shard, size in enumerate(sizes):
        save_column_shard(
            folder / f"{shard:03d}.tar", [staff_record((number + place) % 8) for place in range(size)]
        )
        number += size
    return folder
