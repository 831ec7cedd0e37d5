"""MusicXML reader of the comparison: a direct reading of the elements of whole scores.

It shares nothing with the package's own MusicXML reader and writer, whose output is compared here. Pitches
are the written ones of transposing instruments; durations are those of the printed note values with dots and
tuplets, and of <duration> where a note has no <type>. Files whose <divisions> cannot hold a tuplet come back
a little beside an onset that is already known: such onsets are taken for equal.
"""

import re
import unicodedata
from collections.abc import Collection
from fractions import Fraction
from xml.etree import ElementTree as ET

from focal_omr.errors import NotationError
from focal_omr.evaluation.score_diff.records import Bar, PrintedNote, Staff, Syllable, dynamics_in, spell

__all__ = ["only_parts", "read_musicxml"]

_QUARTERS = {
    **{"maxima": Fraction(32), "long": Fraction(16), "breve": Fraction(8), "whole": Fraction(4)},
    **{"half": Fraction(2), "quarter": Fraction(1), "eighth": Fraction(1, 2)},
    **{f"{n}{'nd' if n in (32, 512) else 'th'}": Fraction(4, n) for n in (16, 32, 64, 128, 256, 512, 1024)},
}
# In quarters: less than a 128th note, and more than what coarse divisions lose on a tuplet.
_ROUNDING = Fraction(1, 40)
_NUMBER = re.compile(r"[-+]?\d{1,9}(\.\d{0,9})?")
_MAX_NUMBER = 999  # staves, notes of a tuplet
_MAX_VOICES = 100  # in a measure of a part
_MAX_DOTS = 9


def read_musicxml(root: ET.Element) -> tuple[list[Staff], list[Bar]]:
    """Read a <score-partwise> document: its staves, and the measures of all parts as bars.

    Raises:
        NotationError: Another kind of document, no part, or an element that cannot be read.
    """
    if root.tag != "score-partwise":
        raise NotationError(f"a <{root.tag}> document; needed is MusicXML of the kind <score-partwise>")
    names = {e.get("id", ""): (e.findtext("part-name") or "").strip() for e in root.iter("score-part")}
    staves: list[Staff] = []
    bars: list[Bar] = []
    for part in root.iterfind("part"):
        source = part.get("id", "")
        name = names.get(source, "")
        reader = _PartReader(source, len(staves))
        for index, measure in enumerate(part.iterfind("measure")):
            if index == len(bars):
                bars.append(Bar(index + 1, measure.get("number", "")))
            reader.bar = bars[index]
            try:
                reader.measure(measure)
            except NotationError as error:
                raise NotationError(f"part {name or source!r}, measure {index + 1}: {error}") from None
        numbers = range(1, reader.staves + 1)
        titles = [f"{name} staff {number}".strip() for number in numbers] if reader.staves > 1 else [name]
        staves += (Staff(title, name, source) for title in titles)
    if not staves:
        raise NotationError("a MusicXML document without a <part>")
    return staves, bars


def only_parts(root: ET.Element, sources: Collection[str]) -> ET.Element:
    """The document with only the parts of the given ids."""
    alone = ET.Element(root.tag, root.attrib)
    for child in root:
        if child.tag == "part-list":
            listed = [e for e in child if e.tag == "score-part" and e.get("id") in sources]
            ET.SubElement(alone, "part-list").extend(listed)
        elif child.tag != "part" or child.get("id") in sources:
            alone.append(child)
    return alone


