"""State of a MusicXML part from one measure to the next, and the ids of the document."""

import re
from dataclasses import dataclass, field
from fractions import Fraction
from xml.etree import ElementTree as ET

from focal_omr.errors import NotationError
from focal_omr.formats.musicxml_elements import decimal, integer
from focal_omr.formats.musicxml_spanners import SpannerReader
from focal_omr.score.score import MeasureRepeat

__all__ = ["IdPool", "PartState"]


class IdPool:
    """Ids of a document: those that are there, valid and unique, and generated ones that collide with none
    of them."""

    def __init__(self, root: ET.Element) -> None:
        self.taken = {id_ for element in root.iter() if (id_ := element.get("id"))}
        self._given: set[str] = set()

    def keep(self, wanted: str | None, generated: str) -> str:
        """The wanted id if it is a valid one and was not given yet; else the generated one, made unique."""
        if wanted and wanted not in self._given and re.fullmatch(r"[A-Za-z_][\w.-]*", wanted, re.ASCII):
            self._given.add(wanted)
            return wanted
        candidate, number = generated, 1
        while candidate in self.taken or candidate in self._given:
            number += 1
            candidate = f"{generated}_{number}"
        self._given.add(candidate)
        return candidate


@dataclass
class PartState:
    """What holds from one measure of a part to the next."""

    id: str
    ids: IdPool
    staves: int
    spanners: SpannerReader = field(default_factory=SpannerReader)
    divisions: Fraction = Fraction(1)
    meter: Fraction | None = None  # length of a full measure
    repeats: dict[int, MeasureRepeat] = field(default_factory=dict)  # by staff
    time: Fraction = Fraction(0)  # since the beginning of the part
    measure: str | None = None  # id of the measure before

    def staff(self, element: ET.Element) -> int:
        """The staff that an element names, the first one if it names none.

        Raises:
            NotationError: A staff that is no number, or one that the part does not have.
        """
        text = element.findtext("staff")
        staff = integer(text, 1, what="a staff") if text else 1
        if staff > self.staves:
            raise NotationError(f"staff {staff} of a part with {self.staves}")
        return staff

    def ticks(self, text: str | None) -> Fraction:
        """A number of divisions in whole notes.

        Raises:
            NotationError: It is no number.
        """
        return decimal(text) / self.divisions / 4
