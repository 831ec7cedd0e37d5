"""`python -m benchmarks --compare OLD.json`: this run beside an earlier one, figure by figure.

A time is called better or worse where it moved by more than a tenth, a count where it moved at all. The tenth
is for an idle machine: beside busy neighbours a time can double.
"""

from collections.abc import Iterator
from typing import Any

_NOISE = 0.10
_COUNTED = ("million_multiply_adds", "moved_mb", "weights_mb", "_modules", "staves", "width_px")  # no noise
_HIGHER_IS_BETTER = ("_per_s", "gflops", "gops", "training.ratio", "of_training")


def compared(old: dict[str, Any], new: dict[str, Any]) -> list[dict[str, Any]]:
    """The figures that both runs have, each with old, new, their ratio and a verdict.

    Verdicts are "same", "better", "worse"; for runs on different machines "another machine" in place of the
    last two, for times of one say nothing about another.
    """
    before, rows = dict(_figures(old)), []
    elsewhere = old.get("machine") != new.get("machine") or old.get("threads") != new.get("threads")
    for name, value in _figures(new):
        if name not in before or not before[name]:
            continue
        ratio = value / before[name]
        rows.append({"figure": name, "old": before[name], "new": value, "ratio": round(ratio, 3)})
        rows[-1]["verdict"] = _verdict(name, ratio, elsewhere=elsewhere)
    return rows


def _verdict(name: str, ratio: float, *, elsewhere: bool) -> str:
    counted = any(part in name for part in _COUNTED)
    if abs(ratio - 1) <= (0.001 if counted else _NOISE):
        return "same"
    if elsewhere and not counted:
        return "another machine"
    return "better" if (ratio > 1) == any(part in name for part in _HIGHER_IS_BETTER) else "worse"


def _figures(values: dict[str, Any], before: str = "") -> Iterator[tuple[str, float]]:
    """Every number of a run with its place in it; what says where it ran, and the targets, are left out."""
    for key, value in values.items():
        if not before and key in ("targets", "machine", "threads", "compared", "seconds"):
            continue
        if isinstance(value, dict):
            yield from _figures(value, f"{before}{key}.")
        elif isinstance(value, int | float) and not isinstance(value, bool):
            yield f"{before}{key}", float(value)


def as_text(rows: list[dict[str, Any]]) -> str:
    """The rows as a table for a terminal, what moved first."""
    order = {"worse": 0, "better": 1, "another machine": 2, "same": 3}
    lines = [f"{'figure':44} {'old':>10} {'new':>10} {'ratio':>7}"]
    for row in sorted(rows, key=lambda row: (order[row["verdict"]], row["figure"])):
        lines.append("{figure:44} {old:10.3f} {new:10.3f} {ratio:7.3f}  {verdict}".format(**row))
    return "\n".join(lines)
