"""Between semantic tokens and class numbers, by way of the encoding that a network was taught."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from focal_omr.encodings.printed import full_printed, printed_to_semantic, semantic_to_printed
from focal_omr.encodings.vocabulary import Vocabulary, full_semantic
from focal_omr.score.records import NO_KEY, Key

Encoding = Literal["printed", "semantic"]


@dataclass(frozen=True)
class Codec:
    """An encoding and its symbols.

    Attributes:
        encoding: "printed" (see `notation.printed`) or "semantic".
        vocabulary: Symbols of that encoding.
    """

    encoding: Encoding
    vocabulary: Vocabulary

    def encode(self, tokens: Sequence[str]) -> list[int]:
        """Class numbers of a semantic label. Raises NotationError for what the vocabulary lacks."""
        printed = self.encoding == "printed"
        return self.vocabulary.encode(semantic_to_printed(tokens) if printed else tokens)

    def decode(self, numbers: Sequence[int], *, key: Key = NO_KEY) -> list[list[str]]:
        """For each class number the semantic tokens that it stands for: one, or `accidental` and a note.

        A printed accidental stands for none: its sign is in the note after it. In the printed encoding notes
        follow the signature `key` until another is read.
        """
        symbols = self.vocabulary.decode(numbers)
        if self.encoding == "printed":
            return printed_to_semantic(symbols, key=key)
        return [[symbol] for symbol in symbols]


def seen_codec(encoding: Encoding, labels: Iterable[Sequence[str]]) -> Codec:
    """The codec with the symbols of these semantic labels alone, sorted. Raises NotationError as `encode`."""
    printed = encoding == "printed"
    symbols = {symbol for label in labels for symbol in (semantic_to_printed(label) if printed else label)}
    return Codec(encoding, Vocabulary(tuple(sorted(symbols))))


def full_codec(encoding: Encoding) -> Codec:
    """The codec with all symbols that this package knows."""
    return Codec(encoding, full_printed() if encoding == "printed" else full_semantic())
