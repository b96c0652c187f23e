"""The best division of sorted samples into cells, by dynamic programming: where a Lloyd-Max codebook comes from."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import numpy.typing as npt

from ..array_types import FloatArray, IntArray
from .array_checks import finite, ratio
from .codebooks import LARGEST, Codebook, sample_weights

__all__ = ["best_cells", "cell_means", "codebook_of", "distinct_samples"]


_POLISHING = 100


def distinct_samples(samples: npt.ArrayLike, weights: npt.ArrayLike | None) -> tuple[FloatArray, FloatArray]:
    """Sort the samples and merge equal ones: distinct values with the weight of each, > 0."""
    x = np.asarray(finite("samples", samples, most=LARGEST), dtype=np.float64)
    mass = sample_weights(x, weights)
    points, place = np.unique(x.ravel(), return_inverse=True)
    total = np.asarray(np.bincount(place.ravel(), weights=mass, minlength=points.size), dtype=np.float64)
    distinct: FloatArray = points[total > 0.0]
    return distinct, total[total > 0.0]


def best_cells(points: FloatArray, mass: FloatArray, most: int) -> Iterator[IntArray]:
    """Yield the best division into 1, 2, ... cells: where each begins, and the number of points at the end."""
    n = points.size
    if n == 0:
        return
    # Centred and scaled, differences of prefix sums lose least to cancellation.
    share = mass / mass.sum()
    z = points - (points * share).sum()
    z /= np.abs(z).max() or 1.0
    zero = np.zeros(1)
    w, x, q = (np.concatenate([zero, np.cumsum(share * power)]) for power in (np.ones(n), z, z * z))

    def cost(first: IntArray, end: IntArray) -> FloatArray:
        # A weight that is lost in the prefix sums has no part in the division either.
        error: FloatArray = q[end] - q[first] - ratio((x[end] - x[first]) ** 2, w[end] - w[first], empty=0.0)
        return np.maximum(error, 0.0)

    ends = np.arange(1, n + 1)
    best = np.concatenate([zero, cost(np.zeros(n, dtype=np.intp), ends)])
    starts: list[IntArray] = []
    yield np.array([0, n])
    for k in range(2, min(most, n) + 1):
        best, last = _one_cell_more(best, cost, k, n)
        starts.append(last)
        cells = [n]
        for earlier in reversed(starts):
            cells.append(int(earlier[cells[-1]]))
        yield np.array([0, *reversed(cells)])


def _one_cell_more(
    best: FloatArray, cost: Callable[[IntArray, IntArray], FloatArray], k: int, n: int
) -> tuple[FloatArray, IntArray]:
    """From the least cost of the first j points in k - 1 cells to that in k, and where the last cell begins.

    The best beginning grows with j. So half of the j's, every other one, are searched between the beginnings of their
    neighbours, which are known; all j's of one stride at once.
    """
    found: FloatArray = np.full(n + 1, np.inf)
    last: IntArray = np.full(n + 1, k - 1, dtype=np.intp)
    stride = 1 << (n - k + 1).bit_length()
    while stride:
        j = np.arange(k - 1 + stride, n + 1, 2 * stride)
        if j.size:
            low = last[j - stride]
            beyond = np.minimum(j + stride, n)
            high = np.where(j + stride <= n, np.minimum(last[beyond], j - 1), j - 1)
            length = high - low + 1
            opens = np.cumsum(length) - length
            i = np.arange(length.sum()) + np.repeat(low - opens, length)
            total = best[i] + cost(i, np.repeat(j, length))
            least = np.minimum.reduceat(total, opens)
            last[j] = np.minimum.reduceat(np.where(total == np.repeat(least, length), i, n), opens)
            found[j] = least
        stride //= 2
    return found, last


def codebook_of(points: FloatArray, mass: FloatArray, cells: IntArray | None) -> Codebook:
    """Make the codebook of a division into cells, and settle what rounding left unsettled."""
    if cells is None:
        return Codebook(np.zeros(1))
    codebook = Codebook(cell_means(points, mass, cells))
    for _ in range(_POLISHING):
        ends = np.searchsorted(points, codebook.thresholds, side="right")
        nearest = np.concatenate([[0], ends, [points.size]])
        if np.array_equal(nearest, cells) or (nearest[1:] == nearest[:-1]).any():
            break
        cells, codebook = nearest, Codebook(cell_means(points, mass, nearest))
    return codebook


def cell_means(points: FloatArray, mass: FloatArray, cells: IntArray) -> FloatArray:
    """Return the mean of each cell, which rounding does not take out of it."""
    first, last = points[cells[:-1]], points[cells[1:] - 1]
    offset = np.add.reduceat(mass * (points - np.repeat(first, np.diff(cells))), cells[:-1])
    means: FloatArray = np.clip(first + offset / np.add.reduceat(mass, cells[:-1]), first, last)
    return means
