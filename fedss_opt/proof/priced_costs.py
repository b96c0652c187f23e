"""What clients cost at a price of bandwidth, from below: weighted time and the bandwidth bought, at its best.

The cost ``w (c + S / r(b)) + lambda b`` is convex in b. Between a point where it falls and one where it rises it is at
least the tangent of the first one, whatever led to the two points.
"""

from __future__ import annotations

import heapq
import math

import numpy as np

from ..array_types import BoolArray, FloatArray
from ..problem import Problem
from .deadline_costs import carrier_hz, least_bandwidths

__all__ = ["best_total_in_blocks", "least_total", "priced_costs"]


_ULP = 2.0**-52
_TIME_ERROR = 16 * _ULP  # of a time: quotient, logarithm, product, quotient, sum
_NARROWEST = 2.0**-60  # of the greatest bandwidth: the best one is not looked for below
_SECANTS = 12  # to rounding from anywhere, but for clients near a limit
_NEAR = 1e-8  # how far apart the two points are, relatively: the bound is off by its square
_HALVINGS = 34  # of a range of 2^60 in the logarithm: to a relative 2.4e-9


def priced_costs(problem: Problem, price: float) -> FloatArray:
    """Return what every client costs at a price, s, rounded down.

    Parameters
    ----------
    problem : Problem
        The round; its objective is total latency.
    price : float
        s/Hz, >= 0, finite.

    Returns
    -------
    ndarray, (N,)
        At most ``phi_n(price)``; ``inf`` for clients that can keep no limit.
    """
    low, high = least_bandwidths(problem, math.inf), problem.bandwidth_limits_hz[1]
    able = np.isfinite(low)
    low = np.where(able, np.minimum(low, high), high)
    with np.errstate(divide="ignore", over="ignore", invalid="ignore", under="ignore"):
        left, right = _bracket(problem, price, np.maximum(low, high * _NARROWEST), high)
        if problem.resource_block_hz is not None:
            cost = _in_blocks(problem, price, low, high, left, right)
        else:
            cost = _between(problem, price, low, high, left, right)
    cost[~np.isfinite(cost)] = 0.0  # too large for a float, and not known to be out of reach
    cost[~able] = math.inf
    return cost


