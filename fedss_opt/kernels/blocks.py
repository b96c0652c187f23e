"""Whole resource blocks: what becomes of a bandwidth that can only be had in multiples of a block.

Rounding up makes the price oracle a step function. All costs are then multiples of the block (makespan), and the cost
of a price is the better of two neighbours, because time plus price is convex in the bandwidth. A block of 0 stands for
continuous bandwidth.
"""

from __future__ import annotations

import numpy as np

from ..array_types import FloatArray
from .client_model import upload_time
from .jit import jit
from .vectors import order_by

__all__ = ["cheaper_neighbour", "fill_blocks", "whole_blocks"]


# A quotient counts as whole within the rounding of the closed forms (4 ulp) and its own.
_ROUNDING = 8.0 * 2.220446049250313e-16


@jit
def whole_blocks(bandwidth: float, block: float) -> float:
    """Round up to a whole number of blocks, at least one; what is whole but for rounding stays."""
    whole: float = max(np.ceil(bandwidth / block * (1.0 - _ROUNDING)), 1.0) * block
    return whole


@jit
def _time_saved(model: int, payload: float, link: float, bandwidth: float, block: float) -> float:
    saved: float = upload_time(model, payload, link, bandwidth) - upload_time(model, payload, link, bandwidth + block)
    return saved


@jit
def cheaper_neighbour(
    model: int, payload: float, link: float, weight: float, price: float, bandwidth: float, block: float
) -> float:
    """Whole blocks next to `bandwidth`, the best continuous one, that minimise weighted time plus price.

    Of two equally good numbers the smaller one is taken.
    """
    count = max(np.floor(bandwidth / block), 1.0)
    saved = weight * _time_saved(model, payload, link, count * block, block)
    chosen: float = (count + 1.0 if saved > price * block else count) * block  # a product, rounded once
    return chosen


@jit
def fill_blocks(
    model: int,
    payload: FloatArray,
    link: FloatArray,
    weight: FloatArray,
    high: FloatArray,
    block: float,
    left: float,
    bandwidth: FloatArray,
) -> None:
    """Hand out what a common price leaves over: a block each to the clients whose weighted time it shortens most.

    Total latency is a sum of convex functions of whole numbers, for which the greedy order is optimal (O. Gross, 1956;
    B. Fox, 1966). At the price where the demand jumps past the carrier those who want one more block value it alike, so
    nobody gets two.

    Parameters
    ----------
    model, payload, link, weight, high : as in `Cell`
        The selected clients.
    block : float
        Width of a block, Hz.
    left : float
        Blocks to hand out.
    bandwidth : ndarray, (n,)
        What the clients ask for at the common price; changed in place, never beyond `high`.
    """
    saved = np.empty(bandwidth.size)
    for i in range(bandwidth.size):
        saved[i] = -weight[i] * _time_saved(model, payload[i], link[i], bandwidth[i], block)
    order = order_by(saved, np.zeros(1, dtype=np.bool_))  # an answer being handed out is not cut short
    for j in range(order.size):
        i = order[j]
        if left > 0.5 and bandwidth[i] + 0.5 * block < high[i]:
            bandwidth[i] = (np.rint(bandwidth[i] / block) + 1.0) * block
            left -= 1.0
