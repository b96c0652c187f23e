"""Clients' losses as objectives of their own: a server's step that no client pays for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, ClassVar

import numpy as np
from pydantic import Field

from ...array_types import FloatArray, IntArray
from ..arrays import Parameters
from .base import AlgorithmSettings, Message
from .fedavg import FedAvg
from .min_norm import min_norm_weights

__all__ = ["FedMGDA", "FedMGDASettings", "MGDAMomentum", "MGDAMomentumSettings"]


class FedMGDASettings(AlgorithmSettings):
    """Options of FedMGDA+."""

    epsilon: Annotated[float, Field(ge=0.0, le=1.0)] = 0.1
    """How far a client's weight may be from its share of the samples; 0 is the mean of the directions, 1 all of the
    simplex.
    """
    server_rate: Annotated[float, Field(gt=0.0)] = 1.0
    """Length of the server's step, in mean lengths of the clients' updates."""


class FedMGDA(FedAvg):
    r"""FedAvg with other weights: the shortest mean of the updates' directions, near the usual weights.

    With :math:`u_i = \delta_i / \|\delta_i\|` and :math:`\lambda^0` the clients' shares of the samples,

    .. math:: \lambda = \operatorname{argmin} \Bigl\| \sum_i \lambda_i u_i \Bigr\|, \quad
       \lambda_i \ge 0, \ \sum_i \lambda_i = 1, \ |\lambda_i - \lambda^0_i| \le \varepsilon; \qquad
       \theta \leftarrow \theta + \eta_g \ell \sum_i \lambda_i u_i.

    Ours: the paper has a rate of the server, decaying, in place of :math:`\eta_g \ell`; here :math:`\ell` is the mean
    length of the updates, so that the server's steps are as long as those of the clients and shorten with them.
    A client whose update is zero has no direction and is left out.

    Source: Z. Hu, K. Shaloudegi, G. Zhang, Y. Yu, 'Federated Learning Meets Multi-Objective Optimization', IEEE TNSE
    9(4), 2022.
    """

    title: ClassVar[str] = "FedMGDA+"
    settings_type: ClassVar[type[AlgorithmSettings]] = FedMGDASettings
    settings: FedMGDASettings

    def step(self, differences: Parameters, clients: IntArray) -> None:
        updates = differences.astype(np.float64)
        lengths = np.linalg.norm(updates, axis=1)
        moving = lengths > 0.0
        if not moving.any():
            return
        directions = updates[moving] / lengths[moving, np.newaxis]
        usual = self.federation.samples(clients[moving])
        usual /= usual.sum()
        epsilon = self.settings.epsilon
        weights = min_norm_weights(directions @ directions.T, low=usual - epsilon, high=usual + epsilon)
        length = self.settings.server_rate * lengths[moving].mean()
        self.state["model"] = (self.state["model"] + length * (weights @ directions)).astype(np.float32)


class MGDAMomentumSettings(AlgorithmSettings):
    """Options of MGDA with local momentum."""

    mixing: Annotated[float, Field(ge=0.0, lt=1.0)] = 0.1
    """Share alpha of the common direction in every local step."""
    server_rate: Annotated[float, Field(gt=0.0)] = 1.0
    """Length of the server's step, in local trainings."""


class MGDAMomentum(FedAvg):
    r"""Clients' losses as objectives of their own, a direction that lowers them all, and momentum along it.

    In each of its :math:`K_i` local steps a client mixes the common direction :math:`D` into its gradient; it uploads
    its mean step :math:`\delta_i`, and the server takes the shortest of their weighted means:

    .. math::
       v = (1 - \alpha) \nabla F_i(x) + \alpha D, \quad x \leftarrow x - \eta v; \qquad
       \delta_i = \frac{\theta - x}{\eta K_i}; \qquad
       D \leftarrow \sum_i \lambda^*_i \delta_i, \quad \theta \leftarrow \theta - \eta_g D,

    with :math:`\lambda^*` the minimiser of :math:`\|\sum_i \lambda_i \delta_i\|` over the simplex. Then
    :math:`\langle \delta_i, D \rangle \ge \|D\|^2` for every client heard.

    This is our reading of a paper whose abstract alone is public to us. Ours: :math:`\eta_g` is `server_rate` times
    :math:`\eta` times the mean number of steps; the first rounds, before there is a direction, mix nothing; the
    downlink carries the direction beside the model.

    Source: R. Xie, C. Li, X. Zhou, Z. Dong, 'Accelerating Communication-Efficient Federated Multi-Task Learning With
    Personalization and Fairness', IEEE TPDS 35(11), 2024.
    """

    title: ClassVar[str] = "MGDA + local momentum"
    settings_type: ClassVar[type[AlgorithmSettings]] = MGDAMomentumSettings
    settings: MGDAMomentumSettings

    def start(self) -> None:
        super().start()
        self.state["direction"] = np.zeros_like(self.state["model"])

    def download(self, round_: int, clients: IntArray) -> list[Message]:
        messages = super().download(round_, clients)
        direction = self.state["direction"][np.newaxis]
        if not messages or not direction.any():
            return messages
        (data,) = self.encode(round_, direction, purpose="download of the direction", bits=self.settings.download_bits)
        return [(*messages[0], data)] * len(clients)

    def local_update(self, round_: int, clients: IntArray, downloads: Sequence[Message]) -> list[Message]:
        start = self.decode(downloads)
        direction = self.decode(downloads, part=1) if all(len(message) == 2 for message in downloads) else None
        mixing = 0.0 if direction is None else self.settings.mixing
        trained = self.federation.train(round_, clients, start, direction=direction, mixing=mixing)
        lengths = (self.federation.training.learning_rate * self._steps(clients)).astype(np.float32)
        mean_steps = (start - trained) / lengths[:, np.newaxis]
        return [(data,) for data in self.encode(round_, mean_steps, purpose="upload", bits=self.settings.upload_bits)]

    def step(self, differences: Parameters, clients: IntArray) -> None:
        """Merge what the clients sent, their mean steps, (n, P)."""
        deltas = differences.astype(np.float64)
        direction = min_norm_weights(deltas @ deltas.T) @ deltas
        length = self.settings.server_rate * self.federation.training.learning_rate * self._steps(clients).mean()
        self.state["direction"] = direction.astype(np.float32)
        self.state["model"] = (self.state["model"] - length * direction).astype(np.float32)

    def _steps(self, clients: IntArray) -> FloatArray:
        """Return how many local steps each client takes in a round, (n,)."""
        training = self.federation.training
        steps: FloatArray = training.local_epochs * np.ceil(self.federation.samples(clients) / training.batch_size)
        return steps
