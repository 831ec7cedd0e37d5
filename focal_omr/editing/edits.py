"""What can be changed in a reading: one model for each kind, told apart by `do`."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from focal_omr.encodings.semantic import TUPLET_NORMAL, parse_barline, parse_sign
from focal_omr.errors import EditError
from focal_omr.score.records import BarlineKind, Clef, Key, Meter, MultiRest, Note, Rest

# What no print has and some formats cannot hold.
_MOST_DOTS, _MOST_BARS, _MOST_BEATS, _SHORTEST_BEAT, _HIGHEST_MIDI = 3, 999, 99, 128, 127

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
    """A note some steps up (down: fewer than 0); an octave, 7 steps, keeps the accidental."""

    do: Literal["move"]
    steps: int = Field(ge=-35, le=35)


class Step(_Edit):
    """The nearest note of a name; a rest becomes that note."""

    do: Literal["step"]
    step: Literal["C", "D", "E", "F", "G", "A", "B"]


class Accidental(_Edit):
    """The accidental that is printed before a note; null: none."""

    do: Literal["accidental"]
    sign: AccidentalSign | None


class SetValue(_Edit):
    """The value of a note or rest, without dots."""

    do: Literal["value"]
    value: Value


class Dots(_Edit):
    """How many dots a note or rest has."""

    do: Literal["dots"]
    dots: int = Field(ge=0, le=_MOST_DOTS)


class Tie(_Edit):
    """A tie from a note to the next, on or off."""

    do: Literal["tie"]


class Fermata(_Edit):
    """A fermata over a note or rest, on or off."""

    do: Literal["fermata"]


class Grace(_Edit):
    """A note becomes a grace note, or a full one again."""

    do: Literal["grace"]


class ToRest(_Edit):
    """A note becomes a rest, a rest a note."""

    do: Literal["rest"]


class Delete(_Edit):
    """The symbol goes: a note with its accidental and its ties, a tuplet mark with the other one."""

    do: Literal["delete"]


class Insert(_Edit):
    """A new symbol beside the selected one; a note or rest is like the one beside it."""

    do: Literal["insert"]
    what: Literal["note", "rest", "barline"]
    before: bool = False


class SetBarline(_Edit):
    """Another kind of barline."""

    do: Literal["barline"]
    kind: BarlineKind


class ToTuplet(_Edit):
    """The note and those after it until they are a full tuplet; in a tuplet: its marks go."""

    do: Literal["tuplet"]
    actual: int = Field(ge=min(TUPLET_NORMAL), le=max(TUPLET_NORMAL))


class SetClef(_Edit):
    """The clef from here on; note heads stay on their lines."""

    do: Literal["clef"]
    clef: str = Field(pattern=r"^[GFC][1-5]$")

    @property
    def sign(self) -> Clef:
        """As a record."""
        sign = parse_sign(f"clef-{self.clef}")
        assert isinstance(sign, Clef)
        return sign


class SetKey(_Edit):
    """The key signature from here on, in sharps, or flats below 0; printed accidentals stay."""

    do: Literal["key"]
    fifths: int = Field(ge=-7, le=7)


class SetMeter(_Edit):
    """The meter from here on."""

    do: Literal["meter"]
    meter: str = Field(pattern=r"^(C/?|[1-9]\d?/(1|2|4|8|16|32|64|128))$")

    @property
    def sign(self) -> Meter:
        """As a record."""
        sign = parse_sign(f"timeSignature-{self.meter}")
        assert isinstance(sign, Meter)
        return sign


class Token(_Edit):
    """Any semantic token in the place of the selected one."""

    do: Literal["token"]
    token: str = Field(min_length=1, max_length=60)


class Accept(_Edit):
    """The symbol is right as it was read."""

    do: Literal["accept"]


class UseReading(_Edit):
    """What was read on a staff that was given up is used after all."""

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


def parse_edit(change: Edit | Mapping[str, Any]) -> Edit:
    """The change that plain values say. Raises EditError where they say none."""
    if isinstance(change, BaseModel):
        return change
    try:
        return _EDIT.validate_python(dict(change))
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(each) for each in first["loc"][1:])
        raise EditError(f"no such change: {place}{': ' if place else ''}{first['msg']}") from None
    except (TypeError, ValueError) as error:
        raise EditError(f"no such change: {error}") from None


def check_token(token: str) -> None:
    """Raises EditError where a semantic token is none, or one that no print has."""
    if token in ("tie", "accidental", "tuplet-end") or parse_barline(token) is not None:
        return
    if token.startswith("tuplet-") and token in {f"tuplet-{actual}" for actual in TUPLET_NORMAL}:
        return
    match parse_sign(token):
        case Note(pitch=pitch, duration=duration):
            good = 0 <= pitch.midi <= _HIGHEST_MIDI and duration.dots <= _MOST_DOTS
        case Rest(duration=duration):
            good = duration.dots <= _MOST_DOTS
        case MultiRest(bars=bars):
            good = bars <= _MOST_BARS
        case Meter(beats=beats, unit=unit):
            good = beats <= _MOST_BEATS and unit <= _SHORTEST_BEAT and unit.bit_count() == 1
        case Clef() | Key():
            good = True
        case _:
            raise EditError(f"no such symbol: {token!r}")
    if not good:
        raise EditError(f"out of range: {token!r}")
