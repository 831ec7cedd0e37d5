"""`python -m docs.make_curves`: plots the focal factor against the CTC loss to docs/images/focal-curves.png.

Needs the extra `lab`.
"""

import io
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from focal_omr.runtime.atomic_files import write_atomic

PICTURE = Path(__file__).parent / "images" / "focal-curves.png"
LABELS = 25  # of a staff
GAMMAS = ((0.5, "#0072b2"), (1.0, "#d55e00"), (2.0, "#009e73"))


def main() -> None:
    """Write the plot."""
    nats = np.logspace(-2, 2.5, 300)
    figure = Figure(figsize=(8, 3.2), layout="constrained")
    axes = figure.subplots()
    axes.axvspan(20, nats[-1], color="0.92")
    axes.text(22, 0.05, "a staff early\nin a training", fontsize=9)
    for gamma, colour in GAMMAS:
        axes.semilogx(nats, (-np.expm1(-nats)) ** gamma, color=colour, label=f"gamma {gamma:g}")
        by_length = (-np.expm1(-nats / LABELS)) ** gamma
        axes.semilogx(nats, by_length, "--", color=colour, label=f"gamma {gamma:g}, by length")
    axes.set_xlim(nats[0], nats[-1])
    axes.set_xlabel(f"L of a staff of {LABELS} symbols, nats")
    axes.set_ylabel("factor")
    axes.legend(fontsize=8, frameon=False)
    data = io.BytesIO()
    figure.savefig(data, dpi=120, metadata={"Software": None})
    write_atomic(PICTURE, data.getvalue())


if __name__ == "__main__":
    main()
