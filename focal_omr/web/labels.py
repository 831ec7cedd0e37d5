"""What a person made right, as labelled pictures to train with: staves in PrIMuS layout, zipped."""

import io
import re
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import PurePath

import cv2
import numpy as np
from numpy.typing import NDArray

from focal_omr.data.primus.write import label_bytes
from focal_omr.document.assemble import score_tokens
from focal_omr.document.document import Document, Page, StaffReading, staff_lines
from focal_omr.encodings.agnostic import score_to_agnostic
from focal_omr.encodings.join_staves import Carried
from focal_omr.encodings.printed import printed_to_semantic, semantic_to_printed
from focal_omr.encodings.semantic import sign_token, tokens_to_score
from focal_omr.errors import NotationError
from focal_omr.score.beaming import beam_by_meter
from focal_omr.score.records import Meter, Score

__all__ = ["samples_zip"]

_AROUND_SPACES, _BESIDE_SPACES = 5, 2  # of the picture above and below the outer lines, and at their ends
_DATE = (1980, 1, 1, 0, 0, 0)  # the first that zip knows: the same samples make the same bytes


def samples_zip(
    document: Document, pages: Mapping[int, NDArray[np.uint8]], everything: bool = False
) -> bytes:
    """The staves that a person mended, as a zip archive of folders `<document>-p<page>-s<staff>`.

    Each holds the picture around the staff and its labels: the semantic one in our superset of PrIMuS, and
    the agnostic one where that can say it (its beams follow the meter).

    Args:
        document: What was read and mended.
        pages: The gray pictures of its pages, upright, by the pages' numbers.
        everything: Take all staves that were read, mended or not.

    Raises:
        KeyError: The picture of a page is not there.
    """
    stem = re.sub(r"[^A-Za-z0-9_]+", "-", PurePath(document.source).stem).strip("-") or "document"
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for staff in _staves(document):
            if (staff.reading.mended or everything) and (label := staff.label()):
                name = f"{stem}-p{staff.page.number}-s{staff.number + 1}"
                files = {".png": staff.png(pages[staff.page.number]), ".semantic": label_bytes(label)}
                if agnostic := _agnostic(label, staff.carried.meter):
                    files[".agnostic"] = label_bytes(agnostic)
                for ending, data in files.items():
                    archive.writestr(zipfile.ZipInfo(f"{name}/{name}{ending}", _DATE), data)
    return buffer.getvalue()


@dataclass(frozen=True)
class _Staff:
    """A staff that was read: its page, its number there from 0, and what holds before it."""

    page: Page
    number: int
    reading: StaffReading
    carried: Carried

    def label(self) -> list[str]:
        """What it says by itself: a key signature that is not printed on it alters no note."""
        key = self.carried.sounding_key
        printed = semantic_to_printed([sign_token(key), *score_tokens(self.reading)])[1:]
        return [token for tokens in printed_to_semantic(printed) for token in tokens]

    def png(self, gray: NDArray[np.uint8]) -> bytes:
        """The picture around it; the whole picture where no staff was measured."""
        if staff := self.reading.staff:
            lines = np.array(staff_lines(staff))
            across, along = _AROUND_SPACES * staff.space_px, _BESIDE_SPACES * staff.space_px
            (left, top), (right, bottom) = lines.min(axis=(0, 1)), lines.max(axis=(0, 1))
            rows = slice(max(0, int(top - across)), int(bottom + across) + 1)
            gray = gray[rows, max(0, int(left - along)) : int(right + along) + 1]
        return bytes(cv2.imencode(".png", gray)[1])


def _staves(document: Document) -> Iterator[_Staff]:
    """The staves that were read, in reading order."""
    holding: dict[tuple[int, int], Carried] = {}
    for page in document.pages:
        for number, reading in enumerate(page.staves):
            place = (reading.piece, reading.part)
            carried = holding.get(place, Carried())
            if not reading.unread:
                yield _Staff(page, number, reading, carried)
            holding[place] = carried.after(score_tokens(reading))


def _agnostic(label: Sequence[str], meter: Meter | None) -> list[str]:
    """The agnostic label, beamed by the meter that holds before the staff; none where it cannot be said."""
    try:
        (part,) = tokens_to_score([sign_token(meter), *label] if meter else label).parts
        part = beam_by_meter(part)
        if meter:
            first = part.measures[0]
            part = replace(part, measures=(replace(first, events=first.events[1:]), *part.measures[1:]))
        return score_to_agnostic(Score((part,)))
    except NotationError:
        return []
