"""The logarithms against arbitrary precision, over every exponent they are used with."""

from __future__ import annotations

import math

import mpmath
import numpy as np
from mpmath import mp, mpf

from fedss_opt.kernels.logarithm import log1p_and_gap, log_beyond_one, rough_log

EPS = float(np.finfo(float).eps)


def _from_one() -> list[float]:
    """From 1 to 1e300: dense near 1 and next to sqrt(2), where the exponent changes, and over all exponents."""
    near = 1.0 + np.logspace(-16, 0, 200)
    seam = math.sqrt(2.0) * (1.0 + np.linspace(-4, 4, 9) * EPS)
    powers = 2.0 ** np.arange(0, 997)
    return [1.0, *map(float, np.concatenate([near, seam, powers, np.logspace(0, 300, 1500)]))]


def test_log_is_within_an_ulp() -> None:
    with mp.workdps(40):
        for x in _from_one():
            exact = mpmath.log(mpf(x))
            assert abs(mpf(log_beyond_one(x)) - exact) <= EPS * exact


def test_rough_log_is_good_to_its_claim() -> None:
    for x in _from_one():
        assert abs(rough_log(x) - math.log(x)) <= 1.5e-6


def test_log1p_and_its_gap_from_the_smallest_up() -> None:
    """The gap is half of x^2 for small x; errors seen: 0.7, 0.9 and 2.6 eps (the last at x = 0.46)."""
    with mp.workdps(700):  # x is as small as 1e-300
        for x in [*map(float, np.logspace(-150, 300, 900)), *map(float, np.logspace(-3, 2, 1500))]:
            length, share, gap = log1p_and_gap(x)
            exact, part = mpmath.log1p(mpf(x)), mpf(x) / (1 + mpf(x))
            assert abs(mpf(length) - exact) <= EPS * exact
            assert abs(mpf(share) - part) <= EPS * part
            assert abs(mpf(gap) - (exact - part)) <= 4 * EPS * (exact - part)


def test_log1p_of_nothing() -> None:
    assert log1p_and_gap(0.0) == (0.0, 0.0, 0.0)
