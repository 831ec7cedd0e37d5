"""Workloads of `benchmarks.faults`: commands to kill, and the invariants of their output after every kill."""

import csv
import json
import sys
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import cv2
import torch

from benchmarks import reading
from benchmarks.staff_images import composed_staves, records
from focal_omr.data.engraving.shards import save_shard, shard_path
from focal_omr.errors import ModelError
from focal_omr.runtime.folder_lock import LOCK_FILE
from focal_omr.training.checkpoint import load_checkpoint

_FOCAL_OMR = (sys.executable, "-m", "focal_omr")
_DOCUMENTS = 40
_SHARDS = 30
_STEPS = 40
# Small enough for steps of a few hundredths of a second; a checkpoint after every step.
_TRAINING = f"""
steps = {_STEPS}
report_every = 1
evaluate_every = 10
checkpoint_every = 1
threads = 1
[model]
channels = [4, 4, 8, 8, 8]
features = 16
hidden = 8
layers = 2
dropout = 0.3
[data]
shards = ["SHARDS"]
batch = 4
curriculum = 2
[optimizer]
warmup = 2
cooldown = 2
"""


class Workload(ABC):
    """A command, and the output folder of an uninterrupted run.

    Args:
        root: A new folder for inputs and outputs.
    """

    name: str

    def __init__(self, root: Path) -> None:
        self.root, self.whole = root, root / "whole"
        self.compared = 0
        root.mkdir(parents=True)

    @abstractmethod
    def command(self, out: Path) -> list[str]:
        """Command line that starts in a folder, or resumes in it."""

    @abstractmethod
    def finished(self, out: Path) -> dict[str, int]:
        """Finished items, each with a number that shows whether it was lost: a time or a step."""

    def faults(self, out: Path, *, at_end: bool) -> Iterator[str]:
        """Describe files under final names that differ from the uninterrupted run, and missing files at the
        end."""
        expected = {path.name for path in self.whole.iterdir()}
        found = {path.name for path in out.iterdir() if at_end or not is_temporary(path)}
        yield from (f"{name} is unexpected" for name in sorted(found - expected))
        yield from (f"{name} is missing" for name in sorted(expected - found) if at_end)
        for name in sorted(expected & found):
            self.compared += 1
            if reason := self.difference(out / name, self.whole / name, at_end=at_end):
                yield f"{name} {reason}"

    def difference(self, path: Path, whole: Path, *, at_end: bool) -> str:
        """Describe how a file differs from that of the uninterrupted run; "" if it does not."""
        return "" if path.read_bytes() == whole.read_bytes() else "has other content"


def is_temporary(path: Path) -> bool:
    """Whether a file name is one of an unfinished write."""
    return path.suffix in (".part", ".partial") or path.name == LOCK_FILE


class Reading(Workload):
    """`read` of one-staff documents into four formats each."""

    name = "read"

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        (root / "pictures").mkdir()
        for number, staff_image in enumerate(composed_staves(_DOCUMENTS, space_px=18)):
            png = bytes(cv2.imencode(".png", staff_image.gray)[1])
            (root / "pictures" / f"{number:03d}.png").write_bytes(png)
        self.model = reading.model_file(root)[0]

    def command(self, out: Path) -> list[str]:
        """Command line, always with `--resume`, which has no effect in a new folder."""
        options = ("--to", "musicxml,midi,semantic,json", "--model", str(self.model), "--workers", "1")
        return [*_FOCAL_OMR, "read", str(self.root / "pictures"), "--out", str(out), "--resume", *options]

    def finished(self, out: Path) -> dict[str, int]:
        """Files of the documents that the manifest lists as read, with their modification times."""
        entries = _entries(out / "manifest.jsonl").values()
        names = [name for entry in entries if entry["status"] == "read" for name in entry["outputs"]]
        return {name: _mtime(out / name) for name in names}

    def difference(self, path: Path, whole: Path, *, at_end: bool) -> str:
        """Compare the manifest by its lines, in any order and without reading times."""
        if path.name != "manifest.jsonl":
            return super().difference(path, whole, at_end=at_end)
        got, wanted = _entries(path), _entries(whole)
        if at_end and (got.keys() != wanted.keys() or not path.read_bytes().endswith(b"\n")):
            return "has other documents, or is truncated"
        wrong = [name for name, entry in got.items() if entry != wanted.get(name)]
        return f"has another entry for {', '.join(wrong)}" if wrong else ""


