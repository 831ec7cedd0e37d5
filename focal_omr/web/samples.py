"""Edited staves as labelled training samples: a zip archive in PrIMuS layout."""

import io
import re
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import PurePath

import cv2
import numpy as np
from numpy.typing import NDArray

from focal_omr.data.primus.write import label_bytes
from focal_omr.document.document import Document, staff_lines
from focal_omr.document.events import score_tokens
from focal_omr.encodings.agnostic import score_to_agnostic
from focal_omr.encodings.join_staves import StaffContext
from focal_omr.encodings.printed import printed_to_semantic, semantic_to_printed
from focal_omr.encodings.semantic import sign_token, tokens_to_score
from focal_omr.errors import NotationError
from focal_omr.score.beaming import beam_by_meter
from focal_omr.score.records import Meter, Score
from focal_omr.staff.find import Staff

__all__ = ["samples_zip"]

_MARGIN_Y_SPACES, _MARGIN_X_SPACES = 5, 2  # around the outer lines and the ends of a staff
_DATE = (1980, 1, 1, 0, 0, 0)  # the earliest of zip: the same samples give the same bytes


def samples_zip(
    document: Document, pages: Mapping[int, NDArray[np.uint8]], all_staves: bool = False
) -> bytes:
    """The edited staves as a zip archive of folders `<document>-p<page>-s<staff>`.

    Each holds the image of the staff and its labels: semantic in our superset of PrIMuS, and agnostic where
    that encoding can express it (beamed by the meter).

    Args:
        document: The document with its edits.
        pages: Upright grey images of its pages, (H, W), by page number.
        all_staves: Include staves that nobody edited.

    Raises:
        KeyError: The image of a page is missing.
    """
    stem = re.sub(r"[^A-Za-z0-9_]+", "-", PurePath(document.source).stem).strip("-") or "document"
    carried: dict[tuple[int, int], StaffContext] = {}  # by (piece, part): the signs that hold before a staff
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for page in document.pages:
            for number, reading in enumerate(page.staves, 1):
                before = carried.get((reading.piece, reading.part), StaffContext())
                carried[reading.piece, reading.part] = before.updated(score_tokens(reading))
                if reading.unread or not (reading.mended or all_staves):
                    continue
                # By itself: a key signature that is not printed on the staff alters no note.
                key = sign_token(before.sounding_key)
                printed = semantic_to_printed([key, *score_tokens(reading)])[1:]
                label = [token for tokens in printed_to_semantic(printed) for token in tokens]
                if not label:
                    continue
                files = {
                    ".png": _staff_png(pages[page.number], reading.staff),
                    ".semantic": label_bytes(label),
                }
                if agnostic := _agnostic_label(label, before.meter):
                    files[".agnostic"] = label_bytes(agnostic)
                name = f"{stem}-p{page.number}-s{number}"
                for suffix, data in files.items():
                    archive.writestr(zipfile.ZipInfo(f"{name}/{name}{suffix}", _DATE), data)
    return buffer.getvalue()


def _agnostic_label(label: Sequence[str], meter: Meter | None) -> list[str]:
    """The agnostic label, beamed by the meter that holds before the staff; empty if not expressible."""
    try:
        (part,) = tokens_to_score([sign_token(meter), *label] if meter else label).parts
        part = beam_by_meter(part)
        if meter:
            first = part.measures[0]
            part = replace(part, measures=(replace(first, events=first.events[1:]), *part.measures[1:]))
        return score_to_agnostic(Score((part,)))
    except NotationError:
        return []


def _staff_png(gray: NDArray[np.uint8], staff: Staff | None) -> bytes:
    """A PNG of a staff, cropped from its page (H, W); the whole page if no staff was measured."""
    if staff is not None:
        lines = np.array(staff_lines(staff))
        above, beside = _MARGIN_Y_SPACES * staff.space_px, _MARGIN_X_SPACES * staff.space_px
        (left, top), (right, bottom) = lines.min(axis=(0, 1)), lines.max(axis=(0, 1))
        rows = slice(max(0, int(top - above)), int(bottom + above) + 1)
        gray = gray[rows, max(0, int(left - beside)) : int(right + beside) + 1]
    return bytes(cv2.imencode(".png", gray)[1])
