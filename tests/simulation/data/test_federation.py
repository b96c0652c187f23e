"""The whole way from images to clients: nothing leaks, everything is counted, seeds decide."""

from __future__ import annotations

import dataclasses
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from fedss_opt.exceptions import MissingDependencyError, OptionError
from fedss_opt.simulation.data import Dataset, DataSettings, federate, make_federation
from fedss_opt.simulation.data.dataset import load_digits
from fedss_opt.simulation.data.task_families import Family, make_tasks

FAMILIES = [family for family in Family if family != Family.BY_WRITER]


def numbered_images(samples=400, classes=10, writers=None):
    """Square images that say which they are: the sum of the pixels is the image's number."""
    inputs = np.zeros((samples, 4), np.float32)
    inputs[:, 0] = np.arange(samples)
    rng = np.random.default_rng(0)
    labels = rng.permutation(np.arange(samples) % classes)
    writer = None if writers is None else rng.permutation(np.arange(samples) % writers)
    return Dataset(inputs, labels, "numbered", (2, 2), writer)


def numbers(inputs):
    return inputs.sum(axis=-1).astype(int)


def same(a, b):
    return all(
        np.array_equal(getattr(a, f.name), getattr(b, f.name)) for f in dataclasses.fields(a) if f.name != "classes"
    )


@pytest.mark.parametrize("family", FAMILIES)
@settings(max_examples=20)
@given(clients=st.integers(4, 12), images=st.integers(1, 12), tasks=st.integers(1, 4), seed=st.integers(0, 99))
def test_clients_get_what_the_settings_say(family, clients, images, tasks, seed):
    dataset = numbered_images()
    options = DataSettings(
        family=family, n_clients=clients, images_per_client=2 * images, n_tasks=tasks, test_fraction=0.25
    )
    data = federate(dataset, options, seed)
    kinds = make_tasks(family, tasks, 10, (2, 2))
    assert data.inputs.shape == (clients, 2 * images, 4)
    assert data.n_tasks == len(kinds)
    sizes = np.bincount(data.task, minlength=data.n_tasks)
    assert sizes.max() - sizes.min() <= 1
    used, tested = numbers(data.inputs), numbers(data.test_inputs)
    # Held out before anything else: no test image is anybody's, in any orientation.
    assert len(np.unique(used)) == used.size
    assert not np.isin(used, tested).any()
    assert (tested == tested[0]).all()
    assert tested.shape == (data.n_tasks, 100)
    assert (np.bincount(dataset.labels[tested[0]]) == 10).all()  # a quarter of every class
    for t, kind in enumerate(kinds):
        own = data.task == t
        assert np.array_equal(data.labels[own], kind.labels[dataset.labels[used[own]]])
        assert np.array_equal(data.test_labels[t], kind.labels[dataset.labels[tested[t]]])
        turned = kind.transform(dataset.inputs[used[own].ravel()], (2, 2))
        assert np.array_equal(data.inputs[own].reshape(-1, 4), turned)
        assert np.array_equal(data.test_inputs[t], kind.transform(dataset.inputs[tested[t]], (2, 2)))
    assert np.array_equal(data.test_of, data.task)


@pytest.mark.parametrize("family", FAMILIES)
def test_the_seed_decides(family):
    options = DataSettings(family=family, n_clients=8, images_per_client=10)
    first = make_federation(options, 3)
    assert same(first, make_federation(options, 3))
    other = make_federation(options, 4)
    assert not np.array_equal(first.inputs, other.inputs)
    assert not np.array_equal(first.test_inputs, other.test_inputs)


def test_what_is_held_out_does_not_depend_on_the_family():
    held = [make_federation(DataSettings(family=family, n_clients=8), 3).test_inputs[0] for family in FAMILIES]
    assert all(np.array_equal(held[0], other) for other in held)


def test_test_weights():
    alike = make_federation(DataSettings(n_clients=8), 0)
    for client in range(8):
        counts = np.bincount(alike.test_labels[alike.test_of[client]], minlength=10)
        np.testing.assert_allclose(alike.test_weights[client], counts / counts.sum(), rtol=1e-15)
    skewed = make_federation(DataSettings(family="shards", n_clients=8), 0)
    for client in range(8):
        counts = np.bincount(skewed.labels[client], minlength=10)
        np.testing.assert_allclose(skewed.test_weights[client], counts / 20, rtol=1e-15)
    # Ten sums of ten terms, each rounded once.
    np.testing.assert_allclose(skewed.test_weights.sum(axis=1), 1.0, rtol=1e-14)


