"""The problem written down a second time, in CVXPY: slow, and independent of what the other methods use.

Relax the selection to fractions, solve that to its optimum, round, and solve the bandwidth problem of the
rounded selection. What CVXPY's solvers return is treated as a suggestion: bandwidths are made feasible to the
last digit, and the lower bound is evaluated anew from the multipliers (`reference_oracle`).
"""

from __future__ import annotations

import math

import numpy as np

from ..array_types import BoolArray, FloatArray
from ..exceptions import OptionError
from ..gap_tolerance import within_gap
from ..problem import Problem
from ..solution import Certificate, CertificateKind, Solution, Status, StopReason, no_answer
from .options import Options
from .reference_bandwidth import ReferenceAllocation, make_feasible, reference_bandwidth
from .reference_cones import OutOfTime, import_cvxpy
from .reference_oracle import least_bandwidth
from .reference_relaxation import Relaxation, proof_of_infeasibility, relax
from .selection_answer import answer

__all__ = ["ReferenceAllocation", "reference_bandwidth", "solve_cvxpy"]


_METHOD = "cvxpy"


def solve_cvxpy(problem: Problem, options: Options) -> Solution:
    """Select by rounding the convex relaxation, and allocate by the convex bandwidth problem.

    Parameters
    ----------
    problem : Problem
        The round.
    options : Options
        `max_iterations` counts the linear programs of the search for the deadline (makespan); the total
        latency takes one program. `warm_start` and `seed` change nothing.

    Returns
    -------
    Solution
        The lower bound is certified: evaluated from its multipliers in plain arithmetic, less 1e-12 of it.

    Raises
    ------
    OptionError
        For a problem in whole resource blocks.
    MissingDependencyError
        Without cvxpy or clarabel.
    SolverError
        When a solver fails for a reason other than its time limit.
    """
    if problem.cn0_hz is None and problem.spectral_efficiency is None:
        raise OptionError(f"method = 'cvxpy': does not know the client model {problem.rate_model!r}; use 'exact'")
    if problem.resource_blocks is not None:
        raise OptionError(
            "method = 'cvxpy': solves the continuous problem only; for a problem with resource_block_hz use 'admm' "
            "or 'exact'"
        )
    import_cvxpy()  # a second or two the first time, which is not the method's
    started = options.now()
    impossible = proof_of_infeasibility(problem)
    if impossible is not None:
        certificate, message = impossible
        return no_answer(
            problem,
            status=Status.INFEASIBLE,
            stop_reason=StopReason.COMPLETED,
            method=_METHOD,
            message=message,
            certificate=certificate,
            lower_bound_s=math.inf,
            solve_time_s=options.now() - started,
        )
    return _round_and_answer(problem, options, started, relax(problem, options, started))


def _round_and_answer(problem: Problem, options: Options, started: float, relaxation: Relaxation) -> Solution:
    floor = least_bandwidth(problem, math.inf)
    cost = floor if relaxation.cost is None else relaxation.cost
    nobody = problem.mandatory.astype(float)
    fraction = nobody if relaxation.fraction is None else relaxation.fraction
    certificate, bound = None, math.nan
    if relaxation.multipliers is not None:
        bound = relaxation.bound_s
        certificate = Certificate(
            kind=CertificateKind.BOUND, price=relaxation.price, multipliers=relaxation.multipliers
        )
    # A second rounding, by the bandwidth a client needs at any rate, for when the caps of the first exceed B.
    for shares, order in ((fraction, cost), (nobody, floor)):
        selected = _round(problem, shares, order, np.isfinite(floor))
        if not problem.covers(selected).all():
            continue
        stop, message = relaxation.stop_reason, ""
        try:
            left = options.deadline(started) - options.now()
            allocation = reference_bandwidth(problem, selected, time_limit_s=left)
            if allocation is None:
                continue
            bandwidth = allocation.bandwidth_hz
            message = "" if allocation.status == "optimal" else f"bandwidths: {allocation.status}"
        except OutOfTime:
            bandwidth = _by_payload(problem, selected)
            stop, message = StopReason.TIME, "time limit: bandwidths in proportion to the payloads"
        if within_gap(problem.objective_s(selected, bandwidth), bound, options.gap_tol):
            stop = StopReason.GAP
        return answer(
            problem,
            selected,
            bandwidth,
            method=_METHOD,
            stop_reason=stop,
            lower_bound_s=bound,
            certificate=certificate,
            gap_tol=options.gap_tol,
            iterations=relaxation.iterations,
            solve_time_s=options.now() - started,
            message=message,
        )
    return no_answer(
        problem,
        status=Status.UNKNOWN,
        stop_reason=relaxation.stop_reason,
        method=_METHOD,
        message="no rounding of the relaxation meets its caps within the bandwidth, and none was excluded",
        certificate=certificate,
        lower_bound_s=bound,
        iterations=relaxation.iterations,
        solve_time_s=options.now() - started,
    )


def _round(problem: Problem, fraction: FloatArray, cost: FloatArray, possible: BoolArray) -> BoolArray:
    """Take the largest fractions until every task is covered, then drop the costliest that are redundant.

    Equal fractions go by cost, and a client that helps no task still short is passed over.
    """
    selected = problem.mandatory.copy()
    target = problem.coverage_target
    short = ~problem.covers(selected)
    for n in np.lexsort((cost, -fraction)):
        if not short.any():
            break
        if possible[n] and problem.available[n] and not selected[n] and np.any(problem.relevance[short, n] > 0.0):
            selected[n] = True
            short = ~problem.covers(selected)
    taken = np.flatnonzero(selected & ~problem.mandatory)
    for n in taken[np.argsort(-cost[taken], kind="stable")]:
        # Clear cases by the plain sum, the others without rounding.
        if np.all(problem.coverage(selected) - problem.relevance[:, n] >= target * (1.0 - 1e-9)):
            selected[n] = False
            selected[n] = not problem.covers(selected).all()
    return selected


def _by_payload(problem: Problem, selected: BoolArray) -> FloatArray:
    """Share what the floors leave in proportion to the payloads. Only called where the floors fit into B."""
    floor = np.where(selected, least_bandwidth(problem, math.inf), 0.0)
    payload = np.where(selected, problem.payload_bits, 0.0)
    room = problem.bandwidth_hz - math.fsum(floor.tolist())
    return make_feasible(problem, selected, floor + payload * (room / payload.sum()))
