"""The order in which the measures of a score are played: repeats, endings, and jumps to segno and coda."""

import re
from dataclasses import dataclass, field

from focal_omr.score.score import Barline, Ending, Jump, Measure, Score

__all__ = ["unfold"]

_FINAL = Barline("light-heavy")
_MAX_PASSES = 32  # of one measure; a score that asks for more is misread


@dataclass(frozen=True)
class _Volta:
    """An ending by the indices of its first and last measures, with the passes in which it is played.

    Attributes:
        times: Number of passes of its group of adjacent endings.
        after: Index of the first measure after the group.
    """

    first: int
    last: int
    passes: frozenset[int]
    times: int
    after: int


@dataclass
class _Player:
    """Where the player is.

    Attributes:
        back: The measure that a repeat sign leads back to.
        turn: Number of the pass through the section, from 1.
        jumped: It has followed a D.C. or D.S.: repeats are left out, "to coda" and "fine" hold.
        done: Jumps that were followed, the last one at the end; none is followed twice.
        pieces: The first measure of each piece: a final barline without repeat signs ends one.
    """

    at: int = 0
    back: int = 0
    turn: int = 1
    jumped: bool = False
    done: list[int] = field(default_factory=lambda: [-1])
    pieces: list[int] = field(default_factory=lambda: [0])


def unfold(score: Score) -> list[int]:
    """The indices of measures in the order of playing.

    A repeat goes back to the last sign that opens one, or to the end of what was repeated last, or to the
    last final barline: a piece before this one is not repeated with it. A D.C. goes back to the beginning of
    the piece with its "Fine"; after that what stands behind the D.C. follows. After a D.C. or D.S. repeats
    are left out and the last ending is taken. Barlines are those of the first part, jumps those of any.

    Args:
        score: Its parts have equally many measures; further measures of longer parts come last.
    """
    measures = score.parts[0].measures if score.parts else ()
    longest = max((len(part.measures) for part in score.parts), default=0)
    jumps = _jumps(score)
    voltas = _voltas(score)
    player = _Player()
    player.pieces += (index + 1 for index, measure in enumerate(measures) if measure.right == _FINAL)
    order: list[int] = []
    while player.at < len(measures) and len(order) < _MAX_PASSES * len(measures):
        here = player.at
        volta = voltas.get(here)
        measure = measures[here]
        if measure.left is not None and measure.left.repeat == "forward" and here != player.back:
            player.back, player.turn = here, 1
        if volta is not None and here == volta.first:
            turn = volta.times if player.jumped else player.turn
            if turn not in volta.passes:
                player.at = volta.last + 1
                continue
        order.append(here)
        kinds = jumps.get(here, frozenset())
        if player.jumped and "fine" in kinds:
            player.at = player.back = player.done[-1] + 1
            player.turn, player.jumped = 1, False
            continue
        _advance(player, measure, volta, kinds, jumps)
    return order + list(range(len(measures), longest))


def _advance(
    player: _Player,
    measure: Measure,
    volta: _Volta | None,
    kinds: frozenset[str],
    jumps: dict[int, frozenset[str]],
) -> None:
    """Goes on after a measure: back to a repeat, away by a jump, or to the next measure."""
    here = player.at
    player.at += 1
    if player.jumped and "to-coda" in kinds:
        coda = next((i for i in sorted(jumps) if i > here and "coda" in jumps[i]), None)
        player.at = player.at if coda is None else coda
        return
    times = volta.times if volta is not None else 2
    if measure.right is not None and measure.right.repeat == "backward" and not player.jumped:
        if player.turn < times:
            player.turn += 1
            player.at = player.back
            return
        player.back, player.turn = player.at, 1
    if volta is not None and player.at >= volta.after and not player.jumped:
        player.back, player.turn = player.at, 1
    if player.jumped and here == player.done[-1]:  # back at the D.C. without a "Fine"
        player.jumped = False
        player.back, player.turn = player.at, 1
    if player.at in player.pieces:
        player.back, player.turn = player.at, 1
    if kinds & {"da-capo", "dal-segno"} and here not in player.done:
        signs = [i for i in jumps if "segno" in jumps[i]]
        segno = max((i for i in signs if i <= here), default=min(signs, default=0))
        ends = [i for i in jumps if "fine" in jumps[i] and player.done[-1] < i <= here]
        piece = max(i for i in player.pieces if i <= max(ends, default=here))
        player.done.append(here)
        player.jumped = True
        player.at = player.back = segno if "dal-segno" in kinds else piece


def _jumps(score: Score) -> dict[int, frozenset[str]]:
    """By the index of a measure the signs and instructions in it."""
    found: dict[int, set[str]] = {}
    text = ""
    for part in score.parts:
        for index, measure in enumerate(part.measures):
            for direction in measure.directions:
                if isinstance(direction.value, Jump):
                    found.setdefault(index, set()).add(direction.value.kind)
                    text += direction.value.text.casefold()
    codas = sorted(index for index, kinds in found.items() if "coda" in kinds)
    told = any("to-coda" in kinds for kinds in found.values())
    leaps = any(kinds & {"da-capo", "dal-segno"} for kinds in found.values())
    if len(codas) > 1 and leaps and not told:
        # Of two coda signs the first one is where to leave for the second one.
        found[codas[0]] = found[codas[0]] - {"coda"} | {"to-coda"}
    return {index: frozenset(kinds) for index, kinds in found.items()}


def _voltas(score: Score) -> dict[int, _Volta]:
    """By the index of each measure within an ending, the ending."""
    spans: dict[tuple[int, int], frozenset[int]] = {}
    for part in score.parts:
        index = {measure.id: number for number, measure in enumerate(part.measures)}
        for ending in part.spanners:
            if isinstance(ending, Ending) and ending.start in index and ending.end in index:
                # Programs number an ending "1" that is printed "1. u. 2.".
                printed = f"{ending.numbers} {ending.text}"
                numbers = frozenset(int(n) for n in re.findall(r"\d{1,2}", printed))
                if numbers:
                    spans.setdefault((index[ending.start], index[ending.end]), numbers)
    groups: list[list[tuple[int, int]]] = []
    for span in sorted(spans):
        if groups and groups[-1][-1][1] + 1 == span[0]:
            groups[-1].append(span)
        else:
            groups.append([span])
    found: dict[int, _Volta] = {}
    for group in groups:
        last = max(max(spans[span]) for span in group)
        times = last if len(group) > 1 else last + 1
        for span in group:
            volta = _Volta(*span, spans[span], times, group[-1][1] + 1)
            found |= dict.fromkeys(range(span[0], span[1] + 1), volta)
    return found
