"""Edits of a document: one model for each kind, discriminated by `do`."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from focal_omr.encodings.semantic import TUPLET_NORMAL, parse_barline, parse_sign
from focal_omr.errors import EditError
from focal_omr.score.records import BarlineKind, Clef, Key, Meter, MultiRest, Note, Rest

# Limits of print and of some formats.
_MAX_DOTS, _MAX_BARS, _MAX_BEATS, _MAX_UNIT, _MAX_MIDI = 3, 999, 99, 128, 127

Value: TypeAlias = Literal[
    "quadruple_whole",
    "double_whole",
    "whole",
    "half",
    "quarter",
    "eighth",
    "sixteenth",
    "thirty_second",
    "sixty_fourth",
    "hundred_twenty_eighth",
]
AccidentalSign: TypeAlias = Literal["#", "##", "b", "bb", "n"]


class _Edit(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class MoveNote(_Edit):
    """Move a note by diatonic steps, up if positive; octaves, 7 steps, keep the accidental."""

    do: Literal["move"]
    steps: int = Field(ge=-35, le=35)


class Step(_Edit):
    """Change a note to the nearest note of a name; a rest becomes that note."""

    do: Literal["step"]
    step: Literal["C", "D", "E", "F", "G", "A", "B"]


class Accidental(_Edit):
    """Set the printed accidental of a note; null: none."""

    do: Literal["accidental"]
    sign: AccidentalSign | None


class SetValue(_Edit):
    """Set the value of a note or rest, without dots."""

    do: Literal["value"]
    value: Value


class Dots(_Edit):
    """Set the number of dots of a note or rest."""

    do: Literal["dots"]
    dots: int = Field(ge=0, le=_MAX_DOTS)


class Tie(_Edit):
    """Toggle the tie from a note to the next one."""

    do: Literal["tie"]


class Fermata(_Edit):
    """Toggle the fermata over a note or rest."""

    do: Literal["fermata"]


class Grace(_Edit):
    """Change a note to a grace note, or back."""

    do: Literal["grace"]


class ToRest(_Edit):
    """Change a note to a rest, or a rest to a note."""

    do: Literal["rest"]


class Delete(_Edit):
    """Delete a symbol: a note with its accidental and ties, a tuplet mark with the other one."""

    do: Literal["delete"]


class Insert(_Edit):
    """Insert a symbol beside the selected one; a note or rest is like its neighbour."""

    do: Literal["insert"]
    what: Literal["note", "rest", "barline"]
    before: bool = False


class SetBarline(_Edit):
    """Set the kind of a barline."""

    do: Literal["barline"]
    kind: BarlineKind


class ToTuplet(_Edit):
    """Make a tuplet of the note and those after it; remove the marks of an existing tuplet."""

    do: Literal["tuplet"]
    actual: int = Field(ge=min(TUPLET_NORMAL), le=max(TUPLET_NORMAL))


class SetClef(_Edit):
    """Set the clef from here on; note heads stay on their lines."""

    do: Literal["clef"]
    clef: str = Field(pattern=r"^[GFC][1-5]$")

    @property
    def sign(self) -> Clef:
        """The record."""
        sign = parse_sign(f"clef-{self.clef}")
        assert isinstance(sign, Clef)
        return sign


class SetKey(_Edit):
    """Set the key signature from here on: sharps, or flats if negative; printed accidentals stay."""

    do: Literal["key"]
    fifths: int = Field(ge=-7, le=7)


class SetMeter(_Edit):
    """Set the meter from here on."""

    do: Literal["meter"]
    meter: str = Field(pattern=r"^(C/?|[1-9]\d?/(1|2|4|8|16|32|64|128))$")

    @property
    def sign(self) -> Meter:
        """The record."""
        sign = parse_sign(f"timeSignature-{self.meter}")
        assert isinstance(sign, Meter)
        return sign


class Token(_Edit):
    """Replace the selected token by any semantic token."""

    do: Literal["token"]
    token: str = Field(min_length=1, max_length=60)


class Accept(_Edit):
    """Confirm that the symbol is right."""

    do: Literal["accept"]


class UseReading(_Edit):
    """Use the reading of a staff that was given up as unreadable."""

    do: Literal["believe"]


Edit: TypeAlias = Annotated[
    MoveNote
    | Step
    | Accidental
    | SetValue
    | Dots
    | Tie
    | Fermata
    | Grace
    | ToRest
    | Delete
    | Insert
    | SetBarline
    | ToTuplet
    | SetClef
    | SetKey
    | SetMeter
    | Token
    | Accept
    | UseReading,
    Field(discriminator="do"),
]
_EDIT: TypeAdapter[Edit] = TypeAdapter(Edit)


def parse_edit(edit: Edit | Mapping[str, Any]) -> Edit:
    """An edit from plain values.

    Raises:
        EditError: The values are not a valid edit.
    """
    if isinstance(edit, BaseModel):
        return edit
    try:
        return _EDIT.validate_python(dict(edit))
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(each) for each in first["loc"][1:])
        raise EditError(f"no such edit: {place}{': ' if place else ''}{first['msg']}") from None
    except (TypeError, ValueError) as error:
        raise EditError(f"no such edit: {error}") from None


def check_token(token: str) -> None:
    """Check that a semantic token may occur in print.

    Raises:
        EditError: An unknown token, or one with a value out of range.
    """
    if token in ("tie", "accidental", "tuplet-end") or parse_barline(token) is not None:
        return
    if token.startswith("tuplet-") and token in {f"tuplet-{actual}" for actual in TUPLET_NORMAL}:
        return
    match parse_sign(token):
        case Note(pitch=pitch, duration=duration):
            good = 0 <= pitch.midi <= _MAX_MIDI and duration.dots <= _MAX_DOTS
        case Rest(duration=duration):
            good = duration.dots <= _MAX_DOTS
        case MultiRest(bars=bars):
            good = bars <= _MAX_BARS
        case Meter(beats=beats, unit=unit):
            good = beats <= _MAX_BEATS and unit <= _MAX_UNIT and unit.bit_count() == 1
        case Clef() | Key():
            good = True
        case _:
            raise EditError(f"no such symbol: {token!r}")
    if not good:
        raise EditError(f"out of range: {token!r}")
