"""Musical constraints on a token sequence: bars that add up, ties that end at a note.

A missed dot or a wrong number of beams shows only at the barline. `BarRules` scores a sequence symbol by
symbol with bonuses and penalties in nats, which beam search adds to the log probabilities of the network.
None is large enough to overrule a confident network.
"""

from collections.abc import Sequence
from enum import Enum, auto
from fractions import Fraction
from functools import lru_cache
from typing import NamedTuple

from focal_omr.encodings.semantic import TUPLET_NORMAL, parse_barline, parse_sign
from focal_omr.encodings.vocabulary import BLANK
from focal_omr.score.records import Clef, Key, Meter, MultiRest, Note, Rest

# Nats. Chosen on rendered staves, see experiments/LOG.md.
_BAR = 2.0  # a bar that adds up to its meter, or does not
_TIE = 2.0  # a tie to a note of another pitch, to a rest, or after no note
_CACHED_STAVES = 1000  # after an edit of a book, unchanged staves are not checked again
_CACHED_STEPS = 50_000  # a long run over many images keeps meeting new ones
_SIGN = 3.0  # repeated clefs, keys or meters; an accidental without a note; a nested tuplet


class _Kind(Enum):
    NOTE = auto()
    GRACE = auto()
    REST = auto()
    MULTIREST = auto()
    CLEF = auto()
    KEY = auto()
    METER = auto()
    BARLINE = auto()
    CUT = auto()  # a barline that may stand within a bar: any but a single one
    TUPLET = auto()
    TUPLET_END = auto()
    TIE = auto()
    ACCIDENTAL = auto()
    OTHER = auto()


class _BarSymbol(NamedTuple):
    kind: _Kind
    length: Fraction = Fraction(0)  # whole notes; of a meter: of a bar; of a tuplet: its scale
    pitch: int = 0  # diatonic


class BarState(NamedTuple):
    """The state of the rules after a prefix of a sequence.

    Attributes:
        filled: Length of the bar so far, in whole notes.
        full: Length of a bar by the meter; None before the first meter.
        partial: Whether the bar may be shorter: the first one, and one after a double barline or repeat sign.
        alone: Whether the bar holds a single whole or multi-measure rest and nothing else.
        factor: Length scale of the open tuplet; None outside of one.
        last: Kind of the last symbol.
        tied: Diatonic pitch that an open tie expects next.
        pitch: Diatonic pitch of the last note.
    """

    filled: Fraction = Fraction(0)
    full: Fraction | None = None
    partial: bool = True
    alone: bool = False
    factor: Fraction | None = None
    last: _Kind = _Kind.OTHER
    tied: int | None = None
    pitch: int | None = None


class BarRules:
    """Transitions between states for the symbols of a printed or semantic vocabulary.

    Args:
        symbols: The symbols of class 1, 2, ...
    """

    start = BarState()

    def __init__(self, symbols: Sequence[str]) -> None:
        self._symbols = [_bar_symbol(symbol) for symbol in symbols]
        # Without a meter no bar can be wrong, so beam search would delete meters.
        self.pinned = frozenset(
            number for number, symbol in enumerate(self._symbols, BLANK + 1) if symbol.kind is _Kind.METER
        )
        # (id of a state, class) -> (that state, next state, score). The state is stored so that its id stays
        # unique. Hashing ids takes a twentieth of the time of hashing a state's fractions.
        self._steps: dict[tuple[int, int], tuple[BarState, BarState, float]] = {}
        self._states: dict[BarState, BarState] = {}  # one instance of equal states

    def starting(self, bar_length: Fraction | None) -> BarState:
        """The initial state for a bar length in whole notes; None: no meter yet."""
        state = self.start._replace(full=bar_length)
        return self._states.setdefault(state, state)

    def step(self, state: BarState, number: int) -> tuple[BarState, float]:
        """The state after one more symbol, and the score of that symbol in nats.

        Args:
            state: The state before the symbol.
            number: Class of the symbol, from 1.
        """
        key = id(state), number
        if (step := self._steps.get(key)) is None:
            if len(self._steps) >= _CACHED_STEPS:
                self._steps.clear()
                self._states.clear()
            after, score = _step(state, self._symbols[number - BLANK - 1])
            step = self._steps[key] = state, self._states.setdefault(after, after), score
        return step[1:]


def bar_adds_up(state: BarState, *, at_cut: bool = False) -> bool | None:
    """Whether the bar that a barline closes here adds up to the meter; None: undecidable.

    Undecidable are bars without a meter, empty bars, and short bars that may be partial: a pickup, or one
    before (`at_cut`) or after a repeat sign, a double or a final barline.
    """
    if state.full is None or (not state.filled and not state.alone):
        return None
    if state.alone or state.filled == state.full:
        return True
    return None if (state.partial or at_cut) and state.filled < state.full else False


def check_bars(tokens: Sequence[str]) -> list[bool | None]:
    """`bar_adds_up` for each bar of a semantic or printed label; None after the last barline."""
    return check_staves([tokens])[0]


def check_staves(
    staves: Sequence[Sequence[str]], *, bar_length: Fraction | None = None
) -> list[list[bool | None]]:
    """`check_bars` for consecutive staves of one part, across which meter and open bar continue.

    A bar belongs to the staff on which it ends; a staff with an open bar at its end has None for it.

    Args:
        staves: The tokens of each staff.
        bar_length: Length of bars before any meter, in whole notes; None: unknown.
    """
    state, checked = BarState(full=bar_length), []
    for tokens in staves:
        state, bars = _through_staff(state, tuple(tokens))
        checked.append(list(bars))
    return checked


