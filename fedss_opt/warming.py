"""Everything compiled that Python calls, called once: compiled and loaded, so that no solve spends its time on that.

A kernel is compiled for the types of its arguments, so what is called here must be called with the same ones elsewhere:
`fedss_opt.cells` passes a problem's arrays as read-only ones, whoever made them. Tests compare `python_calls` with the
imports of the package, and see to it that no method compiles anything after `warm_up`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from .cells import cell_of, problem_arrays
from .kernels import (
    MAKESPAN,
    advance,
    begin,
    certified_bound,
    close_early,
    conclude,
    hand_out,
    make_work,
    members_of,
    selection_theta,
)
from .kernels.cover_state import answer_proposal, make_cover_tree
from .kernels.cover_tree import advance_cover
from .kernels.dual import certified_value, total_bound
from .kernels.knapsack import covering_knapsack
from .kernels.lattice import to_levels
from .kernels.opening import consider, round_relaxation, set_price
from .kernels.oracle import cost_pass
from .kernels.relaxation import reduce_costs, relax, relax_at
from .kernels.roots import selection_value
from .problem import Problem
from .solvers.admm_method import DEFAULT_TUNING, NOBODY

__all__ = ["python_calls", "warm_up"]

Call = tuple[Callable[..., Any], tuple[Any, ...]]


def warm_up() -> None:
    """Compile or load all kernels that a solve, a check or a certificate can reach."""
    for kernel, arguments in python_calls():
        kernel(*arguments)


def python_calls() -> Iterator[Call]:
    """Yield every kernel that Python calls, with arguments of the types that it is called with.

    Batches are left out: `fedss_opt.solve_batch` compiles its own kernel before its clock starts.
    """
    problem = Problem(
        payload_bits=[1e6, 2e6, 1.5e6, 3e6],
        cn0_hz=[3e7, 8e6, 2e7, 1e7],
        bandwidth_hz=1e6,
        relevance=[[1.0, 0.5, 0.8, 0.3], [0.2, 0.7, 0.4, 0.9]],
        required=[1.2, 1.1],
    )
    nobody, no_multipliers = NOBODY, np.zeros(problem.n_tasks)
    arrays = problem_arrays(problem, problem.mandatory, problem.available, problem.required)
    cell, _ = cell_of(problem)  # build_cell
    work = make_work(cell)
    yield make_work, (cell,)
    yield begin, (arrays, nobody, math.nan, no_multipliers)
    yield advance, (cell, work, 1e-4, math.inf, 2000, *DEFAULT_TUNING.switches)
    yield close_early, (cell, work)
    yield conclude, (cell, work, problem.n_clients, problem.n_tasks)
    yield certified_bound, (cell, False, 1.0, work.mu)
    yield total_bound, (cell, work.mu, 1.0)
    yield certified_value, (cell, MAKESPAN, work.mu, 1.0)
    members, share = np.arange(cell.client.size), np.empty(cell.client.size)
    yield members_of, (cell, work.best, work.members)
    yield hand_out, (cell, members, math.nan, share)
    yield selection_theta, (cell, members, members.size, math.nan)
    yield selection_value, (cell, members, members.size, 1.0)
    yield cost_pass, (cell, 1.0, work.cost, work.slope)
    yield set_price, (cell, work, 1.0)
    yield relax, (cell, work, 1.0, 1e-7)
    yield relax_at, (cell, work, 1.0)
    yield reduce_costs, (cell, work)
    yield round_relaxation, (cell, work, 0.5)
    yield consider, (cell, work)
    cost, need = np.ones(cell.free), np.ones(problem.n_tasks)
    yield to_levels, (cell.relevance, need)
    yield covering_knapsack, (cost, cell.relevance[:, 0].copy(), 1.0, 1.0, 9.0, 100, cell.stop)
    tree = make_cover_tree(cost, cell.relevance, need, 9.0, 0)
    yield make_cover_tree, (cost, cell.relevance, need, 9.0, 0)
    yield advance_cover, (tree, 1)
    yield answer_proposal, (tree, False)
