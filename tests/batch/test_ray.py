"""Ray gives the same bytes as local workers. Needs the extra `ray`; most of the time is the start of Ray."""

import os
import signal
from pathlib import Path

import pytest
from scripted import draw_staff, save_png, write_scripted

from focal_omr.batch.manifest import DocumentRecord
from focal_omr.batch.ray import read_on_ray
from focal_omr.batch.worker import DocumentReader, ReadOptions, ReadTask
from focal_omr.runtime.worker_processes import Lost, ProcessLimits

ray = pytest.importorskip("ray")
pytestmark = pytest.mark.filterwarnings("default")  # Ray's own


class _Dying(DocumentReader):
    def __call__(self, task: ReadTask | None) -> DocumentRecord:
        if task is not None and task.name == "1":
            os.kill(os.getpid(), signal.SIGSEGV)
        return super().__call__(task)


def _record(found: DocumentRecord | Lost) -> DocumentRecord:
    assert isinstance(found, DocumentRecord)
    return found


def test_two_actors_give_the_same_bytes_as_one_reader(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # 60 s, Ray's own limit, were too few on two cores with seventeen processes on them.
    monkeypatch.setenv("RAY_raylet_start_wait_time_s", "300")
    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "0")
    model = write_scripted(tmp_path / "tune.onnx")
    options = ReadOptions(outputs=("musicxml", "midi", "json"), model=str(model))
    pictures = [save_png(tmp_path / f"{number}.png", draw_staff(700 + 50 * number)) for number in range(4)]
    pictures[3].write_bytes(b"")
    tasks = [ReadTask(picture, picture.stem) for picture in pictures]
    paths = os.pathsep.join((str(Path(__file__).parents[1]), str(Path(__file__).parents[2])))
    ray.init(
        num_cpus=2,
        include_dashboard=False,
        log_to_driver=False,
        object_store_memory=100_000_000,
        runtime_env={"env_vars": {"PYTHONPATH": paths}},
    )
    try:
        found = dict(read_on_ray(_Dying(options), tasks, workers=2, limits=ProcessLimits(60)))
    finally:
        ray.shutdown()
    assert found.keys() == set(tasks)
    assert found[tasks[1]] == Lost("crashed the worker process (SIGSEGV)")
    assert _record(found[tasks[3]]).error == f"{pictures[3]}: the file is empty"
    reader = DocumentReader(options)
    for task in (tasks[0], tasks[2]):
        assert _record(found[task]).results.keys() == {
            f"{task.name}.{s}" for s in ("musicxml", "mid", "json")
        }
        assert _record(found[task]).results == reader(task).results
