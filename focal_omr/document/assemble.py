"""From staves that were read to a document: pieces, bars, one score and what the reader should know.

A staff says which piece and which part it belongs to; the rest follows from its symbols. So a document that
was read, one whose symbols were changed and one that comes from JSON are made in one way.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from focal_omr.document.document import JSON_FORMAT, Document, Page, StaffReading, Symbol, Unread
from focal_omr.document.geometry import Box, bounds
from focal_omr.document.pieces import Piece, SystemTokens, join_pieces, make_piece
from focal_omr.encodings.bar_rules import number_bars
from focal_omr.encodings.join_staves import opening_signs
from focal_omr.encodings.semantic import parse_barline
from focal_omr.errors import DataError
from focal_omr.page.systems import System
from focal_omr.staff.find import Staff


def assemble(source: str, title: str, pages: Sequence[Page]) -> Document:
    """Make the document of pages whose staves know their piece and part.

    Args:
        source: Name of the input.
        title: Of the score; "" where there is none.
        pages: In their order. Pieces follow each other, their numbers count from 1, and the staves of a
            system belong to one piece; bars and first bars of the staves are made anew.

    Raises:
        NotationError: The used symbols of a staff break the grammar.
    """
    staves = [list(page.staves) for page in pages]
    pieces = []
    for members in _by_piece(pages):
        piece = make_piece([each.tokens for each in members])
        pieces.append(piece)
        for member, row in zip(members, piece.bars, strict=True):
            for staff, bars in zip(member.staves, row, strict=True):
                reading = staves[member.page][staff]
                staves[member.page][staff] = replace(reading, bars=bars.bars, first_bar=bars.first_bar)
    done = tuple(replace(page, staves=tuple(each)) for page, each in zip(pages, staves, strict=True))
    scores = tuple(piece.score for piece in pieces)
    return Document(source, done, scores, join_pieces(scores, title=title), _warnings(done, pieces))


def score_tokens(reading: StaffReading) -> tuple[str, ...]:
    """What a staff gives to the score; bars of rest where it could not be read."""
    return tuple(token for token, _ in score_symbols(reading))


def score_symbols(reading: StaffReading) -> list[tuple[str, int | None]]:
    """The tokens that a staff gives to the score, each with the number of its symbol (None: it is none).

    Of a staff that was not read these are its first signs and a bar of rest for each of its barlines.
    """
    symbols: list[tuple[str, int | None]] = [(each.token, n) for n, each in enumerate(reading.symbols)]
    if not reading.unread:
        return [each for each, symbol in zip(symbols, reading.symbols, strict=True) if symbol.used]
    signs = len(opening_signs([token for token, _ in symbols]))
    bars = [each for each in symbols if parse_barline(each[0])]
    return [*symbols[:signs], *(each for bar in bars for each in (("rest-whole", None), bar))]


@dataclass(frozen=True)
class _Member:
    """A system of a piece: index of its page, indices of its staves there, what it gives to the score."""

    page: int
    staves: tuple[int, ...]
    tokens: SystemTokens


def _by_piece(pages: Sequence[Page]) -> list[list[_Member]]:
    """The systems of each piece, in reading order."""
    pieces: dict[int, list[_Member]] = {}
    for number, page in enumerate(pages):
        for place, system in enumerate(page.systems):
            readings = [page.staves[staff] for staff in system.staves]
            tokens = SystemTokens(tuple(map(score_tokens, readings)), system.indent_spaces, place == 0)
            pieces.setdefault(readings[0].piece, []).append(_Member(number, system.staves, tokens))
    return list(pieces.values())


# What the reader should know --------------------------------------------------------------------------------


def _warnings(pages: Sequence[Page], pieces: Sequence[Piece]) -> tuple[str, ...]:
    """What the reader should know; places are named where there is more than one staff."""
    several = sum(len(page.staves) for page in pages) > 1
    warnings = []
    for page in pages:
        for number, staff in enumerate(page.staves, 1):
            where = f"page {page.number}, staff {number}: " if several else ""
            warnings += [f"{where}{text}" for text in _staff_warnings(staff)]
        warnings += [f"page {page.number}: not read: {each.reason}" for each in page.unread]
        if not page.staves:
            warnings.append(f"page {page.number}: no staff of five lines")
    for number, piece in enumerate(pieces, 1):
        which = f"piece {number}: " if len(pieces) > 1 else ""
        warnings += [f"{which}{text}" for text in _piece_warnings(piece)]
    return tuple(warnings)


def _piece_warnings(piece: Piece) -> Iterator[str]:
    added = [str(system + 1) for system, _ in piece.added_barlines]
    if added:
        yield f"a barline was put at the end of systems {', '.join(added)}, whose bar is full"
    if piece.implied_length:
        length = piece.implied_length
        yield f"no meter is printed; bars are checked against the length of most, {length}"
    if piece.implied_tuplets:
        bars = ", ".join(map(str, piece.implied_tuplets))
        yield f"tuplets are understood, as printed ones before them, in bars {bars}"
    if len({len(part.measures) for part in piece.score.parts}) > 1:
        counts = ", ".join(str(len(part.measures)) for part in piece.score.parts)
        yield f"its parts have different numbers of bars: {counts}"


def _odd_bars(reading: StaffReading) -> list[int]:
    """Numbers of the bars that end on a staff and do not add up."""
    if False not in reading.bars:
        return []
    tokens = [symbol.token for symbol in reading.symbols if symbol.used]
    numbers, _ = number_bars(tokens, first=reading.first_bar)
    ends = [number for number, token in zip(numbers, tokens, strict=True) if parse_barline(token)]
    return [number for number, adds_up in zip(ends, reading.bars, strict=False) if adds_up is False]


def _staff_warnings(reading: StaffReading) -> Iterator[str]:
    if reading.unread:
        yield f"not read, its bars are left empty: {reading.unread}"
        return
    left_out = [symbol.token for symbol in reading.symbols if not symbol.used]
    odd = [str(number) for number in _odd_bars(reading)]
    if not reading.symbols:
        yield "no symbol was recognized on the staff"
    if left_out:
        yield f"left out of the score, since they break its grammar: {', '.join(left_out)}"
    if odd:
        yield f"bars that do not add up to the meter: {', '.join(odd)}"


# From JSON --------------------------------------------------------------------------------------------------


def document_from_json(plain: Mapping[str, Any]) -> Document:
    """The document that `Document.to_json` wrote; its places have the decimals that were written.

    Raises:
        DataError: The values are not what `to_json` writes; an older file may lack title and indents.
        NotationError: The used symbols of a staff break the grammar.
    """
    name = plain.get("source", "the given values") if isinstance(plain, Mapping) else "the given values"
    if not isinstance(plain, Mapping) or plain.get("format") != JSON_FORMAT:
        raise DataError(f"{name}: needed is a document as JSON, format {JSON_FORMAT}")
    try:
        pages = tuple(_page(page) for page in plain["pages"])
        source, title = str(plain["source"]), str(plain.get("title", ""))
    except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
        raise DataError(f"{name}: not a document as JSON: {type(error).__name__}: {error}") from None
    return assemble(source, title, pages)


def _page(plain: Mapping[str, Any]) -> Page:
    turns = int(plain["quarter_turns"])
    sizes = (int(plain["width"]), int(plain["height"]))
    # The picture as it came is the upright page turned by what is left to a full turn.
    came = Page(*sizes, (), (), quarter_turns=-turns % 4)
    width, height = sizes[::-1] if turns % 2 else sizes
    staves = tuple(_staff_reading(staff, came) for staff in plain["staves"])
    indents = plain.get("indents") or [0.0] * len(plain["systems"])
    systems = tuple(
        System(tuple(map(int, members)), float(indent))
        for members, indent in zip(plain["systems"], indents, strict=True)
    )
    if sorted(staff for system in systems for staff in system.staves) != list(range(len(staves))):
        raise ValueError("every staff of a page must be in one system")
    if any(len({staves[staff].piece for staff in system.staves}) != 1 for system in systems):
        raise ValueError("the staves of a system must belong to one piece")
    unread = tuple(Unread(_box(each["box"], came), str(each["reason"])) for each in plain["unread"])
    return Page(width, height, staves, systems, int(plain["number"]), turns, unread)


def _box(box: Sequence[float], came: Page) -> Box:
    left, top, right, bottom = box
    return bounds((came.on_picture(left, top), came.on_picture(right, bottom)))


def _staff_reading(plain: Mapping[str, Any], came: Page) -> StaffReading:
    return StaffReading(
        _staff(plain["lines"], came),
        tuple(_symbol(symbol, came) for symbol in plain["symbols"]),
        tuple(plain["bars"]),
        int(plain["first_bar"]),
        str(plain["unread"]),
        int(plain["piece"]),
        int(plain["part"]),
        bool(plain.get("mended", False)),
    )


def _staff(lines: Sequence[Sequence[Sequence[float]]], came: Page) -> Staff | None:
    """The staff of its five lines; None where none was measured."""
    if not lines:
        return None
    highest, _, middle, _, lowest = (np.array([came.on_picture(x, y) for x, y in line]) for line in lines)
    spaces = ((lowest - highest)[:, 1] / 4).astype(np.float32)
    xs, middle_ys = middle.astype(np.float32).T
    return Staff(xs, middle_ys, float(spaces.mean()), spaces)


def _symbol(plain: Mapping[str, Any], came: Page) -> Symbol:
    return Symbol(
        str(plain["token"]),
        tuple(came.on_picture(x, y) for x, y in plain["polygon"]),
        float(plain["confidence"]),
        bool(plain["used"]),
        bool(plain.get("mended", False)),
    )
