"""Entry point of a study: prepare the data, execute the runs, write the report."""

from collections.abc import Callable
from pathlib import Path

from focal_omr.experiment.grid import Grid
from focal_omr.experiment.prepare import prepare
from focal_omr.experiment.report import write_study_report
from focal_omr.experiment.runs import execute_runs, plan_runs
from focal_omr.runtime.atomic_files import make_writable, remove_parts
from focal_omr.runtime.folder_lock import lock_folder
from focal_omr.runtime.worker_processes import cores


def run_study(
    grid: Grid,
    folder: Path,
    *,
    data: Path | None = None,
    workers: int | None = None,
    progress: Callable[[int], None] | None = None,
) -> None:
    """Run a study, or resume it: finished data sets and runs are kept.

    Args:
        grid: The study. With seeds or losses added, only the new runs are executed.
        folder: Where everything goes.
        data: A tree or an archive in PrIMuS layout; None composes and engraves staves.
        workers: Number of worker processes; None: the cores divided by the threads of a run.
        progress: Called every two seconds with the number of training steps done in all runs.

    Raises:
        ConfigError: The grid is invalid, or the folder holds runs or data sets of other settings.
        DataError: The data cannot provide what the grid requires.
        OutputError: The folder cannot be written, or another study is running in it.
        OmrError: A worker process died.
    """
    make_writable(folder)
    with lock_folder(folder, other="another study"):
        runs = plan_runs(grid, sets := prepare(grid, folder, data), folder)
        execute_runs(runs, workers=workers or max(1, cores() // runs[0].config.threads), progress=progress)
        for place in (folder, folder / "figures", *(run.folder for run in runs)):
            remove_parts(place)  # temporary files of killed runs
        write_study_report(grid, sets, runs, folder)
