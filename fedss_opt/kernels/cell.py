"""A problem as the kernels see it: only clients that can matter, costs and requirements ready to use."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from .blocks import whole_blocks
from .closed_forms import least_bandwidth_flat, least_bandwidth_shannon
from .jit import jit
from .lattice import exact_step
from .vectors import take

__all__ = ["EPS", "MAKESPAN", "ROUND_UP", "TOTAL", "Cell", "build_cell", "gather_clients"]

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]

MAKESPAN, TOTAL = 0, 1

EPS = 2.220446049250313e-16
# The closed forms are within 4 ulp, so 6 eps more keeps every deadline and cap in exact arithmetic.
ROUND_UP = 1.0 + 6.0 * EPS


class Cell(NamedTuple):
    """The selectable clients, compacted: `free` clients to decide on first, then the mandatory ones.

    The covering constraints are normalised: ``sum_n relevance[n, k] a_n >= 1`` over the free clients, for the
    tasks that the mandatory clients leave unserved. Where relevance is quantised, what is open is first rounded up
    to whole steps, and a relevance beyond what its task still needs is cut down to it: neither changes a selection,
    and both tighten every bound (Chvatal-Gomory rounding and coefficient tightening of covering knapsacks).
    """

    objective: int
    flat: bool
    total_hz: float
    """The carrier; where bandwidth comes in blocks, what its whole blocks amount to."""
    block_hz: float
    """Width of a resource block; 0 where bandwidth is continuous."""
    free: int
    client: IntArray
    """(n,) position in the Problem."""
    payload: FloatArray
    link: FloatArray
    """(n,) cn0_hz, or spectral efficiency where `flat`."""
    start: FloatArray
    weight: FloatArray
    low: FloatArray
    """(n,) least bandwidth: the radio's own, or what the longest upload demands."""
    high: FloatArray
    """(n,) greatest bandwidth: the radio's own, or the whole carrier."""
    relevance: FloatArray
    """(free, K')."""
    aim: FloatArray
    """(K',) coverage the heuristics ask for: 1 and half of the rounding allowance (none where it comes in steps)."""
    task: IntArray
    """(K',) position in the Problem."""
    scale: FloatArray
    """(K',) what coverage 1 means in the Problem's units."""
    stop: BoolArray
    """(1,) set from another thread when the time is up: whatever takes more than a pass over the clients looks at it
    between passes, and gives up what it is at."""


@jit
def gather_clients(cell: Cell, chosen: IntArray, free: int, total_hz: float, relevance: FloatArray, tasks: int) -> Cell:
    """Return a cell of some of a cell's clients; its `client` are positions in that cell.

    Parameters
    ----------
    cell : Cell
        Where they come from.
    chosen : ndarray of int
        Who; those to decide on first.
    free : int
        How many of them are to be decided on.
    total_hz : float
        The new cell's carrier.
    relevance : ndarray, (free, tasks)
        What these offer.
    tasks : int
        0, or all open tasks.
    """
    return Cell(
        cell.objective,
        cell.flat,
        total_hz,
        cell.block_hz,
        free,
        chosen,
        take(cell.payload, chosen),
        take(cell.link, chosen),
        take(cell.start, chosen),
        take(cell.weight, chosen),
        take(cell.low, chosen),
        take(cell.high, chosen),
        relevance,
        cell.aim[:tasks],
        cell.task[:tasks],
        cell.scale[:tasks],
        cell.stop,
    )


@jit
def _sum_from(first: float, values: FloatArray, chosen: BoolArray, also: BoolArray) -> float:
    """Neumaier's compensated sum of `first` and the values that both masks choose.

    The error is an ulp of the result and n eps^2 of the terms, so even a nearly cancelling sum keeps its digits.
    """
    total = first
    carry = 0.0
    for i in range(values.size):
        if chosen[i] and also[i]:
            x = values[i]
            t = total + x
            if abs(total) >= abs(x):
                carry += (total - t) + x
            else:
                carry += (x - t) + total
            total = t
    return total + carry


