"""IFCA: several models are sent out, and every client trains the one that suits it best."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import Annotated, ClassVar

import numpy as np
from pydantic import Field

from ...array_types import IntArray
from ..arrays import Parameters
from .base import AlgorithmSettings, ClientModels, Message, UploadReport
from .clusters import ClusterModels, membership
from .own_data import own_losses

__all__ = ["IFCA", "IFCASettings", "Start"]

UNKNOWN = -1


class Start(StrEnum):
    """How the models differ in the beginning."""

    DIFFERENT = "different"
    """Each is drawn anew."""
    PERTURBED = "perturbed"
    """Each is the first one plus a part of another draw."""


class IFCASettings(AlgorithmSettings):
    """Options of IFCA."""

    n_tasks: Annotated[int, Field(ge=1, le=256)] = 4
    """Number of models K."""
    beginning: Start = Start.DIFFERENT
    """How the models differ in the beginning."""
    perturbation: Annotated[float, Field(gt=0.0)] = 0.1
    """For ``perturbed``: what part of another draw is added to the common start."""


class IFCA(ClusterModels):
    r"""Clients are sent all K models, pick the one with the least loss on their own samples, and train it.

    .. math:: k_i = \operatorname{argmin}_k F_i(\theta_k), \qquad
       \theta_k \leftarrow \theta_k + \text{mean of the differences of the clients that picked } k

    This is the variant of the paper that averages models; the downlink carries K models, the uplink a byte more with
    the choice, and picking costs K forward passes, counted as a third of a pass of training each. Ours: one run from
    one start, not the best of several restarts; a client that has not picked yet counts for 1/K in every task of the
    allocator; models are judged with the picks that clients would make of them.

    Source: A. Ghosh, J. Chung, D. Yin, K. Ramchandran, 'An Efficient Framework for Clustered Federated Learning',
    NeurIPS 2020.
    """

    title: ClassVar[str] = "IFCA"
    settings_type: ClassVar[type[AlgorithmSettings]] = IFCASettings
    settings: IFCASettings

    @property
    def training_passes(self) -> float:
        # A forward pass of K models over the data; a training pass is three of them.
        return 1.0 + self.settings.n_tasks / (3.0 * self.federation.training.local_epochs)

    def start(self) -> None:
        models = np.stack([self.federation.initial(k) for k in range(self.settings.n_tasks)])
        if self.settings.beginning is Start.PERTURBED:
            models[1:] = models[0] + np.float32(self.settings.perturbation) * models[1:]
        self.state = {"models": models, "cluster": np.full(self.federation.n_clients, UNKNOWN)}

    def report(self, round_: int) -> UploadReport:
        cluster, tasks = self.state["cluster"], self.settings.n_tasks
        relevance = np.where(cluster == UNKNOWN, 1.0 / tasks, membership(cluster, tasks))
        bits = np.full(len(cluster), float(self.upload_size() + 8))
        return UploadReport(bits, relevance)

    def download(self, round_: int, clients: IntArray) -> list[Message]:
        sent = self.encode(round_, self.state["models"], purpose="download", bits=self.settings.download_bits)
        return [tuple(sent)] * len(clients)

    def local_update(self, round_: int, clients: IntArray, downloads: Sequence[Message]) -> list[Message]:
        if not len(clients):
            return []
        # Everybody was sent the same models.
        models = np.concatenate([self.decode(downloads[:1], part=k) for k in range(self.settings.n_tasks)])
        picked = self._pick(models, clients)
        start = models[picked]
        differences = self.train(round_, clients, start) - start
        sent = self.encode(round_, differences, purpose="upload", bits=self.settings.upload_bits)
        return [(data, bytes([k])) for data, k in zip(sent, picked.tolist(), strict=True)]

    def aggregate(self, round_: int, clients: IntArray, uploads: Sequence[Message]) -> None:
        self.state["cluster"][clients] = [choice[0] for _, choice in uploads]
        super().aggregate(round_, clients, uploads)

    def client_models(self, round_: int) -> ClientModels:
        models = self.state["models"]
        return ClientModels(models, self._pick(models, np.arange(self.federation.n_clients)))

    def figures(self) -> dict[str, float]:
        cluster = self.state["cluster"]
        return {"clusters": float(len(np.unique(cluster[cluster != UNKNOWN])))}

    def _pick(self, models: Parameters, clients: IntArray) -> IntArray:
        """Return the model with the least loss on each client's samples, the first of equals, (n,)."""
        picked: IntArray = np.argmin(own_losses(self.federation, models, clients), axis=1)
        return picked
