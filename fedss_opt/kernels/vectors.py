"""Gathering and copying as plain loops: NumPy's indexing of arrays by arrays compiles ten times slower."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from .jit import jit

__all__ = ["copy_flags", "copy_values", "median", "take", "take_rows"]

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]


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
def median(values: FloatArray) -> float:
    """Return the upper median of at least one value."""
    middle: float = values[np.argsort(values)[values.size // 2]]
    return middle
