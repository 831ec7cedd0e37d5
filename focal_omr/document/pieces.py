"""Grouping of systems into pieces, and of their staves into scores."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import lru_cache

from focal_omr.encodings.bar_rules import check_staves, close_staves, number_bars
from focal_omr.encodings.implied import infer_bar_length, infer_tuplets
from focal_omr.encodings.join_staves import StaffTokens, is_over, join_parts, join_staves, prints_meter
from focal_omr.encodings.semantic import parse_barline
from focal_omr.score.records import Break, Duration, Measure, Meter, MultiRest, Part, Rest, Score

# First systems are indented by 6 to 14 spaces in the scans at hand; flush ones by at most 1.
_INDENTED_SPACES = 2.5
_CACHED_PARTS = 64  # an edit rebuilds only the part that it changes


@dataclass(frozen=True)
class SystemTokens:
    """The tokens of a system.

    Attributes:
        staves: Semantic tokens of each staff's contribution to the score, from top to bottom.
        indent_spaces: As in `page.systems.System`.
        opens_page: Whether it is the first system of its page.
    """

    staves: tuple[tuple[str, ...], ...]
    indent_spaces: float = 0.0
    opens_page: bool = False


@dataclass(frozen=True)
class StaffBars:
    """The bars of one staff: the first one's number in its piece, and whether each adds up to the meter."""

    first_bar: int
    bars: tuple[bool | None, ...]


@dataclass(frozen=True)
class Piece:
    """The music of consecutive systems.

    Attributes:
        score: Their music.
        bars: For each system, for each of its staves.
        added_barlines: (system, staff), from 0, at whose end a barline was added, see
            `bar_rules.close_staves`.
        implied_length: Bar length in whole notes, if no meter is printed and most bars agree.
        implied_tuplets: Numbers of the bars with inferred tuplets, which are not printed.
    """

    score: Score
    bars: tuple[tuple[StaffBars, ...], ...]
    added_barlines: tuple[tuple[int, int], ...] = ()
    implied_length: Fraction | None = None
    implied_tuplets: tuple[int, ...] = ()


def begins_piece(before: SystemTokens | None, system: SystemTokens) -> bool:
    """Whether a system is the first of a piece.

    It is if its number of staves differs from the previous system's, or if two of three signs agree: the
    previous system ends with a final barline or a repeat sign (or a double barline, if this one is indented);
    this one is indented; this one has a printed meter.

    Args:
        before: The previous system; None if there is none.
        system: The system.
    """
    if before is None or len(before.staves) != len(system.staves):
        return True
    indented = system.indent_spaces >= _INDENTED_SPACES
    meter = any(map(prints_meter, system.staves))
    if indented and meter:
        return True
    over = any(is_over(tokens, double=indented) for tokens in before.staves)
    return over and (indented or meter)


def make_piece(systems: Sequence[SystemTokens]) -> Piece:
    """Join systems that have the same number of staves.

    Raises:
        NotationError: Like `semantic.tokens_to_score`.
    """
    breaks: tuple[Break, ...] = tuple("page" if system.opens_page else "system" for system in systems)
    parts = [
        _join_part(tuple(system.staves[number] for system in systems), breaks)
        for number in range(len(systems[0].staves))
    ]
    return Piece(
        Score(tuple(each.part for each in parts)),
        tuple(zip(*(each.bars for each in parts), strict=True)),
        tuple(sorted((system, staff) for staff, each in enumerate(parts) for system in each.closed)),
        next((each.length for each in parts if each.length), None),
        tuple(sorted({bar for each in parts for bar in each.tuplets})),
    )


@dataclass(frozen=True)
class _JoinedPart:
    """A part of a piece; fields as in `Piece`, for one staff of each system."""

    part: Part
    bars: list[StaffBars]
    closed: list[int]
    length: Fraction | None
    tuplets: list[int]


@lru_cache(_CACHED_PARTS)
def _join_part(staves: tuple[tuple[str, ...], ...], breaks: tuple[Break, ...]) -> _JoinedPart:
    closed, added = close_staves(staves)
    part = _joined(closed, breaks)
    if length := infer_bar_length(part):
        closed, added = close_staves(staves, bar_length=length)
        part = _joined(closed, breaks)
    part, inferred = infer_tuplets(part, bar_length=length)
    numbers, number = [], 1  # of each measure's first bar
    for measure in part.measures:
        numbers.append(number)
        number += max((event.bars for event in measure.events if isinstance(event, MultiRest)), default=1)
    inferred_bars = {numbers[index] for index in inferred}  # add up, although their tokens do not
    bars, first = [], 1
    for tokens, adds_up in zip(closed, check_staves(closed, bar_length=length), strict=True):
        token_bars, following = number_bars(tokens, first=first)
        ends = [bar for bar, token in zip(token_bars, tokens, strict=True) if parse_barline(token)]
        checked = [bar in inferred_bars or adds for bar, adds in zip(ends, adds_up, strict=False)]
        bars.append(StaffBars(first, (*checked, *adds_up[len(ends) :])))
        first = following
    return _JoinedPart(part, bars, added, length, sorted(inferred_bars))


def _joined(staves: Sequence[Sequence[str]], breaks: Sequence[Break]) -> Part:
    return join_staves([StaffTokens(tuple(t), b) for t, b in zip(staves, breaks, strict=True)])


def join_pieces(pieces: Sequence[Score], *, title: str = "") -> Score:
    """Join the pieces of a document into one score; parts that a piece lacks are silent during it."""
    count = max((len(piece.parts) for piece in pieces), default=0)
    parts = []
    for number in range(count):
        part = join_parts([piece_part(piece, number) for piece in pieces])
        first = [replace(measure, break_before=None) for measure in part.measures[:1]]
        parts.append(replace(part, measures=(*first, *part.measures[1:])))
    return Score(tuple(parts), title)


def piece_part(piece: Score, number: int) -> Part:
    """A part of a piece, padded with rests to the length of the first part; silent if the piece lacks it."""
    first = piece.parts[0]
    if number < len(piece.parts):
        part = piece.parts[number]
        missing = first.measures[len(part.measures) :]
        return replace(part, measures=(*part.measures, *(Measure((), each.barline) for each in missing)))
    signs = [event for measure in first.measures[:1] for event in measure.events if isinstance(event, Meter)]
    silent = [Measure((Rest(Duration("whole")),), measure.barline) for measure in first.measures]
    if silent:
        break_ = first.measures[0].break_before
        silent[0] = replace(silent[0], events=(*signs, *silent[0].events), break_before=break_)
    return Part(tuple(silent))
