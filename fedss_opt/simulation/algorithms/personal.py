"""Algorithms whose clients have models of their own: a head (FedPer, FedRep) or a whole one (Ditto, FedU, Local)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, ClassVar

import numpy as np
from pydantic import Field

from ...array_types import BoolArray, IntArray
from ..arrays import Parameters
from .base import Algorithm, AlgorithmSettings, ClientModels, Federation, Message, UploadReport
from .clusters import membership
from .fedavg import FedAvg

__all__ = ["Ditto", "DittoSettings", "FedPer", "FedRep", "FedRepSettings", "FedU", "FedUSettings", "Local"]


class FedPer(FedAvg):
    """FedAvg of all layers but the last, which stays with each client.

    A client trains body and head together, sends what changed in the body, and keeps its head. All heads begin as
    the same one. Ours: the head is the last layer; a client keeps the head it has trained also when its upload is
    lost.

    Source: M. G. Arivazhagan, V. Aggarwal, A. K. Singh, S. Choudhary, 'Federated Learning with Personalization
    Layers', arXiv:1912.00818, 2019.
    """

    title: ClassVar[str] = "FedPer"

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
        return ClientModels.one_each(
            self._assembled(np.repeat(self.state["model"][np.newaxis], len(everybody), axis=0), everybody)
        )

    def _assembled(self, bodies: Parameters, clients: IntArray) -> Parameters:
        """Put the clients' own heads onto bodies, (n, P)."""
        models = bodies.copy()
        models[:, self.federation.model.head] = self.state["heads"][clients]
        return models


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

    Source: L. Collins, H. Hassani, A. Mokhtari, S. Shakkottai, 'Exploiting Shared Representations for Personalized
    Federated Learning', ICML 2021.
    """

    title: ClassVar[str] = "FedRep"
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

    Source: T. Li, S. Hu, A. Beirami, V. Smith, 'Ditto: Fair and Robust Federated Learning Through Personalization',
    ICML 2021.
    """

    title: ClassVar[str] = "Ditto"
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
        return ClientModels.one_each(self.state["personal"])


class FedUSettings(AlgorithmSettings):
    """Options of FedU."""

    attraction: Annotated[float, Field(ge=0.0, le=1.0)] = 0.5
    """How far a model goes towards the mean of its task's models in a round: 0 is local training, 1 the mean."""


class FedU(FedAvg):
    r"""Local training of personal models, which the server then moves towards their neighbours in a graph.

    With :math:`w_i` the models after the local training and graph weights :math:`a_{ij}`,

    .. math:: w_i \leftarrow w_i - \rho \sum_j a_{ij} (w_i - w_j),

    the Laplacian regularisation of multi-task learning. The server keeps all N models and sends each client its own.

    Ours: the graph is that of the true tasks, :math:`a_{ij} = 1 / n_t` among the :math:`n_t` clients of a task, which
    no real server knows (an oracle), and which makes the second term the way to the task's mean; step length and
    strength of the regularisation are one number, :math:`\rho`. Clients that are not heard in a round count in the
    mean with the model that the server has of them, and stay where they are.

    Source: C. T. Dinh, T. T. Vu, N. H. Tran, M. N. Dao, H. Zhang, 'A New Look and Convergence Rate of Federated
    Multitask Learning With Laplacian Regularization', IEEE TNNLS 35(6), 2024 (online 2022).
    """

    title: ClassVar[str] = "FedU (oracle graph)"
    settings_type: ClassVar[type[AlgorithmSettings]] = FedUSettings
    settings: FedUSettings

    def start(self) -> None:
        self.state = {"models": np.repeat(self.federation.initial()[np.newaxis], self.federation.n_clients, axis=0)}

    def report(self, round_: int) -> UploadReport:
        reported, data = super().report(round_), self.federation.data
        return UploadReport(reported.payload_bits, membership(data.task, data.n_tasks))

    def download(self, round_: int, clients: IntArray) -> list[Message]:
        models = self.state["models"][clients]
        sent = self.encode(round_, models, purpose="download", bits=self.settings.download_bits)
        return [(data,) for data in sent]

    def step(self, differences: Parameters, clients: IntArray) -> None:
        models, task = self.state["models"], self.federation.data.task
        models[clients] += differences
        means = {t: models[task == t].mean(axis=0, dtype=np.float64) for t in np.unique(task[clients])}
        rho = self.settings.attraction
        for client in clients:
            models[client] = (1.0 - rho) * models[client] + rho * means[task[client]]

    def client_models(self, round_: int) -> ClientModels:
        return ClientModels.one_each(self.state["models"])


class Local(Algorithm):
    """Every client that is there trains its own model in every round, whoever is selected.

    All models begin as the same one. There are no tasks to cover and nothing to send, so the allocator has nobody to
    select; the payload of one bit is the least that it accepts, and is never sent.

    Source: the usual lower reference.
    """

    title: ClassVar[str] = "local training"

    def start(self) -> None:
        self.state = {"models": np.repeat(self.federation.initial()[np.newaxis], self.federation.n_clients, axis=0)}

    def report(self, round_: int) -> UploadReport:
        n = self.federation.n_clients
        return UploadReport(np.ones(n), relevance=np.zeros((0, n)))

    def download(self, round_: int, clients: IntArray) -> list[Message]:
        return [()] * len(clients)

    def local_update(self, round_: int, clients: IntArray, downloads: Sequence[Message]) -> list[Message]:
        return [()] * len(clients)

    def aggregate(self, round_: int, clients: IntArray, uploads: Sequence[Message]) -> None:
        """Do nothing: nothing was sent."""

    def on_their_own(self, round_: int, present: BoolArray) -> BoolArray:
        who = np.flatnonzero(present)
        self.state["models"][who] = self.federation.train(round_, who, self.state["models"][who])
        return present.copy()

    def client_models(self, round_: int) -> ClientModels:
        return ClientModels.one_each(self.state["models"])
