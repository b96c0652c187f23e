"""The common step of relevances, against fractions."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fedss_opt.kernels.lattice import exact_step


def _gcd(values: np.ndarray) -> Fraction:
    step = Fraction(0)
    for value in values:
        r = Fraction(float(value))
        both = r.denominator * step.denominator
        step = Fraction(math.gcd(int(r * both), int(step * both)), both)
    return step


@given(
    counts=st.lists(st.integers(0, 2000), min_size=1, max_size=8),
    step=st.sampled_from([1.0, 0.125, 3.0, 0.75, 1e-3, 2.0**-40, 7e9, math.pi]),
)
def test_is_the_greatest_common_divisor(counts: list[int], step: float) -> None:
    relevance = np.array(counts) * step
    n = relevance.size
    found = exact_step(relevance, np.ones(n, dtype=bool))
    truth = _gcd(relevance)
    assert Fraction(found) == (truth if truth * 10**6 >= Fraction(float(relevance.max())) else 0)


def test_only_free_clients_count() -> None:
    relevance = np.array([0.5, 1.0, 0.3, 0.7])
    mandatory, in_play = np.array([False, False, True, False]), np.array([True, True, True, False])
    assert exact_step(relevance, in_play & ~mandatory) == 0.5


@pytest.mark.parametrize("relevance", [[0.0, 0.0], [0.1, 0.7], [1.0, 1e-7]])
def test_no_step_to_speak_of(relevance: list[float]) -> None:
    assert exact_step(np.array(relevance), np.ones(2, dtype=bool)) == 0.0
