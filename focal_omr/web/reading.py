"""The worker that reads uploaded documents: `DocumentReader` with progress, page images and a JSON document.

Everything that is shown or exported later comes from these files; the upload itself is not kept.
"""

import json
import logging
import sqlite3
import time
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from focal_omr.batch.manifest import DocumentRecord
from focal_omr.batch.worker import DocumentReader, ReadOptions, ReadTask
from focal_omr.errors import ImageError, OutputError
from focal_omr.runtime.atomic_files import write_atomic
from focal_omr.web.store import Store

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from focal_omr.recognize import Progress

__all__ = ["DOCUMENT", "UPLOAD", "JobReader", "JobTask", "picture_name"]

logger = logging.getLogger(__name__)

UPLOAD, DOCUMENT = "upload", "document.json"
_LONG_SIDE_PX = 3000  # of a stored page image: a page at 260 dpi, more than a screen shows
_JPEG_QUALITY = 85
_PROGRESS_S = 0.2  # between two progress updates: each is a write to the database


@dataclass(frozen=True)
class JobTask(ReadTask):
    """An uploaded document: `file` is the upload in the folder of its job, `name` its name for the client.

    Attributes:
        job: Id of the job.
    """

    job: str = ""

    @property
    def label(self) -> str:
        """The document's name in messages, which never show folders of the server."""
        return self.name

    def load(self) -> tuple[bytes, int]:
        """The bytes of the upload, and no modification time.

        Raises:
            OutputError: The server cannot read its file.
        """
        try:
            return self.file.read_bytes(), 0
        except OSError:
            logger.exception("reading %s", self.job)
            raise OutputError(f"{self.name}: the server cannot read its files") from None


def picture_name(page: int) -> str:
    """File name of a page image, in the folder of its job."""
    return f"page-{page}.jpg"


class JobReader(DocumentReader):
    """Reads uploaded documents into the folders of their jobs.

    Args:
        data: Folder of the store.
        model: As for `Recognizer`.
        threads: CPU threads.
        max_pages: Largest number of pages of a document.
    """

    def __init__(self, data: Path, *, model: str, threads: int, max_pages: int) -> None:
        super().__init__(ReadOptions(model=model), threads=threads)
        self.data, self.max_pages = data, max_pages

    def __getstate__(self) -> dict[str, Any]:
        """The state without what each process opens for itself."""
        return {name: value for name, value in super().__getstate__().items() if name != "store"}

    @cached_property
    def store(self) -> Store:
        """The job store, opened on first use."""
        return Store(self.data)

    def process(self, task: ReadTask, data: bytes, record: DocumentRecord) -> DocumentRecord:
        """Read one document, report progress to the store and write its files.

        Args:
            task: A `JobTask`.
            data: Its bytes.
            record: What is known of it.

        Raises:
            ImageError: It has too many pages.
            OutputError: The server cannot write its files.
            OmrError: It cannot be read.
        """
        assert isinstance(task, JobTask)
        from focal_omr.page.load import count_pages

        total = count_pages(data, name=task.name)
        if total > self.max_pages:
            raise ImageError(f"{task.name}: {total} pages; this server reads at most {self.max_pages}")
        folder, reported = task.file.parent, time.monotonic()

        def report(pages: int = 0, staves: int = 0, share: float = 0.0) -> None:
            done = min((pages + share) / total, 0.99)  # 1 only once the result is there
            self.store.advance(task.job, done, pages=total, pages_read=pages, staves_read=staves)

        def on_progress(progress: "Progress") -> None:
            nonlocal reported
            if progress.picture is not None:
                _write_page_image(progress.picture, folder / picture_name(progress.pages))
            if time.monotonic() - reported >= _PROGRESS_S:
                reported = time.monotonic()
                report(progress.pages, progress.staves, progress.share)

        try:
            report()
            document = self.recognizer.read(data, name=task.name, progress=on_progress)
            report(len(document.pages), len(document.staves))
            text = json.dumps(document.to_json(), separators=(",", ":"))
            write_atomic(folder / DOCUMENT, text.encode())
        except (OutputError, sqlite3.Error):  # a full disk, say; the message would name the server's folders
            logger.exception("reading %s", task.job)
            raise OutputError(f"{task.name}: the server cannot write its files") from None
        return replace(record, pages=len(document.pages), staves=len(document.staves))


def _write_page_image(gray: "NDArray[np.uint8]", path: Path) -> None:
    """Write a page, (H, W) gray values, as a JPEG file with no side longer than 3000 pixels."""
    import cv2

    scale = _LONG_SIDE_PX / max(gray.shape)
    if scale < 1:
        gray = cv2.resize(gray, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    jpeg = cv2.imencode(".jpg", gray, (cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY))[1]
    write_atomic(path, bytes(jpeg))
