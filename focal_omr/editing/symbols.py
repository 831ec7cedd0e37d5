"""The symbols of a part's staves, which follow the edited score by ids.

Every symbol of the score stands for a note, a mark of it, a sign or a barline, and keeps its box while that
is there. What a system merely restates (clef, key) and what breaks the grammar stands for nothing.
"""

from bisect import insort
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from operator import is_
from typing import Literal

from focal_omr.document.document import Page, StaffReading, Symbol
from focal_omr.editing.part_editor import PartEditor
from focal_omr.editing.placement import StaffPlacement
from focal_omr.editing.printed import Printed, Target, printed
from focal_omr.encodings.semantic import parse_sign
from focal_omr.score.records import Clef, Key, Meter, Note
from focal_omr.score.score import Measure, Part

__all__ = ["PartSymbols", "Slot"]

Side = Literal["before", "after", "instead"]
_BEFORE = 1000  # more than the symbols that one edit inserts at one place
_DEFAULT_CLEF = Clef("G", 2)  # as `document.geometry` for a staff without a clef


@dataclass(eq=False)
class Slot:
    """A symbol of a part.

    Attributes:
        symbol: The symbol.
        staff: Index of its staff among those of the part.
        place: Its number among the symbols of the part, and its order behind that one (before it, if
            negative).
        target: What it stands for; None: nothing in the score.
    """

    symbol: Symbol
    staff: int
    place: tuple[int, int]
    target: Target | None = None

    @property
    def id(self) -> str | None:
        """Id of its note, rest or sign in the score before the edit."""
        return self.symbol.note or self.symbol.event


