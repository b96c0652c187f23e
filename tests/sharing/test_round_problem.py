"""From relevance and payloads to a `Problem`: what is required, what rounding relevance does, what is refused."""

from __future__ import annotations

import itertools
import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import fedss_opt as fo
from fedss_opt import OptionError, ProblemError
from fedss_opt.sharing.round_problem import to_problem

RELEVANCE = np.array([[1.0, 1.0, 0.4], [0.4, 0.4, 1.0]])
GOOD = {
    "payload_bits": [5e4, 5e4, 6e4],
    "relevance": RELEVANCE,
    "required_fraction": 0.5,
    "bandwidth_hz": 1e6,
    "cn0_hz": [3e7, 8e6, 2e7],
}


def test_every_field_arrives() -> None:
    fields = {
        "compute_s": [0.1, 0.2, 0.3],
        "max_upload_s": [1.0, math.inf, 2.0],
        "min_bandwidth_hz": 1e3,
        "max_bandwidth_hz": [5e5, 6e5, math.inf],
        "available": [True, True, False],
        "mandatory": [True, False, False],
        "weights": [1.0, 2.0, 3.0],
        "objective": "total",
        "resource_block_hz": 1e5,
        "client_ids": ["a", "b", "c"],
        "task_ids": ["x", "y"],
    }
    expected = fo.Problem(
        payload_bits=GOOD["payload_bits"],
        bandwidth_hz=1e6,
        cn0_hz=GOOD["cn0_hz"],
        relevance=RELEVANCE,
        required=[0.25 * 2.0, 0.75 * 0.8],  # of the two who are there
        **fields,
    )
    found = to_problem(**{**GOOD, "required_fraction": [0.25, 0.75]}, **fields)
    assert found.to_dict() == expected.to_dict()


def test_what_is_no_field_of_a_problem_is_refused() -> None:
    for name in ("band_hz", "required"):
        with pytest.raises(TypeError, match=name):
            to_problem(**GOOD, **{name: 1.0})


def test_flat_rates_no_clients_and_no_tasks() -> None:
    flat = to_problem(
        payload_bits=1e4, relevance=[[1.0, 0.5]], required_fraction=1.0, bandwidth_hz=1e6, spectral_efficiency=2.0
    )
    assert flat.required.tolist() == [1.5]
    empty = to_problem(
        payload_bits=1e4, relevance=np.zeros((2, 0)), required_fraction=0.5, bandwidth_hz=1e6, cn0_hz=1e7
    )
    assert (empty.n_clients, empty.required.tolist()) == (0, [0.0, 0.0])
    taskless = to_problem(
        payload_bits=1e4, relevance=np.zeros((0, 3)), required_fraction=0.5, bandwidth_hz=1e6, cn0_hz=1e7
    )
    assert (taskless.n_clients, taskless.n_tasks) == (3, 0)


@given(
    st.tuples(st.integers(1, 3), st.integers(1, 6)).flatmap(
        lambda shape: hnp.arrays(np.float64, shape, elements=st.floats(0.0, 1.0))
    ),
    st.integers(0, 12),
    st.floats(0.0, 1.0),
)
def test_rounded_relevance_is_the_largest_multiple_that_is_not_more(
    relevance: np.ndarray, power: int, required: float
) -> None:
    step = 2.0**-power
    fields = {**GOOD, "payload_bits": 1e4, "cn0_hz": 1e7, "relevance": relevance}
    problem = to_problem(**{**fields, "required_fraction": required if required > 1e-20 else 0.0}, relevance_step=step)
    for exact, found in zip(relevance.ravel().tolist(), problem.relevance.ravel().tolist(), strict=True):
        steps = Fraction(found) / Fraction(step)
        assert steps.denominator == 1
        assert Fraction(found) <= Fraction(exact) < Fraction(found) + Fraction(step)
    # Sums of six multiples of 2^-12 are exact.
    assert np.array_equal(problem.required, (required if required > 1e-20 else 0.0) * problem.relevance.sum(axis=1))


@given(
    hnp.arrays(np.float64, (2, 6), elements=st.floats(0.0, 1.0)),
    st.integers(0, 6),
    st.sampled_from([0.1, 0.3, 0.5, 0.9]),
)
def test_the_same_selections_cover_the_requirement_in_whole_steps(
    relevance: np.ndarray, power: int, required: float
) -> None:
    """What the bounds gain from a step, they gain without changing the problem; and coverage is never overstated."""
    step = 2.0**-power
    fields = {**GOOD, "payload_bits": 1e4, "cn0_hz": 1e7, "relevance": relevance, "required_fraction": required}
    problem = to_problem(**fields, relevance_step=step)
    # The allowance of a requirement, 1e-12 of it, decides what counts as reached.
    whole_steps = np.ceil(problem.coverage_target / step) * step
    for choice in itertools.product([False, True], repeat=6):
        selected = np.array(choice)
        assert np.array_equal(problem.covers(selected), problem.coverage(selected) >= whole_steps)
        assert (relevance[:, selected].sum(axis=1) >= problem.coverage(selected) * (1.0 - 1e-15)).all()


@pytest.mark.usefixtures("warm")
def test_everything_required_selects_everybody_and_more_is_infeasible() -> None:
    everybody = fo.solve(to_problem(**{**GOOD, "required_fraction": 1.0}))
    assert everybody.selected.all()
    assert fo.solve(to_problem(**{**GOOD, "required_fraction": 1.01})).status == "infeasible"


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"relevance": [0.1, 0.2, 0.3]}, OptionError, r"relevance: shape \(3,\); must be \(K, N\)"),
        ({"relevance": [[0.1, math.nan, 0.3]]}, OptionError, r"relevance\[0, 1\] = nan: must be finite"),
        ({"relevance": -RELEVANCE}, ProblemError, r"relevance\[0, 0\] = -1.0"),
        ({"required_fraction": -0.1}, OptionError, "required_fraction = -0.1: must be a fraction >= 0"),
        ({"required_fraction": [0.1, 0.2, 0.3]}, OptionError, "one for each of 2 tasks"),
        ({"required_fraction": math.inf}, OptionError, "required_fraction = inf: must be finite"),
        ({"relevance_step": 0.1}, OptionError, "relevance_step = 0.1: must be a power of two, such as 1/64"),
        ({"relevance_step": 0.0}, OptionError, r"relevance_step = 0.0: must be a number in \(0, 1\]"),
        ({"relevance_step": 2.0}, OptionError, "relevance_step = 2.0"),
        ({"payload_bits": [1.0]}, ProblemError, "payload_bits|relevance"),
        ({"payload_bits": 0.0}, ProblemError, "payload_bits"),
    ],
)
def test_what_makes_no_problem_is_refused(change: dict, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        to_problem(**{**GOOD, **change})
