"""Options of playback: tempo, instruments, repeats."""

from dataclasses import dataclass

from focal_omr.errors import NotationError
from focal_omr.formats.instruments import PROGRAMS

# Quarter notes per minute that a MIDI file can express: 60,000,000 / tempo microseconds in three bytes.
MIN_TEMPO, MAX_TEMPO = 4, 1000


@dataclass(frozen=True)
class Playback:
    """How a score is played.

    Attributes:
        tempo: Quarter notes per minute, 4 .. 1000.
        instruments: General MIDI programs from 0, one per part; the last one holds for further parts. Empty:
            by the names of the parts, else a piano.
        unfold: Whether repeats are played; otherwise every bar sounds once.

    Raises:
        NotationError: The tempo is out of range.
    """

    tempo: int = 120
    instruments: tuple[int, ...] = ()
    unfold: bool = False

    def __post_init__(self) -> None:
        if not MIN_TEMPO <= self.tempo <= MAX_TEMPO:
            raise NotationError(
                f"tempo {self.tempo}; expected {MIN_TEMPO} .. {MAX_TEMPO} quarter notes per minute"
            )


def parse_instruments(text: str) -> tuple[int, ...]:
    """The programs, from 0, of a comma-separated list of General MIDI names or numbers from 1 to 128.

    Case is ignored; a unique prefix of a name is enough.

    Raises:
        NotationError: A name is unknown or ambiguous; the message lists similar ones.
    """
    return tuple(_parse_program(name.strip().casefold()) for name in text.split(","))


def _parse_program(name: str) -> int:
    if name.isascii() and name.isdigit() and 1 <= int(name) <= len(PROGRAMS):
        return int(name) - 1
    known = [program.casefold() for program in PROGRAMS]
    if name in known:
        return known.index(name)
    begun = [number for number, program in enumerate(known) if name and program.startswith(name)]
    if len(begun) == 1:
        return begun[0]
    similar = [PROGRAMS[number] for number in begun]
    similar = similar or [program for program in PROGRAMS if name and name in program.casefold()]
    hint = f"; did you mean {', '.join(similar[:8])}?" if similar else ""
    raise NotationError(
        f"no instrument {name!r}; expected a General MIDI name, such as violin, or its number 1 .. 128{hint}"
    )
