"""Marks and spanners around composed notes: what an engraver draws beside them on real paper."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import pairwise
from typing import Any, Literal

from focal_omr.data.music.choices import Choices
from focal_omr.data.music.drafts import EventDraft
from focal_omr.score.score import (
    Arpeggio,
    Articulation,
    ChordSymbol,
    Direction,
    Dynamic,
    FiguredBass,
    Fingering,
    Glissando,
    Hairpin,
    Lyric,
    Moment,
    Ornament,
    Pedal,
    Slur,
    Spanner,
    Technique,
    Tempo,
    Tremolo,
    Words,
)

__all__ = ["Decorations", "Decorator"]

_ARTICULATIONS = {
    **{"staccato": 40, "accent": 20, "tenuto": 12, "strong-accent": 5, "staccatissimo": 5},
    **{"detached-legato": 3},
}
_ORNAMENTS = ("trill-mark", "mordent", "inverted-mordent", "turn", "inverted-turn")
_TECHNIQUES = ("up-bow", "down-bow", "open-string", "stopped", "snap-pizzicato", "harmonic")
_DYNAMICS = ("p", "pp", "mp", "mf", "f", "ff", "sf", "sfz", "fp", "ppp", "fff")
_WORDS = (
    *("dolce", "cresc.", "dim.", "rit.", "a tempo", "espressivo", "pizz.", "arco", "legato", "poco a poco"),
    *("simile", "cantabile", "sempre", "leggiero", "marcato", "ten.", "con sordino"),
)
_TEMPI = ("Allegro", "Andante", "Adagio", "Moderato", "Presto", "Lento", "Vivace", "Largo", "Tempo I")
_SYLLABLES = (
    *("la", "lux", "mein", "Herz", "the", "sun", "and", "night", "a", "mor", "ve", "ni", "sanc", "tus"),
    *("o", "der", "Mond", "ist", "auf", "ge", "gan", "gen", "lei", "se", "fleh", "en", "sweet", "love"),
)
_CHORDS = (("major", ""), ("minor", "m"), ("dominant", "7"), ("major-seventh", "maj7"), ("diminished", "dim"))


@dataclass
class Decorations:
    """What belongs to no single event."""

    directions: list[Direction] = field(default_factory=list)
    spanners: list[Spanner] = field(default_factory=list)


class Decorator:
    """Decorates one staff at rates drawn once.

    Args:
        choices: Random generator.
        vocal: Whether the staff has lyrics.
    """

    def __init__(self, choices: Choices, *, vocal: bool) -> None:
        self.random = choices.random
        uniform = self.random.random
        plain = uniform() < 0.25
        scale = 0.0 if plain else 1.0
        self.rates = {
            "articulation": 0.5 * uniform() ** 3 * scale,
            "ornament": 0.08 * uniform() ** 4 * scale,
            "fingering": 0.6 * uniform() ** 6 * scale,
            "technique": 0.2 * uniform() ** 8 * scale,
            "arpeggio": 0.3 * uniform() ** 4 * scale,
            "tremolo": 0.2 * uniform() ** 10 * scale,
            "slur": 0.6 * uniform() ** 2 * scale,
            "dynamic": 0.5 * uniform() ** 2 * scale,
            "hairpin": 0.4 * uniform() ** 3 * scale,
            "words": 0.25 * uniform() ** 3 * scale,
            "glissando": 0.1 * uniform() ** 8 * scale,
            "pedal": 0.3 * uniform() ** 6 * scale,
            "figures": 0.5 * uniform() ** 12 * scale,
            "tempo": 0.1 * uniform() * scale,
            "chord": float(uniform() < 0.04) * scale,
        }
        self.verses = self.random.choice((1, 1, 1, 2, 3)) if vocal or uniform() < 0.12 else 0

    def decorations(
        self, voices: Sequence[Sequence[EventDraft]], measure: str, staff: int, length: Fraction
    ) -> Decorations:
        """Add marks to the events of a measure; return its directions and spanners.

        Args:
            voices: Of the staff.
            measure: Id of the measure.
            staff: Number in the part.
            length: Of the measure.
        """
        found = Decorations()
        for number, events in enumerate(voices):
            chords = [event for event in events if event.notes and event.grace is None]
            for event in chords:
                self._mark(event)
            if number == 0 and self.verses:
                self._lyrics(chords)
            if len(chords) > 1 and self._chance("slur"):
                first, last = sorted(self.random.sample(range(len(chords)), 2))
                found.spanners.append(Slur(chords[first].id, chords[last].id))
            for one, other in pairwise(chords):
                if self._chance("glissando"):
                    found.spanners.append(
                        Glissando(one.notes[0].id, other.notes[0].id, self.random.random() < 0.5)
                    )
        onsets = sorted({event.onset for events in voices for event in events if event.notes})
        if onsets:
            self._directions(found, onsets, measure, staff, length)
        return found

    def _chance(self, name: str) -> bool:
        return self.random.random() < self.rates[name]

    def _mark(self, event: EventDraft) -> None:
        random = self.random
        if self._chance("articulation"):
            name = random.choices([*_ARTICULATIONS], [*_ARTICULATIONS.values()])[0]
            event.marks.append(Articulation(name))
        if self._chance("ornament"):
            event.marks.append(Ornament(random.choice(_ORNAMENTS)))
        if self._chance("technique"):
            event.marks.append(Technique(random.choice(_TECHNIQUES)))
        if len(event.notes) > 1 and self._chance("arpeggio"):
            event.marks.append(Arpeggio())
        if self._chance("tremolo") and not any(isinstance(mark, Tremolo) for mark in event.marks):
            event.marks.append(Tremolo(random.choice((1, 2, 3))))
        if self._chance("fingering"):
            event.marks += [Fingering(str(random.randint(1, 5)), note.id) for note in event.notes]

    def _lyrics(self, chords: Sequence[EventDraft]) -> None:
        for event in chords:
            if self.random.random() < 0.12:
                continue
            for verse in range(1, self.verses + 1):
                syllabic: Literal["single", "begin", "middle", "end"] = self.random.choice(
                    ("single", "single", "begin", "end")
                )
                event.marks.append(Lyric(self.random.choice(_SYLLABLES), str(verse), syllabic))

    def _directions(
        self, found: Decorations, onsets: Sequence[Fraction], measure: str, staff: int, length: Fraction
    ) -> None:
        random = self.random

        def add(value: Any, placement: Literal["above", "below"] | None = None) -> None:
            found.directions.append(Direction(random.choice(onsets), value, staff, placement))

        if self._chance("dynamic"):
            add(Dynamic(random.choice(_DYNAMICS)), "below")
        if self._chance("words"):
            add(
                Words(random.choice(_WORDS), random.choice(("italic", "normal"))),
                random.choice(("above", "below")),
            )
        if staff == 1 and self._chance("tempo"):
            add(Tempo(random.choice(_TEMPI)), "above")
        if self._chance("chord"):
            kind, text = random.choice(_CHORDS)
            add(ChordSymbol((random.choice("CDEFGAB"), random.choice((0, 0, -1))), kind, text), "above")
        if self._chance("figures"):
            numbers = random.sample(("2", "3", "4", "5", "6", "7"), random.randint(1, 3))
            figures = tuple(
                (random.choice(("", "", "sharp", "flat")), n, "") for n in sorted(numbers, reverse=True)
            )
            add(FiguredBass(figures), "below")
        if self._chance("pedal"):
            ends = Moment(measure, random.choice(onsets), staff), Moment(measure, length, staff)
            found.spanners.append(Pedal(*ends, line=random.random() < 0.3))
        if self._chance("hairpin") and len(onsets) > 1:
            start = random.choice(onsets[:-1])
            kinds: tuple[Literal["crescendo", "diminuendo"], ...] = ("crescendo", "diminuendo")
            ends = Moment(measure, start, staff), Moment(measure, length, staff)
            found.spanners.append(Hairpin(*ends, random.choice(kinds), "below"))
