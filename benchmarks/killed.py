"""The commands that `benchmarks.faults` kills: what they write, and what must hold of it after every kill."""

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
from benchmarks.plates import plates, records
from focal_omr.data.engraving.shards import save_shard, shard_path
from focal_omr.errors import ModelError
from focal_omr.runtime.folder_lock import LOCK_FILE
from focal_omr.training.checkpoint import load_checkpoint

_FOCAL_OMR = (sys.executable, "-m", "focal_omr")
_DOCUMENTS = 40
_SHARDS = 30
_STEPS = 40
# Small enough that a step takes some hundredths of a second, and a checkpoint after every step.
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


class Work(ABC):
    """A command, and the folder that an uninterrupted run of it filled.

    Args:
        root: A folder of its own, for inputs and outputs.
    """

    name: str

    def __init__(self, root: Path) -> None:
        self.root, self.whole = root, root / "whole"
        self.compared = 0
        root.mkdir(parents=True)

    @abstractmethod
    def command(self, out: Path) -> list[str]:
        """The command that begins in a folder, or goes on in it."""

    @abstractmethod
    def finished(self, out: Path) -> dict[str, int]:
        """What is done and must not be lost: its names, each with a number that must not fall or change."""

    def unsound(self, out: Path, *, at_end: bool) -> Iterator[str]:
        """What is under its final name and not as an uninterrupted run made it, or is missing at the end."""
        wanted = {path.name for path in self.whole.iterdir()}
        there = {path.name for path in out.iterdir() if at_end or not is_temporary(path)}
        yield from (f"{name} is none of the outputs" for name in sorted(there - wanted))
        yield from (f"{name} is missing" for name in sorted(wanted - there) if at_end)
        for name in sorted(wanted & there):
            self.compared += 1
            if reason := self.difference(out / name, self.whole / name, at_end=at_end):
                yield f"{name} {reason}"

    def difference(self, path: Path, whole: Path, *, at_end: bool) -> str:
        """How a file differs from that of the uninterrupted run; "" where it does not."""
        return "" if path.read_bytes() == whole.read_bytes() else "has other bytes"


def is_temporary(path: Path) -> bool:
    """Whether a file has a name of those that are being written."""
    return path.suffix in (".part", ".partial") or path.name == LOCK_FILE


class Reading(Work):
    """Documents of one staff, each read into four files."""

    name = "read"

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        (root / "pictures").mkdir()
        for number, plate in enumerate(plates(_DOCUMENTS, space_px=18)):
            png = bytes(cv2.imencode(".png", plate.gray)[1])
            (root / "pictures" / f"{number:03d}.png").write_bytes(png)
        self.model = reading.model_file(root)[0]

    def command(self, out: Path) -> list[str]:
        """With `--resume` from the start, which makes no difference in a new folder."""
        asked = ("--to", "musicxml,midi,semantic,json", "--model", str(self.model), "--workers", "1")
        return [*_FOCAL_OMR, "read", str(self.root / "pictures"), "--out", str(out), "--resume", *asked]

    def finished(self, out: Path) -> dict[str, int]:
        """The files of documents that the manifest calls read, with their times."""
        entries = _entries(out / "manifest.jsonl").values()
        names = [name for entry in entries if entry["status"] == "read" for name in entry["outputs"]]
        return {name: _time_of(out / name) for name in names}

    def difference(self, path: Path, whole: Path, *, at_end: bool) -> str:
        """Of the manifest the lines count, in any order and without the time that reading took."""
        if path.name != "manifest.jsonl":
            return super().difference(path, whole, at_end=at_end)
        got, wanted = _entries(path), _entries(whole)
        if at_end and (got.keys() != wanted.keys() or not path.read_bytes().endswith(b"\n")):
            return "has other documents, or is cut off"
        wrong = [name for name, entry in got.items() if entry != wanted.get(name)]
        return f"says otherwise of {', '.join(wrong)}" if wrong else ""


def _entries(manifest: Path) -> dict[str, dict[str, Any]]:
    """The whole lines of a manifest by their documents, without times."""
    lines = manifest.read_bytes().splitlines(keepends=True) if manifest.exists() else []
    entries = [json.loads(line) for line in lines if line.endswith(b"\n")]
    return {entry["name"]: {k: v for k, v in entry.items() if k != "seconds"} for entry in entries}


def _time_of(path: Path) -> int:
    return path.stat().st_mtime_ns if path.exists() else -1


class Training(Work):
    """A small network, with dropout, a checkpoint after every step."""

    name = "train"

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        made = records(plates(26))
        (root / "shards").mkdir()
        save_shard(shard_path(root / "shards", 1, 0), made[:2])  # to validate on
        save_shard(shard_path(root / "shards", 1, 1), made[2:])
        text = _TRAINING.replace("SHARDS", (root / "shards").as_posix())
        (root / "config.toml").write_text(text, encoding="utf-8")

    def command(self, out: Path) -> list[str]:
        """A run that has no checkpoint yet begins anew."""
        resume = ["--resume"] if (out / "last.pt").exists() else []
        return [*_FOCAL_OMR, "train", str(self.root / "config.toml"), "--out", str(out), *resume]

    def finished(self, out: Path) -> dict[str, int]:
        """The step of the last checkpoint."""
        last = out / "last.pt"
        return {"last.pt": int(load_checkpoint(last)["step"]) if last.exists() else 0}

    def difference(self, path: Path, whole: Path, *, at_end: bool) -> str:
        """Checkpoints must load, at the end with the same values; of metrics all but the speed counts."""
        if path.suffix == ".pt":
            return _checkpoint_difference(path, whole, at_end=at_end)
        if path.suffix == ".csv":
            got, wanted = rows_of(path), rows_of(whole)
            whole_rows = path.read_bytes().endswith(b"\n")
            same = got == wanted[: len(got)] and (len(got) == len(wanted) or not at_end)
            return "" if same and whole_rows else "has other rows, or a row that is cut off"
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
    """Nested containers with tensors as their bytes."""
    if isinstance(value, Mapping):
        return {key: exact(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [exact(inner) for inner in value]
    return value.numpy().tobytes() if isinstance(value, torch.Tensor) else value


def rows_of(path: Path) -> list[dict[str, str]]:
    """The rows of a metrics.csv but for the speed."""
    with path.open(newline="", encoding="utf-8") as file:
        return [{k: v for k, v in row.items() if k != "staves_per_s"} for row in csv.DictReader(file)]


class Engraving(Work):
    """Shards of three staves each, written by two processes."""

    name = "shards"

    def __init__(self, root: Path, *, shards: int = _SHARDS) -> None:
        super().__init__(root)
        self.shards = shards

    def command(self, out: Path) -> list[str]:
        """It goes on by itself."""
        size = ("--count", str(self.shards), "--size", "3", "--seed", "5", "--workers", "2")
        return [*_FOCAL_OMR, "data", "shards", "--out", str(out), *size]

    def finished(self, out: Path) -> dict[str, int]:
        """Shards that have an index, with their times."""
        return {index.stem: _time_of(index.with_suffix(".tar")) for index in out.glob("*.json")}


WORKS: Mapping[str, type[Work]] = {work.name: work for work in (Reading, Training, Engraving)}
