"""What the reference's convex programs share: natural units, the turned rate cone, and the call of Clarabel.

Written in hertz, bits and seconds the programs end in a solver error beyond a few hundred clients. Here every
client has its own units: bandwidth is counted in a natural share s_n, rate in the rate on that share, so that
variables are near 1, and the exponential cone of the Shannon rate is turned by ``k_n = log1p(g_n / s_n)``:

    r_n(b) ln2 / s_n = y log((y + x) / y) = k y - rel_entr(y, e^{-k} (y + x)),     y = b/s,  x = g/s,

which is the same function, but all three coordinates of the cone are near 1 instead of up to e^20 apart.
"""

from __future__ import annotations

import math
import warnings
from importlib import import_module
from typing import Any

import numpy as np
import numpy.typing as npt

from ..array_types import FloatArray
from ..extras import needs_extra
from ..problem import Objective, Problem

__all__ = ["SOLVED", "OutOfTime", "Units", "import_cvxpy", "product_at_least_square", "run_clarabel"]

Indices = npt.NDArray[np.intp]

SOLVED = ("optimal", "optimal_inaccurate")


class OutOfTime(Exception):  # noqa: N818 - not an error: a limit the caller set
    """The time limit passed inside a solver."""


def import_cvxpy() -> Any:
    """Return the cvxpy module, or say which extra brings it."""
    with needs_extra("method 'cvxpy'", "reference"):
        import_module("clarabel")
        return import_module("cvxpy")


class Units:
    """The clients of a program and the natural share of each, in which its bandwidth is counted, Hz > 0.

    Any share gives the same program; a good one is of the order of the solution.
    """

    def __init__(self, problem: Problem, clients: Indices, share_hz: FloatArray) -> None:
        self.problem, self.clients, self.share_hz = problem, clients, share_hz
        self.upload_s = _upload_on(problem, clients, share_hz)

    @classmethod
    def natural(cls, problem: Problem, clients: Indices, rounds: int = 0) -> Units:
        """Return equal shares, refined by rounds of sharing in proportion to the need at their efficiency.

        The need is payload over efficiency for the makespan, and its root, weighted, for total latency.
        """
        share = np.full(clients.size, problem.bandwidth_hz / clients.size)
        for _ in range(rounds):
            need = _upload_on(problem, clients, share) * share
            if problem.objective is Objective.TOTAL:
                need = np.sqrt(problem.weights[clients] * need)
            share = need * (problem.bandwidth_hz / need.sum())
        return cls(problem, clients, np.minimum(share, problem.max_bandwidth_hz[clients]))

    def rate(self, y: Any, fraction: Any = 1.0) -> Any:
        """Return each client's rate on ``y`` shares over its rate on one; with fractions, the perspective."""
        if self.problem.cn0_hz is None:
            return y
        cp = import_cvxpy()
        x = self.problem.cn0_hz[self.clients] / self.share_hz
        k = np.log1p(x)
        turned = cp.multiply(np.exp(-k), y + cp.multiply(x, fraction))
        return y - cp.multiply(1.0 / k, cp.rel_entr(y, turned))

    def total(self, y: Any) -> Any:
        """Return the bandwidth in use, over B."""
        return (self.share_hz / self.problem.bandwidth_hz) @ y

    def bounds(self, y: Any, fraction: Any = None) -> list[Any]:
        """Return the constraints ``l a <= b <= m a`` of the clients that have any."""
        a = import_cvxpy().Constant(np.ones(self.clients.size)) if fraction is None else fraction
        multiply = import_cvxpy().multiply
        least, most = self.problem.min_bandwidth_hz[self.clients], self.problem.max_bandwidth_hz[self.clients]
        floored, capped = np.flatnonzero(least > 0.0), np.flatnonzero(most < self.problem.bandwidth_hz)
        limits = []
        if floored.size:
            limits.append(y[floored] >= multiply((least / self.share_hz)[floored], a[floored]))
        if capped.size:
            limits.append(y[capped] <= multiply((most / self.share_hz)[capped], a[capped]))
        return limits

    def hurried(self) -> Indices:
        """Return which of the clients have a longest upload."""
        return np.flatnonzero(np.isfinite(self.problem.max_upload_s[self.clients]))


def _upload_on(problem: Problem, clients: Indices, share_hz: FloatArray) -> FloatArray:
    bandwidth = np.zeros(problem.n_clients)
    bandwidth[clients] = share_hz
    return problem.upload_s(bandwidth)[clients]


def product_at_least_square(left: Any, right: Any, middle: Any) -> Any:
    """Return ``left right >= middle^2``, elementwise, as second-order cones: ``|(2 m, l - r)| <= l + r``."""
    cp = import_cvxpy()
    return cp.SOC(left + right, cp.vstack([2.0 * middle, left - right]), axis=0)


def run_clarabel(
    program: Any, time_limit_s: float, *, tolerance: float = 1e-9, regularization: float = 1e-8
) -> tuple[str, float]:
    """Run Clarabel; return its status and its seconds. A failure is a status: the caller may try other units.

    Parameters
    ----------
    program : cvxpy.Problem
        What to solve.
    time_limit_s : float
        Seconds left; `OutOfTime` is raised when they pass.
    tolerance : float
        On gap and feasibility, relative to variables near 1 (Clarabel's own is 1e-8).
    regularization : float
        Of its linear systems (1e-8 is its own).
    """
    if time_limit_s <= 0.0:
        raise OutOfTime
    limit = {} if math.isinf(time_limit_s) else {"time_limit": time_limit_s}
    cp = import_cvxpy()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # "Solution may be inaccurate": the status says so
        try:
            program.solve(
                solver=cp.CLARABEL,
                tol_gap_abs=tolerance,
                tol_gap_rel=tolerance,
                tol_feas=tolerance,
                static_regularization_constant=regularization,
                **limit,
            )
        except cp.error.SolverError:
            return "solver_error", 0.0
    if program.status == "user_limit":
        raise OutOfTime
    return str(program.status), float(program.solver_stats.solve_time)
