"""What a client costs at a deadline or a price, with its bounds, against the slow twins."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fedss_opt import Objective, Problem
from fedss_opt.cells import selection_cell
from fedss_opt.kernels.client_model import upload_time
from fedss_opt.kernels.oracle import (
    client_time,
    cost_pass,
    deadline_pass,
    deadline_response,
    price_pass,
    price_response,
)

from .. import naive
from ..strategies import problems
from .cells import cell, some_problem

EPS = float(np.finfo(float).eps)


@pytest.mark.parametrize("model", [0, 1])
def test_deadline_response_is_clamped(model: int) -> None:
    free, slope = deadline_response(model, 1e6, 4e6, 0.5, 0.0, math.inf, 0.0, 2.0)
    assert 0.0 < free < math.inf
    assert slope < 0.0
    assert deadline_response(model, 1e6, 4e6, 0.5, 2 * free, 4 * free, 0.0, 2.0) == (2 * free, 0.0)
    assert deadline_response(model, 1e6, 4e6, 0.5, 0.0, 0.5 * free, 0.0, 2.0) == (math.inf, 0.0)
    assert deadline_response(model, 1e6, 4e6, 0.5, 0.0, math.inf, 0.0, 0.5) == (math.inf, 0.0)
    # No deadline at all: the least bandwidth; a cap that is met but for rounding counts as met.
    assert deadline_response(model, 1e6, 4e6, 0.5, 7.0, 9.0, 0.0, math.inf) == (7.0, 0.0)
    cap = free * (1 - 4 * EPS)
    assert deadline_response(model, 1e6, 4e6, 0.5, 0.0, cap, 0.0, 2.0) == (cap, slope)
    assert deadline_response(model, 1e6, 4e6, 0.5, 0.0, free * (1 - 20 * EPS), 0.0, 2.0)[0] == math.inf


@pytest.mark.parametrize("model", [0, 1])
def test_price_response_is_clamped(model: int) -> None:
    free, slope = price_response(model, 1e6, 4e6, 2.0, 0.0, math.inf, 0.0, 1e-6)
    assert 0.0 < free < math.inf
    assert slope < 0.0
    assert price_response(model, 1e6, 4e6, 2.0, 2 * free, 4 * free, 0.0, 1e-6) == (2 * free, 0.0)
    assert price_response(model, 1e6, 4e6, 2.0, 0.0, 0.5 * free, 0.0, 1e-6) == (0.5 * free, 0.0)
    for price in (0.0, -1.0):  # free of charge: as much as there is
        assert price_response(model, 1e6, 4e6, 2.0, 1.0, 9.0, 0.0, price) == (9.0, 0.0)
    assert price_response(model, 1e6, 4e6, 2.0, 5.0, 5.0, 0.0, 1e-6) == (5.0, 0.0)


@pytest.mark.parametrize("model", [0, 1])
def test_upload_time_is_the_problem_s(model: int) -> None:
    link = {"spectral_efficiency": 3.0} if model == 1 else {"cn0_hz": 4e6}
    problem = Problem(payload_bits=[1e6], bandwidth_hz=1e6, compute_s=0.25, **link)
    compact = selection_cell(problem, np.ones(1, dtype=bool))
    for b in (1.0, 1e3, 1e6):
        exact = naive.mpf(1e6) / naive.rate(problem, 0, naive.mpf(b))
        # Three products or quotients, a logarithm and ln 2.
        assert upload_time(model, 1e6, 3.0 if model == 1 else 4e6, b) == pytest.approx(float(exact), rel=4 * EPS)
        assert client_time(compact, 0, b) == pytest.approx(0.25 + float(exact), rel=4 * EPS)
    assert client_time(compact, 0, 0.0) == math.inf


@settings(max_examples=30)
@given(problem=problems(min_clients=1, max_tasks=0), factor=st.sampled_from([0.3, 0.9, 1.1, 2.0, 30.0]))
def test_costs_are_those_of_the_twin(problem: Problem, factor: float) -> None:
    """All clients at once; those that can take no part in either are not of interest."""
    chosen = naive.admissible_clients(problem)
    if not chosen.any():
        return
    compact = selection_cell(problem, chosen)
    theta = factor * float(np.median(naive.times(problem, np.full(problem.n_clients, problem.bandwidth_hz))))
    if problem.objective is Objective.TOTAL:
        theta /= problem.bandwidth_hz
    cost, slope = np.empty(compact.client.size), np.empty(compact.client.size)
    cost_pass(compact, theta, cost, slope)
    for i, n in enumerate(compact.client):
        exact = naive.cost(problem, int(n), theta)
        if math.isinf(cost[i]) or math.isinf(float(exact)):
            # The two may part only within the rounding of a cap.
            later = naive.cost(problem, int(n), theta * (1 + 1e-12))
            assert math.isinf(cost[i]) == math.isinf(float(exact)) or not math.isinf(float(later))
        elif problem.objective is Objective.MAKESPAN:
            # 4 ulp, and 6 eps by which the least bandwidths of capped clients are rounded up.
            assert cost[i] == pytest.approx(float(exact), rel=12 * EPS)
            # Zero where a bound binds; 8 ulp elsewhere. Next to a bound either may hold.
            twin = float(naive.least_bandwidth_slope(problem, int(n), theta))
            near_bound = cost[i] <= compact.low[i] * (1 + 16 * EPS)
            assert slope[i] == pytest.approx(twin, rel=16 * EPS) or near_bound
        else:
            # The cost is flat at its minimiser, so only its own evaluation counts: six roundings.
            assert cost[i] == pytest.approx(float(exact), rel=16 * EPS)
            # By the envelope theorem the slope is the bandwidth bought.
            assert slope[i] == pytest.approx(float(naive.priced_bandwidth(problem, int(n), theta)), rel=16 * EPS)


def _many_clients(count: int) -> tuple[np.ndarray, ...]:
    """Payload, C/N0, start, low and high around a deadline of 1: out of reach, clamped either way, and free."""
    rng = np.random.default_rng(2)
    payload = 10.0 ** rng.uniform(3, 8, count)
    start = rng.choice([0.0, 0.2, 0.9, 1.0, 3.0], count)
    cn0 = payload * math.log(2.0) / 10.0 ** rng.uniform(-20, 0.5, count)
    cn0[::2] = payload[::2] * math.log(2.0) * (1.0 + 10.0 ** rng.uniform(-16, 1, cn0[::2].size))
    low = rng.choice([0.0, 1e3, 1e6], count)
    return payload, cn0, start, low, low + rng.choice([0.0, 1e5, 1e9, math.inf], count)


@pytest.mark.parametrize("count", [0, 1, 7, 8, 1003])
@pytest.mark.parametrize("deadline", [1.0, 0.0, -1.0, 1e-9, 1e190, 1e210, math.inf, math.nan])
def test_deadline_pass_is_the_response_bit_for_bit(count: int, deadline: float) -> None:
    payload, cn0, start, low, high = _many_clients(count)
    cost, slope = np.empty(count), np.empty(count)
    deadline_pass(payload, cn0, start, low, high, deadline, cost, slope)
    for i in range(count):
        expected = deadline_response(False, payload[i], cn0[i], start[i], low[i], high[i], 0.0, deadline)
        assert (cost[i], slope[i]) == expected


@pytest.mark.parametrize("count", [0, 1, 7, 8, 1003])
@pytest.mark.parametrize("price", [1e-30, 1e-9, 1e-5, 1.0, 1e30])
def test_price_pass_is_the_response_bit_for_bit(count: int, price: float) -> None:
    payload, cn0, start, low, high = _many_clients(count)
    weight = 10.0 ** np.random.default_rng(3).uniform(-2, 2, count)
    cost, bandwidth = np.empty(count), np.empty(count)
    price_pass(payload, cn0, start, weight, low, high, price, cost, bandwidth)
    for i in range(count):
        b, _ = price_response(False, payload[i], cn0[i], weight[i], low[i], high[i], 0.0, price)
        assert bandwidth[i] == b
        assert cost[i] == weight[i] * (start[i] + upload_time(0, payload[i], cn0[i], b)) + price * b


@pytest.mark.parametrize("objective", ["makespan", "total"])
@pytest.mark.parametrize("model", [0, 1])
def test_slopes_are_differences(objective: str, model: int) -> None:
    rng = np.random.default_rng(1)
    link = {"spectral_efficiency": rng.uniform(0.2, 6.0, 50)} if model == 1 else {}
    compact = cell(some_problem(rng, 50, 0, mandatory=True, objective=objective, **link))
    theta = 40.0 if objective == "makespan" else 1e-5
    h = 1e-5 * theta  # error h^2 relative to the curvature's scale, and eps / 1e-5 of cancellation
    cost, slope, up, down = (np.empty(50) for _ in range(4))
    cost_pass(compact, theta + h, up, slope)
    cost_pass(compact, theta - h, down, slope)
    cost_pass(compact, theta, cost, slope)
    np.testing.assert_allclose(slope, (up - down) / (2 * h), rtol=1e-7)
