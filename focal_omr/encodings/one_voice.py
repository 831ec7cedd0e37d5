"""One-voice scores as whole scores: the records of `score.records` turned into those of `score.score`.

`to_one_voice` leads back. A score that went there and back is equal to itself.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from functools import lru_cache
from typing import cast

from focal_omr.score import records
from focal_omr.score.beaming import beam_types, one_beam
from focal_omr.score.event_ids import event_id, measure_id
from focal_omr.score.score import (
    Barline,
    BeamPart,
    Chord,
    Clef,
    Duration,
    Event,
    Fermata,
    Key,
    Measure,
    Meter,
    MultiRest,
    Note,
    Part,
    Rest,
    Score,
    Sign,
    Tuplet,
    Voice,
)

__all__ = ["ACCIDENTAL_NAMES", "BEAM_PARTS", "FORWARD", "METER_SYMBOLS", "NO_BARLINE", "to_score"]

# MusicXML names of the accidentals of one-voice records.
ACCIDENTAL_NAMES = {-2: "flat-flat", -1: "flat", 0: "natural", 1: "sharp", 2: "double-sharp"}
BEAM_PARTS: dict[records.BeamPlace, BeamPart] = {"start": "begin", "middle": "continue", "end": "end"}
METER_SYMBOLS = {"C": "common", "C/": "cut"}
FORWARD = Barline("heavy-light", "forward")
# Between the measures of a whole score that are one record: a multi-measure rest and its neighbours.
NO_BARLINE = Barline("none")
_RIGHT: dict[records.BarlineKind | None, Barline | None] = {
    "single": Barline(),
    "double": Barline("light-light"),
    "final": Barline("light-heavy"),
    "repeat_start": Barline(),  # it is the left barline of the next measure
    "repeat_end": Barline("light-heavy", "backward"),
    "repeat_both": Barline("light-heavy", "backward"),
    None: None,
}
# Where no next measure can hold the repeat sign, or it has a barline of its own.
_RIGHT_ALONE = _RIGHT | {"repeat_start": FORWARD, "repeat_both": Barline("heavy-heavy", "backward")}
_REPEAT_STARTS = ("repeat_start", "repeat_both")
_DEFAULT_BAR = Fraction(1)  # a whole-bar rest without a meter, as in Verovio
_ZERO = Fraction(0)
_CACHED_BARS = 8192  # a book of 100 pages

_Sign = records.Clef | records.Key | records.Meter


def to_score(one_voice: records.Score, *, before: int = 0, meter: records.Meter | None = None) -> Score:
    """The whole score that says the same as a one-voice score.

    Each part has one staff and one voice. Its events and signs have the ids of `score.event_ids`. A rest of N
    bars becomes N measures, and a measure of signs that ends in a repeat sign becomes the beginning of the
    next one. Parts shorter than the longest one end with empty measures.

    Args:
        one_voice: The score.
        before: Number of records of measures before it, in what it is a piece of; they count in the ids.
        meter: The meter in force before it.
    """
    builders = [_PartBuilder(number, part, before, meter) for number, part in enumerate(one_voice.parts, 1)]
    parts = [builder.build() for builder in builders]
    longest = max(parts, key=lambda part: len(part.measures), default=None)
    measures = longest.measures if longest else ()
    first = 0 if measures and measures[0].pickup and measures[0].length else 1
    for number, part in enumerate(parts):
        missing = [
            Measure(id=f"{measure.id}{part.id}", number="", voices=(), right=measure.right, pickup=True)
            for measure in measures[len(part.measures) :]
        ]
        numbered = tuple(
            replace(measure, number=str(index))
            for index, measure in enumerate((*part.measures, *missing), first)
        )
        parts[number] = replace(part, measures=numbered)
    return Score(parts=tuple(parts), title=one_voice.title)


@dataclass(frozen=True, slots=True)
class _Bar:
    """A record of a measure: its number in its part, and the record of signs with a repeat sign before it."""

    place: int
    measure: records.Measure
    opening: records.Measure | None = None


def _bars(measures: Sequence[records.Measure], before: int) -> Iterator[_Bar]:
    opening: records.Measure | None = None
    for index, measure in enumerate(measures, 1):
        place, following = before + index, measures[index] if index < len(measures) else None
        if _is_opening(measure) and following is not None and not _is_opening(following):
            opening = measure
            continue
        yield _Bar(place, measure, opening)
        opening = None


def _is_opening(measure: records.Measure) -> bool:
    """Whether a record holds only signs and a repeat sign, so that it opens the next one."""
    return measure.barline == "repeat_start" and all(isinstance(event, _Sign) for event in measure.events)


@dataclass(slots=True)
class _Segment:
    """Events of a record that are one measure, each with its id; a multi-measure rest is alone in time."""

    events: list[tuple[str, records.Event]] = field(default_factory=list)
    multirest: int = 0


class _PartBuilder:
    """Builds one part; times are whole notes."""

    def __init__(self, number: int, part: records.Part, before: int, meter: records.Meter | None) -> None:
        self.number, self.part, self.before, self.meter = number, part, before, meter
        self.ties: dict[str, list[tuple[str, str]]] = {}  # by the id of the measure in which they begin
        for source, target in _ties(number, part, before):
            self.ties.setdefault(source.rpartition("e")[0], []).append((source, target))
        self.has_beams = any(
            isinstance(event, records.Note) and event.beam
            for measure in part.measures
            for event in records.flat_events(measure)
        )

    def build(self) -> Part:
        """The part, with its measures not yet numbered."""
        measures: list[Measure] = []
        tuplets: list[Tuplet] = []
        meter = self.meter
        bars = list(_bars(self.part.measures, self.before))
        for index, bar in enumerate(bars):
            opens = index > 0 and bars[index - 1].measure.barline in _REPEAT_STARTS
            alone = index + 1 == len(bars) or bars[index + 1].opening is not None
            ties = tuple(self.ties.get(measure_id(self.number, bar.place), ()))
            place = (self.number, not measures, opens, alone)
            built = _build_bar(bar, place, meter, ties, self.has_beams)
            measures += built.measures
            tuplets += built.tuplets
            meter = built.meter
        return Part(
            id=f"P{self.number}",
            measures=tuple(measures),
            name=self.part.name,
            spanners=tuple(tuplets),
        )


@lru_cache(_CACHED_BARS)
def _build_bar(
    bar: _Bar,
    place: tuple[int, bool, bool, bool],
    meter: records.Meter | None,
    ties: tuple[tuple[str, str], ...],
    has_beams: bool,
) -> "_BarBuilder":
    """The measures of one record, built once: an edit of a document changes few of them.

    Args:
        bar: The record.
        place: Number of the part, whether the record is its first one, whether a repeat begins before it, and
            whether no following measure can hold its repeat sign.
        meter: The meter in force before it.
        ties: Ids of the notes in it that are tied on, and of those they lead to.
        has_beams: Whether the part has beams.
    """
    builder = _BarBuilder(place[0], meter, dict(ties), has_beams)
    builder.build(bar, first=place[1], opens=place[2], alone=place[3])
    return builder


class _BarBuilder:
    """Builds the measures of one record; finished, it is shared and not changed."""

    def __init__(
        self, number: int, meter: records.Meter | None, ties: dict[str, str], has_beams: bool
    ) -> None:
        self.number, self.meter, self.ties, self.has_beams = number, meter, ties, has_beams
        self.measures: list[Measure] = []
        self.tuplets: list[Tuplet] = []

    def build(self, bar: _Bar, *, first: bool, opens: bool, alone: bool) -> None:
        """Build them; the arguments are those of `_build_bar`."""
        signs = bar.opening.events if bar.opening else ()
        whole = replace(bar.measure, events=(*signs, *bar.measure.events))
        self.meter = records.opening_meter(whole, self.meter)
        bar_length = self.meter.length if self.meter else _DEFAULT_BAR
        fills = records.is_measure_rest(whole, self.meter)
        opening = [] if bar.opening is None else [(bar.place - 1, bar.opening)]
        with_ids: list[tuple[str, records.Event]] = []
        for place, measure in (*opening, (bar.place, bar.measure)):
            number = 1
            for event in measure.events:
                with_ids.append((event_id(self.number, place, number), event))
                number += len(event.events) if isinstance(event, records.Tuplet) else 1
        segments = list(_segments(with_ids))
        built: list[Measure] = []
        for segment in segments:
            rest = bar_length if segment.multirest or fills else None
            built += self._segment(segment, bar.place, len(built), rest)
            built[-1] = replace(built[-1], right=NO_BARLINE)
        kind = bar.measure.barline
        built[-1] = replace(built[-1], right=(_RIGHT_ALONE if alone else _RIGHT)[kind])
        broken = bar.measure.break_before or (bar.opening.break_before if bar.opening else None)
        left = FORWARD if bar.opening or opens else None
        after = len(bar.opening.events) if bar.opening else None
        short = _ZERO < whole.length < bar_length and self.meter is not None and kind is not None
        pickup = (first and len(built) == 1 and short) or built[0].length == 0 or len(segments) > 1
        built[0] = replace(built[0], break_before=broken, left=left, left_after=after, pickup=pickup)
        built[-1] = replace(built[-1], pickup=built[-1].pickup or built[-1].length == 0 or len(segments) > 1)
        self.measures = built
        self.meter = records.closing_meter(whole, self.meter)

    def _segment(self, segment: _Segment, place: int, index: int, rest: Fraction | None) -> list[Measure]:
        """The measures of a segment.

        Args:
            segment: The segment.
            place: Number of its record.
            index: Number of measures that the record has before it.
            rest: Length of its only rest, where that fills the measure.
        """
        builder = _VoiceBuilder(self, segment, rest)
        builder.build()
        count = max(segment.multirest, 1)
        name = measure_id(self.number, place)
        ids = [f"{name}.{number}" if number else name for number in range(index, index + count)]
        # Signs before the rest belong to its first measure, those after it to its last one.
        first, last = (
            tuple(sign for sign in builder.signs if (sign.onset > 0) == late) for late in (False, True)
        )
        voices = (Voice(1, tuple(builder.events)),) if builder.events else ()
        measures = [Measure(id=ids[0], number="", voices=voices, signs=first)]
        for number, id_ in enumerate(ids[1:], 2):
            assert rest is not None
            again = _measure_rest(f"{builder.events[0].id}.{number}", rest)
            measures.append(Measure(id=id_, number="", voices=(Voice(1, (again,)),)))
        if segment.multirest:
            measures[0] = replace(measures[0], multirest=MultiRest(segment.multirest))
        measures[-1] = replace(measures[-1], signs=(*measures[-1].signs, *last))
        return measures


def _segments(events: Sequence[tuple[str, records.Event]]) -> Iterator[_Segment]:
    """The events of a record, a multi-measure rest apart from those before and after it."""
    segment, begun = _Segment(), False
    for id_, event in events:
        apart = segment.multirest or isinstance(event, records.MultiRest)
        if apart and begun and not isinstance(event, _Sign):
            signs: list[tuple[str, records.Event]] = []
            while segment.multirest and isinstance(segment.events[-1][1], _Sign):
                signs.insert(0, segment.events.pop())  # signs after a rest go with what follows it
            yield segment
            segment = _Segment(signs)
        begun = begun or not isinstance(event, _Sign)
        segment.events.append((id_, event))
        if isinstance(event, records.MultiRest):
            segment.multirest = event.bars
    yield segment


class _VoiceBuilder:
    """Builds the events and signs of one measure."""

    def __init__(self, part: _BarBuilder, segment: _Segment, rest: Fraction | None) -> None:
        self.part, self.segment, self.rest = part, segment, rest
        self.events: list[Event] = []
        self.signs: list[Sign] = []
        self.onset, self.graces = _ZERO, 0
        flat = records.flat_events(records.Measure(tuple(event for _, event in segment.events)))
        notes = [event for event in flat if isinstance(event, records.Note)]
        self.beams = iter(
            _beams(note, tuple(levels)) for note, levels in zip(notes, beam_types(notes), strict=True)
        )

    def build(self) -> None:
        """Build them."""
        for id_, event in self.segment.events:
            match event:
                case records.Tuplet():
                    self._tuplet(id_, event)
                case records.Note() | records.Rest() | records.MultiRest():
                    self._timed(id_, event, Fraction(1))
                case _:
                    value = _sign(event)
                    staff = 1 if isinstance(value, Clef) else None
                    self.signs.append(Sign(self.onset, value, staff, self.graces, id=id_))

    def _timed(
        self, id_: str, event: records.Note | records.Rest | records.MultiRest, ratio: Fraction
    ) -> None:
        held = not isinstance(event, records.MultiRest) and event.fermata
        marks = (Fermata(placement="above"),) if held else ()
        built: Event
        if not isinstance(event, records.Note):
            if self.rest is not None:
                built = replace(_measure_rest(id_, self.rest), onset=self.onset, marks=marks)
            else:
                assert isinstance(event, records.Rest)
                length = event.duration.length * ratio
                duration = _duration(event.duration)
                built = Rest(id=id_, onset=self.onset, duration=duration, length=length, marks=marks)
        else:
            grace = "slash" if event.duration.value == "eighth" else "plain"
            pitch = event.pitch
            sign = None if event.accidental is None else ACCIDENTAL_NAMES[event.accidental]
            tie = self.part.ties.get(id_, "") if event.tie else None
            built = Chord(
                id=id_,
                onset=self.onset,
                duration=_duration(event.duration),
                length=_ZERO if event.grace else event.duration.length * ratio,
                notes=(Note(id=id_, pitch=pitch, accidental=sign, tie_to=tie),),
                grace=grace if event.grace else None,  # type: ignore[arg-type]  # one of two literals
                beams=next(self.beams),
                marks=marks,
            )
        self.events.append(built)
        self.onset += built.length
        self.graces = self.graces + 1 if records.is_grace(event) else 0

    def _tuplet(self, id_: str, tuplet: records.Tuplet) -> None:
        head, _, number = id_.rpartition("e")
        ratio = Fraction(tuplet.normal, tuplet.actual)
        begun = len(self.events)
        for place, event in enumerate(tuplet.events, int(number)):
            self._timed(f"{head}e{place}", event, ratio)
        notes = [event for event in tuplet.events if isinstance(event, records.Note)]
        bracket = None
        if self.part.has_beams:
            bracket = not (len(notes) == len(tuplet.events) and one_beam(notes))
        written = sum((records.sounding_length(event) for event in tuplet.events), _ZERO)
        unit = written / tuplet.actual
        known = unit in records.NOTE_VALUES.values() and unit != _duration(tuplet.events[0].duration).value
        self.part.tuplets.append(
            Tuplet(
                self.events[begun].id,
                self.events[-1].id,
                tuplet.actual,
                tuplet.normal,
                Duration(unit) if known else None,
                bracket=bracket,
            )
        )


# Leaves ----------------------------------------------------------------------------------------------------


def _ties(number: int, part: records.Part, before: int) -> Iterator[tuple[str, str]]:
    """For each note whose tie leads to a note of its pitch, the ids of both; the rest as in `to_score`."""
    tied: tuple[records.Note, str] | None = None
    for place, measure in enumerate(part.measures, before + 1):
        for index, event in enumerate(records.flat_events(measure), 1):
            if not isinstance(event, records.Note):
                continue
            id_ = event_id(number, place, index)
            open_note = tied[0] if tied else None
            if tied and records.tie_ends(open_note, event) and tied[0].pitch == event.pitch:
                yield tied[1], id_
            if event.tie:
                tied = (event, id_)
            elif records.open_tie(open_note, event) is None:
                tied = None


def _beams(note: records.Note, levels: tuple[str, ...]) -> tuple[BeamPart, ...]:
    """The beams of a note; only the first one where its beam does not begin and end properly."""
    if note.beam is None:
        return ()
    first = BEAM_PARTS[note.beam]
    return cast("tuple[BeamPart, ...]", levels) if levels[:1] == (first,) else (first,)


def _duration(duration: records.Duration) -> Duration:
    return Duration(records.NOTE_VALUES[duration.value], duration.dots)


def _measure_rest(id_: str, length: Fraction) -> Rest:
    return Rest(id=id_, onset=_ZERO, duration=Duration(Fraction(1)), length=length, measure=True)


def _sign(event: records.Clef | records.Key | records.Meter) -> Clef | Key | Meter:
    match event:
        case records.Clef():
            return Clef(event.shape, event.line)
        case records.Key():
            return Key(event.fifths)
        case records.Meter():
            symbol = METER_SYMBOLS.get(event.symbol or "")
            return Meter((((event.beats,), event.unit),), symbol)  # type: ignore[arg-type]  # of the table
