"""Opening among many clients: the ADMM on a sample of them tells theta and the multipliers within a per cent.

A sample of one client in m, with an m-th of the band and of the requirement, is a small cell much like the whole one.
What its relaxation ends at is a start for the vertex ascent of the whole cell and nothing more: no bound and no
selection rests on it. Where the sample is not like it (a few clients hold all the relevance, caps bind), a cell opens
as small ones do.
"""

from __future__ import annotations

import math

import numpy as np

from ..array_types import IntArray
from .cell import Cell, gather_clients
from .jit import jit
from .opening import begin_admm, mandatory_fit, set_price, start
from .relaxation import admm_round, vertex_round
from .state import ADMM, BOUND, BOUND_PRICE, ITERATIONS, PHASE, VERTEX, WINDOW_FROM, Work, make_work
from .vectors import take_rows

__all__ = ["open_by_sample"]


_LEAST_SAMPLE = 4000
_LEAST_STRIDE = 8  # a sample of more than that is not worth its while
_SHARE = 50  # one client in so many at most
_CLOSE = 1e-5  # relative accuracy of the sample's relaxation, far below what the sample is worth


@jit
def _one_in(first: int, last: int, stride: int, chosen: IntArray, count: int) -> int:
    """List one client of every `stride` between two places, at no regular distance (squares modulo a prime)."""
    for begin in range(first, last, stride):
        mixed = (begin + 1) * 48271 % 2147483647
        chosen[count] = begin + (mixed * mixed % 2147483647) % min(stride, last - begin)
        count += 1
    return count


@jit
def sample_cell(cell: Cell, stride: int) -> Cell:
    """Return a cell of one client in `stride`, with its share of the band and of the requirements.

    Its `client` are positions in the cell.
    """
    n = cell.client.size
    chosen = np.empty(n // stride + 2, dtype=np.int64)
    free = _one_in(0, cell.free, stride, chosen, 0)
    count = _one_in(cell.free, n, stride, chosen, free)
    chosen = chosen[:count]
    relevance = take_rows(cell.relevance, chosen[:free]) * float(stride)
    return gather_clients(cell, chosen, free, cell.total_hz / stride, relevance, cell.aim.size)


@jit
def open_by_sample(cell: Cell, work: Work) -> bool:
    """Move to the theta and the multipliers of a sample's relaxation, ready for vertex ascent; False if none came."""
    if cell.aim.size == 0 or not mandatory_fit(cell):
        return False
    stride = min(_SHARE, cell.free // _LEAST_SAMPLE)
    if stride < _LEAST_STRIDE:
        return False
    small = sample_cell(cell, stride)
    inner = make_work(small)
    inner.state[WINDOW_FROM] = work.state[WINDOW_FROM]
    start(small, inner)
    if inner.state[PHASE] != ADMM:
        return False
    begin_admm(small, inner)
    while inner.state[PHASE] == ADMM and not cell.stop[0]:
        admm_round(small, inner, 10, True, _CLOSE)
    while inner.state[PHASE] == VERTEX and not cell.stop[0]:
        vertex_round(small, inner, _CLOSE)
    if cell.stop[0] or not 0.0 < inner.state[BOUND] < math.inf:
        return False
    for k in range(work.mu.size):
        work.mu[k] = inner.bound_mu[k] * stride
    work.state[ITERATIONS] = inner.state[ITERATIONS]
    work.state[PHASE] = VERTEX
    set_price(cell, work, inner.state[BOUND_PRICE])
    return True
