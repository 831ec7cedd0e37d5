"""Editor of a part: rows of its voices, its measures and its spanners."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from fractions import Fraction

from focal_omr.editing.hearing import map_notes
from focal_omr.editing.part_rows import Item, PartRows, Spot
from focal_omr.encodings.one_voice import NO_BARLINE
from focal_omr.errors import EditError
from focal_omr.score.score import (
    Barline,
    Ending,
    Event,
    Glissando,
    Hairpin,
    Measure,
    Moment,
    Note,
    Ottava,
    Pedal,
    Rest,
    Sign,
    Slur,
    Space,
    Spanner,
    TrillLine,
    Tuplet,
    Voice,
)

__all__ = ["PartEditor"]

_ZERO = Fraction(0)


class PartEditor(PartRows):
    """Editor of one part: measures are split and joined, spanners follow."""

    def put_row(self, spot: Spot, items: Sequence[Item]) -> None:
        """Replace the row of a voice; a left barline behind events begins another measure."""
        at = next((n for n, item in enumerate(items) if isinstance(item, Barline)), None)
        if at is None or all(isinstance(item, Sign) for item in items[:at]):
            super().put_row(spot, items)
            return
        super().put_row(spot, [*items[:at], *items[at + 1 :]])
        self.split(spot._replace(at=at), Barline())
        left = next(item for item in items if isinstance(item, Barline))
        self.measures[spot.measure + 1] = replace(self.measures[spot.measure + 1], left=left)

    def append(self) -> int:
        """Append an empty measure without barline; return its index."""
        last = self.measures[-1].id if self.measures else f"{self.part.id}m"
        self.measures.append(Measure(id=self.new_id(last), number="", voices=(), right=None))
        return len(self.measures) - 1

    def edge(self, spot: Spot) -> Spot:
        """The same gap where a measure can be split: behind a multi-measure rest that of its last measure."""
        multirest = self.multirest(spot.measure)
        if multirest is None or not any(isinstance(item, Rest) for item in self.row(spot)[: spot.at]):
            return spot
        spot = self.opening(multirest.stop - 1, spot.staff)
        rest = next(n for n, item in enumerate(self.row(spot)) if isinstance(item, Rest))
        return spot._replace(at=rest + 1)

    def room(self, spot: Spot) -> Spot:
        """The same gap, in a measure of its own where it is beside a multi-measure rest."""
        if self.multirest(spot.measure) is None:
            return spot
        edge = self.edge(spot)
        self.split(edge, NO_BARLINE)
        behind = any(isinstance(item, Rest) for item in self.row(edge)[: edge.at])
        return self.opening(edge.measure + 1, edge.staff) if behind else edge

    def split(self, spot: Spot, right: Barline) -> None:
        """Split a measure; the second half keeps its id, as does its right barline.

        Args:
            spot: The gap at which to split.
            right: The barline between the halves.

        Raises:
            EditError: A note of another voice sounds across the place.
        """
        measure, row = self.measures[spot.measure], self.row(spot)
        before = [item for item in row[: spot.at] if isinstance(item, Event)]
        at = before[-1].onset + before[-1].length if before else _ZERO
        if any(e.onset < at < e.onset + e.length for voice in measure.voices for e in voice.events):
            raise EditError("a note of another voice sounds across this place")
        first, second = [], []
        for voice in measure.voices:
            own = voice.number == spot.voice
            head = before if own else [event for event in voice.events if event.onset < at]
            first += [replace(voice, events=tuple(head))] if head else []
            tail = voice.events[len(head) :]
            second += [replace(voice, events=tail)] if tail else []
        earlier = [item for item in row[: spot.at] if isinstance(item, Sign)]
        placed = {id(item) for item in row}  # the others are signs of other staves
        earlier += (sign for sign in measure.signs if id(sign) not in placed and sign.onset < at)
        kept = {id(sign) for sign in earlier}
        own_left = measure.left_after is not None and measure.left_after >= spot.at
        id_ = self.new_id(measure.id)
        head_part = replace(
            measure,
            id=id_,
            voices=tuple(first),
            signs=tuple(earlier),
            directions=tuple(d for d in measure.directions if d.onset < at),
            barlines=tuple(b for b in measure.barlines if b[0] < at),
            left=None if own_left else measure.left,
            left_after=None if own_left else measure.left_after,
            multirest=measure.multirest if before else None,
            right=right,
            pickup=not before,
        )
        tail_part = replace(
            measure,
            voices=tuple(second),
            signs=tuple(sign for sign in measure.signs if id(sign) not in kept),
            directions=tuple(d for d in measure.directions if d.onset >= at),
            barlines=tuple(b for b in measure.barlines if b[0] >= at),
            left=measure.left if own_left else None,
            left_after=(measure.left_after or 0) - spot.at if own_left else None,
            multirest=None if before else measure.multirest,
            break_before=None,
        )
        self.measures[spot.measure : spot.measure + 1] = [head_part, _later(tail_part, -at)]
        self.touched |= {id_, measure.id}
        self._move(lambda m, o: (m, o) if m != measure.id else (id_, o) if o < at else (m, o - at))

    def join(self, index: int) -> None:
        """Join a measure and the next one, whose id the result has, as it has its right barline."""
        first, second = self.measures[index : index + 2]
        if self.multirest(index) or self.multirest(index + 1):
            self.measures[index] = replace(first, right=NO_BARLINE)
            if second.left_after is None:
                self.measures[index + 1] = replace(second, left=None)
            return
        if first.voices and second.left_after is not None:  # a repeat sign remains between them
            early = second.signs[: second.left_after]
            end = tuple(replace(sign, onset=first.length, graces=0) for sign in early)
            signs, id_ = (*first.signs, *end), self.new_id(first.id)
            self.measures[index] = replace(first, id=id_, signs=signs, right=Barline())
            self.measures[index + 1] = replace(second, signs=second.signs[len(early) :], left_after=None)
            self.touched |= {id_, second.id}
            self._move(lambda m, o: (id_, o) if m == first.id else (m, o))
            return
        length, late = first.length, _later(second, first.length)
        voices = {voice.number: list(voice.events) for voice in first.voices}
        for voice in late.voices:
            events = voices.setdefault(voice.number, [])
            end_of = events[-1].onset + events[-1].length if events else _ZERO
            if end_of < length:
                events.append(Space(id=self.new_id(first.id), onset=end_of, length=length - end_of))
            events += voice.events
        own_left = second.left_after is not None
        self.measures[index : index + 2] = [
            replace(
                late,
                voices=tuple(Voice(number, tuple(events)) for number, events in sorted(voices.items())),
                signs=(*first.signs, *late.signs),
                directions=(*first.directions, *late.directions),
                barlines=(*first.barlines, *late.barlines),
                left=second.left if own_left else first.left,
                left_after=len(first.signs) + (second.left_after or 0) if own_left else first.left_after,
                number=first.number,
                pickup=False,
                break_before=first.break_before,
            )
        ]
        self._move(
            lambda m, o: (second.id, o) if m == first.id else (m, o + length) if m == second.id else (m, o)
        )
        spot = self.opening(index)
        self.put_row(spot, self.row(spot))

    # Spanners ----------------------------------------------------------------------------------------------

    def tuplet(self, spot: Spot) -> Tuplet | None:
        """The innermost tuplet around an event of a row."""
        ids = [item.id if not isinstance(item, Barline) else "" for item in self.row(spot)]
        found = [
            (ids.index(t.end) - ids.index(t.start), n, t)
            for n, t in enumerate(self.spanners)
            if isinstance(t, Tuplet)
            and t.start in ids
            and t.end in ids
            and ids.index(t.start) <= spot.at <= ids.index(t.end)
        ]
        return min(found)[2] if found else None

    def in_tuplet(self, gap: Spot) -> bool:
        """Whether a gap is between two events of a tuplet."""
        row = self.row(gap)
        around = [n for n in (gap.at - 1, gap.at) if 0 <= n < len(row) and isinstance(row[n], Event)]
        found = [self.tuplet(gap._replace(at=n)) for n in around]
        return len(found) == 2 and found[0] is not None and found[0] == found[1]

    def inside(self, tuplet: Tuplet) -> list[Event]:
        """The events of a tuplet."""
        spot = self.find(tuplet.start)
        row = [item for item in self.row(spot)[spot.at :] if not isinstance(item, Sign | Barline)]
        last = next(n for n, event in enumerate(row) if event.id == tuplet.end)
        return row[: last + 1]

    def set_spanner(self, old: Spanner, new: Spanner | None) -> None:
        """Replace a spanner; None removes it."""
        index = self.spanners.index(old)
        self.spanners[index : index + 1] = [] if new is None else [new]

    def leave(self, id_: str) -> None:
        """Remove what leads to or from an event that is about to go: slurs, lines, its place in tuplets."""
        for spanner in list(self.spanners):
            if not isinstance(spanner, Tuplet | Slur | Glissando | TrillLine) or id_ not in (
                spanner.start,
                spanner.end,
            ):
                continue
            if not isinstance(spanner, Tuplet) or spanner.start == spanner.end:
                self.set_spanner(spanner, None)
                continue
            events = self.inside(spanner)
            ends = (events[1].id, spanner.end) if id_ == spanner.start else (spanner.start, events[-2].id)
            self.set_spanner(spanner, replace(spanner, start=ends[0], end=ends[1]))

    def untie(self, ends: Callable[[Note], bool]) -> None:
        """Remove the ties from the notes for which `ends` is true."""

        def untied(note: Note) -> Note:
            return replace(note, tie_to=None) if note.tie_to is not None and ends(note) else note

        self.measures = [map_notes(measure, untied) for measure in self.measures]

    def _move(self, moved: Callable[[str, Fraction], tuple[str, Fraction]]) -> None:
        """Move the moments of spanners, each a measure's id and an onset."""

        def at(moment: Moment) -> Moment:
            measure, onset = moved(moment.measure, moment.onset)
            return replace(moment, measure=measure, onset=onset)

        for number, spanner in enumerate(self.spanners):
            if isinstance(spanner, Hairpin | Ottava | Pedal):
                self.spanners[number] = replace(spanner, start=at(spanner.start), end=at(spanner.end))
            elif isinstance(spanner, Ending):
                start, end = moved(spanner.start, _ZERO)[0], moved(spanner.end, Fraction(10**6))[0]
                self.spanners[number] = replace(spanner, start=start, end=end)


def _later(measure: Measure, by: Fraction) -> Measure:
    """A measure whose contents begin later by a time."""
    return replace(
        measure,
        voices=tuple(
            replace(voice, events=tuple(replace(event, onset=event.onset + by) for event in voice.events))
            for voice in measure.voices
        ),
        signs=tuple(replace(sign, onset=sign.onset + by) for sign in measure.signs),
        directions=tuple(replace(each, onset=each.onset + by) for each in measure.directions),
        barlines=tuple((onset + by, barline) for onset, barline in measure.barlines),
    )
