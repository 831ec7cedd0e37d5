"""Report of a study: results.csv, figures, and conclusions derived from them, as Markdown and HTML."""

import base64
import csv
import html
import io
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from math import isfinite
from pathlib import Path
from typing import Any, TypeVar

from markdown_it import MarkdownIt
from matplotlib.figure import Figure

from focal_omr.data.frequency import BINS
from focal_omr.data.show.drawing import render
from focal_omr.experiment import figures as draw
from focal_omr.experiment.grid import Grid
from focal_omr.experiment.runs import TrainingRun, learning_curve
from focal_omr.experiment.set_parts import IMBALANCE, TEST, StudySet
from focal_omr.experiment.statistics import (
    MAX_SEEDS,
    Difference,
    LossScores,
    collect_scores,
    compare_with_baseline,
)
from focal_omr.runtime.atomic_files import make_folder, write_together

_TESTS = {TEST: "test", IMBALANCE: "imbalance test"}
_STYLE = """
body { font: 16px/1.5 sans-serif; max-width: 60em; margin: 2em auto; padding: 0 1em; }
table { border-collapse: collapse; display: block; overflow-x: auto; }
th, td { border-bottom: 1px solid #ccc; padding: .25em .7em; text-align: right; white-space: nowrap; }
th:first-child, td:first-child { text-align: left; }
img { max-width: 100%; }
"""
_SCORE_COLUMNS = (
    "loss", "SER, %", "95 % interval", "SeqER, %", "macro recall, %", "SER of HF", "of normal", "of LF",
    "weighted SER, %", "edits a sample", "ECE", "seconds",
)  # fmt: skip
_DIFFERENCE_COLUMNS = ("loss", "SER minus it", "95 % interval", "p", "seeds with lower SER", "seeds needed")
Row = Sequence[str]
Record = TypeVar("Record", LossScores, Difference)

GLOSSARY = f"""
## How to read the tables

The unit of replication is the training seed: all losses of a seed share the initial weights and the order of
the data, and every seed is evaluated on the same staves. Intervals and p-values therefore speak of other
seeds on these staves, not of other staves.

SER: edits over reference symbols, in percent, the mean over seeds, with the t interval of that mean. SER
minus it: the mean over seeds of the paired difference to the baseline, with its t interval and the p-value of
the paired t-test. Both carry the same Bonferroni correction for the comparisons of one table, so that
p < 0.05 exactly where the interval excludes 0. The test assumes that the differences of the seeds are
normally distributed, which few seeds cannot verify; a permutation of the signs of three seeds, which assumes
less, has 0.25 as its smallest p-value and could show nothing. Seeds needed: how many would show a difference
of the observed size and spread with a probability of 80 %, an order of magnitude because the spread is itself
estimated from few seeds; "> {MAX_SEEDS:,}" where it is more.

SeqER: share of staves with an error. Macro recall: mean over symbols of the share that was read. HF, normal,
LF: the most frequent tenth of the symbols in training, those between, and the rarest tenth. Weighted SER:
missing a rare symbol costs more than missing a frequent one. Edits a sample: the quantity that the plots of
the seed study show. ECE: expected calibration error of the confidence. Seconds: training time on the machine
named above.
"""


def write_study_report(
    grid: Grid, sets: Sequence[StudySet], runs: Sequence[TrainingRun], folder: Path
) -> None:
    """Write results.csv, report.md, report.html and figures/ from the finished runs.

    Args:
        grid: The study.
        sets: Its data sets.
        runs: Its runs; unfinished ones are skipped.
        folder: Where the files go.

    Raises:
        OutputError: A file cannot be written.
    """
    results = [result for run in runs if (result := run.result())]
    scores = collect_scores(results)
    differences = compare_with_baseline(scores, grid.baseline)
    drawn: dict[str, Callable[[], Figure]] = {}
    for each in sets:
        drawn |= _curve_figures(
            grid, each, [run for run in runs if run.set.name == each.name and run.result()]
        )
        drawn |= score_figures(each.name, scores, differences, grid.baseline)
    images = {name: dict(zip(("png", "svg"), render(figure), strict=True)) for name, figure in drawn.items()}
    tuned = any(grid.rates.values())
    sections = [
        f"# {grid.title}\n\n{grid.about.strip()}\n",
        "\n## Conclusions\n\n" + _bullets(conclusions(scores, differences, grid.baseline, tuned=tuned)),
        "\n## Set-up\n\n" + _bullets(_setup(grid, sets, results)),
    ]
    for each in sets:
        names = [name for name in drawn if name.startswith(f"{_slug(each.name)}-")]
        sections += [
            f"\n## Results: {each.name}\n",
            score_tables(each.name, scores, differences, grid.baseline),
            "\n",
        ]
        sections += [f"![{name}](figures/{name}.png)\n\n" for name in names]
    text = "".join([*sections, GLOSSARY])
    place = folder / "figures"
    make_folder(place)
    files = {
        place / f"{name}.{suffix}": data for name, each in images.items() for suffix, data in each.items()
    }
    files[folder / "results.csv"] = _results_csv(grid, results).encode()
    files[folder / "report.md"] = text.encode()
    files[folder / "report.html"] = _html_page(
        grid.title, text, {n: each["png"] for n, each in images.items()}
    )
    write_together(files)


