"""FedU: everybody has a model of its own, and models that the graph connects attract each other."""

from __future__ import annotations

from typing import Annotated, ClassVar

import numpy as np
from pydantic import Field

from .base import AlgorithmSettings, ClientModels, IntArray, Message, Parameters, UploadReport
from .clusters import membership
from .fedavg import FedAvg
from .personal import one_each

__all__ = ["FedU", "FedUSettings"]


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
    """

    title: ClassVar[str] = "FedU (oracle graph)"
    source: ClassVar[str] = (
        "C. T. Dinh, T. T. Vu, N. H. Tran, M. N. Dao, H. Zhang, 'A New Look and Convergence Rate of Federated Multitask"
        " Learning With Laplacian Regularization', IEEE TNNLS 35(6), 2024 (online 2022)"
    )
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
        return one_each(self.state["models"])
