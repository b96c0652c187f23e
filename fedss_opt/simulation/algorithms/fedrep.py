"""FedRep: FedPer that trains the head first and then the body."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field

from .base import AlgorithmSettings, Federation, IntArray, Parameters
from .fedper import FedPer

__all__ = ["FedRep", "FedRepSettings"]


class FedRepSettings(AlgorithmSettings):
    """Options of FedRep."""

    head_epochs: Annotated[int, Field(ge=1)] = 5
    """Passes over the samples for the head, before those of the local training for the body."""


class FedRep(FedPer):
    r"""A common body and personal heads; a client fits its head to the body, and then the body to its head.

    With :math:`\phi` the body and :math:`h_i` the heads,

    .. math::
       h_i \leftarrow h_i - \eta \nabla_h F_i(\phi^t, h_i) \ \text{(`head_epochs`)}, \qquad
       \phi_i \leftarrow \phi_i - \eta \nabla_\phi F_i(\phi_i, h_i) \ \text{(the local training)},

    and the server averages the bodies. The paper leaves the numbers of epochs open, and its code takes them from one
    budget; here the head has epochs of its own, which count as computing.
    """

    title: ClassVar[str] = "FedRep"
    source: ClassVar[str] = (
        "L. Collins, H. Hassani, A. Mokhtari, S. Shakkottai, 'Exploiting Shared Representations for Personalized"
        " Federated Learning', ICML 2021"
    )
    settings_type: ClassVar[type[AlgorithmSettings]] = FedRepSettings
    settings: FedRepSettings

    def __init__(self, federation: Federation, settings: FedRepSettings) -> None:
        super().__init__(federation, settings)
        self.head_training = federation.training.model_copy(update={"local_epochs": settings.head_epochs})

    @property
    def training_passes(self) -> float:
        return 1.0 + self.settings.head_epochs / self.federation.training.local_epochs

    def descend(self, round_: int, clients: IntArray, start: Parameters) -> Parameters:
        head = self.federation.model.head
        fitted = self.federation.train(
            round_, clients, start, purpose="batches of the head", settings=self.head_training, trainable=head
        )
        return self.federation.train(round_, clients, fitted, trainable=~head)
