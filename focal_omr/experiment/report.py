"""The report of a study: results.csv, figures, and what can and cannot be concluded, as Markdown and HTML."""

import base64
import csv
import html
import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from markdown_it import MarkdownIt
from matplotlib.figure import Figure

from focal_omr.data.frequency import BINS
from focal_omr.data.show.drawing import saved
from focal_omr.experiment import figures as draw
from focal_omr.experiment.grid import Grid
from focal_omr.experiment.prepare import IMBALANCE, TEST, StudySet
from focal_omr.experiment.runs import Run, curve
from focal_omr.experiment.statistics import Cell, Difference, cells, differences
from focal_omr.runtime.atomic_files import make_folder, write_together

_TESTS = {TEST: "test", IMBALANCE: "imbalance test"}
_FEW_SEEDS = 5
_NATS_SHOWN = "plain CTC, nats a staff"
_STYLE = """
body { font: 16px/1.5 sans-serif; max-width: 60em; margin: 2em auto; padding: 0 1em; }
table { border-collapse: collapse; display: block; overflow-x: auto; }
th, td { border-bottom: 1px solid #ccc; padding: .25em .7em; text-align: right; white-space: nowrap; }
th:first-child, td:first-child { text-align: left; }
img { max-width: 100%; }
"""
Row = Sequence[str]


def write_report(grid: Grid, sets: Sequence[StudySet], runs: Sequence[Run], folder: Path) -> None:
    """Write results.csv, report.md, report.html and figures/ of the runs that are done.

    Raises:
        OutputError: A file cannot be written.
    """
    results = [result for run in runs if (result := run.result())]
    all_cells = cells(results)
    compared = differences(all_cells, grid.baseline)
    pictures = _pictures(grid, sets, runs, all_cells, compared)
    drawn = {
        name: dict(zip(("png", "svg"), saved(picture), strict=True)) for name, picture in pictures.items()
    }
    text = "".join(_text(grid, sets, results, all_cells, compared, list(pictures)))
    place = folder / "figures"
    make_folder(place)
    files = {
        place / f"{name}.{ending}": data for name, each in drawn.items() for ending, data in each.items()
    }
    files[folder / "results.csv"] = _csv(grid, results).encode()
    files[folder / "report.md"] = text.encode()
    files[folder / "report.html"] = _page(grid.title, text, {n: each["png"] for n, each in drawn.items()})
    write_together(files)


# Figures ----------------------------------------------------------------------------------------------------


def _pictures(
    grid: Grid,
    sets: Sequence[StudySet],
    runs: Sequence[Run],
    all_cells: Sequence[Cell],
    compared: Sequence[Difference],
) -> dict[str, Callable[[], Figure]]:
    """Name -> what draws it."""
    pictures: dict[str, Callable[[], Figure]] = {}
    for each in sets:
        own = [run for run in runs if run.set.name == each.name and run.result()]
        slug = each.name.replace(" ", "-")
        losses = [name for name in grid.all_losses if any(run.loss == name for run in own)]

        def of_losses(file: str, *columns: str, own: list[Run] = own, losses: list[str] = losses) -> Any:
            return {name: [curve(run, file, *columns) for run in own if run.loss == name] for name in losses}

        pictures[f"{slug}-error"] = partial(
            draw.curves,
            of_losses("validation.csv", "step", "clean_ser"),
            f"Error on the test ({each.name})",
            "SER, %",
        )
        pictures[f"{slug}-ctc"] = partial(
            draw.curves, of_losses("metrics.csv", "step", "ctc"), f"In training ({each.name})", _NATS_SHOWN
        )
        pictures[f"{slug}-factor"] = partial(
            draw.curves,
            _factors(grid, of_losses("metrics.csv", "step", "loss", "ctc")),
            f"The loss as a share of alpha times plain CTC ({each.name})",
            "mean factor",
            log=False,
        )
        for test, words in _TESTS.items():
            here = [cell for cell in all_cells if (cell.set, cell.test) == (each.name, test)]
            pictures[f"{slug}-{test}-bins"] = partial(draw.bins, here, f"{words} ({each.name})")
            beside = [d for d in compared if (d.set, d.test) == (each.name, test)]
            if beside:
                pictures[f"{slug}-{test}-differences"] = partial(
                    draw.forest, beside, grid.baseline, f"{words} ({each.name})"
                )
    return pictures


