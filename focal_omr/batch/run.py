"""Many documents: read side by side, written by one process, so that a killed run can go on.

All files of a document are written, then its line of the manifest: what the manifest calls read is there as
a whole, and what it does not name is read again.
"""

import errno
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from focal_omr.batch.manifest import Entry, Manifest, open_manifest
from focal_omr.batch.outputs import STDIN, write_results
from focal_omr.batch.ray import read_on_ray
from focal_omr.batch.worker import Outcome, Reader, ReadOptions, Task, read_in_processes
from focal_omr.errors import ModelError, OmrError, OutputError
from focal_omr.runtime.atomic_files import make_folder
from focal_omr.runtime.worker_processes import LIMIT_S, MEMORY_MB, ProcessLimits, cores, run_isolated

__all__ = ["ALONE_LIMIT_S", "Batch"]

Outcomes = Generator[tuple[Task, Outcome], None, None]

ALONE_LIMIT_S = 3600.0  # of a single document, which may be a book
_DISK_ERRORS = (errno.ENOSPC, errno.EROFS, getattr(errno, "EDQUOT", errno.ENOSPC))  # the last not on Windows


@dataclass(frozen=True)
class Batch:
    """Documents to read, and how.

    Attributes:
        tasks: The documents; their names differ.
        folder: Where results go; made where it is missing.
        options: What results depend on.
        threads: Threads to compute with, all readers together; 0: all cores.
        together: Staves that go through the network together; None: as `Recognizer` has it.
        workers: Processes that read, none of them this one; None: one a thread.
        limit_s: Seconds after which a document is given up; None: that of `contained`, or
            `ALONE_LIMIT_S` of a single document.
        memory_mb: Megabytes that a process which reads may hold.
        on_ray: Whether Ray runs the readers.
        with_manifest: Whether the folder gets a manifest.
        resume: Whether what its manifest holds as done is left out.
        with_documents: Whether outcomes hold everything that was read.
    """

    tasks: tuple[Task, ...]
    folder: Path
    options: ReadOptions
    threads: int = 0
    together: int | None = None
    workers: int | None = None
    limit_s: float | None = None
    memory_mb: int = MEMORY_MB
    on_ray: bool = False
    with_manifest: bool = True
    resume: bool = False
    with_documents: bool = False

    @contextmanager
    def read(self) -> Iterator[tuple[int, Outcomes]]:
        """Read and write what is to do.

        Yields:
            How many documents that are, and each with its outcome, in the order in which they are done and
            written.

        Raises:
            ModelError: The model cannot be used.
            OutputError: The folder or its manifest cannot be written, the disk is full, or another run is at
                work there.
            ConfigError: Ray is wanted and not installed.
        """
        reader = Reader(
            self.options,
            threads=self._threads_each,
            batch=self.together,
            with_document=self.with_documents,
        )
        if len(self.tasks) > 1 or self.on_ray:
            self._try_model()
        if not self.with_manifest:
            with closing(self._write(reader, self.tasks, None, "")) as outcomes:
                yield len(self.tasks), outcomes
            return
        make_folder(self.folder)
        work = self.options.digest()
        files = {task.name: task.file for task in self.tasks}

        def is_done(entry: Entry) -> bool:
            if (file := files.get(entry.name)) is None:
                return (
                    entry.status == "read"
                )  # not asked for this time; its results stay, and so does its line
            return file != STDIN and entry.holds(file, self.folder, work)

        with open_manifest(self.folder, keep=is_done if self.resume else None) as manifest:
            todo = [task for task in self.tasks if task.name not in manifest.entries]
            with closing(self._write(reader, todo, manifest, work)) as outcomes:
                yield len(todo), outcomes

    def _try_model(self) -> None:
        """So that a model that cannot be used is one error, before any work; a file may be anything."""
        limits = ProcessLimits(self._limit_s, self.memory_mb)
        run_isolated(_open, self.options, name=self.options.model, limits=limits, error=ModelError)

    @property
    def _limit_s(self) -> float:
        if self.limit_s is not None:
            return self.limit_s
        return LIMIT_S if len(self.tasks) > 1 else ALONE_LIMIT_S

    @property
    def _workers(self) -> int:
        return self.workers or max(1, min(self.threads or cores(), len(self.tasks)))

    @property
    def _threads_each(self) -> int:
        if len(self.tasks) == 1:
            return self.threads
        return 1 if self.on_ray else max(1, (self.threads or cores()) // self._workers)

    def _write(self, reader: Reader, tasks: Sequence[Task], manifest: Manifest | None, work: str) -> Outcomes:
        """Read; write each document as it comes, and its line of the manifest after it."""
        with closing(self._read(reader, tasks)) as outcomes:
            for task, outcome in outcomes:
                if outcome.error is None:
                    try:
                        write_results(outcome.results, self.folder, name=task.label)
                    except OmrError as error:
                        if manifest is not None and _is_of_the_disk(error):
                            raise OutputError(f"{error}; --resume goes on from here") from error
                        outcome = replace(outcome, error=str(error), results={})
                if manifest is not None:
                    manifest.append(outcome.entry(task, work))
                yield task, outcome

    def _read(self, reader: Reader, tasks: Sequence[Task]) -> Outcomes:
        if not tasks:
            return
        limit_s, memory_mb = self._limit_s, self.memory_mb
        if self.on_ray:
            found = read_on_ray(reader, tasks, workers=self.workers, limit_s=limit_s, memory_mb=memory_mb)
        else:
            workers = min(self._workers, len(tasks))
            found = read_in_processes(reader, tasks, workers=workers, limit_s=limit_s, memory_mb=memory_mb)
        yield from found


def _is_of_the_disk(error: OmrError) -> bool:
    """Whether nothing else can be written either: reading on would be for nothing."""
    return isinstance(error.__cause__, OSError) and error.__cause__.errno in _DISK_ERRORS


def _open(options: ReadOptions) -> None:
    Reader(options).open()
