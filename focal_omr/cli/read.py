"""The command `focal-omr read`: images and documents to scores."""

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
    make_playback,
)
from focal_omr.cli.terminal import (
    ALL_FAILED,
    SOME_FAILED,
    naming_option,
    native_stderr_silenced,
    progress_bar,
    say,
)
from focal_omr.errors import ImageError, OutputError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from focal_omr.batch.manifest import DocumentRecord
    from focal_omr.batch.worker import ReadTask

__all__ = ["read"]


class Engine(StrEnum):
    """What runs the workers that read documents."""

    PROCESSES, RAY = "processes", "ray"


InputsArgument = Annotated[
    list[Path],
    typer.Argument(
        metavar="INPUT", help="Images and PDF documents, folders of them, or - for the standard input."
    ),
]
OutputsOption = Annotated[
    str,
    typer.Option(
        metavar="FORMATS",
        help="Comma-separated output formats: musicxml, midi, mei, kern, abc, pae, semantic, agnostic, svg, "
        "json (every symbol with box and confidence), overlay (the pages with the recognized symbols: PNG, "
        "or PDF for several pages), overlay-html (the same as an interactive web page).",
    ),
]
PagesOption = Annotated[
    str | None, typer.Option(help="Pages of each document to read, such as 1,3-5,8-.", show_default="all")
]
SplitOption = Annotated[
    str | None,
    typer.Option(metavar="pieces", help="'pieces': one file per piece, NAME-1.musicxml and so on."),
]
MarkDoubtfulOption = Annotated[
    bool, typer.Option("--mark-doubtful", help="Colour low-confidence notes in MusicXML, MEI and SVG.")
]
DoubtfulBelowOption = Annotated[
    float, typer.Option(min=0, max=1, help="Confidence threshold of --mark-doubtful.")
]
BatchSizeOption = Annotated[
    int | None,
    typer.Option(
        min=1,
        help="Batch size of a float32 network, in staves of a page; does not affect the results.",
        show_default="4",
    ),
]
JsonOption = Annotated[
    bool,
    typer.Option(
        "--json",
        help="Print one JSON object per document and line: token, box [left, top, right, bottom] in pixels "
        "and confidence of every symbol; or `error`.",
    ),
]
ResumeOption = Annotated[
    bool, typer.Option("--resume", help="Skip documents that DIR/manifest.jsonl lists as read.")
]
ManifestOption = Annotated[
    bool | None,
    typer.Option(
        "--manifest/--no-manifest",
        help="Write DIR/manifest.jsonl, the outcome of each document.",
        show_default="for several documents",
    ),
]
WorkersOption = Annotated[
    int | None,
    typer.Option(min=1, help="Worker processes for several documents.", show_default="one per thread"),
]
TimeoutOption = Annotated[
    float | None,
    typer.Option(
        min=0.1,
        metavar="SECONDS",
        help="Time limit of one document.",
        show_default="300, for a single document 3600",
    ),
]

EngineOption = Annotated[Engine, typer.Option(help="What runs the workers; ray needs the extra `ray`.")]


