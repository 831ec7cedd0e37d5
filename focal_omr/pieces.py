"""What was read on the systems of a document becomes pieces, and these become scores."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from focal_omr.notation.bars import check_staves, close_staves, number_bars
from focal_omr.notation.joining import StaffTokens, is_over, join_parts, join_staves, prints_meter
from focal_omr.notation.score import Break, Duration, Measure, Meter, Part, Rest, Score

# Of a first system, in the prints at hand 6 to 14 spaces; where all systems are flush, at most 1.
_INDENTED_SPACES = 2.5


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
    """

    score: Score
    bars: tuple[tuple[StaffBars, ...], ...]
    added_barlines: tuple[tuple[int, int], ...] = ()


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


def make_piece(systems: Sequence[SystemTokens], *, title: str = "") -> Piece:
    """Join systems of one number of staves. Raises NotationError as `semantic.tokens_to_score`."""
    parts: list[Part] = []
    columns: list[list[StaffBars]] = []
    added: list[tuple[int, int]] = []
    for number in range(len(systems[0].staves)):
        staves, closed = close_staves([system.staves[number] for system in systems])
        added += [(system, number) for system in closed]
        breaks: list[Break] = ["page" if system.opens_page else "system" for system in systems]
        parts.append(join_staves([StaffTokens(tuple(t), b) for t, b in zip(staves, breaks, strict=True)]))
        columns.append(_bars(staves))
    rows = tuple(zip(*columns, strict=True))
    return Piece(Score(tuple(parts), title), rows, tuple(sorted(added)))


def _bars(staves: Sequence[Sequence[str]]) -> list[StaffBars]:
    first, result = 1, []
    for tokens, bars in zip(staves, check_staves(staves), strict=True):
        result.append(StaffBars(first, tuple(bars)))
        first = number_bars(tokens, first=first)[1]
    return result


def join_pieces(pieces: Sequence[Score], *, title: str = "") -> Score:
    """The pieces of a document as one score; a piece with fewer parts than others is silent in the rest."""
    pieces = [*map(_without_first_break, pieces[:1]), *pieces[1:]]
    if len(pieces) == 1:
        return replace(pieces[0], title=title or pieces[0].title)
    count = max((len(piece.parts) for piece in pieces), default=0)
    parts = []
    for number in range(count):
        parts.append(join_parts([_part(piece, number) for piece in pieces]))
    return Score(tuple(parts), title)


def _without_first_break(piece: Score) -> Score:
    """A piece whose first measure breaks nothing off, since nothing stands before it."""
    parts = []
    for part in piece.parts:
        first = tuple(replace(measure, break_before=None) for measure in part.measures[:1])
        parts.append(replace(part, measures=(*first, *part.measures[1:])))
    return replace(piece, parts=tuple(parts))


def _part(piece: Score, number: int) -> Part:
    """A part of a piece; bars of rest where it has none."""
    if number < len(piece.parts):
        return piece.parts[number]
    signs = [e for e in piece.parts[0].measures[0].events if isinstance(e, Meter)] if piece.parts else []
    silent = [Measure((Rest(Duration("whole")),), measure.barline) for measure in piece.parts[0].measures]
    if silent:
        silent[0] = replace(silent[0], events=(*signs, *silent[0].events))
        silent[0] = replace(silent[0], break_before=piece.parts[0].measures[0].break_before)
    return Part(tuple(silent))
