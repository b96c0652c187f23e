"""From the uploads of one round to clusters: who learns the same, who is asked, and where a newcomer belongs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...sharing.clustering import cluster_clients
from .base import BoolArray, IntArray, Parameters, UploadReport

__all__ = ["PROBED", "Division", "ask_newcomers", "divide"]

PROBED = 0.75
"""Part of the clients that must be heard before they are divided, and of the newcomers in every round after that."""


def ask_newcomers(report: UploadReport, new: BoolArray) -> UploadReport:
    """Let newcomers be asked as if getting to know them were one more task.

    What they are worth to the others is not known yet. As a task of their own, those with good channels come first, a
    part of them in every round, and nobody's deep fade holds up all.

    Parameters
    ----------
    report : UploadReport
        What the round is without them.
    new : ndarray of bool, (N,)
        Clients whose cluster is not known.
    """
    if not new.any():
        return report
    relevance = np.vstack([np.where(new, 0.0, report.relevance), new.astype(np.float64)])
    least = np.zeros(len(relevance))
    least[-1] = PROBED
    return UploadReport(report.payload_bits, relevance, least)


@dataclass(frozen=True, eq=False)
class Division:
    """What a division of clients into clusters leaves behind for those who come later.

    Parameters
    ----------
    mean : ndarray of float32, (P,)
        Mean update of all clients that were divided.
    anchors : ndarray of float32, (K, P)
        Sums of each cluster's updates without that mean.
    """

    mean: Parameters
    anchors: Parameters

    def place(self, updates: Parameters) -> IntArray:
        """Return the cluster whose anchor has the largest cosine with each of (n, P) updates, the first of equals."""
        anchors = self.anchors.astype(np.float64)
        length = np.linalg.norm(anchors, axis=1, keepdims=True)
        np.divide(anchors, length, out=anchors, where=length > 0.0)
        nearest: IntArray = np.argmax((updates - self.mean) @ anchors.T, axis=1)
        return nearest


def divide(updates: Parameters, tasks: int, *, seed: int) -> tuple[IntArray, Division]:
    """Divide clients by the direction of their updates.

    What all clients want alike is taken off first, as it hides what sets them apart.

    Parameters
    ----------
    updates : ndarray of float32, (n, P)
        What each client's training of one common model changed.
    tasks : int
        Number of clusters K.
    seed : int
        Seed of the clustering.

    Returns
    -------
    cluster : ndarray of int, (n,)
        Cluster of each client, 0..K-1.
    division : Division
        Places the clients that come later.

    Examples
    --------
    >>> import numpy as np
    >>> from fedss_opt.simulation.algorithms.probes import divide
    >>> updates = np.array([[1.0, 0.1], [0.0, 1.0], [0.9, 0.0], [0.1, 1.0]], np.float32)
    >>> cluster, division = divide(updates, 2, seed=0)
    >>> cluster, division.place(updates[:2])
    (array([0, 1, 0, 1]), array([0, 1]))
    """
    mean = updates.mean(axis=0)
    own = updates - mean
    cluster = cluster_clients(own, tasks, seed=seed)
    anchors = np.array([own[cluster == k].sum(axis=0) for k in range(tasks)], dtype=np.float32)
    return cluster, Division(mean, anchors)
