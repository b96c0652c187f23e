"""Relevance as likeness, of masks or of models: the alternatives, kept as ablations."""

from __future__ import annotations

import itertools
from abc import abstractmethod
from typing import Any, ClassVar

import numpy as np

from ..array_types import BoolArray, FloatArray
from . import similarity
from .aggregation import Uploads
from .layout import ParameterLayout
from .measures import AveragedTerms

__all__ = ["Cosine", "Hamming", "Jaccard", "Phi"]


class _Likeness(AveragedTerms):
    """One number per pair of tasks and group, averaged over rounds: what the ablations have in common."""

    _TERMS = ("value",)

    @property
    def relevance(self) -> FloatArray:
        """Relevance between tasks per group, (T, T, G), in [0, 1], symmetric, 1 on the diagonal."""
        return self._finished(self._terms["value"])

    def _take_in(self, uploads: Uploads, rounding: FloatArray) -> None:
        present, value, comparable = self._compare(uploads)
        for t, s in itertools.combinations(np.flatnonzero(present).tolist(), 2):
            self._average(t, s, comparable[t, s], value=value[t, s])

    @abstractmethod
    def _compare(self, uploads: Uploads) -> tuple[BoolArray, FloatArray, BoolArray]:
        """Return which tasks are known, (T,), their likeness, and where it could be compared, (T, T, G) each."""


class Cosine(_Likeness):
    """Relevance as the cosine between the tasks' mean uploads in each group, not below 0; an ablation.

    Give updates (uploaded weights less those that training started from) to compare directions of training, or weights
    to compare models. From a common start even tasks that contradict each other have models with cosines near 1. Only
    coordinates count that at least half of either task's uploads contain. Parameters are those of `SignalToNoise`.

    Examples
    --------
    >>> from fedss_opt.sharing import ParameterLayout
    >>> from fedss_opt.sharing.relevance import Cosine
    >>> measure = Cosine(2, ParameterLayout.dense((1, 1)))
    >>> measure.update([[3.0, 4.0], [4.0, 3.0]], [0, 1])
    >>> measure.relevance[0, 1]
    array([0.96])
    """

    def __init__(self, tasks: int, layout: ParameterLayout, *, smoothing: float = 0.5) -> None:
        super().__init__(tasks, layout, smoothing=smoothing)

    def _compare(self, uploads: Uploads) -> tuple[BoolArray, FloatArray, BoolArray]:
        """Pairs with an upload each are compared."""
        present, mean, kept = _by_majority(uploads)
        common = np.stack([self.layout.sum_groups(kept & row) for row in kept]) > 0.0
        return present, similarity.cosine(mean, layout=self.layout, masks=kept), common


class _OfMasks(_Likeness):
    """Relevance as the likeness of the tasks' masks; an ablation.

    Pruned from a common start, even tasks that contradict each other keep nearly the same weights, so that everything
    looks relevant. The mask of a task is the one given for it, or what at least half of its uploads contain. A group
    without anything prunable, and a round without masks, have likeness 1. Parameters are those of `SignalToNoise`, but
    without smoothing by default: agreed masks carry no noise.
    """

    _LIKENESS: ClassVar[str]

    def __init__(self, tasks: int, layout: ParameterLayout, *, smoothing: float = 0.0) -> None:
        super().__init__(tasks, layout, smoothing=smoothing)

    def _compare(self, uploads: Uploads) -> tuple[BoolArray, FloatArray, BoolArray]:
        """Pairs whose masks are known are compared."""
        present, _, kept = _by_majority(uploads)
        if uploads.masks is not None and uploads.masks_by_task:
            present, kept = np.ones(self.tasks, dtype=np.bool_), uploads.masks
        likeness: FloatArray = getattr(similarity, self._LIKENESS)(kept, layout=self.layout)
        return present, likeness, np.ones(likeness.shape, dtype=np.bool_)


def _by_majority(uploads: Uploads) -> tuple[BoolArray, FloatArray, BoolArray]:
    """Which tasks have uploads, (T,), the means of these, and what at least half of them contain, (T, P) each."""
    shape = (uploads.n_tasks, uploads.layout.parameters)
    total, count = np.zeros(shape), np.zeros(shape)
    for i, t in enumerate(uploads.task.tolist()):
        kept = uploads.mask(i)
        weight: Any = 1.0 if kept is None else kept
        total[t] += weight * uploads.values[i].astype(np.float64, copy=False)
        count[t] += weight
    members = np.bincount(uploads.task, minlength=uploads.n_tasks)
    majority = (2.0 * count >= members[:, np.newaxis]) & (count > 0.0)
    return members > 0, total / np.maximum(count, 1.0), majority


class Jaccard(_OfMasks):
    """Relevance as intersection over union of the masks; see `fedss_opt.sharing.similarity.jaccard`.

    Examples
    --------
    >>> import numpy as np
    >>> from fedss_opt.sharing import Jaccard, ParameterLayout
    >>> measure = Jaccard(2, ParameterLayout.dense((2, 2)))
    >>> masks = np.array([[1, 1, 0, 0, 1, 1], [1, 0, 1, 0, 1, 1]], bool)
    >>> measure.update(np.ones((2, 6)), [0, 1], masks=masks, masks_by_task=True)
    >>> measure.relevance[0, 1].round(2)
    array([0.5, 0. ])
    """

    _LIKENESS = "jaccard"


class Hamming(_OfMasks):
    """Relevance as the part of the weights on which masks agree; see `fedss_opt.sharing.similarity.hamming`.

    Examples
    --------
    >>> import numpy as np
    >>> from fedss_opt.sharing import Hamming, ParameterLayout
    >>> measure = Hamming(2, ParameterLayout.dense((2, 2)))
    >>> masks = np.array([[1, 1, 0, 0, 1, 1], [1, 0, 1, 0, 1, 1]], bool)
    >>> measure.update(np.ones((2, 6)), [0, 1], masks=masks, masks_by_task=True)
    >>> measure.relevance[0, 1].round(2)
    array([0.5, 0.5])
    """

    _LIKENESS = "hamming"


class Phi(_OfMasks):
    """Relevance as the correlation of the masks; see `fedss_opt.sharing.similarity.phi`.

    Examples
    --------
    >>> import numpy as np
    >>> from fedss_opt.sharing import ParameterLayout, Phi
    >>> measure = Phi(2, ParameterLayout.dense((2, 2)))
    >>> masks = np.array([[1, 1, 0, 0, 1, 1], [1, 0, 1, 0, 1, 1]], bool)
    >>> measure.update(np.ones((2, 6)), [0, 1], masks=masks, masks_by_task=True)
    >>> measure.relevance[0, 1].round(2)
    array([0., 0.])
    """

    _LIKENESS = "phi"
