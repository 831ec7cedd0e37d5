"""Vocabularies: symbols and their class numbers. Defines the CTC blank as class 0; symbols count from 1."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from importlib.resources import files
from itertools import product

from focal_omr.encodings.semantic import TUPLET_NORMAL
from focal_omr.errors import NotationError

BLANK = 0


@dataclass(frozen=True)
class Vocabulary:
    """An ordered set of symbols; symbol i has class i + 1, the blank has 0."""

    symbols: tuple[str, ...]

    def __post_init__(self) -> None:
        if len(set(self.symbols)) != len(self.symbols):
            raise NotationError("a vocabulary must not repeat a symbol")

    @property
    def classes(self) -> int:
        """Number of classes including the blank: C of the network output."""
        return len(self.symbols) + 1

    @cached_property
    def _numbers(self) -> dict[str, int]:
        return {symbol: number for number, symbol in enumerate(self.symbols, BLANK + 1)}

    def __contains__(self, symbol: str) -> bool:
        return symbol in self._numbers

    def encode(self, symbols: Iterable[str]) -> list[int]:
        """The class numbers of symbols.

        Raises:
            NotationError: A symbol is not in the vocabulary.
        """
        try:
            return [self._numbers[symbol] for symbol in symbols]
        except KeyError as error:
            raise NotationError(f"{error.args[0]!r} is not among the {len(self.symbols)} symbols") from None

    def decode(self, numbers: Sequence[int]) -> list[str]:
        """The symbols of class numbers.

        Raises:
            NotationError: A number is not in 1 .. number of symbols; the blank is not a symbol.
        """
        for number in numbers:
            if not BLANK < number < self.classes:
                raise NotationError(f"class {number} is out of range; symbols have 1 to {self.classes - 1}")
        return [self.symbols[number - 1] for number in numbers]


def read_vocabulary(text: str) -> Vocabulary:
    """A vocabulary from text with one symbol per line, the format of PrIMuS."""
    return Vocabulary(tuple(text.split()))


def write_vocabulary(vocabulary: Vocabulary) -> str:
    """Text with one symbol per line."""
    return "".join(f"{symbol}\n" for symbol in vocabulary.symbols)


def _packaged(name: str) -> Vocabulary:
    return read_vocabulary(files("focal_omr.encodings").joinpath(name).read_text(encoding="utf-8"))


def primus_semantic() -> Vocabulary:
    """The 1781 semantic symbols of PrIMuS, in the order published with the 2018 paper's code."""
    return _packaged("primus_semantic.txt")


def primus_agnostic() -> Vocabulary:
    """The 758 agnostic symbols of PrIMuS, in the order published with the 2018 paper's code."""
    return _packaged("primus_agnostic.txt")


@cache
def full_semantic() -> Vocabulary:
    """PrIMuS semantic, our additional symbols, and notes of common values that PrIMuS lacks."""
    return Vocabulary(tuple(dict.fromkeys((*primus_semantic().symbols, *_additional_symbols()))))


def _additional_symbols() -> Iterable[str]:
    yield from (
        f"barline-{kind}" for kind in ("double", "final", "repeat_start", "repeat_end", "repeat_both")
    )
    yield from (f"tuplet-{actual}" for actual in TUPLET_NORMAL if actual <= 9)
    yield from ("tuplet-end", "accidental", "clef-G3", "keySignature-CbM")
    yield from ("timeSignature-10/8", "timeSignature-15/8", "timeSignature-7/8", "timeSignature-5/2")
    yield from ("rest-double_whole", "rest-half..", "rest-thirty_second.", "rest-hundred_twenty_eighth")
    yield from (f"multirest-{bars}" for bars in range(1, 100))
    values = [
        "whole",
        "half",
        "quarter",
        "eighth",
        "sixteenth",
        "thirty_second",
        "half.",
        "quarter.",
        "eighth.",
    ]
    for octave, step, sign in product(range(1, 7), "CDEFGAB", ("", "#", "b")):
        yield from (f"note-{step}{sign}{octave}_{value}" for value in values if (octave, step) != (6, "B"))
    for octave, name in product((2, 3, 4, 5), ("F##", "C##", "G##", "D##", "A##", "Bbb", "Ebb", "Abb")):
        yield from (f"note-{name}{octave}_{value}" for value in ("half", "quarter", "eighth", "sixteenth"))
    for octave, step, sign in product((3, 4, 5), "CDEFGAB", ("", "#", "b")):
        yield from (f"gracenote-{step}{sign}{octave}_{value}" for value in ("eighth", "sixteenth"))
