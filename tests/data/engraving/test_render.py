"""Plates: their lines lie where they are promised, and what stands around the notes changes nothing else."""

from functools import cache
from random import Random
from xml.etree import ElementTree as ET

import numpy as np
import pytest

from focal_omr.data.engraving import render
from focal_omr.data.engraving.render import FONTS, StaffImage, add_distractors, draw_beams, engrave_staff
from focal_omr.data.music.compose import compose
from focal_omr.data.staff_image import STAFF_IMAGE_HEIGHT_PX, STAFF_IMAGE_MARGIN_SPACES, STAFF_IMAGE_SPACE_PX
from focal_omr.encodings.semantic import score_to_tokens, tokens_to_score
from focal_omr.formats.mei_writer import mei_tree
from focal_omr.formats.verovio import Engraver
from focal_omr.score.records import Note, Score, flat_events

LINE_ROWS = [50, 60, 70, 80, 90]


@cache
def _engraver() -> Engraver:
    return Engraver()


def _staff_image(seed: int, *, distractors: float = 1.0, space_px: int = STAFF_IMAGE_SPACE_PX) -> StaffImage:
    random = Random(seed)
    score = compose(random, symbols=12)
    return engrave_staff(_engraver(), random, score, distractors=distractors, space_px=space_px)


def _with_font(font: str, monkeypatch: pytest.MonkeyPatch, **more: object) -> None:
    options = {**render._DEFAULTS, "font": font, **more}
    monkeypatch.setattr(render, "draw_options", lambda random: options)


