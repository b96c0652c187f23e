"""FedAvg: one model for all, the weighted mean of what the clients upload."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from ...sharing.aggregation import aggregate
from .base import Algorithm, ClientModels, IntArray, Message, Parameters, UploadReport

__all__ = ["FedAvg", "weighted_mean"]

BoolArray = npt.NDArray[np.bool_]
FloatArray = npt.NDArray[np.float64]


def weighted_mean(algorithm: Algorithm, values: Parameters, current: Parameters, weights: FloatArray) -> Parameters:
    """Mean of (n, P) values, (P,); `current` where there are none."""
    mean: Parameters = aggregate(
        values,
        np.zeros(len(values), dtype=np.int64),
        current=current[np.newaxis],
        layout=algorithm.federation.layout,
        weights=weights,
    ).models[0]
    return mean


class FedAvg(Algorithm):
    """McMahan et al.: every selected client trains the server's model, and the server takes the weighted mean.

    A client uploads the difference to the model it was sent. Algorithms that change one of these steps override
    it: `rules` for the local training, `shared` for what crosses the air, `step` for the server.
    """

    title: ClassVar[str] = "FedAvg"
    source: ClassVar[str] = (
        "B. McMahan, E. Moore, D. Ramage, S. Hampson, B. Agüera y Arcas, 'Communication-Efficient Learning of Deep"
        " Networks from Decentralized Data', AISTATS 2017"
    )

    def start(self) -> None:
        self.state = {"model": self.federation.initial()}

    def shared(self) -> BoolArray | None:
        """Return which parameters cross the air, (P,); None for all."""
        return None

    def rules(self, round_: int, clients: IntArray, start: Parameters) -> dict[str, Any]:
        """Return what changes the local training."""
        return {}

    def step(self, differences: Parameters, clients: IntArray) -> None:
        """Merge decoded differences, (n, P)."""
        model = self.state["model"]
        weights = self.federation.samples(clients)
        self.state["model"] = weighted_mean(self, model + differences, model, weights)

    def report(self, round_: int) -> UploadReport:
        n = self.federation.n_clients
        bits = float(self.upload_size(self.shared()))
        return UploadReport(np.full(n, bits), relevance=np.ones((1, n)))

    def download(self, round_: int, clients: IntArray) -> list[Message]:
        model = self.state["model"][np.newaxis]
        (data,) = self.encode(round_, model, purpose="download", bits=self.settings.download_bits, mask=self.shared())
        return [(data,)] * len(clients)

    def begin(self, clients: IntArray, received: Parameters) -> Parameters:
        """Return where the clients start, (n, P), from what they were sent."""
        return received

    def local_update(self, round_: int, clients: IntArray, downloads: Sequence[Message]) -> list[Message]:
        start = self.begin(clients, self.decode(downloads, mask=self.shared()))
        trained = self.train(round_, clients, start)
        differences = trained - start
        sent = self.encode(round_, differences, purpose="upload", bits=self.settings.upload_bits, mask=self.shared())
        return [(data,) for data in sent]

    def train(self, round_: int, clients: IntArray, start: Parameters) -> Parameters:
        """Train the clients and keep what stays on their devices."""
        return self.federation.train(round_, clients, start, **self.rules(round_, clients, start))

    def aggregate(self, round_: int, clients: IntArray, uploads: Sequence[Message]) -> None:
        if len(clients):
            self.step(self.decode(uploads, mask=self.shared()), clients)

    def client_models(self, round_: int) -> ClientModels:
        return ClientModels(self.state["model"][np.newaxis], np.zeros(self.federation.n_clients, dtype=np.int64))
