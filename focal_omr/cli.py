"""The command line: one short function per command. The only place that prints, and that turns an `OmrError`
into a message and a failing status.

Exit statuses: 0 all done; 1 some inputs of several failed; 2 bad usage, or the only input failed.
"""

import json
import logging
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from focal_omr.errors import OmrError, OutputError

if TYPE_CHECKING:
    from focal_omr.model_file import ModelCard
    from focal_omr.recognize import Document, Recognizer

app = typer.Typer(
    no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, help="Reads printed music."
)
data_app = typer.Typer(no_args_is_help=True, help="Make and look at data.")
app.add_typer(data_app, name="data")

SOME_FAILED, ALL_FAILED = 1, 2
PICTURE_SUFFIXES = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".webp", ".bmp")
ModelOption = Annotated[str, typer.Option(help="An exported ONNX file, or 'default'.")]
ThreadsOption = Annotated[int, typer.Option(min=0, help="Threads to compute with; 0: all cores.")]


def main() -> None:
    """Entry point of `focal-omr`."""
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s: %(message)s")
    try:
        app()
    except OmrError as error:
        _say(f"focal-omr: {error}")
        sys.exit(ALL_FAILED)


def _say(message: str) -> None:
    """A line for the user, beside the results that go to the standard output."""
    print(message.replace("\n", " "), file=sys.stderr)


@app.command()
def read(
    inputs: Annotated[list[Path], typer.Argument(help="Pictures of a staff, or folders of them.")],
    out: Annotated[Path, typer.Option("-o", "--out", help="Folder for the scores.")] = Path(),
    to: Annotated[str, typer.Option(help="Formats to write, with commas between.")] = "musicxml,midi",
    model: ModelOption = "default",
    threads: ThreadsOption = 0,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object per document.")] = False,
) -> None:
    """Read pictures of a staff: one score per picture, MusicXML and MIDI unless --to says otherwise."""
    from focal_omr.recognize import Recognizer

    formats = _formats(to)
    files = _pictures(inputs)
    targets = _targets(files, out)
    recognizer = Recognizer(model=model, threads=threads)
    failed = 0
    with _progress(len(files), quiet=as_json) as advance:
        for file, target in zip(files, targets, strict=True):
            try:
                written, document = _read_one(recognizer, file, target, formats)
            except OmrError as error:
                failed += 1
                _say(f"focal-omr: {error}")
            else:
                _report(document, written, as_json=as_json)
            advance()
    if failed:
        raise typer.Exit(SOME_FAILED if failed < len(files) else ALL_FAILED)


def _formats(names: str) -> list[str]:
    from focal_omr.recognize import output_formats

    wanted = [name.strip() for name in names.split(",") if name.strip()]
    known = output_formats()
    if unknown := [name for name in wanted if name not in known] or (not wanted and ["nothing"]):
        raise OutputError(f"--to {names}: unknown format {unknown[0]!r}; known are {', '.join(known)}")
    return wanted


def _pictures(inputs: Sequence[Path]) -> list[Path]:
    """The inputs with folders replaced by the pictures in them, at any depth."""
    files: list[Path] = []
    for path in inputs:
        if path.is_dir():
            inside = sorted(p for p in path.rglob("*") if p.suffix.lower() in PICTURE_SUFFIXES)
            if not inside:
                raise OutputError(f"{path}: a folder without pictures (*{', *'.join(PICTURE_SUFFIXES)})")
            files.extend(inside)
        else:
            files.append(path)
    return files


def _targets(files: Sequence[Path], out: Path) -> list[Path]:
    """The results' paths without suffix. Two inputs of one name would overwrite each other: an error."""
    seen: dict[str, Path] = {}
    for file in files:
        if (other := seen.setdefault(file.stem, file)) is not file:
            raise OutputError(
                f"{file} and {other} would both be written to {out / file.stem}.*; read them apart"
            )
    return [out / file.stem for file in files]


