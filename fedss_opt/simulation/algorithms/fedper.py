"""FedPer: a common body, and a head that never leaves the client."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from .base import BoolArray, ClientModels, IntArray, Parameters
from .fedavg import FedAvg
from .personal import one_each

__all__ = ["FedPer"]


class FedPer(FedAvg):
    """FedAvg of all layers but the last, which stays with each client.

    A client trains body and head together, sends what changed in the body, and keeps its head. All heads begin as
    the same one. Ours: the head is the last layer; a client keeps the head it has trained also when its upload is
    lost.
    """

    title: ClassVar[str] = "FedPer"
    source: ClassVar[str] = (
        "M. G. Arivazhagan, V. Aggarwal, A. K. Singh, S. Choudhary, 'Federated Learning with Personalization Layers',"
        " arXiv:1912.00818, 2019"
    )

    def start(self) -> None:
        super().start()
        head = self.state["model"][self.federation.model.head]
        self.state["heads"] = np.repeat(head[np.newaxis], self.federation.n_clients, axis=0)

    def shared(self) -> BoolArray:
        return ~self.federation.model.head

    def begin(self, clients: IntArray, received: Parameters) -> Parameters:
        return self._assembled(received, clients)

    def train(self, round_: int, clients: IntArray, start: Parameters) -> Parameters:
        trained = self.descend(round_, clients, start)
        self.state["heads"][clients] = trained[:, self.federation.model.head]
        return trained

    def descend(self, round_: int, clients: IntArray, start: Parameters) -> Parameters:
        """Train body and head, (n, P)."""
        return super().train(round_, clients, start)

    def client_models(self, round_: int) -> ClientModels:
        everybody = np.arange(self.federation.n_clients)
        return one_each(self._assembled(np.repeat(self.state["model"][np.newaxis], len(everybody), axis=0), everybody))

    def _assembled(self, bodies: Parameters, clients: IntArray) -> Parameters:
        """Put the clients' own heads onto bodies, (n, P)."""
        models = bodies.copy()
        models[:, self.federation.model.head] = self.state["heads"][clients]
        return models
