"""Bars of columns: the columns of one staff of a system, cut at its barlines."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction

from focal_omr.encodings.columns import Column, NoteColumn, SignColumn

__all__ = ["Bar", "opens_with_repeat", "split_bars", "timed_columns"]

_FILLING = ("multirest", "measure-repeat")


@dataclass
class Bar:
    """The columns of one measure of one staff.

    Attributes:
        early: How many columns stand before the barline at which the measure begins, or at the beginning of
            the system: they hold from the beginning of the measure.
        barline: The barline that closes it; None: the system ends without one.
    """

    columns: list[Column] = field(default_factory=list)
    early: int = 0
    barline: str | None = None

    @property
    def signs(self) -> list[SignColumn]:
        """Its signs."""
        return [column for column in self.columns if isinstance(column, SignColumn)]

    @property
    def notes(self) -> list[NoteColumn]:
        """Its columns of notes and rests."""
        return [column for column in self.columns if isinstance(column, NoteColumn)]


def opens_with_repeat(columns: Sequence[Column]) -> bool:
    """Whether the first barline is a repeat sign with nothing but signs before it."""
    first = next((c for c in columns if isinstance(c, NoteColumn) or _is_sign(c, "barline", *_FILLING)), None)
    return first == SignColumn("barline", "repeat-start")


def split_bars(columns: Sequence[Column], *, opens: bool) -> list[Bar]:
    """The bars of a staff. Signs that only open the system belong to its first bar, a clef before a barline
    to the next one; what follows the last barline without notes announces the next system.

    Args:
        columns: The columns of a system.
        opens: The first barline belongs to what opens the system.
    """
    bars = [Bar(early=len(columns))]
    for column in columns:
        here = bars[-1].columns
        filled = any(isinstance(c, NoteColumn) or c.kind in _FILLING for c in here)
        if not _is_sign(column, "barline") or (opens and len(bars) == 1):
            opens = opens and not _is_sign(column, "barline")
            here.append(column)
            continue
        assert isinstance(column, SignColumn)
        bars[-1].barline = str(column.value)
        last = len(here)
        while filled and last and _is_sign(here[last - 1], "clef", "ending"):
            last -= 1
        clefs = [c for c in here[last:] if _is_sign(c, "clef")]
        here[last:] = [c for c in here[last:] if _is_sign(c, "ending")]
        bars.append(Bar(clefs, len(clefs)))
    if all(isinstance(c, SignColumn) and c.kind in ("clef", "key", "meter") for c in bars[-1].columns):
        bars.pop()
    return bars


def timed_columns(
    columns: Sequence[Column], onsets: Sequence[Fraction], length: Fraction
) -> list[tuple[Column, Fraction]]:
    """Columns with their onsets; a sign stands where the next column of notes begins.

    Args:
        columns: Of one measure of one staff.
        onsets: Of its note columns.
        length: Of the measure.
    """
    times = [*onsets]
    now = length
    timed = []
    for column in reversed(columns):
        if isinstance(column, NoteColumn):
            own = times.pop()
            if any(group is not None and group.duration is not None for group in column.groups):
                now = own  # else it is a rest of the whole measure alone
        timed.append((column, now))
    return timed[::-1]


def _is_sign(column: Column, *kinds: str) -> bool:
    return isinstance(column, SignColumn) and column.kind in kinds
