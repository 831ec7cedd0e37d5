"""Pieces and parts of documents read as columns: which systems belong together, and which staff is whose."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from focal_omr.decode.columns import DecodedColumn
from focal_omr.document.pieces import INDENTED_SPACES
from focal_omr.encodings.columns import Column, SignColumn
from focal_omr.page.systems import System
from focal_omr.score.score import Clef, Meter

__all__ = ["ColumnSystem", "begins_piece", "part_sizes", "place_staves", "usual_sizes"]

_OVER = ("final", "repeat-end")
_OTHER_SIZE = 2.0  # cost of a staff at a place in a part of another size
_OTHER_CLEF = 1.0


@dataclass(frozen=True, slots=True)
class ColumnSystem:
    """A system as it was read.

    Attributes:
        page: Index of its page in the document.
        system: Its staves on the page.
        staves: Columns of each staff, from the top.
    """

    page: int
    system: System
    staves: tuple[tuple[DecodedColumn, ...], ...]

    @property
    def columns(self) -> list[list[Column]]:
        """The columns of each staff."""
        return [[each.column for each in staff if each.column is not None] for staff in self.staves]

    @property
    def signs(self) -> list[list[SignColumn]]:
        """The signs of each staff."""
        return [[each for each in staff if isinstance(each, SignColumn)] for staff in self.columns]


def begins_piece(before: ColumnSystem | None, system: ColumnSystem) -> bool:
    """Whether a system is the first of a piece.

    It is if two of three signs agree: the previous system ends with a final barline or a repeat sign (or a
    double barline, if this one is indented); this one is indented; this one has a printed meter. Another
    number of staves is none: staves that are silent may be left out.

    Args:
        before: The previous system; None if there is none.
        system: The system.
    """
    if before is None:
        return True
    indented = system.system.indent_spaces >= INDENTED_SPACES
    meter = any(isinstance(sign.value, Meter) for staff in system.signs for sign in staff[:4])
    if indented and meter:
        return True
    barlines = ([sign.value for sign in staff if sign.kind == "barline"] for staff in before.signs)
    ends = {value for own in barlines for value in own[-1:]}
    over = bool(ends & {*_OVER, *(["double"] if indented else [])})
    return over and (indented or meter)


def part_sizes(joined: Sequence[bool]) -> tuple[int, ...]:
    """Number of staves of each part of a system: two staves that only each other's barlines join are one
    part, a keyboard instrument; more than two are a group of instruments.

    Args:
        joined: As `System.joined`.
    """
    groups = [1]
    for run_on in joined:
        if run_on:
            groups[-1] += 1
        else:
            groups.append(1)
    return tuple(size for group in groups for size in ((2,) if group == 2 else (1,) * group))


def usual_sizes(systems: Sequence[ColumnSystem]) -> tuple[int, ...]:
    """The parts of a piece: those of most systems that have the most staves."""
    most = max(len(system.staves) for system in systems)
    full = (system.system for system in systems if len(system.staves) == most)
    sizes = Counter(part_sizes(system.joined or (False,) * (most - 1)) for system in full)
    return max(sizes, key=lambda own: (sizes[own], -len(own)))


def place_staves(system: ColumnSystem, full: ColumnSystem, sizes: Sequence[int]) -> list[int | None]:
    """For each staff of a piece the staff of a system that is its; None where the system leaves it out.

    Staves keep their order; of all ways the one is taken that fits the clefs and the sizes of parts best.

    Args:
        system: A system of the piece, maybe with fewer staves.
        full: The first system with all staves.
        sizes: Number of staves of each part.
    """
    count, own_count = sum(sizes), len(system.staves)
    if own_count == count:
        return [*range(count)]
    own_sizes = part_sizes(system.system.joined)
    wanted = [*zip(_places(sizes), _clefs(full), strict=True)]
    given = [*zip(_places(own_sizes), _clefs(system), strict=True)]
    # best[n]: cost and staves of the piece that the first n staves of the system are
    best: list[tuple[float, tuple[int, ...]] | None] = [(0.0, ()), *([None] * own_count)]
    for staff, (place, clef) in enumerate(wanted):
        for number in range(own_count, 0, -1):
            before = best[number - 1]
            if before is None:
                continue
            other_place, other_clef = given[number - 1]
            cost = before[0] + _OTHER_SIZE * (place != other_place) + _OTHER_CLEF * (clef != other_clef)
            known = best[number]
            if known is None or cost < known[0]:
                best[number] = (cost, (*before[1], staff))
    found = best[own_count]
    assert found is not None  # it has fewer staves than the piece
    return [found[1].index(staff) if staff in found[1] else None for staff in range(count)]


def _places(sizes: Sequence[int]) -> list[tuple[int, int]]:
    """(staves of its part, number in it) of each staff."""
    return [(size, number) for size in sizes for number in range(size)]


def _clefs(system: ColumnSystem) -> list[Clef | None]:
    """The clef with which each staff begins."""
    clefs = [[sign.value for sign in staff[:2] if isinstance(sign.value, Clef)] for staff in system.signs]
    return [own[0] if own else None for own in clefs]
