"""A staff while it is mended: its symbols, what holds before each, and the few ways in which they change.

Symbols are those of the semantic encoding. What belongs to a note stands around it: the mark `accidental`
before it, where one is printed that the key has anyway, and ties after it.
"""

from dataclasses import replace

from focal_omr.document.document import Page, StaffReading, Symbol
from focal_omr.document.geometry import Polygon
from focal_omr.editing.edits import check_token
from focal_omr.editing.placement import StaffPlacement
from focal_omr.editing.spelling import moved, printed_accidental
from focal_omr.encodings.join_staves import Carried
from focal_omr.encodings.names import symbol_name
from focal_omr.encodings.semantic import note_token, parse_sign, sign_token, ungrammatical
from focal_omr.errors import EditError
from focal_omr.score.records import Clef, Event, Key, Meter, Note, Rest

_DEFAULT_CLEF = Clef("G", 2)  # as `boxes` has it where none was read


class StaffEditor:
    """A staff while it is mended.

    Attributes:
        reading: As it was.
        symbols: As they are now.
        carried: What holds before the first of them.
        selected: Index of the symbol that is selected; it stays with the symbol.
        changed: Whether anything is not as it was.
        mended: Whether a person changed it, and not only what follows from a change elsewhere.
    """

    def __init__(self, page: Page, reading: StaffReading, carried: Carried) -> None:
        self.reading = reading
        self.symbols = list(reading.symbols)
        self.carried = carried
        self.selected = 0
        self.changed = False
        self.mended = reading.mended
        self._placement = StaffPlacement(reading.staff, page.width, page.height)

    def finished(self) -> StaffReading:
        """The staff as it is now; symbols that break the grammar are not used."""
        dropped = set(ungrammatical([symbol.token for symbol in self.symbols]))
        symbols = tuple(
            replace(symbol, used=used) if symbol.used != used else symbol
            for index, symbol in enumerate(self.symbols)
            for used in [not self.reading.unread and index not in dropped]
        )
        return replace(self.reading, symbols=symbols, mended=self.mended)

    # What stands where --------------------------------------------------------------------------------------

    def token(self, index: int) -> str:
        """The token of a symbol; "" where there is none."""
        return self.symbols[index].token if 0 <= index < len(self.symbols) else ""

    def event(self, index: int) -> Event | None:
        """What a symbol stands for by itself; None for ties, marks and barlines."""
        return parse_sign(self.token(index))

    def name(self, index: int) -> str:
        """What musicians call the symbol."""
        return symbol_name(self.token(index)) if self.token(index) else "nothing"

    def is_used(self, index: int) -> bool:
        """Whether there is such a symbol and it is part of the score."""
        return 0 <= index < len(self.symbols) and self.symbols[index].used

    def after(self, index: int) -> int:
        """The next symbol that is used; the number of symbols where there is none."""
        index += 1
        while index < len(self.symbols) and not self.symbols[index].used:
            index += 1
        return index

    def before(self, index: int) -> int:
        """The symbol before that is used; -1 where there is none."""
        index -= 1
        while index >= 0 and not self.symbols[index].used:
            index -= 1
        return index

    def head(self, index: int) -> int:
        """The note that a tie or an accidental mark belongs to; any other symbol itself."""
        if self.token(index) == "accidental" and isinstance(self.event(index + 1), Note):
            return index + 1
        if self.token(index) == "tie" and self.is_used(index):
            before = self.before(index)
            while self.token(before) == "tie":
                before = self.before(before)
            return before
        return index

    def start(self, index: int) -> int:
        """The first symbol of what belongs to a symbol."""
        marked = isinstance(self.event(index), Note) and self.token(index - 1) == "accidental"
        return index - 1 if marked else index

    def ties(self, index: int) -> list[int]:
        """The ties that belong to a symbol."""
        ties = []
        if isinstance(self.event(index), Note):
            following = self.after(index)
            while self.token(following) == "tie":
                ties.append(following)
                following = self.after(following)
        return ties

    def end(self, index: int) -> int:
        """The index after the last symbol of what belongs to a symbol."""
        return max([index, *self.ties(index)]) + 1

    def tuplet(self, index: int) -> tuple[int, int] | None:
        """The marks of the tuplet in which a symbol stands, or which it is."""
        first = index
        while first >= 0 and not (self.is_used(first) and self.token(first).startswith("tuplet-")):
            first -= 1
        if first < 0 or (self.token(first) == "tuplet-end" and first != index):
            return None
        if first == index and self.token(first) == "tuplet-end":
            first = self.before(first)
            while first >= 0 and not self.token(first).startswith("tuplet-"):
                first = self.before(first)
        last = self.after(first)
        while first >= 0 and last < len(self.symbols) and self.token(last) != "tuplet-end":
            last = self.after(last)
        return (first, last) if first >= 0 and last < len(self.symbols) else None

    def timed(self, first: int, last: int) -> list[int]:
        """The notes and rests between two symbols."""
        return [index for index in range(first + 1, last) if isinstance(self.event(index), Note | Rest)]

    def key(self, index: int) -> Key:
        """The key signature that holds before a symbol."""
        events = map(self.event, range(index - 1, -1, -1))
        return next((event for event in events if isinstance(event, Key)), self.carried.sounding_key)

    def clef(self, index: int) -> Clef:
        """The clef that holds before a symbol."""
        events = map(self.event, range(index - 1, -1, -1))
        held = self.carried.clef or _DEFAULT_CLEF
        return next((event for event in events if isinstance(event, Clef)), held)

    def is_sign(self, index: int) -> bool:
        """Whether a symbol is a clef, a key or a meter."""
        return isinstance(self.event(index), Clef | Key | Meter)

    def note(self, index: int, *, has: str) -> tuple[int, Note]:
        """The note that is meant by a selected symbol. Raises EditError: only a note has ..."""
        index = self.head(index)
        event = self.event(index)
        if not isinstance(event, Note):
            raise EditError(f"only a note has {has}; selected is: {self.name(index)}")
        return index, event

    def note_or_rest(self, index: int, *, has: str) -> tuple[int, Note | Rest]:
        """The note or rest that is meant by a selected symbol. Raises EditError: only these have ..."""
        index = self.head(index)
        event = self.event(index)
        if not isinstance(event, Note | Rest):
            raise EditError(f"only a note or a rest has {has}; selected is: {self.name(index)}")
        return index, event

    def accidental(self, index: int) -> int | None:
        """The alteration that the accidental printed before a note names; None: none is printed."""
        note = self.event(index)
        assert isinstance(note, Note)
        return printed_accidental(note, self.key(index), marked=self.start(index) < index)

    # Changes ------------------------------------------------------------------------------------------------

    def set_token(self, index: int, token: str, *, polygon: Polygon | None = None) -> None:
        """Another token in a place, put there by a person."""
        check_token(token)
        symbol = self.symbols[index]
        differs = token != symbol.token
        self.symbols[index] = replace(
            symbol,
            token=token,
            polygon=polygon or symbol.polygon,
            confidence=1.0,
            used=True,
            mended=symbol.mended or differs,
        )
        self.mended |= differs
        self.changed = True

    def insert(self, index: int, token: str, *, polygon: Polygon | None = None) -> None:
        """A symbol before another one, by a person."""
        check_token(token)
        symbol = Symbol(token, polygon or self._between(index, token), 1.0, mended=True)
        self._insert(index, symbol)
        self.mended = True

    def accept(self, index: int) -> None:
        """A symbol is right as it is; nobody changed it."""
        self.symbols[index] = replace(self.symbols[index], confidence=1.0)
        self.changed = True

    def remove(self, index: int) -> None:
        """A symbol goes, by a person."""
        self._remove(index)
        self.mended = True

    def put_note(self, index: int, note: Note, accidental: int | None) -> None:
        """A note, whatever its alteration, in the place of a note or rest, with a printed accidental."""
        before = self.event(index)
        alter = self.key(index).alter(note.pitch.step) if accidental is None else accidental
        note = replace(note, pitch=replace(note.pitch, alter=alter))
        token, polygon = note_token(note), None
        check_token(token)
        if isinstance(before, Note):
            steps = note.pitch.diatonic - before.pitch.diatonic
            polygon = self._placement.moved(self.symbols[index].polygon, steps)
        else:
            polygon = self.in_place(index, token)
        self.set_token(index, token, polygon=polygon)
        marked = self.start(index) < index
        needs_mark = accidental is not None and accidental == self.key(index).alter(note.pitch.step)
        if needs_mark and not marked:
            self.insert(index, "accidental", polygon=self.in_place(index, "accidental"))
        elif marked and not needs_mark:
            self.remove(index - 1)

    def put_rest(self, index: int, rest: Rest) -> None:
        """A rest in the place of a note to which nothing belongs."""
        token = sign_token(rest)
        self.set_token(index, token, polygon=self.in_place(index, token))

    def respell(self, first: int, *, old: Key, new: Key, steps: int, until: type[Event]) -> bool:
        """Other tokens for notes whose heads and accidentals stay as they are printed.

        Args:
            first: Index of the first symbol.
            old: Key signature by which the tokens are spelled there.
            new: The one that holds there.
            steps: By which the clef moves what heads on a line are called.
            until: Kind of sign that ends it, `Clef` or `Key`.

        Returns:
            Whether it went on to the end of the staff.
        """
        index = first
        while index < len(self.symbols):
            event = self.event(index)
            if isinstance(event, until):
                return False
            if isinstance(event, Key):
                old = new = event
            if isinstance(event, Note):
                index = self._respell_note(index, event, old, new, steps)
            index += 1
        return True

    def _respell_note(self, index: int, note: Note, old: Key, new: Key, steps: int) -> int:
        """The index of the note afterwards."""
        marked = self.start(index) < index
        accidental = printed_accidental(note, old, marked=marked)
        pitch = moved(note.pitch, steps)
        alter = new.alter(pitch.step) if accidental is None else accidental
        token = note_token(replace(note, pitch=replace(pitch, alter=alter)))
        if token != self.token(index):
            check_token(token)
            self.symbols[index] = replace(self.symbols[index], token=token)
            self.changed = True
        needs_mark = accidental is not None and accidental == new.alter(pitch.step)
        if needs_mark and not marked:
            mark = replace(self.symbols[index], token="accidental")
            self._insert(index, replace(mark, polygon=self.in_place(index, "accidental")))
            return index + 1
        if marked and accidental is not None and not needs_mark:
            self._remove(index - 1)
            return index - 1
        return index

    def _insert(self, index: int, symbol: Symbol) -> None:
        self.symbols.insert(index, symbol)
        self.selected += self.selected >= index and len(self.symbols) > 1
        self.changed = True

    def _remove(self, index: int) -> None:
        del self.symbols[index]
        self.selected -= self.selected > index
        self.changed = True

    def in_place(self, index: int, token: str) -> Polygon:
        """The box of another symbol in the place of one."""
        return self._placement.in_place(token, self.symbols[index].polygon, self.clef(index))

    def _between(self, index: int, token: str) -> Polygon:
        """The box of a symbol that is put before another one."""
        before = self.symbols[index - 1].polygon if index else None
        after = self.symbols[index].polygon if index < len(self.symbols) else None
        return self._placement.between(token, before, after, self.clef(index))
