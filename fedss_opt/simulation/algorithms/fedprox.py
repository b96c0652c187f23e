"""FedProx: FedAvg whose clients are held back from going far."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar

from pydantic import Field

from .base import AlgorithmSettings, IntArray, Parameters
from .fedavg import FedAvg

__all__ = ["FedProx", "FedProxSettings"]


class FedProxSettings(AlgorithmSettings):
    """Options of FedProx."""

    mu: Annotated[float, Field(ge=0.0)] = 0.1
    """Strength of the proximal term; 0 is FedAvg."""


class FedProx(FedAvg):
    r"""FedAvg, in which the model that was sent pulls at the one that is trained.

    .. math:: \theta \leftarrow \theta - \eta \left(\nabla F_i(\theta) + \mu (\theta - \theta^t)\right)

    Ours: every client does the same number of epochs; the paper lets slow ones do less.
    """

    title: ClassVar[str] = "FedProx"
    source: ClassVar[str] = (
        "T. Li, A. K. Sahu, M. Zaheer, M. Sanjabi, A. Talwalkar, V. Smith, 'Federated Optimization in Heterogeneous"
        " Networks', MLSys 2020"
    )
    settings_type: ClassVar[type[AlgorithmSettings]] = FedProxSettings
    settings: FedProxSettings

    def rules(self, round_: int, clients: IntArray, start: Parameters) -> dict[str, Any]:
        return {"anchor": start, "pull": self.settings.mu}
