"""What was read on the systems of a document becomes pieces, and these become scores."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import lru_cache

from focal_omr.encodings.bar_rules import check_staves, close_staves, number_bars
from focal_omr.encodings.implied import infer_bar_length, infer_tuplets
from focal_omr.encodings.join_staves import StaffTokens, is_over, join_parts, join_staves, prints_meter
from focal_omr.encodings.semantic import parse_barline
from focal_omr.score.records import Break, Duration, Measure, Meter, MultiRest, Part, Rest, Score

# Of a first system, in the prints at hand 6 to 14 spaces; where all systems are flush, at most 1.
_INDENTED_SPACES = 2.5
_KNOWN_PARTS = 64  # that are kept: where one of a document is changed the others are not made again


@dataclass(frozen=True)
class SystemTokens:
    """A system as it was read.

    Attributes:
        staves: Semantic tokens of each of its staves that belong to the score, from top to bottom.
        indent_spaces: As `page.systems.System` has it.
        opens_page: Whether it is the first of its page.
    """

    staves: tuple[tuple[str, ...], ...]
    indent_spaces: float = 0.0
    opens_page: bool = False


@dataclass(frozen=True)
class StaffBars:
    """The bars of one staff: the number of the first in its piece, and whether each adds up to the meter."""

    first_bar: int
    bars: tuple[bool | None, ...]


@dataclass(frozen=True)
class Piece:
    """Systems that follow each other.

    Attributes:
        score: Their music.
        bars: For each system, for each of its staves.
        added_barlines: (system, staff) at whose end a barline was put, see `bars.close_staves`; from 0.
        implied_length: Of a bar in whole notes, where no meter is printed and most bars agree.
        implied_tuplets: Numbers of the bars whose tuplets are understood and not printed.
    """

    score: Score
    bars: tuple[tuple[StaffBars, ...], ...]
    added_barlines: tuple[tuple[int, int], ...] = ()
    implied_length: Fraction | None = None
    implied_tuplets: tuple[int, ...] = ()


def begins_piece(before: SystemTokens | None, system: SystemTokens) -> bool:
    """Whether a system is the first of a piece.

    It is when it has another number of staves than the one before; and when two of three agree: the one
    before ends with a final barline or a repeat sign (a double one will do where this one is indented), this
    one is indented, and a meter is printed on it.

    Args:
        before: The system before it; None: there is none.
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
    """Join systems of one number of staves. Raises NotationError as `semantic.tokens_to_score`."""
    made = [
        _make_part(tuple(system.staves[number] for system in systems), tuple(map(_break, systems)))
        for number in range(len(systems[0].staves))
    ]
    return Piece(
        Score(tuple(each.part for each in made)),
        tuple(zip(*(each.bars for each in made), strict=True)),
        tuple(sorted((system, staff) for staff, each in enumerate(made) for system in each.closed)),
        next((each.length for each in made if each.length), None),
        tuple(sorted({bar for each in made for bar in each.tuplets})),
    )


@dataclass(frozen=True)
class _MadePart:
    """A part of a piece; its fields are those of `Piece` for one staff of each system."""

    part: Part
    bars: list[StaffBars]
    closed: list[int]
    length: Fraction | None
    tuplets: list[int]


@lru_cache(_KNOWN_PARTS)
def _make_part(staves: tuple[tuple[str, ...], ...], breaks: tuple[Break | None, ...]) -> _MadePart:
    closed, added = close_staves(staves)
    part = _joined(closed, breaks)
    if length := infer_bar_length(part):
        closed, added = close_staves(staves, bar_length=length)
        part = _joined(closed, breaks)
    part, places = infer_tuplets(part, bar_length=length)
    numbers = _measure_numbers(part)
    right = {numbers[place] for place in places}
    return _MadePart(part, _bars(closed, length, right), added, length, sorted(right))


def _joined(staves: Sequence[Sequence[str]], breaks: Sequence[Break | None]) -> Part:
    return join_staves([StaffTokens(tuple(t), b) for t, b in zip(staves, breaks, strict=True)])


def _measure_numbers(part: Part) -> list[int]:
    """The number of each measure's first bar."""
    numbers, number = [], 1
    for measure in part.measures:
        numbers.append(number)
        number += max((event.bars for event in measure.events if isinstance(event, MultiRest)), default=1)
    return numbers


def _break(system: SystemTokens) -> Break:
    return "page" if system.opens_page else "system"


def _bars(
    staves: Sequence[Sequence[str]], length: Fraction | None, right: Collection[int]
) -> list[StaffBars]:
    """The bars of each staff; those of `right` add up although their tokens do not."""
    first, result = 1, []
    for tokens, bars in zip(staves, check_staves(staves, bar_length=length), strict=True):
        numbers, following = number_bars(tokens, first=first)
        ends = [number for number, token in zip(numbers, tokens, strict=True) if parse_barline(token)]
        checked = [True if number in right else adds for number, adds in zip(ends, bars, strict=False)]
        result.append(StaffBars(first, (*checked, *bars[len(ends) :])))
        first = following
    return result


def join_pieces(pieces: Sequence[Score], *, title: str = "") -> Score:
    """The pieces of a document as one score; a piece with fewer parts than others is silent in the rest."""
    count = max((len(piece.parts) for piece in pieces), default=0)
    parts = [join_parts([piece_part(piece, number) for piece in pieces]) for number in range(count)]
    return Score(tuple(map(_without_first_break, parts)), title)


def _without_first_break(part: Part) -> Part:
    first = [replace(measure, break_before=None) for measure in part.measures[:1]]
    return replace(part, measures=(*first, *part.measures[1:]))


def piece_part(piece: Score, number: int) -> Part:
    """A part of a piece, as long as its first one; bars of rest where it has none, or is shorter."""
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
