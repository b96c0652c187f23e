"""A small federation, and rounds without an engine."""

from __future__ import annotations

import dataclasses
import io
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from fedss_opt.simulation.accuracy import judge
from fedss_opt.simulation.algorithms import Algorithm, make_algorithm
from fedss_opt.simulation.algorithms.base import Federation
from fedss_opt.simulation.data import DataSettings, make_federation
from fedss_opt.simulation.models import make_model
from fedss_opt.simulation.training import TrainingSettings

CLIENTS, TASKS = 8, 2


def federation(
    seed: int = 3, *, hidden: Sequence[int] = (20,), family: str = "permpairs", **training: Any
) -> Federation:
    """Return eight clients of two tasks with 30 images each."""
    data = make_federation(DataSettings(family=family, n_tasks=TASKS, n_clients=CLIENTS, images_per_client=30), seed)
    model = make_model("mlp" if hidden else "softmax", data.features, hidden, data.classes)
    settings = TrainingSettings(**{"local_epochs": 2, "batch_size": 10, "learning_rate": 0.1, **training})
    return Federation(data, model, settings, seed)


def opposed() -> Federation:
    """Return a federation of two tasks that agree on no label."""
    where = federation(family="iid")
    data, task = where.data, np.arange(CLIENTS) // (CLIENTS // TASKS)
    second = (task == 1)[:, np.newaxis]
    tests = np.concatenate([data.test_labels, (data.test_labels + 5) % data.classes])
    apart = dataclasses.replace(
        data,
        labels=np.where(second, (data.labels + 5) % data.classes, data.labels),
        task=task,
        test_inputs=np.repeat(data.test_inputs, TASKS, axis=0),
        test_labels=tests,
        test_of=task,
        test_weights=np.full(data.test_weights.shape, 1.0 / data.classes),
        task_names=("as they are", "five further"),
    )
    return Federation(apart, where.model, where.training, where.seed)


def started(name: str, where: Federation, **options: Any) -> Algorithm:
    algorithm = make_algorithm(name, where, options)
    algorithm.start()
    return algorithm


def play(
    algorithm: Algorithm, rounds: Sequence[int], *, selected: Mapping[int, Sequence[int]] | None = None, lost: int = 0
) -> None:
    """Play rounds: everybody who is not left out, and the first `lost` uploads of every round never arrive."""
    clients = algorithm.federation.n_clients
    for round_ in rounds:
        algorithm.report(round_)
        who = np.array((selected or {}).get(round_, range(clients)), dtype=np.int64)
        downloads = algorithm.download(round_, who)
        uploads = algorithm.local_update(round_, who, downloads)
        algorithm.aggregate(round_, who[lost:], uploads[lost:])
        algorithm.on_their_own(round_, np.ones(clients, dtype=np.bool_))


def models_of(algorithm: Algorithm, round_: int = 0) -> np.ndarray:
    """Return every client's model, (N, P)."""
    found = algorithm.client_models(round_)
    return found.parameters[found.of_client]


def accuracy(algorithm: Algorithm, round_: int) -> float:
    where = algorithm.federation
    return judge(where.model, algorithm.client_models(round_), where.data).mean


def written_and_read(state: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Return a state as a checkpoint gives it back."""
    buffer = io.BytesIO()
    np.savez(buffer, **state)
    buffer.seek(0)
    with np.load(buffer, allow_pickle=False) as kept:
        return dict(kept)
