"""Ditto: a common model, and beside it a personal one that must not stray far from it."""

from __future__ import annotations

from typing import Annotated, ClassVar

import numpy as np
from pydantic import Field

from .base import AlgorithmSettings, ClientModels, IntArray, Parameters
from .fedavg import FedAvg
from .personal import one_each

__all__ = ["Ditto", "DittoSettings"]


class DittoSettings(AlgorithmSettings):
    """Options of Ditto."""

    pull: Annotated[float, Field(ge=0.0)] = 0.1
    """Strength lambda of the pull to the common model; 0 is local training."""


class Ditto(FedAvg):
    r"""FedAvg, whose clients also train personal models that the common one pulls at.

    .. math:: v_i \leftarrow v_i - \eta \left(\nabla F_i(v_i) + \lambda (v_i - \theta^t)\right)

    The common model is that of `FedAvg` to the last bit; the personal ones are never sent. Ours: a client trains its
    personal model in the rounds for which it is selected, for as many epochs as the common one, and all personal
    models begin as the same one.
    """

    title: ClassVar[str] = "Ditto"
    source: ClassVar[str] = (
        "T. Li, S. Hu, A. Beirami, V. Smith, 'Ditto: Fair and Robust Federated Learning Through Personalization',"
        " ICML 2021"
    )
    settings_type: ClassVar[type[AlgorithmSettings]] = DittoSettings
    settings: DittoSettings

    @property
    def training_passes(self) -> float:
        return 2.0

    def start(self) -> None:
        super().start()
        self.state["personal"] = np.repeat(self.state["model"][np.newaxis], self.federation.n_clients, axis=0)

    def train(self, round_: int, clients: IntArray, start: Parameters) -> Parameters:
        self.state["personal"][clients] = self.federation.train(
            round_,
            clients,
            self.state["personal"][clients],
            purpose="batches of the personal models",
            anchor=start,
            pull=self.settings.pull,
        )
        return super().train(round_, clients, start)

    def client_models(self, round_: int) -> ClientModels:
        return one_each(self.state["personal"])
