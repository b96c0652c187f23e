"""From a selection to an answer: bandwidths, figures and statuses."""

from __future__ import annotations

import math

import numpy as np
import pytest

from fedss_opt import Problem, Status, StopReason
from fedss_opt.solvers.selection_answer import answer, optimal_bandwidth

from .. import naive
from ..kernels.cells import some_problem

pytestmark = pytest.mark.usefixtures("warm")

EPS = float(np.finfo(float).eps)


def _chosen(problem: Problem) -> np.ndarray:
    return np.arange(problem.n_clients) % 2 == 0


@pytest.mark.parametrize("objective", ["makespan", "total"])
def test_bandwidths_are_the_twin_s(objective: str) -> None:
    problem = some_problem(np.random.default_rng(1), 12, 2, objective=objective)
    chosen = _chosen(problem)
    b = optimal_bandwidth(problem, chosen)
    assert b is not None
    assert b.shape == (12,)
    assert (b[~chosen] == 0.0).all()
    assert math.fsum(b) <= problem.bandwidth_hz
    assert problem.objective_s(chosen, b) == pytest.approx(naive.objective_of(problem, chosen), rel=1e-12)
    # Whatever the guess, to within the part in 1e15 of the carrier that is kept back.
    theta = problem.objective_s(chosen, b)
    for guess in (0.0, theta, 1e-9, 1e9, math.inf, -1.0):
        other = optimal_bandwidth(problem, chosen, guess=guess)
        assert other is not None
        assert problem.objective_s(chosen, other) == pytest.approx(theta, rel=1e-12)


@pytest.mark.parametrize("objective", ["makespan", "total"])
def test_nobody_needs_nothing(objective: str) -> None:
    problem = some_problem(np.random.default_rng(2), 3, 1, objective=objective)
    b = optimal_bandwidth(problem, np.zeros(3, dtype=bool))
    assert b is not None
    assert not b.any()
    empty = Problem(payload_bits=[], cn0_hz=[], bandwidth_hz=1.0, objective=objective)
    assert optimal_bandwidth(empty, np.zeros(0, dtype=bool)) is not None


@pytest.mark.parametrize("objective", ["makespan", "total"])
def test_what_cannot_be_met_has_no_bandwidths(objective: str) -> None:
    problem = some_problem(np.random.default_rng(3), 4, 0, objective=objective, min_bandwidth_hz=3e5)
    assert optimal_bandwidth(problem, np.array([True, True, False, False])) is not None
    assert optimal_bandwidth(problem, np.array([True, True, True, False])) is None
    slow = some_problem(np.random.default_rng(3), 4, 0, objective=objective, max_upload_s=1e-6)
    assert optimal_bandwidth(slow, np.array([True, False, False, False])) is None


def test_least_bandwidths_that_fill_the_carrier_are_given_as_they_are() -> None:
    low = [0.1e6, 0.2e6, 0.7e6]
    for objective in ("makespan", "total"):
        problem = Problem(
            payload_bits=[1e6] * 3, cn0_hz=1e7, bandwidth_hz=math.fsum(low), min_bandwidth_hz=low, objective=objective
        )
        b = optimal_bandwidth(problem, np.ones(3, dtype=bool))
        assert b is not None
        assert b.tolist() == low


@pytest.mark.parametrize("link", [{"cn0_hz": [1e7]}, {"spectral_efficiency": [2.0]}])
def test_a_cap_that_the_whole_carrier_just_meets(link: dict[str, list[float]]) -> None:
    """Feasible, and only just: the rounding up of bandwidths must not make it impossible."""
    plain = {"payload_bits": [1e6], "bandwidth_hz": 1e6, **link}
    least = float(Problem(**plain).upload_s(1e6)[0])
    for objective in ("makespan", "total"):
        b = optimal_bandwidth(Problem(max_upload_s=least, objective=objective, **plain), np.ones(1, dtype=bool))
        assert b is not None
        assert b.tolist() == [1e6]


@pytest.mark.parametrize("objective", ["makespan", "total"])
def test_figures_come_from_the_data(objective: str) -> None:
    problem = some_problem(np.random.default_rng(4), 6, 1, objective=objective)
    chosen = _chosen(problem)
    b = optimal_bandwidth(problem, chosen)
    assert b is not None
    made = answer(problem, chosen, b, method="mine", stop_reason=StopReason.TIME, iterations=7, message="so")
    assert made.objective_s == problem.objective_s(chosen, b)
    assert made.latency_s == problem.latency_s(chosen, b)
    assert (made.method, made.stop_reason, made.iterations, made.message) == ("mine", StopReason.TIME, 7, "so")
    assert made.status is Status.FEASIBLE  # no bound, nothing proven
    assert math.isnan(made.gap)


@pytest.mark.parametrize(
    ("share", "gap_tol", "status"),
    [
        (1.0, 0.0, Status.OPTIMAL),
        (1.0 - 1e-9, 0.0, Status.FEASIBLE),
        (1.0 - 1e-9, 1e-8, Status.OPTIMAL),
        (0.5, 0.9, Status.FEASIBLE),
        (0.5, 1.0, Status.OPTIMAL),
        (0.0, 1e9, Status.FEASIBLE),
        (1.1, 0.0, Status.OPTIMAL),
    ],
)
def test_the_status_is_what_the_bound_proves(share: float, gap_tol: float, status: Status) -> None:
    problem = some_problem(np.random.default_rng(5), 6, 1)
    chosen = _chosen(problem)
    b = optimal_bandwidth(problem, chosen)
    assert b is not None
    bound = share * problem.objective_s(chosen, b)
    made = answer(problem, chosen, b, method="mine", lower_bound_s=bound, gap_tol=gap_tol)
    assert made.status is status
    assert made.stop_reason is (StopReason.GAP if status is Status.OPTIMAL else StopReason.STALLED)
    assert (made.gap <= gap_tol * (1 + 4 * EPS)) == (status is Status.OPTIMAL)


def test_taking_no_time_is_optimal() -> None:
    empty = Problem(payload_bits=[], cn0_hz=[], bandwidth_hz=1.0)
    made = answer(empty, np.zeros(0, dtype=bool), np.zeros(0), method="mine", lower_bound_s=0.0)
    assert made.status is Status.OPTIMAL
    assert made.gap == 0.0
