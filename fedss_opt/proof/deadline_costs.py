"""Least bandwidths at a deadline, from below: a number is returned only where the rate on it certainly misses.

The candidates come from the client model's inverse, which nobody has to believe. The rate rises in b, so a
bandwidth on which the bits sent by the deadline fall short, by more than rounding, is below the least one.
"""

from __future__ import annotations

import math

import numpy as np

from ..array_types import BoolArray, FloatArray
from ..problem import Problem

__all__ = ["carrier_hz", "least_bandwidths"]


_ULP = 2.0**-52
_RATE_ERROR = 16 * _ULP  # quotient, logarithm, two products, the time left: each within an ulp or two
_ALLOWED = 1.0 + 1e-12  # of a longest upload, as `Problem.selectable` and the checkers have it
_FIRST_CUT = 1e-14
_WHOLE = 1e-12  # of a number of blocks: quotients that close to a whole number count as it


def carrier_hz(problem: Problem) -> float:
    """Return what the selected clients share, Hz: B, or what its whole blocks amount to (rounded up)."""
    if problem.resource_blocks is None:
        return problem.bandwidth_hz
    return problem.resource_blocks * float(problem.resource_block_hz or 0.0) * (1.0 + 2 * _ULP)


def least_bandwidths(problem: Problem, deadline: float) -> FloatArray:
    """Return what every client needs at least to finish by a deadline, Hz, rounded down.

    Parameters
    ----------
    problem : Problem
        The round.
    deadline : float
        Seconds, > 0; ``inf`` asks for what limits alone demand.

    Returns
    -------
    ndarray, (N,)
        At most ``beta_n(deadline)``; ``inf`` for clients that certainly cannot finish by then.
    """
    left = np.minimum(deadline - problem.compute_s, problem.max_upload_s * _ALLOWED)
    low, high = problem.bandwidth_limits_hz
    with np.errstate(divide="ignore", invalid="ignore", over="ignore", under="ignore"):
        timed = (left > 0.0) & (left < math.inf)
        rate = np.where(timed, problem.payload_bits / np.where(timed, left, 1.0), 0.0)
        candidate = problem.client_model.bandwidth_for_rate(problem.link, rate)
        candidate = np.minimum(candidate, high)  # who needs more is late, below
        cut = _FIRST_CUT
        pending = timed & (candidate > 0.0)
        while pending.any() and cut < 1.0:
            smaller = candidate * (1.0 - cut)
            proven = pending & _misses(problem, smaller, rate)
            candidate = np.where(proven, smaller, candidate)
            pending &= ~proven
            cut *= 4.0
        candidate[pending] = 0.0
        late = (left <= 0.0) | (timed & _misses(problem, high, rate))
    if problem.resource_block_hz is not None:
        block = problem.resource_block_hz
        candidate = block * np.maximum(np.ceil(candidate / block * (1.0 - _WHOLE)), 1.0)
    needed: FloatArray = np.maximum(candidate, low)
    needed[late | (low > high * (1.0 + _WHOLE))] = math.inf
    return needed


def _misses(problem: Problem, bandwidth: FloatArray, rate: FloatArray) -> BoolArray:
    """Tell whose rate on a bandwidth is certainly below the rate that is needed."""
    reached = problem.rate_bps(np.where(np.isfinite(bandwidth), bandwidth, 0.0))
    missed: BoolArray = np.isfinite(bandwidth) & (reached * (1.0 + _RATE_ERROR) < rate * (1.0 - _RATE_ERROR))
    return missed
