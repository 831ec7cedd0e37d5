"""What the server allows: every limit in one record, each with its reason."""

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from focal_omr.images.header import MAX_PICTURE_PX

if TYPE_CHECKING:
    from focal_omr.runtime.worker_processes import ProcessLimits

__all__ = ["MB", "Settings", "default_data_folder"]

MB = 2**20
_NICENESS = 10  # the server answers at once while all cores read


@dataclass(frozen=True)
class Settings:
    """How a server works and what it refuses.

    Attributes:
        data: Folder of the jobs and their files; made where it is missing.
        model: As of `Recognizer`.
        workers: Processes that read, each one job at a time.
        threads: Threads to compute with, all workers together; 0: all cores.
        upload_bytes: Of one file. A book of 200 scanned pages in two colours has 20 MB.
        pages: Of one document. At a second a page, 200 pages keep the others waiting for minutes.
        pixels: Of one picture, as it is stored; what the reader takes.
        seconds: That reading one job may take. 200 pages of a second each on a machine with other work.
        memory_mb: Of data that a process may have. A page of 100 million gray pixels is read with 1,000
            and not with 600 (observed), one of eight staves at 300 dpi with 400; more colours take more.
        queued: Jobs that wait. More than this many would wait for hours.
        attempts: Times that a job is begun before it is given up; more than one only where the server was
            killed meanwhile, which the job may have caused.
        rate: Uploads a minute of one client's address; 0: any number.
        expire_s: Seconds after which a job and all its files are removed.
        stored_bytes: Of all jobs together. A page of eight staves keeps 0.6 MB, five times as much with
            everything that can be made of it.
        changes: Of one document, undone ones included. Each keeps the staves it changed, a few kB.
        view_s: Seconds that making a view or a file may take. A page of eight staves takes 0.1 (observed).
        views_waiting: Requests that wait for the process that makes them.
        hosts: Names by which the server may be called, beside those of this machine; "*": any.
        token: That clients have to show; "": none is asked for.
        warm: Whether processes load at the start what the first request would wait for.
    """

    data: Path
    model: str = "default"
    workers: int = 1
    threads: int = 0
    upload_bytes: int = 50 * MB
    pages: int = 200
    pixels: int = MAX_PICTURE_PX
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
        """Threads of one worker: all together use no more than there are cores."""
        from focal_omr.runtime.worker_processes import cores  # not at the top: `--help` loads this module

        return max(1, (self.threads or cores()) // max(1, self.workers))

    def process_limits(self, seconds: float) -> "ProcessLimits":
        """Limits of a process that works for the server and leaves the server responsive."""
        from focal_omr.runtime.worker_processes import ProcessLimits

        return ProcessLimits(seconds, self.memory_mb or None, _NICENESS)


def default_data_folder() -> Path:
    """A folder of the user's caches: what lies there expires anyway."""
    if local := os.environ.get("LOCALAPPDATA"):  # Windows
        return Path(local) / "focal-omr" / "server"
    caches = os.environ.get("XDG_CACHE_HOME")
    return (Path(caches) if caches else Path.home() / ".cache") / "focal-omr" / "server"
