"""The commands of `focal-omr`, one function each.

Only this package prints, and turns an `OmrError` into a message and an exit status: 0 success; 1 some of
several inputs failed; 2 all inputs failed, or bad usage.
"""

import io
import json
import logging
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from focal_omr import __version__
from focal_omr.cli.data import data_app
from focal_omr.cli.options import (
    LIMIT_S,
    MEMORY_MB,
    BeamOption,
    InstrumentOption,
    MemoryOption,
    TempoOption,
    ThreadsOption,
    TimeoutOption,
    UnfoldOption,
    make_playback,
)
from focal_omr.cli.read import read
from focal_omr.cli.serve import serve
from focal_omr.cli.terminal import (
    ALL_FAILED,
    SOME_FAILED,
    native_stderr_silenced,
    progress_bar,
    require_extra,
    say,
)
from focal_omr.errors import DataError, OmrError

if TYPE_CHECKING:
    from focal_omr.evaluation.evaluate_columns import ColumnEvaluation
    from focal_omr.onnx_model import ModelCard


class _Group(TyperGroup):
    """The commands, with errors about option values that quote the value, which those of pydantic do not."""

    def invoke(self, ctx: typer.Context) -> Any:  # type: ignore[override]  # Context is typer's private base
        from pydantic import ValidationError

        try:
            return super().invoke(ctx)
        except typer.BadParameter as error:
            if isinstance(error.__cause__, ValidationError):
                problem = error.__cause__.errors()[0]
                detail = next(iter(problem.get("ctx", {}).values()), "")  # a limit, or the error of a type
                if problem["type"] == "value_error":
                    error.message = str(detail)
                else:
                    reason = _REASONS.get(problem["type"], f"is not valid: {problem['msg']}")
                    error.message = f"{problem['input']!r} {reason.format(detail)}"
            raise


_REASONS = {  # by pydantic's type of error
    "int_parsing": "is not a whole number",
    "float_parsing": "is not a number",
    "greater_than_equal": "is less than {}",
    "less_than_equal": "is more than {}",
}

