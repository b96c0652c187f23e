"""Models that are one client's alone."""

from __future__ import annotations

from typing import Any

import numpy as np

from .base import ClientModels, Federation, Parameters

__all__ = ["fine_tuned", "one_each"]


def one_each(models: Parameters) -> ClientModels:
    """Let client n use row n of (N, P) parameters."""
    return ClientModels(models, np.arange(len(models)))


def fine_tuned(federation: Federation, round_: int, models: Parameters, epochs: int, **rules: Any) -> ClientModels:
    """Train a copy of each client's model on its own samples.

    Parameters
    ----------
    federation : Federation
        Data, model, training and seed.
    round_ : int
        The round, for the draw of the batches.
    models : ndarray of float32, (N, P) or (P,)
        Where the clients start.
    epochs : int
        Passes over the samples; 0 leaves the models as they are.
    **rules
        What `Federation.train` accepts besides.
    """
    everybody = np.arange(federation.n_clients)
    if epochs == 0:
        return one_each(np.broadcast_to(models, (federation.n_clients, federation.layout.parameters)))
    settings = federation.training.model_copy(update={"local_epochs": epochs})
    return one_each(
        federation.train(round_, everybody, models, purpose="batches of the fine-tuning", settings=settings, **rules)
    )
