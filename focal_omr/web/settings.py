"""Settings of the server: its limits, with the reason for each default."""

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from focal_omr.images.header import MAX_IMAGE_PX

if TYPE_CHECKING:
    from focal_omr.runtime.worker_processes import ProcessLimits

__all__ = ["MB", "Settings", "default_data_folder"]

MB = 2**20
_NICENESS = 10  # the server answers at once while all cores read


@dataclass(frozen=True)
class Settings:
    """Settings of a server.

    Attributes:
        data: Folder of the jobs and their files, created if missing.
        model: Like the argument of `Recognizer`.
        workers: Reading processes; each reads one job at a time.
        threads: Compute threads of all workers together; 0: all cores.
        upload_bytes: Maximum size of a file. A book of 200 bilevel pages has 20 MB.
        pages: Maximum pages of a document. At a second per page, 200 block the queue for minutes.
        pixels: Maximum pixels of an image as stored; the reader's own limit.
        seconds: Timeout of reading a job: 200 pages at a second each, on a busy machine.
        memory_mb: Memory limit of a worker process. A page of 100 million grey pixels is read with 1,000 and
            not with 600 (observed), one of eight staves at 300 dpi with 400; colour images take more.
        queued: Maximum queue length. A longer queue would take hours.
        attempts: Attempts to read a job. Only a server killed during reading, possibly because of the job,
            causes a second one.
        rate: Uploads per minute and client address; 0: no limit.
        expire_s: Seconds after which a job and all its files are removed.
        stored_bytes: Maximum size of all jobs. A page of eight staves takes 0.6 MB, and five times as much
            with all its views and files cached.
        changes: Maximum length of a document's edit history, undone edits included. Each keeps the edited
            staves, a few kB.
        view_s: Timeout of rendering a view or a file. A page of eight staves takes 0.1 (observed).
        views_waiting: Maximum requests waiting for the view worker.
        hosts: Accepted host names beside those of this machine; "*": any.
        token: Access token; "": none is required.
        warm: Whether workers load models and modules at startup rather than on the first request.
    """

    data: Path
    model: str = "default"
    workers: int = 1
    threads: int = 0
    upload_bytes: int = 50 * MB
    pages: int = 200
    pixels: int = MAX_IMAGE_PX
    seconds: float = 600.0
    memory_mb: int = 2000
    queued: int = 200
    attempts: int = 3
    rate: int = 0
    expire_s: float = 24 * 3600.0
    stored_bytes: int = 4000 * MB
    changes: int = 5000
    view_s: float = 60.0
    views_waiting: int = 32
    hosts: tuple[str, ...] = ()
    token: str = field(default="", repr=False)
    warm: bool = True

    @property
    def threads_each(self) -> int:
        """Threads of one worker: together they use no more than the cores."""
        from focal_omr.runtime.worker_processes import cores  # not at the top: `--help` loads this module

        return max(1, (self.threads or cores()) // max(1, self.workers))

    def process_limits(self, seconds: float) -> "ProcessLimits":
        """Limits of a process that works for the server and leaves the server responsive."""
        from focal_omr.runtime.worker_processes import ProcessLimits

        return ProcessLimits(seconds, self.memory_mb or None, _NICENESS)


def default_data_folder() -> Path:
    """The default data folder, in the user's cache folder since its content expires."""
    if local := os.environ.get("LOCALAPPDATA"):  # Windows
        return Path(local) / "focal-omr" / "server"
    caches = os.environ.get("XDG_CACHE_HOME")
    return (Path(caches) if caches else Path.home() / ".cache") / "focal-omr" / "server"
