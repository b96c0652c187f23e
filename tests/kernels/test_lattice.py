"""Rounding requirements up to sums of levels: no cover is lost, and none that falls short is let in."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fedss_opt.kernels.lattice import to_levels


@given(
    st.lists(st.integers(0, 8), min_size=1, max_size=8),
    st.integers(1, 6),
    st.floats(0.01, 1.0),
    st.floats(1e-3, 1e3),
)
def test_the_same_selections_cover(levels: list[int], factor: int, share: float, unit: float) -> None:
    """Sums of floats are within 1e-12 of their multiples; a need so close to one is let off."""
    relevance = np.array(levels, dtype=float)[:, np.newaxis] * factor * unit
    need = np.array([share * relevance.sum()])
    written, needed, step = to_levels(relevance, need)
    assert np.allclose(written * step, relevance, rtol=1e-12)
    for size in range(len(levels) + 1):
        for members in itertools.combinations(range(len(levels)), size):
            chosen = list(members)
            covers = relevance[chosen].sum() >= need[0] * (1.0 - 1e-9)
            assert covers == (written[chosen].sum() >= needed[0]) or need[0] == 0.0


def test_eighths() -> None:
    written, needed, step = to_levels(np.array([[0.125], [0.75], [0.5]]) / 3.0, np.array([0.26]))
    assert written[:, 0].tolist() == [1.0, 6.0, 4.0]
    assert needed[0] == 7.0  # 6.24 eighths of a third
    assert step[0] == pytest.approx(0.125 / 3.0)


def test_the_step_is_the_greatest_common_one() -> None:
    assert to_levels(np.array([[6.0], [10.0], [15.0]]), np.array([7.5]))[2][0] == pytest.approx(1.0)
    assert to_levels(np.array([[4.0], [8.0], [0.0]]), np.array([5.0]))[1][0] == 2.0


def test_what_is_not_quantised_stays() -> None:
    rng = np.random.default_rng(0)
    relevance = np.column_stack([rng.random(20), rng.integers(0, 9, 20) / 8.0, np.zeros(20)])
    need = np.array([3.3, 3.3, 0.1])
    written, needed, step = to_levels(relevance, need)
    assert np.array_equal(written[:, [0, 2]], relevance[:, [0, 2]])
    assert needed.tolist() == [3.3, 27.0, 0.1]
    assert step.tolist() == [1.0, 0.125, 1.0]


def test_a_need_summed_from_decimals_keeps_its_cover() -> None:
    """0.1 + 0.2 is more than 0.3, which is what one and two levels of 0.1 are."""
    for relevance, need, levels in (
        ([0.1, 0.2], 0.1 + 0.2, 3.0),
        ([0.1, 0.2, 0.7], 0.1 + 0.2, 3.0),
        ([0.1, 0.2, 0.7], 0.1 + 0.7, 8.0),
        ([0.1, 0.2], 0.3 * (1.0 + 1e-6), 4.0),
    ):
        written, needed, _ = to_levels(np.array(relevance)[:, np.newaxis], np.array([need]))
        assert written[:, 0].tolist() == [round(10.0 * r) for r in relevance]
        assert needed[0] == levels
