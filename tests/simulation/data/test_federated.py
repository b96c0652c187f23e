"""What `FederatedData` accepts, and how it says what it does not."""

from __future__ import annotations

import numpy as np
import pytest

from fedss_opt.exceptions import OptionError
from fedss_opt.simulation.data import FederatedData


def fields():
    return {
        "inputs": np.zeros((2, 3, 4), np.float32),
        "labels": np.array([[0, 1, 0], [1, 0, 0]]),
        "samples": np.array([3, 1]),
        "task": np.array([0, 1]),
        "test_inputs": np.zeros((2, 2, 4), np.float32),
        "test_labels": np.array([[0, 1], [1, 1]]),
        "test_of": np.array([0, 1]),
        "test_weights": np.array([[0.5, 0.5], [0.0, 1.0]]),
        "classes": 2,
        "task_names": ("a", "b"),
    }


def test_arrays_are_taken_over_read_only():
    given = fields()
    data = FederatedData(**given)
    assert (data.n_clients, data.features, data.n_tasks) == (2, 4, 2)
    assert np.shares_memory(data.inputs, given["inputs"])
    assert not data.inputs.flags.writeable
    assert given["inputs"].flags.writeable
    with pytest.raises(ValueError, match="read-only"):
        data.labels[0, 0] = 1


def test_other_integers_and_floats_are_converted():
    given = fields()
    given["inputs"] = given["inputs"].astype(np.float64)
    given["labels"] = given["labels"].astype(np.uint8)
    data = FederatedData(**given)
    assert data.inputs.dtype == np.float32
    assert data.labels.dtype == np.int64


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("inputs", np.zeros((2, 3)), ["inputs", "(2, 3)", "3 dimensions"]),
        ("inputs", np.zeros((0, 3, 4)), ["inputs", "none of them 0"]),
        ("inputs", np.full((2, 3, 4), np.nan), ["inputs[0, 0, 0] = nan", "finite"]),
        ("inputs", np.zeros((2, 3, 4), bool), ["inputs", "bool", "float32"]),
        ("labels", np.zeros((2, 2), int), ["labels", "(2, 2)", "(2, 3)"]),
        ("labels", np.zeros((2, 3)), ["labels", "float64", "int64"]),
        ("labels", np.full((2, 3), 2), ["labels[0, 0] = 2", "0 to 1"]),
        ("samples", np.array([3, 0]), ["samples[1] = 0", "1 to 3"]),
        ("samples", np.array([4, 1]), ["samples[0] = 4"]),
        ("task", np.array([0, 2]), ["task[1] = 2", "0 to 1"]),
        ("test_of", np.array([0, 2]), ["test_of[1] = 2"]),
        ("test_inputs", np.zeros((2, 2, 5)), ["test_inputs", "(2, 2, 4)"]),
        ("test_labels", np.array([[0, 1], [1, -1]]), ["test_labels[1, 1] = -1"]),
        ("test_weights", np.array([[0.5, 0.4], [0.0, 1.0]]), ["test_weights[0]", "0.9", "sum to 1"]),
        ("test_weights", np.array([[1.5, -0.5], [0.0, 1.0]]), ["test_weights[0, 0] = 1.5", "0 to 1"]),
        ("test_weights", np.full((2, 2), 0.5), ["test_weights[1, 0] = 0.5", "no image of class 0"]),
        ("test_weights", np.full((2, 3), 1 / 3), ["test_weights", "(2, 3)", "(2, 2)"]),
    ],
)
def test_refusals(name, value, words):
    with pytest.raises(OptionError) as caught:
        FederatedData(**{**fields(), name: value})
    assert all(word in str(caught.value) for word in words)
