"""Logs, prices and sums that once proved what is false: forged step by step, or by rounding."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import fedss_opt as fo
from fedss_opt.kernels.cover_state import (
    BRANCH_IN,
    CLOSED,
    CLOSED_SHORT,
    CLOSED_UNMET,
    DECIDE_OUT,
    HELD_IN,
    HELD_OUT,
)
from fedss_opt.proof import Branch, MinimalCover, ProofSteps, Screen, verify, verify_total
from tests import naive

NOBODY = np.zeros(0, dtype=np.int64)


def problem(**changes: object) -> fo.Problem:
    fields: dict[str, object] = {"payload_bits": 1e6, "bandwidth_hz": 1e6, "spectral_efficiency": 1.0}
    return fo.Problem(**(fields | changes))


def claim(
    asked: fo.Problem, log: list[list[float]] | None, least_hz: float, deadline: float, tasks: tuple[int, ...] = (0,)
) -> str | None:
    rows = None if log is None else np.array(log, dtype=float)
    part = MinimalCover(tasks=np.array(tasks), clients=np.arange(asked.n_clients), least_hz=least_hz, log=rows)
    return verify(asked, deadline, ProofSteps(screens=[Screen(np.zeros(asked.n_tasks), NOBODY)], parts=[part]))


TWO_OF_FOUR = problem(min_bandwidth_hz=[6e5, 6e5, 1e3, 1e3], relevance=[[1.0, 1.0, 1.0, 1.0]], required=[2.0])


@pytest.mark.parametrize("first", [[[BRANCH_IN, 1, 0], [CLOSED, 0, 0]], [[HELD_IN, 1, 0]]])
def test_a_bound_is_used_at_its_own_node_alone(first: list[list[float]]) -> None:
    """Two dear clients inside close a node; what they cost must not decide anybody where they are out."""
    rest = [[DECIDE_OUT, 2, 0], [DECIDE_OUT, 3, 0], [CLOSED_SHORT, 0, 0], [DECIDE_OUT, 1, 0]]
    rest += [[DECIDE_OUT, 2, 0], [DECIDE_OUT, 3, 0], [CLOSED_SHORT, 0, 0]]
    assert claim(TWO_OF_FOUR, [[BRANCH_IN, 0, 0], *first, *rest], 1.1e6, math.inf) is not None
    assert fo.solve(TWO_OF_FOUR, "exact").status is fo.Status.OPTIMAL


@pytest.mark.parametrize("tasks", [(0, 1), (0, 0)])
def test_what_overflows_excludes_no_side(tasks: tuple[int, ...]) -> None:
    both = problem(relevance=[[1.0, 1.0, 1.0]] * 2, required=[1.0, 1.0])
    huge = [-1e308, -1e308]
    assert claim(both, [[HELD_IN, 0, *huge], [HELD_OUT, 0, *huge]], 1e9, 10.0, tasks) is not None


def test_next_to_nothing_still_counts() -> None:
    """The third client's relevance is no whole level, and yet all three are the only cover."""
    hair = problem(relevance=[[1.0, 1.0, 1e-10]], required=[2.0 + 0.9e-10])
    assert hair.covers([True, True, True]).all()
    two = Screen(np.zeros(1), NOBODY)
    assert verify(hair, 10.0, ProofSteps(screens=[two, two])) is not None
    part = MinimalCover(
        tasks=np.array([0]),
        clients=np.array([0, 1]),
        least_hz=1e9,
        log=np.array(
            [[BRANCH_IN, 0, 0], [BRANCH_IN, 1, 0], [CLOSED_UNMET, 0, 0], [CLOSED_SHORT, 0, 0], [CLOSED_SHORT, 0, 0]],
            dtype=float,
        ),
    )
    assert verify(hair, 10.0, ProofSteps(screens=[two], parts=[part])) is not None


@pytest.mark.parametrize("limit", [{"min_bandwidth_hz": 1e3}, {"resource_block_hz": 1e4}])
def test_a_price_that_overflows_puts_nobody_out_of_reach(limit: dict[str, float]) -> None:
    one_of_two = problem(relevance=[[1.0, 1.0]], required=[1.0], objective="total", **limit)
    for price in (1e306, 1e300, 1e295):
        assert verify_total(one_of_two, 1e12, [Branch(screen=None, price=price)]) is not None


