"""The reader of one document after the other: from a task to the content of its files, as plain values.

It works in this process, in one of its own, or on another machine, and gives the same bytes everywhere; what
it gives is written elsewhere (`many`). What reading needs is imported by the reader when it reads, so that a
process which only gives tasks out does without.
"""

import hashlib
import json
import time
import traceback
from collections.abc import Generator, Iterable, Mapping
from contextlib import closing
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from focal_omr import __version__
from focal_omr.batch.manifest import Entry, content_digest
from focal_omr.batch.outputs import PICTURE_SUFFIXES, STDIN, OutputOptions, document_results
from focal_omr.errors import ImageError, OmrError
from focal_omr.runtime.worker_processes import Lost, ProcessLimits, map_in_processes

if TYPE_CHECKING:
    from focal_omr.document.document import Document
    from focal_omr.recognize import Recognizer

__all__ = [
    "Outcome",
    "ReadOptions",
    "Reader",
    "Task",
    "outcome_of",
    "read_in_processes",
]


@dataclass(frozen=True)
class ReadOptions:
    """What results depend on besides the document.

    Attributes:
        outputs: Keys of `batch.OUTPUTS`.
        output: How they are written.
        model: As of `Recognizer`.
        beam_width: As of `Recognizer`; None: its own default.
        pages: Which pages, such as "1,3-5"; None: all.
    """

    outputs: tuple[str, ...] = ("musicxml", "midi")
    output: OutputOptions = field(default_factory=OutputOptions)
    model: str = "default"
    beam_width: int | None = None
    pages: str | None = None

    def digest(self) -> str:
        """Of all that they are, with the model's content. Raises ModelError where it cannot be read."""
        from focal_omr.onnx_model import model_digest

        values = {**asdict(self), "model": model_digest(self.model), "version": __version__}
        return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()


@dataclass(frozen=True)
class Task:
    """One document to read.

    Attributes:
        file: Its path, or `STDIN`.
        name: Of its results, without suffix.
        data: Its bytes, where it has no file.
    """

    file: Path
    name: str
    data: bytes | None = field(default=None, repr=False)

    @property
    def label(self) -> str:
        """What messages and results call it."""
        return self.name if self.file == STDIN else str(self.file)


@dataclass(frozen=True)
class Outcome:
    """What came of a task, as plain values that go from process to process.

    Attributes:
        error: Why there are no results.
        results: Content of the files by their names.
        pages, staves, symbols, confidence, seconds: As of `manifest.Entry`.
        size, modified, sha256: What tells the input from others, as of `manifest.Entry`.
        warnings: Of the document.
        document: `Document.to_json()`, where it is wanted.
    """

    error: str | None = None
    results: Mapping[str, bytes] = field(default_factory=dict, repr=False)
    pages: int = 0
    staves: int = 0
    symbols: int = 0
    confidence: float = 0.0
    seconds: float = 0.0
    size: int = -1
    modified: int = 0
    sha256: str = ""
    warnings: tuple[str, ...] = ()
    document: dict[str, Any] | None = None

    def entry(self, task: Task, work: str) -> Entry:
        """Its line of the manifest."""
        return Entry(
            file=task.label,
            name=task.name,
            status="failed" if self.error else "read",
            error=self.error,
            pages=self.pages,
            staves=self.staves,
            symbols=self.symbols,
            confidence=round(self.confidence, 4),
            seconds=round(self.seconds, 3),
            outputs={name: len(content) for name, content in self.results.items()},
            size=self.size,
            modified=self.modified,
            sha256=self.sha256,
            work=work,
        )


