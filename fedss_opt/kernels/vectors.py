"""Gathering and copying as plain loops: NumPy's indexing of arrays by arrays compiles ten times slower."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from ..array_types import BoolArray, FloatArray, IntArray
from .jit import inlined, jit

__all__ = [
    "EPS",
    "compensated_sum",
    "copy_flags",
    "copy_values",
    "exceeds",
    "first_not_below",
    "median",
    "order_by",
    "product_error",
    "take",
    "take_rows",
]


EPS = 2.220446049250313e-16  # of double precision: the distance from 1 to the next number
_SPLIT = 134217729.0  # 2^27 + 1: halves a double for exact products (Dekker)


@inlined
def product_error(a: float, b: float, product: float) -> float:
    """Return ``a b - product`` exactly, where `product` is the rounded product (Dekker)."""
    t = _SPLIT * a
    a_high = t - (t - a)
    a_low = a - a_high
    t = _SPLIT * b
    b_high = t - (t - b)
    b_low = b - b_high
    return ((a_high * b_high - product) + a_high * b_low + a_low * b_high) + a_low * b_low


@jit
def take(values: FloatArray, index: IntArray) -> FloatArray:
    """Return ``values[index]``."""
    taken = np.empty(index.size)
    for j in range(index.size):
        taken[j] = values[index[j]]
    return taken


@jit
def take_rows(values: FloatArray, index: IntArray) -> FloatArray:
    """Return ``values[index, :]``."""
    taken = np.empty((index.size, values.shape[1]))
    for j in range(index.size):
        for k in range(values.shape[1]):
            taken[j, k] = values[index[j], k]
    return taken


@jit
def compensated_sum(values: FloatArray) -> float:
    """Neumaier's sum: within an ulp of the exact one, and n eps^2 of the terms."""
    total = 0.0
    carry = 0.0
    for i in range(values.size):
        x = values[i]
        t = total + x
        carry += (total - t) + x if abs(total) >= abs(x) else (x - t) + total
        total = t
    return total + carry


@jit
def exceeds(values: FloatArray, limit: float) -> bool:
    """Whether values add up to more than a limit, both >= 0, in exact arithmetic; True where a value is inf.

    Where the compensated sum is not clear of the limit, the difference is written as a sum of numbers whose digits do
    not overlap (J. R. Shewchuk, 1997; what `math.fsum` does): its sign is that of the largest. All doubles together
    need no more than forty.
    """
    total = compensated_sum(values)
    if not abs(total - limit) <= 1e-15 * limit:
        return not total <= limit
    parts = np.empty(64)
    count = 0
    for i in range(values.size + 1):
        x = values[i] if i < values.size else -limit
        kept = 0
        for j in range(count):
            y = parts[j]
            if abs(x) < abs(y):
                x, y = y, x
            high = x + y
            low = y - (high - x)
            if low != 0.0:
                parts[kept] = low
                kept += 1
            x = high
        count = kept
        if x != 0.0:
            parts[kept] = x
            count += 1
    return count > 0 and parts[count - 1] > 0.0


@jit
def copy_values(source: FloatArray, target: FloatArray) -> None:
    """Copy `source` over `target`."""
    for i in range(source.size):
        target[i] = source[i]


@jit
def copy_flags(source: BoolArray, target: BoolArray) -> None:
    """Copy `source` over `target`."""
    for i in range(source.size):
        target[i] = source[i]


@jit
def order_by(values: FloatArray, stop: BoolArray) -> IntArray:
    """Return the stable order that sorts values: insertion in runs of 16, then merging (NaN is not expected).

    Where it is told to stop, the order is one of all places still, but not yet sorted.
    """
    n = values.size
    order = np.empty(n, dtype=np.int64)
    for start in range(0, n, 16):
        for i in range(start, min(start + 16, n)):
            x = values[i]
            j = i
            while j > start and values[order[j - 1]] > x:
                order[j] = order[j - 1]
                j -= 1
            order[j] = i
    merged = np.empty(n if n > 16 else 0, dtype=np.int64)
    width = 16
    while width < n and not stop[0]:
        for start in range(0, n, 2 * width):
            i, middle = start, min(start + width, n)
            j, end = middle, min(start + 2 * width, n)
            for m in range(start, end):
                if j >= end or (i < middle and values[order[i]] <= values[order[j]]):
                    merged[m] = order[i]
                    i += 1
                else:
                    merged[m] = order[j]
                    j += 1
        order, merged = merged, order
        width *= 2
    return order


@jit
def first_not_below(ascending: npt.NDArray[Any], x: float) -> int:
    """Return the first position in ascending values that is not below x."""
    low, high = 0, ascending.size
    while low < high:
        middle = (low + high) // 2
        if ascending[middle] < x:
            low = middle + 1
        else:
            high = middle
    return low


@jit
def median(values: FloatArray, stop: BoolArray) -> float:
    """Return the upper median of at least one value; any of them where it is told to stop."""
    middle: float = values[order_by(values, stop)[values.size // 2]]
    return middle
