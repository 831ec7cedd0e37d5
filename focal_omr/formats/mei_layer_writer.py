"""MEI layers: voices as nested elements, with beams, tuplets and tremolos around their notes."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from math import prod
from xml.etree import ElementTree as ET

from focal_omr.formats.colours import DOUBTFUL_COLOUR
from focal_omr.formats.mei_terms import (
    ACCIDENTALS,
    ARTICULATIONS,
    DURATIONS,
    GESTURAL,
    HEADS,
    ID,
    TECHNIQUES,
    as_recip,
    beat_unit,
    sub,
)
from focal_omr.score.score import (
    Articulation,
    Chord,
    Duration,
    Event,
    Key,
    Lyric,
    Measure,
    Meter,
    Note,
    Ottava,
    Part,
    Pitch,
    Rest,
    Space,
    Technique,
    Tremolo,
    Tuplet,
    Voice,
)

__all__ = ["PartLayers"]

_ZERO = Fraction(0)
_ELISION = "\u203f"


@dataclass
class _Container:
    """An element around the events `first` .. `last` of a voice."""

    first: int
    last: int
    rank: int  # of containers around the same events, the lowest is the outermost
    element: ET.Element


@dataclass
class _OpenBeam:
    """A beam that a measure leaves open."""

    span: ET.Element
    members: list[str] = field(default_factory=list)


class PartLayers:
    """Writes the voices of one part, measure by measure.

    Args:
        part: The part.
        first_staff: Number of its first staff in the document.
    """

    def __init__(self, part: Part, first_staff: int) -> None:
        self.part, self.first_staff = part, first_staff
        self.tuplets: dict[str, list[Tuplet]] = defaultdict(list)
        for spanner in part.spanners:
            if isinstance(spanner, Tuplet):
                self.tuplets[spanner.start].append(spanner)
        index = {measure.id: number for number, measure in enumerate(part.measures)}
        self.ottavas = [
            ((index[s.start.measure], s.start.onset), (index[s.end.measure], s.end.onset), s)
            for s in part.spanners
            if isinstance(s, Ottava) and s.start.measure in index and s.end.measure in index
        ]
        self.keys = {staff: Key(0) for staff in range(1, part.staves + 1)}
        self.units = dict.fromkeys(range(1, part.staves + 1), 4)
        self.meter: Meter | None = None
        self.open_beams: dict[int, _OpenBeam] = {}
        self.altered: set[str] = set()
        self.late: list[ET.Element] = []

    def begin(self, measure: Measure) -> None:
        """Take note of the keys and meters that open a measure."""
        for sign in measure.signs:
            for staff in [sign.staff] if sign.staff else list(self.keys):
                if isinstance(sign.value, Key):
                    self.keys[staff] = sign.value
                elif isinstance(sign.value, Meter) and sign.onset == 0:
                    self.meter = sign.value
                    self.units[staff] = beat_unit(sign.value)

    def write(
        self,
        index: int,
        parent: ET.Element,
        inserted: dict[int, list[tuple[Fraction, ET.Element]]],
        multirest: int | None,
    ) -> list[ET.Element]:
        """Write the staves of a measure.

        Args:
            index: The measure's index in the part.
            parent: The <measure>.
            inserted: By staff of the part what stands inside the measure, at its onset: clefs, barlines ...
            multirest: The number of measures where this one is a multi-measure rest.

        Returns:
            Control elements that go into this measure: beams that no element can hold.
        """
        measure = self.part.measures[index]
        self.late = []
        self.altered = {
            note.pitch.step
            for voice in measure.voices
            for event in voice.events
            if isinstance(event, Chord)
            for note in event.notes
            if isinstance(note.pitch, Pitch) and (note.pitch.alter or note.accidental)
        }
        home: dict[int, int] = {}  # the staff whose layer holds a voice: that of most of its events
        for number, voice in enumerate(measure.voices):
            staves = [event.staff for event in voice.events]
            home[number] = max(sorted(set(staves)), key=staves.count, default=1)
        repeats = dict(measure.repeats)
        for staff in range(1, self.part.staves + 1):
            element = sub(parent, "staff", {"n": str(self.first_staff + staff - 1)})
            voices = [voice for number, voice in enumerate(measure.voices) if home[number] == staff]
            waiting = list(inserted.get(staff, ()))
            clefs: list[tuple[Fraction, ET.Element]] = []
            for voice in voices:
                layer = sub(element, "layer", {"n": str(voice.number)})
                if multirest is not None:
                    sub(layer, "multiRest", {ID: voice.events[0].id, "num": str(multirest)})
                    continue
                rests = (isinstance(e, Space) or (isinstance(e, Rest) and e.measure) for e in voice.events)
                if staff in repeats and all(rests):
                    repeat = repeats[staff]
                    tag = {1: "mRpt", 2: "mRpt2"}.get(repeat.measures, "multiRpt")
                    several = str(repeat.measures) if tag == "multiRpt" else None
                    slashes = str(repeat.slashes) if repeat.slashes != repeat.measures else None
                    sub(layer, tag, {ID: voice.events[0].id, "num": several, "n": slashes})
                    continue
                here = [entry for entry in waiting if entry[0] in _boundaries(voice)]
                waiting = [entry for entry in waiting if entry not in here]
                # Verovio reads the notes of each layer by the clefs in it: other voices refer to the clef.
                same = [entry for entry in clefs if entry[0] in _boundaries(voice)]
                for number, (onset, sign) in enumerate(here):
                    if sign.tag == "clef" and len(voices) > 1:
                        sign.set(ID, f"{measure.id}c{staff}-{voice.number}-{number}")
                        clefs.append((onset, sign))
                here += [(onset, ET.Element("clef", {"sameas": f"#{e.attrib[ID]}"})) for onset, e in same]
                self._fill(layer, index, measure, voice, staff, here)
            if waiting or not voices:
                self._filler(element, measure, waiting)
        return self.late

    def _filler(
        self, staff: ET.Element, measure: Measure, inserted: Sequence[tuple[Fraction, ET.Element]]
    ) -> None:
        """Writes a layer of spaces without ids, for what no voice of the staff can hold."""
        taken = [voice.number for voice in measure.voices]
        layer = sub(staff, "layer", {"n": str(max(taken, default=0) + 1)})
        now = _ZERO
        for onset, element in sorted(inserted, key=lambda entry: entry[0]):
            _write_space(layer, onset - now, {})
            layer.append(element)
            now = onset

    # Nesting -----------------------------------------------------------------------------------------------

    def _fill(
        self,
        layer: ET.Element,
        index: int,
        measure: Measure,
        voice: Voice,
        staff: int,
        inserted: list[tuple[Fraction, ET.Element]],
    ) -> None:
        """Writes a voice into its layer, nesting what is around its events."""
        breaks: dict[str, int] = {}
        containers = [*_tremolos(voice)]
        places = {event.id: number for number, event in enumerate(voice.events)}
        for number, event in enumerate(voice.events):
            for order, tuplet in enumerate(self.tuplets.get(event.id, ())):
                element = ET.Element("tuplet", _tuplet_attributes(tuplet))
                containers.append(_Container(number, places.get(tuplet.end, number), order, element))
        for beam in self._beams(voice, breaks):
            if any(_cross(beam, other) for other in containers):
                self._span(beam, voice)
            else:
                containers.append(beam)
        containers.sort(key=lambda c: (c.first, -c.last, c.rank))
        whole = len(voice.events) == 1 and voice.events[0].length == measure.length
        open_: list[_Container] = []
        for number, event in enumerate(voice.events):
            while open_ and open_[-1].last < number:
                open_.pop()
            for entry in [entry for entry in inserted if entry[0] <= event.onset]:
                (open_[-1].element if open_ else layer).append(entry[1])
                inserted.remove(entry)
            for container in [c for c in containers if c.first == number]:
                if open_ and open_[-1].last < container.last:  # it crosses another one
                    self._span(container, voice)
                    continue
                (open_[-1].element if open_ else layer).append(container.element)
                open_.append(container)
            parent = open_[-1].element if open_ else layer
            beamed = any(container.element.tag == "beam" for container in open_)
            if isinstance(event, Space) and not whole:
                away = None if event.staff == staff else str(self.first_staff + event.staff - 1)
                tuplets = (c.element for c in open_ if c.element.tag == "tuplet")
                ratio = prod(Fraction(int(e.attrib["num"]), int(e.attrib["numbase"])) for e in tuplets)
                _write_space(parent, event.length * ratio, {ID: event.id, "staff": away})
            else:
                written = self._write_event(parent, event, (index, staff), breaks, whole=whole)
                if beamed and isinstance(event, Rest) and not event.beams:
                    written.set("type", "unbeamed")
        for _, element in inserted:
            layer.append(element)

    def _span(self, container: _Container, voice: Voice) -> None:
        """Writes a container that crosses another one as a control element."""
        tag = {"beam": "beamSpan", "tuplet": "tupletSpan"}.get(container.element.tag)
        if tag:
            events = voice.events[container.first : container.last + 1]
            members = [e.id for e in events if not isinstance(e, Chord) or not e.grace or tag != "beamSpan"]
            ends = {"startid": f"#{members[0]}", "endid": f"#{members[-1]}", "plist": _references(members)}
            self.late.append(ET.Element(tag, {**container.element.attrib, **ends}))

    def _beams(self, voice: Voice, breaks: dict[str, int]) -> Iterator[_Container]:
        """The beams of a voice; notes that break secondary beams are added to `breaks`."""
        for grace in (False, True):
            open_: list[int] = []
            for number, event in enumerate(voice.events):
                own_grace = isinstance(event, Chord) and event.grace is not None
                if own_grace != grace or isinstance(event, Space) or not event.beams:
                    continue
                first = event.beams[0]
                if first == "begin":
                    open_ = [number]
                elif first in ("continue", "end"):
                    open_.append(number)
                    if len(open_) > 1:
                        _note_break(voice.events[open_[-2]], event, breaks)
                    elif not grace and voice.number in self.open_beams:  # begun in the measure before
                        self.open_beams[voice.number].members.append(event.id)
                        open_ = []
                        if first == "end":
                            self._close_beam(voice.number)
                        continue
                    if first == "end" and open_:
                        if len(open_) > 1:
                            yield _Container(open_[0], open_[-1], 50 + grace, ET.Element("beam"))
                        open_ = []
            if grace:
                continue
            self._close_beam(voice.number)
            if open_:
                span = ET.Element("beamSpan")
                self.late.append(span)
                self.open_beams[voice.number] = _OpenBeam(span, [voice.events[i].id for i in open_])

    def _close_beam(self, voice: int) -> None:
        beam = self.open_beams.pop(voice, None)
        if beam is not None:
            beam.span.set("startid", f"#{beam.members[0]}")
            beam.span.set("endid", f"#{beam.members[-1]}")
            beam.span.set("plist", _references(beam.members))

    # Events ------------------------------------------------------------------------------------------------

    def _write_event(
        self,
        parent: ET.Element,
        event: Event,
        place: tuple[int, int],
        breaks: dict[str, int],
        *,
        whole: bool,
    ) -> ET.Element:
        """Writes one event; `place` is the index of its measure and the staff of its layer."""
        staff = None if event.staff == place[1] else str(self.first_staff + event.staff - 1)
        common = {ID: event.id, "staff": staff}
        full = self.meter.length if self.meter is not None else None
        recip = as_recip(event.length) if event.length and event.length != full else None
        if isinstance(event, Space):
            return sub(parent, "mSpace", {**common, "dur.recip": recip})
        if isinstance(event, Rest):
            position = {}
            if event.position is not None:
                position = {"ploc": "cdefgab"[event.position % 7], "oloc": str(event.position // 7)}
            common |= {"cue": "true" if event.cue else None, **position}
            if event.measure and whole:
                element = sub(parent, "mRest", {**common, "dur.recip": recip})
            else:
                element = sub(parent, "rest", {**common, **_value(event.duration)})
            _write_marks(element, event)
            return element
        return self._write_chord(parent, event, place, common, breaks)

    def _write_chord(
        self,
        parent: ET.Element,
        chord: Chord,
        place: tuple[int, int],
        common: dict[str, str | None],
        breaks: dict[str, int],
    ) -> ET.Element:
        tremolo = next((m for m in chord.marks if isinstance(m, Tremolo) and m.between is None), None)
        if tremolo is not None:
            value = Fraction(1, 2 ** (max(chord.duration.value.denominator, 4).bit_length() - 1))
            unit = DURATIONS.get(value / 2**tremolo.beams)
            parent = sub(parent, "bTrem", {"unitdur": unit})
        mod = f"{tremolo.beams}slash" if tremolo is not None else "1slash" if chord.grace == "slash" else None
        attributes = {
            **common,
            **_value(chord.duration),
            "grace": {"slash": "unacc", "plain": "acc", None: None}[chord.grace],
            "cue": "true" if chord.cue else None,
            "stem.mod": mod,
            "stem.dir": chord.stem if chord.stem in ("up", "down") else None,
            "stem.visible": "false" if chord.stem == "none" else None,
            "breaksec": str(breaks[chord.id]) if chord.id in breaks else None,
        }
        if len(chord.notes) == 1 and chord.notes[0].id == chord.id:
            element = self._write_note(parent, chord.notes[0], chord, place, attributes)
        else:
            element = sub(parent, "chord", attributes)
            for note in chord.notes:
                self._write_note(element, note, chord, place, {ID: note.id})
        _write_marks(element, chord)
        return element

    def _write_note(
        self,
        parent: ET.Element,
        note: Note,
        chord: Chord,
        place: tuple[int, int],
        attributes: dict[str, str | None],
    ) -> ET.Element:
        staff = note.staff or chord.staff
        if note.staff is not None:
            attributes["staff"] = str(self.first_staff + staff - 1)
        if note.head == "none":
            attributes["head.visible"] = "false"
        elif note.head in HEADS:
            attributes["head.shape"] = HEADS[note.head]
        elif note.head != "normal":
            attributes["type"] = "head." + note.head.replace(" ", "_")
        if note.doubtful:
            attributes["color"] = DOUBTFUL_COLOUR
        pitch = note.pitch
        if not isinstance(pitch, Pitch):
            return sub(parent, "note", {**attributes, "loc": str(pitch.diatonic - 30)})
        moment = (place[0], chord.onset)
        shifts = [
            s.octaves for start, end, s in self.ottavas if start <= moment < end and s.start.staff == staff
        ]
        octave = pitch.octave - sum(shifts)
        attributes |= {"pname": pitch.step.lower(), "oct": str(octave)}
        attributes["oct.ges"] = str(pitch.octave) if shifts else None
        printed = ACCIDENTALS.get(note.accidental or "")
        gestural = GESTURAL[pitch.alter]
        if printed is None:
            needed = pitch.alter or self.keys[staff].alter(pitch.step) or pitch.step in self.altered
            attributes["accid.ges"] = gestural if needed else None
        element = sub(parent, "note", attributes)
        if printed is not None:
            plain = {"x": "ss", "ns": "s", "nf": "f"}.get(printed, printed)
            enclosed = {"parentheses": "paren", "bracket": "brack", None: None}[note.enclosed]
            told = None if plain == gestural else gestural
            sub(element, "accid", {"accid": printed, "enclose": enclosed, "accid.ges": told})
        return element


# Leaves ----------------------------------------------------------------------------------------------------


def _boundaries(voice: Voice) -> set[Fraction]:
    """Onsets between events of a voice, but not between the two chords of a tremolo."""
    inner = {
        event.onset
        for event in voice.events
        if isinstance(event, Chord)
        and any(isinstance(m, Tremolo) and m.between == "stop" for m in event.marks)
    }
    ends = {event.onset + event.length for event in voice.events}
    return ({event.onset for event in voice.events} | ends) - inner


def _tremolos(voice: Voice) -> Iterator[_Container]:
    """Tremolos between two neighbouring chords."""
    for number, (first, second) in enumerate(zip(voice.events, voice.events[1:], strict=False)):
        marks = {
            mark.between: mark
            for event in (first, second)
            if isinstance(event, Chord)
            for mark in event.marks
            if isinstance(mark, Tremolo)
        }
        begins = isinstance(first, Chord) and marks.get("start") in first.marks
        if begins and isinstance(second, Chord) and marks.get("stop") in second.marks:
            beams = {"beams": str(marks["start"].beams)}
            yield _Container(number, number + 1, 99, ET.Element("fTrem", beams))


def _note_break(before: Chord | Rest | Space, after: Chord | Rest, breaks: dict[str, int]) -> None:
    """Notes where fewer beams join two notes than both have."""
    own = before.beams if not isinstance(before, Space) else ()
    joined = sum(
        left in ("begin", "continue") and right in ("continue", "end")
        for left, right in zip(own, after.beams, strict=False)
    )
    if 0 < joined < min(len(own), len(after.beams)):
        breaks[before.id] = joined


def _cross(one: _Container, other: _Container) -> bool:
    """Whether two containers overlap and neither holds the other."""
    first, second = sorted((one, other), key=lambda c: (c.first, -c.last))
    return first.first < second.first <= first.last < second.last


def _references(ids: Sequence[str]) -> str:
    return " ".join(f"#{id_}" for id_ in ids)


def _value(duration: Duration) -> dict[str, str | None]:
    return {"dur": DURATIONS[duration.value], "dots": str(duration.dots) if duration.dots else None}


def _tuplet_attributes(tuplet: Tuplet) -> dict[str, str]:
    attributes = {"num": str(tuplet.actual), "numbase": str(tuplet.normal)}
    if tuplet.value is not None:
        attributes |= {key: value for key, value in _value(tuplet.value).items() if value}
    if tuplet.number == "none":
        attributes["num.visible"] = "false"
    elif tuplet.number == "both":
        attributes["num.format"] = "ratio"
    if tuplet.bracket is not None:
        attributes["bracket.visible"] = "true" if tuplet.bracket else "false"
    if tuplet.placement:
        attributes |= {"num.place": tuplet.placement, "bracket.place": tuplet.placement}
    return attributes


def _write_space(parent: ET.Element, length: Fraction, attributes: dict[str, str | None]) -> None:
    """Writes time without ink as spaces of note values; a length that none has stands in a tuplet."""
    odd = length.denominator
    while odd % 2 == 0:
        odd //= 2
    if odd > 1:
        base = 2 ** (odd.bit_length() - 1)
        hidden = {"num.visible": "false", "bracket.visible": "false"}
        parent = sub(parent, "tuplet", {"num": str(odd), "numbase": str(base), **hidden})
        length = length * odd / base
    for value, name in DURATIONS.items():
        while value <= length:
            length -= value
            sub(parent, "space", {**attributes, "dur": name})
            attributes = {key: text for key, text in attributes.items() if key == "staff"}


def _write_marks(element: ET.Element, event: Chord | Rest) -> None:
    """Writes the marks that are children of a note, chord or rest."""
    for mark in event.marks:
        if isinstance(mark, Articulation) or (isinstance(mark, Technique) and not mark.text):
            if mark.name in ARTICULATIONS and (mark.name in TECHNIQUES) == isinstance(mark, Technique):
                sub(element, "artic", {"artic": ARTICULATIONS[mark.name], "place": mark.placement})
        elif isinstance(mark, Lyric):
            _write_lyric(element, mark)


def _write_lyric(element: ET.Element, lyric: Lyric) -> None:
    verse = sub(element, "verse", {"n": lyric.verse, "place": lyric.placement})
    position = {"begin": "i", "middle": "m", "end": "t", "single": None}[lyric.syllabic]
    join = "u" if lyric.extend else "d" if lyric.syllabic in ("begin", "middle") else None
    *elided, last = lyric.text.split(_ELISION)
    for text in elided:
        sub(verse, "syl", {"con": "b"}, text)
    sub(verse, "syl", {"con": join, "wordpos": position}, last)
