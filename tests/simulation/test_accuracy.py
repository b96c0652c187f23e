"""Accuracy over clients, classes and tasks, against a loop that looks at one client after another."""

import numpy as np
import pytest

from fedss_opt.simulation.accuracy import first_reached, judge, worst_decile
from fedss_opt.simulation.algorithms.base import ClientModels
from fedss_opt.simulation.data import DataSettings, make_federation
from fedss_opt.simulation.models import MultilayerPerceptron


@pytest.mark.parametrize("family", ["swap2", "dirichlet", "rotations"])
@pytest.mark.parametrize("different", [1, 3, 9])
def test_accuracy_is_that_of_a_loop(family, different):
    data = make_federation(DataSettings(n_clients=9, n_tasks=3, images_per_client=15, family=family), seed=1)
    model = MultilayerPerceptron(data.features, (), data.classes)
    rng = np.random.default_rng(0)
    models = ClientModels(
        rng.standard_normal((different, model.layout.parameters)).astype(np.float32),
        np.arange(9, dtype=np.int64) % different,
    )
    found = judge(model, models, data)
    for client in range(9):
        theta = models.parameters[models.of_client[client]]
        inputs, labels = data.test_inputs[data.test_of[client]], data.test_labels[data.test_of[client]]
        right = model.logits(theta[None], inputs[None])[0].argmax(axis=1) == labels
        expected = sum(
            data.test_weights[client, c] * right[labels == c].mean() for c in range(10) if (labels == c).any()
        )
        # Ten products and sums in another order.
        assert found.clients[client] == pytest.approx(expected, abs=1e-14)
    for task in range(data.n_tasks):
        assert found.tasks[task] == pytest.approx(found.clients[data.task == task].mean(), abs=1e-14)
    assert found.mean == pytest.approx(found.clients.mean())
    assert found.worst_decile == found.clients.min()


def test_the_worst_tenth_is_rounded_up():
    assert worst_decile(np.arange(20.0)) == 0.5
    assert worst_decile(np.arange(21.0)) == 1.0
    assert worst_decile([0.25]) == 0.25


def test_a_target_that_is_never_reached_costs_forever():
    assert first_reached([], [], 0.5) == np.inf
    assert first_reached([0.1, 0.2], [1.0, 2.0], 0.5) == np.inf
    assert first_reached([0.5, 0.2], [1.0, 2.0], 0.5) == 1.0
