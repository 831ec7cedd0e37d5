"""Balancing of rare symbols: the rarest so far are inserted into the next staff that can show them."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cache
from random import Random

from focal_omr.data.music.clefs import CLEFS, clefs_for, is_visible
from focal_omr.data.music.excerpt import MAX_SYMBOLS
from focal_omr.data.music.insert import SymbolInserter
from focal_omr.data.music.vary import with_clef
from focal_omr.encodings.semantic import parse_sign
from focal_omr.encodings.vocabulary import full_semantic
from focal_omr.score.records import Clef, Key, Meter, Note, Score

_MAX_INSERTED = 14  # rare symbols per staff
_MAX_HARD = 4  # of these, symbols that few clefs show


def impossible(symbol: str) -> str | None:
    """Return the reason why no staff can show a symbol of the vocabulary, or None."""
    sign = parse_sign(symbol)
    if isinstance(sign, Note) and not clefs_for(sign):
        return "no clef puts its pitch within the four spaces above and below the staff that a strip shows"
    return None


def possible_symbols() -> tuple[str, ...]:
    """Return the symbols of the vocabulary that some staff can show."""
    return tuple(symbol for symbol in full_semantic().symbols if not impossible(symbol))


@dataclass
class Rarity:
    """Counts the symbols of the staves so far and inserts the rarest ones into others.

    Attributes:
        seen: Number of occurrences of each symbol.
    """

    seen: Counter[str] = field(default_factory=Counter)
    _symbols: Sequence[str] = field(default_factory=possible_symbols)

    def count(self, label: Iterable[str]) -> None:
        """Count the symbols of a staff."""
        self.seen.update(label)

    def enriched(self, score: Score, random: Random) -> Score:
        """Insert up to `_MAX_INSERTED` of the rarest symbols that the clef can show.

        The rarest symbol determines the clef; among equally rare ones, the one that the fewest clefs show,
        and some more of these are inserted with it. Remaining ties are broken at random.
        """
        clefs = _clef_counts()
        rank = [(self.seen.get(s, 0), clefs[s], random.random(), s) for s in self._symbols]
        hardest_first = [symbol for *_, symbol in sorted(rank)]
        rarest_first = [symbol for *_, symbol in sorted((n, drawn, s) for n, _, drawn, s in rank)]
        rarest = hardest_first[0]
        clef = _clef_for(rarest, score, random)
        hard = _fitting(hardest_first, clef, _MAX_HARD)
        chosen = dict.fromkeys((*hard, *_fitting(rarest_first, clef, _MAX_INSERTED - _MAX_HARD)))
        inserter = SymbolInserter(with_clef(score.parts[0], clef), random)
        order = {Key: 0, Meter: 1}  # signatures first, see `SymbolInserter`
        for symbol in sorted(chosen, key=lambda symbol: order.get(type(parse_sign(symbol)), 2)):
            if inserter.size < MAX_SYMBOLS or symbol == rarest:
                inserter.insert(symbol)
        return inserter.score()


def _clef_for(symbol: str, score: Score, random: Random) -> Clef:
    """Return a clef that shows the symbol: the current one if possible."""
    sign = parse_sign(symbol)
    if isinstance(sign, Clef):
        return sign
    first = score.parts[0].measures[0].events[0]
    current = first if isinstance(first, Clef) else Clef("G", 2)
    if not isinstance(sign, Note) or is_visible(sign, current):
        return current
    clefs = clefs_for(sign)
    return random.choices(list(clefs), list(clefs.values()))[0]


@cache
def _clef_counts() -> dict[str, int]:
    """Count the clefs under which each symbol can be shown."""
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
    """Return the first `count` symbols that this clef can show, with at most one key and one meter."""
    chosen: list[str] = []
    kinds: set[type] = set()
    for symbol in symbols:
        sign = parse_sign(symbol)
        if isinstance(sign, Note) and not is_visible(sign, clef):
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