class PartSymbols:
    """The symbols of one part while it is edited.

    Args:
        readings: Its staves in reading order.
        pages: The page of each.
        part: The part before the edit.

    Attributes:
        readings: The staves.
        slots: Their symbols in reading order.
        mended: Indices of the staves that a person edits, beyond consequences of an edit elsewhere.
    """

    def __init__(self, readings: Sequence[StaffReading], pages: Sequence[Page], part: Part) -> None:
        self.readings = list(readings)
        self.slots: list[Slot] = []
        for staff, reading in enumerate(readings):
            for symbol in reading.symbols:
                self.slots.append(Slot(symbol, staff, (len(self.slots), 0)))
        self.mended: set[int] = set()
        self._part = PartEditor(part)
        self._pages = pages
        self._anchors = {slot.id: slot for slot in self.slots if slot.id}

    def finished(self) -> list[StaffReading]:
        """The staves with their current symbols; unchanged ones are the same objects."""
        rows: list[list[Symbol]] = [[] for _ in self.readings]
        for slot in self.slots:
            rows[slot.staff].append(slot.symbol)
        done = []
        for staff, (reading, row) in enumerate(zip(self.readings, rows, strict=True)):
            if len(row) == len(reading.symbols) and all(map(is_, row, reading.symbols)):
                done.append(reading)
                continue
            mended = reading.mended or staff in self.mended
            done.append(replace(reading, symbols=tuple(row), mended=mended))
        return done

    # What symbols stand for --------------------------------------------------------------------------------

    def target(self, slot: Slot) -> Target | None:
        """What a symbol stands for in the score before the edit; None: nothing."""
        place = self.slots.index(slot)
        around = (
            next((s.id for s in self.slots[place::-1] if s.id), None),
            next((s.id for s in self.slots[place:] if s.id), None),
        )
        indices = [self._part.find(id_).measure for id_ in around if id_]
        first = indices[0] if around[0] else 0
        last = indices[-1] + 1 if around[1] else len(self._part.measures)
        self._pair(first, last)
        return slot.target

    def beside(
        self, chosen: Slot | None, staff: int
    ) -> tuple[Target | None, Literal["before", "after"] | None]:
        """The symbol of the score next to one that stands for nothing, and on which side of it that is.

        Args:
            chosen: The symbol that stands for nothing; None: a staff without symbols.
            staff: Index of its staff.

        Returns:
            Both None: The score of the part is empty.
        """
        behind = [slot for slot in self.slots if slot.staff < staff]
        ahead = [slot for slot in self.slots if slot.staff > staff]
        row = [slot for slot in self.slots if slot.staff == staff]
        index = row.index(chosen) if chosen is not None else 0
        rows: tuple[tuple[list[Slot], Literal["before", "after"]], ...] = (
            (row[index + 1 :], "before"),
            (row[:index][::-1], "after"),
            (behind[::-1], "after"),
            (ahead, "before"),
        )
        for slots, side in rows:
            for slot in slots:
                if (target := self.target(slot)) is not None:
                    return target, side
        return None, None

    def restated(self, chosen: Slot) -> str | None:
        """Id of the first event of a later system that restates a sign; None: none does, while it holds."""
        kind, later = type(parse_sign(chosen.symbol.token)), self.slots[self.slots.index(chosen) + 1 :]
        for number, slot in enumerate(later):
            if type(parse_sign(slot.symbol.token)) is kind and slot.staff > chosen.staff and slot.symbol.used:
                again = slot.id is None and slot.symbol.token == chosen.symbol.token
                return next((s.id for s in later[number:] if s.id), None) if again else None
        return None

    def _pair(self, first: int, last: int) -> tuple[dict[Target, Printed], list[Slot]]:
        """Find what the symbols of some measures stand for.

        Args:
            first: Index of the first measure.
            last: Index after the last one; some of the measures are on paper.

        Returns:
            What the measures print, and the used symbols around.
        """
        symbols = list(printed(self._part, first, last))
        places = {each.target.id: n for n, each in enumerate(symbols) if not each.target.mark}
        known = sorted(self._anchors[id_].place[0] for id_ in places if id_ in self._anchors)
        begin = known[0] if first and known else 0
        end = known[-1] + 1 if last < len(self._part.measures) and known else len(self.slots)
        while begin > 0 and not self.slots[begin - 1].id:
            begin -= 1
        while end < len(self.slots) and not self.slots[end].id:
            end += 1
        slots = [slot for slot in self.slots[begin:end] if slot.symbol.used]
        stops = [len(symbols)] * (
            len(symbols) + 1
        )  # of each, the next one with a note, rest or sign on paper
        for number, each in reversed(list(enumerate(symbols))):
            anchored = not each.target.mark and each.target.id in self._anchors
            stops[number] = number if anchored else stops[number + 1]
        at = 0
        for slot in slots:
            found = places.get(slot.id) if slot.id else None
            if not slot.id:
                same = (n for n in range(at, stops[at]) if symbols[n].token == slot.symbol.token)
                found = next(same, None)
            if found is not None:
                slot.target, at = symbols[found].target, found + 1
        # Accidentals and ties that say nothing new belong to their notes.
        for index, slot in enumerate(slots):
            token = slot.symbol.token
            if slot.target is None and token in ("accidental", "tie"):
                others = slots[index + 1 :] if token == "accidental" else slots[index::-1]
                id_ = next((other.id for other in others if other.id), None)
                if id_ is not None:
                    slot.target = Target(id_, "accidental" if token == "accidental" else "tie")
        return {each.target: each for each in symbols}, slots

    # After an edit -----------------------------------------------------------------------------------------

    def follow(
        self, part: Part, selected: Target, chosen: Slot | None, staff: int, side: Side | None = None
    ) -> None:
        """Let the symbols follow an edit of the part.

        Args:
            part: The part after the edit.
            selected: What is selected in it, or was deleted.
            chosen: The symbol that was selected; None: its staff has none.
            staff: Index of its staff.
            side: On which side of the chosen symbol what is selected was inserted; None: it was not.
        """
        old_measures = self._part.measures
        if len(part.measures) == len(old_measures) and all(map(is_, part.measures, old_measures)):
            return
        new = PartEditor(part)
        first, old_last, last = self._changed(new.measures)
        old, slots = self._pair(first, old_last)
        after = list(printed(new, first, last))
        now = {each.target: each for each in after}
        added = [each for each in after if each.target not in old]
        gone = [slot for slot in slots if _is_gone(slot, old, now)]
        place: tuple[int, int] | None = None
        if chosen is not None and chosen.target is None and side in ("before", "after"):
            place = (chosen.place[0], chosen.place[1] + (1 if side == "after" else -1))
        if side == "instead" and chosen is not None and (chosen in gone or chosen.target is None):
            gone = [*(slot for slot in gone if slot is not chosen), chosen]
            if selected in now and selected not in old:
                gone.remove(chosen)
                chosen.target = selected
                slots = sorted({*slots, chosen}, key=lambda slot: slot.place)
        by_target = {slot.target: slot for slot in slots if slot.target and slot not in gone}
        for each in added:
            if each.target not in by_target:
                heir = _restated(each, after, by_target, slots) or _twin(each, gone)
                if heir is not None:
                    gone = [slot for slot in gone if slot is not heir]
                    heir.target = each.target
                    by_target[each.target] = heir
        for slot in gone:
            target = slot.target or selected
            consequence = target.mark == "accidental" and target.id != selected.id
            if not consequence or Target(target.id) not in now:
                self.mended.add(slot.staff)
        dropped = set(gone)
        self.slots = [slot for slot in self.slots if slot not in dropped]
        self._rewrite(slots, old, now, selected)
        new_ones = {each.target for each in added} - by_target.keys()
        self._insert(new_ones, after, by_target, selected, staff, place)

    def accept(self, chosen: Slot) -> None:
        """Confirm a symbol, a note and its accidental together."""
        together: tuple[Target, ...] = ()
        if chosen.target is not None and chosen.target.mark in ("", "accidental"):
            together = (Target(chosen.target.id), Target(chosen.target.id, "accidental"))
        for slot in self.slots:
            if slot is chosen or slot.target in together:
                slot.symbol = replace(slot.symbol, confidence=1.0)

    def drop(self, chosen: Slot) -> Slot | None:
        """Delete a symbol that stands for nothing; return the one that is selected afterwards."""
        self.slots.remove(chosen)
        self.mended.add(chosen.staff)
        return self.selected(None, chosen, chosen.staff)

    def selected(self, target: Target | None, chosen: Slot | None, staff: int) -> Slot | None:
        """The symbol of a staff that stands for something, else what follows the symbol selected before.

        Args:
            target: What is selected; None: nothing of the score.
            chosen: The symbol selected before; None: the staff had none.
            staff: Index of the staff.
        """
        row = [slot for slot in self.slots if slot.staff == staff]
        found = next((slot for slot in row if target is not None and slot.target == target), None)
        if found is not None or not row:
            return found
        after = (slot for slot in row if chosen is not None and slot.place >= chosen.place)
        slot = next(after, row[-1])
        if slot.target is not None and slot.target.mark in ("accidental", "tie"):
            return next((other for other in row if other.target == Target(slot.target.id)), slot)
        return slot

    def _changed(self, new: Sequence[Measure]) -> tuple[int, int, int]:
        """The index of the first changed measure, and those after the last one before and after the edit.

        The measures reach to some that are on paper.
        """
        old = self._part.measures
        short = min(len(old), len(new))
        first = next((n for n in range(short) if old[n] is not new[n]), short)
        same = next((n for n in range(short - first) if old[-1 - n] is not new[-1 - n]), short - first)
        margin = 1
        while True:
            begin, kept = max(first - margin, 0), max(same - margin, 0)
            window = old[begin : len(old) - kept]
            ids = (e.id for measure in window for voice in measure.voices for e in voice.events)
            if any(id_ in self._anchors for id_ in ids) or (begin, kept) == (0, 0):
                return begin, len(old) - kept, len(new) - kept
            margin *= 2

    def _rewrite(
        self,
        slots: Sequence[Slot],
        old: Mapping[Target, Printed],
        now: Mapping[Target, Printed],
        selected: Target,
    ) -> None:
        """Give symbols the tokens that they have now, also clefs and keys that systems restate."""
        before: Printed | None = None  # the next symbol of the score before the edit, and after it
        after: Printed | None = None
        for slot in reversed(slots):
            target = slot.target
            sign = parse_sign(slot.symbol.token)
            if target is None and before and after and isinstance(sign, Clef | Key):
                kind = type(sign).__name__.lower()
                held, holds = getattr(before.in_force, kind), getattr(after.in_force, kind)
                if held == slot.symbol.token != holds != "":
                    self._write(slot, holds, "", selected)
            if target is not None and target in now:
                after = now[target]
                token = old[target].token if target in old else slot.symbol.token
                if after.token != token:
                    self._write(slot, after.token, after.in_force.clef, selected)
            before = old.get(target, before) if target else before

    def _write(self, slot: Slot, token: str, clef: str, selected: Target) -> None:
        """Give a symbol a token; its box follows unless only the name of its note is a consequence."""
        symbol = slot.symbol
        if token == symbol.token:
            return
        before, sign = parse_sign(symbol.token), parse_sign(token)
        if isinstance(sign, Note) and slot.target is not None and slot.target.id != selected.id:
            slot.symbol = replace(symbol, token=token)
            return
        placement = self._placement(slot.staff)
        if isinstance(before, Note) and isinstance(sign, Note):
            polygon = placement.moved(symbol.polygon, sign.pitch.diatonic - before.pitch.diatonic)
        elif type(sign) is type(before) and (
            sign is not None or ("barline" in token and "barline" in symbol.token)
        ):
            polygon = symbol.polygon
        else:
            polygon = placement.in_place(token, symbol.polygon, _clef(clef))
        slot.symbol = replace(symbol, token=token, polygon=polygon, confidence=1.0, used=True, mended=True)
        self.mended.add(slot.staff)

    def _insert(
        self,
        new: Collection[Target],
        after: Sequence[Printed],
        by_target: dict[Target, Slot],
        selected: Target,
        staff: int,
        place: tuple[int, int] | None,
    ) -> None:
        """Insert symbols for what is new in the score.

        Args:
            new: What is new.
            after: What is printed now.
            by_target: The symbols by what they stand for; those inserted are added.
            selected: What is selected now.
            staff: Index of the edited staff.
            place: Where what is selected stands, if that does not follow from the score.
        """
        before: Slot | None = None
        for number, each in enumerate(after):
            if each.target not in new:
                before = by_target.get(each.target, before)
                continue
            note = by_target.get(Target(each.target.id))
            if each.target.mark == "accidental" and note is not None:
                symbol = note.symbol
                if each.target.id == selected.id:
                    symbol = replace(symbol, confidence=1.0, used=True, mended=True)
                clef = _clef(each.in_force.clef)
                polygon = self._placement(note.staff).in_place(each.token, symbol.polygon, clef)
                symbol = replace(symbol, token=each.token, polygon=polygon, event=None, note=None)
                slot = Slot(symbol, note.staff, (note.place[0], -1), each.target)
            else:
                following = next((s for o in after[number + 1 :] if (s := by_target.get(o.target))), None)
                where = place if each.target == selected else None
                where = where or self._place(before, following, staff)
                # What a person inserts is drawn between its neighbours.
                row = [slot for slot in self.slots if slot.staff == staff]
                left = next((slot.symbol.polygon for slot in reversed(row) if slot.place < where), None)
                right = next((slot.symbol.polygon for slot in row if slot.place > where), None)
                polygon = self._placement(staff).between(each.token, left, right, _clef(each.in_force.clef))
                slot = Slot(Symbol(each.token, polygon, 1.0, mended=True), staff, where, each.target)
            by_target[each.target] = before = slot
            insort(self.slots, slot, key=lambda slot: (slot.staff, slot.place))
            if slot.symbol.mended:
                self.mended.add(slot.staff)

    def _place(self, before: Slot | None, following: Slot | None, staff: int) -> tuple[int, int]:
        """The place on a staff behind one symbol of the score, or else before another one."""
        if before is not None and before.staff == staff:
            ties = [s for s in self.slots if s.target == before.target and s.place > before.place]
            number, order = (ties[-1] if ties and before.target else before).place
            return number, order + 1
        if following is not None and following.staff == staff:
            return following.place[0], following.place[1] - _BEFORE
        first = next((slot.place for slot in self.slots if slot.staff == staff), (0, 0))
        return first[0], first[1] - _BEFORE

    def _placement(self, staff: int) -> StaffPlacement:
        page = self._pages[staff]
        return StaffPlacement(self.readings[staff].staff, page.width, page.height)


