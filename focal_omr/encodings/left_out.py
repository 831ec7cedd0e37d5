"""Account of what an encoding leaves out of a score, in one phrase for each kind."""

from dataclasses import dataclass, field

from focal_omr.score.score import (
    Arpeggio,
    Articulation,
    ChordSymbol,
    Dynamic,
    Ending,
    FiguredBass,
    Fingering,
    Glissando,
    Hairpin,
    Jump,
    Lyric,
    Ornament,
    Ottava,
    Pedal,
    Rehearsal,
    Slur,
    StaffLines,
    Technique,
    Tempo,
    Transposition,
    Tremolo,
    TrillLine,
    Words,
)

__all__ = ["KIND_NAMES", "LeftOut"]

# Singular and plural of what one voice of a one-voice score cannot hold.
KIND_NAMES: dict[type, tuple[str, str]] = {
    Arpeggio: ("arpeggio", "arpeggios"),
    Articulation: ("articulation", "articulations"),
    ChordSymbol: ("chord symbol", "chord symbols"),
    Dynamic: ("dynamic", "dynamics"),
    Ending: ("ending", "endings"),
    FiguredBass: ("figured bass", "figured basses"),
    Fingering: ("fingering", "fingerings"),
    Glissando: ("glissando", "glissandos"),
    Hairpin: ("hairpin", "hairpins"),
    Jump: ("jump", "jumps"),
    Lyric: ("lyric syllable", "lyric syllables"),
    Ornament: ("ornament", "ornaments"),
    Ottava: ("octave line", "octave lines"),
    Pedal: ("pedal", "pedals"),
    Rehearsal: ("rehearsal mark", "rehearsal marks"),
    Slur: ("slur", "slurs"),
    StaffLines: ("number of staff lines", "numbers of staff lines"),
    Technique: ("playing technique", "playing techniques"),
    Tempo: ("tempo", "tempos"),
    Transposition: ("transposition", "transpositions"),
    Tremolo: ("tremolo", "tremolos"),
    TrillLine: ("trill line", "trill lines"),
    Words: ("text", "texts"),
}


@dataclass
class LeftOut:
    """Counts what is left out, by kind, and remembers where each kind comes first.

    Attributes:
        part: Where the current part is named in the phrases, such as "part 2"; "" where there is one part.
    """

    part: str = ""
    _found: dict[tuple[str, str], tuple[int, str]] = field(default_factory=dict)

    def add(self, singular: str, plural: str, measure: str) -> None:
        """Count one thing in a measure.

        Args:
            singular: What it is.
            plural: The same for several; one with "voice" counts measures, such as "voice 2".
            measure: Number of its measure.
        """
        place = f"measure {measure}" + (f" of {self.part}" if self.part else "")
        count, first = self._found.get((singular, plural), (0, place))
        self._found[singular, plural] = (count + 1, first)

    def add_record(self, record: object, measure: str) -> None:
        """Count a mark, direction, sign or spanner of `KIND_NAMES` in a measure."""
        self.add(*KIND_NAMES[type(record)], measure)

    def phrases(self) -> tuple[str, ...]:
        """One phrase for each kind: "12 slurs, first in measure 3", "voice 2 of measure 7"."""
        found = []
        for (singular, plural), (count, place) in self._found.items():
            if singular == plural:  # a voice, which is in measures
                several = f"{singular} in {count} measures, first in {place}"
                found.append(f"{singular} of {place}" if count == 1 else several)
            else:
                found.append(
                    f"1 {singular} in {place}" if count == 1 else f"{count} {plural}, first in {place}"
                )
        return tuple(found)
