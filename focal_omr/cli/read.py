"""The command `focal-omr read`: pictures and documents to scores."""

import json
import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from focal_omr.cli.options import (
    MEMORY_MB,
    BeamOption,
    InstrumentOption,
    MemoryOption,
    ModelOption,
    TempoOption,
    ThreadsOption,
    UnfoldOption,
    playback,
)
from focal_omr.cli.terminal import ALL_FAILED, SOME_FAILED, native_libraries_silenced, progress, say
from focal_omr.errors import ImageError, OutputError

if TYPE_CHECKING:
    from focal_omr.batch.run import Batch
    from focal_omr.batch.worker import Outcome, Task

__all__ = ["read"]


class Engine(StrEnum):
    """What runs the readers of many documents."""

    PROCESSES, RAY = "processes", "ray"


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
    batch: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Staves of a page that go through a float32 network together; the readings stay the same.",
            show_default="4",
        ),
    ] = None,
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
    memory: MemoryOption = MEMORY_MB,
    engine: Annotated[
        Engine, typer.Option(help="What runs the readers; ray needs the extra `ray`.")
    ] = Engine.PROCESSES,
) -> None:
    """Read printed music to MusicXML, MIDI and other formats.

    There is one score for each document, named after it. Several are read side by side; one that cannot be
    read, crashes its reader or takes too long fails alone, and --resume goes on after an interrupt.

    Exit status: 0 all were read, 1 some could not be read, 2 none, or bad usage.
    """
    with native_libraries_silenced():
        from focal_omr.batch.manifest import MANIFEST
        from focal_omr.batch.outputs import (
            OutputOptions,
            check_folder,
            output_names,
            picture_files,
            result_names,
        )
        from focal_omr.batch.run import Batch
        from focal_omr.batch.worker import ReadOptions, Task
        from focal_omr.page.ranges import parse_pages

        names = output_names(to)
        output = OutputOptions(
            playback=playback(tempo, instrument, unfold_repeats),
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
        work = Batch(
            tuple(tasks),
            out,
            options,
            threads=threads,
            together=batch,
            workers=workers,
            limit_s=timeout,
            memory_mb=memory,
            on_ray=engine is Engine.RAY,
            with_manifest=resume or (len(tasks) > 1 if manifest is None else manifest),
            resume=resume,
            with_documents=as_json,
        )
        failed = _read_all(work, as_json=as_json)
    if failed:
        if len(tasks) > 1:
            see = f", see {out / MANIFEST}" if work.with_manifest else ""
            say(f"focal-omr: {failed} of {len(tasks)} failed{see}")
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
            say(f"focal-omr: {len(batch.tasks) - todo} of {len(batch.tasks)} are done already")
        with progress(todo, "reading", shown=not as_json) as advance:
            for done, (task, outcome) in enumerate(outcomes, 1):
                _report(batch, task, outcome, as_json=as_json)
                failed += outcome.error is not None
                advance(done)
    return failed


def _report(batch: "Batch", task: "Task", outcome: "Outcome", *, as_json: bool) -> None:
    """Say what came of a document."""
    if outcome.error is not None:
        say(f"focal-omr: {outcome.error}")
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
            say(f"focal-omr: {task.label}: {warning}")


def _failure(task: "Task", outcome: "Outcome") -> dict[str, object]:
    """What JSON says of a document that could not be read."""
    from focal_omr.document.document import JSON_FORMAT

    return {"format": JSON_FORMAT, "source": task.label, "error": outcome.error}


def _splits(split: str | None) -> bool:
    if split not in (None, "pieces"):
        raise OutputError(f"--split {split}: only 'pieces' is known")
    return split is not None
