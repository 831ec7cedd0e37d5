"""Training strips: the same seed gives the same strip, and the staff keeps its expected position."""

from contextlib import suppress
from functools import cache
from random import Random

import cv2
import numpy as np
import pytest
from tiny import staff_images

from focal_omr.data.degrade.augment import degraded_image, degraded_strip, plain_strip
from focal_omr.data.degrade.warp import jittered_grid
from focal_omr.data.engraving.render import engrave_staff
from focal_omr.errors import DataError, NoStaffError
from focal_omr.formats.verovio import Engraver
from focal_omr.staff.strip import find_staff

LINE_ROWS = np.array([32, 40, 48, 56, 64])


def _grays() -> list[np.ndarray]:
    return [image.gray for image in staff_images()]


@cache
def _many(degrade: float) -> list[np.ndarray]:
    """Strips of all kinds of chance."""
    grays = _grays()
    return [
        degraded_strip(
            grays[seed % 8], np.random.default_rng(seed), degrade=degrade, neighbour=grays[(seed + 3) % 8]
        )
        for seed in range(64)
    ]


def _comb(strip: np.ndarray, shift: int) -> float:
    """Ink at five lines one staff space apart, this far below their rows, less that between them."""
    profile = np.pad(np.median(strip, axis=1), 16)
    rows = LINE_ROWS + 16 + shift
    return float(profile[rows].sum() - profile[rows[:-1] + 4].sum() - profile[rows[0] - 4])


def test_the_lines_of_a_plain_strip_lie_at_their_rows() -> None:
    for gray in _grays():
        strip = plain_strip(gray)
        median = np.median(strip, axis=1)
        assert median[LINE_ROWS].min() > 0.2
        others = np.delete(median, [row + off for row in LINE_ROWS for off in (-1, 0, 1)])
        assert others.max() < 0.05
        assert max(range(-12, 13), key=lambda shift: _comb(strip, shift)) == 0


@pytest.mark.parametrize("degrade", [0.0, 1.0])
def test_shape_and_range(degrade: float) -> None:
    for strip in [*_many(degrade), plain_strip(_grays()[0])]:
        assert strip.shape[0] == 96
        assert strip.dtype == np.float32
        assert 0 <= strip.min() < 0.1
        assert 0.5 < strip.max() <= 1


def test_the_same_generator_state_gives_the_same_strip() -> None:
    gray, neighbour = _grays()[:2]
    before = gray.copy(), neighbour.copy()
    for seed in range(12):
        one, other = (
            degraded_strip(gray, np.random.default_rng(seed), neighbour=neighbour) for _ in range(2)
        )
        assert np.array_equal(one, other)
    assert np.array_equal(gray, before[0])  # the staff image itself is not degraded
    assert np.array_equal(neighbour, before[1])
    assert len({strip.tobytes() for strip in _many(1.0)}) == 64


def _alike(strip: np.ndarray, plain: np.ndarray) -> float:
    """Correlation of a strip with a plain one under the best shift and stretch of a few pixels."""
    best = 0.0
    for stretch in np.linspace(-0.3, 0.3, 61):
        width = round(plain.shape[1] * np.exp(stretch))
        wide = cv2.resize(cv2.GaussianBlur(plain, (0, 0), 1.5), (width, 96))
        soft = cv2.GaussianBlur(strip, (0, 0), 1.5)
        wide = wide[4:-4, 16 : min(width, soft.shape[1]) - 16]
        padded = np.pad(soft, ((0, 0), (12, 12)))
        best = max(best, float(cv2.matchTemplate(padded, wide, cv2.TM_CCOEFF_NORMED).max()))
    return best


def test_without_degradation_a_strip_stays_close_to_the_plain_one() -> None:
    grays = _grays()
    for seed in (0, 1, 2, 3):
        moved = degraded_strip(grays[seed], np.random.default_rng(seed), degrade=0.0)
        own = _alike(moved, plain_strip(grays[seed]))
        other = _alike(moved, plain_strip(grays[seed + 4]))
        assert own > 0.8
        assert own > other


def test_the_staff_moves_by_less_than_half_a_space_mostly() -> None:
    """Found and straightened staves of real pictures are about that exact."""
    shifts = [max(range(-12, 13), key=lambda s, strip=strip: _comb(strip, s)) for strip in _many(0.0)]
    assert np.mean(np.abs(shifts) <= 3) > 0.85
    assert len(set(shifts)) > 1


