"""Signs, barlines and directions of a MusicXML measure."""

import re
from fractions import Fraction
from typing import Any, cast
from xml.etree import ElementTree as ET

from focal_omr.errors import NotationError
from focal_omr.formats import musicxml_elements as elements
from focal_omr.formats.musicxml_elements import decimal, integer, placement, squeezed, text_of
from focal_omr.formats.musicxml_names import JUMP_SOUNDS, UNREAD
from focal_omr.formats.musicxml_part import PartState
from focal_omr.score.score import (
    Barline,
    Clef,
    Direction,
    Dynamic,
    Jump,
    Key,
    MeasureRepeat,
    Meter,
    Moment,
    MultiRest,
    Placement,
    Rehearsal,
    Sign,
    StaffLines,
    Tempo,
    Transposition,
    Unread,
    Words,
)

__all__ = ["SignReader"]

Place = tuple[Fraction, int, Placement | None]  # onset, staff, above or below
_Signed = Clef | Key | Meter | Transposition | StaffLines
# The order in which they are printed; that of the file says nothing.
_SIGN_ORDER = (Clef, Key, Meter, StaffLines, Transposition)
_MAX_STAFF_LINES = 20


class SignReader:
    """Collects what stands in a measure beside its voices; `measure` is its id. Onsets are in whole notes."""

    def __init__(self, part: PartState, measure: str) -> None:
        self.part, self.measure = part, measure
        self.signs: list[Sign] = []
        self.directions: list[Direction] = []
        self.barlines: list[tuple[Fraction, Barline]] = []
        self.left: Barline | None = None
        self.right: Barline | None = Barline()
        self.left_after: int | None = None
        self.multirest: MultiRest | None = None
        self.unread: list[Unread] = []

    def in_order(self) -> dict[str, Any]:
        """The fields of the measure's record."""

        def order(sign: Sign) -> tuple[Fraction, int, int, int]:
            return sign.onset, sign.graces, _SIGN_ORDER.index(type(sign.value)), sign.staff or 0

        return {
            "signs": tuple(sorted(self.signs, key=order)),
            "directions": tuple(sorted(self.directions, key=lambda d: (d.onset, d.staff))),
            "barlines": tuple(sorted(self.barlines, key=lambda barline: barline[0])),
            "left": self.left,
            "right": self.right,
            "left_after": None if self.left is None else self.left_after,
            "multirest": self.multirest,
            "unread": tuple(self.unread),
        }

    # Signs -------------------------------------------------------------------------------------------------

    def attributes(self, element: ET.Element, now: Fraction, graces: int) -> None:
        """Read an <attributes>.

        Args:
            element: The element.
            now: Its onset.
            graces: Number of grace notes at this onset that stand before it.

        Raises:
            NotationError: Divisions or signs that do not exist.
        """
        divisions = element.findtext("divisions")
        if divisions is not None:
            self.part.divisions = decimal(divisions)
            if self.part.divisions <= 0:
                raise NotationError(f"divisions of {divisions.strip()}")
        for child in element:
            number = child.get("number", "")
            staff = int(number) if re.fullmatch("[1-9][0-9]?", number) else None
            if staff is not None and staff > self.part.staves:
                staff = None
            match child.tag:
                case "key":
                    if (key := elements.read_key(child)) is not None:
                        self._add_sign(key, (now, staff, graces), child)
                case "time":
                    meter = elements.read_meter(child)
                    self._add_sign(meter, (now, staff, graces), child)
                    self.part.meter = meter.length
                case "clef":
                    self._add_sign(elements.read_clef(child), (now, staff or 1, graces), child)
                case "transpose":
                    self._add_sign(elements.read_transposition(child), (now, staff, graces), child)
                case "staff-details" if child.find("staff-lines") is not None:
                    lines = integer(child.findtext("staff-lines"), 0, _MAX_STAFF_LINES, "staff lines")
                    self._add_sign(StaffLines(lines), (now, staff or 1, graces), child)
                case "measure-style":
                    self._measure_style(child, staff)

    def _add_sign(self, value: _Signed, place: tuple[Fraction, int | None, int], element: ET.Element) -> None:
        onset, staff, graces = place
        printed = element.get("print-object") != "no"
        id_ = self.part.ids.keep(told, f"{told}_") if (told := element.get("id")) else ""
        self.signs.append(Sign(onset, value, staff, graces, printed, id_))

    def _measure_style(self, element: ET.Element, staff: int | None) -> None:
        rest, repeat = element.find("multiple-rest"), element.find("measure-repeat")
        if rest is not None:
            self.multirest = MultiRest(integer(text_of(rest) or "1", 1, 9999, "a multi-measure rest"))
        for number in () if repeat is None else range(1, self.part.staves + 1) if staff is None else (staff,):
            if repeat is None or repeat.get("type") == "stop":
                self.part.repeats.pop(number, None)
            else:
                slashes = integer(repeat.get("slashes") or "1", 1, 9, "slashes")
                measures = integer(text_of(repeat) or "1", 1, 99, "a measure repeat")
                self.part.repeats[number] = MeasureRepeat(measures, slashes)

    def barline(self, element: ET.Element, now: Fraction) -> None:
        """Read a <barline> at `now`, with its segno, coda and ending."""
        barline = elements.read_barline(element)
        location = element.get("location", "right")
        if location == "left":
            self.left = barline if barline != Barline() else self.left
            self.left_after = len(self.signs) or None
        elif location == "middle":
            self.barlines.append((now, barline))
        else:
            self.right = None if barline == Barline("none") else barline
        for sign in ("segno", "coda"):
            if element.find(sign) is not None:
                onset = Fraction(0) if location == "left" else now
                self._add(Jump(cast("Any", sign)), (onset, 1, None))
        ending = element.find("ending")
        if ending is not None:
            self.part.spanners.ending(ending, self.measure, self.part.measure)

    # Directions --------------------------------------------------------------------------------------------

    def _add(self, value: Any, place: Place) -> None:
        onset, staff, where = place
        self.directions.append(Direction(onset, value, staff, where))

    def _place(self, element: ET.Element, now: Fraction) -> Place:
        """The place of a direction at `now`, with its offset."""
        offset = element.findtext("offset")
        onset = max(now + self.part.ticks(offset), Fraction(0)) if offset else now
        return onset, self.part.staff(element), placement(element)

    def chord_symbol(self, element: ET.Element, now: Fraction) -> None:
        """Read a <harmony>."""
        self._add(elements.read_chord_symbol(element), self._place(element, now))

    def figured_bass(self, element: ET.Element, now: Fraction, note: ET.Element) -> None:
        """Read a <figured-bass>.

        Args:
            element: The element.
            now: Its onset.
            note: The <note> after it, whose staff it has.
        """
        length = None if element.find("duration") is None else self.part.ticks(element.findtext("duration"))
        value = elements.read_figured_bass(element, length)
        if value.figures:
            self._add(value, (now, self.part.staff(note), placement(element)))

    def direction(self, element: ET.Element, now: Fraction) -> None:
        """Read a <direction> at `now`: words, tempo, dynamics and the ends of lines."""
        place = onset, staff, where = self._place(element, now)
        texts: list[ET.Element] = []
        beat, per_minute = None, None
        for child in (e for kind in element.iterfind("direction-type") for e in kind):
            match child.tag:
                case "words":
                    texts.append(child)
                case "metronome":
                    beat, per_minute = elements.read_metronome(child)
                case "dynamics":
                    self.dynamics(child, place)
                case "rehearsal":
                    self._add(Rehearsal(text_of(child)), place)
                case "segno" | "coda":
                    self._add(Jump(cast("Any", child.tag)), place)
                case "wedge" | "octave-shift" | "pedal":
                    self.part.spanners.line(child, Moment(self.measure, onset, staff), where)
        text = squeezed("".join(e.text or "" for e in texts))
        sound = element.find("sound")
        if sound is not None and self.sound(sound, place, text):
            text = ""
        speed = None if sound is None or sound.get("tempo") is None else decimal(sound.get("tempo"))
        if beat is not None or (speed and text):
            self._add(Tempo(text, beat, per_minute, speed), place)
        elif text:
            self._add(Words(text, elements.words_style(texts[0])), place)

    def sound(self, sound: ET.Element, place: Place, text: str) -> bool:
        """Read the jump that a <sound> tells of; whether it does.

        Args:
            sound: The element.
            place: Where it stands.
            text: The words printed with it.
        """
        kind = next((kind for attribute, kind in JUMP_SOUNDS.items() if sound.get(attribute)), None)
        if kind is not None:
            self._add(Jump(cast("Any", kind), text), place)
        return kind is not None

    def grouping(self, element: ET.Element) -> None:
        """Read the <grouping> that our writer marks a staff with that was not read."""
        staff = element.get("member-of", "").removeprefix("staff ")
        for feature in element.iterfind("feature"):
            if feature.get("type") == UNREAD and staff.isdecimal() and len(staff) < 3:
                self.unread.append(Unread(int(staff), text_of(feature)))

    def dynamics(self, element: ET.Element, place: Place) -> None:
        """Read a <dynamics> of a direction or a note."""
        onset, staff, where = place
        for child in element:
            text = text_of(child) if child.tag == "other-dynamics" else child.tag
            if text:
                self._add(Dynamic(text), (onset, staff, placement(element) or where))