def _is_gone(slot: Slot, old: Mapping[Target, Printed], now: Mapping[Target, Printed]) -> bool:
    """Whether what a symbol stood for is no longer printed; an accidental that said nothing new goes with
    the pitch of its note."""
    target = slot.target
    if target is None or target in now:
        return False
    note = Target(target.id)
    if target in old or note not in now or note not in old:
        return target in old or note in old
    pitches = [getattr(parse_sign(signs[note].token), "pitch", None) for signs in (old, now)]
    return pitches[0] != pitches[1]


def _restated(
    each: Printed, after: Sequence[Printed], by_target: Mapping[Target, Slot], slots: Sequence[Slot]
) -> Slot | None:
    """The symbol of a sign that was only restated, and is now one of the score.

    Args:
        each: The sign.
        after: What is printed now.
        by_target: Symbols by what they stand for.
        slots: All symbols around.
    """
    kind = type(parse_sign(each.token))
    if each.target.mark or kind not in (Clef, Key, Meter):
        return None
    number = after.index(each)
    before = next((s for o in reversed(after[:number]) if (s := by_target.get(o.target))), None)
    following = next((s for o in after[number + 1 :] if (s := by_target.get(o.target))), None)
    for slot in slots:
        if (
            slot.target is None
            and type(parse_sign(slot.symbol.token)) is kind
            and (before is None or before.place < slot.place)
            and (following is None or slot.place < following.place)
        ):
            return slot
    return None


def _twin(each: Printed, gone: Sequence[Slot]) -> Slot | None:
    """The symbol of what lost its id: a mark of a tuplet whose first note was deleted, say."""
    return next(
        (
            slot
            for slot in gone
            if slot.target is not None
            and slot.target.mark.removeprefix("left ") == each.target.mark.removeprefix("left ")
            and each.target.mark not in ("", "accidental", "tie")
            and slot.symbol.token == each.token
        ),
        None,
    )


def _clef(token: str) -> Clef:
    sign = parse_sign(token)
    return sign if isinstance(sign, Clef) else _DEFAULT_CLEF