def _slug(name: str) -> str:
    return name.replace(" ", "-")


def _bullets(lines: Iterable[str]) -> str:
    return "".join(f"- {line}\n" for line in lines)


# Figures ----------------------------------------------------------------------------------------------------


def _curve_figures(
    grid: Grid, data: StudySet, runs: Sequence[TrainingRun]
) -> dict[str, Callable[[], Figure]]:
    """File name -> function that draws it, of the learning curves of the finished runs on one data set."""

    def by_loss(file: str, *columns: str) -> dict[str, Any]:
        found: dict[str, Any] = {
            name: [] for name in grid.all_losses if any(run.loss == name for run in runs)
        }
        for run in runs:
            found[run.loss].append(learning_curve(run, file, *columns))
        return found

    # Loss over alpha times CTC, for the losses that are nothing but CTC times a focal factor.
    factors = {}
    for name, seeds in by_loss("metrics.csv", "step", "loss", "ctc").items():
        loss = grid.all_losses[name]
        if loss.kind != "ctc" and loss.gamma and not loss.consistency:
            factors[name] = [
                [(step, value / (loss.alpha * ctc)) for step, value, ctc in seed if ctc > 0] for seed in seeds
            ]
    errors, losses = by_loss("validation.csv", "step", "clean_ser"), by_loss("metrics.csv", "step", "ctc")
    title, slug = data.name, _slug(data.name)
    return {
        f"{slug}-error": partial(draw.curves, errors, f"Error on the test ({title})", "SER, %"),
        f"{slug}-ctc": partial(draw.curves, losses, f"In training ({title})", "plain CTC, nats a staff"),
        f"{slug}-factor": partial(
            draw.curves,
            factors,
            f"The loss as a share of alpha times plain CTC ({title})",
            "mean factor",
            log=False,
        ),
    }


def score_figures(
    name: str, scores: Sequence[LossScores], differences: Sequence[Difference], baseline: str
) -> dict[str, Callable[[], Figure]]:
    """Prepare the figures of the metrics of one data set.

    Args:
        name: Name of the data set.
        scores: Metrics of all losses.
        differences: Their comparisons.
        baseline: Name of the baseline.

    Returns:
        File name without suffix -> function that draws it.
    """
    drawn: dict[str, Callable[[], Figure]] = {}
    for test, words in _TESTS.items():
        file, title = f"{_slug(name)}-{test}", f"{words} ({name})"
        drawn[f"{file}-bins"] = partial(draw.bins, _on(scores, name, test), title)
        if found := _on(differences, name, test):
            drawn[f"{file}-differences"] = partial(draw.forest, found, baseline, title)
    return drawn


def _on(items: Sequence[Record], name: str, test: str) -> list[Record]:
    """The items of one test of one data set."""
    return [each for each in items if (each.set, each.test) == (name, test)]


# Text -------------------------------------------------------------------------------------------------------


def conclusions(
    scores: Sequence[LossScores],
    differences: Sequence[Difference],
    baseline: str,
    *,
    tuned: bool = False,
) -> Iterator[str]:
    """Derive the conclusions from the metrics, one sentence or two each.

    Args:
        scores: Metrics of all losses.
        differences: Their comparisons.
        baseline: Name of the baseline.
        tuned: Whether losses have learning rates of their own.
    """
    for base in (each for each in scores if each.loss == baseline):
        where = f"{base.set}, {_TESTS[base.test]}"
        yield (
            f"**{where}**: {baseline} has {base.mean('ser'):.2f} % SER {_interval(*base.interval)} and "
            f"{base.mean('sequence_error_rate'):.1f} % SeqER "
            f"(SER of the seeds {', '.join(f'{ser:.2f}' for ser in base.metrics['ser'])})."
        )
        beside = _on(differences, base.set, base.test)
        for d in beside:
            if d.significant:
                word = "better" if d.points < 0 else "worse"
                yield (
                    f"{where}: **{d.loss} is {word}** than {baseline} by {abs(d.points):.2f} points, "
                    f"{_interval(d.low, d.high, '+')}, p {'' if d.p < 0.001 else '= '}{_p(d.p)}."
                )
        if rest := [d for d in beside if not d.significant]:
            named = "; ".join(f"{d.loss} ({d.points:+.2f} points; seeds needed: {_needed(d)})" for d in rest)
            yield (
                f"{where}: with {_plural(rest[0].seeds, 'seed')}, no difference to {baseline} can be "
                f"concluded for {named}."
            )
    yield (
        "Not concluded: that the order holds for other networks, learning rates, training lengths or images. "
    ) + (
        "The learning rates were tuned for each loss on other staves."
        if tuned
        else "All losses were trained with one learning rate; none was tuned on its own."
    )


