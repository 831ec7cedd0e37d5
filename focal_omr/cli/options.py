"""Options that several commands have, each said once."""

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from focal_omr.formats.midi import Playback

# Defaults of the library, said again: asking it would double the time of `--help`. A test compares them.
MEMORY_MB = 4000
LIMIT_S = 300.0

ModelOption = Annotated[str, typer.Option(help="An exported ONNX file, or 'default'.")]
BeamOption = Annotated[
    int | None,
    typer.Option(
        min=0,
        help="Readings that the search for the best one follows at a time; 0: greedy decoding.",
        show_default="8",
    ),
]
TempoOption = Annotated[int, typer.Option(help="MIDI: quarter notes a minute.")]
InstrumentOption = Annotated[
    str | None,
    typer.Option(
        metavar="NAMES",
        help="MIDI: General MIDI names or numbers, with commas between those of parts.",
    ),
]
UnfoldOption = Annotated[
    bool, typer.Option("--unfold-repeats", help="MIDI: play repeats; else every bar sounds once.")
]
TimeoutOption = Annotated[
    float, typer.Option(min=0.1, metavar="SECONDS", help="Seconds that reading a file may take.")
]
ThreadsOption = Annotated[int, typer.Option(min=0, help="Threads to compute with; 0: all cores.")]
MemoryOption = Annotated[
    int,
    typer.Option(min=200, metavar="MB", help="Megabytes that a process which reads foreign files may hold."),
]


def playback(tempo: int, instrument: str | None, unfold: bool) -> "Playback":
    """How MIDI is played. Raises NotationError for a tempo or an instrument that there is not."""
    from focal_omr.formats.midi import Playback, parse_instruments

    return Playback(tempo, parse_instruments(instrument) if instrument else (), unfold)
