"""Grouping of systems into pieces, and of their staves into scores."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import lru_cache

from focal_omr.encodings.bar_rules import check_staves, close_staves, number_bars
from focal_omr.encodings.implied import infer_bar_length, infer_tuplets
from focal_omr.encodings.join_staves import StaffTokens, is_over, join_staves, prints_meter
from focal_omr.encodings.semantic import parse_barline
from focal_omr.score import records
from focal_omr.score.records import Break, Source
from focal_omr.score.score import Clef, Duration, Key, Measure, Meter, Part, Rest, Score, Sign, Voice
from focal_omr.score.unfold import unfold

# First systems are indented by 6 to 14 spaces in the scans at hand; flush ones by at most 1.
INDENTED_SPACES = 2.5
_CACHED_PARTS = 64  # an edit rebuilds only the part that it changes


@dataclass(frozen=True)
class SystemTokens:
    """The tokens of a system.

    Attributes:
        staves: Semantic tokens of each staff's contribution to the score, from top to bottom.
        indent_spaces: As in `page.systems.System`.
        opens_page: Whether it is the first system of its page.
        sources: For each staff, where each token was read; empty: not known.
    """

    staves: tuple[tuple[str, ...], ...]
    indent_spaces: float = 0.0
    opens_page: bool = False
    sources: tuple[tuple[Source, ...], ...] = ()


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

    score: records.Score
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
    indented = system.indent_spaces >= INDENTED_SPACES
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
        _join_part(
            tuple(system.staves[number] for system in systems),
            breaks,
            tuple(system.sources[number] if system.sources else () for system in systems),
        )
        for number in range(len(systems[0].staves))
    ]
    return Piece(
        records.Score(tuple(each.part for each in parts)),
        tuple(zip(*(each.bars for each in parts), strict=True)),
        tuple(sorted((system, staff) for staff, each in enumerate(parts) for system in each.closed)),
        next((each.length for each in parts if each.length), None),
        tuple(sorted({bar for each in parts for bar in each.tuplets})),
    )


@dataclass(frozen=True)
class _JoinedPart:
    """A part of a piece; fields as in `Piece`, for one staff of each system."""

    part: records.Part
    bars: list[StaffBars]
    closed: list[int]
    length: Fraction | None
    tuplets: list[int]


@lru_cache(_CACHED_PARTS)
def _join_part(
    staves: tuple[tuple[str, ...], ...], breaks: tuple[Break, ...], sources: tuple[tuple[Source, ...], ...]
) -> _JoinedPart:
    def joined(staves: Sequence[Sequence[str]]) -> records.Part:
        each = zip(staves, breaks, sources, strict=True)
        return join_staves([StaffTokens(tuple(tokens), break_, read) for tokens, break_, read in each])

    closed, added = close_staves(staves)
    part = joined(closed)
    if length := infer_bar_length(part):
        closed, added = close_staves(staves, bar_length=length)
        part = joined(closed)
    part, inferred = infer_tuplets(part, bar_length=length)
    numbers, number = [], 1  # of each measure's first bar
    for measure in part.measures:
        numbers.append(number)
        number += max(
            (event.bars for event in measure.events if isinstance(event, records.MultiRest)), default=1
        )
    inferred_bars = {numbers[index] for index in inferred}  # add up, although their tokens do not
    bars, first = [], 1
    for tokens, adds_up in zip(closed, check_staves(closed, bar_length=length), strict=True):
        token_bars, following = number_bars(tokens, first=first)
        ends = [bar for bar, token in zip(token_bars, tokens, strict=True) if parse_barline(token)]
        checked = [bar in inferred_bars or adds for bar, adds in zip(ends, adds_up, strict=False)]
        bars.append(StaffBars(first, (*checked, *adds_up[len(ends) :])))
        first = following
    return _JoinedPart(part, bars, added, length, sorted(inferred_bars))


def join_pieces(pieces: Sequence[Score], *, title: str = "") -> Score:
    """Join the pieces of a document into one score; parts that a piece lacks are silent during it.

    Each piece begins with its own signs: one without a key signature after one with sharps or flats begins
    with an explicit C major.

    Args:
        pieces: Their ids differ.
        title: Of the score; "": that of the first piece.
    """
    if not pieces:
        return Score(parts=(), title=title)
    fullest = max(pieces, key=lambda piece: len(piece.parts))
    parts = []
    for number, part in enumerate(fullest.parts):
        members = [
            piece.parts[number] if number < len(piece.parts) else _silent(piece.parts[0], part)
            for piece in pieces
        ]
        spanners = tuple(spanner for member in members for spanner in member.spanners)
        staves = max(member.staves for member in members)
        parts.append(replace(part, measures=_join_measures(members), staves=staves, spanners=spanners))
    return replace(fullest, parts=tuple(parts), title=title or pieces[0].title)


def _join_measures(members: Sequence[Part]) -> tuple[Measure, ...]:
    """The measures of one part of several pieces, numbered through."""
    measures: list[Measure] = []
    fifths = 0
    for member in members:
        first = member.measures[:1]
        if fifths and first and not any(isinstance(sign.value, Key) for sign in first[0].signs):
            # It opens with an explicit C major, after its clef.
            signs, after = first[0].signs, first[0].left_after
            others = (n for n, sign in enumerate(signs) if not isinstance(sign.value, Clef))
            place = next(others, len(signs))
            signs = (*signs[:place], Sign(Fraction(0), Key(0)), *signs[place:])
            after = after if after is None or after < place else after + 1
            first = (replace(first[0], signs=signs, left_after=after),)
        measures += (*first, *member.measures[1:])
        keys = (sign.value for measure in first + member.measures[1:] for sign in measure.signs)
        fifths = [fifths, *(key.fifths for key in keys if isinstance(key, Key))][-1]
    if not measures:
        return ()
    measures[0] = replace(measures[0], break_before=None)
    if len(members) == 1:
        return tuple(measures)
    start = 0 if measures[0].number == "0" else 1
    return tuple(replace(measure, number=str(number)) for number, measure in enumerate(measures, start))


def _silent(model: Part, part: Part) -> Part:
    """A part without music, beside another one of its piece.

    Args:
        model: The part whose measures it has.
        part: The part that the piece lacks.
    """
    measures = []
    for measure in model.measures:
        id_ = f"{measure.id}{part.id}"
        rest = Rest(
            id=f"{id_}e1",
            onset=Fraction(0),
            duration=Duration(Fraction(1)),
            length=measure.length,
            measure=True,
        )
        silent = Measure(
            id=id_,
            number=measure.number,
            voices=(Voice(1, (rest,)),) if measure.length else (),
            signs=tuple(replace(sign, id="") for sign in measure.signs if isinstance(sign.value, Meter)),
            pickup=measure.pickup,
            left=measure.left,
            right=measure.right,
            multirest=measure.multirest,
            break_before=measure.break_before,
        )
        measures.append(silent)
    return replace(part, measures=tuple(measures), spanners=())


def played_measures(pieces: Sequence[Score]) -> list[int]:
    """The indices of the measures of all pieces in the order of playing; no repeat leads into another one."""
    order: list[int] = []
    before = 0
    for piece in pieces:
        order += (before + index for index in unfold(piece))
        before += max((len(part.measures) for part in piece.parts), default=0)
    return order
