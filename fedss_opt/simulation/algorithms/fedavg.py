"""FedAvg, one model for all, and what differs from it in one step: FedProx and fine-tuning."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, ClassVar

import numpy as np
from pydantic import Field

from ...array_types import BoolArray, FloatArray, IntArray
from ...sharing.aggregation import aggregate
from ..arrays import Parameters
from .base import Algorithm, AlgorithmSettings, ClientModels, Message, UploadReport

__all__ = ["FedAvg", "FedAvgFinetune", "FedAvgFinetuneSettings", "FedProx", "FedProxSettings", "weighted_mean"]


def weighted_mean(algorithm: Algorithm, values: Parameters, current: Parameters, weights: FloatArray) -> Parameters:
    """Return the mean of (n, P) values, (P,); `current` where there are none."""
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

    Source: B. McMahan, E. Moore, D. Ramage, S. Hampson, B. Agüera y Arcas, 'Communication-Efficient Learning of Deep
    Networks from Decentralized Data', AISTATS 2017.
    """

    title: ClassVar[str] = "FedAvg"

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
        return ClientModels.common(self.state["model"], self.federation.n_clients)


class FedProxSettings(AlgorithmSettings):
    """Options of FedProx."""

    mu: Annotated[float, Field(ge=0.0)] = 0.1
    """Strength of the proximal term; 0 is FedAvg."""


class FedProx(FedAvg):
    r"""FedAvg, in which the model that was sent pulls at the one that is trained.

    .. math:: \theta \leftarrow \theta - \eta \left(\nabla F_i(\theta) + \mu (\theta - \theta^t)\right)

    Ours: every client does the same number of epochs; the paper lets slow ones do less.

    Source: T. Li, A. K. Sahu, M. Zaheer, M. Sanjabi, A. Talwalkar, V. Smith, 'Federated Optimization in Heterogeneous
    Networks', MLSys 2020.
    """

    title: ClassVar[str] = "FedProx"
    settings_type: ClassVar[type[AlgorithmSettings]] = FedProxSettings
    settings: FedProxSettings

    def rules(self, round_: int, clients: IntArray, start: Parameters) -> dict[str, Any]:
        return {"anchor": start, "pull": self.settings.mu}


class FedAvgFinetuneSettings(AlgorithmSettings):
    """Options of FedAvg with fine-tuning."""

    finetune_epochs: Annotated[int, Field(ge=1)] = 5
    """Passes over the client's own samples before it uses the model."""


class FedAvgFinetune(FedAvg):
    """FedAvg, judged by what each client makes of the common model.

    The rounds are those of `FedAvg`. Whenever models are tested, every client trains a copy of the server's model on
    its own samples and is judged by that; the copy is then dropped. Sending the model to everybody for that and
    training it count neither as bits nor as seconds, since neither is part of a round.

    Source: K. Wang, R. Mathews, C. Kiddon, H. Eichner, F. Beaufays, D. Ramage, 'Federated Evaluation of On-device
    Personalization', arXiv:1910.10252, 2019.
    """

    title: ClassVar[str] = "FedAvg + fine-tuning"
    settings_type: ClassVar[type[AlgorithmSettings]] = FedAvgFinetuneSettings
    settings: FedAvgFinetuneSettings

    def client_models(self, round_: int) -> ClientModels:
        return self.federation.fine_tuned(round_, self.state["model"], self.settings.finetune_epochs)