def test_many_clients_added_one_by_one() -> None:
    """Two equal tasks that need all of many clients: the rounding of a plain sum, times a multiplier of 1e30."""
    clients = 11_855
    everybody = problem(payload_bits=1.0, relevance=np.ones((2, clients)), required=[clients, clients])
    assert claim(everybody, [[CLOSED, 0, 1e30, -1e30]], 1e9, 1e9, (0, 1)) is not None


@settings(max_examples=30)
@given(st.integers(0, 10**6))
def test_equal_clients_that_fill_the_carrier_fit(seed: int) -> None:
    """Running sums of hundreds of equal costs are off by many ulp; what fits to the last digit is not excluded."""
    rng = np.random.default_rng(seed)
    needed, cost = 600, float(1e6 * (1.0 + rng.random()))
    carrier = math.nextafter(needed * cost, math.inf)
    filled = fo.Problem(
        payload_bits=1.0,
        bandwidth_hz=carrier,
        spectral_efficiency=1.0,
        min_bandwidth_hz=cost,
        relevance=np.ones((1, needed + 2)),
        required=[needed],
    )
    for ulps in (8, 40):
        assert claim(filled, None, carrier * (1.0 + ulps * 2.0**-52) / (1.0 - 2e-12), math.inf) is not None


def test_blocks_beside_a_long_computation_go_where_they_save_most() -> None:
    slow = fo.Problem(
        payload_bits=1e-10,
        bandwidth_hz=4000.0,
        resource_block_hz=1.0,
        spectral_efficiency=1.0,
        compute_s=[1.0, 1.0],
        mandatory=True,
        relevance=np.ones((1, 2)),
        required=[1.0],
        objective="total",
    )
    optimum = 2.0 + 2.0 * (1e-10 / 2000.0)
    branch = Branch(screen=Screen(np.zeros(1), NOBODY), price=0.0)
    assert verify_total(slow, optimum * (1.0 + 2e-15), [branch]) is not None


def test_a_longest_upload_kept_within_the_allowance_is_kept() -> None:
    capped = problem(max_upload_s=1.0 - 5e-13, relevance=[[1.0]], required=[1.0])
    assert fo.solve(capped, "exact").has_answer
    assert verify(capped, math.inf, ProofSteps()) is not None


@pytest.mark.parametrize("where", ["forced", "inside", "outside"])
@pytest.mark.parametrize("named", [[-1], [4], [0.0], [True]])
def test_steps_name_clients_that_are_there(where: str, named: list[object]) -> None:
    step = Screen(np.zeros(1), NOBODY)
    setattr(step, where, np.array(named))
    assert "not about a problem of this size" in str(verify(TWO_OF_FOUR, 0.1, ProofSteps(screens=[step])))


@settings(max_examples=60)
@given(st.integers(0, 10**6), st.sampled_from(["makespan", "total"]))
def test_a_task_that_another_one_implies_but_for_an_ulp(seed: int, objective: str) -> None:
    """Two tasks alike but for an ulp of the second's target, and a helper who alone supplies it."""
    rng = np.random.default_rng(seed)
    most, others = int(rng.integers(2, 4)), int(rng.integers(1, 3))
    ratio = rng.random() + 0.1
    first = np.r_[rng.random(most + others) + 0.2, 0.0]
    second = np.r_[first[:-1] * ratio, ratio * rng.random() * 2.0]
    targets = np.array([math.fsum(first[:most]), math.nextafter(math.fsum(second[:most]), math.inf)])
    cell = fo.Problem(
        payload_bits=np.r_[1.0 + rng.random(most), 30.0 + 40.0 * rng.random(others), 1.2],
        bandwidth_hz=80.0,
        spectral_efficiency=1.0,
        relevance=[first, second],
        required=targets / (1.0 - 1e-12),
        objective=objective,
    )
    truth, solution = naive.brute_force(cell), fo.solve(cell, "exact")
    assert solution.status is not fo.Status.INFEASIBLE or not truth.feasible
    assert not solution.has_answer or solution.gap > 1e-8 or solution.objective_s <= truth.value * (1.0 + 1e-8)
