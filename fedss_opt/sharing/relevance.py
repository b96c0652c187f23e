"""How relevant one task's clients are to another: every measure by name, and relevance of tasks and of clients."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ..array_types import FloatArray
from ..exceptions import OptionError
from .array_checks import finite, indices
from .likeness import Cosine, Hamming, Jaccard, Phi
from .measures import Measure
from .signal_to_noise import SignalToNoise

__all__ = [
    "MEASURES",
    "Cosine",
    "Hamming",
    "Jaccard",
    "Measure",
    "Phi",
    "SignalToNoise",
    "client_relevance",
    "task_relevance",
]


MEASURES: dict[str, type[SignalToNoise | Cosine | Jaccard | Hamming | Phi]] = {
    "signal_to_noise": SignalToNoise,
    "jaccard": Jaccard,
    "hamming": Hamming,
    "phi": Phi,
    "cosine": Cosine,
}
"""Measures by name; all are made by ``(tasks, layout, *, smoothing=...)``."""


def task_relevance(groups: npt.ArrayLike, *, weights: npt.ArrayLike | None = None) -> FloatArray:
    """Average the relevance between tasks over the groups.

    Parameters
    ----------
    groups : array_like, (T, T, G)
        Relevance per group, or its quantised levels.
    weights : array_like, (G,), optional
        Weight >= 0 of each group, e.g. its number of parameters; all alike by default.

    Returns
    -------
    ndarray, (T, T)
        Relevance of the second task's clients to the first.

    Raises
    ------
    OptionError
        For other shapes, no group, or weights that are negative or all 0.

    Examples
    --------
    >>> from fedss_opt.sharing.relevance import task_relevance
    >>> task_relevance([[[1.0, 1.0], [0.5, 0.0]], [[0.5, 0.0], [1.0, 1.0]]])
    array([[1.  , 0.25],
           [0.25, 1.  ]])
    """
    array: FloatArray = np.asarray(finite("groups", groups), dtype=np.float64)
    if array.ndim != 3 or array.shape[0] != array.shape[1] or array.shape[2] == 0:
        raise OptionError(f"groups: shape {array.shape}; must be (T, T, G) with at least one group")
    mass: FloatArray = np.ones(array.shape[2])
    if weights is not None:
        mass = np.asarray(finite("weights", weights), dtype=np.float64)
        if mass.shape != array.shape[2:] or (mass < 0.0).any() or not mass.any():
            raise OptionError(f"weights: shape {mass.shape}; must be {array.shape[2:]}, all >= 0 and one > 0")
    mean: FloatArray = (array * (mass / mass.sum())).sum(axis=2)
    # The mean of ones is 1, whatever the weights round to: a task's own clients count fully.
    return np.clip(mean, array.min(axis=2), array.max(axis=2))


def client_relevance(tasks: npt.ArrayLike, task: npt.ArrayLike) -> FloatArray:
    """Give every client the relevance of its task: what each contributes to each task, (T, n).

    Parameters
    ----------
    tasks : array_like, (T, T)
        Relevance of the second task's clients to the first, see `task_relevance`.
    task : array_like of int, (n,)
        Task of each client.

    Raises
    ------
    OptionError
        For a relevance that is not square, or a task that does not exist.

    Examples
    --------
    >>> from fedss_opt.sharing.relevance import client_relevance
    >>> client_relevance([[1.0, 0.25], [0.25, 1.0]], [0, 1, 1])
    array([[1.  , 0.25, 0.25],
           [0.25, 1.  , 1.  ]])
    """
    array: FloatArray = np.asarray(finite("tasks", tasks), dtype=np.float64)
    if array.ndim != 2 or array.shape[0] != array.shape[1]:
        raise OptionError(f"tasks: shape {array.shape}; must be (T, T)")
    return array[:, indices("task", task, limit=len(array))]
