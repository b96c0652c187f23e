"""From a selection to a Solution: the optimal bandwidths, and every figure recomputed from the data."""

from __future__ import annotations

import math

import numpy as np

from ..array_types import BoolArray, FloatArray
from ..gap_tolerance import within_gap
from ..problem import Objective, Problem
from ..solution import Certificate, Solution, Status, StopReason

__all__ = ["answer", "optimal_bandwidth"]


def optimal_bandwidth(
    problem: Problem, selected: BoolArray, *, guess: float = math.nan, stop: BoolArray | None = None
) -> FloatArray | None:
    """Return the bandwidths that minimise the objective for a given selection.

    Equations 3.2 (makespan) and 3.3 (total latency): one scalar root, then the closed forms.

    Parameters
    ----------
    problem : Problem
        The round.
    selected : ndarray of bool, (N,)
        Who uploads.
    guess : float
        The deadline (s) or price (s/Hz) of a similar selection, to start from.
    stop : ndarray of bool, (1,), optional
        The flag of a `fedss_opt.solvers.stopping.Stop`.

    Returns
    -------
    ndarray, (N,), or None
        Hz, 0 for clients left out, in sum at most B in exact arithmetic; None when caps and bounds cannot be
        met within B, or when `stop` was set before the end.
    """
    from .. import kernels  # noqa: PLC0415 - loads Numba
    from ..cells import selection_cell  # noqa: PLC0415

    cell = selection_cell(problem, selected, stop)
    share = np.empty(cell.client.size)
    if not kernels.hand_out(cell, np.arange(cell.client.size), guess, share):
        return None
    bandwidth = np.zeros(problem.n_clients)
    bandwidth[cell.client] = share
    return bandwidth


def answer(
    problem: Problem,
    selected: BoolArray,
    bandwidth_hz: FloatArray,
    *,
    method: str,
    stop_reason: StopReason | None = None,
    lower_bound_s: float = math.nan,
    certificate: Certificate | None = None,
    gap_tol: float = 0.0,
    iterations: int = 0,
    solve_time_s: float = 0.0,
    message: str = "",
) -> Solution:
    """Build the Solution of a feasible selection and allocation; its figures come from the data.

    A method that came to its own end leaves `stop_reason` out: it is the gap where that is closed, else stalled.
    """
    latency = problem.latency_s(selected, bandwidth_hz)
    objective = latency if problem.objective is Objective.MAKESPAN else problem.objective_s(selected, bandwidth_hz)
    proven = within_gap(objective, lower_bound_s, gap_tol)  # False for NaN: no bound, nothing proven
    return Solution(
        status=Status.OPTIMAL if proven else Status.FEASIBLE,
        stop_reason=stop_reason or (StopReason.GAP if proven else StopReason.STALLED),
        selected=selected,
        bandwidth_hz=bandwidth_hz,
        latency_s=latency,
        objective_s=objective,
        lower_bound_s=lower_bound_s,
        certificate=certificate,
        method=method,
        iterations=iterations,
        solve_time_s=solve_time_s,
        message=message,
        problem=problem,
    )
