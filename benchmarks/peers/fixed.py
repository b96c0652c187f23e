"""Bandwidth for a fixed selection (everybody): a convex problem, by one root, cones, SQP and an interior point.

SciPy's methods get scaled variables, exact derivatives and a start from which the end is not far. What they return
is scaled down to the carrier where its sum is above, and then priced like everybody's.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import sparse
from scipy.optimize import Bounds, LinearConstraint, NonlinearConstraint, minimize

import fedss_opt as fo
from fedss_opt.solvers.reference_bandwidth import reference_bandwidth
from fedss_opt.solvers.selection_answer import optimal_bandwidth

from .attempt import Attempt

__all__ = ["by_cvxpy", "by_package", "by_slsqp", "by_trust_constr"]

FloatArray = npt.NDArray[np.float64]

_LEAST_SHARE = 1e-6  # of an even share: keeps the upload times finite
_EQUALISING_ROUNDS = 30
_INSIDE = 0.99  # of the carrier: an interior start


def by_package(problem: fo.Problem, time_limit_s: float) -> Attempt:
    """One scalar root, then the closed forms."""
    everybody = np.ones(problem.n_clients, dtype=bool)
    return Attempt(selected=everybody, bandwidth_hz=optimal_bandwidth(problem, everybody), proven=True)


def by_cvxpy(problem: fo.Problem, time_limit_s: float) -> Attempt:
    """Exponential cones: the package's second formulation, compiled by CVXPY and solved by Clarabel."""
    everybody = np.ones(problem.n_clients, dtype=bool)
    allocation = reference_bandwidth(problem, everybody, time_limit_s=time_limit_s)
    if allocation is None:
        return Attempt(note="infeasible")
    proven = allocation.status == "optimal"
    return Attempt(
        selected=everybody, bandwidth_hz=allocation.bandwidth_hz, proven=proven, solver_s=allocation.solver_time_s
    )