def _lines(gray: np.ndarray, space: int) -> tuple[list[float], int, int]:
    """Centres of the rows of ink at the staff's very end, where no symbol stands; its first and last column.

    The staff is what is inked in five places one space apart, so text before it is not taken for it.
    """
    ink = 255 - gray.astype(float)
    half = space // 4
    middle = gray.shape[0] // 2
    rows = [middle + line * space for line in (-2, -1, 0, 1, 2)]
    dark = np.all([ink[row - half : row + half + 1].max(axis=0) > 60 for row in rows], axis=0)
    columns = np.flatnonzero(dark)
    # Ink that most columns of the staff have: lines and nothing else. Not the least ink: at the end of a
    # staff the lines are cut through a pixel.
    band = np.quantile(ink[:, columns], 0.2, axis=1)
    centres = []
    for row in rows:
        near = np.arange(row - half, row + half + 1)
        centres.append(float((near * band[near]).sum() / band[near].sum()))
    between = [row + space // 2 for row in rows[:-1]]
    assert not band[between].any()
    return centres, int(columns[0]), int(columns[-1])


@pytest.mark.parametrize("font", FONTS)
@pytest.mark.parametrize("width", [0.1, 0.25])
def test_the_lines_lie_at_the_promised_rows(font: str, width: float, monkeypatch: pytest.MonkeyPatch) -> None:
    _with_font(font, monkeypatch, staffLineWidth=width)
    for seed in (3, 10):  # staves that end in the middle of a bar: Petaluma's barlines fray at their ends
        gray = _staff_image(seed, distractors=0).gray  # a system's line would stand at the staff's end
        assert gray.shape[0] == STAFF_IMAGE_HEIGHT_PX == 140
        centres, first, last = _lines(gray, STAFF_IMAGE_SPACE_PX)
        # Ink comes in quarters of a pixel, and the width is rounded to whole ones: 0.23 was seen.
        assert centres == pytest.approx(LINE_ROWS, abs=0.25)
        margin = STAFF_IMAGE_MARGIN_SPACES * STAFF_IMAGE_SPACE_PX
        assert first == pytest.approx(margin, abs=1.5)
        assert last == pytest.approx(gray.shape[1] - margin - 1, abs=1.5)


@pytest.mark.parametrize("space_px", [8, 18])
def test_another_staff_space_moves_the_lines_with_it(space_px: int, monkeypatch: pytest.MonkeyPatch) -> None:
    _with_font("Leland", monkeypatch)
    gray = _staff_image(4, space_px=space_px).gray
    assert gray.shape[0] == 14 * space_px
    centres, first, _ = _lines(gray, space_px)
    assert centres == pytest.approx([space_px * line for line in (5, 6, 7, 8, 9)], abs=0.2)
    assert first == pytest.approx(6 * space_px, abs=1.5)


def test_the_fonts_differ(monkeypatch: pytest.MonkeyPatch) -> None:
    pictures = set()
    for font in FONTS:
        _with_font(font, monkeypatch)
        pictures.add(_staff_image(3, distractors=0.0).gray.tobytes())
    assert len(pictures) == len(FONTS)


def test_the_same_seed_gives_the_same_bytes() -> None:
    staff_images = [_staff_image(7) for _ in range(2)]
    fresh = engrave_staff(Engraver(), (random := Random(7)), compose(random, symbols=12))
    for staff_image in (staff_images[1], fresh):
        assert staff_image.gray.dtype == np.uint8
        assert np.array_equal(staff_image.gray, staff_images[0].gray)
        assert staff_image.score == staff_images[0].score
    assert _staff_image(8).gray.tobytes() != staff_images[0].gray.tobytes()


def _dressed(score: Score, seed: int, amount: float) -> ET.Element:
    tree = mei_tree(score)
    add_distractors(tree, Random(seed), amount=amount)
    return tree


def test_furniture_changes_no_token() -> None:
    """Not what the staff image says of itself, and not what Verovio's reading of the dressed score says."""
    from focal_omr.formats.mei_reader import read_mei

    names = set()
    for seed in range(12):
        score = compose(Random(seed), symbols=16)
        bare, dressed = mei_tree(score), _dressed(score, seed, 5.0)
        read = [read_mei(_engraver().mei(ET.tostring(tree, encoding="unicode"))) for tree in (bare, dressed)]
        assert score_to_tokens(read[0]) == score_to_tokens(read[1])
        names |= {element.tag for element in dressed.iter()} - {element.tag for element in bare.iter()}
    assert {"dynam", "dir", "tempo", "harm", "fing", "slur", "hairpin", "verse", "label"} <= names
    assert names & {"trill", "mordent", "turn"}


def test_no_furniture_adds_nothing() -> None:
    score = compose(Random(1), symbols=16)
    assert ET.tostring(_dressed(score, 1, 0.0)) == ET.tostring(mei_tree(score))


def test_furniture_is_drawn() -> None:
    """A staff with much around it has more ink outside of its lines."""

    def ink_outside(distractors: float) -> float:
        grays = [_staff_image(seed, distractors=distractors).gray for seed in range(6)]
        return sum(float((gray[:30] < 128).sum() + (gray[110:] < 128).sum()) for gray in grays)

    assert ink_outside(5.0) > 1.5 * ink_outside(0.0)


def test_a_staff_image_says_what_was_composed() -> None:
    for seed in range(6):
        composed = compose(Random(seed), symbols=12)
        assert score_to_tokens(_staff_image(seed).score) == score_to_tokens(composed)


def test_beams_differ_and_change_no_token() -> None:
    bar = [
        *["note-C5_eighth"] * 4,
        "gracenote-B4_sixteenth",
        "gracenote-C5_sixteenth",
        "note-D5_quarter",
        "rest-quarter",
    ]
    score = tokens_to_score(["clef-G2", "timeSignature-4/4", *[*bar, "barline"] * 4])
    part = score.parts[0]
    beamed = [draw_beams(Random(seed), part) for seed in range(40)]
    counts = {
        sum(
            isinstance(e, Note) and e.beam is not None and not e.grace
            for m in each.measures
            for e in flat_events(m)
        )
        for each in beamed
    }
    assert 0 in counts
    assert len(counts) > 2
    for each in beamed:
        assert score_to_tokens(Score((each,))) == score_to_tokens(score)
        places = [e.beam for m in each.measures for e in flat_events(m) if isinstance(e, Note) and e.beam]
        # Every beam that starts also ends: taking one apart leaves no loose end.
        assert places.count("start") == places.count("end")