def _setup(grid: Grid, sets: Sequence[StudySet], results: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    machines = sorted({result["machine"] for result in results})
    commits = sorted({result["commit"] for result in results})
    done = _plural(len(results), "finished run")
    yield f"grid {grid.digest}; seeds {', '.join(map(str, grid.seeds))}; {done}"
    yield f"{', '.join(machines)}; commit {', '.join(commits)}"
    model = grid.train.get("model", {})
    shape = ", ".join(f"{key} {value}" for key, value in model.items()) or "default"
    batch = grid.train.get("data", {}).get("batch")
    yield f"network: {shape}; steps {grid.train.get('steps')}, batch size {batch}"
    for each in sets:
        notes = each.notes
        samples, ratios = notes["samples"], notes["ratios"]
        parts = ", ".join(
            f"{samples[part]} {part} (ratio of the most to the least frequent symbol {ratios[part]:g})"
            for part in samples
        )
        yield (
            f"{each.name}: from {notes['made_of']['data']}, {notes['pool']['samples']} samples, "
            f"{len(each.counts)} symbols in training; {parts}; no source in two parts; left out: "
            f"{len(notes['defects'])} with defects, {len(notes['left_out'])} drawn whose staff was not found"
        )
    for name, loss in grid.all_losses.items():
        factor = "" if loss.kind == "ctc" else f", alpha {loss.alpha:g}, gamma {loss.gamma:g}"
        balance = f", class-balanced with beta {loss.balance:g}" if loss.balance else ""
        views = f", consistency of two views {loss.consistency:g}" if loss.consistency else ""
        yield f"{name}: `{loss.kind}`{factor}{balance}{views}"


def score_tables(
    name: str,
    scores: Sequence[LossScores],
    differences: Sequence[Difference],
    baseline: str,
    *,
    title: str = "",
) -> str:
    """Format the tables of one data set as Markdown: metrics of the losses, differences to the baseline.

    Args:
        name: Name of the data set.
        scores: Metrics of all losses.
        differences: Their comparisons.
        baseline: Name of the baseline.
        title: Start of each heading.
    """
    text = ""
    for test, words in _TESTS.items():
        rows = [
            (
                each.loss,
                f"{each.mean('ser'):.2f}",
                _interval(*each.interval),
                f"{each.mean('sequence_error_rate'):.1f}",
                f"{each.mean('macro_recall'):.2f}",
                *(f"{each.mean(f'ser_{bin_name.lower()}'):.2f}" for bin_name in BINS),
                f"{each.mean('weighted_ser'):.2f}",
                f"{each.mean('edits_per_sample'):.3f}",
                f"{each.mean('calibration_error'):.4f}",
                f"{each.seconds:.0f}",
            )
            for each in _on(scores, name, test)
        ]
        text += f"\n### {title}{words.capitalize()}\n\n" + _table(_SCORE_COLUMNS, rows)
        if found := _on(differences, name, test):
            rows = [
                (
                    d.loss,
                    f"{d.points:+.2f}",
                    _interval(d.low, d.high, "+"),
                    _p(d.p) if isfinite(d.low) else "none",
                    f"{d.better} of {d.seeds}",
                    _needed(d),
                )
                for d in found
            ]
            text += f"\nAgainst {baseline}:\n\n" + _table(_DIFFERENCE_COLUMNS, rows)
    return text


def _interval(low: float, high: float, sign: str = "") -> str:
    return f"[{low:{sign}.2f}, {high:{sign}.2f}]" if isfinite(high) else "none from one seed"


def _p(value: float) -> str:
    return "< 0.001" if value < 0.001 else f"{value:.3f}"


def _needed(difference: Difference) -> str:
    if difference.seeds < 2 or difference.low == difference.high:
        return "unknown"  # no spread to estimate it from
    return f"> {MAX_SEEDS:,}" if difference.needed is None else f"{difference.needed}"


def _plural(count: int, noun: str) -> str:
    return f"{count} {noun}{'s' if count != 1 else ''}"


def _table(head: Row, rows: Iterable[Row]) -> str:
    lines = [head, ["---", *["---:"] * (len(head) - 1)], *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


# Files ------------------------------------------------------------------------------------------------------


def _results_csv(grid: Grid, results: Sequence[Mapping[str, Any]]) -> str:
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


def _html_page(title: str, text: str, images: Mapping[str, bytes]) -> bytes:
    """The Markdown as one HTML file with the PNG images inlined."""
    body = MarkdownIt().enable("table").render(text)
    for name, png in images.items():
        data = f"data:image/png;base64,{base64.b64encode(png).decode()}"
        body = body.replace(f'src="figures/{name}.png"', f'src="{data}"')
    return (
        f'<!DOCTYPE html>\n<html lang="en">\n<meta charset="utf-8">\n'
        f'<meta name="viewport" content="width=device-width">\n<title>{html.escape(title)}</title>\n'
        f"<style>{_STYLE}</style>\n{body}</html>\n"
    ).encode()
