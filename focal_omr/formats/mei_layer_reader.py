"""Layers of MEI: notes, chords, rests and what stands around them become drafts of events.

A draft is an event that control elements can still add to: marks, ties, the length of a whole measure.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from fractions import Fraction
from typing import Any, cast
from xml.etree import ElementTree as ET

from focal_omr.errors import NotationError
from focal_omr.formats.mei_drafts import Draft, DraftVoice, StaffState, set_beams
from focal_omr.formats.mei_sign_reader import barline, placement, sign_of, whole_number
from focal_omr.formats.mei_terms import (
    ACCIDENTALS,
    ARTICULATIONS,
    DURATIONS,
    GESTURAL,
    HEADS,
    ID,
    TECHNIQUES,
    flags,
    from_recip,
    inverted,
)
from focal_omr.score.bounds import MAX_NUMBER
from focal_omr.score.score import (
    Articulation,
    Duration,
    Fermata,
    Key,
    Lyric,
    MeasureRepeat,
    Note,
    Pitch,
    Technique,
    Tremolo,
    Tuplet,
    Unpitched,
)

__all__ = ["LayerReader"]

_VALUES = {name: value for value, name in DURATIONS.items()} | {"0": Fraction(2), "00": Fraction(4)}
_ALTERS = {name: alter for alter, name in GESTURAL.items()} | {
    **{"x": 2, "su": 1, "sd": 1, "fu": -1, "fd": -1, "nu": 0, "nd": 0, "ns": 1, "nf": -1, "xs": 3, "sx": 3}
}
_NAMES = inverted(ACCIDENTALS)
_ARTICULATIONS = inverted(ARTICULATIONS)
_HEADS = inverted(HEADS)
_MAX_EVENTS = 100_000  # of one layer
_ZERO = Fraction(0)


class LayerReader:
    """Reads one layer.

    Args:
        state: Of its staff.
        keep_id: Gives the id of an element: its own, or a new one that begins with a prefix.
        staff_of: Gives the staff of the part that a number in the document means; None: of another part.
        gestural: Whether the document tells sounding accidentals, so that a note without one is natural.
    """

    def __init__(
        self,
        state: StaffState,
        keep_id: Callable[[str | None, str], str],
        staff_of: Callable[[str], int | None],
        *,
        gestural: bool,
    ) -> None:
        self.state, self.keep_id, self.staff_of, self.gestural = state, keep_id, staff_of, gestural
        self.now = _ZERO
        self.beams: list[list[Draft]] = []
        self.grace: str | None = None
        self.tremolo = False  # inside a tremolo element

    def read(self, layer: ET.Element, staff: int, prefix: str) -> DraftVoice:
        """The voice of a layer.

        Args:
            layer: The element.
            staff: Of the part, from 1.
            prefix: Of the ids that are made.

        Raises:
            NotationError: A note without pitch, or an unknown duration.
        """
        number = layer.get("n", "")
        self.voice = DraftVoice(int(number) if number.isdecimal() and len(number) < 6 else 1, staff)
        self.prefix = prefix
        self._walk(layer, Fraction(1))
        return self.voice

    def _walk(self, parent: ET.Element, ratio: Fraction) -> None:
        for child in parent:
            tag = child.tag
            if tag in ("note", "chord", "rest", "space"):
                self._event(child, ratio)
            elif tag in ("mRest", "mSpace", "mRpt", "mRpt2", "multiRpt", "multiRest"):
                self._whole_measure(child)
            elif tag == "beam":
                self.beams.append([])
                self._walk(child, ratio)
                members = self.beams.pop()
                if any(draft.grace is None for draft in members):
                    members = [draft for draft in members if draft.grace is None]
                set_beams(members)
            elif tag == "tuplet":
                self._tuplet(child, ratio)
            elif tag in ("fTrem", "bTrem"):
                self._tremolo(child, ratio)
            elif tag == "graceGrp":
                self.grace = child.get("grace", "unacc")
                self._walk(child, ratio)
                self.grace = None
            elif tag == "halfmRpt":
                self._repeat_half(child)
            elif tag in ("clef", "keySig", "meterSig", "meterSigGrp") and not child.get("sameas"):
                sign = sign_of(child, self.state.key)
                if sign is not None:
                    self.voice.signs.append((self.now, sign))
                    if isinstance(sign, Key):
                        self.state.key = sign
            elif tag == "barLine":
                self.voice.barlines.append((self.now, barline(child.get("form", "single"))))

    # Containers --------------------------------------------------------------------------------------------

    def _tuplet(self, element: ET.Element, ratio: Fraction) -> None:
        actual, normal = whole_number(element, "num", 3), whole_number(element, "numbase", 2)
        if max(actual, normal) > MAX_NUMBER:
            raise NotationError(f"a tuplet of {actual}:{normal}; the maximum is {MAX_NUMBER}")
        first = len(self.voice.events)
        place = len(self.voice.tuplets)
        self._walk(element, ratio * Fraction(normal, actual))
        events = [e for e in self.voice.events[first:] if e.grace is None]
        if not events or all(event.kind == "space" for event in events):
            return
        value = element.get("dur")
        number = "none" if element.get("num.visible") == "false" else "actual"
        bracket = element.get("bracket.visible")
        tuplet = Tuplet(
            events[0].id,
            events[-1].id,
            actual,
            normal,
            Duration(_VALUES[value], whole_number(element, "dots", 0)) if value in _VALUES else None,
            "both" if element.get("num.format") == "ratio" and number == "actual" else cast("Any", number),
            None if bracket is None else bracket == "true",
            placement(element, "num.place") or placement(element, "bracket.place"),
        )
        self.voice.tuplets.insert(place, tuplet)

    def _tremolo(self, element: ET.Element, ratio: Fraction) -> None:
        first = len(self.voice.events)
        pair = element.tag == "fTrem"
        self.tremolo = True
        self._walk(element, ratio / 2 if pair else ratio)
        self.tremolo = False
        chords = [event for event in self.voice.events[first:] if event.kind == "chord"]
        if not chords:
            return
        children = [element, *element]
        mods = [m[1] for e in children if (m := re.match(r"(\d)slash", e.get("stem.mod", "")))]
        unit = element.get("unitdur", "")
        beams = 3
        if pair and element.get("beams", "").isdecimal():
            beams = whole_number(element, "beams", 3)
        elif mods:
            beams = int(mods[0])
        elif unit in _VALUES:
            own = max(flags(chords[0].duration), 0)
            beams = max(1, flags(Duration(_VALUES[unit])) - own)
        if pair and len(chords) > 1:
            chords[0].marks.append(Tremolo(beams, "start"))
            chords[-1].marks.append(Tremolo(beams, "stop"))
        else:
            chords[0].marks.append(Tremolo(beams))

    # Events ------------------------------------------------------------------------------------------------

    def _add(self, draft: Draft) -> None:
        if len(self.voice.events) >= _MAX_EVENTS:
            raise NotationError(f"a layer of more than {_MAX_EVENTS} events")
        self.voice.events.append(draft)
        self.now += draft.length
        if self.beams:
            self.beams[-1].append(draft)

    def _new(self, element: ET.Element, kind: str, length: Fraction) -> Draft:
        staff = self.voice.staff
        if other := element.get("staff"):
            staff = self.staff_of(other.split()[0]) or staff
        named = element.get(ID) is not None
        id_ = self.keep_id(element.get(ID), f"{self.prefix}e{len(self.voice.events) + 1}")
        straddles = "straddle" in element.get("type", "").split()
        return Draft(kind, id_, self.now, length, staff, named=named, straddles=straddles)

    def _whole_measure(self, element: ET.Element) -> None:
        kind = "rest" if element.tag in ("mRest", "multiRest") else "space"
        hidden = element.get("visible") == "false"
        draft = self._new(element, "space" if hidden else kind, _ZERO)
        draft.fills = True
        draft.cue = element.get("cue") == "true"
        draft.position = _position(element)
        self._marks(element, draft)
        self.voice.told = from_recip(element.get("dur.recip", ""))
        if element.tag == "multiRest":
            self.voice.multirest = min(whole_number(element, "num", 1), 999)
        elif kind == "space" and element.tag != "mSpace":
            measures = {"mRpt": 1, "mRpt2": 2}.get(element.tag) or whole_number(element, "num", 2)
            self.voice.repeat = MeasureRepeat(measures, whole_number(element, "n", measures))
        self._add(draft)

    def _repeat_half(self, element: ET.Element) -> None:
        """A sign that repeats half a measure, which the records lack: its music is written out."""
        meter = self.state.meter
        half = (meter.length if meter is not None and meter.length else Fraction(1)) / 2
        end = self.now + half
        for draft in [d for d in self.voice.events if self.now - half <= d.onset < self.now]:
            copy = self._new(ET.Element(element.tag), draft.kind, draft.length)
            ids = [self.keep_id(None, f"{copy.id}.{n}") for n, _ in enumerate(draft.notes, 1)]
            ids = ids if len(ids) > 1 else [copy.id]
            notes = [replace(note, id=id_, tie_to=None) for note, id_ in zip(draft.notes, ids, strict=False)]
            onset = draft.onset + half
            self.voice.events.append(replace(draft, id=copy.id, onset=onset, notes=notes, marks=[], ties=[]))
        if self.now == 0:
            self.voice.events.append(self._new(element, "space", half))
        self.now = end

    def _event(self, element: ET.Element, ratio: Fraction) -> None:
        inner = next((e for e in element.iter("note") if e.get("dur")), element)
        inner = element if element.get("dur") else inner
        duration = self._duration(inner)
        sounding = self._duration(inner, ".ges") if inner.get("dur.ges") in _VALUES else duration
        grace = element.get("grace") or self.grace
        if grace == "unknown":
            grace = "unacc"
        length = _ZERO if grace else sounding.length * ratio
        hidden = element.tag != "space" and element.get("visible") == "false"
        if element.tag == "space" or (hidden and not grace):
            last = self.voice.events[-1] if self.voice.events else None
            if (
                element.tag == "space"
                and element.get(ID) is None
                and last is not None
                and last.kind == "space"
            ):
                last.length += length
                self.now += length
                return
            self._add(self._new(element, "space", length))
            return
        if hidden:
            return
        draft = self._new(element, "rest" if element.tag == "rest" else "chord", length)
        draft.duration = duration
        if draft.straddles:
            draft.beyond = max(duration.length * ratio - length, _ZERO)
        draft.cue = element.get("cue") == "true"
        breaks = element.get("breaksec", "")
        draft.breaks = int(breaks) if breaks.isdecimal() and len(breaks) < 3 else None
        if draft.kind == "rest":
            draft.position = _position(element)
            draft.beamed = element.get("type") != "unbeamed"
        else:
            mod = element.get("stem.mod", "")
            draft.grace = None if not grace else "slash" if grace == "unacc" or "slash" in mod else "plain"
            invisible = element.get("stem.visible") == "false"
            draft.stem = "none" if invisible else element.get("stem.dir")
            draft.stem = draft.stem if draft.stem in ("up", "down", "none") else None
            if not grace and not self.tremolo and (slashes := re.match(r"([1-6])slash", mod)):
                draft.marks.append(Tremolo(int(slashes[1])))
            self._notes(element, draft)
        self._marks(element, draft)
        if draft.kind == "rest" or draft.notes:
            self._add(draft)

    def _duration(self, element: ET.Element, prefix: str = "") -> Duration:
        """The duration as written, or with a prefix of ".ges" as it sounds beside a misprinted one."""
        name = element.get(f"dur{prefix}", self.state.default)
        if name not in _VALUES:
            raise NotationError(f"a duration {name!r}")
        dots = whole_number(element, f"dots{prefix}", 0) or (0 if prefix else len(element.findall("dot")))
        return Duration(_VALUES[name], min(dots, 4))

    def _notes(self, element: ET.Element, draft: Draft) -> None:
        several = element.tag == "chord"
        if several and element.find(".//note") is None:
            raise NotationError("a chord without notes")
        for number, child in enumerate(element.iter("note") if several else [element], 1):
            if child.get("visible") == "false":
                continue
            id_ = self.keep_id(child.get(ID), f"{draft.id}.{number}") if several else draft.id
            accid = child.find("accid")
            printed = child.get("accid") or (accid.get("accid") if accid is not None else None)
            staff = self.staff_of(child.get("staff", "")) if several and child.get("staff") else None
            head = child.get("head.shape", "")
            kind = re.search(r"(?:^|\s)head\.(\S+)", child.get("type", ""))
            name = _HEADS.get(head, "normal") if not kind else kind[1].replace("_", " ")
            bearer = child if accid is None else accid
            enclosed = {"paren": "parentheses", "brack": "bracket"}.get(bearer.get("enclose", ""))
            if enclosed is None and bearer.get("func") == "caution":
                enclosed = "parentheses"
            note = Note(
                id=id_,
                pitch=self._pitch(child, accid, printed),
                accidental=_NAMES.get(printed or ""),
                enclosed=cast(Any, enclosed) if printed else None,
                head="none" if child.get("head.visible") == "false" else name,
                staff=None if staff == draft.staff else staff,
            )
            draft.notes.append(note)
            tie = child.get("tie") or (element.get("tie") if several else None) or ""
            if tie:
                draft.ties.append((id_, "m" in tie or "t" in tie, "i" in tie or "m" in tie))
            if several:
                self._marks(child, draft)

    def _pitch(self, note: ET.Element, accid: ET.Element | None, printed: str | None) -> Pitch | Unpitched:
        step = note.get("pname", "").upper()
        if step not in tuple("CDEFGAB"):
            loc = note.get("loc", "")
            if not re.fullmatch(r"-?\d{1,2}", loc):
                raise NotationError("a note without pitch: @pname or @loc is needed")
            place = int(loc) + 30
            return Unpitched(cast("Any", "CDEFGAB"[place % 7]), place // 7)
        octave = note.get("oct.ges") or note.get("oct") or ""
        if not re.fullmatch(r"-?\d", octave):
            raise NotationError(f"a note without octave: {step}")
        gestural = note.get("accid.ges") or (accid.get("accid.ges") if accid is not None else None)
        place_ = (step, int(octave))
        if printed is not None:
            self.state.in_measure[place_] = _ALTERS.get(printed, 0)
        if gestural in _ALTERS:
            alter = _ALTERS[gestural]
        elif printed is not None:
            alter = _ALTERS.get(printed, 0)
        else:
            held = self.state.in_measure.get(place_, self.state.key.alter(step))
            alter = 0 if self.gestural else held
        return Pitch(cast("Any", step), int(octave), alter)

    def _marks(self, element: ET.Element, draft: Draft) -> None:
        """Adds articulations, fermatas and lyrics that are attributes or children."""
        marks = [(name, element) for name in element.get("artic", "").split()]
        marks += [(name, e) for e in element.findall("artic") for name in e.get("artic", "").split()]
        for name, source in marks:
            known = _ARTICULATIONS.get(name)
            if known is not None:
                kind = Technique if known in TECHNIQUES else Articulation
                draft.marks.append(kind(known, placement=placement(source)))
        if (fermata := element.get("fermata")) in ("above", "below"):
            draft.marks.append(Fermata(placement=cast("Any", fermata)))
        for verse in element.iterfind("verse"):
            draft.marks += _lyrics(verse)
        if (syllable := element.get("syl")) and element.find("verse") is None:
            draft.marks.append(Lyric(syllable))


# Leaves ----------------------------------------------------------------------------------------------------


def _position(element: ET.Element) -> int | None:
    step, octave = element.get("ploc", ""), element.get("oloc", "")
    if len(step) == 1 and step in "cdefgab" and octave.isdecimal():
        return 7 * int(octave) + "cdefgab".index(step)
    return None


def _lyrics(verse: ET.Element) -> Iterator[Lyric]:
    """The syllable of a verse; several <syl> are elided."""
    syllables = verse.findall("syl")
    # Not split(): a no-break space belongs to a syllable ("1. Im").
    texts = [re.sub(r"[\t\r\n]+ *", " ", "".join(syllable.itertext())).strip() for syllable in syllables]
    if not syllables:
        return
    last = syllables[-1]
    con, position = last.get("con"), last.get("wordpos")
    syllabic = {"i": "begin", "m": "middle", "t": "end"}.get(position or "")
    if syllabic is None:
        syllabic = "begin" if con == "d" else "single"
    extend = con == "u"
    text = "\u203f".join(text for text in texts if text)
    if text or extend:
        yield Lyric(text, verse.get("n", "1"), cast("Any", syllabic), extend, placement(verse))
