"""Humdrum text as Verovio reads all music in it, and what its interpretations say of a field.

Source: the Humdrum Tool Kit, **kern representation, https://www.humdrum.org/rep/kern/.
"""

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

__all__ = ["meter_at", "written_out"]

_METER = re.compile(r"\*M(\d+(?:\+\d+)*)/(\d+)")


def meter_at(lines: Sequence[str], line: int, field: int) -> tuple[str, str] | None:
    """The beats and the unit of the meter in a field of a text, counted from 1; None: it holds none."""
    fields = lines[line - 1].split("\t")[field - 1 :] if 0 < line <= len(lines) else []
    told = _METER.match(fields[0]) if fields else None
    return (told[1], told[2]) if told else None


class _Spine(NamedTuple):
    """A column of the text: whether it holds notes, and the line of its repeat sign, 0: none."""

    kern: bool
    sign: int = 0


def written_out(lines: list[str]) -> tuple[list[str], dict[tuple[int, int], int]]:
    """The lines as Verovio reads all music in them, and where repeat signs stand for music.

    Verovio drops the notes below a repeat sign, ties that are not drawn, and what a final long is tied to.

    Returns:
        The lines; the fields below repeat signs: of line and column, both from 1, the line of the sign.
    """
    plain: list[str] = []
    repeated: dict[tuple[int, int], int] = {}
    spines: list[_Spine] = []
    for number, line in enumerate(lines, 1):
        fields = line.split("\t")
        if line.startswith("**"):
            spines = [_Spine(field == "**kern") for field in fields]
        elif line.startswith("*"):
            spines = list(_next_spines(fields, spines, number))
            fields = ["*" if re.match(r"\*X?rep", field) else field for field in fields]
        elif line and line[0] not in "!=":
            repeated |= {(number, column): s.sign for column, s in enumerate(spines, 1) if s.sign}
            fields = [
                re.sub(r"(?<=[\[_])y|l", "", field) if spine.kern else field
                for field, spine in zip(fields, spines, strict=False)
            ]
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
            yield from (spine, _Spine(kern=False))
        elif field != "*-" and not field == before == "*v":
            yield spine
        before = field
