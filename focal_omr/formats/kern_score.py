"""Humdrum **kern reader for whole scores, through Verovio's MEI.

What Verovio 6.4 leaves out is taken from the text: its ids name the line and field of what they stand for.
"""

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import NamedTuple
from xml.etree import ElementTree as ET

from focal_omr.formats.mei_score_reader import mei_score, parse_mei
from focal_omr.formats.mei_terms import ID
from focal_omr.formats.verovio import Engraver
from focal_omr.score.score import Chord, Event, Measure, MeasureRepeat, Part, Rest, Score

__all__ = ["read_kern_score"]

_PLACE = re.compile(r"-L(\d+)F(\d+)")
_METER = re.compile(r"\*M(\d+(?:\+\d+)*)/(\d+)")


def read_kern_score(text: str) -> Score:
    """The score of a Humdrum text with **kern spines.

    Repeat signs of measures (*rep ... *Xrep) are read as
    signs, and the music that they repeat as it is written out.

    Raises:
        EngraveError: Verovio cannot read the text, or finds no music in it.
        NotationError: Something in it cannot be read: what, in which staff and measure.
    """
    lines = text.splitlines()
    plain, repeated = _written_out(lines)
    root, score = parse_mei(Engraver().mei("\n".join(plain), input_format="kern"))
    _restore_meters(score, lines)
    read = mei_score(root, score)
    return replace(read, parts=tuple(_with_repeats(part, repeated) for part in read.parts))


def _restore_meters(score: ET.Element, lines: list[str]) -> None:
    """Give the meters their numbers that Verovio drops beside a mensuration sign, in place."""
    for parent in score.iter():
        for meter in parent.findall("meterSig"):
            place = _PLACE.search(meter.get(ID, ""))
            if place is None:
                continue
            fields = lines[int(place[1]) - 1].split("\t")[int(place[2]) - 1 :]
            if fields and (told := _METER.match(fields[0])):
                meter.set("count", told[1])
                meter.set("unit", told[2])
                sign = parent.find("mensur")
                if sign is not None and sign.get("sign") == "C" and not meter.get("sym"):
                    meter.set("sym", "cut" if sign.get("slash") else "common")


# Repeat signs -----------------------------------------------------------------------------------------------


class _Spine(NamedTuple):
    """A column of the text: whether it holds notes, and the line of its repeat sign, 0: none."""

    kern: bool
    sign: int = 0


def _written_out(lines: list[str]) -> tuple[list[str], dict[tuple[int, int], int]]:
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


def _with_repeats(part: Part, repeated: dict[tuple[int, int], int]) -> Part:
    """The part with repeat signs where one sign stands for all that a staff plays in a measure."""
    measures: list[Measure] = []
    for measure in part.measures:
        events = [event for voice in measure.voices for event in voice.events]
        signs = tuple(
            (staff, MeasureRepeat())
            for staff in range(1, part.staves + 1)
            if measures and _one_sign([e for e in events if e.staff == staff], repeated)
        )
        measures.append(replace(measure, repeats=signs) if signs else measure)
    return replace(part, measures=tuple(measures))


def _one_sign(events: list[Event], repeated: dict[tuple[int, int], int]) -> bool:
    signs: set[int | None] = set()
    for event in events:
        if isinstance(event, Chord | Rest):
            place = _PLACE.search(event.id)
            signs.add(repeated.get((int(place[1]), int(place[2]))) if place else None)
    return len(signs) == 1 and None not in signs