@native_stderr_silenced()
def read(
    inputs: InputsArgument,
    out: Annotated[Path, typer.Option("-o", "--out", metavar="DIR", help="Output folder.")] = Path(),
    to: OutputsOption = "musicxml,midi",
    pages: PagesOption = None,
    split: SplitOption = None,
    mark_doubtful: MarkDoubtfulOption = False,
    doubtful_below: DoubtfulBelowOption = 0.9,
    tempo: TempoOption = 120,
    instrument: InstrumentOption = None,
    unfold_repeats: UnfoldOption = False,
    model: ModelOption = "default",
    threads: ThreadsOption = 0,
    batch: BatchSizeOption = None,
    beam: BeamOption = None,
    as_json: JsonOption = False,
    resume: ResumeOption = False,
    manifest: ManifestOption = None,
    workers: WorkersOption = None,
    timeout: TimeoutOption = None,
    memory: MemoryOption = MEMORY_MB,
    engine: EngineOption = Engine.PROCESSES,
) -> None:
    """Read printed music to MusicXML, MIDI and other formats.

    Each document gives one score, named after it. Several documents are read in parallel; one that cannot be
    read, crashes its worker or exceeds a limit fails alone. An interrupted run continues with --resume.

    Exit status: 0 all were read, 1 some failed, 2 all failed or bad usage.
    """
    from focal_omr.batch.manifest import MANIFEST
    from focal_omr.batch.outputs import OutputOptions, check_output_folder, parse_outputs
    from focal_omr.batch.run import read_documents
    from focal_omr.batch.worker import ReadOptions
    from focal_omr.page.ranges import parse_pages

    with naming_option("--to"):
        names = parse_outputs(to)
    playback = make_playback(tempo, instrument, unfold_repeats)
    if split not in (None, "pieces"):
        raise OutputError(f"--split {split}: only 'pieces' is known")
    output = OutputOptions(playback, mark_doubtful, doubtful_below, split is not None)
    tasks = _make_tasks(inputs, out)
    if pages is not None:
        with naming_option("--pages"):
            parse_pages(pages)
    check_output_folder(out)
    with_manifest = resume or (len(tasks) > 1 if manifest is None else manifest)
    with read_documents(
        tasks,
        out,
        ReadOptions(tuple(names), output, model, beam, pages),
        threads=threads,
        batch_size=batch,
        workers=workers,
        limit_s=timeout,
        memory_mb=memory,
        on_ray=engine is Engine.RAY,
        with_manifest=with_manifest,
        resume=resume,
        with_documents=as_json,
    ) as (pending, records):
        if pending < len(tasks):
            say(f"focal-omr: {len(tasks) - pending} of {len(tasks)} are done already")
        failed = _report(records, pending, out, as_json=as_json)
    if failed:
        if len(tasks) > 1:
            say(f"focal-omr: {failed} of {len(tasks)} failed{f', see {out / MANIFEST}' * with_manifest}")
        raise typer.Exit(SOME_FAILED if failed < len(tasks) else ALL_FAILED)


def _make_tasks(inputs: list[Path], out: Path) -> list["ReadTask"]:
    """Build a task for each document that the inputs name; reads the standard input."""
    from focal_omr.batch.outputs import STDIN, find_inputs, result_names
    from focal_omr.batch.worker import ReadTask

    files = find_inputs(inputs)
    names = result_names(files, out)
    stdin = None
    if STDIN in files:
        if sys.stdin.isatty():
            raise ImageError("stdin: this is a terminal; pipe a document to -")
        stdin = sys.stdin.buffer.read()
    return [
        ReadTask(file, name, stdin if file == STDIN else None)
        for file, name in zip(files, names, strict=True)
    ]


def _report(records: "Iterable[DocumentRecord]", total: int, out: Path, *, as_json: bool) -> int:
    """Print the outcome of each document as it comes; returns the number of failures."""
    failed = 0
    with progress_bar(total, "reading", shown=not as_json) as advance:
        for done, record in enumerate(records, 1):
            written = [str(out / name) for name in record.results]
            if record.error is not None:
                failed += 1
                say(f"focal-omr: {record.error}")
                if as_json:
                    from focal_omr.document.document import JSON_FORMAT  # imports OpenCV

                    failure = {"format": JSON_FORMAT, "source": record.file, "error": record.error}
                    print(json.dumps(failure), flush=True)
            elif as_json:
                print(json.dumps({**(record.document or {}), "outputs": written}), flush=True)
            else:
                confidence = f"mean confidence {record.confidence:.2f}"
                print(f"{record.file}: {record.symbols} symbols, {confidence} -> {', '.join(written)}")
                for warning in record.warnings:
                    say(f"focal-omr: {record.file}: {warning}")
            advance(done)
    return failed