# Plain text instead of rich boxes: `--help` takes half the time, and usage errors stay readable in logs.
app = typer.Typer(
    cls=_Group,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.add_typer(data_app, name="data")
app.command()(read)  # `--help` lists the commands in this order
app.command()(serve)


def main() -> None:
    """Run the `focal-omr` command."""
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s: %(message)s")
    for stream in (sys.stdout, sys.stderr):  # the terminal may not encode a file name
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    try:
        app(prog_name="focal-omr")
    except OmrError as error:
        say(f"focal-omr: {error}")
        sys.exit(ALL_FAILED)


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
    """Optical music recognition: images in, MusicXML and MIDI out."""


@app.command()
def convert(
    source: Annotated[Path, typer.Argument(metavar="IN", help="A score or a label file.")],
    target: Annotated[
        Path, typer.Argument(metavar="OUT", help="Output file; its suffix selects the format.")
    ],
    tempo: TempoOption = 120,
    instrument: InstrumentOption = None,
    unfold_repeats: UnfoldOption = False,
    timeout: TimeoutOption = LIMIT_S,
    memory: MemoryOption = MEMORY_MB,
) -> None:
    """Convert scores and labels between formats.

    MusicXML (also zipped, .mxl), MEI, kern, ABC, PAE, semantic and agnostic are read and written; MIDI and
    SVG are only written. Kern, ABC, PAE and labels hold one voice of a staff: a line on stderr says what else
    is left out.
    """
    from functools import partial

    from focal_omr.formats.registry import convert_score
    from focal_omr.runtime.atomic_files import write_atomic
    from focal_omr.runtime.worker_processes import ProcessLimits, run_isolated

    convert_file = partial(convert_score, playback=make_playback(tempo, instrument, unfold_repeats))
    limits = ProcessLimits(timeout, memory)
    converted = run_isolated(convert_file, (source, target), name=source, limits=limits)
    write_atomic(target, converted.data)
    if converted.left_out:
        say(f"focal-omr: {target}: left out: {'; '.join(converted.left_out)}")
    print(target)


@app.command()
def compare(
    result: Annotated[
        Path,
        typer.Argument(metavar="RESULT", help="A recognized score or label file, or a folder of them."),
    ],
    truth: Annotated[Path, typer.Argument(metavar="TRUTH", help="The ground truth, or a folder of it.")],
    part: Annotated[
        str | None,
        typer.Option(
            help="Part of the truth, by name or number.", show_default="the closest to a single part"
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
    ned: Annotated[bool, typer.Option("--ned/--no-ned", help="Measure OMR-NED, with musicdiff.")] = True,
    show: Annotated[int, typer.Option(min=0, help="Number of differences to show.")] = 10,
    timeout: TimeoutOption = LIMIT_S,
    memory: MemoryOption = MEMORY_MB,
) -> None:
    """Compare recognized scores with the ground truth.

    Both are scores in MusicXML, MEI or kern, or label files, or folders of these. The note error is the edit
    distance over spelled pitch and duration, staff by staff and bar by bar, in percent of the truth's notes;
    F1s are of notes that agree in staff, onset, pitch and duration within aligned bars. Files of folders are
    paired by name, and NAME-Part-PART with the part of NAME. A result that is missing or unreadable counts as
    100 % wrong. The extra `judge` installs musicdiff for OMR-NED, its normalised edit distance of engraved
    scores.

    Exit status: 0 all were compared, 1 some results of folders were not, 2 none was, or bad usage.
    """
    from focal_omr.evaluation.compare_scores import compare_files, compare_folders
    from focal_omr.runtime.worker_processes import ProcessLimits

    limits = ProcessLimits(timeout, memory)
    if truth.is_dir() and not result.is_file():
        folders = compare_folders(result, truth, part=part, with_omr_ned=ned, limits=limits)
        pairs, figures = folders.pairs, folders.to_json()
    else:
        pairs = (compare_files(result, truth, part=part, with_omr_ned=ned, limits=limits),)
        figures = pairs[0].to_json()
    if as_json:
        print(json.dumps(figures))
    elif "total" in figures:
        _print_folder_comparison(figures)
    else:
        _print_comparison(figures, show)
    for pair in pairs:
        if pair.error is not None:
            say(f"focal-omr: {pair.name}: {pair.error}")
    if failed := sum(pair.error is not None for pair in pairs):
        raise typer.Exit(SOME_FAILED if failed < len(pairs) else ALL_FAILED)


def _print_folder_comparison(figures: dict[str, Any]) -> None:
    for pair in figures["pairs"]:
        print("{name}: note error {note_error:.2f} % of {truth_notes} notes".format(**pair))
    total = figures["total"]
    print(
        "all {pairs}: note error {note_error:.2f} % of {truth_notes} notes ({pitch_errors} pitch, "
        "{duration_errors} duration, {both_wrong} both, {missed} missed, {added} added), mean "
        "{mean_note_error:.2f} %, {failed} failed".format(**total)
    )
    _print_shares(total)
    if total["mean_omr_ned"] is not None:
        print("OMR-NED {mean_omr_ned:.3f} in the mean".format(**total))
    for path in figures["without_truth"]:
        say(f"focal-omr: {path}: no truth for this result")


def _print_shares(figures: dict[str, Any]) -> None:
    """Print the figures of aligned bars; those of which the truth has none are left out."""

    def f1s(*kinds: str) -> str:
        shares = ((kind, figures[f"{kind}_f1"]) for kind in kinds)
        return ", ".join(f"{kind} {share:.3f}" for kind, share in shares if share is not None)

    print("{bars_right} of {bars} bars exactly right".format(**figures))
    if notes := f1s("pitch", "onset", "duration"):
        print(f"F1 of notes: {notes}; {figures['voices']:.3f} in the right voice")
    if marks := f1s("ties", "slurs", "tuplets", "articulations", "dynamics", "hairpins"):
        print(f"F1 of marks: {marks}")
    if figures["lyrics_error"] is not None:
        print("character error of the lyrics {lyrics_error:.2f} %".format(**figures))


def _print_comparison(figures: dict[str, Any], show: int) -> None:
    if figures["part"]:
        closest = ", the closest of the truth's parts" if figures["part_was_closest"] else ""
        print("part {part}{closest}".format(**figures, closest=closest))
    print(
        "note error {note_error:.2f} % of {truth_notes} notes: {pitch_errors} pitch, {duration_errors} "
        "duration, {both_wrong} both, {missed} missed, {added} added".format(**figures)
    )
    _print_shares(figures)
    print(
        "precision {precision:.3f}, recall {recall:.3f}, F1 {f1:.3f} of notes by onset from the "
        "beginning".format(**figures)
    )
    if figures["ser"] is not None:
        print("symbol error {ser:.2f} % of {symbols} symbols".format(**figures))
    ned = figures["omr_ned"]
    print("OMR-NED " + ("not measured" if ned is None else f"{ned:.3f}"))
    wrong = [place for place in figures["differences"] if place["truth_reads"] != place["result_reads"]]
    several = any(place["staff"] > 1 for place in wrong)
    for place in wrong[:show]:
        staff = f" staff {place['staff']}" if several else ""
        truth, result = ("".join(map(str, place[side])) or "none" for side in ("truth", "result"))
        print(f"bar {truth}{staff}: {place['truth_reads'] or 'no notes'}")
        print(f"  read {result}: {place['result_reads'] or 'no notes'}")
    if len(wrong) > show:
        print(f"{len(wrong) - show} more differences are not shown")


@app.command()
def evaluate(
    model: Annotated[
        str, typer.Argument(metavar="MODEL", help="An exported ONNX file, 'default' or 'columns'.")
    ],
    data: Annotated[Path, typer.Argument(metavar="DIR", help="Folder in PrIMuS layout, or with shards.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
    ignore: Annotated[
        list[str] | None,
        typer.Option(help="Token to ignore in labels and predictions, such as tie; repeatable."),
    ] = None,
    distorted: Annotated[
        bool, typer.Option("--distorted", help="Read the <id>_distorted.jpg of Camera-PrIMuS.")
    ] = False,
    threads: ThreadsOption = 0,
    beam: BeamOption = None,
    show: Annotated[int, typer.Option(min=0, help="Number of worst samples to show.")] = 5,
    record: Annotated[Path | None, typer.Option(help="CSV file to append the metrics to.")] = None,
    report: Annotated[
        Path | None, typer.Option(help="Folder for report.md, with images of the worst staves.")
    ] = None,
    memory: MemoryOption = MEMORY_MB,
) -> None:
    """Evaluate a model on labelled images."""
    from focal_omr.batch.outputs import check_output_files

    check_output_files(record, report and report / "report.md")
    with native_stderr_silenced():
        from focal_omr.decode import BEAM_WIDTH
        from focal_omr.evaluation.evaluate import Evaluation, EvaluationRequest, run_evaluation
        from focal_omr.runtime.worker_processes import ProcessLimits, run_isolated

        beam_width = BEAM_WIDTH if beam is None else beam
        request = EvaluationRequest(data, model, threads, beam_width, tuple(ignore or ()), distorted)
        result, card = run_isolated(
            run_evaluation, request, name=data, limits=ProcessLimits(None, memory), error=DataError
        )
    name = f"{data.name} (distorted)" if distorted else data.name
    if not isinstance(result, Evaluation):
        _print_columns(result, as_json=as_json)
        return
    if record:
        from focal_omr.runtime.provenance import record as append_row

        append_row(record, _evaluation_row(result.to_json(), name, card, tuple(ignore or ())))
    if report:
        from focal_omr.evaluation.report import save_report

        save_report(result, report, title=f"{model} on {name}")
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
        say(f"focal-omr: {sample}: {reason}")


def _print_columns(result: "ColumnEvaluation", *, as_json: bool) -> None:
    figures = result.to_json()
    if as_json:
        print(json.dumps(figures))
        return
    for name, own in {"all": figures, **figures["by_texture"]}.items():
        print(
            f"{name}: {own['samples']} staves, SER {own['ser']:.2f} %, columns {own['column_error']:.2f} %, "
            f"note F1 {own['note_f1']:.2f} %, bars right {own['bars_right']:.1f} %"
        )


def _evaluation_row(
    figures: dict[str, Any], data: str, card: "ModelCard", ignored: Sequence[str]
) -> dict[str, object]:
    """Build a row of the CSV file of `--record`."""
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
    config: Annotated[Path, typer.Argument(metavar="CONFIG", help="TOML configuration; see configs/.")],
    out: Annotated[Path, typer.Option("-o", "--out", help="Run folder.")] = Path("runs/run"),
    set_: Annotated[
        list[str] | None, typer.Option("--set", help="Override of the configuration, key=value; repeatable.")
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Resume the run in the folder.")] = False,
    start_from: Annotated[
        Path | None, typer.Option(help="Checkpoint to initialise the weights from.")
    ] = None,
) -> None:
    """Train a network.

    Started by torchrun, the processes of one or more machines train with DDP.
    """
    # Before torch is loaded: threads that spin at barriers make a step 15 to 50 times slower beside another
    # busy program. Waiting passively costs nothing otherwise.
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    is_main = os.environ.get("RANK", "0") == "0"
    logging.getLogger("focal_omr").setLevel(logging.INFO if is_main else logging.WARNING)
    with require_extra("train", "training"):
        from focal_omr.config import load_config
        from focal_omr.train import train as train_network
    figures = train_network(
        load_config(config, overrides=tuple(set_ or ())), out, resume=resume, start_from=start_from
    )
    if is_main:
        print(json.dumps({"run": str(out), **figures}))


@app.command()
def experiment(
    name: Annotated[
        str,
        typer.Argument(
            metavar="GRID",
            help="smoke, seed-study, losses, imbalance, columns, column-rates, or a TOML file.",
        ),
    ],
    out: Annotated[Path, typer.Option("-o", "--out", help="Folder for runs, results and report.")],
    data: Annotated[
        Path | None,
        typer.Option(help="Tree or archive in PrIMuS layout.", show_default="composed staves"),
    ] = None,
    workers: Annotated[
        int | None,
        typer.Option(min=1, help="Parallel runs.", show_default="as the cores allow"),
    ] = None,
    set_: Annotated[
        list[str] | None, typer.Option("--set", help="Override of the grid, key=value; repeatable.")
    ] = None,
) -> None:
    """Train a grid of losses, seeds and data sets, and report on it.

    Finished runs are skipped, so an interrupted study can be resumed.
    """
    logging.getLogger("focal_omr.experiment").setLevel(logging.INFO)
    with require_extra("lab", "an experiment"):
        from focal_omr.experiment.grid import load_grid
        from focal_omr.experiment.study import run_study
    grid = load_grid(name, overrides=tuple(set_ or ()))
    with progress_bar(grid.steps, "training") as advance:
        run_study(grid, out, data=data, workers=workers, progress=advance)
    print(out / "report.html")


@app.command()
def export(
    checkpoint: Annotated[
        Path, typer.Argument(metavar="CHECKPOINT", help="Checkpoint, such as runs/run/last.pt.")
    ],
    out: Annotated[Path, typer.Option("-o", "--out", help="ONNX file to write.")] = Path("model.onnx"),
    state: Annotated[Path | None, typer.Option(help="Also write the bare weights, for --start-from.")] = None,
    calibrate: Annotated[
        list[str] | None,
        typer.Option(
            metavar="SHARDS", help="Calibrate confidences on the first shard of this folder; repeatable."
        ),
    ] = None,
    int8: Annotated[
        bool,
        typer.Option(
            "--int8/--float32",
            help="Weight format; int8 also runs LSTM and linear layers with dynamic int8 quantisation.",
        ),
    ] = True,
) -> None:
    """Export a checkpoint to one self-contained ONNX file."""
    from focal_omr.batch.outputs import check_output_files

    check_output_files(out, state)
    with require_extra("train", "exporting a model"):
        from focal_omr.data.loader import list_staves
        from focal_omr.training.calibrate import calibrate as calibrate_model
        from focal_omr.training.export_onnx import export_checkpoint, write_state
    _, held_out = list_staves(calibrate or (), held_out=1)  # first: it raises if there are none
    export_checkpoint(checkpoint, out, int8=int8)
    if held_out:
        print(json.dumps(calibrate_model(out, held_out)))
    if state:
        write_state(checkpoint, state)
    print(out)
