"""How models do on the clients' own training samples."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
from scipy.special import logsumexp

from ...array_types import FloatArray, IntArray
from ..arrays import Parameters
from .base import Federation

__all__ = ["own_accuracies", "own_losses"]

_CHUNK = 64
"""Clients that are looked at together, which bounds the memory."""


def own_losses(federation: Federation, models: Parameters, clients: IntArray) -> FloatArray:
    """Return the mean cross-entropy of each of (K, P) models on the samples of each of n clients, (n, K)."""
    losses = np.empty((len(clients), len(models)))
    for rows, inputs, labels, share in _samples(federation, clients):
        everybody = inputs.reshape(1, -1, inputs.shape[2])
        for k, theta in enumerate(models):
            logits = federation.model.logits(theta[np.newaxis], everybody).astype(np.float64)
            logits = logits.reshape(*labels.shape, -1)
            at_label = np.take_along_axis(logits, labels[:, :, np.newaxis], axis=2)[:, :, 0]
            losses[rows, k] = (share * (logsumexp(logits, axis=2) - at_label)).sum(axis=1)
    return losses


def own_accuracies(federation: Federation, models: Parameters, clients: IntArray) -> FloatArray:
    """Part of its own samples that each client's own model, of (n, P), gets right, (n,)."""
    accuracies = np.empty(len(clients))
    for rows, inputs, labels, share in _samples(federation, clients):
        right = federation.model.logits(models[rows], inputs).argmax(axis=2) == labels
        accuracies[rows] = (share * right).sum(axis=1)
    return accuracies


def _samples(
    federation: Federation, clients: IntArray
) -> Iterator[tuple[slice, npt.NDArray[np.float32], IntArray, FloatArray]]:
    """Yield places of clients, their inputs and labels, and what each sample counts for in the client's mean."""
    data = federation.data
    for first in range(0, len(clients), _CHUNK):
        rows = slice(first, first + _CHUNK)
        who = clients[rows]
        size = data.samples[who][:, np.newaxis]
        share = np.where(np.arange(data.labels.shape[1]) < size, 1.0 / size, 0.0)
        yield rows, data.inputs[who], data.labels[who], share