def _read_one(
    recognizer: "Recognizer", file: Path, target: Path, formats: Sequence[str]
) -> tuple[list[Path], "Document"]:
    from focal_omr.files import write_atomic
    from focal_omr.notation.formats import FORMATS

    document = recognizer.read(file)
    _make_folder(target.parent)
    # All formats are made before the first is written: a score that one of them cannot hold leaves nothing.
    results: dict[str, bytes] = {}
    for name in formats:
        if name == "json":
            results[".json"] = json.dumps(document.to_json(), indent=1).encode()
        else:
            results[FORMATS[name].suffix] = FORMATS[name].write(document.score)
    written = []
    for suffix, data in results.items():
        path = target.with_name(target.name + suffix)
        write_atomic(path, data)
        written.append(path)
    return written, document


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"{folder}: cannot be made a folder ({error.strerror or error})") from error


def _report(document: "Document", written: Sequence[Path], *, as_json: bool) -> None:
    if as_json:
        print(json.dumps({**document.to_json(), "outputs": [str(path) for path in written]}))
        return
    symbols = document.symbols
    sure = sum(symbol.confidence for symbol in symbols) / len(symbols) if symbols else 0.0
    print(
        f"{document.source}: {len(symbols)} symbols, mean confidence {sure:.2f} -> "
        + ", ".join(str(path) for path in written)
    )
    for warning in document.warnings:
        _say(f"focal-omr: {document.source}: {warning}")


def _progress(total: int, *, quiet: bool) -> Any:
    """A progress bar on the standard error for several inputs; a context that gives an `advance` function."""
    from contextlib import contextmanager

    from rich.console import Console
    from rich.progress import Progress

    @contextmanager
    def bar() -> Any:
        shown = total > 1 and not quiet and sys.stderr.isatty()
        with Progress(console=Console(stderr=True), disable=not shown, transient=True) as progress:
            task = progress.add_task("reading", total=total)
            yield lambda: progress.advance(task)

    return bar()


