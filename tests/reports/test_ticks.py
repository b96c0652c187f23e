"""Ticks are round, reach the data, and leave room for their labels."""

from __future__ import annotations

import math

import numpy as np
import pytest

from fedss_opt.reports.ticks import around_zero, even, logarithmic


@pytest.mark.parametrize("low", [1e-7, 0.013, 0.61, 5.0, 800.0])
@pytest.mark.parametrize("ratio", [2.6, 9.0, 60.0, 1e4])
def test_a_logarithmic_axis_has_ticks_that_are_apart(low, ratio):
    ticks = logarithmic(low, low * ratio)
    assert len(ticks) >= 1
    assert low <= min(ticks) <= max(ticks) <= low * ratio
    # 380 px high: no two labels closer than a line.
    shares = np.diff(np.log(ticks)) / math.log(ratio)
    assert (380.0 * shares > 14.0).all()


@pytest.mark.parametrize(("low", "high"), [(-1.006, 0.0), (0.0, 7e5), (-3.17, 31.0), (0.0, 0.0), (-2e-9, 1e-9)])
def test_even_ticks_reach_both_ends(low, high):
    ticks = even(low, high)
    assert ticks[0] <= low <= high <= ticks[-1]
    assert 2 <= len(ticks) <= 12
    assert np.ptp(np.diff(ticks)) <= 1e-9 * np.ptp(ticks)


@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e6])
@pytest.mark.parametrize("values", [[-0.957, 0.2, 25.0], [-3.17, -0.1, 31.0], [0.01, 4.0], [-5.0, -0.2], [0.0, 1e5]])
def test_ticks_around_zero_reach_both_ends_and_are_apart(values, scale):
    shown = scale * np.array(values)
    constant = float(np.abs(shown[shown != 0.0]).min())
    ticks = around_zero(shown, constant)
    assert 0.0 in ticks
    assert ticks[0] <= min(shown.min(), 0.0) <= max(shown.max(), 0.0) <= ticks[-1]
    places = np.sign(ticks) * np.log1p(np.abs(ticks) / constant)
    inner = np.diff(places)[1:-1] / np.ptp(places)
    assert (inner >= 0.0699).all()
