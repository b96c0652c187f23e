"""Dual bounds of the convex reference, from plain bisection: a second, independent way to the same proofs.

Nothing here shares code with the compiled kernels, and nothing is clever: each closed form of section 3 of
the mathematics is replaced by a bisection of the equation it solves. The bounds of section 5 are then true
for any multipliers, so a conic or linear solver only has to suggest them; its tolerances never enter a claim.
"""

from __future__ import annotations

import math

import numpy as np

from ..array_types import FloatArray
from ..problem import Objective, Problem

__all__ = ["dual_value", "least_bandwidth", "priced_cost", "strongest_bound", "time_scale"]


_LN2 = math.log(2.0)
# Halvings of a bracket whose ends differ by a factor below 1e300: enough for one unit in the last place.
_HALVINGS = 64
# What is given away for rounding. Bandwidths are exact to a few ulp of the deadline and the sums to N ulp of
# their terms, 1e-13 in all at N = 1000; 1e-12 keeps the claim on the safe side of an exact evaluation.
ROUNDING_MARGIN = 1e-12


def least_bandwidth(problem: Problem, deadline_s: float) -> FloatArray:
    """Return the least bandwidth with which each client finishes by a deadline.

    Solves ``log1p(x) / x = G`` with ``x = g/b``, ``G = S ln2 / (g tau)`` and ``tau = min(T - c, d)`` (section
    3.1 of the mathematics) by bisection in log x on the bracket ``2 (1 - G) <= x <= 1/G^2``, which follows
    from ``1 - x/2 <= log1p(x)/x <= 1/sqrt(1 + x)``.

    Parameters
    ----------
    problem : Problem
        The round.
    deadline_s : float
        T, seconds; ``inf`` leaves the caps d_n and bounds l_n alone.

    Returns
    -------
    ndarray, (N,)
        Hz; ``inf`` where no admissible bandwidth suffices. Availability is not looked at.
    """
    tau = np.minimum(deadline_s - problem.compute_s, problem.max_upload_s)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        if problem.spectral_efficiency is not None:
            least = problem.payload_bits / (problem.spectral_efficiency * tau)
        else:
            assert problem.cn0_hz is not None
            least = _least_shannon(problem.payload_bits, problem.cn0_hz, tau)
        least = np.where(tau > 0.0, least, np.inf)
    least = np.maximum(least, problem.min_bandwidth_hz)
    return np.where(least <= problem.max_bandwidth_hz, least, np.inf)


def _least_shannon(payload_bits: FloatArray, cn0_hz: FloatArray, tau: FloatArray) -> FloatArray:
    G = payload_bits * _LN2 / (cn0_hz * tau)
    solvable = (G > 0.0) & (G < 1.0)
    G = np.where(solvable, G, 0.5)
    low, high = 2.0 * (1.0 - G), (1.0 / G) ** 2
    for _ in range(_HALVINGS):
        middle = np.sqrt(low) * np.sqrt(high)
        short = np.log1p(middle) >= G * middle  # the root is further right
        low, high = np.where(short, middle, low), np.where(short, high, middle)
    # The low end of x is the high end of b: the deadline holds. tau = inf needs no bandwidth at all.
    return np.where(solvable, cn0_hz / low, np.where(np.isposinf(tau), 0.0, np.inf))


def priced_cost(problem: Problem, price: float) -> tuple[FloatArray, FloatArray]:
    """Return what each selected client costs, and the bandwidth it takes, at a price of bandwidth.

    Minimises ``w (c + S / r(b)) + price b`` over the admissible b, at most B (section 3.3 of the mathematics). The
    Shannon minimiser, as ``x = g/b``, comes from

        x^2 (log1p(x) - x/(1+x)) / log1p(x)^2 = price g^2 / (w S ln2),

    whose left side increases in x. An error in b enters the cost in second order only.

    Parameters
    ----------
    problem : Problem
        The round.
    price : float
        lambda > 0, s/Hz.

    Returns
    -------
    cost : ndarray, (N,)
        phi_n, seconds; ``inf`` where caps and bounds contradict each other.
    bandwidth_hz : ndarray, (N,)
        The minimiser, Hz; 0 where the cost is ``inf``.
    """
    floor = least_bandwidth(problem, math.inf)
    possible = np.isfinite(floor)
    S, w = problem.payload_bits, problem.weights
    if problem.spectral_efficiency is not None:
        b = np.sqrt(w * S / (problem.spectral_efficiency * price))
    else:
        assert problem.cn0_hz is not None
        b = problem.cn0_hz / _priced_ratio(np.log(price / (w * S * _LN2)) + 2.0 * np.log(problem.cn0_hz))
    b = np.clip(b, np.where(possible, floor, 0.0), problem.bandwidth_limits_hz[1])
    cost = w * (problem.compute_s + problem.upload_s(b)) + price * b
    return np.where(possible, cost, np.inf), np.where(possible, b, 0.0)


def _priced_ratio(log_target: FloatArray) -> FloatArray:
    low, high = np.full_like(log_target, -300.0), np.full_like(log_target, 300.0)  # log x
    for _ in range(_HALVINGS):
        middle = 0.5 * (low + high)
        x = np.exp(middle)
        log_rate = np.log1p(x)
        # log1p(x) - x/(1+x) cancels for small x: the first terms of its series, exact to 2 x^4 of it, do not.
        small = np.minimum(x, 1e-3)
        series = small * small * (0.5 - small * (2.0 / 3.0 - small * (0.75 - 0.8 * small)))
        bend = np.where(x < 1e-3, series, log_rate - x / (1.0 + x))
        short = 2.0 * middle + np.log(bend) - 2.0 * np.log(log_rate) < log_target
        low, high = np.where(short, middle, low), np.where(short, high, middle)
    return np.exp(low)


