"""FedMGDA+: the server looks for a step that no client pays for."""

from __future__ import annotations

from typing import Annotated, ClassVar

import numpy as np
from pydantic import Field

from .base import AlgorithmSettings, IntArray, Parameters
from .fedavg import FedAvg
from .min_norm import min_norm_weights

__all__ = ["FedMGDA", "FedMGDASettings"]


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
    """

    title: ClassVar[str] = "FedMGDA+"
    source: ClassVar[str] = (
        "Z. Hu, K. Shaloudegi, G. Zhang, Y. Yu, 'Federated Learning Meets Multi-Objective Optimization', IEEE TNSE"
        " 9(4), 2022"
    )
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
