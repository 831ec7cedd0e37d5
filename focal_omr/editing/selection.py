"""The selected symbol of a part, and what edits ask of it."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Literal

from focal_omr.editing.part_editor import PartEditor
from focal_omr.editing.part_rows import Item, Spot
from focal_omr.editing.printed import Target, printed
from focal_omr.encodings.names import symbol_name
from focal_omr.errors import EditError
from focal_omr.score.score import Barline, Chord, Event, Note, Rest, Sign, Tuplet

__all__ = ["Selection"]


class Selection:
    """A symbol of a part that is edited.

    Args:
        part: The part.
        target: The symbol; None: the beginning of a part without symbols.
        beside: Select the gap before the symbol or after it instead.
        name: What messages call it; "": by its token.

    Attributes:
        target: The symbol; edits change it to what is selected afterwards.
        spot: Its place in its row; of a right barline the end of the row.
        is_gap: Whether a gap is selected.

    Raises:
        EditError: The part has no such symbol.
    """

    def __init__(
        self,
        part: PartEditor,
        target: Target | None,
        beside: Literal["before", "after"] | None = None,
        name: str = "",
    ) -> None:
        self._name = name
        self.part, self.target, self.is_gap = part, target or Target(""), target is None or beside is not None
        if target is None:
            self.spot = part.opening(part.append() if not part.measures else 0)
        elif target.mark == "barline":
            self.spot = part.closing(part.find_measure(target.id))
        elif target.mark == "left barline":
            index = part.find_measure(target.id)
            self.spot = part.opening(index)._replace(at=part.measures[index].left_after or 0)
        else:
            self.spot = part.find(target.id)
        if target is not None and beside is not None:
            self.spot, self.target = self.gap(before=beside == "before"), Target("")

    def gap(self, *, before: bool) -> Spot:
        """The gap before or after the symbol; a selected gap itself."""
        spot, mark = self.spot, self.target.mark
        if not self.target.id:
            return spot
        if mark == "barline" and not before:
            after = spot.measure + 1
            return self.part.opening(after if after < len(self.part.measures) else self.part.append())
        last = mark == "tuplet end" or (not before and mark not in ("tuplet", "barline"))
        return spot._replace(at=spot.at + last)

    @property
    def row(self) -> list[Item]:
        """The row that holds it."""
        return self.part.row(self.spot)

    @property
    def item(self) -> Event | Sign | None:
        """The selected event or sign; the note of a tie or accidental, an end of the tuplet of its mark."""
        item = None if self.is_gap or "barline" in self.target.mark else self.row[self.spot.at]
        return None if isinstance(item, Barline) else item

    @property
    def is_multirest(self) -> bool:
        """Whether it is a multi-measure rest."""
        return isinstance(self.item, Rest) and self.part.multirest(self.spot.measure) is not None

    @property
    def tuplet(self) -> Tuplet | None:
        """The innermost tuplet around the selected event."""
        return self.part.tuplet(self.spot) if isinstance(self.item, Event) else None

    @property
    def token(self) -> str:
        """Its semantic token; "" if it has none."""
        symbols = printed(self.part, self.spot.measure, self.spot.measure + 1)
        return next((each.token for each in symbols if each.target == self.target), "")

    @property
    def name(self) -> str:
        """Its musical name."""
        return self._name or (symbol_name(self.token) if self.token else "nothing")

    def event(self, has: str) -> Chord | Rest:
        """The selected note, chord or rest.

        Args:
            has: The property to edit, for the message.

        Raises:
            EditError: The symbol does not belong to a note or rest.
        """
        item = self.item
        if not isinstance(item, Chord | Rest) or self.is_multirest or "tuplet" in self.target.mark:
            raise EditError(f"only a note or a rest has {has}; selected is: {self.name}")
        self.target = Target(self.target.id)
        return item

    def note(self, has: str) -> tuple[Chord, Note]:
        """The selected note and its chord; of a chord that is selected as a whole the highest note.

        Args:
            has: The property to edit, for the message.

        Raises:
            EditError: The symbol does not belong to a note.
        """
        item = self.item
        if not isinstance(item, Chord) or "tuplet" in self.target.mark:
            raise EditError(f"only a note has {has}; selected is: {self.name}")
        note = next((note for note in item.notes if note.id == self.target.id), item.notes[-1])
        self.target = Target(note.id)
        return item, note

    def put(self, event: Event) -> None:
        """Replace the selected event by another one of its id."""
        row = self.row
        row[self.spot.at] = event
        self.part.put_row(self.spot, row)

    def put_note(self, note: Note) -> None:
        """Replace the note of its id in the selected chord."""
        chord = self.row[self.spot.at]
        assert isinstance(chord, Chord)
        notes = [note if each.id == note.id else each for each in chord.notes]
        self.put(replace(chord, notes=tuple(sorted(notes, key=lambda each: each.pitch.diatonic))))

    def neighbours(self, *, forward: bool = False) -> Iterator[Event]:
        """The events of the voice before the selected one, from the nearest on, then those after it.

        Args:
            forward: Those after it first.
        """
        back, on = self._along(forward=False), self._along(forward=True)
        for events in (on, back) if forward else (back, on):
            yield from (event for event, multirest in events if not multirest)

    def untie(self, chord: Chord) -> None:
        """Remove the ties that lead to the selected chord, also one that its pitch does not take up."""
        events = (event for event, _ in self._along(forward=False, systems=True))
        before = next((e for e in events if not (isinstance(e, Chord) and e.grace)), None)
        open_ = (
            before.notes if isinstance(before, Chord) and len(before.notes) == len(chord.notes) == 1 else ()
        )
        ids = {note.id for note in open_ if note.tie_to == ""}
        ends = {note.id for note in chord.notes}
        self.part.untie(lambda note: note.id in ids or note.tie_to in ends)

    def _along(self, *, forward: bool, systems: bool = False) -> Iterator[tuple[Event, bool]]:
        """The events before or after the selected one, and whether they are multi-measure rests.

        Args:
            forward: Those after it.
            systems: Also those of other systems.
        """
        last = len(self.part.measures) if forward else -1
        for measure in range(self.spot.measure, last, 1 if forward else -1):
            begins = self.part.measures[measure].break_before is not None and not systems
            row = self.part.row(self.spot._replace(measure=measure))
            if measure == self.spot.measure:
                after = self.spot.at + (self.item is not None)
                row = row[after:] if forward else row[: self.spot.at]
            elif begins and forward:
                return
            multirest = self.part.multirest(measure) is not None
            for item in row if forward else row[::-1]:
                if not isinstance(item, Sign | Barline):
                    yield item, multirest
            if begins and not forward:
                return