@dataclass(frozen=True, eq=False)
class _Program:
    """The problem in units of an even share: variables y (N,), and the makespan t in units of the start's."""

    problem: fo.Problem

    @property
    def even_hz(self) -> float:
        return self.problem.bandwidth_hz / self.problem.n_clients

    def start(self) -> FloatArray:
        """Shares in proportion to the payloads; for the makespan, moved until the clients end at about the same time.

        Without that the first makespan, which is the unit, can be a thousand times the last one, and SciPy's absolute
        tolerances are wasted.
        """
        payload = self.problem.payload_bits
        share: FloatArray = payload * (payload.size / payload.sum())
        if self.problem.objective is fo.Objective.MAKESPAN:
            for _ in range(_EQUALISING_ROUNDS):
                time = self.times(share)[0]
                share = share * np.sqrt(time / time.max())
                share = np.maximum(share * (payload.size / share.sum()), 2.0 * _LEAST_SHARE)
        return _INSIDE * share

    def times(self, y: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Finish times of all clients and their first two derivatives in y."""
        p, b = self.problem, np.maximum(y, _LEAST_SHARE) * self.even_hz
        upload = p.upload_s(b)
        if p.spectral_efficiency is not None:
            return p.compute_s + upload, -upload / y, 2.0 * upload / y**2
        assert p.cn0_hz is not None
        x = p.cn0_hz / b
        length, part = np.log1p(x), x / (1.0 + x)
        rate = b * length
        slope, bend = length - part, -part * part / b  # of the rate, in b
        first = -upload * slope / rate
        second = upload * (2.0 * (slope / rate) ** 2 - bend / rate)
        return p.compute_s + upload, first * self.even_hz, second * self.even_hz**2

    def attempt(self, y: FloatArray, note: str) -> Attempt:
        b = np.maximum(y, _LEAST_SHARE) * self.even_hz
        b *= min(1.0, self.problem.bandwidth_hz / math.fsum(b.tolist()))
        return Attempt(selected=np.ones(b.size, dtype=bool), bandwidth_hz=b, note=note)


def by_slsqp(problem: fo.Problem, time_limit_s: float) -> Attempt:
    """SciPy's SLSQP."""
    program, n = _Program(problem), problem.n_clients
    y = program.start()
    bounds = [(_LEAST_SHARE, float(n))] * n
    carrier = {"type": "ineq", "fun": lambda v: n - v[:n].sum(), "jac": lambda v: -_ones(v.size, n)}
    options = {"maxiter": 1000, "ftol": 1e-12}
    if problem.objective is fo.Objective.TOTAL:
        value, slope, unit = _total(program, y)
        found = minimize(value, y, jac=slope, method="SLSQP", bounds=bounds, constraints=[carrier], options=options)
        return program.attempt(found.x[:n], found.message)
    unit = float(program.times(y)[0].max())
    in_time = {
        "type": "ineq",
        "fun": lambda v: v[n] - program.times(v[:n])[0] / unit,
        "jac": lambda v: np.hstack([-np.diag(program.times(v[:n])[1] / unit), np.ones((n, 1))]),
    }
    found = minimize(
        lambda v: v[n],
        np.append(y, 1.01),
        jac=lambda v: _last(v.size),
        method="SLSQP",
        bounds=[*bounds, (0.0, None)],
        constraints=[carrier, in_time],
        options=options,
    )
    return program.attempt(found.x[:n], found.message)


def by_trust_constr(problem: fo.Problem, time_limit_s: float) -> Attempt:
    """SciPy's trust-constr: interior point with sparse Jacobians and exact Hessians."""
    program, n = _Program(problem), problem.n_clients
    y = program.start()
    # By gtol it would stop before the barrier is gone, which is not part of that test.
    options = {"maxiter": 5000, "gtol": 0.0, "xtol": 1e-10}
    if problem.objective is fo.Objective.TOTAL:
        value, slope, unit = _total(program, y)
        found = minimize(
            value,
            y,
            jac=slope,
            hess=lambda v: sparse.diags_array(problem.weights * program.times(v)[2] / unit).tocsr(),
            method="trust-constr",
            bounds=Bounds(np.full(n, _LEAST_SHARE), np.full(n, float(n)), keep_feasible=True),
            constraints=[LinearConstraint(sparse.csr_array(np.ones((1, n))), -np.inf, float(n))],
            options=options,
        )
        return program.attempt(found.x, found.message)
    unit = float(program.times(y)[0].max())
    column = sparse.csr_array(np.full((n, 1), -1.0))
    in_time = NonlinearConstraint(
        lambda v: program.times(v[:n])[0] / unit - v[n],
        -np.inf,
        0.0,
        jac=lambda v: sparse.hstack([sparse.diags_array(program.times(v[:n])[1] / unit), column]).tocsr(),
        hess=lambda v, w: sparse.diags_array(np.append(w * program.times(v[:n])[2] / unit, 0.0)).tocsr(),
    )
    found = minimize(
        lambda v: v[n],
        np.append(y, 1.01),
        jac=lambda v: _last(v.size),
        hess=lambda v: sparse.csr_array((n + 1, n + 1)),
        method="trust-constr",
        bounds=Bounds(np.append(np.full(n, _LEAST_SHARE), 0.0), np.append(np.full(n, float(n)), np.inf), True),
        constraints=[LinearConstraint(sparse.csr_array(_ones(n + 1, n)[None, :]), -np.inf, float(n)), in_time],
        options=options,
    )
    return program.attempt(found.x[:n], found.message)


def _total(program: _Program, y: FloatArray) -> tuple[Callable[[FloatArray], Any], Callable[[FloatArray], Any], float]:
    """Weighted total in units of its start, and its gradient."""
    weights = program.problem.weights
    unit = float(weights @ program.times(y)[0])
    return lambda v: weights @ program.times(v)[0] / unit, lambda v: weights * program.times(v)[1] / unit, unit


def _ones(size: int, first: int) -> FloatArray:
    row = np.zeros(size)
    row[:first] = 1.0
    return row


def _last(size: int) -> FloatArray:
    row = np.zeros(size)
    row[-1] = 1.0
    return row
