"""Humdrum **kern reader for whole scores, through Verovio's MEI.

What Verovio 6.4 leaves out is taken from the text: its ids name the line and field of what they stand for.
"""

import re
from dataclasses import replace
from xml.etree import ElementTree as ET

from focal_omr.formats.humdrum import field_at, written_out
from focal_omr.formats.mei_score_reader import mei_score, parse_mei
from focal_omr.formats.mei_terms import ID
from focal_omr.formats.verovio import Engraver
from focal_omr.score.score import Chord, Measure, MeasureRepeat, Rest, Score

__all__ = ["read_kern_score"]

_METER = re.compile(r"\*M(\d+(?:\+\d+)*)/(\d+)")
_PLACE = re.compile(r"-L(\d+)F(\d+)")


def read_kern_score(text: str) -> Score:
    """The score of a Humdrum text with **kern spines.

    Where a repeat sign stands for the music of a measure (*rep ... *Xrep), both are read.

    Raises:
        EngraveError: Verovio cannot read the text, or finds no music in it.
        NotationError: Something in it cannot be read: what, in which staff and measure.
    """
    lines = text.splitlines()
    plain, repeated = written_out(lines)
    root, score = parse_mei(Engraver().mei("\n".join(plain), input_format="kern"))
    _restore_signs(score, lines)
    read = mei_score(root, score)
    return replace(
        read,
        parts=tuple(
            replace(
                part,
                measures=tuple(_with_repeats(measure, part.staves, repeated) for measure in part.measures),
            )
            for part in read.parts
        ),
    )


def _restore_signs(score: ET.Element, lines: list[str]) -> None:
    """Give meters the numbers that Verovio drops beside a mensuration sign, and keys their naturals."""
    for parent in score.iter():
        for sign in (*parent.findall("meterSig"), *parent.findall("keySig")):
            place = _PLACE.search(sign.get(ID, ""))
            field = field_at(lines, int(place[1]), int(place[2])) if place else ""
            if sign.tag == "keySig" and re.match(r"\*k\[.*n", field):
                sign.set("cancelaccid", "before")
            elif told := _METER.match(field):
                sign.attrib |= {"count": told[1], "unit": told[2]}
                mensur = parent.find("mensur")
                if mensur is not None and mensur.get("sign") == "C" and not sign.get("sym"):
                    sign.set("sym", "cut" if mensur.get("slash") else "common")


def _with_repeats(measure: Measure, staves: int, repeated: dict[tuple[int, int], int]) -> Measure:
    """The measure with a repeat sign on the staves of which one sign stands for all that they play.

    Args:
        measure: The measure.
        staves: Number of staves of its part.
        repeated: The fields below repeat signs, see `written_out`.
    """
    signs: dict[int, set[int | None]] = {staff: set() for staff in range(1, staves + 1)}
    for voice in measure.voices:
        for event in voice.events:
            if isinstance(event, Chord | Rest) and event.staff in signs:
                place = _PLACE.search(event.id)
                signs[event.staff].add(repeated.get((int(place[1]), int(place[2]))) if place else None)
    repeats = tuple((s, MeasureRepeat()) for s, own in signs.items() if len(own) == 1 and None not in own)
    return replace(measure, repeats=repeats) if repeats else measure
