"""Textures: which parts of a score make a system of a kind, such as a voice with its piano."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from focal_omr.score.score import Chord, Lyric, Part

__all__ = ["TEXTURES", "Offer", "layout_of", "offers"]

# Layouts of neighbouring parts: the number of staves, and l for lyrics. Of a part of several staves, "one" is
# one of them; "hymn" has two parts on each staff.
TEXTURES: dict[str, tuple[tuple[str, ...], ...]] = {
    "one": (("1",), ("1l",), ("2",), ("3",)),
    "piano": (("2",),),
    "song": (("1l", "2"), ("1", "2")),
    "duet": (("1l", "1l", "2"), ("1", "1", "2")),
    "strings": (("1", "1"), ("1", "1", "1")),
    "quartet": (("1", "1", "1", "1"),),
    "choir": (("1l", "1l"), ("1l", "1l", "1l"), ("1l", "1l", "1l", "1l")),
    "hymn": (("1l", "1l", "1l", "1l"),),
    "organ": (("3",), ("2", "1")),
}


@dataclass(frozen=True, slots=True)
class Offer:
    """Parts of a fragment, by index, that make a texture."""

    texture: str
    parts: tuple[int, ...]


def layout_of(part: Part) -> str:
    """The layout of a part: its number of staves, and l if it has lyrics."""
    lyrics = any(
        isinstance(mark, Lyric)
        for measure in part.measures
        for voice in measure.voices
        for event in voice.events
        if isinstance(event, Chord)
        for mark in event.marks
    )
    return f"{part.staves}{'l' if lyrics else ''}"


def offers(layouts: Sequence[str]) -> Iterator[Offer]:
    """The textures that neighbouring parts make, given the layout of each part."""
    for texture, patterns in TEXTURES.items():
        for pattern in patterns:
            size = len(pattern)
            for first in range(len(layouts) - size + 1):
                if tuple(layouts[first : first + size]) == pattern:
                    yield Offer(texture, tuple(range(first, first + size)))
