"""Reading of many documents: read by worker processes, written by this one, resumable after a kill.

The files of a document are written first, then its line of the manifest. Documents that the manifest lists as
read are therefore complete, and all others are read again.
"""

import errno
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import replace
from pathlib import Path

from focal_omr.batch.manifest import DocumentRecord, Manifest, open_manifest
from focal_omr.batch.outputs import STDIN, write_results
from focal_omr.batch.ray import read_on_ray
from focal_omr.batch.worker import DocumentReader, ReadOptions, ReadTask
from focal_omr.errors import ModelError, OmrError, OutputError
from focal_omr.runtime.atomic_files import make_folder
from focal_omr.runtime.worker_processes import (
    LIMIT_S,
    MEMORY_MB,
    Lost,
    ProcessLimits,
    cores,
    map_in_processes,
    run_isolated,
)

__all__ = ["SINGLE_LIMIT_S", "read_documents"]

SINGLE_LIMIT_S = 3600.0  # for a single document, which may be a book
_DISK_ERRORS = (errno.ENOSPC, errno.EROFS, getattr(errno, "EDQUOT", errno.ENOSPC))  # Windows has no EDQUOT


@contextmanager
def read_documents(
    tasks: Sequence[ReadTask],
    folder: Path,
    options: ReadOptions,
    *,
    threads: int = 0,
    batch_size: int | None = None,
    workers: int | None = None,
    limit_s: float | None = None,
    memory_mb: int = MEMORY_MB,
    on_ray: bool = False,
    with_manifest: bool = True,
    resume: bool = False,
    with_documents: bool = False,
) -> Iterator[tuple[int, Iterator[DocumentRecord]]]:
    """Read documents and write their results into a folder.

    Args:
        tasks: The documents; their names differ.
        folder: Folder of the results, made if it is missing.
        options: Options of reading and writing.
        threads: CPU threads of all workers together; 0: all cores.
        batch_size: Staves per network call; None: the default of `Recognizer`.
        workers: Worker processes; None: one per thread, on Ray one per core of the cluster.
        limit_s: Time limit of one document in seconds; None: `LIMIT_S`, for a single one `SINGLE_LIMIT_S`.
        memory_mb: Memory of each worker in megabytes.
        on_ray: Whether the workers run on a Ray cluster.
        with_manifest: Whether the folder gets a manifest.
        resume: Whether documents that the manifest lists as read are skipped.
        with_documents: Whether records hold the documents as JSON.

    Yields:
        The number of documents to read, and an iterator of their records, in the order in which they are
        read and written.

    Raises:
        ModelError: The model cannot be used.
        OutputError: The folder or its manifest cannot be written, the disk is full, or another run is at
            work in the folder.
        ConfigError: Ray is not installed.
    """
    single = len(tasks) == 1
    limits = ProcessLimits(limit_s or (SINGLE_LIMIT_S if single else LIMIT_S), memory_mb)
    processes = workers or max(1, min(threads or cores(), len(tasks)))
    threads_each = threads if single else 1 if on_ray else max(1, (threads or cores()) // processes)
    reader = DocumentReader(
        options, threads=threads_each, batch_size=batch_size, with_document=with_documents
    )
    if not single or on_ray:  # an unusable model is one error, not one for each document
        probe = run_isolated(reader, None, name=options.model, limits=limits, error=ModelError)
        if probe.error is not None:
            raise ModelError(probe.error)
    with ExitStack() as stack:
        manifest, options_digest, pending = None, "", list(tasks)
        if with_manifest:
            make_folder(folder)
            options_digest = options.digest()
            files = {task.name: task.file for task in tasks}

            def keep_record(record: DocumentRecord) -> bool:
                if (file := files.get(record.name)) is None:  # of another run: its results stay
                    return record.error is None
                return file != STDIN and record.is_current(file, folder, options_digest)

            manifest = stack.enter_context(open_manifest(folder, keep=keep_record if resume else None))
            pending = [task for task in tasks if task.name not in manifest.records]
        results = (
            read_on_ray(reader, pending, workers=workers, limits=limits)
            if on_ray
            else map_in_processes(
                reader, pending, workers=min(processes, len(pending)), limits=limits, in_order=False
            )
        )
        stack.enter_context(closing(results))  # an interrupt ends the workers at once
        yield len(pending), _written(results, folder, manifest, options_digest)


def _written(
    results: Iterable[tuple[ReadTask, DocumentRecord | Lost]],
    folder: Path,
    manifest: Manifest | None,
    options_digest: str,
) -> Generator[DocumentRecord, None, None]:
    """Write each document as it comes, then its line of the manifest."""
    for task, record in results:
        if isinstance(record, Lost):
            record = DocumentRecord(task.label, task.name, error=f"{task.label}: {record.reason}")
        if record.error is None:
            try:
                write_results(record.results, folder)
            except OmrError as error:
                cause = error.__cause__
                if manifest is not None and isinstance(cause, OSError) and cause.errno in _DISK_ERRORS:
                    raise OutputError(f"{error}; free some space and use --resume") from error
                record = replace(record, error=str(error), outputs={}, results={})
        record = replace(record, work=options_digest)
        if manifest is not None:
            manifest.append(record)
        yield record
