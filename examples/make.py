"""Regenerates the images and expected scores of this folder from its labels.

    .venv/bin/pip install -c constraints.txt -e '.[render]'
    .venv/bin/python examples/make.py

Also needs LilyPond (2.24 was used). Each folder has a label written by hand, `NAME.semantic`, from which the
expected score, `NAME.musicxml`, and the image are made. One image is engraved by LilyPond from `NAME.ly`.
"""

import subprocess
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import cv2
import numpy as np
import resvg_py
from numpy.typing import NDArray

from focal_omr.encodings.one_voice import to_score
from focal_omr.formats.mei_score_writer import write_mei_score
from focal_omr.formats.one_voice_files import load_one_voice
from focal_omr.formats.registry import save_score
from focal_omr.formats.verovio import ONE_STAFF, Engraver
from focal_omr.runtime.atomic_files import write_atomic
from focal_omr.score.beams import beam_by_meter

HERE = Path(__file__).parent
TITLES = {
    "ode-to-joy": "Ode to Joy",
    "minuet-in-g": "Minuet in G",
    "greensleeves": "Greensleeves",
}
_PAPER_BGR = np.array([0.80, 0.92, 1.0], np.float32)  # under a warm lamp
_LILYPOND_DPI = 220

Gray = NDArray[np.uint8]


def main() -> None:
    """Write the three examples."""
    for name, title in TITLES.items():
        score = load_one_voice(HERE / name / f"{name}.semantic")
        save_score(to_score(replace(score, title=title)), HERE / name / f"{name}.musicxml")
    write_image("ode-to-joy", ".png", engraved("ode-to-joy", font="Leipzig"))
    write_image("minuet-in-g", ".jpg", photographed(engraved("minuet-in-g", font="Bravura")))
    write_image("greensleeves", ".png", engraved_by_lilypond("greensleeves"))


def write_image(name: str, suffix: str, image: NDArray[Any]) -> None:
    """Write an image, (H, W) gray or (H, W, 3) BGR, beside its label."""
    quality = [cv2.IMWRITE_JPEG_QUALITY, 80] if suffix == ".jpg" else []
    write_atomic(HERE / name / f"{name}{suffix}", bytes(cv2.imencode(suffix, image, quality)[1]))


def engraved(name: str, *, font: str) -> Gray:
    """(H, W) The staff of a label, engraved by Verovio, 18 px per staff space, beamed by its meter."""
    score = load_one_voice(HERE / name / f"{name}.semantic")
    svg = Engraver(**ONE_STAFF, font=font).svg(write_mei_score(beam_by_meter(to_score(score))))
    return _decoded(bytes(resvg_py.svg_to_bytes(svg_string=svg, background="#ffffff")))


def photographed(image: Gray) -> NDArray[np.uint8]:
    """(H, W, 3) A simulated phone photo: tilted, bent, unevenly lit, blurred, noisy, on warm paper.

    Independent of the augmentation used in training, so that the example is a small test of it.
    """
    rng = np.random.default_rng(1)
    height, width = image.shape
    x, y = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height + 60, dtype=np.float32) - 30)
    along = x / width
    bend = 8 * np.sin(np.float32(np.pi) * along)  # the page is not flat
    nearer = 1 + 0.06 * along  # the right end is nearer to the camera
    tilt = 0.02 * (x - width / 2)
    y = height / 2 + (y - height / 2) / nearer - tilt + bend
    paper = cv2.remap(image, x, y, cv2.INTER_LINEAR, borderValue=255).astype(np.float32)
    paper = cv2.GaussianBlur(paper, (0, 0), 1.3)
    ink, white = 45.0, 225.0
    light = 1.0 - 0.4 * along**1.5 - 0.08 * np.cos(9 * along)  # a lamp on the left, a soft shadow
    lit = (ink + paper * ((white - ink) / 255)) * light + rng.normal(0, 5, paper.shape)
    smaller = cv2.resize(lit, None, fx=0.75, fy=0.75, interpolation=cv2.INTER_AREA)
    return np.clip(smaller[:, :, None] * _PAPER_BGR, 0, 255).astype(np.uint8)


def engraved_by_lilypond(name: str) -> Gray:
    """(H, W) The staff that LilyPond engraves from `NAME.ly`."""
    with TemporaryDirectory() as folder:
        subprocess.run(
            [
                "lilypond",
                "--silent",
                "--png",
                "-dcrop",
                f"-dresolution={_LILYPOND_DPI}",
                f"--output={folder}/{name}",
                str(HERE / name / f"{name}.ly"),
            ],
            check=True,
        )
        return _decoded((Path(folder) / f"{name}.cropped.png").read_bytes())


def _decoded(data: bytes) -> Gray:
    return np.asarray(cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_GRAYSCALE), np.uint8)


if __name__ == "__main__":
    main()