class Reader:
    """Reads tasks one after the other with one network, which is opened when the first one comes.

    Args:
        options: How.
        threads: Threads to compute with; 0 means all cores.
        batch: Staves that go through the network together; None: as `Recognizer` has it.
        with_document: Whether outcomes hold everything that was read.
    """

    def __init__(
        self,
        options: ReadOptions,
        *,
        threads: int = 1,
        batch: int | None = None,
        with_document: bool = False,
    ) -> None:
        self.options, self.threads, self.batch, self.with_document = options, threads, batch, with_document
        self._recognizer: "Recognizer | None" = None  # noqa: UP037  # a name for the type checker alone

    def __getstate__(self) -> dict[str, Any]:
        """Without the network, which each process opens for itself."""
        return {**self.__dict__, "_recognizer": None}

    def open(self) -> None:
        """Open the network now. Raises ModelError where it cannot be used."""
        if self._recognizer is None:
            import cv2

            from focal_omr.decode import BEAM_WIDTH
            from focal_omr.onnx_model import BATCH_SIZE
            from focal_omr.recognize import Recognizer

            if self.threads:
                cv2.setNumThreads(self.threads)
            beam = BEAM_WIDTH if self.options.beam_width is None else self.options.beam_width
            batch = BATCH_SIZE if self.batch is None else self.batch
            self._recognizer = Recognizer(
                model=self.options.model, threads=self.threads, beam_width=beam, batch_size=batch
            )

    def __call__(self, task: Task) -> Outcome:
        """Read a document and make the content of its files; what goes wrong is in the outcome."""
        start = time.perf_counter()
        outcome = Outcome()
        try:
            data, modified = _bytes_of(task)
            outcome = Outcome(size=len(data), modified=modified, sha256=content_digest(data))
            outcome = self._read(task, data, outcome)
        except OmrError as error:
            outcome = replace(outcome, error=str(error))
        except MemoryError:  # whoever set the limit knows what to say
            raise
        except Exception as error:  # a defect of this program stops one document, not the batch
            place = traceback.extract_tb(error.__traceback__)[-1]
            where = f"{Path(place.filename).name}:{place.lineno}"
            message = f"{task.label}: a defect of this program, please report it: {error!r} in {where}"
            outcome = replace(outcome, error=message)
        return replace(outcome, seconds=time.perf_counter() - start)

    def _read(self, task: Task, data: bytes, outcome: Outcome) -> Outcome:
        self.open()
        assert self._recognizer is not None
        document = self._recognizer.read(data, name=task.label, pages=self.options.pages)
        results = document_results(
            document, task.name, self.options.outputs, self.options.output, source=data
        )
        return replace(
            outcome,
            results=results,
            pages=len(document.pages),
            staves=len(document.staves),
            symbols=len(document.symbols),
            confidence=_mean_confidence(document),
            warnings=document.warnings,
            document=document.to_json() if self.with_document else None,
        )


def _bytes_of(task: Task) -> tuple[bytes, int]:
    """The document's bytes and the time they are from. Raises ImageError where there are none."""
    if task.data is not None:
        return task.data, 0
    if task.file.is_dir():
        raise ImageError(f"{task.file}: a folder without pictures (*{', *'.join(PICTURE_SUFFIXES)})")
    from focal_omr.images.load import read_file

    try:  # before it is read: what changes meanwhile is then read again, not taken for this
        modified = task.file.stat().st_mtime_ns
    except OSError:  # reading it says why
        modified = 0
    return read_file(task.file), modified


def _mean_confidence(document: "Document") -> float:
    symbols = document.symbols
    return sum(symbol.confidence for symbol in symbols) / len(symbols) if symbols else 0.0


def read_in_processes(
    reader: Reader, tasks: Iterable[Task], *, workers: int, limit_s: float, memory_mb: int | None = None
) -> Generator[tuple[Task, Outcome], None, None]:
    """Each task with its outcome, in the order in which they are done.

    A document that ends its process, takes longer than `limit_s` seconds, or needs more than `memory_mb`
    megabytes, fails alone. Outcomes are not kept: memory does not grow with the number of documents.
    """
    limits = ProcessLimits(limit_s, memory_mb)
    found = map_in_processes(reader, tasks, workers=workers, limits=limits, in_order=False)
    with closing(found) as results:  # an interrupt ends the processes at once
        for task, result in results:
            yield task, outcome_of(task, result)


def outcome_of(task: Task, result: Outcome | Lost) -> Outcome:
    """The outcome, where a process may have been lost."""
    return Outcome(error=f"{task.label}: {result.reason}") if isinstance(result, Lost) else result
