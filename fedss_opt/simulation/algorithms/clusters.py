"""What clustered algorithms share: one FedAvg for every cluster of clients."""

from __future__ import annotations

import numpy as np

from ...sharing.aggregation import aggregate
from .base import ClientModels, FloatArray, IntArray, Message, Parameters, UploadReport
from .fedavg import FedAvg

__all__ = ["ClusterModels", "membership"]


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
            np.full(len(cluster), float(self.upload_size())),
            relevance=membership(cluster, len(self.state["models"])),
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
