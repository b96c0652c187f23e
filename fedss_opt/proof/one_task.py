"""One task: does every cover cost at least so much? A dynamic program of its own over the clients that matter."""

from __future__ import annotations

import math

import numpy as np

from ..array_types import FloatArray

__all__ = ["costs_at_least"]


_ULP = 2.0**-52
_MOST_STATES = 4_000_000
_NEAR = 1e-12  # of the requirement: coverage this close to it counts as enough


def costs_at_least(cost: FloatArray, row: FloatArray, least: float) -> bool:
    """Tell whether ``sum cost_i a_i >= least`` for all binary a with ``sum A_i a_i >= 1``.

    With w the worth of the requirement, a selection costs ``D + sum of |r_i| over deviations + w times its surplus``,
    where ``r_i = cost_i - w A_i``, and a deviation is a choice other than ``r_i < 0``. States are what the deviations
    so far leave (surplus, spent); they are extended client by client in the order of ``|r_i| / A_i``, at which a
    surplus can be used, or a deficit mended, at best. A state goes where that already reaches `least`, or where another
    one has at least its surplus and costs no more, the worth of that surplus included.

    Parameters
    ----------
    cost, row : ndarray, (n,)
        Costs >= 0 and normalised relevances >= 0.
    least : float
        The claim.

    Returns
    -------
    bool
        False where a cheaper selection may exist, or where too many states are left.
    """
    cost, row = cost[row > 0.0], row[row > 0.0]
    if not math.fsum(row.tolist()) >= 1.0 - _NEAR:
        return True
    ratio = cost / row
    order = np.argsort(ratio, kind="stable")
    reached = np.cumsum(row[order])
    worth = float(ratio[order[min(int(np.searchsorted(reached, 1.0)), order.size - 1)]])
    reduced = cost - worth * row
    base = reduced < 0.0
    doubt = 8 * _ULP * (worth + math.fsum(cost[base].tolist()))
    room = least - (math.fsum([worth, *reduced[base].tolist()]) - doubt)
    if room <= 0.0:
        return True
    surplus = np.array([math.fsum([-1.0, *row[base].tolist()])])
    total = worth * surplus  # beyond D: what was spent, and the worth of the surplus
    slope = np.abs(reduced) / row
    enough, drift = -_NEAR, 0.0
    for step, i in enumerate(np.argsort(slope, kind="stable").tolist()):
        # Each step rounds both running sums once, at the size of what it adds and of what has come together.
        size = float(np.abs(surplus).max(initial=0.0)) + 1.0
        drift += _ULP * (worth * size + float(np.abs(total).max(initial=0.0)) + cost[i])
        enough = -_NEAR - _ULP * (step + 1) * size
        if ((surplus >= enough) & (total < room + drift)).any():
            return False
        at = slope[i]
        spent = total - worth * surplus
        price = np.where(surplus < 0.0, -at * np.minimum(surplus + _NEAR, 0.0), min(at, worth) * surplus)
        kept = spent + price * (1.0 - _NEAR) < room + drift
        surplus, total = surplus[kept], total[kept]
        if not surplus.size:
            return True
        if surplus.size > _MOST_STATES:
            return False
        sign = -1.0 if base[i] else 1.0
        surplus = np.concatenate([surplus, surplus + sign * row[i]])
        total = np.concatenate([total, total + sign * cost[i]])
        falling = np.lexsort((total, -surplus))
        surplus, total = surplus[falling], total[falling]
        first = np.ones(surplus.size, dtype=np.bool_)
        first[1:] = total[1:] < np.minimum.accumulate(total)[:-1]
        surplus, total = surplus[first], total[first]
    return not ((surplus >= enough) & (total < room + 2.0 * drift)).any()
