"""Codec between semantic tokens and the class numbers of a network."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from focal_omr.encodings.column_factors import column_vocabulary
from focal_omr.encodings.printed import full_printed, printed_to_semantic, semantic_to_printed
from focal_omr.encodings.vocabulary import Vocabulary, full_semantic
from focal_omr.score.records import NO_KEY, Key

Encoding = Literal["printed", "semantic", "columns"]


@dataclass(frozen=True)
class Codec:
    """An encoding with its vocabulary.

    Attributes:
        encoding: "printed" (see `encodings.printed`), "semantic", or "columns", whose symbols are the values
            of `encodings.column_factors`; tokens are neither encoded nor decoded by that one.
        vocabulary: The symbols of that encoding.
    """

    encoding: Encoding
    vocabulary: Vocabulary

    def encode(self, tokens: Sequence[str]) -> list[int]:
        """Class numbers of a semantic label. Raises NotationError for a symbol outside the vocabulary."""
        printed = self.encoding == "printed"
        return self.vocabulary.encode(semantic_to_printed(tokens) if printed else tokens)

    def decode(self, numbers: Sequence[int], *, key: Key = NO_KEY) -> list[list[str]]:
        """The semantic tokens of each class number: usually one, or `accidental` and a note.

        A printed accidental has none: its alteration goes into the note after it.

        Args:
            numbers: Class numbers, without blanks.
            key: The key signature in force before them; only the printed encoding needs it.
        """
        symbols = self.vocabulary.decode(numbers)
        if self.encoding == "printed":
            return printed_to_semantic(symbols, key=key)
        return [[symbol] for symbol in symbols]


def seen_codec(encoding: Encoding, labels: Iterable[Sequence[str]]) -> Codec:
    """A codec with only the symbols of these semantic labels, sorted. Raises NotationError as `encode`."""
    printed = encoding == "printed"
    symbols = {symbol for label in labels for symbol in (semantic_to_printed(label) if printed else label)}
    return Codec(encoding, Vocabulary(tuple(sorted(symbols))))


def full_codec(encoding: Encoding) -> Codec:
    """A codec with the full vocabulary of an encoding."""
    if encoding == "columns":
        return Codec(encoding, column_vocabulary())
    return Codec(encoding, full_printed() if encoding == "printed" else full_semantic())
