"""FedCS: clients who lengthen a round of turns least."""

from __future__ import annotations

import heapq

import numpy as np

from ...array_types import BoolArray, FloatArray, IntArray
from ...problem import Problem
from ...solution import Solution
from ..options import Options
from .covering import cover_in_order, optimal_split, refuse_late, run, time_alone_s

__all__ = ["fedcs"]


_STRIDE = 4096  # turns between two looks at the time limit


def fedcs(problem: Problem, options: Options) -> Solution:
    """Select as FedCS does, until the tasks are covered, with the optimal bandwidths.

    T. Nishio, R. Yonetani, "Client Selection for Federated Learning with Heterogeneous Resources in Mobile
    Edge", IEEE ICC 2019, algorithm 3: clients upload in turns, each on the whole bandwidth, and compute
    while others upload. With Theta the length of the round so far, the client is added that lengthens it
    least,

        Theta  <-  Theta + t_n + max(0, c_n - Theta),

    t_n being its upload time and c_n its computing time. There the round ends at a given deadline; here the
    deadline is the least at which the tasks are covered. FedCS knows no tasks, so it does not pass over
    clients who help none. Its turns are replaced by simultaneous uploads on the optimal bandwidths.
    """
    return run(problem, options, "fedcs", _select, optimal_split)


def _select(problem: Problem, usable: BoolArray, _options: Options, stop: BoolArray) -> BoolArray:
    upload = time_alone_s(problem)
    # Mandatory clients are in the round whatever it costs, so the others are measured against a round with
    # them.
    _, length = turns(np.flatnonzero(problem.mandatory), problem.compute_s, upload, 0.0, stop)
    order, _ = turns(np.flatnonzero(usable & ~problem.mandatory), problem.compute_s, upload, length, stop)
    return cover_in_order(problem, order, everybody=True)


def turns(
    clients: IntArray, compute_s: FloatArray, upload_s: FloatArray, length_s: float, stop: BoolArray | None = None
) -> tuple[IntArray, float]:
    """Order clients by FedCS's rule in O(N log N).

    A client is either ready (c_n <= Theta), and then lengthens the round by t_n, or not, and then makes it
    end at c_n + t_n. Theta only grows, so who is ready stays ready: a heap gives the best of the ready ones, one sorted
    list the best of the others, and another tells who becomes ready next.

    Parameters
    ----------
    clients : ndarray of int
        Whom to order.
    compute_s, upload_s : ndarray, (N,)
        Time before the upload, and of the upload on the whole bandwidth, s.
    length_s : float
        Length of the round before them, s.
    stop : ndarray of bool, (1,), optional
        The flag of a time limit.

    Returns
    -------
    order : ndarray of int
        The clients in their order.
    length_s : float
        Length of the round with all of them, s.

    Examples
    --------
    >>> import numpy as np
    >>> from fedss_opt.solvers.policies.fedcs import turns
    >>> turns(np.arange(3), np.array([5.0, 0.0, 3.0]), np.array([1.0, 2.0, 2.0]), 0.0)
    (array([1, 2, 0]), 6.0)
    """
    ready: list[tuple[float, int]] = []
    compute, upload = compute_s[clients], upload_s[clients]
    ends, starts = _sorted(compute + upload, stop), _sorted(compute, stop)
    finish, begin, length_of = (compute + upload).tolist(), compute.tolist(), upload.tolist()
    next_end, next_start = 0, 0
    became_ready = bytearray(clients.size)  # taken clients count as ready too
    order = np.empty(clients.size, dtype=np.int64)
    for turn in range(clients.size):
        if stop is not None and turn % _STRIDE == 0:
            refuse_late(stop)
        while next_start < len(starts) and begin[starts[next_start]] <= length_s:
            i = starts[next_start]
            next_start += 1
            if not became_ready[i]:
                became_ready[i] = True
                heapq.heappush(ready, (length_of[i], i))
        while next_end < len(ends) and became_ready[ends[next_end]]:
            next_end += 1
        if ready and not (next_end < len(ends) and finish[ends[next_end]] < length_s + ready[0][0]):
            growth, i = heapq.heappop(ready)
            length_s += growth
        else:
            i = ends[next_end]
            length_s = finish[i]
            became_ready[i] = True
        order[turn] = clients[i]
    return order, length_s


def _sorted(values: FloatArray, stop: BoolArray | None) -> list[int]:
    if stop is not None:
        refuse_late(stop)
    places: list[int] = np.argsort(values, kind="stable").tolist()
    return places
