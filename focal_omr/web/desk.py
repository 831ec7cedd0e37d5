"""The work of the studio, in its process: documents and changes become views, files and other documents."""

import json
import logging
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from focal_omr.errors import OmrError, OutputError
from focal_omr.runtime.atomic_files import write_atomic
from focal_omr.web.orders import FORMATS, Changed, Made, Order, Refusal, Subject
from focal_omr.web.reading import DOCUMENT, picture_name
from focal_omr.web.store import Place

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from focal_omr.document.document import Document, Page
    from focal_omr.page.load import PageImage

__all__ = ["Desk"]

logger = logging.getLogger(__name__)

_KEPT = 4  # documents; a book of 200 pages has 50 MB


class Desk:
    """Carries out orders, one after the other; keeps the last few documents."""

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[str, int], tuple[Mapping[tuple[int, int], Any], Document]] = (
            OrderedDict()
        )

    def __call__(self, order: Order | None) -> Changed | Made | Refusal:
        """Carry out an order; None loads what it takes, and no more."""
        if order is None:
            _load()
            return Made()
        try:
            return self._carry_out(order)
        except OutputError:  # whose message names the server's folders
            logger.exception("%s of %s", order.what, order.subject.job)
            return Refusal(503, "the server cannot write its files; please try again later")
        except OmrError as error:
            return Refusal(422, " ".join(str(error).split()))
        except FileNotFoundError:  # deleted meanwhile
            return Refusal(404, "there is no such document")
        except MemoryError:
            self._kept.clear()
            return Refusal(503, f"{order.subject.name}: this takes more memory than there is")

    def _carry_out(self, order: Order) -> Changed | Made | Refusal:
        document = self._document(order.subject)
        if order.what == "change":
            return self._change(document, order)
        if order.what == "place":
            return Changed(_answer(document, order.subject, order.place), order.place, {})
        if order.what == "page" and all(page.number != order.page for page in document.pages):
            return Refusal(404, f"there is no page {order.page}")
        if order.what == "overlay.png" and len(document.pages) > 1:
            return Refusal(404, "a document of several pages has an overlay.pdf")
        assert order.target is not None
        write_atomic(order.target, _content(document, order))
        return Made()

    def _document(self, subject: Subject) -> "Document":
        """The document; taken from those that are kept only where it has the same changes."""
        key = (subject.job, subject.revision)
        kept = self._kept.get(key)
        if kept is not None and kept[0] == subject.staves:
            self._kept.move_to_end(key)
            return kept[1]
        from focal_omr.editing.history import restore_symbols

        if subject.staves:
            document = restore_symbols(
                self._document(replace(subject, revision=-1, staves={})), subject.staves
            )
        else:
            from focal_omr.document.assemble import document_from_json

            document = document_from_json(json.loads((subject.folder / DOCUMENT).read_bytes()))
        self._keep(subject, document)
        return document

    def _keep(self, subject: Subject, document: "Document") -> None:
        self._kept[subject.job, subject.revision] = (subject.staves, document)
        while len(self._kept) > _KEPT:
            self._kept.popitem(last=False)

    def _change(self, document: "Document", order: Order) -> Changed | Refusal:
        from focal_omr.editing.apply import Place, apply_edit
        from focal_omr.editing.history import staff_symbols_json

        before = order.subject
        mended = apply_edit(document, Place(*order.place), order.change)
        place = (mended.place.page, mended.place.staff, mended.place.symbol)
        readings = {
            (page.number, index): reading
            for page in mended.document.pages
            for index, reading in enumerate(page.staves)
        }
        staves = {where: staff_symbols_json(readings[where]) for where in mended.staves}
        subject = replace(
            before,
            revision=before.revision + 1,
            staves={**before.staves, **staves},
            can_undo=True,
            can_redo=False,
        )
        self._keep(subject, mended.document)
        return Changed(_answer(mended.document, subject, place), place, staves)


def _load() -> None:
    """Load what the first order would wait for: a second or two."""
    import focal_omr.batch.outputs
    import focal_omr.editing.apply
    import focal_omr.editing.history
    import focal_omr.web.labels
    import focal_omr.web.playback
    import focal_omr.web.view  # noqa: F401


def _json(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def _overview(document: "Document", subject: Subject) -> dict[str, Any]:
    from focal_omr.web import view

    overview = view.overview(document)
    for page in overview["pages"]:
        page["picture"] = f"/api/jobs/{subject.job}/pages/{page['number']}/picture"
    return {
        "revision": subject.revision,
        "can_undo": subject.can_undo,
        "can_redo": subject.can_redo,
        **overview,
        "name": subject.name,
    }


def _page_view(document: "Document", subject: Subject, number: int) -> dict[str, Any]:
    from focal_omr.web import view

    return {"revision": subject.revision, **view.page_view(document, number)}


def _answer(document: "Document", subject: Subject, place: Place) -> bytes:
    """The answer to a change: the place selected now, and everything that may look different."""
    page, staff, symbol = place
    return _json(
        {
            "revision": subject.revision,
            "page": page,
            "staff": staff,
            "symbol": symbol,
            "overview": _overview(document, subject),
            "view": _page_view(document, subject, page),
        }
    )


def _content(document: "Document", order: Order) -> bytes:
    """What the file holds that an order asks for."""
    subject = order.subject
    match order.what:
        case "overview":
            return _json(_overview(document, subject))
        case "page":
            return _json(_page_view(document, subject, order.page))
        case "playback":
            from focal_omr.web.playback import playback

            return _json({"revision": subject.revision, **playback(document, unfold=order.unfold)})
        case "samples":
            from focal_omr.web.labels import samples_zip

            return samples_zip(document, _Pictures(document, subject), everything=order.everything)
        case "overlay.png" | "overlay.pdf" | "overlay.html":
            return _overlay(document, order)
    from focal_omr.batch.outputs import document_results

    (content,) = document_results(document, "", [FORMATS[order.what].output]).values()
    return content


def _overlay(document: "Document", order: Order) -> bytes:
    from focal_omr.document.overlay import overlay_pdf, overlay_png
    from focal_omr.document.overlay_html import overlay_html

    # The pictures that were kept are upright already, as all places of a page are.
    upright = replace(document, pages=tuple(replace(page, quarter_turns=0) for page in document.pages))
    pictures = _Pictures(upright, order.subject)
    if order.what == "overlay.html":
        return overlay_html(pictures.images(), upright).encode()
    if order.what == "overlay.pdf":
        return overlay_pdf(pictures.images(), upright)
    return overlay_png(pictures[upright.pages[0].number], upright)


class _Pictures(Mapping[int, "NDArray[np.uint8]"]):
    """Pictures of the pages, (H, W) gray values as large as the pages were, by number; read when needed."""

    def __init__(self, document: "Document", subject: Subject) -> None:
        self._pages: dict[int, Page] = {page.number: page for page in document.pages}
        self._folder = subject.folder

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

    def images(self) -> "Iterator[PageImage]":
        """The pictures as pages of a document."""
        from focal_omr.page.load import PageImage

        for number in self:
            yield PageImage(number, self[number], None)
