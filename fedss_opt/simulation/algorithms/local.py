"""Local training: nobody sends anything."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from .base import Algorithm, BoolArray, ClientModels, IntArray, Message, UploadReport
from .personal import one_each

__all__ = ["Local"]


class Local(Algorithm):
    """Every client that is there trains its own model in every round, whoever is selected.

    All models begin as the same one. There are no tasks to cover and nothing to send, so the allocator has nobody to
    select; the payload of one bit is the least that it accepts, and is never sent.
    """

    title: ClassVar[str] = "local training"
    source: ClassVar[str] = "the usual lower reference"

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
        return one_each(self.state["models"])
