"""Humdrum text as Verovio reads all music in it, and what its interpretations say of a field.

Source: the Humdrum Tool Kit, **kern representation, https://www.humdrum.org/rep/kern/.
"""

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

__all__ = ["field_at", "written_out"]

# What Verovio 6.4 misreads in a field, and what it reads right.
_CORRECTED = {
    "**kern": ((re.compile(r"(?<=[\[_])y"), ""), (re.compile("l"), "")),  # hidden ties, final longs
    "**text": ((re.compile(r"\["), "&#91;"), (re.compile(r"\]"), "&#93;")),
}
_NATURALS = re.compile(r"(?<=[\[n#-])[a-g]n")  # of a key signature


def field_at(lines: Sequence[str], line: int, field: int) -> str:
    """A field of a text by line and column from 1; "" where there is none.

    Args:
        lines: Of the text.
        line: Number of the line.
        field: Number of the field in it.
    """
    fields = lines[line - 1].split("\t")[field - 1 :] if 0 < line <= len(lines) else []
    return fields[0] if fields else ""


class _Spine(NamedTuple):
    """A column of the text: what it holds, and the line of the repeat sign that it is in, 0: none."""

    kind: str
    sign: int = 0


def written_out(lines: list[str]) -> tuple[list[str], dict[tuple[int, int], int]]:
    """The lines as Verovio reads all music in them, and where repeat signs stand for music.

    Verovio drops the notes below a repeat sign, ties that are not drawn, what a final long is tied to, what
    stands in brackets in a text, and key signatures with naturals.

    Returns:
        The lines; the fields below repeat signs: of line and column, both from 1, the line of the sign.
    """
    plain: list[str] = []
    repeated: dict[tuple[int, int], int] = {}
    spines: list[_Spine] = []
    for number, line in enumerate(lines, 1):
        fields = line.split("\t")
        if line.startswith("**"):
            spines = [_Spine(field) for field in fields]
        elif line.startswith("*"):
            spines = list(_next_spines(fields, spines, number))
            fields = ["*" if re.match(r"\*X?rep", field) else field for field in fields]
            fields = [_NATURALS.sub("", f) if f.startswith("*k[") else f for f in fields]
        elif line and line[0] not in "!=":
            repeated |= {(number, column): s.sign for column, s in enumerate(spines, 1) if s.sign}
            for column, spine in enumerate(spines[: len(fields)]):
                for wrong, right in _CORRECTED.get(spine.kind, ()):
                    fields[column] = wrong.sub(right, fields[column])
        plain.append("\t".join(fields))
    return plain, repeated


def _next_spines(fields: list[str], spines: list[_Spine], number: int) -> Iterator[_Spine]:
    """The spines after a line of interpretations.

    Args:
        fields: The interpretations, one for each spine.
        spines: The spines before it.
        number: The line's number.
    """
    before = ""
    for field, spine in zip(fields, spines, strict=False):
        if field.startswith("*rep"):
            yield spine._replace(sign=number)
        elif field.startswith("*Xrep"):
            yield spine._replace(sign=0)
        elif field == "*^":
            yield from (spine, spine)
        elif field == "*+":
            yield from (spine, _Spine(""))
        elif field != "*-" and not field == before == "*v":
            yield spine
        before = field
