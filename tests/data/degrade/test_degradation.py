"""Every kind of wear: same chance same bytes, more strength more change, and the notes are still there."""

from collections.abc import Callable
from functools import cache

import cv2
import numpy as np
import pytest
from tiny import staff_images

from focal_omr.data.degrade import optics, print_defects
from focal_omr.data.degrade.effects import draw_amounts
from focal_omr.data.degrade.ink import ink_rows, line_darkness
from focal_omr.data.degrade.noise import clouds, grain
from focal_omr.data.degrade.surroundings import (
    skylines,
    with_finger,
    with_neighbour,
    with_page_edge,
    with_stamp,
    with_text,
)
from focal_omr.staff.strip import normalise_ink

SPACE_PX = 10
PRINT = (
    print_defects.ragged,
    print_defects.faded,
    print_defects.blotted,
    print_defects.speckled,
    print_defects.show_through,
    print_defects.mottled,
)
OPTICS = (
    optics.unevenly_lit,
    optics.shadowed,
    optics.downsampled,
    optics.blurred,
    optics.motion_blurred,
    optics.noisy,
    optics.sharpened,
    optics.compressed,
)
WHOLE = (print_defects.printed, optics.scanned, optics.photographed)


def _gray(number: int = 0) -> np.ndarray:
    return staff_images()[number % 8].gray


def _changed(worn: np.ndarray, clean: np.ndarray) -> float:
    return float(cv2.absdiff(worn, clean).mean())


def _mean_change(effect: Callable[..., np.ndarray], **strength: float) -> float:
    changes = [
        _changed(effect(_gray(seed), np.random.default_rng(seed), space_px=SPACE_PX, **strength), _gray(seed))
        for seed in range(24)
    ]
    return float(np.mean(changes))


@pytest.mark.parametrize("effect", [*PRINT, *OPTICS, optics.bilevel], ids=lambda effect: effect.__name__)
def test_each_effect_is_a_function_of_picture_and_chance(effect: Callable[..., np.ndarray]) -> None:
    gray = _gray()
    before = gray.copy()
    one, same, other = (
        effect(gray, np.random.default_rng(seed), amount=0.7, space_px=SPACE_PX) for seed in (1, 1, 2)
    )
    assert one.shape == gray.shape
    assert one.dtype == np.uint8
    assert np.array_equal(one, same)
    assert np.array_equal(gray, before)
    assert not np.array_equal(one, gray)
    if effect is not optics.blurred:  # that one has no chance in it
        assert not np.array_equal(one, other)


@pytest.mark.parametrize("effect", [*PRINT, *OPTICS], ids=lambda effect: effect.__name__)
def test_a_larger_amount_changes_more(effect: Callable[..., np.ndarray]) -> None:
    changes = [_mean_change(effect, amount=amount) for amount in (0.0, 0.3, 0.6, 1.0)]
    if effect is not print_defects.ragged:  # makes a print crisp even at 0
        assert changes[0] < 4
    assert changes == sorted(changes)
    assert changes[-1] > changes[0]


@pytest.mark.parametrize("whole", WHOLE, ids=lambda effect: effect.__name__)
def test_strength_0_changes_nothing_and_more_changes_more(whole: Callable[..., np.ndarray]) -> None:
    changes = [_mean_change(whole, strength=strength) for strength in (0.0, 0.25, 0.5, 1.0)]
    assert changes[0] == 0
    assert changes == sorted(changes)
    assert changes[-1] > 2 * changes[1]


def _alike(worn: np.ndarray, clean: np.ndarray) -> float:
    """Correlation of what the network would see of both, where there is any ink."""
    top, bottom = ink_rows(clean)
    one, other = (
        cv2.GaussianBlur(normalise_ink(gray), (0, 0), 1)[top : bottom + 1].ravel() for gray in (worn, clean)
    )
    return float(np.corrcoef(one, other)[0, 1])


@cache
def _likeness(whole: Callable[..., np.ndarray], strength: float) -> np.ndarray:
    return np.array(
        [
            _alike(
                whole(_gray(seed), np.random.default_rng(seed), strength=strength, space_px=SPACE_PX),
                _gray(seed),
            )
            for seed in range(96)
        ]
    )


@pytest.mark.parametrize("whole", WHOLE, ids=lambda effect: effect.__name__)
def test_at_full_strength_the_staff_is_still_there(whole: Callable[..., np.ndarray]) -> None:
    """A staff correlates with another staff by its lines alone; worn ones stay far above that."""
    foreign = np.mean([_alike(_same_size(_gray(n), _gray(n + 1)), _gray(n + 1)) for n in range(8)])
    assert _likeness(whole, 1.0).mean() > 0.9
    assert _likeness(whole, 1.0).min() > 0.75
    assert _likeness(whole, 1.0).min() > 2 * foreign
    assert _likeness(whole, 0.25).min() > 0.9


