"""Editor of one staff: its symbols, the signs in force, and the primitive changes.

Symbols are tokens of the semantic encoding. A note may have the mark `accidental` before it, for a reminder
of the key signature, and ties after it.
"""

from dataclasses import replace

from focal_omr.document.document import Page, StaffReading, Symbol
from focal_omr.document.geometry import Polygon
from focal_omr.editing.edits import check_token
from focal_omr.editing.placement import StaffPlacement
from focal_omr.encodings.join_staves import StaffContext
from focal_omr.encodings.names import symbol_name
from focal_omr.encodings.semantic import note_token, parse_sign, sign_token, ungrammatical
from focal_omr.errors import EditError
from focal_omr.score.records import STEPS, Clef, Event, Key, Meter, Note, Pitch, Rest

_DEFAULT_CLEF = Clef("G", 2)  # as `document.geometry` for a staff without a clef


def transpose_diatonic(pitch: Pitch, steps: int) -> Pitch:
    """A pitch moved by diatonic steps, with its alteration.

    Raises:
        EditError: The result is outside of octaves 0 to 9.
    """
    octave, step = divmod(pitch.diatonic + steps, len(STEPS))
    if not 0 <= octave <= 9:
        raise EditError("a note would be out of range")
    return Pitch(STEPS[step], octave, pitch.alter)


def _printed_accidental(note: Note, key: Key, *, marked: bool) -> int | None:
    return note.pitch.alter if marked or note.pitch.alter != key.alter(note.pitch.step) else None


