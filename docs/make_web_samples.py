"""Makes the samples of the web page: two examples of this repository and one whole page as a scan.

    .venv/bin/pip install -c constraints.txt -e '.[render]'
    .venv/bin/python docs/make_web_samples.py

The page contains the three tunes of `examples/`, all in the public domain, and an exercise written for it. It
imitates a poor photocopy, so that some symbols have low confidence and show how these are displayed.
Titles use the machine's serif font; the image in the repository has DejaVu Serif.
"""

import re
from pathlib import Path

import cv2
import numpy as np
import resvg_py
from numpy.typing import NDArray

from focal_omr.encodings.semantic import tokens_to_score
from focal_omr.formats.mei_writer import write_mei
from focal_omr.formats.one_voice_files import load_one_voice
from focal_omr.formats.verovio import PAGE, Engraver
from focal_omr.runtime.atomic_files import write_atomic
from focal_omr.score.beaming import beam_by_meter
from focal_omr.score.records import Score

HERE = Path(__file__).parent
EXAMPLES = HERE.parent / "examples"
SAMPLES = HERE.parent / "focal_omr" / "web" / "static" / "samples"
TITLES = {"greensleeves": "Greensleeves", "ode-to-joy": "Ode to Joy", "minuet-in-g": "Minuet in G"}
EXERCISE = """
clef-F4 keySignature-BbM timeSignature-3/4
note-Bb2_quarter note-D3_eighth note-F3_eighth note-Bb3_quarter barline
note-A3_eighth. note-G3_sixteenth note-F#3_quarter note-D3_quarter barline
note-G3_eighth note-A3_eighth note-Bb3_eighth note-C4_eighth note-D4_eighth note-Eb4_eighth barline
note-D4_half. tie barline note-D4_quarter note-B3_quarter note-G3_quarter barline
note-C4_eighth note-Bb3_sixteenth note-A3_sixteenth note-G3_quarter rest-quarter barline
note-Eb3_quarter. note-D3_eighth note-C3_eighth note-Eb3_eighth barline
note-F3_quarter rest-eighth note-F3_eighth note-F2_quarter barline note-Bb2_half. barline
"""
_WIDTH, _HEIGHT = 2100, 2700  # ten units a millimetre, as Verovio measures
_TITLE, _TOP, _MARGIN = 80, 150, 60
_SCALE = 115  # percent
_PIXELS_WIDE = 1240  # 150 dpi
_BLOTS, _SEED = 110, 1
_THUMB_WIDE = 320


def main() -> None:
    """Write the three images and their thumbnails."""
    (SAMPLES / "thumbs").mkdir(parents=True, exist_ok=True)
    for name in ("ode-to-joy/ode-to-joy.png", "minuet-in-g/minuet-in-g.jpg"):
        write_atomic(SAMPLES / Path(name).name, (EXAMPLES / name).read_bytes())
    page = copied(drawn_page())
    write_atomic(SAMPLES / "tune-book.jpg", encoded(page, ".jpg", cv2.IMWRITE_JPEG_QUALITY, 60))
    for path in sorted(SAMPLES.glob("*.[pj][np]g")):
        write_atomic(SAMPLES / f"thumbs/{path.stem}.jpg", thumbnail(path))


def drawn_page() -> NDArray[np.uint8]:
    """(H, W) The tunes with their titles, stacked vertically."""
    scores = [(title, load_one_voice(EXAMPLES / name / f"{name}.semantic")) for name, title in TITLES.items()]
    scores.append(("An exercise", tokens_to_score(EXERCISE.split())))
    top, shapes = _TOP, []
    for title, score in scores:
        shapes.append(
            f'<text x="{_WIDTH / 2}" y="{top}" font-family="DejaVu Serif" font-size="46" '
            f'text-anchor="middle">{title}</text>'
        )
        svg, height = engraved(score)
        shapes.append(svg.replace("<svg", f'<svg x="{_MARGIN}" y="{top}"', 1))
        top += height + _TITLE
    names = 'xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"'
    page = f'<svg {names} width="{_WIDTH}px" height="{_HEIGHT}px">{"".join(shapes)}</svg>'
    data = bytes(resvg_py.svg_to_bytes(svg_string=page, background="#ffffff", width=_PIXELS_WIDE))
    return np.asarray(cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_GRAYSCALE), np.uint8)


def engraved(score: Score) -> tuple[str, int]:
    """SVG of a tune in page-wide systems, and its height."""
    beamed = Score(tuple(beam_by_meter(part) for part in score.parts))
    svg = Engraver(**PAGE, scale=_SCALE, pageWidth=(_WIDTH - 2 * _MARGIN) * 100 // _SCALE).svg(
        write_mei(beamed)
    )
    size = re.search(r'<svg width="[\d.]+px" height="([\d.]+)px"', svg)
    assert size is not None, "Verovio states the size of its SVG"
    return svg, int(float(size[1]))


def copied(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """(H, W) The page as a poor photocopy: skewed, blurred, with specks, faded in one corner."""
    height, width = picture.shape
    askew = cv2.getRotationMatrix2D((width / 2, height / 2), 0.5, 1.0)
    turned = cv2.warpAffine(picture, askew, (width, height), flags=cv2.INTER_CUBIC, borderValue=255)
    rng = np.random.default_rng(_SEED)
    for x, y, radius, shade in rng.random((_BLOTS, 4)):
        place = (int(x * width), int(y * height))
        cv2.circle(turned, place, int(2 + 5 * radius**2), 40 if shade < 0.6 else 255, -1, cv2.LINE_AA)
    soft = cv2.GaussianBlur(turned, (0, 0), 1.0).astype(np.float32)
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    thin = np.clip(x / width + y / height - 1.0, 0, 1) ** 2  # 1 in the lower right corner
    ink = 255 - (255 - soft) * (0.9 - 0.55 * thin)
    light = 0.97 - 0.07 * (x / width - 0.4) ** 2 - 0.05 * y / height
    return np.clip(ink * light, 0, 255).astype(np.uint8)


def encoded(picture: NDArray[np.uint8], suffix: str, *options: int) -> bytes:
    """The encoded bytes of an image."""
    return bytes(cv2.imencode(suffix, picture, options)[1])


def thumbnail(path: Path) -> bytes:
    """A thumbnail of the upper left part of an image."""
    picture = cv2.imread(str(path))
    assert picture is not None, f"{path} is not an image"
    height, width = picture.shape[:2]
    high = min(height, width * 9 // 16)
    part = picture[:high, : min(width, high * 16 // 9)]
    small = cv2.resize(
        part, (_THUMB_WIDE, _THUMB_WIDE * part.shape[0] // part.shape[1]), interpolation=cv2.INTER_AREA
    )
    return encoded(np.asarray(small, np.uint8), ".jpg", cv2.IMWRITE_JPEG_QUALITY, 55)


if __name__ == "__main__":
    main()
