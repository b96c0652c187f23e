"""The convex half of the problem, for the reference: the best bandwidths of a given selection, with Clarabel.

The makespan is tried as one program first. Its single coupling variable makes the cones nearly degenerate
when a few clients need most of B, so where that fails a sequence of programs follows, each the least
bandwidth for a fixed deadline: separable, hence far better conditioned. All of them are graded by the bound
that bisection proves for the selection, never by the solver's own word.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ..array_types import BoolArray, FloatArray
from ..exceptions import SolverError
from ..problem import Objective, Problem
from .reference_cones import (
    SOLVED,
    Indices,
    OutOfTime,
    Units,
    import_cvxpy,
    product_at_least_square,
    run_clarabel,
)
from .reference_oracle import least_bandwidth, strongest_bound

__all__ = ["ReferenceAllocation", "make_feasible", "reference_bandwidth"]


# Excess over the proven bound at which no further program is tried, and that at which the result is called
# optimal: Clarabel's tolerance of 1e-9 leaves about 1e-9 in the objective, and ten times that where clients
# differ a lot.
_GOOD_ENOUGH = 1e-8
_OPTIMAL = 1e-7
_MOST_DEADLINES = 25

# What Clarabel left: bandwidths (None if it failed), its seconds, its status.
Attempt = tuple[FloatArray | None, float, str]


@dataclass(frozen=True, eq=False, kw_only=True)
class ReferenceAllocation:
    """Bandwidths for a given selection, as the conic solver found them.

    Attributes
    ----------
    bandwidth_hz : ndarray, (N,)
        Hz, 0 for clients left out; in sum at most B, caps and bounds met.
    objective_s : float
        The problem's objective at these bandwidths, recomputed from the data, seconds.
    lower_bound_s : float
        What bisection proves for this selection, seconds.
    solver_time_s : float
        Seconds inside Clarabel alone, without CVXPY's compilation, all programs; 0 if nothing was to solve.
    programs : int
        Programs that Clarabel was given.
    status : str
        ``"optimal"`` within 1e-7 of the bound, else ``"optimal_inaccurate"``.
    """

    bandwidth_hz: FloatArray
    objective_s: float
    lower_bound_s: float
    solver_time_s: float
    programs: int
    status: str


def reference_bandwidth(
    problem: Problem, selected: npt.ArrayLike, *, time_limit_s: float = math.inf
) -> ReferenceAllocation | None:
    """Solve the convex bandwidth problem of a given selection with CVXPY and Clarabel.

    Parameters
    ----------
    problem : Problem
        The round.
    selected : array_like of bool, (N,)
        Who uploads. Coverage and availability are not looked at.
    time_limit_s : float
        Seconds for the solver.

    Returns
    -------
    ReferenceAllocation or None
        None when caps and bounds cannot be met within B, decided by bisection, not by the solver.

    Raises
    ------
    MissingDependencyError
        Without cvxpy or clarabel.
    SolverError
        When Clarabel fails on every program that is tried.

    Notes
    -----
    With a thousand clients, some of them in outage, the makespan may end ``"optimal_inaccurate"``; the
    excess seen was at most 1e-4.

    Examples
    --------
    >>> import fedss_opt as fo
    >>> from fedss_opt.solvers.cvxpy_reference import reference_bandwidth
    >>> problem = fo.Problem(payload_bits=1e6, spectral_efficiency=[1.0, 3.0], bandwidth_hz=1e6)
    >>> round(reference_bandwidth(problem, [True, True]).objective_s, 6)
    1.333333
    """
    import_cvxpy()
    chosen = np.asarray(selected, dtype=np.bool_)
    clients = np.flatnonzero(chosen)
    floor = np.where(chosen, least_bandwidth(problem, math.inf), 0.0)
    room = _left_over(problem, floor) if np.all(np.isfinite(floor)) else -math.inf
    starved = bool(np.any(floor[clients] == 0.0))  # needs some bandwidth, however little
    if room < 0.0 or (room == 0.0 and starved):
        return None
    bound = _bound_of_selection(problem, chosen)
    # With less to share than the solver's tolerance the floors are the answer.
    settled = clients.size == 0 or (room <= 1e-9 * problem.bandwidth_hz and not starved)
    best, seconds, programs, status = floor, 0.0, 0, ""
    value = problem.objective_s(chosen, floor) if settled else math.inf
    try:
        for raw, spent, word in () if settled else _attempts(problem, clients, time_limit_s):
            status, seconds, programs = word, seconds + spent, programs + 1
            if raw is None:
                continue
            bandwidth = np.zeros(problem.n_clients)
            bandwidth[clients] = raw
            bandwidth = make_feasible(problem, chosen, bandwidth)
            reached = problem.objective_s(chosen, bandwidth)
            if reached < value:
                best, value = bandwidth, reached
            if value <= bound * (1.0 + _GOOD_ENOUGH):
                break
    except OutOfTime:
        if math.isinf(value):
            raise
    if math.isinf(value):
        raise SolverError(f"Clarabel on the bandwidth of {clients.size} clients ended with status {status!r}")
    return ReferenceAllocation(
        bandwidth_hz=best,
        objective_s=value,
        lower_bound_s=bound,
        solver_time_s=seconds,
        programs=programs,
        status="optimal" if value <= bound * (1.0 + _OPTIMAL) else "optimal_inaccurate",
    )


def make_feasible(problem: Problem, chosen: BoolArray, bandwidth_hz: FloatArray) -> FloatArray:
    """Clip to caps and bounds, and shrink what lies above the floors until the sum is at most B, exactly."""
    floor = np.where(chosen, least_bandwidth(problem, math.inf), 0.0)
    capped = np.where(chosen, np.clip(bandwidth_hz, floor, problem.max_bandwidth_hz), 0.0)
    if _left_over(problem, capped) >= 0.0:
        return capped
    extra = capped - floor
    factor = _left_over(problem, floor) / math.fsum(extra.tolist())
    fitted = np.minimum(floor + factor * extra, capped)
    while (left := _left_over(problem, fitted)) < 0.0:  # sums and products were rounded up: a few ulp
        n = int(np.argmax(fitted - floor))
        lower = min(fitted[n] + left, np.nextafter(fitted[n], 0.0))
        fitted[n] = max(lower, floor[n], 0.5 * fitted[n])  # half of it: nobody is left with nothing
    return fitted


def _left_over(problem: Problem, bandwidth_hz: FloatArray) -> float:
    """Return what is left of B: `fsum` rounds the exact difference once, so that its sign is exact."""
    return math.fsum([problem.bandwidth_hz, *(-bandwidth_hz).tolist()])


def _bound_of_selection(problem: Problem, chosen: BoolArray) -> float:
    """Return the optimum for a given selection, by bisection: its dual has no gap."""
    nobody_else = problem.replace(
        available=chosen,
        mandatory=chosen,
        relevance=np.zeros((0, problem.n_clients)),
        required=np.zeros(0),
        task_ids=None,
    )
    return strongest_bound(nobody_else, np.zeros(0), rel_tol=1e-11)[1]


def _attempts(problem: Problem, clients: Indices, time_limit_s: float) -> Iterator[Attempt]:
    makespan = problem.objective is Objective.MAKESPAN
    build, left = _makespan_program if makespan else _total_program, time_limit_s
    # Other shares are other units for the same program; a second try for the makespan is not worth its time.
    for rounds in (0,) if makespan else (0, 1, 3):
        units = Units.natural(problem, clients, rounds)
        program, y = build(units)
        status, seconds = run_clarabel(program, left)
        left -= seconds
        yield (units.share_hz * y.value if status in SOLVED else None), seconds, status
    if makespan:
        yield from _by_deadlines(problem, clients, left)


def _makespan_program(units: Units) -> tuple[Any, Any]:
    """Maximise the round's speed ``w = tau / (T - min c)`` instead of minimising T.

    The earliest client needs ``rate >= w``, linear in w. One whose upload begins delta later needs
    ``rate >= w / (1 - delta w)``, convex in w, written ``w + delta w^2/(1 - delta w)`` so that the cone's
    error is scaled by delta. Speed in place of T leaves the common case, c = 0, with exponential cones only.
    """
    cp, problem, clients = import_cvxpy(), units.problem, units.clients
    compute = problem.compute_s[clients]
    scale = float(np.median(units.upload_s))
    tau = scale + float(np.ptp(compute))  # T - min c, roughly
    time_left = scale + compute.max() - compute  # T - c_n, roughly
    delta, eps = (compute - compute.min()) / tau, time_left / tau

    y, w = cp.Variable(clients.size, nonneg=True), cp.Variable()
    speed = cp.multiply(time_left / units.upload_s, units.rate(y))
    limits = [units.total(y) <= 1.0, *units.bounds(y)]
    early, late, hurried = np.flatnonzero(delta == 0.0), np.flatnonzero(delta > 0.0), units.hurried()
    limits.append(speed[early] >= w)
    if late.size:
        h = cp.Variable(late.size)
        limits.append(speed[late] >= eps[late] * w + cp.multiply(delta[late], h))
        left = (1.0 - delta[late] * w) / eps[late]
        limits.append(product_at_least_square(h, left, w * np.ones(late.size)))
    if hurried.size:
        limits.append(speed[hurried] >= (time_left / problem.max_upload_s[clients])[hurried])
    return cp.Problem(cp.Maximize(w), limits), y


def _total_program(units: Units) -> tuple[Any, Any]:
    """Minimise the weighted upload times ``v_n upload_n``, where ``v_n rate_n >= 1``."""
    cp, problem, clients = import_cvxpy(), units.problem, units.clients
    weight = problem.weights[clients] * units.upload_s
    y, u, v = cp.Variable(clients.size, nonneg=True), cp.Variable(clients.size), cp.Variable(clients.size)
    limits = [units.total(y) <= 1.0, *units.bounds(y), units.rate(y) >= u]
    limits.append(product_at_least_square(u, v, np.ones(clients.size)))
    hurried = units.hurried()
    if hurried.size:
        limits.append(u[hurried] >= (units.upload_s / problem.max_upload_s[clients])[hurried])
    return cp.Problem(cp.Minimize((weight / weight.sum()) @ v), limits), y


def _by_deadlines(problem: Problem, clients: Indices, time_limit_s: float) -> Iterator[Attempt]:
    """Find the deadline whose least bandwidth V(T) B is B, by a safeguarded Newton search on ``1 / V(T)``.

    The slope of V comes from the duals of the rate constraints, and every program is written in the shares of
    the one before.
    """
    compute, payload = problem.compute_s[clients], problem.payload_bits[clients]
    units = Units.natural(problem, clients, 1)
    low = float(compute.max())
    if problem.cn0_hz is not None:  # even boundless bandwidth carries no more than g / ln2
        low = float(np.max(compute + payload * math.log(2.0) / problem.cn0_hz[clients]))
    high, left = math.inf, time_limit_s
    deadline = max(compute.max() + 2.0 * float(np.median(units.upload_s)), 1.5 * low - 0.5 * compute.max())
    for _ in range(_MOST_DEADLINES):
        program, y, rows = _deadline_program(units, deadline)
        status, seconds = run_clarabel(program, left)
        left -= seconds
        step = math.nan
        if status in SOLVED:
            used, share = float(program.value), units.share_hz * y.value
            yield share, seconds, status
            low, high = (max(low, deadline), high) if used > 1.0 else (low, min(high, deadline))
            slope = float(np.sum(rows.dual_value / (deadline - compute)))
            step = used * (used - 1.0) / slope if slope > 0.0 else math.nan
            units = Units(problem, clients, np.clip(share, 1e-3 * units.share_hz, 1e3 * units.share_hz))
        else:
            yield None, seconds, status
            low = deadline if status.startswith("infeasible") else low
        if high - low <= 1e-12 * high:
            return
        longer = 2.0 * deadline if math.isinf(high) else 0.5 * (deadline + high)
        if low < deadline + step < high:
            deadline += step
        elif math.isfinite(high) and low < high:
            deadline = 0.5 * (low + high) if status in SOLVED else longer
        else:
            deadline = longer


def _deadline_program(units: Units, deadline_s: float) -> tuple[Any, Any, Any]:
    """Minimise the bandwidth with which everybody finishes by the deadline."""
    cp, problem, clients = import_cvxpy(), units.problem, units.clients
    left = np.minimum(deadline_s - problem.compute_s[clients], problem.max_upload_s[clients])
    y = cp.Variable(clients.size, nonneg=True)
    rows = cp.multiply(left / units.upload_s, units.rate(y)) >= 1.0
    return cp.Problem(cp.Minimize(units.total(y)), [rows, *units.bounds(y)]), y, rows