def _factors(grid: Grid, of_losses: Mapping[str, Any]) -> dict[str, Any]:
    """Loss over alpha times CTC against steps, of the forms that have a factor and nothing added."""
    factors = {}
    for name, seeds in of_losses.items():
        loss = grid.all_losses[name]
        if loss.kind != "ctc" and loss.gamma and not loss.consistency:
            factors[name] = [
                [(step, value / (loss.alpha * ctc)) for step, value, ctc in seed if ctc > 0] for seed in seeds
            ]
    return factors


# Text -------------------------------------------------------------------------------------------------------


def _text(
    grid: Grid,
    sets: Sequence[StudySet],
    results: Sequence[Mapping[str, Any]],
    all_cells: Sequence[Cell],
    compared: Sequence[Difference],
    pictures: Sequence[str],
) -> Iterator[str]:
    yield f"# {grid.title}\n\n{grid.about.strip()}\n\n## Conclusions\n\n"
    yield from (f"- {line}\n" for line in _conclusions(grid, all_cells, compared))
    yield "\n## Set-up\n\n"
    yield from (f"- {line}\n" for line in _set_up(grid, sets, results))
    for each in sets:
        slug = each.name.replace(" ", "-")
        yield f"\n## Results: {each.name}\n"
        for test, words in _TESTS.items():
            here = [cell for cell in all_cells if (cell.set, cell.test) == (each.name, test)]
            yield f"\n### {words.capitalize()}\n\n" + _table(_CELL_HEAD, map(_cell_row, here))
            beside = [d for d in compared if (d.set, d.test) == (each.name, test)]
            if beside:
                yield f"\nAgainst {grid.baseline}:\n\n" + _table(
                    _DIFFERENCE_HEAD, map(_difference_row, beside)
                )
        yield "\n"
        yield from (f"![{name}](figures/{name}.png)\n\n" for name in pictures if name.startswith(f"{slug}-"))
    yield _MEANINGS


_CELL_HEAD = (
    "loss", "SER, %", "95 % interval", "SeqER, %", "macro recall, %", "SER of HF", "of normal", "of LF",
    "weighted SER, %", "edits a sample", "ECE", "seconds",
)  # fmt: skip
_DIFFERENCE_HEAD = ("loss", "SER minus it", "95 % interval", "p", "p, Holm", "seeds with lower SER")
_MEANINGS = """
## What the figures are

SER: edits over reference symbols, in percent, the mean over the seeds; the interval is a bootstrap over seeds
and samples. SeqER: staves with an error. Macro recall: the mean over symbols of the share that was read. HF,
normal, LF: the most frequent tenth of the symbols in training, those between, and the rarest tenth. Weighted
SER: missing a rare symbol costs more than missing a frequent one. Edits a sample: what the seed study's plots
show. ECE: expected calibration error of the confidence. Seconds: of training, on the machine named above.
p: a permutation test that swaps the two losses sample by sample; Holm's correction is for the comparisons of
one table. All losses of a seed share the weights at the start and the data in their order.
"""


def _conclusions(grid: Grid, all_cells: Sequence[Cell], compared: Sequence[Difference]) -> Iterator[str]:
    """Sentences that follow from the figures, by rule."""
    for base in (cell for cell in all_cells if cell.loss == grid.baseline):
        low, high = base.interval
        where = f"{base.set}, {_TESTS[base.test]}"
        yield (
            f"**{where}**: {grid.baseline} reads with {base.mean('ser'):.2f} % SER "
            f"[{low:.2f}, {high:.2f}], {base.mean('sequence_error_rate'):.1f} % SeqER "
            f"(seeds {', '.join(f'{ser:.2f}' for ser in base.figures['ser'])})."
        )
        beside = [d for d in compared if (d.set, d.test) == (base.set, base.test)]
        for words, group in (
            ("better", [d for d in beside if d.sure and d.points < 0]),
            ("worse", [d for d in beside if d.sure and d.points > 0]),
        ):
            for d in group:
                yield (
                    f"{where}: **{d.loss} is {words}** than {grid.baseline} by {abs(d.points):.2f} points "
                    f"[{d.low:+.2f}, {d.high:+.2f}], p = {_p(d.corrected)} after correction."
                )
        if unsure := [d.loss for d in beside if not d.sure]:
            yield f"{where}: no difference to {grid.baseline} can be concluded for {', '.join(unsure)}."
    few = min((len(cell.seeds) for cell in all_cells), default=0)
    if few < _FEW_SEEDS:
        yield f"Seeds: {few}; intervals over so few are too narrow rather than too wide."
    yield (
        "Not concluded: that the order holds for other networks, rates, lengths of training or pictures. All "
        "losses were trained with the one learning rate; none was tuned for itself."
    )