def _bracket(problem: Problem, price: float, low: FloatArray, high: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Look for points close to the best bandwidth on either side; nobody has to believe that they are."""
    if price == 0.0:
        return high, high
    # What bandwidth saves is nearly a power of it: secants in logarithms.
    at, last = np.sqrt(low) * np.sqrt(high), high
    value = np.log1p(_slope(problem, last, price)[0] / -price)
    for _ in range(_SECANTS):
        now = np.log1p(_slope(problem, at, price)[0] / -price)
        step = now * (np.log(at) - np.log(last)) / (now - value)
        step = np.where(np.isfinite(step), np.clip(step, -20.0, 20.0), 0.0)
        last, value, at = at, now, np.clip(at * np.exp(-step), low, high)
    left, right = np.maximum(at * (1.0 - _NEAR), low), np.minimum(at * (1.0 + _NEAR), high)
    missed = ((_slope(problem, left, price)[0] > 0.0) & (left > low)) | (
        (_slope(problem, right, price)[0] < 0.0) & (right < high)
    )
    if missed.any():
        under, over = low, high
        for _ in range(_HALVINGS):
            middle = np.sqrt(under) * np.sqrt(over)
            falls = _slope(problem, middle, price)[0] <= 0.0
            under, over = np.where(falls, middle, under), np.where(falls, over, middle)
        left, right = np.where(missed, under, left), np.where(missed, over, right)
    return left, right


def _between(
    problem: Problem, price: float, low: FloatArray, high: FloatArray, left: FloatArray, right: FloatArray
) -> FloatArray:
    """Bound the cost on [low, high] by the tangents at two points."""
    bounds = []
    for at in (left, right):
        slope, error = _slope(problem, at, price)
        value = _cost(problem, at, price)
        # On the side where the tangent falls it is least at the other point, if the cost rises there, else at the end.
        bounds.append((value, slope - error, slope + error))
    (value_left, slope_left, _), (value_right, _, slope_right) = bounds
    rises = _slope(problem, right, price)[0] - _slope(problem, right, price)[1] >= 0.0
    falls = _slope(problem, left, price)[0] + _slope(problem, left, price)[1] <= 0.0
    # Right of `left`, up to `right` where the cost rises from there on, else up to the end.
    ahead = value_left + np.minimum(slope_left, 0.0) * (np.where(rises, right, high) - left)
    behind = value_right - np.maximum(slope_right, 0.0) * (right - np.where(falls, left, low))
    bound: FloatArray = np.where(falls | (left <= low), ahead, behind)
    neither = ~(falls | (left <= low)) & ~(rises | (right >= high))
    bound[neither] = 0.0
    return np.maximum(bound * (1.0 - 4 * _ULP), 0.0)


def _in_blocks(
    problem: Problem, price: float, low: FloatArray, high: FloatArray, left: FloatArray, right: FloatArray
) -> FloatArray:
    """Take the best of the whole numbers of blocks around the best bandwidth; 0 where those are many."""
    block = float(problem.resource_block_hz or 0.0)
    first, last = np.rint(low / block), np.rint(high / block)
    below = np.clip(np.floor(left / block * (1.0 - 1e-12)), first, last)
    above = np.clip(np.ceil(right / block * (1.0 + 1e-12)), first, last)
    options = [_cost(problem, np.minimum(below + j, above) * block, price) for j in range(3)]
    cost: FloatArray = np.minimum.reduce(options)
    cost[above - below > 2] = 0.0
    return cost


def _cost(problem: Problem, bandwidth: FloatArray, price: float) -> FloatArray:
    time = (problem.compute_s + problem.upload_s(bandwidth)) * (1.0 - _TIME_ERROR)
    cost: FloatArray = problem.weights * time + price * bandwidth
    return cost * (1.0 - 2 * _ULP)


def _slope(problem: Problem, bandwidth: FloatArray, price: float) -> tuple[FloatArray, FloatArray]:
    """Return the derivative of the cost in the bandwidth, and the error that it may have."""
    rate = problem.client_model.rate_bps(problem.link, bandwidth)
    rising = problem.client_model.rate_slope(problem.link, bandwidth)
    saving = problem.weights * problem.payload_bits / rate * rising / rate
    saving = np.where(np.isfinite(saving), saving, math.inf)
    slope = price - saving
    return np.where(np.isfinite(slope), slope, -math.inf), 1e-13 * (price + np.where(np.isfinite(saving), saving, 0.0))


def least_total(problem: Problem, selected: BoolArray) -> float:
    """Return what a selection's total latency is at least, s, where every client has all that the others can spare.

    Close to the truth where least bandwidths (nearly) fill the carrier, and prices are of no use.
    """
    low, high = least_bandwidths(problem, math.inf), problem.bandwidth_limits_hz[1]
    members = np.flatnonzero(selected)
    if not np.isfinite(low[members]).all():
        return math.inf
    spare = math.fsum([carrier_hz(problem), *(-low[members]).tolist()])
    most = np.zeros(problem.n_clients)
    most[members] = np.minimum(high[members], (low[members] + max(spare, 0.0)) * (1.0 + 4 * _ULP))
    times = problem.weights * (problem.compute_s + problem.upload_s(most))
    return math.fsum(times[members].tolist()) * (1.0 - _TIME_ERROR)


def best_total_in_blocks(problem: Problem, selected: BoolArray) -> float:
    """Return the least total latency of a selection in whole blocks, s, rounded down; inf where its limits exceed B.

    A block at a time to whom it saves most: optimal, as each client's time is convex in its blocks (Gross, 1956).
    """
    block = float(problem.resource_block_hz or 0.0)
    members = np.flatnonzero(selected)
    low, high = least_bandwidths(problem, math.inf), problem.bandwidth_limits_hz[1]
    if not np.isfinite(low[members]).all():
        return math.inf
    blocks = {int(n): round(low[n] / block) for n in members}
    left = int(problem.resource_blocks or 0) - sum(blocks.values())
    if left < 0:
        return math.inf

    def time(n: int, count: int) -> float:
        """Weighted upload time: beside a long computation differences of it would lose their digits."""
        width = np.zeros(problem.n_clients)
        width[n] = count * block
        return float(problem.weights[n] * problem.upload_s(width)[n])

    heap = [(time(n, m + 1) - time(n, m), n) for n, m in blocks.items() if m + 1 <= round(high[n] / block)]
    heapq.heapify(heap)
    while left > 0 and heap:
        _, n = heapq.heappop(heap)
        blocks[n] += 1
        left -= 1
        if blocks[n] + 1 <= round(high[n] / block):
            heapq.heappush(heap, (time(n, blocks[n] + 1) - time(n, blocks[n]), n))
    computing = [float(problem.weights[n] * problem.compute_s[n]) for n in blocks]
    return math.fsum([*computing, *(time(n, m) for n, m in blocks.items())]) * (1.0 - _TIME_ERROR)
