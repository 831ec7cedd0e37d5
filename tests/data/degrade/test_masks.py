"""Masks: two views of a strip, most of which both show."""

import numpy as np

from focal_omr.data.degrade.masks import masked


def test_two_views_differ_in_what_is_hidden_alone() -> None:
    rng = np.random.default_rng(1)
    strip = rng.random((96, 700), np.float32)
    views = [masked(strip, rng) for _ in range(20)]
    for view in views:
        hidden = view != strip
        assert not view[hidden].any()
        assert hidden.mean() < 0.6
        rows, columns = hidden.all(axis=1), hidden.all(axis=0)
        assert np.array_equal(hidden, rows[:, None] | columns[None])
    assert len({view.tobytes() for view in views}) > 15
    assert strip.all()


def test_the_same_generator_gives_the_same_view() -> None:
    strip = np.ones((96, 50), np.float32)
    assert np.array_equal(masked(strip, np.random.default_rng(2)), masked(strip, np.random.default_rng(2)))


def test_a_strip_narrower_than_a_mask() -> None:
    assert masked(np.ones((96, 1), np.float32), np.random.default_rng(3)).shape == (96, 1)