def _set_up(grid: Grid, sets: Sequence[StudySet], results: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    machines = sorted({result["machine"] for result in results})
    commits = sorted({result["commit"] for result in results})
    yield f"grid {grid.digest}; seeds {', '.join(map(str, grid.seeds))}; {len(results)} runs are done"
    yield f"{', '.join(machines)}; commit {', '.join(commits)}"
    model = grid.train.get("model", {})
    shape = ", ".join(f"{key} {value}" for key, value in model.items()) or "as it comes"
    batch = grid.train.get("data", {}).get("batch")
    yield f"network: {shape}; steps {grid.train.get('steps')}, batch {batch}"
    for each in sets:
        notes = each.notes
        samples, ratios = notes["samples"], notes["ratios"]
        parts = ", ".join(
            f"{samples[part]} {part} (ratio of the most to the least frequent symbol {ratios[part]:g})"
            for part in samples
        )
        yield (
            f"{each.name}: of {notes['made_of']['data']}, {notes['pool']['samples']} samples, "
            f"{len(each.counts)} symbols in training; {parts}; no source in two parts; left out: "
            f"{len(notes['defects'])} with defects, {len(notes['left_out'])} drawn whose staff was not found"
        )
    for name, loss in grid.all_losses.items():
        factor = "" if loss.kind == "ctc" else f", alpha {loss.alpha:g}, gamma {loss.gamma:g}"
        balance = f", class-balanced with beta {loss.balance:g}" if loss.balance else ""
        views = f", consistency of two views {loss.consistency:g}" if loss.consistency else ""
        yield f"{name}: `{loss.kind}`{factor}{balance}{views}"


def _cell_row(cell: Cell) -> Row:
    low, high = cell.interval
    return (
        cell.loss,
        f"{cell.mean('ser'):.2f}",
        f"[{low:.2f}, {high:.2f}]",
        f"{cell.mean('sequence_error_rate'):.1f}",
        f"{cell.mean('macro_recall'):.2f}",
        *(f"{cell.mean(f'ser_{name.lower()}'):.2f}" for name in BINS),
        f"{cell.mean('weighted_ser'):.2f}",
        f"{cell.mean('edits_per_sample'):.3f}",
        f"{cell.mean('calibration_error'):.4f}",
        f"{cell.seconds:.0f}",
    )


def _difference_row(d: Difference) -> Row:
    return (
        d.loss,
        f"{d.points:+.2f}",
        f"[{d.low:+.2f}, {d.high:+.2f}]",
        _p(d.p),
        _p(d.corrected),
        f"{d.better[0]} of {d.better[1]}",
    )


def _p(value: float) -> str:
    return "< 0.001" if value < 0.001 else f"{value:.3f}"


def _table(head: Row, rows: Iterator[Row]) -> str:
    lines = [head, ["---", *["---:"] * (len(head) - 1)], *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _csv(grid: Grid, results: Sequence[Mapping[str, Any]]) -> str:
    text = io.StringIO()
    writer: Any = None
    for result in results:
        loss = grid.all_losses[result["loss"]]
        for test, values in result["tests"].items():
            row = {
                **{key: result[key] for key in ("commit", "machine", "digest", "set", "loss", "seed")},
                **loss.model_dump(),
                **{key: result[key] for key in ("steps", "seconds")},
                "test": test,
                "samples": len(values["edits"]),
                "symbols": sum(values["symbols"]),
                **{name: round(value, 4) for name, value in values["figures"].items()},
            }
            if writer is None:
                writer = csv.DictWriter(text, list(row), lineterminator="\n")
                writer.writeheader()
            writer.writerow(row)
    return text.getvalue()


def _page(title: str, text: str, pictures: Mapping[str, bytes]) -> bytes:
    """The Markdown as one HTML file, the figures in it."""
    body = MarkdownIt().enable("table").render(text)
    for name, png in pictures.items():
        data = f"data:image/png;base64,{base64.b64encode(png).decode()}"
        body = body.replace(f'src="figures/{name}.png"', f'src="{data}"')
    return (
        f'<!DOCTYPE html>\n<html lang="en">\n<meta charset="utf-8">\n'
        f'<meta name="viewport" content="width=device-width">\n<title>{html.escape(title)}</title>\n'
        f"<style>{_STYLE}</style>\n{body}</html>\n"
    ).encode()
