"""Markdown report of an evaluation."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from focal_omr.errors import OutputError
from focal_omr.evaluation.evaluate import Evaluation, SampleReading
from focal_omr.evaluation.report import report_files, save_report

LABEL = (
    "clef-G2",
    "note-C4_quarter",
    "note-D4_quarter",
    "note-E4_quarter",
    "note-F4_quarter",
    "barline",
    "tie",
)


def _reading(name: str, read: tuple[str, ...], edits: int, folder: Path) -> SampleReading:
    return SampleReading(name, LABEL, read, edits, folder / f"{name}.png", (0.9,) * len(read))


@pytest.fixture
def evaluation(tmp_path: Path) -> Evaluation:
    for name, width in (("a", 2000), ("b", 300)):
        cv2.imwrite(str(tmp_path / f"{name}.png"), np.full((100, width), 255, np.uint8))
    readings = (
        _reading("a", LABEL, 0, tmp_path),
        _reading("b", (*LABEL[:5], "tie"), 1, tmp_path),
        _reading("c", (), 7, tmp_path),
        _reading("d", ("clef-F4", *LABEL[1:]), 1, tmp_path),
        *(_reading(f"e{number}", LABEL, 0, tmp_path) for number in range(20)),
    )
    cv2.imwrite(str(tmp_path / "d.png"), np.full((100, 2000), 255, np.uint8))
    return Evaluation(readings, {"c": f"{tmp_path / 'c.png'}: no staff"}, 0.5)


def test_the_worst_staves_have_image_and_alignment(evaluation: Evaluation) -> None:
    files = report_files(evaluation, title="A test")
    text = files["report.md"].decode()
    assert text.startswith("# A test\n")
    places = [text.index(f"### {n}. {name}: ") for n, name in ((1, "c"), (2, "b"), (3, "d"))]
    assert places == sorted(places)
    assert "### 4." not in text
    assert "Not read: no staff\n" in text
    assert "  ... 3 symbols\n  note-E4_quarter\n  note-F4_quarter\n- barline\n  tie\n" in text
    assert "- clef-G2\n+ clef-F4\n  note-C4_quarter\n  note-D4_quarter\n  ... 4 symbols\n```" in text
    images = [name for name in files if name.endswith(".jpg")]
    assert images == ["worst-02.jpg", "worst-03.jpg"]  # c has no image
    widths = [cv2.imdecode(np.frombuffer(files[name], np.uint8), 0).shape[1] for name in images]
    assert widths == [300, 1600]


def test_the_figures_are_those_of_the_evaluation(evaluation: Evaluation) -> None:
    text = report_files(evaluation, title="A test")["report.md"].decode()
    values = evaluation.to_json()
    assert f"| SER, with its 95 % bootstrap interval | {values['ser']:.2f} % " in text
    assert f"| macro recall, symbols that occur 10 times or more | {values['macro_recall']:.2f} % |" in text
    assert "| `clef-G2` | `clef-F4` | 1 |" in text
    assert "0 of the 7 symbols that occur 10 times or more were always read." in text
    assert "| `barline` | 24 | 8 % |" in text


def test_a_reading_without_errors_has_no_worst_staves(evaluation: Evaluation) -> None:
    right = Evaluation(evaluation.readings[:1], {}, 0.1)
    files = report_files(right, title="A test")
    assert list(files) == ["report.md"]
    assert b"worst" not in files["report.md"]


def test_files_are_written_together(evaluation: Evaluation, tmp_path: Path) -> None:
    save_report(evaluation, tmp_path / "deep" / "report", title="A test")
    written = sorted(path.name for path in (tmp_path / "deep" / "report").iterdir())
    assert written == ["report.md", "worst-02.jpg", "worst-03.jpg"]
    with pytest.raises(OutputError, match="report: cannot create the folder: Not a directory"):
        save_report(evaluation, tmp_path / "a.png" / "report", title="A test")
