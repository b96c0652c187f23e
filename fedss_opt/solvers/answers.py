"""From a selection to a Solution: the optimal bandwidths, and every figure recomputed from the data."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from ..problem import Problem
from ..solution import Certificate, Solution, Status, StopReason

__all__ = ["answer", "optimal_bandwidth"]

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]


def optimal_bandwidth(problem: Problem, selected: BoolArray) -> FloatArray | None:
    """Return the bandwidths that minimise the objective for a given selection.

    Parameters
    ----------
    problem : Problem
        The round.
    selected : ndarray of bool, (N,)
        Who uploads.

    Returns
    -------
    ndarray, (N,), or None
        Hz, 0 for clients left out, in sum at most B; None when caps and bounds cannot be met within B.
    """
    raise NotImplementedError


def answer(
    problem: Problem,
    selected: BoolArray,
    bandwidth_hz: FloatArray,
    *,
    method: str,
    stop_reason: StopReason,
    lower_bound_s: float = math.nan,
    certificate: Certificate | None = None,
    gap_tol: float = 0.0,
    iterations: int = 0,
    solve_time_s: float = 0.0,
    message: str = "",
) -> Solution:
    """Build the Solution of a feasible selection and allocation; its figures come from the data."""
    objective = problem.objective_s(selected, bandwidth_hz)
    proven = objective <= lower_bound_s * (1.0 + gap_tol)  # False for NaN: no bound, nothing proven
    return Solution(
        status=Status.OPTIMAL if proven else Status.FEASIBLE,
        stop_reason=stop_reason,
        selected=selected,
        bandwidth_hz=bandwidth_hz,
        latency_s=problem.latency_s(selected, bandwidth_hz),
        objective_s=objective,
        lower_bound_s=lower_bound_s,
        certificate=certificate,
        method=method,
        iterations=iterations,
        solve_time_s=solve_time_s,
        message=message,
    )
