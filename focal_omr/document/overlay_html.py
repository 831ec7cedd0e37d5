"""What was read as one HTML page to look through: the pictures inside, and each symbol to be clicked on."""

import base64
import html
import json
from collections.abc import Iterable
from importlib.resources import files
from pathlib import PurePath
from typing import Any

import cv2
import numpy as np

from focal_omr.document.confidence import DOUBTFUL_BELOW
from focal_omr.document.document import Document, Page
from focal_omr.document.marks import staff_marks, unread_marks
from focal_omr.page.load import PageImage

__all__ = ["overlay_html"]

_SPACE_PX = 14  # pictures are made smaller to this staff space: all can be read, and fifty pages are 20 MB
_JPEG_QUALITY = 70


def overlay_html(pictures: Iterable[PageImage], document: Document) -> str:
    """A document on one page that needs nothing from elsewhere.

    Args:
        pictures: The pages that were read, one for each of the document's.
        document: What was read on them.
    """
    pages = [_page(*pair) for pair in zip(pictures, document.pages, strict=True)]
    name = document.score.title or PurePath(document.source).name
    data = {
        "doubtfulBelow": DOUBTFUL_BELOW,
        "pieces": len(document.pieces),
        "warnings": list(document.warnings),
        "pages": pages,
    }
    # "<" is written so that no text in it can end the element it stands in.
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c")
    template = (files("focal_omr.document") / "overlay.html").read_text(encoding="utf-8")
    before, after = template.replace("{{name}}", html.escape(name)).split("{{data}}")
    return f"{before}{text}{after}"


def _page(picture: PageImage, page: Page) -> dict[str, Any]:
    return {
        "number": page.number,
        "width": page.width,
        "height": page.height,
        "picture": _data_uri(picture, page),
        "staves": [staff_marks(reading) for reading in page.staves],
        "unread": unread_marks(page),
    }


def _data_uri(picture: PageImage, page: Page) -> str:
    spaces = [reading.staff.space_px for reading in page.staves if reading.staff]
    scale = min(1.0, _SPACE_PX / float(np.median(spaces))) if spaces else 1.0
    small = cv2.resize(page.turned(picture.gray), None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    jpeg = cv2.imencode(".jpg", small, (cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY))[1]
    return "data:image/jpeg;base64," + base64.b64encode(bytes(jpeg)).decode()
