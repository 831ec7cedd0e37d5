"""The view worker: renders views and files and applies edits, in a separate process."""

import json
import logging
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from focal_omr.errors import OmrError, OutputError
from focal_omr.runtime.atomic_files import write_atomic
from focal_omr.web.reading import DOCUMENT, picture_name
from focal_omr.web.store import Selection
from focal_omr.web.view_requests import FORMATS, DocumentRevision, Done, Edited, Rejected, ViewRequest

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from focal_omr.document.document import Document, Page
    from focal_omr.page.load import PageImage

__all__ = ["ViewWorker"]

logger = logging.getLogger(__name__)

_CACHED = 4  # documents; a book of 200 pages takes 50 MB


class ViewWorker:
    """Handles requests one at a time and caches the last few documents.

    Modules that load numpy, OpenCV or Verovio are imported in the methods: this class is pickled by the
    server, which loads none of them.
    """

    def __init__(self) -> None:
        self._cache: OrderedDict[tuple[str, int], tuple[Mapping[tuple[int, int], Any], Document]] = (
            OrderedDict()
        )

    def __call__(self, request: ViewRequest | None) -> Edited | Done | Rejected:
        """Handle a request; None only warms up the process: imports take a second or two."""
        if request is None:
            import focal_omr.batch.outputs
            import focal_omr.editing.apply
            import focal_omr.editing.history
            import focal_omr.web.playback
            import focal_omr.web.samples
            import focal_omr.web.view  # noqa: F401

            return Done()
        name = request.document.name
        try:
            return self._handle(request)
        except OutputError:  # whose message names the server's folders
            logger.exception("%s of %s", request.kind, request.document.job)
            return Rejected(503, "the server cannot write its files; please try again later")
        except OmrError as error:
            return Rejected(422, " ".join(str(error).split()))
        except FileNotFoundError:  # deleted meanwhile
            return Rejected(404, "there is no such document")
        except MemoryError:
            self._cache.clear()
            return Rejected(503, f"{name}: this takes more memory than there is")

    def _handle(self, request: ViewRequest) -> Edited | Done | Rejected:
        document = self._load_document(request.document)
        if request.kind == "edit":
            return self._edit(document, request)
        if request.kind == "selection":
            return Edited(_edit_response(document, request.document, request.place), request.place, {})
        if request.kind == "page" and all(page.number != request.page for page in document.pages):
            return Rejected(404, f"there is no page {request.page}")
        if request.kind == "overlay.png" and len(document.pages) > 1:
            return Rejected(404, "a document of several pages has an overlay.pdf")
        assert request.target is not None
        write_atomic(request.target, _render(document, request))
        return Done()

    def _load_document(self, revision: DocumentRevision) -> "Document":
        """The document at a revision; a cached one is used only if its edits are the same."""
        cached = self._cache.get((revision.job, revision.revision))
        if cached is not None and cached[0] == revision.staves:
            self._cache.move_to_end((revision.job, revision.revision))
            return cached[1]
        if revision.staves:
            from focal_omr.editing.history import restore_symbols

            as_read = self._load_document(replace(revision, revision=-1, staves={}))
            document = restore_symbols(as_read, revision.staves)
        else:
            from focal_omr.document.assemble import document_from_json

            document = document_from_json(json.loads((revision.folder / DOCUMENT).read_bytes()))
        self._store(revision, document)
        return document

    def _store(self, revision: DocumentRevision, document: "Document") -> None:
        self._cache[revision.job, revision.revision] = (revision.staves, document)
        while len(self._cache) > _CACHED:
            self._cache.popitem(last=False)

    def _edit(self, document: "Document", request: ViewRequest) -> Edited:
        from focal_omr.editing.apply import Place, apply_edit
        from focal_omr.editing.history import staff_symbols_json

        before = request.document
        result = apply_edit(document, Place(*request.place), request.edit)
        place = (result.place.page, result.place.staff, result.place.symbol)
        readings = {
            (page.number, index): reading
            for page in result.document.pages
            for index, reading in enumerate(page.staves)
        }
        staves = {where: staff_symbols_json(readings[where]) for where in result.staves}
        after = replace(
            before,
            revision=before.revision + 1,
            staves={**before.staves, **staves},
            can_undo=True,
            can_redo=False,
        )
        self._store(after, result.document)
        return Edited(_edit_response(result.document, after, place), place, staves)


