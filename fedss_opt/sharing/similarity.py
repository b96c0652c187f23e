"""How alike two tasks are, per group of parameters: by their masks, or by the direction of their models."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ..array_types import FloatArray
from ..exceptions import OptionError
from .array_checks import boolean_rows, finite, ratio
from .layout import ParameterLayout

__all__ = ["cosine", "hamming", "jaccard", "phi"]


def jaccard(masks: npt.ArrayLike, *, layout: ParameterLayout) -> FloatArray:
    """Intersection over union of two tasks' masks in each group.

    Like the other two measures on masks it looks at prunable parameters only: biases are always kept, and would make
    any two masks alike. Masks are (T, P); the result is (T, T, G), in [0, 1], symmetric, and 1 where both keep nothing.
    """
    both, first, second, _ = _counts(masks, layout)
    return ratio(both, first + second - both, empty=1.0)


def hamming(masks: npt.ArrayLike, *, layout: ParameterLayout) -> FloatArray:
    """Part of each group's prunable parameters on which two tasks' masks agree, (T, T, G)."""
    both, first, second, size = _counts(masks, layout)
    return ratio(size - (first + second - 2.0 * both), size, empty=1.0)


def phi(masks: npt.ArrayLike, *, layout: ParameterLayout) -> FloatArray:
    r"""Correlation of two tasks' masks in each group, not below 0, (T, T, G).

    The phi coefficient corrects for the overlap that two independent masks have by chance,

    .. math:: \phi = \frac{s n_{11} - n_1 n_2}{\sqrt{n_1 (s - n_1)\, n_2 (s - n_2)}},

    with s parameters, of which the tasks keep n_1 and n_2, and n_11 in common. Where a task keeps all or nothing it has
    no value; it is then 1 for equal masks, else 0.
    """
    both, first, second, size = _counts(masks, layout)
    spread = np.sqrt(first * (size - first)) * np.sqrt(second * (size - second))
    equal = (both == first) & (both == second)
    # Equal masks have correlation 1; the quotient of roots would give it but for its rounding.
    return np.where(equal, 1.0, np.clip(ratio(size * both - first * second, spread, empty=0.0), 0.0, 1.0))


def cosine(vectors: npt.ArrayLike, *, layout: ParameterLayout, masks: npt.ArrayLike | None = None) -> FloatArray:
    """Cosine between two tasks' models, or updates, (T, P), in each group, not below 0: (T, T, G), symmetric.

    Only what both tasks' masks, (T, P), keep is compared; the cosine is 1 where both are zero, 0 where one is.
    """
    found = np.asarray(finite("vectors", vectors), dtype=np.float64)
    if found.ndim != 2 or found.shape[1] != layout.parameters:
        raise OptionError(f"vectors: shape {found.shape}; must be (tasks, {layout.parameters})")
    kept = None if masks is None else boolean_rows("masks", masks, layout)
    if kept is not None and kept.shape != found.shape:
        raise OptionError(f"masks: shape {kept.shape} where vectors have {found.shape}; they must agree")
    tasks = len(found)
    # A common factor changes no cosine, and keeps the squares within double precision.
    largest = np.zeros((tasks, layout.groups))
    for t in range(tasks):
        np.maximum.at(largest[t], layout.group, np.abs(found[t]))
    scaled = ratio(found, layout.spread(largest), empty=0.0)
    result = np.ones((tasks, tasks, layout.groups))
    for t in range(tasks):
        for s in range(t):
            x, y = scaled[t], scaled[s]
            if kept is not None:
                common = kept[t] & kept[s]
                x, y = x * common, y * common
            dot, xx, yy = layout.sum_groups(np.stack([x * y, x * x, y * y]))
            silent = np.where((xx == 0.0) & (yy == 0.0), 1.0, 0.0)
            quotient = np.divide(dot, np.sqrt(xx) * np.sqrt(yy), out=silent, where=(xx > 0.0) & (yy > 0.0))
            result[t, s] = result[s, t] = np.clip(quotient, 0.0, 1.0)
    return result


def _counts(masks: npt.ArrayLike, layout: ParameterLayout) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    """Per pair and group: what both keep, what the first keeps, the second, and how much is prunable."""
    kept = boolean_rows("masks", masks, layout) & layout.prunable
    tasks = len(kept)
    both = np.empty((tasks, tasks, layout.groups))
    for t in range(tasks):
        both[t] = layout.sum_groups(kept & kept[t])
    own = layout.sum_groups(kept)
    shape = both.shape
    return (
        both,
        np.broadcast_to(own[:, np.newaxis], shape),
        np.broadcast_to(own, shape),
        np.broadcast_to(layout.sum_groups(layout.prunable), shape),
    )