class _PartReader:
    """Reads the measures of one part, whose first staff has `above` staves above it, into bars."""

    def __init__(self, source: str, above: int) -> None:
        self.source, self.above = source, above
        self.staves = 1
        self.divisions = Fraction(1)
        self.bar = Bar(0)
        self.now = self.chord_onset = Fraction(0)
        self.known = {self.now}  # onsets of the measure

    def measure(self, measure: ET.Element) -> None:
        """Read a measure into `bar`."""
        self.now = self.chord_onset = Fraction(0)
        self.known = {self.now}
        for element in measure:
            match element.tag:
                case "attributes":
                    if element.find("divisions") is not None:
                        self.divisions = _number(element, "divisions")
                        if self.divisions <= 0:
                            raise NotationError(f"{self.divisions} divisions; 1 or more are needed")
                    if element.find("staves") is not None:
                        self.staves = max(self.staves, _whole(element, "staves"))
                case "note":
                    self._note(element)
                case "backup" | "forward":
                    step = _number(element, "duration") / self.divisions
                    to = self.now + (step if element.tag == "forward" else -step)
                    nearest = min(self.known, key=lambda onset: abs(onset - to))
                    self.now = nearest if abs(nearest - to) < _ROUNDING else to
                    self.known.add(self.now)
                case "direction":
                    staff = self._staff(element)
                    for dynamics in element.iter("dynamics"):
                        self._dynamics(dynamics, staff)
                    for wedge in element.iter("wedge"):
                        if (kind := wedge.get("type")) in ("crescendo", "diminuendo"):
                            self.bar.marks["hairpins"][staff, kind] += 1
            self.bar.length = max(self.bar.length, self.now)
        voices = {each for each in self.bar.voices if each.startswith(f"{self.source}/")}
        if len(voices) > _MAX_VOICES:
            raise NotationError(f"{len(voices)} voices; up to {_MAX_VOICES} are read")

    def _staff(self, element: ET.Element) -> int:
        number = _whole(element, "staff") if element.find("staff") is not None else 1
        self.staves = max(self.staves, number)
        return self.above + number

    def _note(self, element: ET.Element) -> None:
        is_grace, in_chord = element.find("grace") is not None, element.find("chord") is not None
        onset = self.chord_onset if in_chord else self.now
        has_duration = not is_grace and element.find("duration") is not None
        sounding = _number(element, "duration") / self.divisions if has_duration else Fraction(0)
        written = Fraction(0) if is_grace else _written(element)
        if not in_chord:
            self.chord_onset = onset
            if not is_grace:
                near = written is not None and abs(written - sounding) < _ROUNDING
                self.now = onset + (written if near and written is not None else sounding)
                self.known.add(self.now)
        if element.get("print-object") == "no":
            return
        staff = self._staff(element)
        if element.find("rest") is None:
            pitch = _pitch(element)
            duration = sounding if written is None else written
            self.bar.notes.append(PrintedNote(staff, onset, pitch, duration))
            self.bar.voices.append(f"{self.source}/{element.findtext('voice') or 1}")
            ties = [*element.findall("tie"), *element.findall("notations/tied")]
            if any(tie.get("type") == "start" for tie in ties):
                self.bar.marks["ties"][staff, onset, pitch] += 1
        for notations in element.findall("notations"):
            self._notations(notations, element, staff, onset)
        for lyric in element.findall("lyric"):
            text = "".join(each.text or "" for each in lyric if each.tag in ("text", "elision")).strip()
            if text:
                text, verse = unicodedata.normalize("NFC", text), lyric.get("number") or "1"
                self.bar.syllables.append(Syllable(staff, onset, verse, text))

    def _notations(self, notations: ET.Element, note: ET.Element, staff: int, onset: Fraction) -> None:
        marks = self.bar.marks
        for element in notations:
            match element.tag:
                case "slur" if element.get("type") == "start":
                    marks["slurs"][staff, "slur"] += 1
                case "articulations":
                    marks["articulations"].update((staff, each.tag) for each in element)
                case "fermata":
                    marks["articulations"][staff, "fermata"] += 1
                case "dynamics":
                    self._dynamics(element, staff)
                case "tuplet" if element.get("type") == "start":
                    if element.get("show-number") == "none" and element.get("bracket") != "yes":
                        continue  # it is not printed
                    own = element.find("tuplet-actual/tuplet-number") is not None
                    names = ("tuplet-actual/tuplet-number", "tuplet-normal/tuplet-number")
                    source, (actual, normal) = (
                        (element, names)
                        if own
                        else (note.find("time-modification"), ("actual-notes", "normal-notes"))
                    )
                    ratio = None if source is None else (_whole(source, actual), _whole(source, normal))
                    marks["tuplets"][staff, onset, ratio] += 1

    def _dynamics(self, dynamics: ET.Element, staff: int) -> None:
        text = " ".join(e.text or "" if e.tag == "other-dynamics" else e.tag for e in dynamics)
        self.bar.marks["dynamics"].update((staff, each) for each in dynamics_in(text))


def _written(note: ET.Element) -> Fraction | None:
    """Quarters by note value, dots and tuplet; None where no value is printed."""
    kind = (note.findtext("type") or "").strip()
    if not kind:
        return None
    if kind not in _QUARTERS:
        raise NotationError(f"a <type> {kind!r}; known are {', '.join(_QUARTERS)}")
    dots = len(note.findall("dot"))
    if dots > _MAX_DOTS:
        raise NotationError(f"{dots} dots; the maximum is {_MAX_DOTS}")
    value: Fraction = _QUARTERS[kind] * (2 - Fraction(1, 2**dots))
    ratio = note.find("time-modification")
    if ratio is not None:
        value *= Fraction(_whole(ratio, "normal-notes"), _whole(ratio, "actual-notes"))
    return value


def _pitch(note: ET.Element) -> str:
    pitch = note.find("pitch")
    if pitch is not None:
        step, octave = pitch.findtext("step") or "", "octave"
        alter = float(_number(pitch, "alter")) if pitch.find("alter") is not None else 0.0
    else:  # percussion is compared by its place on the staff
        pitch, alter, octave = note.find("unpitched"), 0.0, "display-octave"
        if pitch is None:
            raise NotationError("a <note> without pitch, rest or unpitched")
        if pitch.find("display-step") is None:
            return "?"
        step = pitch.findtext("display-step") or ""
    if (step := step.strip()) not in tuple("CDEFGAB"):
        raise NotationError(f"a note with the step {step!r}; A .. G is needed")
    return spell(step, alter, int(_number(pitch, octave)))


def _number(parent: ET.Element, tag: str) -> Fraction:
    text = (parent.findtext(tag) or "").strip()
    if not _NUMBER.fullmatch(text):
        raise NotationError(f"<{parent.tag}> with {tag} {text[:40]!r}; a number of up to 9 digits is needed")
    return Fraction(text)


def _whole(parent: ET.Element, tag: str) -> int:
    number = _number(parent, tag)
    if number.denominator != 1 or not 0 < number <= _MAX_NUMBER:
        raise NotationError(f"<{parent.tag}> with {tag} {number}; 1 to {_MAX_NUMBER} are known")
    return int(number)
