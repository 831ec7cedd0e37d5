"""Rare symbols brought up: what was seen least so far is put into the next staff that can hold it."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cache
from random import Random

from focal_omr.data.music.clefs import CLEFS, clefs_for, is_seen
from focal_omr.data.music.excerpt import LONGEST
from focal_omr.data.music.insert import Staff
from focal_omr.data.music.vary import with_clef
from focal_omr.encodings.semantic import parse_sign
from focal_omr.encodings.vocabulary import full_semantic
from focal_omr.score.records import Clef, Key, Meter, Note, Score

# How many rare symbols are put into one staff, at most.
_AT_ONCE = 14
_HARD_AT_ONCE = 4  # of these, such that few clefs show


def impossible(symbol: str) -> str | None:
    """Why no staff can show a symbol of the vocabulary, or None where one can."""
    sign = parse_sign(symbol)
    if isinstance(sign, Note) and not clefs_for(sign):
        return "no clef puts its pitch within the four spaces above and below the staff that a strip shows"
    return None


def possible_symbols() -> tuple[str, ...]:
    """The symbols of the vocabulary that some staff can show."""
    return tuple(symbol for symbol in full_semantic().symbols if not impossible(symbol))


@dataclass
class Rarity:
    """Counts the symbols of the staves so far and puts the least seen ones into others.

    Attributes:
        seen: How often each symbol occurred.
    """

    seen: Counter[str] = field(default_factory=Counter)
    _symbols: Sequence[str] = field(default_factory=possible_symbols)

    def count(self, label: Iterable[str]) -> None:
        """Count the symbols of a staff."""
        self.seen.update(label)

    def enriched(self, score: Score, random: Random) -> Score:
        """The staff with up to a dozen of the least seen symbols that its clef can show.

        The rarest one of all decides the clef; of equally rare ones that which the fewest clefs show, and
        some more of these come with it. Which of equal symbols come first is drawn.
        """
        clefs = _clef_counts()
        rank = [(self.seen.get(s, 0), clefs[s], random.random(), s) for s in self._symbols]
        hardest_first = [symbol for *_, symbol in sorted(rank)]
        rarest_first = [symbol for *_, symbol in sorted((n, drawn, s) for n, _, drawn, s in rank)]
        rarest = hardest_first[0]
        clef = _clef_for(rarest, score, random)
        hard = _fitting(hardest_first, clef, _HARD_AT_ONCE)
        chosen = dict.fromkeys((*hard, *_fitting(rarest_first, clef, _AT_ONCE - _HARD_AT_ONCE)))
        staff = Staff(with_clef(score.parts[0], clef), random)
        for symbol in sorted(chosen, key=_signs_first):
            if staff.size < LONGEST or symbol == rarest:
                staff.insert(symbol)
        return staff.score()


def _clef_for(symbol: str, score: Score, random: Random) -> Clef:
    """A clef that shows the symbol: the staff's own where it does."""
    sign = parse_sign(symbol)
    if isinstance(sign, Clef):
        return sign
    first = score.parts[0].measures[0].events[0]
    own = first if isinstance(first, Clef) else Clef("G", 2)
    if not isinstance(sign, Note) or is_seen(sign, own):
        return own
    clefs = clefs_for(sign)
    return random.choices(list(clefs), list(clefs.values()))[0]


@cache
def _clef_counts() -> dict[str, int]:
    """By how many clefs each symbol can be shown; a clef by itself alone."""
    signs = {symbol: parse_sign(symbol) for symbol in full_semantic().symbols}
    return {
        symbol: len(clefs_for(sign))
        if isinstance(sign, Note)
        else 1
        if isinstance(sign, Clef)
        else len(CLEFS)
        for symbol, sign in signs.items()
    }


def _fitting(symbols: Iterable[str], clef: Clef, count: int) -> list[str]:
    """The first `count` that a staff of this clef shows, with one key and one meter at most."""
    chosen: list[str] = []
    kinds: set[type] = set()
    for symbol in symbols:
        sign = parse_sign(symbol)
        if isinstance(sign, Note) and not is_seen(sign, clef):
            continue
        if isinstance(sign, Clef) and sign != clef:
            continue
        if isinstance(sign, Key | Meter):
            if type(sign) in kinds:
                continue
            kinds.add(type(sign))
        chosen.append(symbol)
        if len(chosen) == count:
            break
    return chosen


def _signs_first(symbol: str) -> int:
    return 0 if isinstance(parse_sign(symbol), Key) else 1 if isinstance(parse_sign(symbol), Meter) else 2
