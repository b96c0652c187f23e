"""The relaxation's best bound, against HiGHS at every price that a slow scan looks at."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

import fedss_opt as fo
from fedss_opt import Problem
from fedss_opt.cells import cell_of
from fedss_opt.kernels import TOTAL, Cell, certified_bound, make_work, state
from fedss_opt.kernels.dual import dual_value
from fedss_opt.kernels.oracle import cost_pass
from fedss_opt.kernels.relaxation import relax, relax_at

from ..strategies import problems
from .cells import cell, some_problem

pytestmark = pytest.mark.usefixtures("warm")

TOLERANCE = 1e-9  # what the price search is asked for
CLOSE = 1e-6  # HiGHS is exact to 1e-7 of the scaled data
BOTH = pytest.mark.parametrize("objective", ["makespan", "total"])
INF = math.inf


# -- the slow way --


def _programme(compact: Cell, theta: float) -> tuple[float, np.ndarray, float]:
    """Least cost of a fractional cover at theta, its multipliers, and the bandwidth that it buys (total latency)."""
    cost, slope = np.empty(compact.client.size), np.empty(compact.client.size)
    cost_pass(compact, theta, cost, slope)
    free, tasks = cost[: compact.free], compact.aim.size
    within = np.isfinite(free)
    fixed, fixed_slope = cost[compact.free :].sum(), slope[compact.free :].sum()
    none = np.zeros(tasks)
    if tasks == 0 or fixed == INF:
        return float(fixed), none, float(fixed_slope)
    if (compact.relevance[within].sum(axis=0) < 1.0).any():
        return INF, none, 0.0
    scale = free[within].max() or 1.0
    found = linprog(
        free[within] / scale,
        A_ub=-compact.relevance[within].T,
        b_ub=-np.ones(tasks),
        bounds=(0, 1),
        options={"primal_feasibility_tolerance": 1e-9, "dual_feasibility_tolerance": 1e-9},
    )
    if found.status != 0:  # short by the rounding of a sum
        return INF, none, 0.0
    mu = np.maximum(-found.ineqlin.marginals, 0.0) * scale
    return float(found.fun * scale + fixed), mu, float(found.x @ slope[: compact.free][within] + fixed_slope)


def _best_deadline(compact: Cell) -> float:
    """The last T at which a fractional cover costs more than the carrier, by bisection from nothing."""
    below, above, best = 0.0, 1.0, 0.0
    while True:
        value, mu, _ = _programme(compact, above)
        best = max(best, certified_bound(compact, False, above, mu))
        if value <= compact.total_hz:
            break
        below, above = above, 2.0 * above
        if above > 1e300:
            return INF
    while above - below > 1e-9 * above:
        middle = math.sqrt(below * above) if below > 0.0 else 0.5 * above
        value, mu, _ = _programme(compact, middle)
        best = max(best, certified_bound(compact, False, middle, mu))
        if value > compact.total_hz:
            below = middle
        else:
            above = middle
        if above < 1e-300:
            break
    return max(best, below)  # without clients enough in reach HiGHS has no multipliers


def _best_price(compact: Cell) -> float:
    """The best bound over prices: the bandwidth bought tells on which side of a price the best one is."""
    value, mu, bought = _programme(compact, 0.0)
    best = certified_bound(compact, False, 0.0, mu)
    if bought <= compact.total_hz or value == INF:
        return best
    below, above = 0.0, 1e-6
    while _programme(compact, above)[2] > compact.total_hz:
        below, above = above, 4.0 * above
        if above > 1e100:
            return INF
    for _ in range(200):
        middle = math.sqrt(below * above) if below > 1e-12 * above else 0.5 * (below + above)
        _, mu, bought = _programme(compact, middle)
        best = max(best, certified_bound(compact, False, middle, mu))
        if bought > compact.total_hz:
            below = middle
        else:
            above = middle
        if above - below <= 1e-9 * above:
            break
    return best


def _best_bound(compact: Cell) -> float:
    return _best_price(compact) if compact.objective == TOTAL else _best_deadline(compact)


# -- problems --


def _some(seed: int, objective: str, kind: str) -> Problem:
    """A small cell of a kind in which price searches have gone astray."""
    rng = np.random.default_rng([seed, len(kind)])
    n, tasks = int(rng.integers(3, 16)), int(rng.integers(1, 4))
    band = 2e5 * n
    changes: dict[str, object] = {"objective": objective, "bandwidth_hz": band}
    if rng.random() < 0.5:
        changes["spectral_efficiency"] = rng.uniform(0.3, 5.6, n)
    if kind == "blocks":
        changes["resource_block_hz"] = band / float(rng.choice([n, 2 * n, 50, 1000]))
        changes["payload_bits"] = rng.integers(1, 6, n) * 1e6
    elif kind == "plenty":  # bandwidth is not scarce for a whole selection: its price is zero
        changes["max_bandwidth_hz"] = rng.choice([0.1, 0.3, 0.6], n) * band
    elif kind == "limits":
        changes["min_bandwidth_hz"] = rng.choice([0.0, 0.05, 0.1], n) * band
        changes["max_bandwidth_hz"] = rng.choice([0.2, 0.5, 1.0], n) * band
    problem = some_problem(rng, n, tasks, **changes)
    if kind == "nearly the same task":
        noise = 10.0 ** rng.uniform(-12, -3)
        near = np.clip(problem.relevance * (1.0 + noise * rng.standard_normal((tasks, n))), 0.0, None)
        relevance = np.vstack([problem.relevance, near, problem.relevance[:1]])
        problem = problem.replace(relevance=relevance, required=0.3 * relevance.sum(axis=1))
    return problem


KINDS = ("plain", "blocks", "plenty", "limits", "nearly the same task")


@BOTH
@pytest.mark.parametrize("kind", KINDS)
def test_no_price_proves_more(objective: str, kind: str) -> None:
    """From wherever the search starts it ends at the best bound there is."""
    tried = 0
    for seed in range(7):
        compact, short = cell_of(_some(seed, objective, kind))
        if short.any():
            continue
        best = _best_bound(compact)
        if best == INF:
            continue
        unit = best if objective == "makespan" else best / compact.total_hz
        for first in (unit, 1e-3 * unit, 1e3 * unit, *([0.0] if objective == "total" else [])):
            work = make_work(compact)
            relax(compact, work, first, TOLERANCE)
            bound = certified_bound(compact, False, work.state[state.BOUND_PRICE], work.bound_mu)
            assert bound >= best * (1.0 - CLOSE), (seed, first)
            assert bound <= best * (1.0 + CLOSE), (seed, first)
            tried += 1
    assert tried > 10


@settings(max_examples=40)
@given(problem=problems(min_clients=2, max_clients=6))
def test_the_method_s_bound_is_the_relaxation_s(problem: Problem) -> None:
    solution = fo.solve(problem, gap_tol=0.0)
    compact, short = cell_of(problem)
    if short.any() or solution.lower_bound_s == INF:
        return
    best = _best_bound(compact)
    if not best < INF:  # infeasible, or so late that the scan gave up
        return
    assert solution.lower_bound_s >= min(best * (1.0 - CLOSE), solution.objective_s * (1.0 - 1e-12))


@BOTH
@pytest.mark.parametrize("kind", KINDS)
def test_at_one_price_it_is_the_linear_programme(objective: str, kind: str) -> None:
    rng = np.random.default_rng(5)
    for seed in range(12):
        compact, short = cell_of(_some(seed, objective, kind))
        if short.any():
            continue
        for factor in 10.0 ** rng.uniform(-1, 1, 3):
            theta = float(factor) * (3.0 if objective == "makespan" else 1e-6)
            value, _, _ = _programme(compact, theta)
            work = make_work(compact)
            work.mu[:] = rng.uniform(0.0, 1.0, work.mu.size) * (compact.total_hz if objective == "makespan" else 1.0)
            found = relax_at(compact, work, theta)
            assert found == pytest.approx(value, rel=CLOSE)
            if value < INF:
                assert (work.mu >= 0.0).all()
                assert dual_value(compact, work.mu, work.cost) == found


# -- cases --


def test_whole_blocks_do_not_lose_the_bound() -> None:
    """A plateau above which nothing was proven: Newton crept along it, 1e-10 a step, until its turns were up."""
    problem = fo.scenarios.make("yang2021", n_clients=100, n_tasks=1, seed=0).replace(resource_block_hz=180e3)
    solution = fo.solve(problem)
    assert solution.status is fo.Status.OPTIMAL
    assert solution.lower_bound_s >= _best_bound(cell(problem)) * (1.0 - CLOSE)


def test_a_price_of_zero_can_be_left() -> None:
    """Client 0 alone leaves bandwidth over, a fractional cover by the others does not; no factor leads away from 0."""
    problem = Problem(
        payload_bits=[2.4e6, 1e6, 1e6],
        spectral_efficiency=1.0,
        max_bandwidth_hz=6e5,
        bandwidth_hz=6.5e5,
        objective="total",
        relevance=[[1.0, 0.9, 0.9]],
        required=1.0,
    )
    best = _best_bound(cell(problem))
    solution = fo.solve(problem)
    assert solution.selected.tolist() == [True, False, False]
    assert solution.objective_s == pytest.approx(4.0)
    assert best > (1.0 + 1.0 / 9.0) / 0.6 * 1.01  # what the cover takes where bandwidth costs nothing
    assert solution.lower_bound_s >= best * (1.0 - CLOSE)
    work = make_work(cell(problem))
    relax(cell(problem), work, 0.0, TOLERANCE)
    assert work.state[state.BOUND] >= best * (1.0 - CLOSE)


def test_a_copied_task_costs_nothing() -> None:
    """The same relaxation once more, by a task that is there already, or is but for its last digits."""
    for seed in (0, 1, 2, 27, 115, 121):
        problem = _some(seed, "total", "plenty")
        alone = fo.solve(problem, gap_tol=0.0)
        if not alone.has_answer:
            continue
        for noise in (0.0, 1e-13, 1e-9):
            copied = problem.replace(
                relevance=np.vstack([problem.relevance, problem.relevance[-1:] * (1.0 + noise)]),
                required=np.append(problem.required, problem.required[-1] * (1.0 + noise)),
            )
            again = fo.solve(copied, gap_tol=0.0)
            assert again.lower_bound_s == pytest.approx(alone.lower_bound_s, rel=CLOSE)


def test_a_client_held_at_its_least_bandwidth_does_not_end_the_search() -> None:
    """Least bandwidths that all but fill the carrier: the value is within 1e-7 of B long before T is the last one."""
    problem = Problem(
        payload_bits=[1e6, 1e6],
        spectral_efficiency=1.0,
        compute_s=[0.0, 1.0],
        min_bandwidth_hz=[(1.0 - 1e-7) * 1e6, 0.0],
        bandwidth_hz=1e6,
        relevance=[[1.0, 1.0]],
        required=2.0,
    )
    compact = cell(problem)
    work = make_work(compact)
    relax(compact, work, 1e5, 1e-4)
    assert work.state[state.BOUND] == pytest.approx(_best_bound(compact), rel=1e-4)


def test_past_a_jump_the_search_ends_where_a_selection_can_be() -> None:
    """Client 0 alone can do it, from T = 2 on; before it is in reach three others are needed, on more than there is."""
    problem = Problem(
        payload_bits=[1e6, 1e6, 1e6, 1e6],
        spectral_efficiency=1.0,
        max_bandwidth_hz=[5e5, INF, INF, INF],
        bandwidth_hz=1e6,
        relevance=[[3.0, 1.0, 1.0, 1.0]],
        required=3.0,
    )
    compact = cell(problem)
    work = make_work(compact)
    relax(compact, work, 3.0, TOLERANCE)
    assert work.state[state.BOUND] == pytest.approx(2.0, rel=CLOSE)
    assert work.state[state.THETA] >= 2.0
    assert (work.reduced < 0.0).sum() + work.x_basic.sum() == pytest.approx(1.0)
    assert fo.solve(problem).objective_s == pytest.approx(2.0)


def test_clients_missing_before_a_jump_are_selected() -> None:
    """Rounded before the jump, the answer was a third too long."""
    problem = Problem(
        payload_bits=np.array([0.3, 4.25, 0.64, 0.58, 0.75, 2.55, 3.99, 0.46, 1.98, 1.91, 2.07]) * 1e6,
        spectral_efficiency=[4.4, 2.4, 0.6, 5.5, 5.4, 2.2, 3.5, 3.4, 5.4, 2.5, 5.0],
        max_bandwidth_hz=np.array([13.2, INF, 4.4, 4.4, 6.6, INF, INF, 6.6, 13.2, INF, 6.6]) * 1e5,
        bandwidth_hz=5.72e6,
        relevance=[[0.63, 0.31, 0.52, 0.12, 0.15, 0.68, 0.97, 0.99, 0.83, 0.97, 0.88]],
        required=2.47,
    )
    assert fo.solve(problem).objective_s == pytest.approx(0.20499108734402852, rel=1e-9)


# -- warm starts --


def test_an_earlier_answer_does_not_cost_the_bound() -> None:
    """Blocks of which the answer's own T is the last place where Newton moves."""
    problem = Problem(
        payload_bits=[5e6, 2e6, 2e6],
        cn0_hz=[21e6, 8e6, 14e6],
        bandwidth_hz=3e5,
        resource_block_hz=1e5,
        relevance=[[3, 2, 3]],
        required=4,
    )
    best = _best_bound(cell(problem))
    assert best == pytest.approx(1.8665241, rel=CLOSE)
    cold = fo.solve(problem)
    assert cold.lower_bound_s >= best * (1.0 - CLOSE)
    assert fo.solve(problem, warm_start=cold).lower_bound_s >= cold.lower_bound_s * (1.0 - 1e-12)


@settings(max_examples=60)
@given(problem=problems(max_clients=6), blocks=st.sampled_from([0, 3, 10, 100]), gap_tol=st.sampled_from([1e-4, 0.1]))
def test_its_own_answer_takes_nothing_from_the_bound(problem: Problem, blocks: int, gap_tol: float) -> None:
    if blocks:
        problem = problem.replace(resource_block_hz=problem.bandwidth_hz / blocks)
    cold = fo.solve(problem, gap_tol=gap_tol)
    again = fo.solve(problem, gap_tol=gap_tol, warm_start=cold)
    assert again.lower_bound_s >= cold.lower_bound_s * (1.0 - 1e-12)
    assert again.objective_s <= cold.objective_s * (1.0 + 1e-12)
