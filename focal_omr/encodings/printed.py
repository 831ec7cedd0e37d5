"""The *printed* encoding: semantic tokens with printed accidentals as separate symbols.

`accidental-#`, `note-E5_quarter` where PrIMuS has `note-E#5_quarter`; a note without a printed accidental is
`note-E5_quarter` in every key. The key signature is then applied by rule instead of being remembered by the
network to the end of the staff, and no note is rare because of its accidental: seven steps and five
accidentals are twelve symbols instead of 35. All other tokens are those of the semantic encoding.
"""

import re
from collections.abc import Sequence
from functools import cache

from focal_omr.encodings.semantic import parse_sign
from focal_omr.encodings.vocabulary import Vocabulary, full_semantic
from focal_omr.errors import NotationError
from focal_omr.score.records import NO_KEY, Key

_NOTE = re.compile(r"((?:grace)?note-)([A-G])(n|##|#|bb|b|)(\d_.*)")
_ALTERS = {"n": 0, "##": 2, "#": 1, "bb": -2, "b": -1}
_SIGNS = {alter: sign for sign, alter in _ALTERS.items()}
_ACCIDENTALS = {f"accidental-{sign}": sign for sign in _ALTERS}


def note_sign(token: str) -> str | None:
    """The alteration in the token of a note, "" for none; None if the token is not a note."""
    match = _NOTE.fullmatch(token)
    return match[3] if match else None


def unsigned(token: str) -> str:
    """The token of a note without its alteration; any other token unchanged."""
    return _NOTE.sub(r"\1\2\4", token)


def semantic_to_printed(tokens: Sequence[str]) -> list[str]:
    """The tokens of a semantic label in the printed encoding.

    Raises:
        NotationError: An `accidental` token without a note after it.
    """
    printed = []
    key, marked = NO_KEY, False
    for token in tokens:
        match = _NOTE.fullmatch(token)
        if marked and not match:
            raise NotationError(f"'accidental' before {token!r}, which is not a note")
        if token == "accidental":
            marked = True
            continue
        if match:
            _, step, sign, _ = match.groups()
            alter = _ALTERS.get(sign, 0)
            if marked or alter != key.alter(step):
                printed.append(f"accidental-{_SIGNS[alter]}")
            marked = False
        elif isinstance(event := parse_sign(token), Key):
            key = event
        printed.append(unsigned(token))
    return printed


def printed_to_semantic(tokens: Sequence[str], *, key: Key = NO_KEY) -> list[list[str]]:
    """The semantic tokens of each printed token.

    Usually one; none for an accidental, which goes into the next token if that is a note; `accidental` and
    the note for a note with a reminder of its key signature.

    Args:
        tokens: Printed tokens.
        key: The key signature in force before them.
    """
    sign = ""
    semantic: list[list[str]] = []
    for token in tokens:
        if token in _ACCIDENTALS:
            sign = _ACCIDENTALS[token]
            semantic.append([])
            continue
        if match := _NOTE.fullmatch(token):
            kind, step, _, rest = match.groups()
            alter = _ALTERS[sign] if sign else key.alter(step)
            reminder = ["accidental"] if sign and alter == key.alter(step) else []
            name = _SIGNS[alter] if alter else ""
            semantic.append([*reminder, f"{kind}{step}{name}{rest}"])
        else:
            if isinstance(event := parse_sign(token), Key):
                key = event
            semantic.append([token])
        sign = ""
    return semantic


@cache
def full_printed() -> Vocabulary:
    """The printed vocabulary for all labels of `full_semantic`."""
    symbols = [unsigned(symbol) for symbol in full_semantic().symbols if symbol != "accidental"]
    return Vocabulary((*_ACCIDENTALS, *dict.fromkeys(symbols)))