def _entries(manifest: Path) -> dict[str, dict[str, Any]]:
    """Document -> entry of the complete lines of a manifest, without reading times."""
    lines = manifest.read_bytes().splitlines(keepends=True) if manifest.exists() else []
    entries = [json.loads(line) for line in lines if line.endswith(b"\n")]
    return {entry["name"]: {k: v for k, v in entry.items() if k != "seconds"} for entry in entries}


def _mtime(path: Path) -> int:
    return path.stat().st_mtime_ns if path.exists() else -1


class Training(Workload):
    """`train` of a small network with dropout and a checkpoint after every step."""

    name = "train"

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        made = records(composed_staves(26))
        (root / "shards").mkdir()
        save_shard(shard_path(root / "shards", 1, 0), made[:2])  # to validate on
        save_shard(shard_path(root / "shards", 1, 1), made[2:])
        text = _TRAINING.replace("SHARDS", (root / "shards").as_posix())
        (root / "config.toml").write_text(text, encoding="utf-8")

    def command(self, out: Path) -> list[str]:
        """Command line, with `--resume` if there is a checkpoint."""
        resume = ["--resume"] if (out / "last.pt").exists() else []
        return [*_FOCAL_OMR, "train", str(self.root / "config.toml"), "--out", str(out), *resume]

    def finished(self, out: Path) -> dict[str, int]:
        """Step of the last checkpoint."""
        last = out / "last.pt"
        return {"last.pt": int(load_checkpoint(last)["step"]) if last.exists() else 0}

    def difference(self, path: Path, whole: Path, *, at_end: bool) -> str:
        """Load checkpoints, which must be equal at the end, and compare metrics without the speed."""
        if path.suffix == ".pt":
            return _checkpoint_difference(path, whole, at_end=at_end)
        if path.suffix == ".csv":
            got, wanted = rows_of(path), rows_of(whole)
            whole_rows = path.read_bytes().endswith(b"\n")
            same = got == wanted[: len(got)] and (len(got) == len(wanted) or not at_end)
            return "" if same and whole_rows else "has other rows, or a truncated row"
        return super().difference(path, whole, at_end=at_end)


def _checkpoint_difference(path: Path, whole: Path, *, at_end: bool) -> str:
    try:
        got = load_checkpoint(path)
    except ModelError as error:
        return f"cannot be loaded ({error})"
    wanted = load_checkpoint(whole)
    if at_end and any(exact(got[part]) != exact(wanted[part]) for part in ("model", "optimizer", "step")):
        return "has other values"
    return ""


def exact(value: Any) -> Any:
    """Replace tensors in nested containers by their bytes."""
    if isinstance(value, Mapping):
        return {key: exact(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [exact(inner) for inner in value]
    return value.numpy().tobytes() if isinstance(value, torch.Tensor) else value


def rows_of(path: Path) -> list[dict[str, str]]:
    """Read the rows of a metrics.csv without the speed."""
    with path.open(newline="", encoding="utf-8") as file:
        return [{k: v for k, v in row.items() if k != "staves_per_s"} for row in csv.DictReader(file)]


class Engraving(Workload):
    """`data shards` with three staves per shard and two workers."""

    name = "shards"

    def __init__(self, root: Path, *, shards: int = _SHARDS) -> None:
        super().__init__(root)
        self.shards = shards

    def command(self, out: Path) -> list[str]:
        """Command line, which resumes without an option."""
        size = ("--count", str(self.shards), "--size", "3", "--seed", "5", "--workers", "2")
        return [*_FOCAL_OMR, "data", "shards", "--out", str(out), *size]

    def finished(self, out: Path) -> dict[str, int]:
        """Shards that have an index, with their modification times."""
        return {index.stem: _mtime(index.with_suffix(".tar")) for index in out.glob("*.json")}


WORKLOADS: Mapping[str, type[Workload]] = {each.name: each for each in (Reading, Training, Engraving)}
