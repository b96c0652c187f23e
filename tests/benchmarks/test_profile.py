"""Profiles, means and rates against examples worked out by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from benchmarks.peers.profile import performance_ratios, profile_steps, shifted_geometric_mean, success_rate

# Three solvers on four problems; nobody solves the last one.
TIMES = {
    "fast": [1.0, 2.0, None, None],
    "slow": [10.0, 2.0, 5.0, None],
    "lucky": [math.inf, 1.0, math.nan, None],
}


def test_ratios_are_to_the_best_of_each_instance():
    ratios = performance_ratios(TIMES)
    np.testing.assert_array_equal(ratios["fast"], [1.0, 2.0, math.inf, math.inf])
    np.testing.assert_array_equal(ratios["slow"], [10.0, 2.0, 1.0, math.inf])
    np.testing.assert_array_equal(ratios["lucky"], [math.inf, 1.0, math.inf, math.inf])
    assert performance_ratios({}) == {}


def test_a_profile_rises_at_each_ratio_and_ends_at_the_share_solved():
    ratios = performance_ratios(TIMES)
    tau, share = profile_steps(ratios["slow"])
    np.testing.assert_array_equal(tau, [1.0, 2.0, 10.0])
    np.testing.assert_array_equal(share, [0.25, 0.5, 0.75])
    tau, share = profile_steps(np.array([1.0, 1.0, 4.0, 4.0]))  # ties rise together
    np.testing.assert_array_equal(tau, [1.0, 4.0])
    np.testing.assert_array_equal(share, [0.5, 1.0])
    tau, share = profile_steps(np.array([math.inf]))
    assert tau.size == share.size == 0


def test_shifted_geometric_mean():
    # (10 + 10) (70 + 10) = 40^2, less the shift: 30 ms.
    assert shifted_geometric_mean([0.01, 0.07], limit_s=1.0) == pytest.approx(0.03)
    # A failure counts as the limit: (0 + 1) (3 + 1) = 2^2, less 1.
    assert shifted_geometric_mean([0.0, None], limit_s=3.0, shift_s=1.0) == pytest.approx(1.0)
    assert shifted_geometric_mean([0.5, 0.5, 0.5], limit_s=1.0) == pytest.approx(0.5)
    assert math.isnan(shifted_geometric_mean([], limit_s=1.0))


def test_success_rate():
    assert [success_rate(row) for row in TIMES.values()] == [0.5, 0.75, 0.25]
    assert math.isnan(success_rate([]))
