"""Local training: batches, updates, and that nobody's result depends on the others."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from fedss_opt.exceptions import OptionError
from fedss_opt.simulation.data import DataSettings, FederatedData, make_federation
from fedss_opt.simulation.models import MultilayerPerceptron
from fedss_opt.simulation.training import BatchOrder, TrainingSettings, batch_order, train

MODEL = MultilayerPerceptron(4, (6,), 3)
P = MODEL.layout.parameters


def federation(samples, *, n_max=None, seed=0):
    """Clients with so many random samples each; what pads them is a trap."""
    rng = np.random.default_rng(seed)
    n, n_max = len(samples), n_max or max(samples)
    inputs = rng.uniform(0.0, 1.0, (n, n_max, 4)).astype(np.float32)
    for client, count in enumerate(samples):
        inputs[client, count:] = 1e20
    return FederatedData(
        inputs=inputs,
        labels=rng.integers(0, 3, (n, n_max)),
        samples=np.array(samples),
        task=np.zeros(n, int),
        test_inputs=np.zeros((1, 3, 4), np.float32),
        test_labels=np.array([[0, 1, 2]]),
        test_of=np.zeros(n, int),
        test_weights=np.full((n, 3), 1 / 3),
        classes=3,
        task_names=("all",),
    )


def starts(clients, seed=0):
    return np.random.default_rng(seed).normal(0.0, 0.5, (clients, P)).astype(np.float32)


def plain_training(start, data, client, order, options, *, mask=None, anchor=None, pull=0.0, course=None, mixing=0.0):
    """One client in double precision, batch by batch with only the samples that are there."""
    theta, velocity = start.astype(np.float64), np.zeros(P)
    for step in range(order.indices.shape[1]):
        rows = order.indices[client, step][order.weights[client, step] > 0]
        if len(rows) == 0:
            continue
        batch = data.inputs[client, rows][None], data.labels[client, rows][None], np.ones((1, len(rows)))
        g = MODEL.loss_and_gradient(theta[None], *batch)[1][0] + options.weight_decay * theta
        if anchor is not None:
            g = g + pull * (theta - anchor)
        if course is not None:
            g = (1.0 - mixing) * g + mixing * course
        if mask is not None:
            g = np.where(mask, g, 0.0)
        velocity = options.momentum * velocity + g
        theta = theta - options.learning_rate * velocity
    return theta


# -- batches ------------------------------------------------------------------------------------------------


@given(
    samples=st.lists(st.integers(1, 12), min_size=1, max_size=5),
    spare=st.integers(0, 9),
    epochs=st.integers(1, 3),
    batch=st.integers(1, 14),
    seed=st.integers(0, 99),
)
def test_every_epoch_visits_every_sample_once(samples, spare, epochs, batch, seed):
    data = federation(samples, n_max=max(samples) + spare)
    options = TrainingSettings(local_epochs=epochs, batch_size=batch)
    order = batch_order(data, options, seed, 3)
    assert order.indices.shape == order.weights.shape == (len(samples), epochs * -(-max(samples) // batch), batch)
    for client, count in enumerate(samples):
        per_epoch = -(-count // batch)
        assert order.steps[client] == epochs * per_epoch
        for epoch in range(epochs):
            steps = slice(epoch * per_epoch, (epoch + 1) * per_epoch)
            visited = order.indices[client, steps][order.weights[client, steps] > 0]
            assert sorted(visited.tolist()) == list(range(count))
        assert not order.weights[client, epochs * per_epoch :].any()


def test_batches_depend_on_seed_and_round_only():
    data, options = federation([9, 7, 9]), TrainingSettings(batch_size=4)
    first = batch_order(data, options, 5, 2)
    again = batch_order(data, options, 5, 2)
    assert np.array_equal(first.indices, again.indices)
    assert np.array_equal(first.weights, again.weights)
    assert not np.array_equal(first.indices, batch_order(data, options, 5, 3).indices)
    assert not np.array_equal(first.indices, batch_order(data, options, 6, 2).indices)
    assert not np.array_equal(first.indices, batch_order(data, options, 5, 2, purpose="probe").indices)
    assert not np.array_equal(first.indices[0], first.indices[2])


# -- training -----------------------------------------------------------------------------------------------

EXTRAS = {
    "plain": {},
    "momentum": {"options": TrainingSettings(batch_size=3, local_epochs=2, momentum=0.9)},
    "decay": {"options": TrainingSettings(batch_size=3, local_epochs=2, weight_decay=0.1)},
    "mask": {"mask": np.random.default_rng(1).random((4, P)) < 0.5},
    "proximal": {"anchor": starts(4, 9), "pull": 0.7},
    "mixing": {"course": starts(4, 8), "mixing": 0.3},
    "all": {
        "options": TrainingSettings(batch_size=3, local_epochs=2, momentum=0.5, weight_decay=0.01),
        "mask": np.random.default_rng(1).random((4, P)) < 0.5,
        "anchor": starts(4, 9),
        "pull": 0.7,
        "course": starts(4, 8),
        "mixing": 0.3,
    },
}


@pytest.mark.parametrize("extra", EXTRAS)
def test_training_is_that_of_one_client_in_double_precision(extra):
    wanted = dict(EXTRAS[extra])
    options = wanted.pop("options", TrainingSettings(batch_size=3, local_epochs=2))
    data, start = federation([7, 2, 10, 5]), starts(4)
    order = batch_order(data, options, 0, 0)
    found = train(
        MODEL,
        start,
        data,
        np.arange(4),
        order,
        options,
        trainable=wanted.get("mask"),
        anchor=wanted.get("anchor"),
        pull=wanted.get("pull", 0.0),
        direction=wanted.get("course"),
        mixing=wanted.get("mixing", 0.0),
    )
    for client in range(4):
        rows = {key: value[client] if isinstance(value, np.ndarray) else value for key, value in wanted.items()}
        expected = plain_training(start[client], data, client, order, options, **rows)
        # Eight steps at most, each with some ten roundings of 6e-8 relative to values of about 1, amplified by
        # gradient steps of 0.1 (and by momentum ten times): below 1e-4; typically 1e-7.
        np.testing.assert_allclose(found[client], expected, rtol=0, atol=1e-5)
        assert np.abs(found[client] - start[client]).max() > 1e-3


@settings(max_examples=30)
@given(
    samples=st.lists(st.integers(1, 9), min_size=1, max_size=7),
    chunk=st.integers(1, 9),
    momentum=st.sampled_from([0.0, 0.9]),
    seed=st.integers(0, 99),
    data=st.data(),
)
def test_results_do_not_depend_on_company(samples, chunk, momentum, seed, data):
    federated, start = federation(samples), starts(len(samples), seed)
    options = TrainingSettings(batch_size=4, local_epochs=2, momentum=momentum)
    order = batch_order(federated, options, seed, 0)
    everyone = train(MODEL, start, federated, np.arange(len(samples)), order, options)
    some = data.draw(st.lists(st.integers(0, len(samples) - 1), max_size=8))
    selected = train(MODEL, start[some], federated, np.array(some, int), order, options, chunk=chunk)
    assert np.array_equal(selected, everyone[some])


def test_start_is_kept_and_one_start_serves_all():
    data, options = federation([5, 5, 5]), TrainingSettings()
    order, start = batch_order(data, options, 0, 0), starts(1)[0]
    before = start.copy()
    shared = train(MODEL, start, data, [0, 2], order, options)
    assert np.array_equal(start, before)
    assert shared.flags.c_contiguous
    assert shared.flags.writeable
    assert np.array_equal(shared, train(MODEL, np.tile(start, (2, 1)), data, [0, 2], order, options))


def test_masked_parameters_stay_to_the_bit():
    data, options = federation([5, 5]), TrainingSettings(momentum=0.9, weight_decay=0.1)
    order, start = batch_order(data, options, 0, 0), starts(2)
    trainable = MODEL.head
    found = train(
        MODEL, start, data, [0, 1], order, options, trainable=trainable, anchor=starts(2, 4), pull=1.0,
        direction=starts(1, 5)[0], mixing=0.5,
    )  # fmt: skip
    assert np.array_equal(found[:, ~trainable], start[:, ~trainable])
    assert (found[:, trainable] != start[:, trainable]).mean() > 0.9


def test_steps_in_parts_are_the_whole():
    data, options = federation([9, 4, 7]), TrainingSettings(batch_size=3, local_epochs=2)
    order, start, who = batch_order(data, options, 0, 0), starts(3), np.arange(3)
    whole = train(MODEL, start, data, who, order, options)
    middle = train(MODEL, start, data, who, BatchOrder(order.indices[:, :3], order.weights[:, :3]), options)
    assert np.array_equal(
        train(MODEL, middle, data, who, BatchOrder(order.indices[:, 3:], order.weights[:, 3:]), options), whole
    )
    assert np.array_equal(train(MODEL, start, data, who, order, options, steps=3), middle)
    assert np.array_equal(train(MODEL, start, data, who, order, options, steps=0), start)
    uneven = train(MODEL, start, data, who, order, options, steps=[3, 0, 99])
    assert np.array_equal(uneven, np.stack([middle[0], start[1], whole[2]]))


def test_steps_without_weight_in_between_are_left_out():
    data, options = federation([4]), TrainingSettings(batch_size=2, local_epochs=2, momentum=0.9)
    order, start = batch_order(data, options, 0, 0), starts(1)
    indices = np.insert(order.indices, 1, 0, axis=1)
    weights = np.insert(order.weights, 1, 0.0, axis=1)
    gaps = type(order)(indices, weights)
    assert np.array_equal(train(MODEL, start, data, [0], gaps, options), train(MODEL, start, data, [0], order, options))


def test_nobody_trains():
    data, options = federation([4]), TrainingSettings()
    order = batch_order(data, options, 0, 0)
    found = train(MODEL, np.zeros((0, P), np.float32), data, np.zeros(0, int), order, options)
    assert found.shape == (0, P)


def test_divergence_shows_and_is_refused_next_time():
    data, options = federation([9]), TrainingSettings(learning_rate=1e30)
    order = batch_order(data, options, 0, 0)
    found = train(MODEL, starts(1), data, [0], order, options)
    assert not np.isfinite(found).all()
    with pytest.raises(OptionError, match=r"start\[0, \d+\] = (nan|-?inf): must be finite; did training diverge"):
        train(MODEL, found, data, [0], order, options)


def test_digits_are_learnt():
    data = make_federation(DataSettings(n_clients=4, n_tasks=1, images_per_client=100, family="iid"), seed=0)
    model, options = MultilayerPerceptron(64, (100, 50), 10), TrainingSettings(local_epochs=10)
    start = model.initialise(np.random.default_rng(0))
    theta = train(model, start, data, np.arange(4), batch_order(data, options, 0, 0), options)
    right = model.logits(theta, data.test_inputs).argmax(axis=2) == data.test_labels
    # A hundred images teach nine digits in ten, give or take; chance is one in ten.
    assert (right.mean(axis=1) > 0.75).all()


# -- refusals -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"clients": [0, 3]}, ["clients[1] = 3", "0 to 2"]),
        ({"clients": [-1, 0]}, ["clients[0] = -1"]),
        ({"clients": [0.0, 1.0]}, ["clients", "integers"]),
        ({"start": np.zeros((3, P), np.float32)}, ["start", f"(3, {P})", f"(2, {P})"]),
        ({"start": np.zeros((2, P), int)}, ["start", "int64", "float"]),
        ({"start": np.full((2, P), np.nan)}, ["start[0, 0] = nan", "finite"]),
        ({"trainable": np.ones(P)}, ["trainable", "float64", "bool"]),
        ({"trainable": np.ones(3, bool)}, ["trainable", "(3,)"]),
        ({"pull": 0.1}, ["pull = 0.1", "anchor"]),
        ({"pull": -1.0, "anchor": np.zeros(P)}, ["pull = -1.0", ">= 0"]),
        ({"pull": np.nan, "anchor": np.zeros(P)}, ["pull = nan"]),
        ({"mixing": 0.1}, ["mixing = 0.1", "direction"]),
        ({"mixing": 1.1, "direction": np.zeros(P)}, ["mixing = 1.1", "0 to 1"]),
        ({"mixing": 0.5, "direction": np.full(P, np.inf)}, ["direction[0] = inf"]),
        ({"steps": -1}, ["steps = -1", ">= 0"]),
        ({"steps": [1, 2, 3]}, ["steps", "2 clients"]),
        ({"chunk": 0}, ["chunk = 0"]),
    ],
)
def test_refused_arguments(change, words):
    data, options = federation([5, 5, 5]), TrainingSettings()
    given_arguments = {"start": starts(2), "clients": [0, 1], "order": batch_order(data, options, 0, 0), **change}
    start, clients, order = (given_arguments.pop(name) for name in ("start", "clients", "order"))
    with pytest.raises(OptionError) as caught:
        train(MODEL, start, data, clients, order, options, **given_arguments)
    assert all(word in str(caught.value) for word in words)


def test_order_of_other_data_is_refused():
    options = TrainingSettings()
    order = batch_order(federation([5, 5]), options, 0, 0)
    with pytest.raises(OptionError, match=r"order: is for 2 clients; the data have 3"):
        train(MODEL, starts(1), federation([5, 5, 5]), [0], order, options)


@pytest.mark.parametrize(
    "change",
    [
        {"local_epochs": 0},
        {"batch_size": 0},
        {"batch_size": 1.5},
        {"learning_rate": 0.0},
        {"learning_rate": float("inf")},
        {"learning_rate": float("nan")},
        {"learning_rate": True},
        {"momentum": 1.0},
        {"weight_decay": -0.1},
        {"epochs": 3},
    ],
    ids=str,
)
def test_refused_settings(change):
    with pytest.raises(ValidationError) as caught:
        TrainingSettings(**change)
    assert next(iter(change)) in str(caught.value)


def test_settings_are_immutable():
    with pytest.raises(ValidationError):
        TrainingSettings().batch_size = 3  # type: ignore[misc]
