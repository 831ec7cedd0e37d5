"""Data sets of a study: drawn, split and packed once, with a record of the settings."""

import json
import logging
import shutil
from pathlib import Path
from typing import Any

from focal_omr.data.frequency import symbol_counts
from focal_omr.data.pack import pack_samples
from focal_omr.data.primus.index import sample_labels
from focal_omr.data.primus.split import split_by_source, write_ids
from focal_omr.data.rendered import render_tree
from focal_omr.data.subset import draw_imbalance, draw_subset, imbalance_ratio
from focal_omr.errors import ConfigError
from focal_omr.experiment.column_sets import prepare_systems
from focal_omr.experiment.grid import Grid, RenderConfig, SetConfig
from focal_omr.experiment.set_parts import IMBALANCE, PARTS, TEST, StudySet
from focal_omr.runtime.atomic_files import write_atomic

logger = logging.getLogger(__name__)


def prepare(grid: Grid, folder: Path, data: Path | None) -> list[StudySet]:
    """Prepare the data sets of a grid; existing ones are reused.

    Args:
        grid: The study.
        folder: Folder of the study; the data go into `data/` below it.
        data: A tree or an archive in PrIMuS layout; None composes and engraves staves.

    Raises:
        ConfigError: The folder holds data of other settings, or the grid takes no data.
        DataError: The data cannot provide what the grid requires; the message says what they can.
    """
    if grid.systems is not None:
        if data is not None:
            raise ConfigError(f"{data}: a study of columns engraves its own systems")
        return [prepare_systems(grid.systems, folder / "data")]
    return [_prepare_set(each, grid.render, folder / "data", data) for each in grid.sets]


def _prepare_set(config: SetConfig, render: RenderConfig, folder: Path, data: Path | None) -> StudySet:
    place = folder / config.name.replace(" ", "-")
    note = place / "set.json"
    made_of = {
        "data": f"{render.count} composed staves, seed {render.seed}" if data is None else data.name,
        "set": config.model_dump(mode="json"),
    }
    if note.exists():
        known = json.loads(note.read_text(encoding="utf-8"))
        if known["made_of"] != made_of:
            raise ConfigError(f"{place}: prepared with other settings; choose another --out folder")
    else:
        shutil.rmtree(place, ignore_errors=True)  # left by an interrupted run: the note is written last
        tree = data or folder / "tree"
        if not tree.exists() and data is None:
            logger.info("engraving %d staves", render.count)
            render_tree(tree, count=render.count, seed=render.seed, primus=True, plain=True)
        known = {"made_of": made_of, **_draw_and_pack(config, tree, place)}
        write_atomic(note, json.dumps(known, indent=1).encode())
    shards = {part: place / "shards" / part for part in PARTS}
    return StudySet(config.name, shards, known["counts"]["train"], known)


def _draw_and_pack(config: SetConfig, tree: Path, place: Path) -> dict[str, Any]:
    """Draw, split and pack a data set; the notes on it."""
    logger.info("drawing %s", config.name)
    labels, defects = sample_labels(tree)
    subset = draw_subset(
        labels,
        samples=config.samples,
        symbols=config.symbols,
        min_count=config.min_count,
        ratio=config.ratio,
        seed=config.seed,
    )
    parts = split_by_source(
        subset.ids,
        {"train": config.train, TEST: config.test},
        seed=config.seed,
        labels=labels,
        least={"train": config.min_count, TEST: 1},
    )
    parts[IMBALANCE] = draw_imbalance(labels, subset.ids, samples=config.imbalance, seed=config.seed)
    write_ids({place / f"{part}.txt": parts[part] for part in PARTS})
    packed = {part: pack_samples(tree, place / "shards" / part, ids=parts[part]) for part in PARTS}
    counts = {part: symbol_counts(labels[each] for each in parts[part]) for part in PARTS}
    return {
        "pool": {"samples": len(labels), "closed": subset.pool, "dropped": len(subset.dropped)},
        "samples": {part: packed[part].staves for part in PARTS},
        "defects": [str(each) for each in defects],
        "left_out": [reason for part in PARTS for reason in packed[part].left_out],
        "ratios": {part: round(imbalance_ratio(counts[part]), 1) for part in PARTS},
        "counts": {part: dict(counts[part].most_common()) for part in PARTS},
    }
