"""FedAvg with fine-tuning: the common model, trained a little further on each device before it is used."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field

from .base import AlgorithmSettings, ClientModels
from .fedavg import FedAvg
from .personal import fine_tuned

__all__ = ["FedAvgFinetune", "FedAvgFinetuneSettings"]


class FedAvgFinetuneSettings(AlgorithmSettings):
    """Options of FedAvg with fine-tuning."""

    finetune_epochs: Annotated[int, Field(ge=1)] = 5
    """Passes over the client's own samples before it uses the model."""


class FedAvgFinetune(FedAvg):
    """FedAvg, judged by what each client makes of the common model.

    The rounds are those of `FedAvg`. Whenever models are tested, every client trains a copy of the server's model on
    its own samples and is judged by that; the copy is then dropped. Sending the model to everybody for that and
    training it count neither as bits nor as seconds, since neither is part of a round.
    """

    title: ClassVar[str] = "FedAvg + fine-tuning"
    source: ClassVar[str] = (
        "K. Wang, R. Mathews, C. Kiddon, H. Eichner, F. Beaufays, D. Ramage, 'Federated Evaluation of On-device"
        " Personalization', arXiv:1910.10252, 2019"
    )
    settings_type: ClassVar[type[AlgorithmSettings]] = FedAvgFinetuneSettings
    settings: FedAvgFinetuneSettings

    def client_models(self, round_: int) -> ClientModels:
        return fine_tuned(self.federation, round_, self.state["model"], self.settings.finetune_epochs)
