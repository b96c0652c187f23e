"""CFL: one cluster that splits in two wherever its clients pull apart."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import Annotated, Any, ClassVar

import numpy as np
import numpy.typing as npt
from pydantic import Field
from scipy.cluster.hierarchy import fcluster, linkage
from scipy.spatial.distance import squareform

from ...array_types import BoolArray, FloatArray, IntArray
from .base import AlgorithmSettings, Message
from .clusters import ClusterModels

__all__ = ["CFL", "CFLSettings", "Linkage", "bipartition"]


class Linkage(StrEnum):
    """How two groups of clients are compared when they are merged."""

    SINGLE = "single"
    """By the most similar pair: the two halves' largest similarity is the least possible, as the paper asks."""
    COMPLETE = "complete"
    """By the least similar pair, as the authors' code does; it does not leave single clients over."""


class CFLSettings(AlgorithmSettings):
    """Options of CFL."""

    eps1: Annotated[float, Field(ge=0.0)] = 0.4
    """A cluster may split when the mean of its clients' updates is shorter than this,"""
    eps2: Annotated[float, Field(ge=0.0)] = 1.6
    """while the longest of them is longer than this; both in lengths of the first round's mean update."""
    min_cluster_size: Annotated[int, Field(ge=1)] = 2
    """Fewest clients on either side of a split."""
    first_split_round: Annotated[int, Field(ge=0)] = 0
    """Round, counted from 0, before which nothing splits."""
    linkage: Linkage = Linkage.SINGLE
    """How the two sides are found."""


class CFL(ClusterModels):
    r"""FedAvg within clusters, which begin as one and are divided when their common model cannot suit everybody.

    With :math:`\delta_i` the updates of a cluster's clients, a cluster splits when

    .. math:: \Bigl\| \sum_i \tfrac{n_i}{n} \delta_i \Bigr\| < \varepsilon_1 \quad\text{and}\quad
       \max_i \|\delta_i\| > \varepsilon_2,

    that is when the common model has settled where single clients have not, into the two sides between which the
    largest cosine of updates is least. Both sides go on from the model they had.

    Ours: lengths are measured in that of the first round's mean update, so that the thresholds do not depend on the
    learning rate; the defaults are the numbers of the authors' code, where they are absolute. Where not everybody is
    heard in a round, each client counts with its latest update, and one that was never heard stays on the larger
    side. The paper's further test, whether the cosine between the sides is low enough for the noise, needs a bound on
    that noise and is left out, as in the authors' code.

    Source: F. Sattler, K.-R. Müller, W. Samek, 'Clustered Federated Learning: Model-Agnostic Distributed Multitask
    Optimization Under Privacy Constraints', IEEE TNNLS 32(8), 2021.
    """

    title: ClassVar[str] = "CFL"
    settings_type: ClassVar[type[AlgorithmSettings]] = CFLSettings
    settings: CFLSettings

    def start(self) -> None:
        n, initial = self.federation.n_clients, self.federation.initial()
        self.state = {
            "models": initial[np.newaxis],
            "cluster": np.zeros(n, dtype=np.int64),
            "latest": np.zeros((n, len(initial)), dtype=np.float32),
            "heard": np.zeros(n, dtype=np.bool_),
            "unit": np.array(0.0),
        }

    def aggregate(self, round_: int, clients: IntArray, uploads: Sequence[Message]) -> None:
        if not len(clients):
            return
        differences = self.decode(uploads)
        self.state["latest"][clients] = differences
        self.state["heard"][clients] = True
        if self.state["unit"] == 0.0:
            self.state["unit"] = np.array(self._mean_length(differences, clients))
        if round_ >= self.settings.first_split_round:
            for cluster in np.unique(self.state["cluster"][clients]):
                self._split(int(cluster))
        self.step(differences, clients)

    def _mean_length(self, updates: npt.NDArray[Any], clients: IntArray) -> float:
        """Return the length of the mean of (n, P) updates, weighted by samples."""
        weights = self.federation.samples(clients)
        return float(np.linalg.norm(np.average(updates.astype(np.float64), axis=0, weights=weights)))

    def _split(self, cluster: int) -> None:
        """Divide a cluster if its clients pull apart."""
        members = np.flatnonzero(self.state["cluster"] == cluster)
        heard = members[self.state["heard"][members]]
        if len(heard) < 2 * self.settings.min_cluster_size:
            return
        updates = self.state["latest"][heard].astype(np.float64)
        unit, longest = float(self.state["unit"]), np.linalg.norm(updates, axis=1).max()
        if self._mean_length(updates, heard) >= self.settings.eps1 * unit or longest <= self.settings.eps2 * unit:
            return
        second = bipartition(updates, self.settings.linkage)
        if np.count_nonzero(second) > len(heard) // 2:
            second = ~second
        if np.count_nonzero(second) < self.settings.min_cluster_size:
            return
        self.state["cluster"][heard[second]] = len(self.state["models"])
        self.state["models"] = np.concatenate([self.state["models"], self.state["models"][[cluster]]])


def bipartition(updates: FloatArray, method: Linkage | str = Linkage.SINGLE) -> BoolArray:
    """Divide clients by the cosines of their updates, (n, P), n >= 2; return who is apart from the first, (n,).

    Agglomerative clustering, stopped at two clusters. ``single`` finds the sides between which the largest cosine is
    least: it leaves out the least edge of the tree of largest cosines. An update of zeros is at right angles to all.

    Examples
    --------
    >>> import numpy as np
    >>> bipartition(np.array([[1.0, 0.1], [-1.0, 0.0], [2.0, 0.0]]))
    array([False,  True, False])
    """
    lengths = np.linalg.norm(updates, axis=1, keepdims=True)
    directions = np.divide(updates, lengths, out=np.zeros_like(updates), where=lengths > 0.0)
    distance = np.maximum(1.0 - directions @ directions.T, 0.0)
    np.fill_diagonal(distance, 0.0)
    sides = fcluster(linkage(squareform(distance, checks=False), str(method)), 2, criterion="maxclust")
    apart: BoolArray = sides != sides[0]
    return apart
