"""A flag that is set already: whatever looks at it returns after a pass at most, and leaves what it had in order."""

from __future__ import annotations

import math

import numpy as np
import pytest

from fedss_opt.cells import cell_of, problem_arrays
from fedss_opt.kernels import advance, begin, close_early, conclude, make_work, state
from fedss_opt.kernels.admm import admm_iterations, gram
from fedss_opt.kernels.dual import supported_price
from fedss_opt.kernels.knapsack import covering_knapsack
from fedss_opt.kernels.opening import set_price
from fedss_opt.kernels.relaxation import relax, relax_at
from fedss_opt.kernels.roots import selection_theta
from fedss_opt.kernels.search import cover_statically, exchange, measure_slack, repair
from fedss_opt.kernels.vectors import order_by
from fedss_opt.kernels.vertex import vertex_ascent
from fedss_opt.solvers.admm_method import DEFAULT_TUNING, NOBODY

from .cells import NEVER, cell, some_problem

SET = np.ones(1, dtype=np.bool_)


@pytest.fixture
def compact():
    """A cell of 40 clients whose flag is set."""
    return cell(some_problem(np.random.default_rng(5), 40, 3))._replace(stop=SET)


def test_sorting_stops_at_runs(compact) -> None:
    values = np.random.default_rng(0).random(1000)
    assert (order_by(values, NEVER) == np.argsort(values, kind="stable")).all()
    early = order_by(values, SET)
    assert (np.sort(early) == np.arange(1000)).all()
    assert not (early == np.argsort(values, kind="stable")).all()


def test_the_admm_iterates_no_further(compact) -> None:
    work = make_work(compact)
    set_price(compact, work, 1.0)
    v, nu = np.full(compact.free, 0.5), np.zeros(compact.aim.size)
    residuals = admm_iterations(compact, work.cost, 1.0, gram(compact.relevance), v, nu, work.reduced, 10)
    assert residuals == (np.inf, np.inf)
    assert (v == 0.5).all()
    assert (nu == 0.0).all()


def test_a_vertex_ascent_walks_no_edge(compact) -> None:
    tasks = compact.aim.size
    basis = compact.free + np.arange(tasks)
    mu, x, reduced = np.zeros(tasks), np.zeros(tasks), np.zeros(compact.free)
    cost = np.ones(compact.free)
    need = np.ones(tasks)
    assert vertex_ascent(compact.relevance, need, cost, basis.copy(), mu, x, reduced, 100, NEVER)[1] > 0
    assert vertex_ascent(compact.relevance, need, cost, basis, mu, x, reduced, 100, SET) == (False, 0)
    assert (basis == compact.free + np.arange(tasks)).all()


def test_the_price_stays_where_it_is(compact) -> None:
    work = make_work(compact)
    relax(compact, work, 1.0, 1e-7)
    assert work.state[state.THETA] == 1.0
    assert work.state[state.PRICE_ROUNDS] == 0.0
    assert relax_at(compact, work, 1e3) == -np.inf
    assert work.state[state.BOUND] == 0.0


def test_roots_and_bounds_claim_nothing(compact) -> None:
    members = np.arange(compact.client.size)
    assert selection_theta(compact._replace(stop=NEVER), members, members.size, np.nan) < np.inf
    assert selection_theta(compact, members, members.size, np.nan) == np.inf
    mu = np.full(compact.aim.size, 2.0 * compact.total_hz)
    assert 0.0 < supported_price(compact._replace(stop=NEVER), mu, 1e9) < 1e9
    assert supported_price(compact, mu, 1e9) == 0.0


def test_selections_are_left_as_they_are(compact) -> None:
    relevance, aim = compact.relevance, compact.aim
    cost, mu, slack = np.ones(compact.free), np.zeros(aim.size), np.empty(aim.size)
    chosen = np.zeros(compact.free, dtype=bool)
    assert not cover_statically(relevance, aim, cost, chosen, slack, SET)
    measure_slack(relevance, aim, chosen, slack)
    assert not repair(relevance, cost, chosen, slack, SET)
    assert not chosen.any()
    chosen[:] = True
    measure_slack(relevance, aim, chosen, slack)
    assert exchange(relevance, cost, cost, mu, chosen, slack, 48, 100, SET) == 0.0
    assert chosen.all()


def test_the_knapsack_gives_up() -> None:
    cost, relevance = np.array([5.0, 1.0, 1.0]), np.array([5.0, 1.0, 1.0])
    assert covering_knapsack(cost, relevance, 3.0, 1.0, 1e9, 10**6, NEVER)[0] == 1
    assert covering_knapsack(cost, relevance, 3.0, 1.0, 1e9, 10**6, SET)[0] == -1


@pytest.mark.parametrize("objective", ["makespan", "total"])
@pytest.mark.parametrize("steps", range(8))
def test_a_solve_cut_after_any_step_keeps_what_it_had(objective: str, steps: int) -> None:
    problem = some_problem(np.random.default_rng(steps), 60, 3).replace(objective=objective)
    compact, _ = cell_of(problem, stop=np.zeros(1, dtype=np.bool_))
    work = make_work(compact)
    for _ in range(steps):
        advance(compact, work, 1e-9, 1.0, 2000, *DEFAULT_TUNING.switches)
    before = work.state.copy(), work.best.copy(), work.bound_mu.copy()
    compact.stop[0] = True
    advance(compact, work, 1e-9, np.inf, 2000, *DEFAULT_TUNING.switches)
    for place in (state.PHASE, state.OBJECTIVE, state.BOUND, state.ITERATIONS):
        assert work.state[place] == before[0][place]
    assert (work.best == before[1]).all()
    assert (work.bound_mu == before[2]).all()


@pytest.mark.parametrize("objective", ["makespan", "total"])
def test_multipliers_make_an_answer_where_there_is_none(objective: str) -> None:
    """Those of the ADMM's first iterations, the selections thrown away, as the sample of a large cell leaves them."""
    problem = some_problem(np.random.default_rng(3), 300, 3).replace(objective=objective)
    arrays = cell_of(problem)[0]
    work = make_work(arrays)
    while work.state[state.PHASE] < state.VERTEX:
        advance(arrays, work, 1e-9, 1.0, 2000, *DEFAULT_TUNING.switches)
    work.state[state.OBJECTIVE] = work.state[state.PRICE] = np.inf
    work.state[state.BOUND] = 0.0
    close_early(arrays, work)
    outcome = conclude(arrays, work, problem.n_clients, problem.n_tasks)
    assert outcome.found
    assert problem.covers(outcome.selected).all()
    assert 0.0 < outcome.bound_s <= outcome.objective_s <= 1.2 * outcome.bound_s


def test_a_cell_that_is_not_begun_has_no_answer() -> None:
    problem = some_problem(np.random.default_rng(3), 30, 2)
    arrays = problem_arrays(problem, problem.mandatory, problem.available, problem.required, SET)
    compact, work, short = begin(arrays, NOBODY, math.nan, np.zeros(problem.n_tasks))
    assert short == -1
    close_early(compact, work)
    assert not conclude(compact, work, problem.n_clients, problem.n_tasks).found
