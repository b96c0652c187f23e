"""The price oracle: what each client costs at a deadline or at a price of bandwidth, and the passes over all.

One scalar, theta, decouples the clients (section 2 of the mathematics): for the makespan theta is the deadline
T and a client costs its least bandwidth; for total latency theta is the price lambda and a client costs its
weighted time plus the bandwidth it buys. Everything above sees costs and bandwidths only.
"""

from __future__ import annotations

import numpy as np

from ..array_types import FloatArray
from .blocks import cheaper_neighbour, whole_blocks
from .cell import TOTAL, Cell
from .client_model import best_bandwidth, is_vectorised, least_bandwidth, upload_time
from .closed_forms import best_bandwidth_inline, least_bandwidth_inline, upload_time_inline
from .jit import jit

__all__ = [
    "client_time",
    "cost_pass",
    "deadline_pass",
    "deadline_response",
    "demand_pass",
    "price_demand_pass",
    "price_pass",
    "price_response",
]


# A cap counts as kept within the rounding of the closed forms (4 ulp, and as much for the cap's own).
_CAP_ROUNDING = 1.0 + 8.0 * 2.220446049250313e-16


@jit
def deadline_response(
    model: int, payload: float, link: float, start: float, low: float, high: float, block: float, deadline: float
) -> tuple[float, float]:
    """Least bandwidth within [low, high] that meets the deadline, and its slope; inf where none does.

    In whole blocks where `block` > 0; the slope stays that of the continuous bandwidth, which steers Newton.
    """
    b, slope = least_bandwidth(model, payload, link, start, deadline)
    if b < low:
        return low, 0.0
    if block > 0.0:
        b = whole_blocks(b, block)
        return (b, slope) if b < high + 0.5 * block else (np.inf, 0.0)
    if b > high:
        if b > high * _CAP_ROUNDING:
            return np.inf, 0.0
        b = high
    return b, slope


@jit
def price_response(
    model: int, payload: float, link: float, weight: float, low: float, high: float, block: float, price: float
) -> tuple[float, float]:
    """Bandwidth within [low, high] that minimises weighted time plus its price, and its slope.

    In whole blocks where `block` > 0; the slope stays that of the continuous bandwidth, which steers Newton.
    """
    if price <= 0.0:
        return high, 0.0
    b, slope = best_bandwidth(model, payload, link, weight, price)
    if block > 0.0 and b < high:
        b = cheaper_neighbour(model, payload, link, weight, price, b, block)
    if not b > low:
        return low, 0.0
    if b > high:
        return high, 0.0
    return b, slope


@jit
def client_time(cell: Cell, i: int, bandwidth: float) -> float:
    """Return when client i has uploaded on the given bandwidth, s."""
    finish: float = cell.start[i] + upload_time(cell.model, cell.payload[i], cell.link[i], bandwidth)
    return finish


@jit
def deadline_pass(
    payload: FloatArray,
    cn0: FloatArray,
    start: FloatArray,
    low: FloatArray,
    high: FloatArray,
    deadline: float,
    cost: FloatArray,
    slope: FloatArray,
) -> None:
    """`deadline_response` of many clients at once (Shannon rates, no blocks), bit for bit: SIMD code."""
    for i in range(payload.size):
        b, db = least_bandwidth_inline(payload[i], cn0[i], start[i], deadline)
        below = b < low[i]
        beyond = b > high[i] * _CAP_ROUNDING
        kept = high[i] if b > high[i] else b
        kept = np.inf if beyond else kept
        cost[i] = low[i] if below else kept
        slope[i] = 0.0 if below | beyond else db


@jit
def price_pass(
    payload: FloatArray,
    cn0: FloatArray,
    start: FloatArray,
    weight: FloatArray,
    low: FloatArray,
    high: FloatArray,
    price: float,
    cost: FloatArray,
    bandwidth: FloatArray,
) -> None:
    """Weighted time plus price of many clients at once (Shannon rates, no blocks, price > 0): SIMD code."""
    for i in range(payload.size):
        b, _ = best_bandwidth_inline(payload[i], cn0[i], weight[i], price)
        b = high[i] if b > high[i] else b
        b = b if b > low[i] else low[i]
        time = start[i] + upload_time_inline(payload[i], cn0[i], b)
        cost[i] = weight[i] * time + price * b
        bandwidth[i] = b


@jit
def price_demand_pass(
    payload: FloatArray,
    cn0: FloatArray,
    weight: FloatArray,
    low: FloatArray,
    high: FloatArray,
    price: float,
    bandwidth: FloatArray,
    slope: FloatArray,
) -> None:
    """`price_response` of many clients at once (Shannon rates, no blocks, price > 0), bit for bit: SIMD code."""
    for i in range(payload.size):
        b, db = best_bandwidth_inline(payload[i], cn0[i], weight[i], price)
        free = (b > low[i]) & (b <= high[i])
        b = high[i] if b > high[i] else b
        bandwidth[i] = b if b > low[i] else low[i]
        slope[i] = db if free else 0.0


@jit
def demand_pass(cell: Cell, theta: float, bandwidth: FloatArray, slope: FloatArray) -> None:
    """Write every client's bandwidth at theta and its slope in theta; inf where a deadline is out of reach."""
    if cell.objective != TOTAL:
        cost_pass(cell, theta, bandwidth, slope)
    elif is_vectorised(cell.model) and cell.block_hz == 0.0 and theta > 0.0:
        price_demand_pass(cell.payload, cell.link, cell.weight, cell.low, cell.high, theta, bandwidth, slope)
    else:
        for i in range(cell.client.size):
            bandwidth[i], slope[i] = price_response(
                cell.model,
                cell.payload[i],
                cell.link[i],
                cell.weight[i],
                cell.low[i],
                cell.high[i],
                cell.block_hz,
                theta,
            )


@jit
def cost_pass(cell: Cell, theta: float, cost: FloatArray, slope: FloatArray) -> None:
    """Write every client's cost at theta and its slope in theta.

    The loops call the closed forms with scalars: a cell handed to a function that is not inlined would be
    copied, array headers and all, for every client.
    """
    plain = is_vectorised(cell.model) and cell.block_hz == 0.0
    if cell.objective == TOTAL:
        if plain and theta > 0.0:
            price_pass(cell.payload, cell.link, cell.start, cell.weight, cell.low, cell.high, theta, cost, slope)
            return
        for i in range(cell.client.size):
            b, _ = price_response(
                cell.model,
                cell.payload[i],
                cell.link[i],
                cell.weight[i],
                cell.low[i],
                cell.high[i],
                cell.block_hz,
                theta,
            )
            time = cell.start[i] + upload_time(cell.model, cell.payload[i], cell.link[i], b)
            cost[i] = cell.weight[i] * time + theta * b
            slope[i] = b
    elif plain:
        deadline_pass(cell.payload, cell.link, cell.start, cell.low, cell.high, theta, cost, slope)
    else:
        for i in range(cell.client.size):
            cost[i], slope[i] = deadline_response(
                cell.model,
                cell.payload[i],
                cell.link[i],
                cell.start[i],
                cell.low[i],
                cell.high[i],
                cell.block_hz,
                theta,
            )
