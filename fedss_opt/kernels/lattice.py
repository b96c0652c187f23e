"""Quantised relevance: sums of it are multiples of a step, so a requirement between two multiples is the upper one.

Rounding a requirement up changes no cover, but it cuts fractional selections off: where all relevances are eighths,
most of the distance between a relaxation's bound and the optimum can be due to the fraction.
"""

from __future__ import annotations

import math

import numpy as np

from ..array_types import BoolArray, FloatArray
from .jit import jit
from .vectors import EPS

__all__ = ["exact_step", "to_levels"]


_MOST_EXACT_LEVELS = 1e6
_MOST_LEVELS = 1e5  # finer than this is not called quantised
_DOUBT = 1e-9  # of a level: far above the rounding of `apart`, far below what quantisation leaves between two levels
_APART = 1e-6  # of a step: how far from their multiples all relevances together may be


@jit
def exact_step(relevance: FloatArray, free: BoolArray) -> float:
    """Return the largest number that the free clients' relevances to a task are whole multiples of.

    Exact: doubles are whole multiples of a power of two, and the remainders of Euclid's algorithm have no rounding.
    Hence a requirement rounded up to a multiple needs no allowance. Decimal fractions (0.1, 0.7) have no step to speak
    of.

    Parameters
    ----------
    relevance : ndarray, (N,)
        Relevances >= 0 to one task.
    free : ndarray of bool, (N,)
        The clients to decide on.

    Returns
    -------
    float
        The step, 0 where there is none or more than a million of them make the largest relevance.
    """
    step, largest = 0.0, 0.0
    short = False  # whether whole multiples up to a million are exact products
    for i in range(relevance.size):
        x = relevance[i]
        if not x > 0.0 or not free[i]:
            continue
        largest = max(largest, x)
        if short:
            levels = np.floor(x / step)
            if levels <= _MOST_EXACT_LEVELS and levels * step == x:
                continue
        a, b = step, x
        while b > 0.0:
            a, b = b, a % b  # C fmod: exact
        step = a
        if step * _MOST_EXACT_LEVELS < largest:
            return 0.0
        short = float(np.float32(step)) == step
    return step


@jit
def _common_step(relevance: FloatArray, k: int) -> float:
    """Return the largest step that divides column k up to rounding, 0 where there is none."""
    largest = 0.0
    for i in range(relevance.shape[0]):
        largest = max(largest, relevance[i, k])
    step = largest
    for i in range(relevance.shape[0]):
        a, b = step, relevance[i, k]
        while b > 1e-9 * largest:  # Euclid's algorithm
            a, b = b, abs(a - round(a / b) * b)
        if not a * _MOST_LEVELS > largest:
            return 0.0
        step = largest / round(largest / a)
    return step


@jit
def to_levels(relevance: FloatArray, need: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Write quantised columns in whole levels and round their needs up.

    Parameters
    ----------
    relevance : ndarray, (n, K)
        Relevances >= 0.
    need : ndarray, (K,)
        Coverage to reach.

    Returns
    -------
    levels : ndarray, (n, K)
        Whole numbers in the columns that are quantised; the others as they were. Where relevances are not exactly
        multiples, levels may add up to `needed` without their relevances adding up to `need`.
    needed : ndarray, (K,)
        What the levels have to add up to. Every cover of `need` is one of `needed`.
    step : ndarray, (K,)
        Relevance per level, 1 where nothing was changed.
    """
    n, tasks = relevance.shape
    levels, needed, steps = relevance.copy(), need.copy(), np.ones(tasks)
    for k in range(tasks):
        step = _common_step(relevance, k)
        if not step > 0.0:
            continue
        apart = 0.0
        for i in range(n):
            levels[i, k] = round(relevance[i, k] / step)
            apart += abs(relevance[i, k] - levels[i, k] * step)
        if apart > _APART * step:
            levels[:, k] = relevance[:, k]
            continue
        least = (need[k] - apart) / step
        doubt = _DOUBT + 4.0 * EPS * abs(least)
        if doubt > 0.1:  # so many levels that the quotient does not tell whole numbers apart
            levels[:, k] = relevance[:, k]
            continue
        steps[k] = step
        needed[k] = math.ceil(least - doubt)
    return levels, needed, steps
