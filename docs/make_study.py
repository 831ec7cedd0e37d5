"""Regenerate the conclusions, tables and difference plots of `study.md` from the rows of the stored study.

    .venv/bin/python -m docs.make_study

The set-up and the learning curves come from the folder of the study, which is not in the repository; they
stay as they are.
"""

import csv
from pathlib import Path
from typing import Any

from focal_omr.data.show.drawing import render
from focal_omr.experiment.grid import load_grid
from focal_omr.experiment.report import GLOSSARY, conclusions, score_figures, score_tables
from focal_omr.experiment.statistics import LossScores, collect_scores, compare_with_baseline
from focal_omr.runtime.atomic_files import write_atomic

HERE = Path(__file__).parent
PAGE = HERE / "study.md"
IMAGES = HERE / "images" / "study"
STUDY = HERE.parent / "experiments"
_METRICS = (
    "ser", "sequence_error_rate", "macro_recall", "ser_hf", "ser_normal", "ser_lf", "weighted_ser",
    "edits_per_sample", "calibration_error",
)  # fmt: skip


def main() -> None:
    """Write the page and its plots of differences."""
    write_atomic(PAGE, study_page(PAGE.read_text(encoding="utf-8")).encode())
    baseline = load_grid(str(STUDY / "study.toml")).baseline
    scores = read_scores("study.csv")
    differences = compare_with_baseline(scores, baseline)
    for name, draw in score_figures("subset", scores, differences, baseline).items():
        if name.endswith("-differences"):
            write_atomic(IMAGES / f"{name}.png", render(draw)[0])


def study_page(page: str) -> str:
    """Replace the derived sections of the page."""
    baseline = load_grid(str(STUDY / "study.toml")).baseline
    scores, paper = read_scores("study.csv"), read_scores("study_paper_network.csv")
    differences = compare_with_baseline(scores, baseline)
    bullets = "".join(f"- {line}\n" for line in conclusions(scores, differences, baseline))
    images = [f"![{path.stem}](images/study/{path.name})\n\n" for path in map(Path, _image_names(page))]
    tables = score_tables("subset", scores, differences, baseline)
    paper_tables = score_tables(
        "subset", paper, compare_with_baseline(paper, baseline), baseline, title="Paper network: "
    )
    sections = []
    for section in page.split("\n## "):
        heading, _, body = section.partition("\n")
        if heading == "Conclusions":
            body = f"\n{bullets}"
        elif heading == "Results: subset":
            body = f"{tables}\n{''.join(images)}".removesuffix("\n")
        elif heading == GLOSSARY.split("\n")[1].removeprefix("## "):
            body = GLOSSARY.strip().partition("\n")[2] + "\n"
        elif heading.startswith("The network of the seed study"):
            prose, _, rest = body.partition("\n### ")
            body = f"{prose}{paper_tables}\n{rest[rest.index('![') :]}"
        sections.append(f"{heading}\n{body}")
    return "\n## ".join(sections)


def _image_names(page: str) -> list[str]:
    results = page.partition("\n## Results: subset\n")[2].partition("\n## ")[0]
    return [line.rpartition("(")[2].rstrip(")") for line in results.splitlines() if line.startswith("![")]


def read_scores(name: str) -> list[LossScores]:
    """Read a `results.csv` of a study."""
    with (STUDY / "results" / name).open(encoding="utf-8", newline="") as file:
        return collect_scores([_result(row) for row in csv.DictReader(file)])


def _result(row: dict[str, str]) -> dict[str, Any]:
    figures = {metric: float(row[metric]) for metric in _METRICS}
    return {
        "set": row["set"],
        "loss": row["loss"],
        "seed": int(row["seed"]),
        "seconds": float(row["seconds"]),
        "tests": {row["test"]: {"figures": figures}},
    }


if __name__ == "__main__":
    main()
