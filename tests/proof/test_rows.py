"""Covering constraints as proofs state them: no cover is cut off, whatever the relevances are."""

from __future__ import annotations

import itertools
import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fedss_opt.proof.rows import covering_row, open_need, surplus

VALUES = st.sampled_from([0.0, 0.1, 0.2, 0.7, 0.3333333333, 0.6666666667, 1.0 / 3.0, 0.125, 1.0, 2.5, 1e-9, 0.12345678])


@settings(max_examples=200)
@given(st.lists(VALUES, min_size=1, max_size=9), st.data())
def test_every_cover_satisfies_the_row(values: list[float], data) -> None:
    relevance = np.array(values)
    some = np.array(data.draw(st.lists(st.booleans(), min_size=len(values), max_size=len(values))))
    off = data.draw(st.sampled_from([0.0, -1e-12, 1e-12, -0.01, 2.0**-52]))
    need = math.fsum(relevance[some]) * (1.0 + off)
    if not need > 0.0:
        return
    row = covering_row(relevance, Fraction(need))
    assert ((row >= 0.0) & (row <= 1.0)).all()
    for chosen in itertools.product((False, True), repeat=len(values)):
        picked = np.array(chosen)
        if sum((Fraction(float(r)) for r in relevance[picked]), Fraction(0)) >= Fraction(need):
            assert sum((Fraction(float(a)) for a in row[picked]), Fraction(0)) >= 1


def test_quantised_needs_are_rounded_up_to_whole_levels() -> None:
    assert covering_row(np.array([0.25, 0.5, 0.75]), Fraction(0.6)) == pytest.approx(
        [1.0 / 3.0, 2.0 / 3.0, 1.0], rel=1e-15
    )
    an_ulp_more = open_need(np.zeros(0), 2.0 * (1.0 + 2.0**-52))  # asks for three
    assert covering_row(np.array([1.0, 2.0]), an_ulp_more)[1] == pytest.approx(2.0 / 3.0)
    decimals = covering_row(np.array([0.1, 0.2, 0.7]), Fraction(0.45))  # five tenths
    assert decimals == pytest.approx([0.2, 0.4, 1.0], rel=1e-15)


def test_what_is_open_is_rounded_down_and_a_surplus_up() -> None:
    tenths = np.full(10, 0.1)
    exact = Fraction(1) - sum((Fraction(0.1) for _ in range(10)), Fraction(0))
    assert exact - Fraction(1e-40) <= open_need(tenths, 1.0) <= exact
    assert Fraction(surplus(tenths, 1.0)) >= -exact
