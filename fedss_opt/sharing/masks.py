"""Which weights a task keeps: iterative magnitude pruning, regrowth, and what masks have in common."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np
import numpy.typing as npt

from ..array_types import BoolArray, FloatArray
from ..exceptions import OptionError
from ..scenarios.arguments import number
from ..validation import member
from .array_checks import boolean_rows, finite, ratio
from .layout import ParameterLayout

__all__ = [
    "MaskStatistics",
    "Regrowth",
    "prune",
    "regrow",
    "statistics",
]


class Regrowth(StrEnum):
    """Which of the pruned weights come back."""

    GRADIENT = "gradient"
    """Those whose gradient is largest in magnitude: RigL (Evci et al., ICML 2020)."""
    RANDOM = "random"
    """Uniformly at random: SET (Mocanu et al., Nature Communications 9, 2018)."""


def prune(
    weights: npt.ArrayLike,
    masks: npt.ArrayLike,
    *,
    layout: ParameterLayout,
    fraction: float | None = None,
    density: float | None = None,
) -> BoolArray:
    """Remove each task's smallest weights, over all layers together.

    Masks belong to tasks: give a task's mean model, not its clients'. What is pruned stays pruned, and parameters
    that are not prunable (biases) are left as they are.

    Parameters
    ----------
    weights : array_like, (T, P) or (P,)
        The models whose magnitudes decide.
    masks : array_like of bool, like `weights`
        What is kept so far.
    layout : ParameterLayout
        Says what is prunable.
    fraction : float
        Part in [0, 1] of the remaining prunable weights that goes, rounded to the nearest number of weights.
    density : float
        Part in [0, 1] of all prunable weights that stays, rounded likewise; a mask that is sparser already stays as
        it is. Exactly one of `fraction` and `density` is given.

    Returns
    -------
    ndarray of bool, like `weights`
        The new masks. Of equal magnitudes the first in the vector goes first.

    Raises
    ------
    OptionError
        For shapes that disagree, weights that are not finite, or neither or both of `fraction` and `density`.

    Examples
    --------
    >>> from fedss_opt.sharing import ParameterLayout
    >>> from fedss_opt.sharing.masks import prune
    >>> layout = ParameterLayout.dense((4, 1))
    >>> prune([0.3, -0.1, 0.0, 2.0, 0.0], [True] * 5, layout=layout, density=0.5)
    array([ True, False, False,  True,  True])
    """
    if (fraction is None) == (density is None):
        raise OptionError(f"fraction, density: {'neither' if density is None else 'both'} given; give exactly one")
    name, part = ("fraction", fraction) if density is None else ("density", density)
    assert part is not None
    number(name, part, low=0.0, high=1.0)
    before, magnitude = _masks_and("weights", masks, weights, layout)
    after = before.copy()
    for kept, size in zip(np.atleast_2d(after), np.atleast_2d(magnitude), strict=True):
        candidates = np.flatnonzero(kept & layout.prunable)
        if density is None:
            surplus = _nearest(part * candidates.size)
        else:
            surplus = candidates.size - _nearest(part * np.count_nonzero(layout.prunable))
        smallest = np.argsort(size[candidates], kind="stable")[: max(surplus, 0)]
        kept[candidates[smallest]] = False
    return after


def regrow(
    masks: npt.ArrayLike,
    *,
    layout: ParameterLayout,
    count: int | npt.ArrayLike,
    by: Regrowth | str = Regrowth.GRADIENT,
    gradients: npt.ArrayLike | None = None,
    rng: np.random.Generator | None = None,
) -> BoolArray:
    """Bring pruned weights back, as many as asked for.

    A regrown weight has no value of its own: it starts at 0 (as in RigL) where the model was multiplied by its mask.
    Prune first and regrow as many, and the density stays while the mask moves.

    Parameters
    ----------
    masks : array_like of bool, (T, P) or (P,)
        What is kept so far.
    layout : ParameterLayout
        Says what is prunable.
    count : int or array_like of int, (T,)
        How many weights come back per task, >= 0; all that are pruned where there are fewer.
    by : {"gradient", "random"}
        How they are chosen.
    gradients : array_like, like `masks`
        For ``"gradient"``: those of the dense model. Of equal magnitudes the first in the vector comes first.
    rng : numpy.random.Generator
        For ``"random"``; tasks draw one after another.

    Returns
    -------
    ndarray of bool, like `masks`

    Raises
    ------
    OptionError
        For an unknown choice, what the choice needs and is missing, or shapes that disagree.

    Examples
    --------
    >>> from fedss_opt.sharing import ParameterLayout
    >>> from fedss_opt.sharing.masks import regrow
    >>> layout = ParameterLayout.dense((4, 1))
    >>> regrow([True, False, False, False, True], layout=layout, count=1, gradients=[9.0, 0.1, -0.4, 0.2, 0.0])
    array([ True, False,  True, False,  True])
    """
    choice = member("by", by, Regrowth)
    needed = "gradients" if choice is Regrowth.GRADIENT else "rng"
    if (gradients if choice is Regrowth.GRADIENT else rng) is None:
        raise OptionError(f"{needed}: missing; by = {str(choice)!r} needs it")
    before, magnitude = _masks_and("gradients", masks, gradients, layout)
    after = before.copy()
    rows = np.atleast_2d(after)
    counts = np.asarray(count)
    if counts.dtype.kind not in "iu" or counts.shape not in ((), (len(rows),)) or (counts < 0).any():
        raise OptionError(f"count = {count!r}: must be an integer >= 0, or one for each of the {len(rows)} tasks")
    for kept, size, most in zip(rows, np.atleast_2d(magnitude), np.broadcast_to(counts, len(rows)), strict=True):
        candidates = np.flatnonzero(~kept & layout.prunable)
        if choice is Regrowth.GRADIENT:
            chosen = np.argsort(-size[candidates], kind="stable")[:most]
        else:
            assert rng is not None
            chosen = rng.permutation(candidates.size)[:most]
        kept[candidates[chosen]] = True
    return after


@dataclass(frozen=True, eq=False)
class MaskStatistics:
    """What masks keep and what they have in common; of the prunable weights only.

    Attributes
    ----------
    density : ndarray, (T,)
        Part that each task keeps.
    layer_density : ndarray, (T, L)
        The same per layer; 1 for a layer that has nothing to prune.
    overlap : ndarray, (T, T)
        Intersection over union of two tasks' masks; 1 where both are empty.
    shared_by_all, shared_by_some, private, unused : float
        Parts of the weights that all tasks keep, more than one but not all, exactly one, and none. They add up to 1;
        a single task shares all it keeps with itself (`shared_by_all`).
    """

    density: FloatArray
    layer_density: FloatArray
    overlap: FloatArray
    shared_by_all: float
    shared_by_some: float
    private: float
    unused: float


def statistics(masks: npt.ArrayLike, *, layout: ParameterLayout) -> MaskStatistics:
    """Describe the masks of all tasks.

    Parameters
    ----------
    masks : array_like of bool, (T, P)
        What each task keeps.
    layout : ParameterLayout
        Layers, and what is prunable. Without anything prunable densities are 1 and `shared_by_all` is 1.

    Raises
    ------
    OptionError
        When the masks are not boolean or not of shape (T, P).

    Examples
    --------
    >>> from fedss_opt.sharing import ParameterLayout
    >>> from fedss_opt.sharing.masks import statistics
    >>> layout = ParameterLayout.dense((4, 1))
    >>> found = statistics([[True, True, False, False, True], [True, False, True, False, True]], layout=layout)
    >>> found.density, found.overlap[0, 1]
    (array([0.5, 0.5]), np.float64(0.3333333333333333))
    >>> found.shared_by_all, found.private, found.unused
    (0.25, 0.5, 0.25)
    """
    kept = boolean_rows("masks", masks, layout)[:, layout.prunable]
    tasks, prunable = kept.shape
    layer = layout.layer[layout.prunable]
    sizes = np.bincount(layer, minlength=layout.layers)
    per_layer = np.stack([np.bincount(layer[row], minlength=layout.layers) for row in kept]) if tasks else kept
    counts = kept.astype(np.float64)
    both = counts @ counts.T
    own = counts.sum(axis=1)
    keepers = kept.sum(axis=0)
    parts = [keepers == tasks, (keepers > 1) & (keepers < tasks), (keepers == 1) & (tasks > 1), keepers == 0]
    if tasks == 0:
        parts[0] = np.zeros(prunable, dtype=np.bool_)
    shares = [float(part.mean()) for part in parts] if prunable else [1.0, 0.0, 0.0, 0.0]
    return MaskStatistics(
        ratio(own, float(prunable), empty=1.0),
        ratio(per_layer.reshape(tasks, layout.layers), sizes, empty=1.0),
        ratio(both, own[:, np.newaxis] + own - both, empty=1.0),
        *shares,
    )


def _masks_and(
    name: str, masks: npt.ArrayLike, values: npt.ArrayLike | None, layout: ParameterLayout
) -> tuple[BoolArray, npt.NDArray[np.floating[Any]]]:
    """Accept masks of one task or of all, and magnitudes of the same shape (zeros where none are given)."""
    kept = np.asarray(masks)
    boolean_rows("masks", np.atleast_2d(kept) if kept.ndim else kept, layout)
    size = np.abs(finite(name, np.zeros(kept.shape) if values is None else values))
    if size.shape != kept.shape:
        raise OptionError(f"{name}: shape {size.shape} where masks have {kept.shape}; they must agree")
    return kept, size


def _nearest(amount: float) -> int:
    return math.floor(amount + 0.5)