def test_writers_are_clients():
    dataset = numbered_images(writers=10)
    data = federate(dataset, DataSettings(family="by_writer", n_clients=5, images_per_client=12), 0)
    owners = dataset.writer[numbers(data.inputs)]
    assert (owners == owners[:, :1]).all()
    assert len(set(owners[:, 0].tolist())) == 5
    assert data.n_tasks == 1


def test_many_clients_on_few_images():
    data = make_federation(DataSettings(n_clients=1000, replace=True), 0)
    assert data.inputs.shape == (1000, 20, 64)
    assert not np.array_equal(data.inputs[0], data.inputs[1])


def test_a_class_of_one_image_is_tested_only():
    labels = np.array([0, 1, 1, 1, 1])
    dataset = Dataset(np.arange(5, dtype=np.float32)[:, None], labels, "few", (1,))
    data = federate(dataset, DataSettings(family="dirichlet", n_clients=1, images_per_client=3), 0)
    assert data.labels.tolist() == [[1, 1, 1]]
    assert sorted(data.test_labels[0].tolist()) == [0, 1]
    assert data.test_weights.tolist() == [[0.0, 1.0]]


def test_too_few_images():
    with pytest.raises(OptionError, match=r"40 \* 40 = 1600: there are 14\d\d training images; with replace = true"):
        make_federation(DataSettings(images_per_client=40), 0)


def test_too_few_clients():
    with pytest.raises(OptionError, match=r"clients = 3: must be at least the number of tasks, 4"):
        make_federation(DataSettings(n_clients=3), 0)


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"dataset": "mnist"}, "dataset"),
        ({"dataset": "idx"}, "folder"),
        ({"folder": "here"}, "folder"),
        ({"family": "by_writer", "replace": True}, "replace"),
        ({"n_clients": 0}, "n_clients"),
        ({"n_tasks": 0}, "n_tasks"),
        ({"images_per_client": 0}, "images_per_client"),
        ({"test_fraction": 0.0}, "test_fraction"),
        ({"test_fraction": 1.0}, "test_fraction"),
        ({"alpha": float("nan")}, "alpha"),
        ({"alpha": 0.0}, "alpha"),
        ({"shards_per_client": 0}, "shards_per_client"),
        ({"image_per_client": 3}, "image_per_client"),
        ({"n_clients": True}, "n_clients"),
    ],
    ids=str,
)
def test_refused_settings(change, word):
    with pytest.raises(ValidationError, match=word):
        DataSettings(**change)


# -- the digits ---------------------------------------------------------------------------------------------


def test_digits():
    digits = load_digits()
    assert digits.inputs.shape == (1797, 64)
    assert (digits.inputs.min(), digits.inputs.max()) == (0.0, 1.0)
    assert (digits.classes, digits.shape, digits.writer) == (10, (8, 8), None)
    assert not digits.inputs.flags.writeable


def test_digits_without_scikit_learn(monkeypatch):
    monkeypatch.setitem(sys.modules, "sklearn", None)
    with pytest.raises(MissingDependencyError, match=r"fedss-opt\[simulation\]"):
        load_digits()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"inputs": np.zeros((3, 5))}, ["(3, 5)", "2*2"]),
        ({"inputs": np.full((3, 4), np.inf)}, ["inputs[0, 0] = inf"]),
        ({"labels": np.array([0, 2, 0])}, ["labels", "[0, 2]", "gap"]),
        ({"labels": np.array([0, 0, 0])}, ["labels", "at least 2"]),
        ({"labels": np.array([0, 1])}, ["labels", "3 integers"]),
        ({"labels": np.array([0.0, 1.0, 0.0])}, ["labels", "float64"]),
        ({"writer": np.array([1, 1, 1])}, ["writer", "[1]"]),
    ],
)
def test_refused_data_sets(change, words):
    arguments = {"inputs": np.zeros((3, 4)), "labels": np.array([0, 1, 0]), "name": "x", "shape": (2, 2), **change}
    with pytest.raises(OptionError) as caught:
        Dataset(**arguments)
    assert all(word in str(caught.value) for word in words)
