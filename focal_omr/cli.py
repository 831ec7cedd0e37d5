"""The command line: one short function per command. The only place that prints, and that turns an `OmrError`
into a message and a failing status.

Exit statuses: 0 all done; 1 some inputs of several failed; 2 bad usage, or the only input failed.
"""

import io
import json
import logging
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TextIO

import typer

from focal_omr import __version__
from focal_omr.cli_data import MemoryOption, data_app, extra
from focal_omr.cli_serve import serve
from focal_omr.errors import DataError, ImageError, OmrError, OutputError

if TYPE_CHECKING:
    from focal_omr.many import Batch
    from focal_omr.model_file import ModelCard
    from focal_omr.notation.playing import Playback
    from focal_omr.reader import Outcome, Task

# Plain text instead of rich boxes: half the time of `--help`, and errors of usage are lines that a log keeps.
app = typer.Typer(
    no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None
)
app.add_typer(data_app, name="data")
app.command()(serve)

SOME_FAILED, ALL_FAILED = 1, 2
_NATIVE_STDERR = 2  # the descriptor that C and C++ write their complaints to
ModelOption = Annotated[str, typer.Option(help="An exported ONNX file, or 'default'.")]
BeamOption = Annotated[
    int | None,
    typer.Option(
        min=0, help="Readings that the search for the best one follows at a time; 0: greedy decoding."
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


class Engine(StrEnum):
    """What runs the readers of many documents."""

    PROCESSES, RAY = "processes", "ray"


def main() -> None:
    """Entry point of `focal-omr`."""
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s: %(message)s")
    for stream in (sys.stdout, sys.stderr):  # a file's name may hold what the terminal's encoding lacks
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    try:
        app(prog_name="focal-omr")
    except OmrError as error:
        _say(f"focal-omr: {error}")
        sys.exit(ALL_FAILED)


def _say(message: str) -> None:
    """A line for the user, beside the results that go to the standard output."""
    print(" ".join(message.splitlines()), file=sys.stderr)


def _print_version(wanted: bool) -> None:
    if wanted:
        print(f"focal-omr {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Reads printed music: pictures in, MusicXML and MIDI out."""


@app.command()
def read(
    inputs: Annotated[
        list[Path],
        typer.Argument(
            help="Pictures and PDF documents, folders of them, or - for the standard input.", metavar="INPUT"
        ),
    ],
    out: Annotated[Path, typer.Option("-o", "--out", help="Folder for the scores.", metavar="DIR")] = Path(),
    to: Annotated[
        str,
        typer.Option(
            metavar="FORMATS",
            help="What to write, with commas between: musicxml, midi, mei, kern, abc, pae, semantic, "
            "agnostic, svg, json (every symbol with its box and confidence), overlay (the pages with what "
            "was read: PNG, or PDF for several), overlay-html (the same to click on, as a web page).",
        ),
    ] = "musicxml,midi",
    pages: Annotated[
        str | None, typer.Option(help="Pages of each document to read, such as 1,3-5,8-.", show_default="all")
    ] = None,
    split: Annotated[
        str | None,
        typer.Option(metavar="pieces", help="'pieces': a file for each piece, NAME-1.musicxml ..."),
    ] = None,
    mark_doubtful: Annotated[
        bool, typer.Option("--mark-doubtful", help="Colour doubtful notes in MusicXML, MEI and SVG.")
    ] = False,
    doubtful_below: Annotated[
        float, typer.Option(min=0, max=1, help="Confidence below which a note is doubtful.")
    ] = 0.9,
    tempo: TempoOption = 120,
    instrument: InstrumentOption = None,
    unfold_repeats: UnfoldOption = False,
    model: ModelOption = "default",
    threads: ThreadsOption = 0,
    beam: BeamOption = None,
    as_json: Annotated[
        bool,
        typer.Option(
            "--json",
            help="Print one JSON object a line for each document: token, box [left, top, right, bottom] in "
            "pixels and confidence of every symbol; or `error`.",
        ),
    ] = False,
    resume: Annotated[
        bool, typer.Option("--resume", help="Leave out what DIR/manifest.jsonl says is done.")
    ] = False,
    manifest: Annotated[
        bool | None,
        typer.Option(
            "--manifest/--no-manifest",
            help="Write DIR/manifest.jsonl, what came of each document.",
            show_default="for several documents",
        ),
    ] = None,
    workers: Annotated[
        int | None,
        typer.Option(min=1, help="Processes that read several documents.", show_default="one a thread"),
    ] = None,
    timeout: Annotated[
        float | None,
        typer.Option(
            min=0.1,
            help="Seconds after which a document is given up.",
            show_default="300, of a single document 3600",
        ),
    ] = None,
    memory: MemoryOption = 4000,
    engine: Annotated[
        Engine, typer.Option(help="What runs the readers; ray needs the extra `ray`.")
    ] = Engine.PROCESSES,
) -> None:
    """Read printed music: one score for each document, MusicXML and MIDI unless --to says otherwise.

    Results are named after the documents. Several are read side by side; one that cannot be read, crashes
    its reader or takes too long fails alone, and --resume goes on after an interrupt.

    Exit status: 0 all were read, 1 some could not be read, 2 none, or bad usage.
    """
    with _native_libraries_silenced():
        from focal_omr.batch import OutputOptions, check_folder, output_names, picture_files, result_names
        from focal_omr.manifest import MANIFEST
        from focal_omr.many import Batch
        from focal_omr.page.ranges import parse_pages
        from focal_omr.reader import ReadOptions, Task

        names = output_names(to)
        output = OutputOptions(
            playback=_playback(tempo, instrument, unfold_repeats),
            mark_doubtful=mark_doubtful,
            doubtful_below=doubtful_below,
            split=_splits(split),
        )
        files = picture_files(inputs)
        tasks = [
            Task(file, name, _standard_input() if file == Path("-") else None)
            for file, name in zip(files, result_names(files, out), strict=True)
        ]
        if pages is not None:
            parse_pages(pages)
        check_folder(out)
        options = ReadOptions(tuple(names), output, model, beam, pages)
        batch = Batch(
            tuple(tasks),
            out,
            options,
            threads=threads,
            workers=workers,
            limit_s=timeout,
            memory_mb=memory,
            on_ray=engine is Engine.RAY,
            with_manifest=resume or (len(tasks) > 1 if manifest is None else manifest),
            resume=resume,
            with_documents=as_json,
        )
        failed = _read_all(batch, as_json=as_json)
    if failed:
        if len(tasks) > 1:
            see = f", see {out / MANIFEST}" if batch.with_manifest else ""
            _say(f"focal-omr: {failed} of {len(tasks)} failed{see}")
        raise typer.Exit(SOME_FAILED if failed < len(tasks) else ALL_FAILED)


def _standard_input() -> bytes:
    if sys.stdin.isatty():
        raise ImageError("stdin: - reads a document from a pipe or a file, and this is a terminal")
    return sys.stdin.buffer.read()


def _read_all(batch: "Batch", *, as_json: bool) -> int:
    """Read what is to do, and say what comes of each document; how many failed."""
    failed = 0
    with batch.read() as (todo, outcomes):
        if todo < len(batch.tasks):
            _say(f"focal-omr: {len(batch.tasks) - todo} of {len(batch.tasks)} are done already")
        with _progress(todo, "reading", shown=not as_json) as advance:
            for done, (task, outcome) in enumerate(outcomes, 1):
                _report(batch, task, outcome, as_json=as_json)
                failed += outcome.error is not None
                advance(done)
    return failed


def _report(batch: "Batch", task: "Task", outcome: "Outcome", *, as_json: bool) -> None:
    """Say what came of a document."""
    if outcome.error is not None:
        _say(f"focal-omr: {outcome.error}")
    written = [str(batch.folder / name) for name in outcome.results]
    if as_json:
        plain = outcome.document if outcome.error is None else None
        said = _failure(task, outcome) if plain is None else {**plain, "outputs": written}
        print(json.dumps(said), flush=True)
    elif outcome.error is None:
        print(
            f"{task.label}: {outcome.symbols} symbols, mean confidence {outcome.confidence:.2f} -> "
            + ", ".join(written)
        )
        for warning in outcome.warnings:
            _say(f"focal-omr: {task.label}: {warning}")


def _failure(task: "Task", outcome: "Outcome") -> dict[str, object]:
    """What JSON says of a document that could not be read."""
    from focal_omr.document import JSON_FORMAT

    return {"format": JSON_FORMAT, "source": task.label, "error": outcome.error}


def _playback(tempo: int, instrument: str | None, unfold: bool) -> "Playback":
    from focal_omr.notation.playing import Playback, parse_instruments

    return Playback(tempo, parse_instruments(instrument) if instrument else (), unfold)


def _splits(split: str | None) -> bool:
    if split not in (None, "pieces"):
        raise OutputError(f"--split {split}: only 'pieces' is known")
    return split is not None


def _beam_width(beam: int | None) -> int:
    from focal_omr.decode import BEAM_WIDTH

    return BEAM_WIDTH if beam is None else beam


@contextmanager
def _progress(total: int, what: str, *, shown: bool = True) -> Iterator[Callable[[int], None]]:
    """A progress bar on a terminal for several things; gives the function that is told how many are done."""
    if total < 2 or not shown or not sys.stderr.isatty():
        yield lambda _: None
        return
    from rich.console import Console
    from rich.progress import MofNCompleteColumn, Progress

    columns = (*Progress.get_default_columns(), MofNCompleteColumn())
    # Results that go to a file or a pipe must not be taken for lines to show above the bar.
    bar = Progress(
        *columns, console=Console(stderr=True), transient=True, redirect_stdout=sys.stdout.isatty()
    )
    with bar:
        task = bar.add_task(what, total=total)
        yield lambda done: bar.update(task, completed=done)


@contextmanager
def _native_libraries_silenced() -> Iterator[None]:
    """What libpng, libjpeg, OpenCV and others write to the standard error goes nowhere; Python still speaks.

    They report there what becomes an error of ours with the file's name, or what is no error at all: a colour
    profile they do not like.
    """
    try:
        kept = os.dup(_NATIVE_STDERR)
    except OSError:  # closed: they have nowhere to write to anyway
        yield
        return
    python = sys.stderr
    python.flush()
    with open(os.devnull, "w") as nowhere:  # noqa: PTH123  # a device, no file of ours
        os.dup2(nowhere.fileno(), _NATIVE_STDERR)
    with os.fdopen(kept, "w", buffering=1, errors="backslashreplace") as heard:
        if _writes_to(python, _NATIVE_STDERR):
            sys.stderr = heard
        try:
            yield
        finally:
            sys.stderr = python
            os.dup2(kept, _NATIVE_STDERR)


def _writes_to(stream: TextIO, descriptor: int) -> bool:
    try:
        return stream.fileno() == descriptor
    except (OSError, ValueError):  # a stream that Python code made, or a closed one
        return False


@app.command()
def evaluate(
    model: Annotated[str, typer.Argument(help="An exported ONNX file, or 'default'.")],
    data: Annotated[Path, typer.Argument(help="Folder in PrIMuS layout.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
    ignore: Annotated[
        list[str] | None, typer.Option(help="Token to leave out on both sides, such as tie; repeatable.")
    ] = None,
    distorted: Annotated[
        bool, typer.Option("--distorted", help="Read the <id>_distorted.jpg of a Camera-PrIMuS set.")
    ] = False,
    threads: ThreadsOption = 0,
    beam: BeamOption = None,
    show: Annotated[int, typer.Option(min=0, help="How many of the worst samples to show.")] = 5,
    record: Annotated[Path | None, typer.Option(help="CSV file to append a row of the figures to.")] = None,
    report: Annotated[
        Path | None, typer.Option(help="Folder for report.md, with the worst staves as pictures.")
    ] = None,
    memory: MemoryOption = 4000,
) -> None:
    """Error rates of a model on labelled pictures."""
    from focal_omr.batch import check_files

    check_files(record, report and report / "report.md")
    with _native_libraries_silenced():
        from focal_omr.contained import Limits, contained
        from focal_omr.evaluate import Order, evaluate_contained

        order = Order(data, model, threads, _beam_width(beam), tuple(ignore or ()), distorted)
        result, card = contained(
            evaluate_contained, order, name=data, limits=Limits(None, memory), error=DataError
        )
    name = f"{data.name} (distorted)" if distorted else data.name
    if record:
        from focal_omr.results import record as append_row

        append_row(record, _evaluation_row(result.to_json(), name, card, tuple(ignore or ())))
    if report:
        from focal_omr.report import write_report

        write_report(result, report, title=f"{model} on {name}")
    if as_json:
        print(json.dumps(result.to_json()))
        return
    rates = result.rates
    print(
        f"{rates.samples} samples, {rates.symbols} symbols: SER {rates.ser:.2f} %, "
        f"SeqER {rates.sequence_error_rate:.2f} %, {len(result.failures)} failed, {result.seconds:.2f} s"
    )
    for reading in result.worst[:show]:
        print(f"{reading.id}: {reading.edits} edits")
        print(f"  label {' '.join(reading.reference)}\n  read  {' '.join(reading.hypothesis)}")
    for sample, reason in result.failures.items():
        _say(f"focal-omr: {sample}: {reason}")


def _evaluation_row(
    figures: dict[str, Any], data: str, card: "ModelCard", ignored: Sequence[str]
) -> dict[str, object]:
    """The columns of a results file."""
    from focal_omr.data.frequency import BINS

    low, high = figures["ser_interval"]
    kept = (
        *("samples", "symbols", "edits", "ser", "sequence_error_rate", "macro_error", "macro_recall"),
        *("calibration_error", "doubt_auc", "failed", "seconds"),
    )
    return {
        "config": card.config_digest,
        "seed": card.seed,
        "steps": card.steps,
        "data": data,
        "ignored": " ".join(ignored),
        **{name: figures[name] for name in kept},
        "ser_low": low,
        "ser_high": high,
        **{f"ser_{name}": figures["bin_ser"].get(name) for name in BINS},
    }


@app.command()
def train(
    config: Annotated[Path, typer.Argument(help="TOML configuration; see configs/.")],
    out: Annotated[Path, typer.Option("-o", "--out", help="Run folder.")] = Path("runs/run"),
    set_: Annotated[list[str] | None, typer.Option("--set", help="key=value over the configuration.")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the run in the folder.")] = False,
    start_from: Annotated[Path | None, typer.Option(help="Checkpoint to take the weights from.")] = None,
) -> None:
    """Train a network into a run folder; several processes, on one machine or many, through torchrun."""
    first = os.environ.get("RANK", "0") == "0"  # of the processes of torchrun only this one speaks
    logging.getLogger("focal_omr").setLevel(logging.INFO if first else logging.WARNING)
    with extra("train"):
        from focal_omr.config import load_config
        from focal_omr.train import train as train_network
    figures = train_network(
        load_config(config, overrides=tuple(set_ or ())), out, resume=resume, start_from=start_from
    )
    if first:
        print(json.dumps({"run": str(out), **figures}))


@app.command()
def experiment(
    name: Annotated[str, typer.Argument(help="smoke, seed-study, losses, imbalance, or a TOML file.")],
    out: Annotated[Path, typer.Option("-o", "--out", help="Folder for runs, results and report.")],
    data: Annotated[
        Path | None, typer.Option(help="A tree or an archive in PrIMuS layout; else staves are composed.")
    ] = None,
    workers: Annotated[
        int | None, typer.Option(min=1, help="Runs at a time; as many as cores allow if it is not given.")
    ] = None,
    set_: Annotated[list[str] | None, typer.Option("--set", help="key=value over the grid.")] = None,
) -> None:
    """Train a grid of losses, seeds and data sets, compare them, and write a report.

    What is done already is not done again; an interrupted study goes on where it was.
    """
    logging.getLogger("focal_omr.experiment").setLevel(logging.INFO)
    with extra("lab"):
        from focal_omr.experiment.grid import load_grid
        from focal_omr.experiment.study import run_study
    grid = load_grid(name, overrides=tuple(set_ or ()))
    with _progress(grid.steps, "training") as advance:
        run_study(grid, out, data=data, workers=workers, progress=advance)
    print(out / "report.html")


@app.command()
def export(
    checkpoint: Annotated[Path, typer.Argument(help="A checkpoint of a run, such as runs/run/last.pt.")],
    out: Annotated[Path, typer.Option("-o", "--out", help="The ONNX file.")] = Path("model.onnx"),
    state: Annotated[Path | None, typer.Option(help="Also write the weights alone, to start from.")] = None,
    calibrate: Annotated[
        list[str] | None,
        typer.Option(metavar="SHARDS", help="Fit confidence on the first shard of this folder; repeatable."),
    ] = None,
    int8: Annotated[
        bool, typer.Option("--int8/--float32", help="How large weights are kept; computed with is float32.")
    ] = True,
) -> None:
    """Make one self-contained ONNX file of a checkpoint."""
    from focal_omr.batch import check_files

    check_files(out, state)
    with extra("train"):
        from focal_omr.calibrate import calibrate as calibrate_model
        from focal_omr.data.loader import list_plates
        from focal_omr.export import export_checkpoint, write_state
    _, held_out = list_plates(calibrate or (), held_out=1)  # before anything is written: there may be none
    export_checkpoint(checkpoint, out, int8=int8)
    if held_out:
        print(json.dumps(calibrate_model(out, held_out)))
    if state:
        write_state(checkpoint, state)
    print(out)


@app.command()
def convert(
    source: Annotated[Path, typer.Argument(metavar="IN", help="A score or a label.")],
    target: Annotated[
        Path, typer.Argument(metavar="OUT", help="The file to write; its suffix names the format.")
    ],
    tempo: TempoOption = 120,
    instrument: InstrumentOption = None,
    unfold_repeats: UnfoldOption = False,
    timeout: TimeoutOption = 300.0,
    memory: MemoryOption = 4000,
) -> None:
    """Convert between semantic, agnostic, MEI, MusicXML, MIDI, kern, PAE and ABC where it makes sense."""
    from functools import partial

    from focal_omr.contained import Limits, contained
    from focal_omr.files import write_atomic
    from focal_omr.notation.formats import converted

    work = partial(converted, playback=_playback(tempo, instrument, unfold_repeats))
    limits = Limits(timeout, memory)
    write_atomic(target, contained(work, (source, target), name=source, limits=limits))
    print(target)


@app.command()
def compare(
    result: Annotated[
        Path, typer.Argument(help="A score or a label, such as `read` wrote, or a folder of them.")
    ],
    truth: Annotated[Path, typer.Argument(help="The score that it should be, or a folder of them.")],
    part: Annotated[
        str | None,
        typer.Option(help="Name or number of the truth's part; else a single part's closest one."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
    ned: Annotated[bool, typer.Option("--ned/--no-ned", help="Measure OMR-NED, with musicdiff.")] = True,
    show: Annotated[int, typer.Option(min=0, help="How many of the wrong places of a score to show.")] = 10,
    timeout: TimeoutOption = 300.0,
    memory: MemoryOption = 4000,
) -> None:
    """Compare what was read with what it should be, in MusicXML, MEI, kern or labels: two scores or folders.

    The note error is the edit distance over spelled pitch and duration, bar by bar, in percent of the truth's
    notes; grace notes and bars with chords are left out. Files of folders are paired by their names, and
    NAME-Part-PART with the part of NAME. What is missing or cannot be read is 100 % wrong. Where musicdiff is
    installed (extra `judge`), OMR-NED, its normalised edit distance of engraved scores, is given too.

    Exit status: 0 all were compared, 1 some results of folders could not be, 2 the only one could not, or bad
    usage.
    """
    from focal_omr.compare import compare_files, compare_folders
    from focal_omr.contained import Limits

    limits = Limits(timeout, memory)
    if truth.is_dir() and not result.is_file():
        folders = compare_folders(result, truth, part=part, with_omr_ned=ned, limits=limits)
        pairs, figures = folders.pairs, folders.to_json()
    else:
        pairs = (compare_files(result, truth, part=part, with_omr_ned=ned, limits=limits),)
        figures = pairs[0].to_json()
    if as_json:
        print(json.dumps(figures))
    else:
        _print_comparisons(figures, show)
    for pair in pairs:
        if pair.error is not None:
            _say(f"focal-omr: {pair.name}: {pair.error}")
    if failed := sum(pair.error is not None for pair in pairs):
        raise typer.Exit(SOME_FAILED if failed < len(pairs) else ALL_FAILED)


def _print_comparisons(figures: dict[str, Any], show: int) -> None:
    """Lines of one comparison, or of those of two folders and all together."""
    if "total" not in figures:
        _print_comparison(figures, show)
        return
    for pair in figures["pairs"]:
        print("{name}: note error {note_error:.2f} % of {truth_notes} notes".format(**pair))
    total = figures["total"]
    print(
        "all {pairs}: note error {note_error:.2f} % of {truth_notes} notes ({pitch_errors} pitch, "
        "{duration_errors} duration, {both_wrong} both, {missed} missed, {added} added), mean "
        "{mean_note_error:.2f} %, {failed} failed".format(**total)
    )
    if total["mean_omr_ned"] is not None:
        print("OMR-NED {mean_omr_ned:.3f} in the mean".format(**total))
    for path in figures["without_truth"]:
        _say(f"focal-omr: {path}: no truth to compare it with")


def _print_comparison(figures: dict[str, Any], show: int) -> None:
    if figures["part"]:
        closest = ", the closest of the truth's parts" if figures["part_was_closest"] else ""
        print("part {part}{closest}".format(**figures, closest=closest))
    print(
        "note error {note_error:.2f} % of {truth_notes} notes: {pitch_errors} pitch, {duration_errors} "
        "duration, {both_wrong} both, {missed} missed, {added} added; {chord_bars_left_out} of {bars} bars "
        "left out for chords".format(**figures)
    )
    print("precision {precision:.3f}, recall {recall:.3f}, F1 {f1:.3f} of notes by onset".format(**figures))
    if figures["ser"] is not None:
        print("symbol error {ser:.2f} % of {symbols} symbols".format(**figures))
    ned = figures["omr_ned"]
    print("OMR-NED " + ("not measured" if ned is None else f"{ned:.3f}"))
    wrong = [place for place in figures["differences"] if place["truth_reads"] != place["result_reads"]]
    for place in wrong[:show]:
        bars = "+".join(map(str, place["truth"])) or "none"
        print(f"bar {bars}: {place['truth_reads'] or 'no notes'}")
        print(
            f"  read {'+'.join(map(str, place['result'])) or 'none'}: {place['result_reads'] or 'no notes'}"
        )
    if len(wrong) > show:
        print(f"{len(wrong) - show} more places are not shown")
