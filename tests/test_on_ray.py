"""Ray gives what processes give, byte for byte. Needs the extra `ray`; takes some ten seconds."""

import os
import signal
from pathlib import Path

import pytest
from scripted import draw_staff, save_png, write_scripted

from focal_omr.manifest import MANIFEST
from focal_omr.many import Batch
from focal_omr.on_ray import read_on_ray
from focal_omr.reader import Outcome, Reader, ReadOptions, Task

ray = pytest.importorskip("ray")
pytestmark = pytest.mark.filterwarnings("default")  # Ray's own


class _Dying(Reader):
    def __call__(self, task: Task) -> Outcome:
        if task.name == "1":
            os.kill(os.getpid(), signal.SIGSEGV)
        return super().__call__(task)


def test_two_workers_give_what_processes_give(tmp_path: Path) -> None:
    model = write_scripted(tmp_path / "tune.onnx")
    options = ReadOptions(outputs=("musicxml", "midi", "json"), model=str(model))
    pictures = [save_png(tmp_path / f"{number}.png", draw_staff(700 + 50 * number)) for number in range(4)]
    pictures[3].write_bytes(b"")
    tasks = tuple(Task(picture, picture.stem) for picture in pictures)
    paths = os.pathsep.join((str(Path(__file__).parent), str(Path(__file__).parent.parent)))
    ray.init(
        num_cpus=2,
        include_dashboard=False,
        log_to_driver=False,
        object_store_memory=100_000_000,
        runtime_env={"env_vars": {"PYTHONPATH": paths}},
    )
    try:
        for folder, on_ray in (("ray", True), ("processes", False)):
            with Batch(tasks, tmp_path / folder, options, workers=2, on_ray=on_ray).read() as (_, outcomes):
                errors = {task.name: outcome.error for task, outcome in outcomes if outcome.error}
            assert errors == {"3": f"{pictures[3]}: the file is empty"}
        crashed = dict(read_on_ray(_Dying(options), tasks, workers=2, limit_s=60))
    finally:
        ray.shutdown()
    assert {task.name for task, outcome in crashed.items() if outcome.error is None} == {"0", "2"}
    assert crashed[tasks[1]].error == f"{pictures[1]}: ends the process that reads it"
    found = [
        {path.name: path.read_bytes() for path in (tmp_path / folder).iterdir() if path.name != MANIFEST}
        for folder in ("ray", "processes")
    ]
    assert len(found[0]) == 9
    assert found[0] == found[1]