@jit
def build_cell(
    objective: int,
    flat: bool,
    total_hz: float,
    block_hz: float,
    payload: FloatArray,
    link: FloatArray,
    start: FloatArray,
    longest: FloatArray,
    min_hz: FloatArray,
    max_hz: FloatArray,
    weight: FloatArray,
    mandatory: BoolArray,
    available: BoolArray,
    relevance: FloatArray,
    required: FloatArray,
    target: FloatArray,
    stop: BoolArray,
) -> tuple[Cell, BoolArray]:
    """Compact a problem's arrays. `stop` becomes the cell's.

    Returns
    -------
    cell : Cell
        The compacted cell. A mandatory client that cannot be served has ``low = inf``.
    short : ndarray of bool, (K,)
        The tasks that all selectable clients together leave short.
    """
    n_all = payload.size
    k_all = required.size
    low_all = np.empty(n_all)
    in_play = np.zeros(n_all, dtype=np.bool_)
    for i in range(n_all):
        low = min_hz[i]
        if longest[i] < np.inf:
            if flat:
                floor, _ = least_bandwidth_flat(payload[i], link[i], 0.0, longest[i])
            else:
                floor, _ = least_bandwidth_shannon(payload[i], link[i], 0.0, longest[i])
            high = min(max_hz[i], total_hz)
            if floor * ROUND_UP > high and floor <= high * (1.0 + 16.0 * EPS):
                floor = high  # a cap that the greatest bandwidth just meets, but for rounding
            else:
                floor *= ROUND_UP
            low = max(low, floor if block_hz == 0.0 else whole_blocks(floor, block_hz))
        if low > min(max_hz[i], total_hz):
            low = np.inf
        low_all[i] = low
        in_play[i] = available[i] and low < np.inf

    # Requirements that the mandatory clients leave open.
    scale_all = np.empty(k_all)
    slack_all = np.empty(k_all)
    short = np.zeros(k_all, dtype=np.bool_)
    active = 0
    for k in range(k_all):
        # Never more than is really open: a bound must not rest on the rounding of a sum.
        doubt = 8.0 * n_all * EPS * EPS * target[k]
        scale_all[k] = -_sum_from(-target[k], relevance[k], mandatory, in_play) * (1.0 - 4.0 * EPS) - doubt
        slack_all[k] = 0.5 * (required[k] - target[k])
        if target[k] > 0.0 and scale_all[k] > 0.0:
            active += 1
            step = exact_step(relevance[k], mandatory, in_play)
            if step > 0.0:  # what is quantised adds up to whole steps: the next one is needed
                scale_all[k] = np.ceil(scale_all[k] / step * (1.0 - 4.0 * EPS)) * step * (1.0 - 4.0 * EPS)
                slack_all[k] = 0.0
            short[k] = _sum_from(-target[k], relevance[k], in_play, in_play) < -doubt
        else:
            scale_all[k] = 0.0
    task = np.empty(active, dtype=np.int64)
    scale = np.empty(active)
    aim = np.empty(active)
    j = 0
    for k in range(k_all):
        if scale_all[k] > 0.0:
            task[j] = k
            scale[j] = scale_all[k]
            aim[j] = 1.0 + slack_all[k] / scale_all[k]
            j += 1

    # Free clients that help some open task; then the mandatory ones.
    n_free = 0
    n_mandatory = 0
    for i in range(n_all):
        if mandatory[i]:
            n_mandatory += 1
        elif in_play[i]:
            for j in range(active):
                if relevance[task[j], i] > 0.0:
                    n_free += 1
                    break
    n = n_free + n_mandatory
    client = np.empty(n, dtype=np.int64)
    compact = np.empty((n_free, active))
    f = 0
    m = n_free
    for i in range(n_all):
        if mandatory[i]:
            client[m] = i
            m += 1
        elif in_play[i]:
            helps = False
            for j in range(active):
                helps = helps or relevance[task[j], i] > 0.0
            if helps:
                client[f] = i
                for j in range(active):
                    compact[f, j] = min(relevance[task[j], i] / scale[j], 2.0 * aim[j] - 1.0)
                f += 1
    high = np.empty(n)
    for i in range(n):
        high[i] = min(max_hz[client[i]], total_hz)
    cell = Cell(
        objective,
        flat,
        total_hz,
        block_hz,
        n_free,
        client,
        take(payload, client),
        take(link, client),
        take(start, client),
        take(weight, client),
        take(low_all, client),
        high,
        compact,
        aim,
        task,
        scale,
        stop,
    )
    return cell, short