@lru_cache(maxsize=_CACHED_STAVES)
def _through_staff(state: BarState, tokens: tuple[str, ...]) -> tuple[BarState, tuple[bool | None, ...]]:
    """The state after a staff, and whether its bars add up; None for an open bar at its end."""
    bars: list[bool | None] = []
    is_open = False
    for token in tokens:
        symbol = _bar_symbol(token)
        is_open = symbol.kind not in (_Kind.BARLINE, _Kind.CUT)
        if not is_open:
            bars.append(bar_adds_up(state, at_cut=symbol.kind is _Kind.CUT))
        state, _ = _step(state, symbol)
    return state, (*bars, None) if is_open else tuple(bars)


def close_staves(
    staves: Sequence[Sequence[str]], *, bar_length: Fraction | None = None
) -> tuple[list[list[str]], list[int]]:
    """The staves of one part, with a barline after each whose last bar is full and open.

    Music continues across the end of a staff; but where the meter is full there, a barline was not printed or
    not read, and the next bar would be joined to this one.

    Args:
        staves: The tokens of each staff.
        bar_length: Length of bars before any meter, in whole notes; None: unknown.

    Returns:
        The staves, and the indices of those that got a barline.
    """
    state = BarState(full=bar_length)
    closed, added = [], []
    for number, tokens in enumerate(staves):
        state, _ = _through_staff(state, tuple(tokens))
        full = state.full is not None and state.filled == state.full
        closed.append([*tokens, "barline"] if full else list(tokens))
        if full:
            added.append(number)
            state, _ = _step(state, _bar_symbol("barline"))
    return closed, added


def number_bars(tokens: Sequence[str], *, first: int = 1) -> tuple[list[int], int]:
    """The bar number of each token, and that of the bar after the last token.

    A barline belongs to the bar that it closes. A rest of N bars counts as N bars.
    """
    numbers, number, length = [], first, 1
    for token in tokens:
        numbers.append(number)
        if isinstance(rest := parse_sign(token), MultiRest):
            length = rest.bars
        if parse_barline(token):
            number, length = number + length, 1
    return numbers, number


@lru_cache(maxsize=10_000)
def _bar_symbol(text: str) -> _BarSymbol:
    if text.startswith("accidental"):
        return _BarSymbol(_Kind.ACCIDENTAL)
    if kind := parse_barline(text):
        return _BarSymbol(_Kind.BARLINE if kind == "single" else _Kind.CUT)
    if text == "tie":
        return _BarSymbol(_Kind.TIE)
    if text == "tuplet-end":
        return _BarSymbol(_Kind.TUPLET_END)
    if text.startswith("tuplet-") and (actual := int(text.partition("-")[2])) in TUPLET_NORMAL:
        return _BarSymbol(_Kind.TUPLET, Fraction(TUPLET_NORMAL[actual], actual))
    match parse_sign(text):
        case Note(grace=True):
            return _BarSymbol(_Kind.GRACE)
        case Note(pitch=pitch, duration=duration):
            return _BarSymbol(_Kind.NOTE, duration.length, pitch.diatonic)
        case Rest(duration=duration):
            return _BarSymbol(_Kind.REST, duration.length)
        case MultiRest():
            return _BarSymbol(_Kind.MULTIREST)
        case Clef():
            return _BarSymbol(_Kind.CLEF)
        case Key():
            return _BarSymbol(_Kind.KEY)
        case Meter() as meter:
            return _BarSymbol(_Kind.METER, meter.length)
    return _BarSymbol(_Kind.OTHER)


def _step(state: BarState, symbol: _BarSymbol) -> tuple[BarState, float]:
    kind = symbol.kind
    score = -_SIGN if _is_misplaced(state, kind) else 0.0
    if state.tied is not None and kind in (_Kind.NOTE, _Kind.REST, _Kind.MULTIREST):
        score -= 0.0 if kind is _Kind.NOTE and symbol.pitch == state.tied else _TIE
        state = state._replace(tied=None)
    match kind:
        case _Kind.BARLINE | _Kind.CUT:
            adds_up = bar_adds_up(state, at_cut=kind is _Kind.CUT)
            if adds_up is not None:
                score += _BAR if adds_up else -_BAR
            state = state._replace(filled=Fraction(0), alone=False, partial=kind is _Kind.CUT)
        case _Kind.NOTE | _Kind.REST:
            length = symbol.length * (state.factor or 1)
            whole_rest = kind is _Kind.REST and length == 1 and not state.filled
            state = state._replace(filled=state.filled + length, alone=whole_rest)
            if kind is _Kind.NOTE:
                state = state._replace(pitch=symbol.pitch)
        case _Kind.MULTIREST:
            state = state._replace(alone=not state.filled)
        case _Kind.METER:
            state = state._replace(full=symbol.length)
        case _Kind.TUPLET:
            state = state._replace(factor=symbol.length)
        case _Kind.TUPLET_END:
            state = state._replace(factor=None)
        case _Kind.TIE:
            state = state._replace(tied=state.pitch)
    return state._replace(last=kind), score


def _is_misplaced(state: BarState, kind: _Kind) -> bool:
    if state.last is _Kind.ACCIDENTAL and kind not in (_Kind.NOTE, _Kind.GRACE):
        return True
    match kind:
        case _Kind.CLEF | _Kind.KEY | _Kind.METER:
            return state.last is kind
        case _Kind.TIE:
            return state.last is not _Kind.NOTE
        case _Kind.TUPLET:
            return state.factor is not None
        case _Kind.TUPLET_END:
            return state.factor is None or state.last is _Kind.TUPLET
        case _Kind.BARLINE | _Kind.CUT:
            return state.factor is not None
    return False
