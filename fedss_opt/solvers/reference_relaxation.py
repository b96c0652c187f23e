"""The relaxation of the reference: fractions of clients, by CVXPY, with bounds certified apart.

Makespan: a search for the least deadline whose least fractional bandwidth fits into B, one linear program
each. Total latency: a single program in perspective form.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from ..array_types import FloatArray
from ..exceptions import SolverError
from ..problem import Objective, Problem
from ..solution import Certificate, CertificateKind, StopReason
from .options import Options
from .reference_cones import SOLVED, OutOfTime, Units, import_cvxpy, product_at_least_square, run_clarabel
from .reference_oracle import excludes, least_bandwidth, priced_cost, strongest_bound, time_scale

__all__ = ["Relaxation", "proof_of_infeasibility", "relax"]


# The linear programs are exact to about 1e-7 in the bandwidth they ask for (HiGHS's feasibility tolerance):
# a finer bracket of the deadline would resolve their noise. The bound itself is certified at any width.
_DEADLINE_TOL = 1e-7
_MAX_ITERATIONS = 100


@dataclass
class Relaxation:
    """What is known of the relaxation, and why no more.

    The selection in [0, 1] and what clients cost (Hz or s), (N,), once there was a program; the best certified bound
    and what proves it; how many programs were solved. It was solved to its end where it ``stalled``.
    """

    fraction: FloatArray | None = None
    cost: FloatArray | None = None
    price: float = 0.0
    bound_s: float = 0.0
    multipliers: FloatArray | None = None
    iterations: int = 0
    stop_reason: StopReason = StopReason.STALLED

    def learn(self, problem: Problem, multipliers: FloatArray, rel_tol: float = 1e-13) -> None:
        """Keep the multipliers if they prove more than the best so far."""
        price, bound = strongest_bound(problem, multipliers, rel_tol=rel_tol)
        if self.multipliers is None or bound > self.bound_s:
            self.price, self.bound_s, self.multipliers = price, bound, multipliers


@dataclass(frozen=True, eq=False)
class _Plan:
    """What a program says: fractions per client, (N,), and covering multipliers per task, (K,)."""

    fraction: FloatArray
    multipliers: FloatArray


def relax(problem: Problem, options: Options, started: float) -> Relaxation:
    """Solve the relaxation, as far as the limits of `options` let it."""
    relaxation = Relaxation()
    try:
        if problem.covers(problem.mandatory).all():
            relaxation.fraction = problem.mandatory.astype(float)  # nobody else can help: each only costs
            relaxation.learn(problem, np.zeros(problem.n_tasks))
        elif options.max_iterations == 0:
            relaxation.stop_reason = StopReason.ITERATIONS
        elif problem.objective is Objective.MAKESPAN:
            _search_deadline(problem, options, started, relaxation)
        else:
            _solve_perspective(problem, options, started, relaxation)
    except OutOfTime:
        relaxation.stop_reason = StopReason.TIME
    return relaxation


def proof_of_infeasibility(problem: Problem) -> tuple[Certificate, str] | None:
    """Return a certificate that no answer exists, where bisection and one linear program find it."""
    bandwidth, nothing = CertificateKind.BANDWIDTH, np.zeros(problem.n_tasks)
    lacking = np.flatnonzero(~problem.covers(problem.available))
    if lacking.size:
        k = int(lacking[0])
        unit = np.eye(problem.n_tasks)[k]
        proof = Certificate(kind=CertificateKind.COVERAGE, price=0.0, multipliers=unit, task=k)
        return proof, f"task {problem.task_name(k)} needs more than all available clients together offer"
    message = "caps and bandwidth bounds cannot be met within the bandwidth by any covering selection"
    if excludes(problem, nothing, math.inf):
        return Certificate(kind=bandwidth, price=math.inf, multipliers=nothing), message
    floor = least_bandwidth(problem, math.inf)
    if not np.any(floor > 0.0):
        return None
    multipliers = _scarcity(problem, floor)
    if multipliers is None:
        multipliers = _least_cost_cover(problem, floor, math.inf)[1].multipliers
    if excludes(problem, multipliers, math.inf):
        return Certificate(kind=bandwidth, price=math.inf, multipliers=multipliers), message
    return None


def _scarcity(problem: Problem, cost: FloatArray) -> FloatArray | None:
    """Return multipliers that price a task which the clients of finite cost cannot cover, else None.

    ``mu = t e_k`` gives ``D >= t (q_k - sum of their R_kn)``, so ``t = 2 B / (...)`` excludes the price.
    """
    possible = problem.available & np.isfinite(cost)
    lacking = np.flatnonzero(~problem.covers(possible))
    if lacking.size == 0:
        return None
    k = int(lacking[0])
    short = math.fsum([float(problem.coverage_target[k]), *(-problem.relevance[k, possible]).tolist()])
    multipliers = np.zeros(problem.n_tasks)
    multipliers[k] = 2.0 * problem.bandwidth_hz / short
    return multipliers


def _search_deadline(problem: Problem, options: Options, started: float, relaxation: Relaxation) -> None:
    """Bisect on the deadline: at each, a linear program for the least bandwidth that covers every task.

    The duals of every program prove a bound of their own, often far beyond the deadline that was tried; the
    next deadline is then just above it, so that most halvings are saved.
    """
    limit = _MAX_ITERATIONS if options.max_iterations is None else options.max_iterations
    stops = options.deadline(started)
    low, high, deadline = 0.0, math.inf, time_scale(problem)
    relaxation.stop_reason = StopReason.ITERATIONS
    while relaxation.iterations < limit:
        if options.now() >= stops:
            relaxation.stop_reason = StopReason.TIME
            break
        relaxation.iterations += 1
        cost = least_bandwidth(problem, deadline)
        multipliers, fits = _scarcity(problem, cost), False
        if multipliers is None:
            needed, plan = _least_cost_cover(problem, cost, stops - options.now())
            multipliers, fits = plan.multipliers, needed <= problem.bandwidth_hz
            if fits or relaxation.fraction is None:
                relaxation.fraction, relaxation.cost = plan.fraction, cost
        low, high = (low, deadline) if fits else (max(low, deadline), high)
        proven = relaxation.bound_s
        relaxation.learn(problem, multipliers, rel_tol=1e-9)
        low = max(low, relaxation.bound_s)
        if _told_to_stop(options, started, relaxation):
            relaxation.stop_reason = StopReason.INTERRUPTED
            break
        if high - low <= _DEADLINE_TOL * high:
            relaxation.stop_reason = StopReason.STALLED
            break
        if relaxation.bound_s > proven:
            deadline = min(low * (1.0 + 0.5 * _DEADLINE_TOL), 0.5 * (low + high))
        else:
            deadline = 2.0 * deadline if math.isinf(high) else 0.5 * (low + high)
    if relaxation.multipliers is not None:
        relaxation.learn(problem, relaxation.multipliers)  # once more, to the last digit


def _least_cost_cover(problem: Problem, cost: FloatArray, time_limit_s: float) -> tuple[float, _Plan]:
    """Solve ``min cost^T a`` over fractions that cover every task, in Hz: a linear program, for HiGHS.

    Its vertices have few fractions, which rounds better than the interior that Clarabel would return. The
    clients of finite cost must be able to cover the tasks.
    """
    cp = import_cvxpy()
    clients = np.flatnonzero(problem.available & np.isfinite(cost))
    # Beyond 1e4 B a cost says no more than "never", and would spoil the program's scaling.
    scaled = np.minimum(cost[clients] / problem.bandwidth_hz, 1e4)
    asking = np.flatnonzero(problem.coverage_target > 0.0)
    fraction, multipliers = np.zeros(problem.n_clients), np.zeros(problem.n_tasks)
    if clients.size and asking.size:
        target = problem.coverage_target[asking]
        forced = problem.mandatory[clients].astype(float)
        a = cp.Variable(clients.size, bounds=[forced, np.ones(clients.size)])
        cover = (problem.relevance[np.ix_(asking, clients)] / target[:, None]) @ a >= 1.0
        program = cp.Problem(cp.Minimize(scaled @ a), [cover])
        limit = {} if math.isinf(time_limit_s) else {"time_limit": max(time_limit_s, 1e-3)}
        try:
            program.solve(solver=cp.SCIPY, scipy_options={"method": "highs", **limit})
        except cp.error.SolverError as failure:
            if not math.isinf(time_limit_s):
                raise OutOfTime from failure
            raise SolverError(f"HiGHS on the covering program failed: {failure}") from failure
        if program.status not in SOLVED:
            raise SolverError(f"HiGHS on the covering program ended with status {program.status!r}")
        fraction[clients] = np.clip(a.value, 0.0, 1.0)
        multipliers[asking] = np.maximum(cover.dual_value, 0.0) * problem.bandwidth_hz / target
    fraction[problem.mandatory] = 1.0
    used = fraction > 0.0
    return float(cost[used] @ fraction[used]), _Plan(fraction, multipliers)


def _solve_perspective(problem: Problem, options: Options, started: float, relaxation: Relaxation) -> None:
    plan = _perspective_program(problem, options.deadline(started) - options.now())
    relaxation.iterations = 1
    relaxation.fraction = plan.fraction
    relaxation.learn(problem, plan.multipliers)
    if relaxation.price > 0.0:
        relaxation.cost = priced_cost(problem, relaxation.price)[0]
    if _told_to_stop(options, started, relaxation):
        relaxation.stop_reason = StopReason.INTERRUPTED


def _perspective_program(problem: Problem, time_limit_s: float) -> _Plan:
    """Solve the relaxation of the total latency: one program over fractions a in [0, 1] and bandwidths.

    ``min sum w_n (c_n a_n + a_n^2 S_n / r_n)`` with the rate in perspective form,
    ``r_n = b_n log2(1 + g_n a_n / b_n)``, and every cap and bound times a_n (section 3.3 of the mathematics).
    """
    cp = import_cvxpy()
    clients = np.flatnonzero(problem.available & np.isfinite(least_bandwidth(problem, math.inf)))
    asking = np.flatnonzero(problem.coverage_target > 0.0)
    target, status = problem.coverage_target[asking], ""
    for rounds in (0, 1, 3):  # other units, for when Clarabel fails in the first
        units = Units.natural(problem, clients, rounds)
        weight = problem.weights[clients]
        scale = float(np.median(weight * (problem.compute_s[clients] + units.upload_s)))
        a, y = cp.Variable(clients.size, nonneg=True), cp.Variable(clients.size, nonneg=True)
        u, v = cp.Variable(clients.size), cp.Variable(clients.size)
        limits = [units.total(y) <= 1.0, *units.bounds(y, a), units.rate(y, a) >= u, a <= 1.0]
        limits.append(product_at_least_square(u, v, a))
        hurried, forced = units.hurried(), np.flatnonzero(problem.mandatory[clients])
        if hurried.size:
            slowest = (units.upload_s / problem.max_upload_s[clients])[hurried]
            limits.append(u[hurried] >= cp.multiply(slowest, a[hurried]))
        if forced.size:
            limits.append(a[forced] == 1.0)
        cover = (problem.relevance[np.ix_(asking, clients)] / target[:, None]) @ a >= 1.0
        cost = (weight * problem.compute_s[clients] / scale) @ a + (weight * units.upload_s / scale) @ v
        status, seconds = run_clarabel(cp.Problem(cp.Minimize(cost), [*limits, cover]), time_limit_s)
        time_limit_s -= seconds
        if status in SOLVED:  # an inaccurate one only weakens the bound, which is evaluated apart
            fraction, multipliers = np.zeros(problem.n_clients), np.zeros(problem.n_tasks)
            fraction[clients] = np.clip(a.value, 0.0, 1.0)
            multipliers[asking] = np.maximum(cover.dual_value, 0.0) * scale / target
            return _Plan(fraction, multipliers)
    raise SolverError(f"Clarabel on the relaxation over {clients.size} clients ended with status {status!r}")


def _told_to_stop(options: Options, started: float, relaxation: Relaxation) -> bool:
    # The first answer comes with the rounding, at the end.
    figures = {"objective_s": math.inf, "lower_bound_s": relaxation.bound_s}
    return options.told_to_stop(started, iteration=relaxation.iterations, **figures)
