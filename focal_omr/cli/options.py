"""Options that several commands share."""

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from focal_omr.formats.midi import Playback

# Copies of the library's defaults: importing it would double the time of `--help`. A test compares them.
MEMORY_MB = 4000
LIMIT_S = 300.0

ModelOption = Annotated[str, typer.Option(help="An exported ONNX file, 'default' or 'columns'.")]
BeamOption = Annotated[
    int | None, typer.Option(min=0, help="Beam width; 0 = greedy decoding.", show_default="8")
]
TempoOption = Annotated[int, typer.Option(help="MIDI: quarter notes per minute.")]
InstrumentOption = Annotated[
    str | None,
    typer.Option(
        metavar="NAMES",
        help="MIDI: General MIDI name or number; comma-separated for several parts.",
    ),
]
UnfoldOption = Annotated[
    bool, typer.Option("--unfold-repeats", help="MIDI: play repeats; otherwise every bar sounds once.")
]
TimeoutOption = Annotated[float, typer.Option(min=0.1, metavar="SECONDS", help="Time limit of one file.")]
ThreadsOption = Annotated[int, typer.Option(min=0, help="CPU threads; 0 = all cores.")]
MemoryOption = Annotated[
    int, typer.Option(min=200, metavar="MB", help="Memory limit of each worker process in megabytes.")
]


def make_playback(tempo: int, instrument: str | None, unfold: bool) -> "Playback":
    """Build the playback of MIDI files from the options of a command.

    Args:
        tempo: Quarter notes per minute.
        instrument: Comma-separated General MIDI names or numbers; None: piano.
        unfold: Whether repeats are played.

    Raises:
        NotationError: The tempo is out of range, or there is no such instrument.
    """
    from focal_omr.formats.midi import Playback, parse_instruments

    return Playback(tempo, parse_instruments(instrument) if instrument else (), unfold)