def _json(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def _overview(document: "Document", revision: DocumentRevision) -> dict[str, Any]:
    from focal_omr.web import view

    overview = view.overview(document)
    for page in overview["pages"]:
        page["picture"] = f"/api/jobs/{revision.job}/pages/{page['number']}/picture"
    return {
        "revision": revision.revision,
        "can_undo": revision.can_undo,
        "can_redo": revision.can_redo,
        **overview,
        "name": revision.name,
    }


def _page_view(document: "Document", revision: DocumentRevision, number: int) -> dict[str, Any]:
    from focal_omr.web import view

    return {"revision": revision.revision, **view.page_view(document, number)}


def _edit_response(document: "Document", revision: DocumentRevision, place: Selection) -> bytes:
    """The response to an edit: the symbol selected now and everything that may look different."""
    page, staff, symbol = place
    return _json(
        {
            "revision": revision.revision,
            "page": page,
            "staff": staff,
            "symbol": symbol,
            "overview": _overview(document, revision),
            "view": _page_view(document, revision, page),
        }
    )


def _render(document: "Document", request: ViewRequest) -> bytes:
    """The content of the requested file."""
    revision = request.document
    match request.kind:
        case "overview":
            return _json(_overview(document, revision))
        case "page":
            return _json(_page_view(document, revision, request.page))
        case "playback":
            from focal_omr.web.playback import playback

            return _json({"revision": revision.revision, **playback(document, unfold=request.unfold)})
        case "samples":
            from focal_omr.web.samples import samples_zip

            return samples_zip(document, _PageImages(document, revision), all_staves=request.all_staves)
        case "overlay.png" | "overlay.pdf" | "overlay.html":
            return _overlay(document, request)
    from focal_omr.batch.outputs import document_results

    (content,) = document_results(document, "", [FORMATS[request.kind].output]).values()
    return content


def _overlay(document: "Document", request: ViewRequest) -> bytes:
    from focal_omr.document.overlay import overlay_pdf, overlay_png
    from focal_omr.document.overlay_html import overlay_html

    # The stored images are upright already, as are all coordinates of a page.
    upright = replace(document, pages=tuple(replace(page, quarter_turns=0) for page in document.pages))
    images = _PageImages(upright, request.document)
    if request.kind == "overlay.html":
        return overlay_html(images.pages(), upright).encode()
    if request.kind == "overlay.pdf":
        return overlay_pdf(images.pages(), upright)
    return overlay_png(images[upright.pages[0].number], upright)


class _PageImages(Mapping[int, "NDArray[np.uint8]"]):
    """Grey images of the pages, (H, W) at their original size, by page number; loaded on access."""

    def __init__(self, document: "Document", revision: DocumentRevision) -> None:
        self._pages: dict[int, Page] = {page.number: page for page in document.pages}
        self._folder = revision.folder

    def __getitem__(self, number: int) -> "NDArray[np.uint8]":
        import cv2
        import numpy as np

        page = self._pages[number]
        data = np.frombuffer((self._folder / picture_name(number)).read_bytes(), np.uint8)
        gray = cv2.imdecode(data, cv2.IMREAD_GRAYSCALE)
        assert gray is not None  # this program wrote it
        if gray.shape != (page.height, page.width):
            gray = cv2.resize(gray, (page.width, page.height), interpolation=cv2.INTER_CUBIC)
        return np.asarray(gray, np.uint8)

    def __iter__(self) -> Iterator[int]:
        return iter(self._pages)

    def __len__(self) -> int:
        return len(self._pages)

    def pages(self) -> "Iterator[PageImage]":
        """The images as `PageImage`."""
        from focal_omr.page.load import PageImage

        for number in self:
            yield PageImage(number, self[number], None)
