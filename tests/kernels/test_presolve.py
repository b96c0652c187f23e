"""Forced clients and implied tasks against exact arithmetic, and what they are for: bounds that do not collapse."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import fedss_opt as fo
from fedss_opt.cells import cell_of, problem_arrays
from fedss_opt.kernels import begin
from fedss_opt.kernels.presolve import force_clients, missing_steps, open_requirement
from fedss_opt.solvers.admm_method import NOBODY

from .. import naive

SIZES = st.sampled_from([0.0, 0.1, 0.3, 1.0 / 3.0, 1.0, 1e-16, 3e-13, 1e-12, 0.7, 2.0**-40, 1e5])


@st.composite
def offers(draw) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Relevances of all sizes, and targets at, just above and just below what some of the clients add up to."""
    n, tasks = draw(st.integers(1, 12)), draw(st.integers(1, 3))
    relevance = np.array(draw(st.lists(SIZES, min_size=n * tasks, max_size=n * tasks))).reshape(tasks, n)
    some = np.array(draw(st.lists(st.booleans(), min_size=n, max_size=n)))
    off = draw(st.sampled_from([0.0, 2.0**-52, -(2.0**-52), 1e-13, -1e-13, 0.1]))
    target = np.array([math.fsum(row[some]) * (1.0 + off) for row in relevance])
    in_play = np.array(draw(st.lists(st.sampled_from([True, True, True, False]), min_size=n, max_size=n)))
    return relevance, target, in_play


@settings(max_examples=500)
@given(offers())
def test_forces_whom_exact_arithmetic_forces(case) -> None:
    relevance, target, in_play = case
    forced = np.zeros(in_play.size, dtype=np.bool_)
    short = force_clients(relevance, target, in_play, forced)
    for k, row in enumerate(relevance):
        surplus = sum((Fraction(float(r)) for r in row[in_play]), Fraction(0)) - Fraction(float(target[k]))
        if short[k]:
            assert target[k] > 0.0
            assert surplus < 0
        elif target[k] > 0.0:
            assert surplus > -Fraction(1e-25) * Fraction(float(target[k]))
    for n in np.flatnonzero(forced):
        assert in_play[n]
        assert any(
            target[k] > 0.0
            and sum((Fraction(float(r)) for i, r in enumerate(row) if in_play[i] and i != n), Fraction(0))
            < Fraction(float(target[k]))
            for k, row in enumerate(relevance)
        )


@settings(max_examples=300)
@given(
    step=st.sampled_from([0.1, 0.3, 1.0 / 3.0, 0.6666666666, 0.07, 1e-9, 12345.6789]),
    chosen=st.lists(st.integers(1, 40), max_size=6),
    count=st.integers(1, 200),
    ulps=st.integers(-3, 3),
)
def test_whole_steps_are_counted_exactly(step: float, chosen: list[int], count: int, ulps: int) -> None:
    """Targets next to a whole number of steps, whose product with the step is rounded either way."""
    relevance = np.array([m * step for m in chosen])
    target = math.fsum([*relevance, count * step])
    for _ in range(abs(ulps)):
        target = math.nextafter(target, math.inf if ulps > 0 else 0.0)
    all_of_them = np.ones(relevance.size, dtype=np.bool_)
    exact = Fraction(target) - sum(map(Fraction, relevance.tolist()), Fraction(0))
    missing, _ = open_requirement(target, 0.0, relevance, all_of_them, all_of_them)
    if exact > 0:
        assert missing_steps(target, missing, step, relevance, all_of_them, all_of_them) == math.ceil(
            exact / Fraction(step)
        )


@pytest.mark.parametrize("method", ["admm", "exact"])
def test_a_target_an_ulp_above_whole_steps_asks_for_one_more(method: str) -> None:
    """Three steps of 0.6666666666 miss what is open by 1e-16, which the rounded product of the two hides."""
    problem = fo.Problem(
        payload_bits=[5e5, 8e5, 6e5, 3e6, 2e6],
        cn0_hz=1e7,
        bandwidth_hz=1e6,
        relevance=[1.9999999998, 0.6666666666, 1.3333333332, 1.3333333332, 2.3333333330999997],
        required=6.333333332706333,
    )
    solution = fo.solve(problem, method=method)
    assert solution.objective_s == pytest.approx(naive.brute_force(problem).value, rel=1e-9)


