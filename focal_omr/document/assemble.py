"""Assembly of a document from its staves: pieces, bars, one score and warnings.

A staff names its piece and part; everything else follows from its symbols. So documents from recognition,
from edits and from JSON are assembled by the same code.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import count, takewhile
from typing import Any

import numpy as np

from focal_omr.document.document import JSON_FORMAT, Document, Page, StaffReading, Symbol, Unread
from focal_omr.document.events import score_symbols
from focal_omr.document.geometry import bounds
from focal_omr.document.pieces import Piece, SystemTokens, join_pieces, make_piece
from focal_omr.encodings.bar_rules import number_bars
from focal_omr.encodings.one_voice import to_score
from focal_omr.encodings.semantic import parse_barline, parse_sign
from focal_omr.errors import DataError
from focal_omr.formats.musicxml_reader import read_musicxml
from focal_omr.page.systems import System
from focal_omr.score.event_ids import source_ids
from focal_omr.score.records import Note, Source, closing_meter
from focal_omr.score.score import Score
from focal_omr.staff.find import Staff


def assemble(source: str, title: str, pages: Sequence[Page]) -> Document:
    """Assemble a document from pages whose staves know their piece and part.

    Args:
        source: Name of the input.
        title: Title of the score; "" if it has none.
        pages: In order. Pieces are contiguous and numbered from 1, and the staves of a system belong to one
            piece; `bars` and `first_bar` of the staves are recomputed.

    Raises:
        NotationError: The used symbols of a staff break the grammar.
    """
    systems: dict[int, list[tuple[int, System]]] = {}  # by piece: page index and system
    for index, page in enumerate(pages):
        for system in page.systems:
            systems.setdefault(page.staves[system.staves[0]].piece, []).append((index, system))
    staves = [list(page.staves) for page in pages]
    pieces: list[Piece] = []
    scores: list[Score] = []
    ids: dict[Source, str] = {}
    before, meter = 0, None
    for members in systems.values():
        piece = make_piece([_system_tokens(pages[index], system) for index, system in members])
        for (index, system), row in zip(members, piece.bars, strict=True):
            for staff, bars in zip(system.staves, row, strict=True):
                numbered = replace(staves[index][staff], bars=bars.bars, first_bar=bars.first_bar)
                staves[index][staff] = numbered
        pieces.append(piece)
        scores.append(to_score(piece.score, before=before, meter=meter))
        ids |= source_ids(piece.score, before)
        before += max(len(part.measures) for part in piece.score.parts)
        for measure in piece.score.parts[0].measures:
            meter = closing_meter(measure, meter)
    done = tuple(
        replace(page, staves=tuple(_with_events(page.number, n, each, ids) for n, each in enumerate(own)))
        for page, own in zip(pages, staves, strict=True)
    )
    score = join_pieces(scores, title=title)
    return Document(source, done, tuple(scores), score, _warnings(done, pieces))


def _system_tokens(page: Page, system: System) -> SystemTokens:
    """What a system contributes to the score, each token with its place; bars without one count from -1."""
    tokens, sources = [], []
    for staff in system.staves:
        symbols = score_symbols(page.staves[staff])
        unread = count(-1, -1)
        tokens.append(tuple(token for token, _ in symbols))
        sources.append(
            tuple((page.number, staff, next(unread) if index is None else index) for _, index in symbols)
        )
    opens_page = system is page.systems[0]
    return SystemTokens(tuple(tokens), system.indent_spaces, opens_page, tuple(sources))


def _with_events(page: int, number: int, reading: StaffReading, ids: Mapping[Source, str]) -> StaffReading:
    """A staff, each symbol with the id of its event.

    Args:
        page: Number of its page.
        number: Index of the staff on the page.
        reading: The staff.
        ids: Ids of events by where they were read.
    """
    symbols = []
    for index, symbol in enumerate(reading.symbols):
        event = ids.get((page, number, index))
        note = event if event and isinstance(parse_sign(symbol.token), Note) else None
        same = (symbol.event, symbol.note) == (event, note)
        symbols.append(symbol if same else replace(symbol, event=event, note=note))
    silent = takewhile(bool, (ids.get((page, number, index), "") for index in count(-1, -1)))
    return replace(reading, symbols=tuple(symbols), silent_events=tuple(silent))


# Warnings --------------------------------------------------------------------------------------------------


def _warnings(pages: Sequence[Page], pieces: Sequence[Piece]) -> tuple[str, ...]:
    """One line each; places are named if there are several staves or pieces."""
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
        found = []
        if added := [str(system + 1) for system, _ in piece.added_barlines]:
            found.append(f"barlines were added at the ends of full bars, in systems: {', '.join(added)}")
        if length := piece.implied_length:
            found.append(f"no meter is printed; bars are checked against the most common length, {length}")
        if piece.implied_tuplets:
            bars = ", ".join(map(str, piece.implied_tuplets))
            found.append(f"tuplets without a number were inferred from earlier ones, in bars: {bars}")
        counts = [len(part.measures) for part in piece.score.parts]
        if len(set(counts)) > 1:
            found.append(f"the parts have different numbers of bars: {', '.join(map(str, counts))}")
        which = f"piece {number}: " if len(pieces) > 1 else ""
        warnings += [f"{which}{text}" for text in found]
    return tuple(warnings)


def _staff_warnings(reading: StaffReading) -> Iterator[str]:
    if reading.unread:
        yield f"not read, its bars are left empty: {reading.unread}"
        return
    if not reading.symbols:
        yield "no symbols were recognized on the staff"
    if unused := [symbol.token for symbol in reading.symbols if not symbol.used]:
        yield f"left out of the score because they break its grammar: {', '.join(unused)}"
    if False in reading.bars:
        tokens = [symbol.token for symbol in reading.symbols if symbol.used]
        numbers, _ = number_bars(tokens, first=reading.first_bar)
        ends = [number for number, token in zip(numbers, tokens, strict=True) if parse_barline(token)]
        odd = [str(number) for number, adds_up in zip(ends, reading.bars, strict=False) if adds_up is False]
        if odd:
            yield f"bars that do not add up to the meter: {', '.join(odd)}"


# From JSON --------------------------------------------------------------------------------------------------


def document_from_json(plain: Mapping[str, Any]) -> Document:
    """Read the output of `Document.to_json`; coordinates have the decimals that were written.

    Args:
        plain: The document as JSON values; older ones may lack title and indents.

    Raises:
        DataError: The values are not those of a document.
        NotationError: The used symbols of a staff break the grammar, or a score is malformed.
    """
    name = plain.get("source", "the given values") if isinstance(plain, Mapping) else "the given values"
    if not isinstance(plain, Mapping) or plain.get("format") != JSON_FORMAT:
        raise DataError(f"{name}: not a document as JSON in format {JSON_FORMAT}")
    try:
        pages = tuple(_page(page) for page in plain["pages"])
        source, title = str(plain["source"]), str(plain.get("title", ""))
        texts, warnings = [*map(str, plain.get("scores", ()))], tuple(map(str, plain["warnings"]))
    except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
        raise DataError(f"{name}: not a document as JSON: {type(error).__name__}: {error}") from None
    if not texts:
        return assemble(source, title, pages)
    pieces = tuple(map(read_musicxml, texts))
    score = join_pieces(pieces, title=title)
    return Document(source, pages, pieces, score, warnings, from_columns=True)


def _page(plain: Mapping[str, Any]) -> Page:
    turns = int(plain["quarter_turns"])
    sizes = (int(plain["width"]), int(plain["height"]))
    # Maps coordinates of the original image to the upright page, as a page does the other way round.
    original = Page(*sizes, (), (), quarter_turns=-turns % 4)
    width, height = sizes[::-1] if turns % 2 else sizes
    staves = tuple(_staff_reading(staff, original) for staff in plain["staves"])
    indents = plain.get("indents") or [0.0] * len(plain["systems"])
    systems = tuple(
        System(tuple(map(int, members)), float(indent))
        for members, indent in zip(plain["systems"], indents, strict=True)
    )
    if sorted(staff for system in systems for staff in system.staves) != list(range(len(staves))):
        raise ValueError("every staff of a page must be in one system")
    if any(len({staves[staff].piece for staff in system.staves}) != 1 for system in systems):
        raise ValueError("the staves of a system must belong to one piece")
    unread = []
    for region in plain["unread"]:
        left, top, right, bottom = region["box"]
        box = bounds((original.on_picture(left, top), original.on_picture(right, bottom)))
        unread.append(Unread(box, str(region["reason"])))
    return Page(width, height, staves, systems, int(plain["number"]), turns, tuple(unread))


def _staff_reading(plain: Mapping[str, Any], original: Page) -> StaffReading:
    staff = None
    if plain["lines"]:
        lines = [np.array([original.on_picture(x, y) for x, y in line]) for line in plain["lines"]]
        highest, _, middle, _, lowest = lines
        spaces = ((lowest - highest)[:, 1] / 4).astype(np.float32)
        xs, middle_ys = middle.astype(np.float32).T
        staff = Staff(xs, middle_ys, float(spaces.mean()), spaces)
    symbols = tuple(
        Symbol(
            str(symbol["token"]),
            tuple(original.on_picture(x, y) for x, y in symbol["polygon"]),
            float(symbol["confidence"]),
            bool(symbol["used"]),
            bool(symbol.get("mended", False)),
            event=symbol.get("event"),
            note=symbol.get("note", symbol["event"] if "pitch" in symbol else None),
        )
        for symbol in plain["symbols"]
    )
    return StaffReading(
        staff,
        symbols,
        tuple(plain["bars"]),
        int(plain["first_bar"]),
        str(plain["unread"]),
        int(plain["piece"]),
        int(plain["part"]),
        bool(plain.get("mended", False)),
        int(plain.get("part_staff", 1)),
    )
