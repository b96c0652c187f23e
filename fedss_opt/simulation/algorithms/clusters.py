"""FedAvg within clusters of clients: clusters that are known, and clusters that are found from one round's uploads."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, ClassVar

import numpy as np
from pydantic import Field

from ...array_types import BoolArray, FloatArray, IntArray
from ...sharing.aggregation import aggregate
from ...sharing.clustering import cluster_clients
from ..arrays import Parameters
from .base import AlgorithmSettings, ClientModels, Message, UploadReport
from .fedavg import FedAvg

__all__ = [
    "PROBED",
    "ClusterModels",
    "Clustered",
    "ClusteredSettings",
    "Division",
    "OracleClustered",
    "ask_newcomers",
    "divide",
    "membership",
]

PROBED = 0.75
"""Part of the clients that must be heard before they are divided, and of the newcomers in every round after that."""


def membership(cluster: IntArray, clusters: int) -> FloatArray:
    """Relevance of clients that contribute to their own cluster alone, (K, N) from (N,)."""
    own: FloatArray = (np.arange(clusters)[:, np.newaxis] == cluster).astype(np.float64)
    return own


class ClusterModels(FedAvg):
    """FedAvg within clusters: the state has ``models`` (K, P), and ``cluster`` (N,), whose model each client uses.

    Algorithms say how clusters begin (`start`) and change.
    """

    def report(self, round_: int) -> UploadReport:
        cluster = self.state["cluster"]
        return UploadReport(
            np.full(len(cluster), float(self.upload_size())), relevance=membership(cluster, len(self.state["models"]))
        )

    def download(self, round_: int, clients: IntArray) -> list[Message]:
        sent = self.encode(round_, self.state["models"], purpose="download", bits=self.settings.download_bits)
        messages = [(data,) for data in sent]
        return [messages[cluster] for cluster in self.state["cluster"][clients]]

    def step(self, differences: Parameters, clients: IntArray) -> None:
        models, cluster = self.state["models"], self.state["cluster"][clients]
        self.state["models"] = aggregate(
            models[cluster] + differences,
            cluster,
            current=models,
            layout=self.federation.layout,
            weights=self.federation.samples(clients),
        ).models

    def client_models(self, round_: int) -> ClientModels:
        return ClientModels(self.state["models"], self.state["cluster"])

    def figures(self) -> dict[str, float]:
        return {"clusters": float(len(np.unique(self.state["cluster"])))}


class OracleClustered(ClusterModels):
    """One FedAvg for each true task, which no real server knows: a reference.

    Source: a reference: FedAvg (McMahan et al., AISTATS 2017) told the true tasks.
    """

    title: ClassVar[str] = "oracle-clustered FedAvg"

    def start(self) -> None:
        data, initial = self.federation.data, self.federation.initial()
        self.state = {"models": np.repeat(initial[np.newaxis], data.n_tasks, axis=0), "cluster": data.task.copy()}


def ask_newcomers(report: UploadReport, new: BoolArray) -> UploadReport:
    """Let newcomers, (N,), be asked as if getting to know them were one more task.

    What they are worth to the others is not known yet. As a task of their own, those with good channels come first, a
    part of them in every round, and nobody's deep fade holds up all.
    """
    if not new.any():
        return report
    relevance = np.vstack([np.where(new, 0.0, report.relevance), new.astype(np.float64)])
    least = np.zeros(len(relevance))
    least[-1] = PROBED
    return UploadReport(report.payload_bits, relevance, least)


@dataclass(frozen=True, eq=False)
class Division:
    """What a division into clusters leaves for those who come later.

    `mean` (P,) is the mean update of all clients that were divided; `anchors` (K, P) are the sums of each cluster's
    updates without that mean.
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
    """Divide clients into K clusters by the direction of their updates, (n, P), and say how to place later ones.

    The updates are what training of one common model changed. What all clients want alike is taken off first, as it
    hides what sets them apart.

    Examples
    --------
    >>> import numpy as np
    >>> from fedss_opt.simulation.algorithms.clusters import divide
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


class ClusteredSettings(AlgorithmSettings):
    """Options of clustered FedAvg."""

    n_tasks: Annotated[int, Field(ge=1)] = 4
    """Number of clusters K."""
    warmup_rounds: Annotated[int, Field(ge=1)] = 5
    """Rounds of FedAvg from the common start; the uploads of the last one are what clients are clustered by."""


class Clustered(ClusterModels):
    """One FedAvg for each cluster, the clusters found as FedSS finds its tasks: what clustering alone is worth.

    All train one model for some rounds. The last of them asks for most of the clients, and its uploads are
    clustered by direction (`divide`). Every cluster goes on from a copy of the common model.
    A client that was not heard then is asked in one of the next rounds (`ask_newcomers`), trains the common model of
    that time, and joins the cluster whose members' uploads pointed its way most.

    Source: C. Briggs, Z. Fan, P. Andras, 'Federated Learning with Hierarchical Clustering of Local Updates to Improve
    Training on Non-IID Data', IJCNN 2020; the clustering is that of FedSS here.
    """

    title: ClassVar[str] = "clustered FedAvg"
    settings_type: ClassVar[type[AlgorithmSettings]] = ClusteredSettings
    settings: ClusteredSettings

    def start(self) -> None:
        n = self.federation.n_clients
        self.state = {
            "models": self.federation.initial()[np.newaxis],
            "cluster": np.zeros(n, dtype=np.int64),
            "placed": np.zeros(n, dtype=np.bool_),
        }

    @property
    def divided(self) -> bool:
        """Whether clients have been divided into clusters."""
        return "common" in self.state

    def report(self, round_: int) -> UploadReport:
        reported = super().report(round_)
        if not self.divided:
            least = np.array([PROBED if self._asks(round_) else 0.0])
            return UploadReport(reported.payload_bits, reported.relevance, least)
        return ask_newcomers(reported, ~self.state["placed"])

    def download(self, round_: int, clients: IntArray) -> list[Message]:
        messages = super().download(round_, clients)
        new = ~self.state["placed"][clients]
        if self.divided and new.any():
            common = self.state["common"][np.newaxis]
            (data,) = self.encode(
                round_, common, purpose="download of the common model", bits=self.settings.download_bits
            )
            shared = (data,)
            messages = [shared if is_new else message for message, is_new in zip(messages, new, strict=True)]
        return messages

    def aggregate(self, round_: int, clients: IntArray, uploads: Sequence[Message]) -> None:
        if not len(clients):
            return
        differences = self.decode(uploads)
        placed = self.state["placed"][clients] | (not self.divided)
        self.step(differences[placed], clients[placed])
        if self._asks(round_):
            self._divide(clients, differences)
        elif not placed.all():
            new = clients[~placed]
            division = Division(self.state["mean"], self.state["anchors"])
            self.state["cluster"][new] = division.place(differences[~placed])
            self.state["placed"][new] = True

    def client_models(self, round_: int) -> ClientModels:
        if not self.divided:
            return super().client_models(round_)
        models = np.concatenate([self.state["models"], self.state["common"][np.newaxis]])
        return ClientModels(models, np.where(self.state["placed"], self.state["cluster"], len(models) - 1))

    def _asks(self, round_: int) -> bool:
        """Whether what is uploaded in a round is what clients are clustered by."""
        return not self.divided and round_ >= self.settings.warmup_rounds - 1

    def _divide(self, clients: IntArray, differences: Parameters) -> None:
        cluster, division = divide(differences, self.settings.n_tasks, seed=self.federation.seed)
        common = self.state["models"][0]
        self.state["cluster"][clients] = cluster
        self.state["placed"][clients] = True
        self.state |= {
            "common": common,
            "models": np.repeat(common[np.newaxis], self.settings.n_tasks, axis=0),
            "mean": division.mean,
            "anchors": division.anchors,
        }
