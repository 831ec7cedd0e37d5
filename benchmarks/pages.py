"""Benchmark of staff finding on whole pages: `python -m benchmarks.pages`, takes minutes.

Pages of composed music are engraved and degraded by the data engine's camera. A staff counts as found if the
five lines of a detected staff lie within 0.3 spaces of the engraved ones over 90 % of its length; a detected
staff without a counterpart is a false positive.
"""

import argparse
import re
import time
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random
from typing import Any
from unittest import mock
from xml.etree import ElementTree as ET

import cv2
import numpy as np
import resvg_py
from numpy.typing import NDArray

from focal_omr.data.degrade import augment, warp
from focal_omr.data.engraving.render import draw_options
from focal_omr.data.music.compose import compose
from focal_omr.errors import NoStaffError
from focal_omr.evaluation.compare_scores import compare_scores
from focal_omr.formats.mei_writer import write_mei
from focal_omr.formats.verovio import Engraver
from focal_omr.images.load import decode_gray
from focal_omr.page.find_staves import find_staves
from focal_omr.recognize import Recognizer
from focal_omr.score.records import Score
from focal_omr.staff.find import Staff

STRENGTHS = {"clean": None, "mild": 0.25, "medium": 0.55, "strong": 0.85}
SPACE_PX = 18  # of Verovio at its default size, also passed to the camera
NEAR_SPACES = 0.3
LENGTH_SHARE = 0.9
_SVG = "{http://www.w3.org/2000/svg}"

Gray = NDArray[np.uint8]
Floats = NDArray[np.float32]


@dataclass(frozen=True)
class TrueStaff:
    """Position of an engraved staff in pixels of the clean page; its lines are horizontal."""

    left: float
    right: float
    middle: float


