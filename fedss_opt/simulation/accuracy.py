"""How good the clients' models are: over clients, over tasks, for the worst, and when a target was reached."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..array_types import FloatArray
from .algorithms.base import ClientModels
from .data.federated import FederatedData
from .models import MultilayerPerceptron

__all__ = ["Accuracy", "first_reached", "judge", "worst_decile"]


_CHUNK = 16
"""Models that look at a test set together, which bounds the memory."""


@dataclass(frozen=True, eq=False)
class Accuracy:
    """Test accuracy of every client's model, (N,), and its mean over the clients of each task, (T,)."""

    clients: FloatArray
    tasks: FloatArray

    @property
    def mean(self) -> float:
        """Mean over clients."""
        return float(self.clients.mean())

    @property
    def spread(self) -> float:
        """Standard deviation over clients."""
        return float(self.clients.std())

    @property
    def worst_decile(self) -> float:
        """Mean over the worst tenth of the clients."""
        return worst_decile(self.clients)


def worst_decile(values: npt.ArrayLike) -> float:
    """Return the mean of the lowest tenth, rounded up to whole clients.

    Examples
    --------
    >>> from fedss_opt.simulation.accuracy import worst_decile
    >>> worst_decile([0.9, 0.5, 0.8, 0.7, 0.9, 0.9, 0.9, 0.9, 0.9, 0.9, 0.6])
    0.55
    """
    ordered = np.sort(np.asarray(values, dtype=np.float64))
    return float(ordered[: max(1, math.ceil(ordered.size / 10))].mean())


def judge(model: MultilayerPerceptron, models: ClientModels, data: FederatedData) -> Accuracy:
    """Test every client's model on its task's test set, weighing classes as the client meets them."""
    pairs, of_client = np.unique(np.column_stack([data.test_of, models.of_client]), axis=0, return_inverse=True)
    right = np.empty((len(pairs), data.classes))
    for test in np.unique(pairs[:, 0]):
        rows = np.flatnonzero(pairs[:, 0] == test)
        inputs, labels = data.test_inputs[test], data.test_labels[test]
        count = np.maximum(np.bincount(labels, minlength=data.classes), 1)
        for chunk in np.split(rows, range(_CHUNK, len(rows), _CHUNK)):
            theta = models.parameters[pairs[chunk, 1]]
            guess = model.logits(theta, np.broadcast_to(inputs, (len(chunk), *inputs.shape))).argmax(axis=2)
            for row, hit in zip(chunk, guess == labels, strict=True):
                right[row] = np.bincount(labels[hit], minlength=data.classes) / count
    clients = np.einsum("nc,nc->n", data.test_weights, right[of_client.ravel()])
    members = np.bincount(data.task, minlength=data.n_tasks)
    return Accuracy(clients, np.bincount(data.task, weights=clients, minlength=data.n_tasks) / np.maximum(members, 1))


def first_reached(values: Sequence[float], costs: Sequence[float], target: float) -> float:
    """Return the cost at which a series first reaches a target; ``inf`` when it does not.

    Examples
    --------
    >>> from fedss_opt.simulation.accuracy import first_reached
    >>> first_reached([0.5, 0.91, 0.89], [1.0, 2.0, 3.0], 0.9)
    2.0
    """
    return next((float(cost) for value, cost in zip(values, costs, strict=True) if value >= target), math.inf)
