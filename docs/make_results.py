"""Writes `results.md` from the figures in `experiments/results/`.

    .venv/bin/python docs/make_results.py

The figures themselves are written by `focal-omr evaluate MODEL DATA --record FILE`, `python -m
benchmarks.sizes` and the training; the head of each part says by what exactly.
"""

import csv
from collections.abc import Sequence
from pathlib import Path

from focal_omr.runtime.atomic_files import write_atomic

HERE = Path(__file__).parent
RESULTS = HERE.parent / "experiments" / "results"
# Set -> (kind, what it is), in the order of the table.
SETS = {
    "primus_clean": ("real", "PrIMuS, as published"),
    "camera_staff": ("real", "staves cut from phone photos of printed violin and cello parts, ties left out"),
    "lilypond_quartets": ("clean", "two string quartets engraved by LilyPond, tunes not in training"),
    "lilypond_quartets (distorted)": ("degraded", "the same staves as photos, strength 0.8"),
    "rendered_primus": ("clean", "staves of tunes as PrIMuS has them"),
    "rendered_rare": ("clean", "other staves of the training's kind, rare symbols in two of five"),
    "rendered_rare_camera (distorted)": ("degraded", "such staves as photos, strength 0.5"),
    "rendered_rare_scan": ("degraded", "such staves as scans, strength 0.5"),
}


def main() -> None:
    """Write the page."""
    rows = {row["data"]: row for row in _rows("weights.csv")}
    parts = [
        _HEAD,
        "## Error on every set\n\n",
        _table(_SETS_HEAD, [_set_row(name, rows[name]) for name in SETS if name in rows]),
        _SETS_FOOT,
        "## Rare symbols\n\n",
        _table(_RARE_HEAD, [_rare_row(rows[name]) for name in SETS if name in rows and "rare" in name]),
        _RARE_FOOT,
        "## Sizes\n\n",
        _table(_SIZES_HEAD, [_size_row(row) for row in _rows("sizes.csv")]),
        _SIZES_FOOT,
        "## What was tried in the training\n\n",
        _table(_LEVERS_HEAD, [_lever_row(row) for row in _rows("levers.csv")]),
        _LEVERS_FOOT,
    ]
    write_atomic(HERE / "results.md", "".join(parts).encode())


def _rows(name: str) -> list[dict[str, str]]:
    with (RESULTS / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    return "".join(f"| {' | '.join(line)} |\n" for line in (head, ["---"] * len(head), *rows)) + "\n"


def _set_row(name: str, row: dict[str, str]) -> list[str]:
    kind, about = SETS[name]
    return [
        kind,
        f"{about} (`{name}`)",
        row["samples"],
        f"{float(row['ser']):.2f} [{float(row['ser_low']):.2f}, {float(row['ser_high']):.2f}]",
        f"{float(row['sequence_error_rate']):.1f}",
        row["failed"],
        f"{float(row['calibration_error']):.4f}",
        f"{float(row['doubt_auc']):.2f}" if row["doubt_auc"] else "-",
    ]


def _rare_row(row: dict[str, str]) -> list[str]:
    bins = [f"{float(row[f'ser_{name}']):.2f}" for name in ("HF", "normal", "LF")]
    return [f"`{row['data']}`", row["symbols"], f"{float(row['macro_recall']):.2f}", *bins]


def _size_row(row: dict[str, str]) -> list[str]:
    millions = f"{int(row['parameters']) / 1e6:.2f}"
    return [f"`{row['model']}`", row["megabytes"], millions, row["steps"], row["staff_ms"], row["ser"]]


def _lever_row(row: dict[str, str]) -> list[str]:
    kinds = [f"{float(row[f'{kind}_ser']):.2f}" for kind in ("clean", "scan", "camera")]
    return [row["lever"], row["what"], row["steps"], row["seconds"], *kinds]


_HEAD = """# Results

Made by `docs/make_results.py` from [`experiments/results/`](../experiments/results/), where every
figure stands with its configuration, seed, commit and machine. Rendered figures are of our own
engraving: they are no figures to set beside those that others publish on PrIMuS.

"""
_SETS_HEAD = ("kind", "pictures", "staves", "SER, %", "SeqER, %", "failed", "ECE", "AUC")
_SETS_FOOT = """SER: edits per reference symbol, in brackets the 95 % bootstrap interval; SeqER: staves
with at least one error; failed: staves not found, counted as all wrong; ECE: expected calibration error
of the symbols' confidence, 0 to 1; AUC: the chance that doubt ranks a staff with an error before one
without. `weights.csv`, written by
`focal-omr evaluate default DATA --record FILE`.

"""
_RARE_HEAD = ("pictures", "symbols", "macro recall, %", "SER of HF, %", "of normal, %", "of LF, %")
_RARE_FOOT = """Of the symbols that occur ten times or more: the mean of each one's recall; the SER of
the tenth that is most frequent (HF), of the tenth that is least so (LF), and of those between,
insertions counted where they are of the bin. The worst 20 staves of these sets, the most confused pairs
and the most missed symbols: [clean](results/rendered_rare/report.md), [as
photos](results/rendered_rare_camera/report.md), and of [LilyPond's staves as
photos](results/lilypond_quartets/report.md).

"""
_SIZES_HEAD = ("network", "MB", "million parameters", "updates", "ms a staff", "SER, %")
_SIZES_FOOT = """One staff of 70 spaces, warm, two threads, and the error on one set, all in one run
(`python -m benchmarks.sizes`). The same network with its large weights as int8, its recurrent
and linear layers multiplying bytes, has a quarter of the size, reads as well and is quicker; so it is the
one that is packaged.

"""
_LEVERS_HEAD = ("change", "what", "updates", "seconds", "clean SER, %", "as scans", "as photos")
_LEVERS_FOOT = """A network half as large, from nothing, each with the same plates in the same order and
one thing changed; 400 held-out plates. See [the log](../experiments/LOG.md) for what was kept, and why.
"""

if __name__ == "__main__":
    main()
