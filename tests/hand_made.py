"""Documents built from tokens, without images, for the tests of assembling and editing."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from focal_omr.document.assemble import assemble
from focal_omr.document.document import Document, Page, StaffReading, Symbol
from focal_omr.encodings.semantic import ungrammatical
from focal_omr.page.systems import System
from focal_omr.staff.find import Staff

SPACE_PX = 10.0
STAFF_PX = 200  # distance of staves
STEP_PX = 40  # distance of symbols


def make_reading(tokens: Sequence[str], *, row: int = 0, piece: int = 1, part: int = 1) -> StaffReading:
    """A staff with a symbol every 40 pixels, its middle line at y = 100 and 200 more for each row."""
    middle = 100.0 + STAFF_PX * row
    xs = np.array([0.0, STEP_PX * (len(tokens) + 2)], np.float32)
    staff = Staff(xs, np.full(2, middle, np.float32), SPACE_PX, np.full(2, SPACE_PX, np.float32))
    dropped = ungrammatical(tokens)
    symbols = []
    for index, token in enumerate(tokens):
        left, right = STEP_PX * (index + 1) - 9.0, STEP_PX * (index + 1) + 9.0
        corners = ((left, middle - 7), (right, middle - 7), (right, middle + 7), (left, middle + 7))
        symbols.append(Symbol(token, corners, 0.75, index not in dropped))
    return StaffReading(staff, tuple(symbols), piece=piece, part=part)


def make_document(*systems: str | Sequence[str], pages: int = 1, title: str = "Hand made") -> Document:
    """A document of one piece.

    Args:
        systems: The label of each system's staff, or those of its staves.
        pages: Over which they are spread, as many on each.
        title: Of the score.
    """
    groups = [[system] if isinstance(system, str) else list(system) for system in systems]
    each = -(-len(groups) // pages)
    made = []
    for number in range(pages):
        staves: list[StaffReading] = []
        members = []
        for group in groups[number * each : (number + 1) * each]:
            members.append(System(tuple(range(len(staves), len(staves) + len(group)))))
            for part, label in enumerate(group, 1):
                staves.append(make_reading(label.split(), row=len(staves), part=part))
        width = max([STEP_PX * (len(staff.symbols) + 2) for staff in staves], default=100)
        made.append(Page(width, STAFF_PX * max(1, len(staves)), tuple(staves), tuple(members), number + 1))
    return assemble("hand.png", title, made)


def with_unread(document: Document, page: int, staff: int, reason: str = "chords") -> Document:
    """The document with an unread staff; page and staff are indices."""
    pages = list(document.pages)
    staves = list(pages[page].staves)
    unused = tuple(replace(symbol, used=False) for symbol in staves[staff].symbols)
    staves[staff] = replace(staves[staff], symbols=unused, unread=reason)
    pages[page] = replace(pages[page], staves=tuple(staves))
    return assemble(document.source, document.score.title, pages)


def tokens_of(document: Document, page: int = 0, staff: int = 0) -> list[str]:
    """The tokens of a staff; page and staff are indices."""
    return [symbol.token for symbol in document.pages[page].staves[staff].symbols]
