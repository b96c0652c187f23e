"""What a running allocation carries from one call to the next: vectors in `Work`, scalars in its `state`."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ..array_types import BoolArray, FloatArray, IntArray
from .cell import Cell
from .jit import jit

__all__ = [
    "ABOVE",
    "ABOVE_SLOPE",
    "ABOVE_VALUE",
    "ADMM",
    "BELOW",
    "BELOW_SLOPE",
    "BELOW_VALUE",
    "BOUND",
    "BOUND_PRICE",
    "DONE",
    "DUAL",
    "ITERATIONS",
    "LEAST",
    "LIMIT",
    "OBJECTIVE",
    "PHASE",
    "PRICE",
    "PRICE_ROUNDS",
    "PRIMAL",
    "QUIET",
    "RELAXED",
    "RHO",
    "ROUNDS",
    "SAMPLED",
    "SEARCH",
    "SEARCHED",
    "START",
    "STATE_SIZE",
    "THETA",
    "VERTEX",
    "WARM",
    "WINDOW_FROM",
    "Work",
    "make_work",
]


# Phases, in order.
START, LEAST, ADMM, VERTEX, SEARCH, DONE = 0.0, 1.0, 2.0, 3.0, 4.0, 5.0

# Places in `Work.state`.
PHASE = 0
THETA = 1  # the price that `cost` and `slope` belong to
OBJECTIVE = 2  # value of the best selection
PRICE = 3  # its own theta
BOUND = 4  # best lower bound, up to rounding (certified at the end)
BOUND_PRICE = 5  # the theta it was found at
BELOW = 6  # bracket of the relaxation's theta
ABOVE = 7
RHO = 8
ITERATIONS = 9
PRIMAL = 10
DUAL = 11
ROUNDS = 12
PRICE_ROUNDS = 13
LIMIT = 14
SEARCHED = 15
QUIET = 16
RELAXED = 17
SAMPLED = 18
WARM = 19  # whether the multipliers of an earlier answer are the start
WINDOW_FROM = 20  # clients from which on the vertex ascent looks at a window of them
BELOW_VALUE = 21  # total latency: the relaxation's value at either end of the bracket, and its slope
BELOW_SLOPE = 22
ABOVE_VALUE = 23
ABOVE_SLOPE = 24
STATE_SIZE = 25


class Work(NamedTuple):
    """Vectors of a running allocation."""

    state: FloatArray
    cost: FloatArray
    slope: FloatArray
    v: FloatArray
    nu: FloatArray
    matrix: FloatArray
    mu: FloatArray
    bound_mu: FloatArray
    basis: IntArray
    x_basic: FloatArray
    reduced: FloatArray
    chosen: BoolArray
    best: BoolArray
    slack: FloatArray
    members: IntArray


@jit
def make_work(cell: Cell) -> Work:
    """Allocate what a cell needs."""
    n = cell.client.size
    tasks = cell.aim.size
    state = np.zeros(STATE_SIZE)
    state[OBJECTIVE] = np.inf
    state[PRICE] = np.inf
    state[ABOVE] = np.inf
    state[WINDOW_FROM] = np.inf
    basis = np.empty(tasks, dtype=np.int64)
    for k in range(tasks):
        basis[k] = cell.free + k
    return Work(
        state,
        np.empty(n),
        np.empty(n),
        np.empty(cell.free),
        np.zeros(tasks),
        np.zeros((tasks, tasks)),
        np.zeros(tasks),
        np.zeros(tasks),
        basis,
        np.zeros(tasks),
        np.zeros(cell.free),  # read by the rounding even where no iteration was allowed
        np.zeros(cell.free, dtype=np.bool_),
        np.zeros(cell.free, dtype=np.bool_),
        np.zeros(tasks),
        np.empty(n, dtype=np.int64),
    )
