"""A job is read, in a process of its own: the document as JSON, and its pages as pictures, become files.

All that is shown and written later comes from these files; the file that was uploaded is not kept.
"""

import json
import logging
import sqlite3
import time
import traceback
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from focal_omr.errors import ImageError, OmrError, OutputError
from focal_omr.runtime.atomic_files import write_atomic
from focal_omr.web.store import Store

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from focal_omr.recognize import Progress, Recognizer

__all__ = ["DOCUMENT", "UPLOAD", "JobReader", "Task", "picture_name"]

logger = logging.getLogger(__name__)

UPLOAD, DOCUMENT = "upload", "document.json"
_LONG_SIDE_PX = 3000  # of a picture that is kept: a page at 260 dpi, more than a screen shows
_JPEG_QUALITY = 85
_SAY_S = 0.2  # between notes of progress: each is a write to the database


@dataclass(frozen=True)
class Task:
    """A job to read: its id, the folder of its files, and what its file is called."""

    job: str
    folder: Path
    name: str


def picture_name(page: int) -> str:
    """The file of a page's picture, in the folder of its job."""
    return f"page-{page}.jpg"


class JobReader:
    """Reads jobs one after the other, with one network.

    Args:
        data: Folder of the store.
        model, threads: As of `Recognizer`.
        pages: That a document may have.
    """

    def __init__(self, data: Path, *, model: str, threads: int, pages: int) -> None:
        self.data, self.model, self.threads = data, model, threads
        self.pages = pages
        self._recognizer: Recognizer | None = None
        self._store: Store | None = None

    def __getstate__(self) -> dict[str, Any]:
        """Without what each process opens for itself."""
        return {**self.__dict__, "_recognizer": None, "_store": None}

    def __call__(self, task: Task | None) -> str:
        """Read a job; why it failed, "" where it did not. None opens the network and no more."""
        try:
            self._open()
            if task is not None:
                self._read(task)
        except (OutputError, sqlite3.Error):  # a full disk; a message would name the server's folders
            logger.exception("reading")
            return f"{'the document' if task is None else task.name}: the server cannot write its files"
        except OmrError as error:
            return " ".join(str(error).split())
        except MemoryError:
            return _no_memory(task)
        except Exception as error:  # a defect of this program fails one job
            if "bad_alloc" in str(error) or "Insufficient memory" in str(error):
                return _no_memory(task)
            place = traceback.extract_tb(error.__traceback__)[-1]
            name = "the document" if task is None else task.name
            return (
                f"{name}: a defect of this program: {error!r} in {Path(place.filename).name}:{place.lineno}"
            )
        return ""

    def _open(self) -> None:
        if self._recognizer is None:
            import cv2

            from focal_omr.recognize import Recognizer

            cv2.setNumThreads(self.threads)
            self._recognizer = Recognizer(model=self.model, threads=self.threads)
            self._store = Store(self.data)

    def _read(self, task: Task) -> None:
        from focal_omr.page.load import count_pages

        assert self._recognizer is not None
        assert self._store is not None
        data = (task.folder / UPLOAD).read_bytes()
        pages = count_pages(data, name=task.name)
        if pages > self.pages:
            raise ImageError(f"{task.name}: {pages} pages, at most {self.pages} are read here")
        told = _Told(self._store, task, pages)
        document = self._recognizer.read(data, name=task.name, progress=told)
        told.write(len(document.pages), len(document.staves))
        text = json.dumps(document.to_json(), separators=(",", ":"))
        write_atomic(task.folder / DOCUMENT, text.encode())


class _Told:
    """Keeps the pictures of pages that were read, and writes down how far the job is."""

    def __init__(self, store: Store, task: Task, pages: int) -> None:
        self.store, self.task, self.pages = store, task, pages
        self.said = time.monotonic()
        store.advance(task.job, 0.0, pages=pages)

    def __call__(self, progress: "Progress") -> None:
        if progress.picture is not None:
            keep_picture(progress.picture, self.task.folder / picture_name(progress.pages))
        now = time.monotonic()
        if now - self.said >= _SAY_S:
            self.said = now
            self.write(progress.pages, progress.staves, progress.share)

    def write(self, pages: int, staves: int, share: float = 0.0) -> None:
        """So many pages and staves are read, and a share of the page in work."""
        self.store.advance(
            self.task.job,
            min((pages + share) / self.pages, 0.99),  # all of it is said when the result is there
            pages=self.pages,
            pages_read=pages,
            staves_read=staves,
        )


def keep_picture(gray: "NDArray[np.uint8]", path: Path) -> None:
    """Write a page, (H, W) gray values, as a JPEG file with no side longer than 3000 pixels."""
    import cv2

    scale = _LONG_SIDE_PX / max(gray.shape)
    if scale < 1:
        gray = cv2.resize(gray, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    jpeg = cv2.imencode(".jpg", gray, (cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY))[1]
    write_atomic(path, bytes(jpeg))


def _no_memory(task: Task | None) -> str:
    name = "the document" if task is None else task.name
    return f"{name}: reading it takes more memory than a document may have here"