class StaffEditor:
    """Editor of one staff.

    Attributes:
        reading: The staff before the edit.
        symbols: The current symbols.
        carried: The signs in force before the first of them.
        selected: Index of the selected symbol; it follows the symbol.
        changed: Whether anything has changed.
        mended: Whether a person edited the staff, beyond consequences of an edit elsewhere.
    """

    def __init__(self, page: Page, reading: StaffReading, carried: StaffContext) -> None:
        self.reading = reading
        self.symbols = list(reading.symbols)
        self.carried = carried
        self.selected = 0
        self.changed = False
        self.mended = reading.mended
        self._placement = StaffPlacement(reading.staff, page.width, page.height)

    def finished(self) -> StaffReading:
        """The current staff; symbols that break the grammar are marked as unused."""
        dropped = set(ungrammatical([symbol.token for symbol in self.symbols]))
        symbols = tuple(
            replace(symbol, used=used) if symbol.used != used else symbol
            for index, symbol in enumerate(self.symbols)
            for used in [not self.reading.unread and index not in dropped]
        )
        return replace(self.reading, symbols=symbols, mended=self.mended)

    # Queries -----------------------------------------------------------------------------------------------

    def token(self, index: int) -> str:
        """The token at an index; "" out of range."""
        return self.symbols[index].token if 0 <= index < len(self.symbols) else ""

    def event(self, index: int) -> Event | None:
        """The event of a symbol; None for ties, marks and barlines."""
        return parse_sign(self.token(index))

    def name(self, index: int) -> str:
        """The musical name of a symbol."""
        return symbol_name(self.token(index)) if self.token(index) else "nothing"

    def is_used(self, index: int) -> bool:
        """Whether the symbol exists and is part of the score."""
        return 0 <= index < len(self.symbols) and self.symbols[index].used

    def after(self, index: int) -> int:
        """Index of the next used symbol, or the number of symbols."""
        index += 1
        while index < len(self.symbols) and not self.symbols[index].used:
            index += 1
        return index

    def before(self, index: int) -> int:
        """Index of the previous used symbol, or -1."""
        index -= 1
        while index >= 0 and not self.symbols[index].used:
            index -= 1
        return index

    def head(self, index: int) -> int:
        """Index of the note that a tie or accidental mark belongs to; any other symbol is its own head."""
        if self.token(index) == "accidental" and isinstance(self.event(index + 1), Note):
            return index + 1
        if self.token(index) == "tie" and self.is_used(index):
            before = self.before(index)
            while self.token(before) == "tie":
                before = self.before(before)
            return before
        return index

    def start(self, index: int) -> int:
        """Index of the first symbol that belongs to a symbol: its accidental mark or itself."""
        marked = isinstance(self.event(index), Note) and self.token(index - 1) == "accidental"
        return index - 1 if marked else index

    def ties(self, index: int) -> list[int]:
        """Indices of the ties of a note."""
        ties = []
        if isinstance(self.event(index), Note):
            following = self.after(index)
            while self.token(following) == "tie":
                ties.append(following)
                following = self.after(following)
        return ties

    def end(self, index: int) -> int:
        """Index after a symbol and its ties."""
        return max([index, *self.ties(index)]) + 1

    def tuplet(self, index: int) -> tuple[int, int] | None:
        """Indices of the marks of the tuplet that holds a symbol or that it delimits; None: no tuplet."""
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
        """Indices of the notes and rests between two symbols."""
        return [index for index in range(first + 1, last) if isinstance(self.event(index), Note | Rest)]

    def key(self, index: int) -> Key:
        """The key signature in force before a symbol."""
        events = map(self.event, range(index - 1, -1, -1))
        return next((event for event in events if isinstance(event, Key)), self.carried.sounding_key)

    def clef(self, index: int) -> Clef:
        """The clef in force before a symbol."""
        events = map(self.event, range(index - 1, -1, -1))
        held = self.carried.clef or _DEFAULT_CLEF
        return next((event for event in events if isinstance(event, Clef)), held)

    def is_sign(self, index: int) -> bool:
        """Whether a symbol is a clef, key or meter."""
        return isinstance(self.event(index), Clef | Key | Meter)

    def note(self, index: int, *, has: str) -> tuple[int, Note]:
        """The note of a selected symbol.

        Args:
            index: Index of the symbol.
            has: The property to edit, for the message.

        Returns:
            Its index, and the note.

        Raises:
            EditError: The symbol does not belong to a note.
        """
        index = self.head(index)
        event = self.event(index)
        if not isinstance(event, Note):
            raise EditError(f"only a note has {has}; selected is: {self.name(index)}")
        return index, event

    def note_or_rest(self, index: int, *, has: str) -> tuple[int, Note | Rest]:
        """The note or rest of a selected symbol.

        Args:
            index: Index of the symbol.
            has: The property to edit, for the message.

        Returns:
            Its index, and the note or rest.

        Raises:
            EditError: The symbol does not belong to a note or rest.
        """
        index = self.head(index)
        event = self.event(index)
        if not isinstance(event, Note | Rest):
            raise EditError(f"only a note or a rest has {has}; selected is: {self.name(index)}")
        return index, event

    def accidental(self, index: int) -> int | None:
        """The alteration of the printed accidental of a note; None: none is printed."""
        note = self.event(index)
        assert isinstance(note, Note)
        return _printed_accidental(note, self.key(index), marked=self.start(index) < index)

    # Changes ------------------------------------------------------------------------------------------------

    def set_token(self, index: int, token: str, *, polygon: Polygon | None = None) -> None:
        """Replace a token, as an edit by a person.

        Args:
            index: Index of the symbol.
            token: The new token.
            polygon: Its box; None: that of the old one.
        """
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
        """Insert a symbol, as an edit by a person.

        Args:
            index: Index of the symbol before which it is inserted.
            token: The token.
            polygon: Its box; None: between its neighbours.
        """
        check_token(token)
        if polygon is None:
            before = self.symbols[index - 1].polygon if index else None
            after = self.symbols[index].polygon if index < len(self.symbols) else None
            polygon = self._placement.between(token, before, after, self.clef(index))
        self._insert(index, Symbol(token, polygon, 1.0, mended=True))
        self.mended = True

    def accept(self, index: int) -> None:
        """Confirm a symbol without changing it."""
        self.symbols[index] = replace(self.symbols[index], confidence=1.0)
        self.changed = True

    def remove(self, index: int) -> None:
        """Remove a symbol, as an edit by a person."""
        self._remove(index)
        self.mended = True

    def put_note(self, index: int, note: Note, accidental: int | None) -> None:
        """Replace a note or rest by a note.

        Args:
            index: Index of the note or rest.
            note: The note; its alteration is ignored.
            accidental: Alteration of the printed accidental; None: none, the key signature applies.
        """
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
        """Replace a note without accidental and ties by a rest."""
        token = sign_token(rest)
        self.set_token(index, token, polygon=self.in_place(index, token))

    def respell(self, first: int, *, old: Key, new: Key, steps: int, until: type[Event]) -> bool:
        """Change the tokens of notes whose heads and printed accidentals stay.

        Args:
            first: Index of the first symbol.
            old: The key signature by which the tokens are spelled.
            new: The key signature in force now.
            steps: Diatonic steps by which a new clef moves the pitches.
            until: Kind of sign at which to stop, `Clef` or `Key`.

        Returns:
            Whether the end of the staff was reached.
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
        """Respell one note and return its new index."""
        marked = self.start(index) < index
        accidental = _printed_accidental(note, old, marked=marked)
        pitch = transpose_diatonic(note.pitch, steps)
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
        """The box for another token in the place of a symbol."""
        return self._placement.in_place(token, self.symbols[index].polygon, self.clef(index))