@pytest.mark.parametrize("kind", ["none", "scan", "camera"])
@pytest.mark.parametrize("strength", [0.0, 1.0])
def test_kind_and_strength_can_be_chosen(kind: str, strength: float) -> None:
    gray, neighbour = _grays()[:2]
    strips = [
        degraded_strip(gray, np.random.default_rng(seed), neighbour=neighbour, kind=kind, strength=strength)
        for seed in (0, 0, 1)
    ]
    assert np.array_equal(strips[0], strips[1])
    assert not np.array_equal(strips[0], strips[2])
    assert strips[0].shape[0] == 96


def test_at_full_strength_a_strip_is_still_that_of_its_staff() -> None:
    grays = _grays()
    own, other = [], []
    for seed in range(24):
        kind = ("scan", "camera")[seed % 2]
        worn = degraded_strip(grays[seed % 8], np.random.default_rng(seed), kind=kind, strength=1.0)
        own.append(_alike(worn, plain_strip(grays[seed % 8])))
        other.append(_alike(worn, plain_strip(grays[(seed + 4) % 8])))
    assert np.mean(own) > 0.7
    assert np.mean(np.array(own) > np.array(other)) > 0.9


def test_bent_sheets_keep_both_ends_of_the_staff() -> None:
    for seed in range(40):
        x, y = jittered_grid((140, 1000), np.random.default_rng(seed), strength=1.0)
        middle = x[48]
        assert np.all(np.diff(middle) > 0)  # nothing is seen twice or from behind
        assert np.diff(middle).max() < 2.2 * np.diff(middle).min() + 0.1
        assert middle[0] < 60 + 20
        assert middle[-1] > 940 - 20
        assert np.abs(y[48] - 70).max() < 12.5  # staff image pixels: one space and a quarter


def test_degradation_adds_to_movement() -> None:
    """Ink on what was paper: grain, neighbours, text, thicker lines."""

    def gray_share(strips: list[np.ndarray]) -> float:
        return float(np.mean([((strip > 0.05) & (strip < 0.95)).mean() for strip in strips]))

    assert gray_share(_many(1.0)) > 1.2 * gray_share(_many(0.0))


@cache
def _large_grays() -> list[np.ndarray]:
    """Clean pictures at the size of PrIMuS crops, for which this kind of wear is made."""
    engraver = Engraver()
    return [
        engrave_staff(engraver, Random(seed), image.score, distractors=0.0, space_px=18).gray[27:225]
        for seed, image in enumerate(staff_images()[:4])
    ]


@pytest.mark.parametrize("kind", ["none", "scan", "camera"])
def test_a_worn_picture_still_has_its_staff(kind: str) -> None:
    for number, clean in enumerate(_large_grays()):
        worn = degraded_image(clean, np.random.default_rng(number), kind=kind)
        again = degraded_image(clean, np.random.default_rng(number), kind=kind)
        assert np.array_equal(worn, again)
        assert worn.dtype == np.uint8
        assert (kind == "none") == (worn.shape == clean.shape and bool((worn == clean).all()))
        staff = find_staff(worn)
        assert staff.space_px == pytest.approx(18, rel=0.08)


@pytest.mark.parametrize("kind", ["scan", "camera"])
def test_pictures_wear_more_with_more_strength(kind: str) -> None:
    """Measured by how gray paper and ink become, whatever the geometry."""
    clean = _large_grays()
    means = [
        np.mean(
            [
                abs(degraded_image(g, np.random.default_rng(n), kind=kind, strength=s).mean() - g.mean())
                for g in clean
                for n in range(8)
            ]
        )
        for s in (0.1, 0.5, 1.0)
    ]
    assert means == sorted(means)


@pytest.mark.parametrize("kind", ["scan", "camera"])
def test_the_staff_of_the_worst_pictures_is_still_found_mostly(kind: str) -> None:
    found = 0
    for seed in range(16):
        worn = degraded_image(_large_grays()[seed % 4], np.random.default_rng(seed), kind=kind, strength=1.0)
        with suppress(NoStaffError):
            found += abs(find_staff(worn).space_px / 18 - 1) < 0.12
    assert found >= 13


def test_a_strength_out_of_range_is_refused() -> None:
    with pytest.raises(DataError, match=r"strength 1\.5 is out of range; it must be from 0 to 1"):
        degraded_image(_grays()[0], np.random.default_rng(0), kind="scan", strength=1.5)


def test_another_kind_of_wear_is_refused() -> None:
    with pytest.raises(DataError, match="'fax'; known are none, scan and camera"):
        degraded_image(_grays()[0], np.random.default_rng(0), kind="fax")