def everybody_is_needed(clients: int) -> fo.Problem:
    return fo.Problem(payload_bits=1e6, cn0_hz=1e7, bandwidth_hz=1e6, relevance=[1.0] * clients, required=clients)


def test_a_task_that_needs_everybody_is_solved_at_the_root() -> None:
    problem = everybody_is_needed(54)
    cell, _ = cell_of(problem)
    assert cell.free == 0
    for method in ("admm", "exact"):
        solution = fo.solve(problem, method)
        assert solution.objective_s == pytest.approx(5.947474034670965, rel=1e-14)
        assert solution.gap < 1e-13
    assert solution.objective_s == fo.solve(problem.replace(mandatory=True)).objective_s


def test_a_task_that_needs_everybody_beside_others() -> None:
    """The first of the found false optima: 1.6649219 s was said to be optimal."""
    rng = np.random.default_rng(8)
    relevance = np.zeros((2, 62))
    relevance[0, :54] = 1
    relevance[1, 54:] = np.round(rng.random(8), 2) + 0.01
    problem = fo.Problem(
        payload_bits=np.r_[np.full(54, 1e6), np.round(rng.uniform(0.5, 3, 8), 1) * 1e6],
        cn0_hz=1e7,
        bandwidth_hz=5e6,
        relevance=relevance,
        required=[54, 0.4 * relevance[1].sum()],
    )
    solution = fo.solve(problem, "exact")
    assert solution.status is fo.Status.OPTIMAL
    assert solution.objective_s == pytest.approx(1.6626533187, rel=1e-9)
    assert solution.selected[:54].all()
    assert fo.check(problem, solution).ok


def open_tasks(problem: fo.Problem) -> list[int]:
    """Tasks that the ADMM has to do with."""
    arrays = problem_arrays(problem, problem.mandatory, problem.available, problem.required)
    cell, _, _ = begin(arrays, NOBODY, math.nan, np.zeros(problem.n_tasks))
    return cell.task.tolist()


@pytest.mark.parametrize("factor", [1.0, 0.5, 3.0])
def test_a_task_twice_counts_once(factor: float) -> None:
    problem = fo.scenarios.make("yang2021", n_clients=20, n_tasks=2, seed=1)
    relevance, required = problem.relevance, problem.required
    twice = problem.replace(
        relevance=np.vstack([relevance, factor * relevance[:1]]),
        required=[*required, factor * required[0]],
        task_ids=None,
    )
    assert open_tasks(twice) == open_tasks(problem)
    assert cell_of(twice)[0].task.size == cell_of(problem)[0].task.size + 1  # a certificate may rest on it
    assert fo.solve(twice).lower_bound_s == fo.solve(problem).lower_bound_s


def test_an_easier_task_drops_out() -> None:
    problem = fo.scenarios.make("yang2021", n_clients=20, n_tasks=1, seed=1)
    easier = problem.replace(
        relevance=np.vstack([1.25 * problem.relevance, problem.relevance]),
        required=[0.5 * problem.required[0]] * 2,
        task_ids=None,
    )
    assert open_tasks(easier) == [1]


@settings(max_examples=60)
@given(st.integers(0, 10**6), st.sampled_from(["makespan", "total"]))
def test_a_forced_client_made_mandatory_changes_nothing(seed: int, objective: str) -> None:
    rng = np.random.default_rng(seed)
    n = int(rng.integers(2, 9))
    relevance = np.round(rng.random((2, n)), 1)
    problem = fo.Problem(
        payload_bits=rng.uniform(0.5e6, 5e6, n),
        cn0_hz=rng.uniform(1e6, 3e7, n),
        bandwidth_hz=1e6,
        relevance=relevance,
        required=[relevance[0].sum() - 0.5 * relevance[0].min(), 0.4 * relevance[1].sum()],
        objective=objective,
    )
    same = problem.replace(mandatory=relevance[0] > 0.5 * relevance[0].min())
    one, other = fo.solve(problem, "exact"), fo.solve(same, "exact")
    assert one.status is other.status is fo.Status.OPTIMAL
    assert one.objective_s == pytest.approx(other.objective_s, rel=3e-9)  # each is within 1e-9 of the optimum
