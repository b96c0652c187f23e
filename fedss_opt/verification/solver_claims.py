"""What the solvers claim, where a shortcut of theirs would show: `exact` from poor starts, and floors under bounds.

`exact` begins with the ADMM's answer, which on small cells is nearly always the optimum; a search that finds nothing
looks like a proof then. Here it begins with a cover drawn at random, and has to reach the enumerated optimum. Bounds
are held against the relaxation as SciPy's `linprog` solves it: a bound of 0 is true, and worth nothing.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from importlib import import_module
from statistics import median
from typing import Any

import numpy as np
from scipy.optimize import linprog

from ..array_types import BoolArray, FloatArray
from ..problem import Objective, Problem
from ..solution import Solution, Status
from .ball_dual import carrier_hz
from .claim_record import above, records_of
from .corrupted_allocations import refigured
from .enumeration import brute_force, minimal_covers
from .frozen_families import Instance
from .plain_bandwidths import least_bandwidths, priced, selection_value

__all__ = ["FLOORS", "MOST_ENUMERATED", "SOLVER_CLAIMS", "SolverClaims", "relaxation_at_price", "relaxed_bandwidth"]


_REFERENCE = 1e-7  # as in the cross-checks: what enumeration is good for, generously
_NEAR = 1e-6  # above what enumeration is good for
_RELAXED = 1e-3  # the ADMM ends where its bounds stall, at most this far below the relaxation
_FOR_A_MEDIAN = 3  # instances
MOST_ENUMERATED = 12  # clients at most
_MOST_VALUED = 60  # covers, to find the next best

FLOORS: dict[str, float] = {
    **{"easy": 0.87, "tied": 0.97, "near-infeasible": 0.98, "badly-scaled": 0.93, "capped": 0.88, "one-client": 0.99},
    **{"all-mandatory": 0.99, "larger": 0.86, "few-blocks": 0.98, "many-blocks": 0.91, "capped-blocks": 0.91},
    **{"local-optima": 0.81, "forced": 0.88, "one-task-each": 0.9, "copies": 0.8},
}
"""Median of ``bound / optimum`` of the ADMM that each family asks for: what was seen of 3 and of 24, less 0.02."""

SOLVER_CLAIMS = (
    "exact reaches the enumerated optimum from a cover drawn at random",
    "exact proves what it reaches from there",
    "exact reaches the enumerated optimum from the next best cover",
    "exact reaches the enumerated optimum from one iteration of the ADMM",
    "exact's bound reaches the enumerated optimum",
    "admm's bound reaches the relaxation that linprog solves",
    "admm's bounds: the median of a family is not below its floor",
    "exact's search: a selection just above the enumerated optimum, none just below",
)


class SolverClaims:
    """Runs the solvers from poor starts, and holds bounds against their floors."""

    def __init__(self) -> None:
        self.claims = records_of(SOLVER_CLAIMS)
        self._shares: dict[str, list[float]] = {}

    def try_instance(self, instance: Instance) -> None:
        """Put every claim to the test on an instance; one of more clients than can be enumerated has no claims here."""
        problem = instance.problem
        if problem.n_clients > MOST_ENUMERATED:
            return
        best = brute_force(problem).value
        package = import_module("fedss_opt.solvers")
        bounded = package.solve(problem)
        self._relaxation(instance, bounded)
        if not 0.0 < best < math.inf:
            return
        self._shares.setdefault(instance.family, []).append(max(bounded.lower_bound_s, 0.0) / best)
        reached, proves, nearly, polished, bound = (self.claims[name] for name in SOLVER_CLAIMS[:5])
        starts = ((reached, _drawn(instance)), (nearly, _next_best(problem, best)))
        for claim, start in ((claim, start) for claim, start in starts if start is not None):
            with _starting_with(partial(_moved, problem, start)):
                answer = package.solve(problem, "exact")
            claim.see(instance.name, abs(above(answer.objective_s, best)), _REFERENCE)
            proves.see(instance.name, 0.0 if answer.status is Status.OPTIMAL else math.inf)
        with _starting_with(lambda first: first):
            answer = package.solve(problem, "exact")
        if answer.has_answer:  # no cover may be found without a search; then there is nothing to improve
            polished.see(instance.name, abs(above(answer.objective_s, best)), _REFERENCE)
        if problem.objective is Objective.MAKESPAN:
            self._search(instance, best, bounded)
        answer = package.solve(problem, "exact")
        bound.see(instance.name, above(best, answer.lower_bound_s), 1e-4 + _REFERENCE)

    def finish(self) -> None:
        """Compare medians, once all instances were tried."""
        floors = self.claims[SOLVER_CLAIMS[6]]
        for family, shares in self._shares.items():
            if len(shares) >= _FOR_A_MEDIAN:
                floors.see(family, FLOORS.get(family, 0.0) - median(shares))

    def _search(self, instance: Instance, best: float, bounded: Solution) -> None:
        """Search at deadlines where hardly any slack is left: whoever is decided by too little of it is missed."""
        search = import_module("fedss_opt.solvers.cover_search")
        problem, claim = instance.problem, self.claims[SOLVER_CLAIMS[7]]
        known = np.zeros(problem.n_tasks) if bounded.certificate is None else bounded.certificate.multipliers
        for multipliers in (np.zeros(problem.n_tasks), known):
            for deadline, nothing in ((best * (1.0 + _NEAR), False), (best * (1.0 - _NEAR), True)):
                finding, _ = search.find_selection(problem, deadline, multipliers, math.inf)
                wrong = finding is (search.Finding.SELECTION if nothing else search.Finding.NOTHING)
                claim.see(instance.name, math.inf if wrong else 0.0)

    def _relaxation(self, instance: Instance, solution: Solution) -> None:
        claim, problem, bound = self.claims[SOLVER_CLAIMS[5]], instance.problem, solution.lower_bound_s
        if not solution.has_answer or instance.family == "badly-scaled":  # twelve decades are beyond linprog
            return
        if problem.objective is Objective.MAKESPAN:
            needed = relaxed_bandwidth(problem, bound * (1.0 + _RELAXED))
            claim.see(instance.name, needed / float(carrier_hz(problem)) - 1.0, 1e-9)
        else:
            price = 0.0 if solution.certificate is None else solution.certificate.price
            near = price if price > 0.0 else solution.objective_s / float(carrier_hz(problem))
            values = [relaxation_at_price(problem, near * 2.0 ** (0.5 * step)) for step in range(-6, 7)]
            claim.see(instance.name, above(max(values), bound), _RELAXED)


def _drawn(instance: Instance) -> BoolArray | None:
    """Draw a minimal cover that fits: clients are left out one after the other, in random order."""
    problem = instance.problem
    answers = import_module("fedss_opt.solvers.selection_answer")
    draw = random.Random(instance.name)
    usable = problem.available & np.isfinite(least_bandwidths(problem, math.inf))
    for _ in range(8):
        selected = usable.copy()
        for n in sorted(np.flatnonzero(usable & ~problem.mandatory), key=lambda _: draw.random()):
            selected[n] = False
            selected[n] = not problem.covers(selected).all()
        if problem.covers(selected).all() and answers.optimal_bandwidth(problem, selected) is not None:
            return selected
    return None


def _next_best(problem: Problem, best: float) -> BoolArray | None:
    """Return the minimal cover that comes after the optimum; None where there are too many to value, or no other."""
    rows = minimal_covers(problem)
    if len(rows) > _MOST_VALUED:
        return None
    answers = import_module("fedss_opt.solvers.selection_answer")
    values = np.array([selection_value(problem, row) for row in rows])
    values[values <= best * (1.0 + 1e-6)] = math.inf
    if not np.isfinite(values).any():
        return None
    found: BoolArray = rows[np.argmin(values)]
    return None if answers.optimal_bandwidth(problem, found) is None else found


def _moved(problem: Problem, selected: BoolArray, first: Solution) -> Solution:
    """Return an answer with another selection in place of its own."""
    bandwidth = import_module("fedss_opt.solvers.selection_answer").optimal_bandwidth(problem, selected)
    moved = refigured(problem, replace(first, selected=selected, bandwidth_hz=bandwidth))
    optimal = moved.objective_s <= first.lower_bound_s * (1.0 + 1e-4)
    return replace(moved, status=Status.OPTIMAL if optimal else Status.FEASIBLE)


@contextmanager
def _starting_with(change: Callable[[Solution], Solution]) -> Iterator[None]:
    """Let `exact` begin with a changed answer of an ADMM that iterates once and searches nothing."""
    exact: Any = import_module("fedss_opt.solvers.exact")
    admm: Any = import_module("fedss_opt.solvers.admm_method")
    whole = exact.solve_admm
    poor = admm.Tuning(max_iterations=1, vertex=False, width=0, kicks=0)

    def start(problem: Problem, options: Any, *_: Any, **__: Any) -> Solution:
        first: Solution = admm.solve_admm(problem, options, poor)
        return change(first) if first.status is not Status.INFEASIBLE else first

    exact.solve_admm = start
    try:
        yield
    finally:
        exact.solve_admm = whole


def _in_blocks(problem: Problem, bandwidth: FloatArray) -> FloatArray:
    if problem.resource_block_hz is None:
        return bandwidth
    return np.maximum(np.ceil(bandwidth / problem.resource_block_hz * (1.0 - 1e-12)), 1.0) * problem.resource_block_hz


def relaxed_bandwidth(problem: Problem, deadline: float) -> float:
    """Return the bandwidth that fractions of clients need by a deadline, Hz; inf where nothing covers by then."""
    return _relaxed(problem, _in_blocks(problem, least_bandwidths(problem, deadline)))


def relaxation_at_price(problem: Problem, price: float) -> float:
    """Return what fractions of clients cost at a price per hertz, less the carrier's, s: a floor of the relaxation."""
    return _relaxed(problem, priced(problem, price)[1]) - price * float(carrier_hz(problem))


def _relaxed(problem: Problem, cost: FloatArray) -> float:
    inside = problem.mandatory
    free = problem.available & ~inside & np.isfinite(cost)
    fixed = float(cost[inside].sum())
    need = problem.coverage_target - problem.relevance[:, inside].sum(axis=1)
    open_ = need > 1e-12 * problem.coverage_target
    if not open_.any() or not math.isfinite(fixed):
        return fixed
    need = need[open_]
    rows = np.minimum(problem.relevance[np.ix_(open_, free)] / need[:, None], 1.0)
    if not free.any() or (rows.sum(axis=1) < 1.0 - 1e-12).any():
        return math.inf
    scale = float(cost[free].max()) or 1.0
    solved = linprog(cost[free] / scale, A_ub=-rows, b_ub=np.minimum(rows.sum(axis=1), 1.0) * -1.0, bounds=(0.0, 1.0))
    # Nothing is asked of a bound where linprog fails: this is a floor.
    return fixed + scale * float(solved.fun) if solved.status == 0 else 0.0
