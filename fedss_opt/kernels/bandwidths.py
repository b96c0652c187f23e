"""The bandwidths of a selection, ready to hand out: the root's, or whole blocks; never more than the carrier."""

from __future__ import annotations

import math

import numpy as np

from ..array_types import FloatArray, IntArray
from .blocks import fill_blocks
from .cell import TOTAL, Cell
from .jit import jit
from .oracle import client_time
from .roots import selection_bandwidth, selection_theta
from .vectors import exceeds, take

__all__ = ["hand_out", "latest_and_total"]


@jit
def hand_out(cell: Cell, members: IntArray, guess: float, share: FloatArray) -> bool:
    """Write the members' best bandwidths, Hz; False when their limits cannot be met within the carrier.

    Parameters
    ----------
    cell : Cell
        The cell.
    members : ndarray of int, (m,)
        Positions in the cell of a whole selection.
    guess : float
        The theta of a similar selection, NaN for none.
    share : ndarray, (m,)
        Out: bandwidths, aligned with `members`.
    """
    theta = selection_theta(cell, members, members.size, guess)
    if not theta < math.inf:
        return False
    selection_bandwidth(cell, members, members.size, theta, share)
    if cell.block_hz > 0.0:
        return _hand_out_blocks(cell, members, share)
    if exceeds(share, cell.total_hz):
        # Only where the least bandwidths fill the carrier to the last ulp: there is nothing to round up.
        for j in range(members.size):
            share[j] = cell.low[members[j]]
        return not exceeds(share, cell.total_hz)
    return True


@jit
def _hand_out_blocks(cell: Cell, members: IntArray, share: FloatArray) -> bool:
    """Count the blocks of a common price, and for total latency hand out what it leaves over."""
    left = np.floor(cell.total_hz / cell.block_hz)
    for j in range(share.size):
        left -= np.rint(share[j] / cell.block_hz)
    if left < 0.0:
        return False
    if cell.objective == TOTAL:
        fill_blocks(
            cell.model,
            take(cell.payload, members),
            take(cell.link, members),
            take(cell.weight, members),
            take(cell.high, members),
            cell.block_hz,
            left,
            share,
        )
    return True


@jit
def latest_and_total(cell: Cell, members: IntArray, share: FloatArray) -> tuple[float, float]:
    """Return when the last member has uploaded, and the members' weighted sum of times, s."""
    latest, total, carry = 0.0, 0.0, 0.0
    for j in range(members.size):
        time = client_time(cell, members[j], share[j])
        latest = max(latest, time)
        x = cell.weight[members[j]] * time
        t = total + x
        carry += (total - t) + x if total >= x else (x - t) + total
        total = t
    return latest, total + carry
