"""Which clients learn the same: clusters of their updates, by direction."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ..array_types import FloatArray, IntArray
from ..exceptions import MissingDependencyError, OptionError
from ..scenarios.draws import generator
from .array_checks import finite, ratio, whole

__all__ = ["cluster_clients"]


# Added to every affinity, so that the graph is connected also where clusters have nothing in common: its eigenvectors
# are ill-defined otherwise. Far below what the direction of two updates can mean.
_CONNECTION = 1e-4


def cluster_clients(updates: npt.ArrayLike, tasks: int, *, seed: int) -> IntArray:
    """Divide clients into tasks by the direction of their updates.

    Spectral clustering on ``max(cosine, 0)`` of all pairs of updates. The updates come from a common start: the first
    local training that all clients do on the same model, e.g. after a few rounds of FedAvg. The number of tasks is an
    input, and the result depends on it.

    Parameters
    ----------
    updates : array_like, (n, P)
        What each client's training changed. A client with a zero update points nowhere and goes to the largest cluster.
    tasks : int
        Number of clusters K >= 1; fewer where there are fewer clients that point somewhere.
    seed : int
        Seed >= 0 of the starts of k-means and of the eigensolver.

    Returns
    -------
    ndarray of int, (n,)
        Cluster of each client, numbered in the order of their first members.

    Raises
    ------
    OptionError
        When the updates are not finite or not (n, P), or there is less than one task.
    MissingDependencyError
        Without scikit-learn (extra ``simulation``).

    Examples
    --------
    >>> from fedss_opt.sharing.clustering import cluster_clients
    >>> updates = [[1.0, 0.1], [0.0, 1.0], [0.9, 0.0], [0.1, 1.0], [0.0, 0.0]]
    >>> cluster_clients(updates, 2, seed=0)
    array([0, 1, 0, 1, 0])
    """
    directions = _directions("updates", updates)
    count, seed = whole("tasks", tasks, low=1), whole("seed", seed, low=0)
    moving = np.flatnonzero(directions.any(axis=1))
    labels: IntArray = np.zeros(len(directions), dtype=np.intp)
    if moving.size == 0:
        return labels
    if moving.size <= count:
        labels[moving] = np.arange(moving.size)
    elif count > 1:
        labels[moving] = _canonical(_spectral(directions[moving], count, seed))
    still = np.setdiff1d(np.arange(labels.size), moving)
    labels[still] = np.bincount(labels[moving]).argmax()
    return _canonical(labels)


def _spectral(directions: FloatArray, tasks: int, seed: int) -> IntArray:
    try:
        from sklearn.cluster import SpectralClustering  # noqa: PLC0415 - an extra
        from threadpoolctl import threadpool_limits  # noqa: PLC0415
    except ImportError:
        raise MissingDependencyError(
            'clustering needs scikit-learn; install it with: pip install "fedss-opt[simulation]"'
        ) from None
    start = int(generator(seed, "clustering").integers(2**31))
    method = SpectralClustering(tasks, affinity="precomputed", assign_labels="kmeans", random_state=start)
    with threadpool_limits(1):  # sums, and so their rounding, do not depend on the number of threads
        affinity = np.maximum(directions @ directions.T, 0.0) + _CONNECTION
        np.fill_diagonal(affinity, 1.0)
        found: IntArray = np.asarray(method.fit_predict(affinity), dtype=np.intp)
    return found


def _directions(name: str, vectors: npt.ArrayLike) -> FloatArray:
    """Scale each row to length 1; a row of zeros stays one."""
    array: FloatArray = np.asarray(finite(name, vectors), dtype=np.float64)
    if array.ndim != 2:
        raise OptionError(f"{name}: shape {array.shape}; must be (n, P)")
    # Divided twice: the squares of what the largest entry has scaled neither vanish nor overflow.
    scaled = ratio(array, np.abs(array).max(axis=1, initial=0.0, keepdims=True), empty=0.0)
    return ratio(scaled, np.linalg.norm(scaled, axis=1, keepdims=True), empty=0.0)


def _canonical(labels: IntArray) -> IntArray:
    """Return the labels numbered in the order of their first members."""
    _, first, place = np.unique(labels, return_index=True, return_inverse=True)
    rank: IntArray = np.argsort(np.argsort(first))[place]
    return rank
