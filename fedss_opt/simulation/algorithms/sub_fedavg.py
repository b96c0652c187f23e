"""Sub-FedAvg: every client prunes as it learns, and subnetworks are averaged where they meet."""

from __future__ import annotations

from typing import Annotated, ClassVar

import numpy as np
from pydantic import Field

from .base import AlgorithmSettings, BoolArray, IntArray, Parameters
from .personal_masks import PersonalMasks, PersonalMaskSettings

__all__ = ["SubFedAvg", "SubFedAvgSettings"]


class SubFedAvgSettings(PersonalMaskSettings):
    """Options of Sub-FedAvg."""

    accuracy: Annotated[float, Field(ge=0.0, le=1.0)] = 0.9
    """Accuracy on its own samples from which a client prunes. Those are the samples it has just trained on, so it takes
    more than the half that the authors ask for on others.
    """
    distance: Annotated[float, Field(ge=0.0, le=1.0)] = 1e-4
    """Least part of the weights in which the masks after the first and after the last epoch differ: while they agree,
    the network has stopped changing and is not pruned.
    """


class SubFedAvg(PersonalMasks):
    r"""Iterative magnitude pruning on every client, with an average over the clients that kept a weight.

    .. math:: \theta_j \leftarrow \frac{\sum_i n_i m_{ij} \theta_{ij}}{\sum_i n_i m_{ij}}

    After its local training a client prunes (the unstructured variant of the paper) if masks drawn from the first and
    the last epoch still differ and the pruned model is accurate enough. Ours: it is judged on the client's training
    samples, as there are no others; smallest weights are taken over all layers together; a client is tested with the
    server's values under its own mask, fine-tuned as the paper's clients are when they are tested after training.
    """

    title: ClassVar[str] = "Sub-FedAvg"
    source: ClassVar[str] = (
        "S. Vahidian, M. Morafah, B. Lin, 'Personalized Federated Learning by Structured and Unstructured Pruning under"
        " Data Heterogeneity', ICDCS Workshops 2021"
    )
    settings_type: ClassVar[type[AlgorithmSettings]] = SubFedAvgSettings
    settings: SubFedAvgSettings

    def explore(
        self, round_: int, clients: IntArray, received: Parameters, kept: BoolArray
    ) -> tuple[Parameters, BoolArray]:
        federation = self.federation
        trained = federation.train(round_, clients, received, trainable=kept)
        # The same first steps once more, to see where the first epoch ended.
        epoch = np.ceil(federation.samples(clients) / federation.training.batch_size).astype(np.int64)
        first = federation.train(round_, clients, received, trainable=kept, steps=epoch)
        early, late = self.pruned(first, kept), self.pruned(trained, kept)
        prunable = max(int(np.count_nonzero(federation.layout.prunable)), 1)
        moving = np.count_nonzero(early != late, axis=1) >= self.settings.distance * prunable
        prunes = moving & self.ready(np.where(late, trained, np.float32(0.0)), clients, kept)
        return trained, np.where(prunes[:, np.newaxis], late, kept)
