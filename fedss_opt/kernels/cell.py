"""A problem as the kernels see it: only clients that can matter, costs and requirements ready to use."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ..array_types import BoolArray, FloatArray, IntArray
from .blocks import whole_blocks
from .client_model import least_bandwidth, upload_time
from .jit import jit
from .lattice import exact_step
from .presolve import force_clients, is_implied, missing_steps, open_requirement, sum_doubt
from .vectors import EPS, exceeds, take

__all__ = ["EPS", "MAKESPAN", "ROUND_UP", "TOTAL", "Cell", "RoundArrays", "build_cell", "gather_clients"]


MAKESPAN, TOTAL = 0, 1

_CAP_ALLOWANCE = 1e-12  # of a longest upload, as `Problem.selectable` and the checkers have it
# The closed forms are within 4 ulp, so 6 eps more keeps every deadline and cap in exact arithmetic.
ROUND_UP = 1.0 + 6.0 * EPS


class RoundArrays(NamedTuple):
    """A problem as the kernels are handed it: the one record that `begin` and `build_cell` read.

    Arrays are read-only, as a problem's own are: kernels are compiled for one kind of array alone.
    """

    objective: int
    model: int
    """Place of the client model in `client_models.MODELS`."""
    total_hz: float
    block_hz: float
    payload: FloatArray
    link: FloatArray
    start: FloatArray
    longest: FloatArray
    """(N,) longest upload, s."""
    min_hz: FloatArray
    max_hz: FloatArray
    weight: FloatArray
    mandatory: BoolArray
    available: BoolArray
    relevance: FloatArray
    """(K, N)."""
    required: FloatArray
    target: FloatArray
    """(K,) coverage at which a task counts as served."""
    stop: BoolArray
    """(1,) see `Cell`."""


class Cell(NamedTuple):
    """The selectable clients, compacted: `free` clients to decide on first, then those that are in every answer.

    The latter are the mandatory clients and the forced ones, which some task cannot do without (`force_clients`).
    The covering constraints are normalised: ``sum_n relevance[n, k] a_n >= 1`` over the free clients, for the
    tasks that those leave unserved (in solving, without those that another such task implies). Where relevance is
    quantised, what is open is first rounded up to whole steps, and a relevance beyond what its task still needs is cut
    down to it: neither changes a selection, and both tighten every bound (Chvatal-Gomory rounding and coefficient
    tightening of covering knapsacks).
    """

    objective: int
    model: int
    """Place of the client model in `client_models.MODELS`."""
    total_hz: float
    """The carrier; where bandwidth comes in blocks, what its whole blocks amount to. It is 0 where the radios of
    the mandatory clients cannot do with it: where their own least bandwidths alone exceed it, in exact arithmetic."""
    block_hz: float
    """Width of a resource block; 0 where bandwidth is continuous."""
    free: int
    client: IntArray
    """(n,) position in the Problem."""
    payload: FloatArray
    link: FloatArray
    """(n,) how good the link is, as the client model has it."""
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
        cell.model,
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
def build_cell(arrays: RoundArrays, drop_implied: bool) -> tuple[Cell, BoolArray]:
    """Compact a problem's arrays.

    With `drop_implied`, tasks that another one implies drop out: for solving. What a certificate proves may rest on
    them.

    Returns
    -------
    cell : Cell
        The compacted cell. A mandatory client that cannot be served has ``low = inf``.
    short : ndarray of bool, (K,)
        The tasks that all selectable clients together leave short.
    """
    model, total_hz, block_hz = arrays.model, arrays.total_hz, arrays.block_hz
    payload, link, longest = arrays.payload, arrays.link, arrays.longest
    min_hz, max_hz = arrays.min_hz, arrays.max_hz
    available, relevance = arrays.available, arrays.relevance
    required, target = arrays.required, arrays.target
    n_all = payload.size
    k_all = required.size
    low_all = np.empty(n_all)
    in_play = np.zeros(n_all, dtype=np.bool_)
    for i in range(n_all):
        low = min_hz[i]
        if longest[i] < np.inf:
            floor, _ = least_bandwidth(model, payload[i], link[i], 0.0, longest[i])
            high = min(max_hz[i], total_hz)
            if block_hz > 0.0:
                high = np.floor(high / block_hz * (1.0 + 8.0 * EPS)) * block_hz  # whole but for rounding is whole
            floor *= ROUND_UP
            if floor > high:
                # A cap that the greatest bandwidth just meets, but for rounding: the rule is `Problem.selectable`'s.
                fastest = upload_time(model, payload[i], link[i], high)
                floor = high if fastest <= longest[i] * (1.0 + _CAP_ALLOWANCE) else np.inf
            low = max(low, floor if block_hz == 0.0 else whole_blocks(floor, block_hz))
        if low > min(max_hz[i], total_hz):
            low = np.inf
        low_all[i] = low
        in_play[i] = available[i] and low < np.inf

    decided = arrays.mandatory.copy()
    short = force_clients(relevance, target, in_play, decided)
    free = np.empty(n_all, dtype=np.bool_)
    for i in range(n_all):
        free[i] = in_play[i] and not decided[i]

    # Requirements that the clients of every answer leave open.
    scale_all = np.zeros(k_all)
    slack_all = np.zeros(k_all)
    for k in range(k_all):
        if not target[k] > 0.0:
            continue
        # Never more than is really open: a bound must not rest on the rounding of a sum.
        exact, _ = open_requirement(target[k], 0.0, relevance[k], decided, in_play)
        missing = exact * (1.0 - 4.0 * EPS) - sum_doubt(n_all, target[k])
        if not missing > 0.0:
            continue
        slack_all[k] = 0.5 * (required[k] - target[k])
        step = exact_step(relevance[k], free)
        if step > 0.0:  # what is quantised adds up to whole steps: the next one is needed
            count = missing_steps(target[k], exact, step, relevance[k], decided, in_play)
            missing = count * step * (1.0 - 4.0 * EPS)
            slack_all[k] = 0.0
        scale_all[k] = missing
    active = 0
    for k in range(k_all - 1, -1, -1):  # downwards: of two tasks that imply each other the first stays
        for j in range(k_all):
            both = drop_implied and j != k and scale_all[k] > 0.0 and scale_all[j] > 0.0
            if both and is_implied(relevance, scale_all, free, k, j):
                scale_all[k] = 0.0
        if scale_all[k] > 0.0:
            active += 1
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

    # Free clients that help some open task; then those of every answer.
    n_free = 0
    n_decided = 0
    for i in range(n_all):
        if decided[i]:
            n_decided += 1
        elif in_play[i]:
            helps = False
            for j in range(active):
                helps = helps or relevance[task[j], i] > 0.0
            free[i] = helps
            n_free += 1 if helps else 0
    n = n_free + n_decided
    client = np.empty(n, dtype=np.int64)
    compact = np.empty((n_free, active))
    f = 0
    m = n_free
    for i in range(n_all):
        if decided[i]:
            client[m] = i
            m += 1
        elif free[i]:
            client[f] = i
            for j in range(active):
                compact[f, j] = min(relevance[task[j], i] / scale[j], 2.0 * aim[j] - 1.0)
            f += 1
    high = np.empty(n)
    for i in range(n):
        high[i] = min(max_hz[client[i]], total_hz)
    if exceeds(take(min_hz, client[n_free:]), total_hz):
        total_hz = 0.0
    cell = Cell(
        arrays.objective,
        model,
        total_hz,
        block_hz,
        n_free,
        client,
        take(payload, client),
        take(link, client),
        take(arrays.start, client),
        take(arrays.weight, client),
        take(low_all, client),
        high,
        compact,
        aim,
        task,
        scale,
        arrays.stop,
    )
    return cell, short
