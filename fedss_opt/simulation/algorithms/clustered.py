"""FedAvg within clusters that are known, and within clusters that are found."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, ClassVar

import numpy as np
from pydantic import Field

from .base import AlgorithmSettings, ClientModels, IntArray, Message, Parameters, UploadReport
from .clusters import ClusterModels
from .probes import PROBED, Division, ask_newcomers, divide

__all__ = ["Clustered", "ClusteredSettings", "OracleClustered"]


class OracleClustered(ClusterModels):
    """One FedAvg for each true task, which no real server knows: a reference."""

    title: ClassVar[str] = "oracle-clustered FedAvg"
    source: ClassVar[str] = "a reference: FedAvg (McMahan et al., AISTATS 2017) told the true tasks"

    def start(self) -> None:
        data, initial = self.federation.data, self.federation.initial()
        self.state = {"models": np.repeat(initial[np.newaxis], data.n_tasks, axis=0), "cluster": data.task.copy()}


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
    """

    title: ClassVar[str] = "clustered FedAvg"
    source: ClassVar[str] = (
        "C. Briggs, Z. Fan, P. Andras, 'Federated Learning with Hierarchical Clustering of Local Updates to Improve"
        " Training on Non-IID Data', IJCNN 2020; the clustering is that of FedSS here"
    )
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
