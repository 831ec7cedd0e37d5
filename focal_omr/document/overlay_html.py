"""Overlay as one self-contained HTML page: the page images, with symbols to click."""

import base64
import html
import json
from collections.abc import Iterable
from importlib.resources import files
from pathlib import PurePath

import cv2
import numpy as np

from focal_omr.document.confidence import DOUBTFUL_BELOW
from focal_omr.document.document import Document
from focal_omr.document.marks import staff_marks, unread_marks
from focal_omr.page.load import PageImage

__all__ = ["overlay_html"]

_SPACE_PX = 14  # images are shrunk to this staff space: still legible, and fifty pages take 20 MB
_JPEG_QUALITY = 70


def overlay_html(pictures: Iterable[PageImage], document: Document) -> str:
    """A document as one HTML page that loads nothing else.

    Args:
        pictures: The page images, one for each page of the document.
        document: The document.
    """
    pages = []
    for picture, page in zip(pictures, document.pages, strict=True):
        spaces = [reading.staff.space_px for reading in page.staves if reading.staff]
        scale = min(1.0, _SPACE_PX / float(np.median(spaces))) if spaces else 1.0
        small = cv2.resize(page.turned(picture.gray), None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        jpeg = cv2.imencode(".jpg", small, (cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY))[1]
        pages.append(
            {
                "number": page.number,
                "width": page.width,
                "height": page.height,
                "picture": "data:image/jpeg;base64," + base64.b64encode(bytes(jpeg)).decode(),
                "staves": [staff_marks(reading) for reading in page.staves],
                "unread": unread_marks(page),
            }
        )
    data = {
        "doubtfulBelow": DOUBTFUL_BELOW,
        "pieces": len(document.pieces),
        "warnings": list(document.warnings),
        "pages": pages,
    }
    # "<" is escaped so that no text can end the script element.
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c")
    name = document.score.title or PurePath(document.source).name
    template = (files("focal_omr.document") / "overlay.html").read_text(encoding="utf-8")
    before, after = template.replace("{{name}}", html.escape(name)).split("{{data}}")
    return f"{before}{text}{after}"
