"""Worker that reads documents one after the other, for the command line, for Ray and for the server.

It runs in a worker process or on another machine, takes tasks and returns records as plain values, and gives
the same bytes everywhere. Reading imports its dependencies on the first document, so that a process that only
hands out tasks does not load it.
"""

import hashlib
import json
import time
import traceback
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from focal_omr import __version__
from focal_omr.batch.manifest import DocumentRecord, content_digest
from focal_omr.batch.outputs import IMAGE_SUFFIXES, STDIN, OutputOptions, document_results
from focal_omr.errors import ImageError, OmrError

if TYPE_CHECKING:
    from focal_omr.recognize import Recognizer

__all__ = ["DocumentReader", "ReadOptions", "ReadTask"]


@dataclass(frozen=True)
class ReadOptions:
    """Options that the results of a document depend on.

    Attributes:
        outputs: Keys of `batch.outputs.OUTPUTS`.
        output: How they are written.
        model: An ONNX file, or "default".
        beam_width: Beam width, 0 for greedy decoding; None: the default of `Recognizer`.
        pages: Which pages, such as "1,3-5"; None: all.
    """

    outputs: tuple[str, ...] = ("musicxml", "midi")
    output: OutputOptions = field(default_factory=OutputOptions)
    model: str = "default"
    beam_width: int | None = None
    pages: str | None = None

    def digest(self) -> str:
        """Return a digest of the options, the content of the model and the version.

        Raises:
            ModelError: The model cannot be read.
        """
        from focal_omr.onnx_model import model_digest

        values = {**asdict(self), "model": model_digest(self.model), "version": __version__}
        return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()


@dataclass(frozen=True)
class ReadTask:
    """One document to read.

    Attributes:
        file: Its path, or `STDIN`.
        name: File name of the results without suffix.
        data: Its bytes, if it has no file.
    """

    file: Path
    name: str
    data: bytes | None = field(default=None, repr=False)

    @property
    def label(self) -> str:
        """The document's name in messages and results."""
        return self.name if self.file == STDIN else str(self.file)

    def load(self) -> tuple[bytes, int]:
        """Return the bytes of the document, and its modification time in nanoseconds, 0 if it has none.

        Raises:
            ImageError: The file cannot be read, or is a folder.
        """
        from focal_omr.images.load import read_file

        if self.data is not None:
            return self.data, 0
        if self.file.is_dir():
            raise ImageError(f"{self.file}: a folder without images (*{', *'.join(IMAGE_SUFFIXES)})")
        modified = 0
        with suppress(OSError):  # before reading: a later change makes --resume read it again
            modified = self.file.stat().st_mtime_ns
        return read_file(self.file), modified


class DocumentReader:
    """Reads documents with one `Recognizer`, created on first use; a failure becomes a one-line reason.

    Only a `MemoryError` is raised: the caller set the limit, and the process must not be reused.

    Args:
        options: Options of reading and writing.
        threads: CPU threads; 0: all cores.
        batch_size: Staves per network call; None: the default of `Recognizer`.
        with_document: Whether records hold the document as JSON.
    """

    def __init__(
        self,
        options: ReadOptions,
        *,
        threads: int = 1,
        batch_size: int | None = None,
        with_document: bool = False,
    ) -> None:
        self.options, self.threads = options, threads
        self.batch_size, self.with_document = batch_size, with_document

    def __getstate__(self) -> dict[str, Any]:
        """Return the state without the recognizer, which each process creates for itself."""
        return {name: value for name, value in self.__dict__.items() if name != "recognizer"}

    @cached_property
    def recognizer(self) -> "Recognizer":
        """The recognizer, created on first use. Raises ModelError if the model cannot be used."""
        import cv2

        from focal_omr.decode import BEAM_WIDTH
        from focal_omr.onnx_model import BATCH_SIZE
        from focal_omr.recognize import Recognizer

        if self.threads:
            cv2.setNumThreads(self.threads)
        return Recognizer(
            model=self.options.model,
            threads=self.threads,
            beam_width=BEAM_WIDTH if self.options.beam_width is None else self.options.beam_width,
            batch_size=BATCH_SIZE if self.batch_size is None else self.batch_size,
        )

    def __call__(self, task: ReadTask | None) -> DocumentRecord:
        """Read a document and render its outputs; None only creates the recognizer."""
        start = time.perf_counter()
        label = "the document" if task is None else task.label
        record = DocumentRecord(label, "" if task is None else task.name)
        try:
            if task is None:
                assert self.recognizer
                return record
            data, modified = task.load()
            record = replace(record, size=len(data), modified=modified, sha256=content_digest(data))
            record = self.process(task, data, record)
        except OmrError as error:
            record = replace(record, error=str(error))
        except MemoryError:
            raise
        except Exception as error:  # a bug fails one document, not the batch
            if "bad_alloc" in str(error) or "Insufficient memory" in str(error):  # ONNX Runtime, OpenCV
                raise MemoryError from None
            place = traceback.extract_tb(error.__traceback__)[-1]
            where = f"{Path(place.filename).name}:{place.lineno}"
            message = f"{label}: a bug in focal-omr, please report it: {error!r} in {where}"
            record = replace(record, error=message)
        return replace(record, seconds=time.perf_counter() - start)

    def process(self, task: ReadTask, data: bytes, record: DocumentRecord) -> DocumentRecord:
        """Read one document and render its outputs.

        Args:
            task: The document.
            data: Its bytes.
            record: Its record so far, to be completed.

        Raises:
            OmrError: It cannot be read, or an output cannot hold it.
        """
        document = self.recognizer.read(data, name=task.label, pages=self.options.pages)
        results = document_results(
            document, task.name, self.options.outputs, self.options.output, source=data
        )
        symbols = document.symbols
        confidence = sum(symbol.confidence for symbol in symbols) / len(symbols) if symbols else 0.0
        return replace(
            record,
            results=results,
            outputs={name: len(content) for name, content in results.items()},
            pages=len(document.pages),
            staves=len(document.staves),
            symbols=len(symbols),
            confidence=confidence,
            warnings=document.warnings,
            document=document.to_json() if self.with_document else None,
        )
