"""Softmax regression and perceptrons: gradients, batches of clients, limits."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fedss_opt.exceptions import OptionError
from fedss_opt.simulation.models import MultilayerPerceptron, make_model

SIZES = [(4, (), 3), (4, (5,), 2), (3, (4, 3), 3), (2, (1,), 2)]
SIZE_NAMES = ["softmax", "one hidden", "two hidden", "width 1"]
STEP = 1e-5


def drawn(model, clients, batch, seed, dtype=np.float64):
    """Parameters of order 1 everywhere, so that no gradient vanishes, with a batch for each client."""
    rng = np.random.default_rng(seed)
    theta = rng.normal(0.0, 0.7, (clients, model.layout.parameters)).astype(dtype)
    inputs = rng.uniform(0.0, 1.0, (clients, batch, model.sizes[0])).astype(np.float32)
    labels = rng.integers(0, model.sizes[-1], (clients, batch))
    weights = rng.uniform(0.1, 2.0, (clients, batch))
    return theta, inputs, labels, weights


def plain_loss(model, theta, inputs, labels, weights):
    """The weighted mean cross-entropy of one client, sample by sample; also the least distance to a kink."""
    total, kink = 0.0, np.inf
    for x, y, w in zip(inputs, labels, weights, strict=True):
        a, start = x.astype(np.float64), 0
        for layer, (n_in, n_out) in enumerate(zip(model.sizes[:-1], model.sizes[1:], strict=True)):
            matrix = theta[start : start + n_in * n_out].reshape(n_out, n_in)
            bias = theta[start + n_in * n_out : start + (n_in + 1) * n_out]
            start += (n_in + 1) * n_out
            a = matrix @ a + bias
            if layer < len(model.sizes) - 2:
                kink = min(kink, np.abs(a).min())
                a = np.maximum(a, 0.0)
        total += w * (np.log(np.exp(a).sum()) - a[y])
    return total / weights.sum(), kink


@pytest.mark.parametrize("sizes", SIZES, ids=SIZE_NAMES)
def test_gradient_is_that_of_central_differences(sizes):
    model = MultilayerPerceptron(*sizes)
    # A step of 1e-5 in a parameter moves no unit by more than 1e-4 (inputs are at most 1, weights below 3 here), so
    # at 1e-3 from the kinks of the rectifiers the loss is smooth between the two points.
    seed = next(s for s in range(100) if plain_loss(model, *(x[0] for x in drawn(model, 1, 4, s)))[1] > 1e-3)
    theta, inputs, labels, weights = drawn(model, 1, 4, seed)
    loss, gradient = model.loss_and_gradient(theta, inputs, labels, weights)
    differences = np.empty(model.layout.parameters)
    for j in range(model.layout.parameters):
        ahead, behind = theta[0].copy(), theta[0].copy()
        ahead[j] += STEP
        behind[j] -= STEP
        rise = plain_loss(model, ahead, inputs[0], labels[0], weights[0])[0]
        differences[j] = (rise - plain_loss(model, behind, inputs[0], labels[0], weights[0])[0]) / (2.0 * STEP)
    # The third derivative is below 100 (products of three weights and inputs): h^2 / 6 * 100 is 2e-9. A loss is
    # accurate to some 20 roundings, 2e-15; divided by h, 2e-10.
    np.testing.assert_allclose(gradient[0], differences, rtol=0, atol=5e-9)
    assert loss[0] == pytest.approx(plain_loss(model, theta[0], inputs[0], labels[0], weights[0])[0], rel=1e-13)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@given(clients=st.integers(1, 6), batch=st.integers(1, 5), seed=st.integers(0, 1000))
def test_a_client_is_alone_among_others(dtype, clients, batch, seed):
    model = MultilayerPerceptron(4, (5, 3), 3)
    theta, inputs, labels, weights = drawn(model, clients, batch, seed, dtype)
    loss, gradient = model.loss_and_gradient(theta, inputs, labels, weights)
    logits = model.logits(theta, inputs)
    assert loss.dtype == gradient.dtype == logits.dtype == dtype
    for c in range(clients):
        one = slice(c, c + 1)
        alone = model.loss_and_gradient(theta[one], inputs[one], labels[one], weights[one])
        assert loss[c] == alone[0][0]
        assert np.array_equal(gradient[c], alone[1][0])
        assert np.array_equal(logits[c], model.logits(theta[one], inputs[one])[0])


@given(seed=st.integers(0, 1000))
def test_absent_samples_do_not_count(seed):
    model = MultilayerPerceptron(4, (5,), 3)
    theta, inputs, labels, weights = drawn(model, 2, 5, seed)
    weights[:, 3:] = 0.0
    weights[1] = 0.0
    loss, gradient = model.loss_and_gradient(theta, inputs, labels, weights)
    present = model.loss_and_gradient(theta[:1], inputs[:1, :3], labels[:1, :3], weights[:1, :3])
    # The same few sums with zeros appended.
    np.testing.assert_allclose(loss[0], present[0][0], rtol=1e-14)
    np.testing.assert_allclose(gradient[0], present[1][0], rtol=1e-12, atol=1e-15)
    assert loss[1] == 0.0
    assert not gradient[1].any()


def test_weights_are_relative():
    model = MultilayerPerceptron(4, (), 3)
    theta, inputs, labels, weights = drawn(model, 2, 5, 3)
    loss, gradient = model.loss_and_gradient(theta, inputs, labels, weights)
    scaled = model.loss_and_gradient(theta, inputs, labels, 1024.0 * weights)  # a power of two: exactly the same
    assert np.array_equal(loss, scaled[0])
    assert np.array_equal(gradient, scaled[1])


def test_gradient_is_written_where_it_is_asked_for():
    model = MultilayerPerceptron(4, (5,), 3)
    theta, inputs, labels, weights = drawn(model, 3, 2, 0, np.float32)
    out = np.full((4, model.layout.parameters), np.nan, dtype=np.float32)
    before = theta.copy(), inputs.copy(), weights.copy()
    _, gradient = model.loss_and_gradient(theta, inputs, labels, weights, out=out[:3])
    assert np.shares_memory(gradient, out)
    assert np.array_equal(out[:3], model.loss_and_gradient(theta, inputs, labels, weights)[1])
    assert np.isnan(out[3]).all()
    assert all(np.array_equal(a, b) for a, b in zip(before, (theta, inputs, weights), strict=True))


def test_large_logits_are_safe():
    model = MultilayerPerceptron(1, (), 2)
    theta = np.array([[1e30, -1e30, 0.0, 0.0]], dtype=np.float32)
    inputs, labels, weights = np.ones((1, 1, 1), np.float32), np.array([[1]]), np.ones((1, 1))
    loss, gradient = model.loss_and_gradient(theta, inputs, labels, weights)
    assert loss[0] == np.float32(2e30)
    assert gradient[0].tolist() == [1.0, -1.0, 1.0, -1.0]


def test_one_batch_serves_all_clients():
    model = MultilayerPerceptron(4, (5,), 3)
    theta, inputs, _, _ = drawn(model, 3, 2, 0, np.float32)
    shared = model.logits(theta, inputs[:1])
    assert np.array_equal(shared, model.logits(theta, np.repeat(inputs[:1], 3, axis=0)))


def test_no_clients_and_no_samples():
    model = MultilayerPerceptron(4, (5,), 3)
    nobody = model.loss_and_gradient(
        np.zeros((0, model.layout.parameters)), np.zeros((0, 2, 4)), np.zeros((0, 2), int), np.zeros((0, 2))
    )
    assert nobody[0].shape == (0,)
    assert nobody[1].shape == (0, model.layout.parameters)


def test_initialisation():
    model = MultilayerPerceptron(200, (300, 100), 10)
    theta = model.initialise(np.random.default_rng(0))
    assert theta.dtype == np.float32
    assert np.array_equal(theta, model.initialise(np.random.default_rng(0)))
    assert not theta[~model.layout.prunable].any()
    for layer, fan_in in enumerate((200, 300, 100)):
        weights = theta[(model.layout.layer == layer) & model.layout.prunable].astype(np.float64)
        # The standard deviation of n normals is known to 1 / sqrt(2 n) of itself; five times that.
        assert weights.std() == pytest.approx(np.sqrt(2.0 / fan_in), rel=5.0 / np.sqrt(2.0 * weights.size))


def test_layout_head_and_work():
    model = MultilayerPerceptron(64, (100, 50), 10)
    assert model.layout.parameters == 64 * 100 + 100 + 100 * 50 + 50 + 50 * 10 + 10
    assert model.head.sum() == 50 * 10 + 10
    assert model.head[-510:].all()
    assert not model.head.flags.writeable
    # Forward, and both gradients, but for the first layer's inputs.
    assert model.flops_per_sample == 2 * (3 * (6400 + 5000 + 500) - 6400)
    assert MultilayerPerceptron(64, (), 10).head.all()
    assert MultilayerPerceptron(64, (), 10).flops_per_sample == 2 * 2 * 640


def test_models_by_name():
    assert make_model("softmax", 4, (7,), 3).sizes == (4, 3)
    assert make_model("mlp", 4, [7], 3).sizes == (4, 7, 3)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: make_model("forest", 4, (), 3), ["kind = 'forest'", "'softmax', 'mlp'"]),
        (lambda: MultilayerPerceptron(4, (0,), 3), ["sizes = (4, 0, 3)", ">= 1"]),
        (lambda: MultilayerPerceptron(4, (2.5,), 3), ["2.5", "integers >= 1"]),
        (lambda: MultilayerPerceptron(4, (), 1), ["classes = 1", ">= 2"]),
        (lambda: MultilayerPerceptron(4, (), True), ["classes = True", ">= 2"]),
    ],
)
def test_refusals(make, words):
    with pytest.raises(OptionError) as caught:
        make()
    assert all(word in str(caught.value) for word in words)
