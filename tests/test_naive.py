"""The slow twins against each other: double precision against sixty digits, shortcuts against none."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize

from fedss_opt import Objective, Problem

from . import naive
from .strategies import problems


@settings(max_examples=15)
@given(problem=problems(min_clients=1, max_clients=4, max_tasks=0), factor=st.sampled_from([0.3, 1.0, 1.1, 7.0]))
def test_both_layers_agree_on_the_oracle(problem: Problem, factor: float) -> None:
    most = np.minimum(problem.max_bandwidth_hz, problem.bandwidth_hz)
    deadline = factor * float(naive.times(problem, most).max())
    upload = np.minimum(deadline - problem.compute_s, problem.max_upload_s)
    found, clients = naive.least_bandwidths(problem, deadline), range(problem.n_clients)
    for n in clients:
        exact = float(naive.least_bandwidth(problem, n, deadline))
        # The upload time T - c errs by eps T, and beta amplifies a relative change of it by b r / (b r' tau),
        # which the slope knows; 40 eps are for the evaluation itself.
        slope = abs(float(naive.least_bandwidth_slope(problem, n, deadline)))
        margin = 40 * np.finfo(float).eps * (exact + (0.0 if math.isnan(slope) else slope) * deadline)
        if math.isinf(exact) or math.isinf(found[n]):
            edge = naive.least_bandwidth(problem, n, deadline * (1 + 1e-12))
            assert math.isinf(exact) == math.isinf(found[n]) or float(edge) > most[n] * (1 - 1e-9) or upload[n] < 0
        else:
            assert found[n] == pytest.approx(exact, rel=0, abs=margin)
    for price in (0.0, factor * deadline / problem.bandwidth_hz):
        cost, twin = (
            naive.priced_costs(problem, price),
            [float(naive.priced_cost(problem, n, price)) for n in clients],
        )
        # The cost is flat at its minimiser: the error is that of its evaluation, a few eps of each term.
        np.testing.assert_allclose(cost, twin, rtol=1e-14)


@settings(max_examples=15)
@given(problem=problems(max_clients=5))
def test_brute_force_equals_trying_all_subsets(problem: Problem) -> None:
    best = math.inf
    for row in itertools.product([False, True], repeat=problem.n_clients):
        chosen = np.array(row, dtype=bool)
        if (problem.mandatory & ~chosen).any() or (chosen & ~problem.available).any():
            continue
        if naive.covers(problem, chosen):
            best = min(best, naive.objective_of(problem, chosen))
    # Both take the same evaluation of a selection; brute force may stop 1e-12 short.
    assert naive.brute_force(problem).value == pytest.approx(best, rel=2e-12)


@settings(max_examples=25)
@given(problem=problems(min_clients=1, max_clients=3, objective="total"))
def test_total_latency_is_no_better_with_a_general_optimiser(problem: Problem) -> None:
    everyone = np.ones(problem.n_clients, dtype=bool)
    priced = naive.total_of(problem, everyone)
    if not math.isfinite(priced.value):
        return
    b, band = priced.bandwidth, problem.bandwidth_hz
    assert math.fsum(b.tolist()) <= band * (1 + 1e-13)
    least = naive.least_bandwidths(problem, math.inf)
    most = np.minimum(problem.max_bandwidth_hz, band)
    bounds = [(max(lo, 1e-6 * band) / band, hi / band) for lo, hi in zip(least, most, strict=True)]
    scale = priced.value

    def value(x: np.ndarray) -> float:
        return float((problem.weights * naive.times(problem, x * band)).sum()) / scale

    result = minimize(
        value,
        b / band * (1 - 1e-3),
        bounds=bounds,
        constraints={"type": "ineq", "fun": lambda x: 1.0 - x.sum()},
        method="SLSQP",
    )
    # SLSQP may leave its constraint by its own tolerance of 1e-6; it must not find anything clearly better.
    assert result.fun >= 1.0 - 1e-4


@settings(max_examples=15)
@given(
    problem=problems(min_clients=1, max_clients=4, plain=True),
    factor=st.sampled_from([1.0 + 1e-9, 1.3, 3.0]),
    share=st.sampled_from([0.0, 0.5, 1.0, 2.0]),
)
def test_weak_duality_of_the_relaxation(problem: Problem, factor: float, share: float) -> None:
    """No multipliers whatever give more than the linear programme, and none of it exceeds the integers."""
    most = np.minimum(problem.max_bandwidth_hz, problem.bandwidth_hz)
    theta = factor * float(naive.times(problem, most).max())
    if problem.objective is Objective.TOTAL:
        theta /= problem.bandwidth_hz
    relaxed = naive.lp_relaxation(problem, theta)
    phi = naive.costs(problem, theta)
    rows = naive.minimal_selections(problem)
    if not len(rows):
        return
    integer = float(np.where(rows, phi, 0.0).sum(axis=1).min())
    # HiGHS answers to feasibility tolerances of 1e-7 on scaled data.
    assert relaxed <= integer * (1 + 1e-6)
    reach = problem.relevance.sum(axis=1)
    mu = np.where(reach > 0.0, share * phi[np.isfinite(phi)].sum() / np.where(reach > 0.0, reach, 1.0), 0.0)
    if math.isfinite(relaxed):
        plain = float(naive.dual_value(problem, mu, theta, tightened=False))
        assert plain <= relaxed + 1e-6 * integer
        # A hair for the integers' sum in double precision.
        assert plain <= float(naive.dual_value(problem, mu, theta)) <= integer * (1 + 1e-12)


@given(
    rows=st.integers(1, 3),
    columns=st.integers(1, 6),
    seed=st.integers(0, 10_000),
)
def test_projection_satisfies_its_optimality_conditions(rows: int, columns: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    relevance = rng.integers(0, 4, (rows, columns)).astype(float)
    relevance[:, 0] += 1.0  # every task can be served
    point, required = rng.normal(size=columns), rng.uniform(0, 5, rows)
    nearest = naive.projection(relevance, required, point)
    scale = 1.0 + np.abs(nearest).max()
    assert (relevance @ nearest >= required - 1e-9 * scale).all()
    # Nearest: no feasible point lies on the other side of the tangent plane.
    for _ in range(20):
        other = nearest + rng.normal(size=columns)
        other[0] += max(0.0, float(((required - relevance @ other) / relevance[:, 0]).max()))
        assert (other - nearest) @ (nearest - point) >= -1e-8 * scale**2