@app.command()
def evaluate(
    model: Annotated[str, typer.Argument(help="An exported ONNX file, or 'default'.")],
    data: Annotated[Path, typer.Argument(help="Folder in PrIMuS layout.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
    ignore: Annotated[
        list[str] | None, typer.Option(help="Token to leave out on both sides, such as tie; repeatable.")
    ] = None,
    threads: ThreadsOption = 0,
    show: Annotated[int, typer.Option(min=0, help="How many of the worst samples to show.")] = 5,
    record: Annotated[Path | None, typer.Option(help="CSV file to append a row of the figures to.")] = None,
) -> None:
    """Error rates of a model on labelled pictures."""
    from focal_omr.evaluate import evaluate as evaluate_model
    from focal_omr.recognize import Recognizer

    recognizer = Recognizer(model=model, threads=threads)
    result = evaluate_model(recognizer, data, ignore=tuple(ignore or ()))
    if record:
        from focal_omr.results import record as append_row

        append_row(record, _evaluation_row(result.to_json(), data.name, recognizer.card, tuple(ignore or ())))
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
    for name, reason in result.failures.items():
        _say(f"focal-omr: {name}: {reason}")


def _evaluation_row(
    figures: dict[str, Any], data: str, card: "ModelCard", ignored: Sequence[str]
) -> dict[str, object]:
    """The columns of a results file."""
    low, high = figures["ser_interval"]
    kept = ("samples", "symbols", "edits", "ser", "sequence_error_rate", "macro_error", "failed", "seconds")
    return {
        "config": card.config_digest,
        "steps": card.steps,
        "data": data,
        "ignored": " ".join(ignored),
        **{name: figures[name] for name in kept},
        "ser_low": low,
        "ser_high": high,
    }


@app.command()
def train(
    config: Annotated[Path, typer.Argument(help="TOML configuration; see configs/.")],
    out: Annotated[Path, typer.Option("-o", "--out", help="Run folder.")] = Path("runs/run"),
    set_: Annotated[list[str] | None, typer.Option("--set", help="key=value over the configuration.")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the run in the folder.")] = False,
    start_from: Annotated[Path | None, typer.Option(help="Checkpoint to take the weights from.")] = None,
) -> None:
    """Train a network into a run folder."""
    logging.getLogger("focal_omr").setLevel(logging.INFO)
    with _Extra("train"):
        from focal_omr.config import load_config
        from focal_omr.train import train as train_network
    figures = train_network(
        load_config(config, overrides=tuple(set_ or ())), out, resume=resume, start_from=start_from
    )
    print(json.dumps({"run": str(out), **figures}))


@app.command()
def export(
    checkpoint: Annotated[Path, typer.Argument(help="A checkpoint of a run, such as runs/run/last.pt.")],
    out: Annotated[Path, typer.Option("-o", "--out", help="The ONNX file.")] = Path("model.onnx"),
    state: Annotated[Path | None, typer.Option(help="Also write the weights alone, to start from.")] = None,
) -> None:
    """Make one self-contained ONNX file of a checkpoint."""
    with _Extra("train"):
        from focal_omr.export import export_checkpoint, write_state
    export_checkpoint(checkpoint, out)
    if state:
        write_state(checkpoint, state)
    print(out)


@app.command()
def convert(
    source: Annotated[Path, typer.Argument(metavar="IN", help="A score or a label.")],
    target: Annotated[
        Path, typer.Argument(metavar="OUT", help="The file to write; its suffix names the format.")
    ],
) -> None:
    """Convert between semantic, agnostic, MEI, MusicXML, MIDI, kern, PAE and ABC where it makes sense."""
    from focal_omr.notation.formats import load_score, save_score

    save_score(load_score(source), target)
    print(target)


@data_app.command()
def render(
    out: Annotated[Path, typer.Option(help="Folder to make, in PrIMuS layout.")],
    count: Annotated[int, typer.Option(min=1, help="Number of samples.")],
    seed: Annotated[int, typer.Option(help="Same seed, same bytes.")] = 1,
    tunes: Annotated[
        Path | None, typer.Option(help="A folder of tunes, a collection of them, or the word music21.")
    ] = None,
    degrade: Annotated[str, typer.Option(help="none, scan or camera.")] = "none",
) -> None:
    """Render labelled staves, from real tunes or composed at random, in PrIMuS layout."""
    with _Extra("render"):
        from focal_omr.data.rendered import render_tree
    render_tree(out, count=count, seed=seed, tunes=tunes, degrade=degrade)
    print(out)


@data_app.command()
def tunes(
    folder: Annotated[Path, typer.Argument(help="A folder of kern, ABC, PAE, MusicXML or MEI, or music21.")],
    out: Annotated[Path, typer.Option(help="The collection to write.")] = Path("tunes.txt"),
    only: Annotated[Path | None, typer.Option(help="A text file that names the files to take.")] = None,
    workers: Annotated[int, typer.Option(min=1)] = 2,
) -> None:
    """Read a folder of tunes once and keep their monophonic parts as a collection."""
    with _Extra("render"):
        from focal_omr.data.tunes import collect_tunes, listed_files, music21_folder, tune_files
    root = music21_folder() if str(folder) == "music21" else folder
    files = tune_files(root) if only is None else listed_files(root, only)
    count = collect_tunes(files, out, root=root, workers=workers)
    print(f"{out}: {count} monophonic parts")


@data_app.command()
def shards(
    out: Annotated[Path, typer.Option(help="Folder for the shards.")],
    count: Annotated[int, typer.Option(min=1, help="Number of shards.")],
    size: Annotated[int, typer.Option(min=1, help="Staves in a shard.")] = 250,
    seed: Annotated[int, typer.Option()] = 1,
    tunes: Annotated[Path | None, typer.Option(help="A collection from `data tunes`; else composed.")] = None,
    workers: Annotated[int, typer.Option(min=1)] = 2,
) -> None:
    """Engrave plates for training and pack them into shards."""
    from functools import partial

    logging.getLogger("focal_omr").setLevel(logging.INFO)
    with _Extra("render"):
        from focal_omr.data.shards import draw_composed, draw_excerpt, write_shards
    draw = draw_composed if tunes is None else partial(draw_excerpt, tunes)
    write_shards(out, count=count, seed=seed, draw=draw, size=size, workers=workers)
    print(out)


class _Extra:
    """Turns a missing optional dependency into the command that installs it."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: Any, error: BaseException | None, trace: Any) -> None:
        if isinstance(error, ModuleNotFoundError):
            raise OmrError(
                f"{error.name} is not installed; `pip install focal-ctc-omr[{self._name}]` brings it"
            ) from None
