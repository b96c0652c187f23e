"""Bandwidths by plain NumPy and SciPy's bracketing, written from the definitions: nothing of the package's is used.

They are as slow as they are plain, and accurate to about 1e-10 where the data are of ordinary size.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from scipy.optimize import brentq

from ..array_types import BoolArray, FloatArray
from ..problem import Objective, Problem
from .block_tables import BlockTable, greedy_split

__all__ = [
    "least_bandwidths",
    "priced",
    "selection_bandwidths",
    "selection_price",
    "selection_value",
    "value_and_price",
]


_LN2 = math.log(2.0)


def _most(problem: Problem) -> FloatArray:
    return np.minimum(problem.max_bandwidth_hz, problem.bandwidth_hz)


def least_bandwidths(problem: Problem, deadline: float) -> FloatArray:
    """beta_n(T) of every client, Hz; inf where it cannot finish by T or its limits exclude it."""
    tau = np.minimum(deadline - problem.compute_s, problem.max_upload_s)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        if problem.spectral_efficiency is not None:
            b = problem.payload_bits / (problem.spectral_efficiency * tau)
        else:
            assert problem.cn0_hz is not None
            reach, load = problem.cn0_hz * tau, problem.payload_bits * _LN2
            # L/expm1(L) = G by Newton on the convex log(expm1(L)/L) = -log G, from the right of its root.
            y = np.where(reach > 2.0 * load, np.log(reach / load), -np.log1p((load - reach) / reach))
            length = 2.0 * np.where(reach > load, y, 1.0)
            for _ in range(14):
                lost = np.expm1(-length)
                value, slope = length + np.log(-lost / length), -1.0 / lost - 1.0 / length
                small = length < 0.01
                if small.any():
                    few = length[small]
                    value[small], slope[small] = few / 2 + few**2 / 24, 0.5 + few / 12
                length = length - (value - y) / slope
            b = np.where(reach > load, load / (tau * length), np.inf)
            b = np.where(np.isinf(tau), 0.0, b)
        b = np.maximum(np.where(tau > 0.0, b, np.inf), problem.min_bandwidth_hz)
    return np.where(b <= _most(problem) * (1.0 + 1e-13), b, np.inf)


def priced(problem: Problem, price: float) -> tuple[FloatArray, FloatArray]:
    """Best bandwidth of every client at a price per hertz, and its cost; inf where its limits exclude it."""
    least, most = least_bandwidths(problem, math.inf), _most(problem)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        if problem.spectral_efficiency is not None:
            b = np.sqrt(problem.weights * problem.payload_bits / (problem.spectral_efficiency * price))
        else:
            assert problem.cn0_hz is not None
            goal = np.log(price / (problem.weights * problem.payload_bits * _LN2)) + 2.0 * np.log(problem.cn0_hz)
            low, high = 0.5 * goal - 8.0, 0.5 * goal + 8.0 + np.log1p(np.abs(goal))
            for _ in range(64):  # bisection in log x: the marginal saving is monotone
                middle = 0.5 * (low + high)
                x = np.exp(np.minimum(middle, 600.0))
                length = np.log1p(x)
                gap = length - x / (1.0 + x)
                small = x <= 1e-4
                if small.any():
                    gap[small] = x[small] * x[small] * (0.5 - 2.0 * x[small] / 3.0)
                below = 2.0 * middle + np.log(gap) - 2.0 * np.log(length) < goal
                low, high = np.where(below, middle, low), np.where(below, high, middle)
            b = problem.cn0_hz * np.exp(-0.5 * (low + high))
        b = np.clip(np.nan_to_num(b, nan=0.0, posinf=1e300), np.minimum(least, most), most)
        cost = problem.weights * (problem.compute_s + problem.upload_s(np.minimum(b, 1e30))) + price * b
    return b, np.where(np.isfinite(least), cost, np.inf)


def _root(function: Callable[[float], float], low: float, high: float) -> float:
    """Return the root of a function that decreases from `low`, where it is >= 0, to `high`, where it is <= 0."""
    first, last = math.log(low), math.log(high)

    def at(z: float) -> float:
        return function(math.exp(z))

    if at(first) <= 0.0:
        return low
    if at(last) >= 0.0:
        return high
    return math.exp(brentq(at, first, last, xtol=1e-14, rtol=1e-14))


def selection_value(problem: Problem, selected: BoolArray) -> float:
    """Objective of a selection on its best bandwidths, s; inf where its limits do not fit."""
    return value_and_price(problem, selected)[0]


def selection_price(problem: Problem, selected: BoolArray) -> float:
    """Price of bandwidth at which a selection uses up the carrier, s/Hz (total), or its deadline, s (makespan)."""
    return value_and_price(problem, selected)[1]


def selection_bandwidths(problem: Problem, selected: BoolArray) -> FloatArray:
    """Best bandwidths of a selection that fits, Hz, (N,); total latency."""
    _, price = value_and_price(problem, selected)
    if price == 0.0:
        b = np.minimum(_most(problem), 1e30)
    elif price == math.inf:
        b = least_bandwidths(problem, math.inf)
    else:
        b = priced(problem, price)[0]
    return np.where(selected, b, 0.0)


def value_and_price(problem: Problem, selected: BoolArray) -> tuple[float, float]:
    """Objective of a selection on its best bandwidths, s, and its deadline, s, or price, s/Hz: inf where none fit."""
    if not selected.any():
        return 0.0, 0.0
    if problem.resource_block_hz is not None:
        split = greedy_split(BlockTable(problem), selected)
        makespan = problem.objective is Objective.MAKESPAN
        return split.value, split.value if makespan else split.saved / problem.resource_block_hz
    floor = least_bandwidths(problem, math.inf)[selected]
    if not np.isfinite(floor).all() or floor.sum() > problem.bandwidth_hz * (1.0 + 1e-12):
        return math.inf, math.inf
    best = _least_deadline if problem.objective is Objective.MAKESPAN else _least_total
    found = best(problem, selected)
    if found is not None:
        return found
    bandwidth = np.zeros(problem.n_clients)  # the floors alone fill the carrier, but for rounding
    bandwidth[selected] = floor
    return problem.objective_s(selected, bandwidth), math.inf


def _least_deadline(problem: Problem, selected: BoolArray) -> tuple[float, float] | None:
    # Nobody finishes sooner than alone; everybody finishes by the slowest on an even share or its own floor.
    earliest = float((problem.compute_s + problem.upload_s(np.minimum(_most(problem), 1e30)))[selected].max())

    def excess(deadline: float) -> float:
        return min(float(least_bandwidths(problem, deadline)[selected].sum()) / problem.bandwidth_hz, 1e6) - 1.0

    earliest *= 1.0 + 1e-13
    if excess(earliest) <= 0.0:
        return earliest, earliest
    latest = 2.0 * earliest
    while excess(latest) > 0.0:
        latest *= 2.0
        if latest > earliest * 1e40:
            return None
    deadline = _root(excess, earliest, latest)
    return deadline, deadline


def _least_total(problem: Problem, selected: BoolArray) -> tuple[float, float] | None:
    most, band = _most(problem), problem.bandwidth_hz
    if most[selected].sum() <= band:
        return problem.objective_s(selected, np.where(selected, np.minimum(most, 1e30), 0.0)), 0.0

    def bought(price: float) -> float:
        return float(priced(problem, price)[0][selected].sum()) / band - 1.0

    scale = float((problem.weights * problem.upload_s(band))[selected].max()) / band
    low = high = scale
    while bought(low) < 0.0:
        low /= 16.0
    while bought(high) > 0.0:
        high *= 16.0
        if high > scale * 1e60:
            return None
    price = _root(bought, low, high)
    return float(priced(problem, price)[1][selected].sum()) - price * band, price