def dual_value(problem: Problem, multipliers: FloatArray, cost: FloatArray) -> tuple[float, float]:
    """Evaluate ``q^T mu - sum_n max(0, (R^T mu)_n - phi_n)`` and the size of its terms.

    Mandatory clients always pay, so their term may be negative; unavailable ones never count (section 5 of
    the mathematics). For the makespan the cost is a bandwidth and the value bounds the bandwidth that any
    selection needs; for total latency the caller still subtracts ``lambda B``.

    Parameters
    ----------
    problem : Problem
        The round.
    multipliers : ndarray, (K,)
        mu >= 0.
    cost : ndarray, (N,)
        phi_n, ``inf`` where a client cannot take part.

    Returns
    -------
    value : float
        D; ``inf`` when a mandatory client cannot take part.
    size : float
        Sum of the absolute terms, to which rounding errors are relative.
    """
    offer = multipliers @ problem.relevance
    gain = offer - cost
    gain = np.where(problem.mandatory, gain, np.maximum(gain, 0.0))
    gain = gain[problem.available]
    reward = float(multipliers @ problem.coverage_target)
    if np.any(np.isneginf(gain)):
        return math.inf, math.inf
    return reward - float(gain.sum()), reward + float(np.abs(gain).sum())


def strongest_bound(problem: Problem, multipliers: FloatArray, *, rel_tol: float = 1e-13) -> tuple[float, float]:
    """Return the best price for given multipliers, and the bound on the objective it proves.

    Parameters
    ----------
    problem : Problem
        The round.
    multipliers : ndarray, (K,)
        mu >= 0 of the covering constraints: Hz (makespan) or s (total) per unit of relevance.
    rel_tol : float
        Relative width to which the price is searched. Any width gives a true bound.

    Returns
    -------
    price : float
        The deadline T with ``D(mu, T) > B`` (0 if there is none), or the price lambda, s/Hz.
    bound_s : float
        No answer is below it, seconds; ``inf`` when mu proves infeasibility, 0 when it proves nothing.
    """
    if not problem.mandatory.any() and not multipliers.any():
        return 0.0, 0.0  # nobody has to do anything
    if problem.objective is Objective.MAKESPAN:
        deadline = _last_excluded_deadline(problem, multipliers, rel_tol)
        return deadline, deadline
    return _best_price(problem, multipliers, rel_tol)


def excludes(problem: Problem, multipliers: FloatArray, deadline_s: float) -> bool:
    """Tell whether ``D(mu, T) > B``, beyond rounding: then no answer finishes by T."""
    value, size = dual_value(problem, multipliers, least_bandwidth(problem, deadline_s))
    return value == math.inf or value - ROUNDING_MARGIN * size > problem.bandwidth_hz


def _last_excluded_deadline(problem: Problem, multipliers: FloatArray, rel_tol: float) -> float:
    if not excludes(problem, multipliers, 0.0):
        return 0.0
    if excludes(problem, multipliers, math.inf):
        return math.inf
    low, high = 0.0, time_scale(problem)
    while excludes(problem, multipliers, high):
        low, high = high, 2.0 * high
    while low == 0.0:
        if excludes(problem, multipliers, 0.5 * high):
            low = 0.5 * high
        elif (high := 0.5 * high) < 1e-300:
            return 0.0
    while high - low > rel_tol * high and low < (middle := 0.5 * (low + high)) < high:
        if excludes(problem, multipliers, middle):
            low = middle
        else:
            high = middle
    # Least bandwidths are exact for a deadline a few ulp off: give those away too.
    return low * (1.0 - ROUNDING_MARGIN)


def _best_price(problem: Problem, multipliers: FloatArray, rel_tol: float) -> tuple[float, float]:
    """Maximise the concave ``D(mu, lambda) - lambda B``; its slope is the bandwidth asked for, less B."""
    offer = multipliers @ problem.relevance

    def too_cheap(price: float) -> bool:
        cost, bandwidth = priced_cost(problem, price)
        asks = problem.available & np.isfinite(cost) & (problem.mandatory | (cost < offer))
        return float(bandwidth[asks].sum()) > problem.bandwidth_hz

    low = high = time_scale(problem) / problem.bandwidth_hz
    # 200 halvings span any scale; where bounds m_n leave bandwidth over, the price is as good as 0 by then.
    for _ in range(200):
        if too_cheap(low):
            break
        low *= 0.5
    for _ in range(200):
        if not too_cheap(high):
            break
        low, high = high, 2.0 * high
    while high - low > rel_tol * high and low < (middle := 0.5 * (low + high)) < high:
        if too_cheap(middle):
            low = middle
        else:
            high = middle
    return max(((p, _priced_bound(problem, multipliers, p)) for p in (low, high)), key=lambda pair: pair[1])


def _priced_bound(problem: Problem, multipliers: FloatArray, price: float) -> float:
    value, size = dual_value(problem, multipliers, priced_cost(problem, price)[0])
    if value == math.inf:
        return math.inf
    rent = price * problem.bandwidth_hz
    return max(0.0, value - rent - ROUNDING_MARGIN * (size + rent))


def time_scale(problem: Problem) -> float:
    """Return a positive duration of the order of the round's, s: where searches begin."""
    if problem.n_clients == 0:
        return 1.0
    share = problem.bandwidth_hz / problem.n_clients
    return float(np.median(problem.compute_s + problem.upload_s(share)))
