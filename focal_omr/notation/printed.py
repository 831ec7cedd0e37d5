"""The *printed* encoding: semantic tokens in which a note names only the accidental that stands before it.

`note-E5_quarter` has none, `note-En5_quarter` a natural, `note-Eb5_quarter` a flat. The key signature is then
applied by rule and not by the network, which else has to remember it to the end of the staff. Everything
else is as in the semantic encoding, and the two are translated into each other token by token; the own
`accidental` token is not needed here.
"""

import re
from collections.abc import Iterator, Sequence
from functools import cache

from focal_omr.errors import NotationError
from focal_omr.notation.score import Key
from focal_omr.notation.semantic import parse_sign
from focal_omr.notation.vocabulary import Vocabulary, full_semantic

_NOTE = re.compile(r"((?:grace)?note-)([A-G])(n|##|#|bb|b|)(\d_.*)")
_ALTERS = {"n": 0, "##": 2, "#": 1, "bb": -2, "b": -1}
_SIGNS = {alter: sign for sign, alter in _ALTERS.items()}


def printed_sign(token: str) -> str | None:
    """The accidental that a note's token names ("" for none), or None where the token is no note's."""
    match = _NOTE.fullmatch(token)
    return match[3] if match else None


def unsigned(token: str) -> str:
    """A note's token without its accidental; any other token as it is."""
    return _NOTE.sub(r"\1\2\4", token)


def semantic_to_printed(tokens: Sequence[str]) -> list[str]:
    """The tokens of a semantic label in the printed encoding.

    Raises:
        NotationError: An `accidental` token that no note follows.
    """
    printed = []
    key, marked = Key(0), False
    for token in tokens:
        match = _NOTE.fullmatch(token)
        if marked and not match:
            raise NotationError(f"'accidental' before {token!r}, which is no note")
        if token == "accidental":
            marked = True
            continue
        if match:
            kind, step, sign, rest = match.groups()
            alter = _ALTERS.get(sign, 0)
            shown = _SIGNS[alter] if marked or alter != key.alter(step) else ""
            token = f"{kind}{step}{shown}{rest}"
            marked = False
        elif isinstance(event := parse_sign(token), Key):
            key = event
        printed.append(token)
    return printed


def printed_to_semantic(tokens: Sequence[str]) -> list[list[str]]:
    """For each printed token the semantic ones that it stands for: one, or `accidental` and a note."""
    key = Key(0)
    semantic = []
    for token in tokens:
        if match := _NOTE.fullmatch(token):
            kind, step, sign, rest = match.groups()
            alter = _ALTERS[sign] if sign else key.alter(step)
            reminder = ["accidental"] if sign and alter == key.alter(step) else []
            name = _SIGNS[alter] if alter else ""
            semantic.append([*reminder, f"{kind}{step}{name}{rest}"])
            continue
        if isinstance(event := parse_sign(token), Key):
            key = event
        semantic.append([token])
    return semantic


@cache
def full_printed() -> Vocabulary:
    """The printed symbols that stand for the symbols of `full_semantic`."""
    return Vocabulary(tuple(dict.fromkeys(_printed_symbols())))


def _printed_symbols() -> Iterator[str]:
    for symbol in full_semantic().symbols:
        if symbol == "accidental":
            continue
        sign = printed_sign(symbol)
        if sign is not None:
            yield unsigned(symbol)
        if sign in ("#", "b"):  # what can be sharp or flat can be made natural again
            yield _NOTE.sub(r"\1\2n\4", symbol)
        yield symbol
