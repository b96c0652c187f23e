"""A bound from reach alone: no round ends before those who can have uploaded by then cover the tasks.

Where the band is all but free and only channels decide, a client's least bandwidth jumps from next to nothing to
infinity within a rounding, and the price search has nothing to go by.
"""

from __future__ import annotations

import math

import numpy as np

from ..problem import Problem
from ..solution import Certificate, CertificateKind

__all__ = ["reach_certificate"]

_BEFORE = 1e-13  # of a deadline: how far the certificate stays below, for the rounding of upload times
_CLEAR = 1e-9  # of a target: what plain sums are trusted to


def reach_certificate(problem: Problem) -> Certificate | None:
    """Return the certificate of the makespan's bound by reach; None where there is none.

    For task k let T_k be the earliest time by which clients that cover it can each have uploaded on the widest band
    that they may use. At any T < T_k the others cost infinitely much, so that ``D(mu, T) > B`` for a large enough
    ``mu_k``.

    Parameters
    ----------
    problem : Problem
        The round; its objective is the makespan.
    """
    _, widest = problem.bandwidth_limits_hz
    able = problem.selectable
    finish = np.where(able, problem.compute_s + problem.upload_s(widest), math.inf)
    order = np.argsort(finish, kind="stable")
    latest, multipliers = 0.0, np.zeros(problem.n_tasks)
    for k, target in enumerate(problem.coverage_target.tolist()):
        received = np.cumsum(problem.relevance[k, order])
        last = int(np.searchsorted(received, target * (1.0 - _CLEAR)))
        if not target > 0.0 or last == order.size or not latest < finish[order[last]] < math.inf:
            continue
        latest = float(finish[order[last]])
        multipliers[:] = 0.0
        multipliers[k] = 4.0 * problem.bandwidth_hz / (target - (received[last - 1] if last else 0.0))
    if latest == 0.0:
        return None
    return Certificate(kind=CertificateKind.BOUND, price=latest * (1.0 - _BEFORE), multipliers=multipliers)