def _same_size(gray: np.ndarray, other: np.ndarray) -> np.ndarray:
    return cv2.resize(gray, other.shape[::-1])


def test_one_effect_is_the_same_at_every_resolution() -> None:
    """What is said in staff spaces: a picture of twice the size is changed about as much."""
    for effect in (
        print_defects.ragged,
        print_defects.faded,
        print_defects.blotted,
        optics.blurred,
        optics.shadowed,
    ):
        small = _mean_change(effect, amount=0.8)
        large = [cv2.resize(_gray(seed), None, fx=2, fy=2) for seed in range(24)]
        changes = [
            _changed(effect(gray, np.random.default_rng(seed), amount=0.8, space_px=2 * SPACE_PX), gray)
            for seed, gray in enumerate(large)
        ]
        assert 0.5 < np.mean(changes) / small < 2


def test_black_and_white_is_black_and_white_and_keeps_thin_lines() -> None:
    for seed in range(24):
        gray = _gray(seed)
        scan = optics.bilevel(gray, np.random.default_rng(seed), amount=0.3, space_px=SPACE_PX)
        assert np.mean((scan < 40) | (scan > 215)) > 0.9
        lines = scan[50:91:10, 62:-62]
        assert np.mean(lines < 200) > 0.8


def test_grain_has_the_spread_it_says_and_repeats_for_large_pictures() -> None:
    noise = grain((800, 5000), np.random.default_rng(3))
    assert noise.shape == (800, 5000)
    assert noise.mean() == pytest.approx(128, abs=1)
    assert noise.std() == pytest.approx(32, abs=1)
    soft = clouds((80, 500), np.random.default_rng(3), cell_px=(8, 20))
    assert soft.shape == (80, 500)
    assert soft.std() == pytest.approx(25, abs=8)
    assert np.abs(np.diff(soft.astype(int), axis=1)).mean() < 5


def test_amounts_stay_below_strength_and_together_below_the_most() -> None:
    for seed in range(50):
        drawn = draw_amounts(np.random.default_rng(seed), 0.5, (0.9, 0.9, 0.9, 0.0))
        assert max(drawn) <= 0.5
        assert sum(drawn) <= 0.85 + 1e-9
        assert drawn[3] == 0
        twice = draw_amounts(np.random.default_rng(seed), 1.0, (0.9, 0.9, 0.9, 0.0))
        assert np.allclose(2 * np.array(drawn), twice)


def test_the_darkness_of_the_lines_is_measured() -> None:
    for number in range(8):
        staff = _gray(number)[50:91:10, 60:-60]
        at_lines = 255 - np.median(staff, axis=1)
        assert line_darkness(_gray(number), space_px=SPACE_PX) == pytest.approx(at_lines.mean(), rel=0.35)


def test_neighbours_and_text_keep_clear_of_the_notes() -> None:
    for seed in range(40):
        own, other = _gray(seed), _gray(seed + 3)
        rng = np.random.default_rng(seed)
        for crowded in (with_neighbour(own, other, rng), with_text(own, rng)):
            added = (crowded < own).astype(np.uint8)
            assert np.all(crowded <= own)
            if crowded.shape == own.shape:
                near = cv2.dilate((own < 128).astype(np.uint8), np.ones((3, 3), np.uint8))
                left = 62  # a name before the staff may touch its very beginning
                assert not np.any(added[:, left:] & near[:, left:])


def test_skylines_of_an_empty_plate() -> None:
    first, last = skylines(np.full((140, 50), 255, np.uint8))
    assert np.all(first == 140)
    assert np.all(last == 0)


@pytest.mark.parametrize("cover", [with_page_edge, with_finger])
def test_what_covers_the_sheet_leaves_the_ink_alone(cover: Callable[..., np.ndarray]) -> None:
    covered = 0
    for seed in range(40):
        gray = _gray(seed)
        top, bottom = ink_rows(gray)
        free = (40, top - 3, 40, gray.shape[0] - 1 - bottom - 3)
        out = cover(gray, np.random.default_rng(seed), free=free)
        inner = (slice(top, bottom + 1), slice(60, -60))
        # The soft edge of a finger reaches a little further than the finger.
        assert np.abs(out[inner].astype(int) - gray[inner]).max() <= (2 if cover is with_page_edge else 60)
        covered += not np.array_equal(out, gray)
    assert covered > 15


def test_stamps_are_paler_than_ink_and_leave_the_notes() -> None:
    image = np.full((180, 400), 255, np.uint8)
    image[70:111:10, 60:340] = 0
    changed = 0
    for seed in range(30):
        stamped = with_stamp(image, np.random.default_rng(seed))
        assert (stamped[image == 0] == 0).all()
        assert stamped[image == 255].min() >= 255 * 0.39
        changed += bool((stamped != image).any())
    assert changed >= 20
