"""The batch kernel's own part: whether a selection covers a task, decided up to what rounding leaves open."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from fedss_opt.kernels.batch import _clear_of_target

_AMOUNTS = st.one_of(
    st.just(0.0), st.floats(1e-30, 1e30), st.floats(0.5, 2.0), st.integers(0, 15).map(lambda i: i / 15)
)


@given(st.lists(st.tuples(_AMOUNTS, st.booleans()), max_size=20), _AMOUNTS, st.integers(-2, 2))
def test_a_verdict_is_that_of_exact_arithmetic(clients: list[tuple[float, bool]], other: float, ulps: int) -> None:
    relevance = np.array([amount for amount, _ in clients])
    selected = np.array([chosen for _, chosen in clients], dtype=np.bool_)
    exact = sum((Fraction(amount) for amount, chosen in clients if chosen), Fraction(0))
    near = float(exact) * (1.0 + ulps * 2.0**-52)  # a target that the sum meets, or misses by an ulp or two
    for target in (other, near):
        verdict = _clear_of_target(relevance, selected, target)
        over = exact - Fraction(target)
        if verdict == 0:
            assert abs(over) <= Fraction(2e-18) * Fraction(target)
        else:
            assert verdict == (1 if over >= 0 else -1)