@dataclass(frozen=True)
class Page:
    """A degraded page with ground truth.

    Attributes:
        gray: (H, W).
        truth: Staves of the clean page.
        score: Score of the page.
        source: (2, H, W), x and y of each pixel on the clean page.
    """

    gray: Gray
    truth: list[TrueStaff]
    score: Score
    source: Floats

    def to_clean(self, x: NDArray[Any], y: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
        """Map points (N,) of the page to the clean page."""
        at = np.float32(x)[None], np.float32(y)[None]
        return tuple(
            cv2.remap(part, *at, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)[0] for part in self.source
        )


def engraved_page(seed: int) -> tuple[Gray, list[TrueStaff], Score]:
    """Engrave a page of about ten staves, portrait or landscape: image (H, W), staves and score."""
    random = Random(seed)
    size = (2100, 2970) if random.random() < 0.75 else (2970, 2100)
    options = {**draw_options(random), "breaks": "auto", "footer": "none", "header": "none"}
    options |= {"pageWidth": size[0], "pageHeight": size[1], "scale": 100}
    options |= {"spacingSystem": random.choice((3, 4, 6, 8, 10)), "justifyVertically": random.random() < 0.5}
    options |= {f"pageMargin{side}": random.randrange(60, 250) for side in ("Left", "Right", "Top", "Bottom")}
    score = compose(random, symbols=random.choice((120, 300, 500, 700)))
    while len(score.parts[0].measures) < 10:  # without barlines Verovio never breaks the line
        score = compose(random, symbols=300)
    svg = Engraver(**options).svg(write_mei(score))
    gray = decode_gray(bytes(resvg_py.svg_to_bytes(svg_string=svg, background="white")), name="page")
    return gray, _true_staves(svg, gray), _first_bars(score, svg.count('class="measure"'))


def _first_bars(score: Score, count: int) -> Score:
    """The measures of the first page."""
    return replace(score, parts=tuple(replace(part, measures=part.measures[:count]) for part in score.parts))


def _true_staves(svg: str, gray: Gray) -> list[TrueStaff]:
    root = ET.fromstring(svg)
    inner = next(part for part in root.iter(f"{_SVG}svg") if part.get("class") == "definition-scale")
    scale = gray.shape[1] / float(inner.get("viewBox", "").split()[2])
    margin = next(group for group in root.iter(f"{_SVG}g") if group.get("class") == "page-margin")
    left, top = (int(n) for n in re.findall(r"-?\d+", margin.get("transform", "")))
    lines: dict[int, list[int]] = {}
    for staff in root.iter(f"{_SVG}g"):
        if staff.get("class") != "staff":
            continue
        paths = [[int(n) for n in re.findall(r"-?\d+", p.get("d", ""))] for p in staff.findall(f"{_SVG}path")]
        middle = sorted(path[1] for path in paths)[2]
        lines.setdefault(middle, []).extend([path[0] for path in paths] + [path[2] for path in paths])
    place = lambda value, start: (value + start) * scale - 0.5  # noqa: E731
    return [TrueStaff(place(min(xs), left), place(max(xs), left), place(y, top)) for y, xs in lines.items()]


class _RecordingOpenCV:
    """OpenCV that records the last border and map, to trace pixels back to the clean page."""

    def __init__(self) -> None:
        self.border = (0, 0)
        self.map: tuple[Floats, Floats] | None = None

    def __getattr__(self, name: str) -> Any:
        return getattr(cv2, name)

    def copyMakeBorder(self, gray: Gray, *sides: int, **how: Any) -> Any:  # noqa: N802
        self.border = (sides[2], sides[0])
        return cv2.copyMakeBorder(gray, *sides, **how)

    def remap(self, gray: Gray, x: Floats, y: Floats, *how: Any, **more: Any) -> Any:
        self.map = (x, y)
        return cv2.remap(gray, x, y, *how, **more)


def degraded_page(seed: int, strength: float | None) -> Page:
    """Make a page as taken by the camera; strength None gives the clean page."""
    gray, truth, score = engraved_page(seed)
    if strength is None:
        y, x = np.mgrid[0 : gray.shape[0], 0 : gray.shape[1]].astype(np.float32)
        return Page(gray, truth, score, np.stack([x, y]))
    recorder = _RecordingOpenCV()
    with mock.patch.object(augment, "cv2", recorder), mock.patch.object(warp, "cv2", recorder):
        degraded = augment.degraded_image(gray, np.random.default_rng(seed), kind="camera", strength=strength)
    x, y = recorder.map
    return Page(degraded, truth, score, np.stack([x - recorder.border[0], y - recorder.border[1]]))


def count_matches(page: Page, found: list[Staff]) -> tuple[int, int]:
    """Count the staves that were found, and the false positives."""
    hit: set[int] = set()
    false = 0
    for staff in found:
        matches = [k for k, true in enumerate(page.truth) if covered(page, staff, true) >= LENGTH_SHARE]
        hit |= set(matches)
        false += not matches
    return len(hit), false


def covered(page: Page, staff: Staff, true: TrueStaff) -> float:
    """Share of a true staff's length, 0 to 1, over which the lines of a detected staff lie near its lines."""
    x = np.linspace(staff.xs[0], staff.xs[-1], 400)
    middle, space = np.interp(x, staff.xs, staff.middle_ys), np.interp(x, staff.xs, staff.spaces_px)
    near, places = np.ones(400, bool), None
    for k in (-2, -1, 0, 1, 2):
        clean_x, clean_y = page.to_clean(x, middle + k * space)
        near &= np.abs(clean_y - true.middle - k * SPACE_PX) <= NEAR_SPACES * SPACE_PX
        places = clean_x if k == 0 else places
    near &= (places >= true.left - SPACE_PX) & (places <= true.right + SPACE_PX)
    step = np.abs(np.gradient(places))
    return float((step * near).sum() / (true.right - true.left))


def note_edits(page: Page, recognizer: Recognizer) -> tuple[int, int]:
    """Count the note edits of a recognizer's reading of a page, and the notes of the page."""
    png = bytes(cv2.imencode(".png", page.gray)[1])
    try:
        result = recognizer.read(png, name="page").score
    except NoStaffError:
        result = Score(())
    figures = compare_scores(result, page.score).to_json()
    return figures["edits"], figures["truth_notes"]


def main() -> None:
    """Print the results for each strength."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pages", type=int, default=20)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--keep", type=Path, help="folder for images of pages with a mistake")
    parser.add_argument("--only", choices=STRENGTHS)
    parser.add_argument("--notes", action="store_true", help="also read the pages with the packaged weights")
    options = parser.parse_args()
    recognizer = Recognizer() if options.notes else None
    for name, strength in STRENGTHS.items():
        if options.only and name != options.only:
            continue
        all_staves = hits = false = edits = notes = 0
        seconds = []
        for seed in range(options.first, options.first + options.pages):
            page = degraded_page(seed, strength)
            start = time.perf_counter()
            found = list(find_staves(page.gray).staves)
            seconds.append(time.perf_counter() - start)
            hit, wrong = count_matches(page, found)
            if recognizer:
                wrong_notes, all_notes = note_edits(page, recognizer)
                edits, notes = edits + wrong_notes, notes + all_notes
            all_staves, hits, false = all_staves + len(page.truth), hits + hit, false + wrong
            if hit < len(page.truth) or wrong:
                print(f"  {name} {seed}: {hit} of {len(page.truth)}, {wrong} false")
                if options.keep:
                    cv2.imwrite(str(options.keep / f"{name}-{seed}.png"), page.gray)
        if notes:
            print(f"{name}: {edits} of {notes} notes wrong ({100 * edits / notes:.2f} %)")
        print(
            f"{name}: {hits} of {all_staves} staves ({100 * hits / all_staves:.1f} %), {false} false, "
            f"median {np.median(seconds):.2f} s, worst {max(seconds):.2f} s",
            flush=True,
        )


if __name__ == "__main__":
    main()
