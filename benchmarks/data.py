"""The way of the data on all cores: staves engraved into shards, read back, degraded into batches."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.staff_images import SEED
from focal_omr.config import DataConfig
from focal_omr.data.engraving.render_systems import write_column_shards
from focal_omr.data.engraving.shards import read_shards
from focal_omr.data.engraving.staff_images import write_shards
from focal_omr.data.loader import StaffBatches, list_staves, load_batches
from focal_omr.data.music.score_stream import MusicSource
from focal_omr.encodings.codec import full_codec

_SHARDS, _SIZE = 4, 240
_SYSTEM_STAVES = 120  # in a shard of composed systems
_BATCH = 16


def measure(*, workers: int, train_staves_per_s: float) -> dict[str, dict[str, float]]:
    """Staves per second of each stage, and how many times faster than training that is.

    Args:
        workers: Processes, one for each core.
        train_staves_per_s: What the default preset trains at in the same run.
    """
    figures: dict[str, dict[str, float]] = {}
    with TemporaryDirectory() as temporary:
        folder = Path(temporary)
        # Starting the processes is in it: a set of any use has a hundred times as many staves.
        with _timed(figures, "data_rendering", _SHARDS * _SIZE):
            write_shards(folder, count=_SHARDS, seed=SEED, size=_SIZE, workers=workers)
        with _timed(figures, "data_systems", _SHARDS * _SYSTEM_STAVES):
            write_column_shards(
                folder / "systems",
                count=_SHARDS,
                seed=SEED,
                source=MusicSource(),
                size=_SYSTEM_STAVES,
                workers=workers,
            )
        paths = sorted(folder.glob("*.tar"))
        with _timed(figures, "data_reading", 4 * _SHARDS * _SIZE):
            for _ in range(4):
                assert sum(len(record.gray()) > 0 for record in read_shards(paths)) == _SHARDS * _SIZE
        staves, _ = list_staves([str(folder)], held_out=0)
        config = DataConfig(batch=_BATCH, curriculum=0)
        batches = StaffBatches(staves, full_codec("printed"), config, SEED)
        steps = iter(load_batches(batches, range(10_000), workers=workers))
        for _ in range(8 * workers):  # what was made ahead while the processes started
            next(steps)
        with _timed(figures, "data_loader", 60 * _BATCH):
            for _ in range(60):
                next(steps)
    for figure in figures.values():
        figure["of_training"] = figure["staves_per_s"] / train_staves_per_s
    return figures


@contextmanager
def _timed(figures: dict[str, dict[str, float]], name: str, staves: int) -> Iterator[None]:
    start = time.perf_counter()
    yield
    figures[name] = {"staves_per_s": staves / (time.perf_counter() - start)}
