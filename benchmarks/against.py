"""Comparison of a benchmark run with an earlier one, for `python -m benchmarks --compare OLD.json`.

Times count as better or worse if they change by more than 10 %, counts if they change at all. The 10 % hold
for an
idle machine: next to other load a time can double.
"""

from collections.abc import Iterator
from typing import Any

_NOISE = 0.10
_EXACT = ("million_multiply_adds", "moved_mb", "weights_mb", "_modules", "staves", "width_px")  # no noise
_HIGHER_IS_BETTER = ("_per_s", "gflops", "gops", "training.ratio", "of_training")


def compared(old: dict[str, Any], new: dict[str, Any]) -> list[dict[str, Any]]:
    """Compare the metrics that both runs have: old and new value, ratio and verdict.

    Verdicts are "same", "better" and "worse". Times of different machines are not comparable: their verdict
    is "same" or "another machine".
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
    exact = any(part in name for part in _EXACT)
    if abs(ratio - 1) <= (0.001 if exact else _NOISE):
        return "same"
    if elsewhere and not exact:
        return "another machine"
    return "better" if (ratio > 1) == any(part in name for part in _HIGHER_IS_BETTER) else "worse"


def _figures(values: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, float]]:
    """Iterate over the metrics of a run as (dotted name, value)."""
    for key, value in values.items():
        if not prefix and key in ("targets", "machine", "threads", "compared", "seconds"):
            continue
        if isinstance(value, dict):
            yield from _figures(value, f"{prefix}{key}.")
        elif isinstance(value, int | float) and not isinstance(value, bool):
            yield f"{prefix}{key}", float(value)


def as_text(rows: list[dict[str, Any]]) -> str:
    """Format the rows as a table, changes first."""
    order = {"worse": 0, "better": 1, "another machine": 2, "same": 3}
    lines = [f"{'figure':44} {'old':>10} {'new':>10} {'ratio':>7}"]
    for row in sorted(rows, key=lambda row: (order[row["verdict"]], row["figure"])):
        lines.append("{figure:44} {old:10.3f} {new:10.3f} {ratio:7.3f}  {verdict}".format(**row))
    return "\n".join(lines)
