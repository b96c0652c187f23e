"""Selection and bandwidth together: the package's methods, the policies, HiGHS and SCIP."""

from __future__ import annotations

import math
import time

import numpy as np
import numpy.typing as npt
from scipy.optimize import Bounds, LinearConstraint, milp

import fedss_opt as fo
from fedss_opt.solvers.selection_answer import optimal_bandwidth
from fedss_opt.verification.highs import highs_total
from fedss_opt.verification.plain_bandwidths import least_bandwidths
from fedss_opt.verification.scip_model import scip

from .attempt import Attempt

__all__ = ["by_exact", "by_highs", "by_method", "by_scip"]

BoolArray = npt.NDArray[np.bool_]


def by_method(method: str, problem: fo.Problem, time_limit_s: float) -> Attempt:
    """Solve by one of the package's methods."""
    return _attempt(fo.solve(problem, method, time_limit_s=time_limit_s))


def by_exact(problem: fo.Problem, time_limit_s: float) -> Attempt:
    """Search for the proven optimum; its answers on the way are timed too."""
    trace: list[tuple[float, float]] = []

    def see(progress: fo.Progress) -> None:
        if math.isfinite(progress.objective_s) and (not trace or progress.objective_s < trace[-1][1]):
            trace.append((progress.elapsed_s, progress.objective_s))

    solution = fo.solve(problem, "exact", time_limit_s=time_limit_s, callback=see)
    return _attempt(solution, tuple(trace))


def _attempt(solution: fo.Solution, trace: tuple[tuple[float, float], ...] = ()) -> Attempt:
    if not solution.has_answer:
        return Attempt(note=str(solution.status))
    return Attempt(
        selected=solution.selected,
        bandwidth_hz=solution.bandwidth_hz,
        proven=solution.gap <= 1e-8,
        trace=trace,
        note=str(solution.stop_reason),
    )


def by_highs(problem: fo.Problem, time_limit_s: float) -> Attempt:
    """HiGHS: cheapest covers at falling deadlines (makespan), or tangents of the costs (total).

    A cheapest cover at the deadline of the best answer either needs more than the carrier, which proves that answer,
    or is a better one. The loop is exact and takes a few mixed-integer linear programs.
    """
    if problem.objective is fo.Objective.TOTAL:
        found = highs_total(problem)
        return _on_best_bandwidth(problem, found.selected, proven=found.finished)
    began = time.perf_counter()
    best, chosen, proven = math.inf, np.zeros(problem.n_clients, dtype=bool), False
    trace: list[tuple[float, float]] = []
    # A first deadline at which even shares of the whole band suffice twice over; the best so far afterwards.
    deadline = 2.0 * float(np.max(problem.compute_s + problem.upload_s(problem.bandwidth_hz / problem.n_clients)))
    while (left := time_limit_s - (time.perf_counter() - began)) > 0.0:
        found, finished = _cheapest_cover(problem, deadline, left)
        if found is None:
            proven = finished and math.isfinite(best)
            break
        bandwidth = optimal_bandwidth(problem, found)
        value = math.inf if bandwidth is None else problem.latency_s(found, bandwidth)
        if not value < best * (1.0 - 1e-12):
            proven = finished
            break
        best, chosen = value, found
        trace.append((time.perf_counter() - began, best))
        if not finished:
            break
        deadline = best
    attempt = _on_best_bandwidth(problem, chosen, proven=proven) if math.isfinite(best) else Attempt()
    return Attempt(selected=attempt.selected, bandwidth_hz=attempt.bandwidth_hz, proven=proven, trace=tuple(trace))


def _cheapest_cover(problem: fo.Problem, deadline: float, time_limit_s: float) -> tuple[BoolArray | None, bool]:
    """Return the cheapest covering selection (None: none was found), and whether HiGHS finished."""
    cost = least_bandwidths(problem, deadline)
    usable = np.isfinite(cost)
    result = milp(
        # HiGHS stops at an absolute gap of 1e-6: the carrier counts as a thousand.
        np.where(usable, cost, 0.0) * (1e3 / problem.bandwidth_hz),
        integrality=np.ones(problem.n_clients),
        bounds=Bounds(0.0, usable.astype(float)),
        constraints=LinearConstraint(problem.relevance / problem.coverage_target[:, None], 1.0, np.inf),
        options={"mip_rel_gap": 0.0, "time_limit": time_limit_s},
    )
    if result.x is None:
        return None, result.status == 2
    found: BoolArray = result.x > 0.5
    return (found if problem.covers(found).all() else None), result.status == 0


def by_scip(problem: fo.Problem, time_limit_s: float) -> Attempt:
    """SCIP: the whole problem as a mixed-integer nonlinear program."""
    found = scip(problem, time_limit_s=time_limit_s)
    return _on_best_bandwidth(problem, found.selected, proven=found.finished)


def _on_best_bandwidth(problem: fo.Problem, selected: BoolArray, *, proven: bool) -> Attempt:
    """Give a selection its best bandwidths, so that a solver's tolerance is not held against it."""
    bandwidth = optimal_bandwidth(problem, selected) if selected.any() else None
    if bandwidth is None:
        return Attempt()
    return Attempt(selected=selected, bandwidth_hz=bandwidth, proven=proven)
