"""A study from nothing to its report; what is done already is not done again."""

from collections.abc import Callable
from pathlib import Path

from focal_omr.experiment.grid import Grid
from focal_omr.experiment.prepare import prepare
from focal_omr.experiment.report import write_report
from focal_omr.experiment.runs import do_runs, runs_of
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
    """Make the sets, do the runs, write the report.

    Args:
        grid: The study.
        folder: Where everything goes. A study that was interrupted goes on from there, and a run that is done
            is not done again; with more seeds or losses only the new ones are.
        data: A tree or an archive in PrIMuS layout; None composes and engraves staves.
        workers: Runs at a time; None: as many as there are cores for their threads.
        progress: Called now and then with the steps of training that are done.

    Raises:
        ConfigError: The grid is wrong, or the folder holds runs or sets of another making.
        DataError: The data do not allow what the grid wants.
        OutputError: The folder cannot be written, or another study is at work in it.
        OmrError: A run's process died.
    """
    make_writable(folder)
    with lock_folder(folder, other="another study"):
        runs = runs_of(grid, sets := prepare(grid, folder, data), folder)
        at_once = workers or max(1, cores() // runs[0].config.threads)
        do_runs(runs, workers=at_once, progress=progress)
        for place in (folder, folder / "figures", *(run.folder for run in runs)):
            remove_parts(place)  # of runs that were killed
        write_report(grid, sets, runs, folder)
