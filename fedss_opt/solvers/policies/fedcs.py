"""FedCS: clients who lengthen a round of turns least."""

from __future__ import annotations

import heapq

import numpy as np
import numpy.typing as npt

from ...problem import Problem
from ...solution import Solution
from ..options import Options
from .covering import cover_in_order, optimal_split, run, time_alone_s

__all__ = ["fedcs"]

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]


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


def _select(problem: Problem, usable: BoolArray, _options: Options) -> BoolArray:
    upload = time_alone_s(problem)
    # Mandatory clients are in the round whatever it costs, so the others are measured against a round with
    # them.
    _, length = turns(np.flatnonzero(problem.mandatory), problem.compute_s, upload, 0.0)
    order, _ = turns(np.flatnonzero(usable & ~problem.mandatory), problem.compute_s, upload, length)
    return cover_in_order(problem, order, everybody=True)


def turns(clients: IntArray, compute_s: FloatArray, upload_s: FloatArray, length_s: float) -> tuple[IntArray, float]:
    """Order clients by FedCS's rule in O(N log N).

    A client is either ready (c_n <= Theta), and then lengthens the round by t_n, or not, and then makes it
    end at c_n + t_n. Theta only grows, so who is ready stays ready: one heap for each kind gives its best,
    and a third tells who becomes ready next.

    Parameters
    ----------
    clients : ndarray of int
        Whom to order.
    compute_s, upload_s : ndarray, (N,)
        Time before the upload, and of the upload on the whole bandwidth, s.
    length_s : float
        Length of the round before them, s.

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
    ends = [(compute + upload, i) for i, compute, upload in _rows(clients, compute_s, upload_s)]
    starts = [(compute, i) for i, compute, _ in _rows(clients, compute_s, upload_s)]
    heapq.heapify(ends)
    heapq.heapify(starts)
    became_ready: set[int] = set()
    taken: set[int] = set()
    order = np.empty(clients.size, dtype=np.int64)
    for turn in range(clients.size):
        while starts and starts[0][0] <= length_s:
            _, i = heapq.heappop(starts)
            if i not in taken:
                became_ready.add(i)
                heapq.heappush(ready, (float(upload_s[i]), i))
        while ends and (ends[0][1] in became_ready or ends[0][1] in taken):
            heapq.heappop(ends)
        if ready and not (ends and ends[0][0] < length_s + ready[0][0]):
            growth, i = heapq.heappop(ready)
            length_s += growth
        else:
            length_s, i = heapq.heappop(ends)
        taken.add(i)
        order[turn] = i
    return order, length_s


def _rows(clients: IntArray, compute_s: FloatArray, upload_s: FloatArray) -> list[tuple[int, float, float]]:
    return list(zip(clients.tolist(), compute_s[clients].tolist(), upload_s[clients].tolist(), strict=True))
