"""Models of many clients at once: softmax regression and multilayer perceptrons on flat parameters."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from enum import StrEnum
from typing import Any

import numpy as np
import numpy.typing as npt

from ..array_types import BoolArray
from ..exceptions import OptionError
from ..sharing.layout import ParameterLayout
from ..validation import member

__all__ = ["ModelKind", "MultilayerPerceptron", "make_model"]

Array = npt.NDArray[Any]
"""float32 in simulations, float64 where gradients are checked: the dtype of the parameters decides."""


class ModelKind(StrEnum):
    """The models by name."""

    SOFTMAX = "softmax"
    MLP = "mlp"


class MultilayerPerceptron:
    """Fully connected layers with rectifiers between them, and a softmax over the classes.

    Parameters
    ----------
    features, classes : int
        Inputs of a sample, D, and outputs, at least 2.
    hidden : sequence of int
        Widths of the hidden layers, from the inputs on; empty for softmax regression.

    Raises
    ------
    OptionError
        When a width is not an integer >= 1, or there are fewer than two classes.

    Examples
    --------
    >>> import numpy as np
    >>> model = MultilayerPerceptron(64, (100, 50), 10)
    >>> model.layout.parameters, model.flops_per_sample
    (12060, 58600.0)
    >>> theta = model.initialise(np.random.default_rng(0))
    >>> model.logits(theta[None], np.ones((1, 3, 64), np.float32)).shape
    (1, 3, 10)
    """

    def __init__(self, features: int, hidden: Sequence[int] = (100, 50), classes: int = 10) -> None:
        if isinstance(classes, bool) or not isinstance(classes, (int, np.integer)) or classes < 2:
            raise OptionError(f"classes = {classes!r}: must be an integer >= 2")
        self.sizes = (features, *hidden, classes)
        self.layout = ParameterLayout.dense(self.sizes)
        self.head: BoolArray = self.layout.layer == self.layout.layers - 1
        self.head.flags.writeable = False

    def __repr__(self) -> str:
        return f"{type(self).__name__}(sizes={self.sizes})"

    @property
    def flops_per_sample(self) -> float:
        """Operations of the matrix products: forward, gradient of the weights, gradient of the layer's inputs.

        The first layer's inputs need no gradient. Activations and biases, about one operation in a hundred, are
        left out.
        """
        products = [2.0 * inputs * outputs for inputs, outputs in itertools.pairwise(self.sizes)]
        return 3.0 * sum(products) - products[0]

    def initialise(self, rng: np.random.Generator) -> npt.NDArray[np.float32]:
        """Draw the weights from N(0, 2 / fan-in) and set the biases to 0, (P,) (He et al., ICCV 2015, section 2.2).

        Standard normals are drawn in the order of the flat vector.
        """
        theta = np.zeros(self.layout.parameters, dtype=np.float32)
        for weights, _ in self._layers(theta[None]):
            outputs, inputs = weights.shape[1:]
            weights[0] = np.sqrt(2.0 / inputs) * rng.standard_normal((outputs, inputs))
        return theta

    def logits(self, theta: Array, inputs: Array) -> Array:
        """Compute the logits, (C, B, classes), of parameters (C, P) on batches (C, B, D), or on one, (1, B, D).

        They have the dtype of the parameters.
        """
        return self._activations(theta, inputs)[-1]

    def loss_and_gradient(
        self, theta: Array, inputs: Array, labels: Array, weights: Array, *, out: Array | None = None
    ) -> tuple[Array, Array]:
        r"""Compute the weighted mean cross-entropy of every client's batch, and its gradient.

        .. math:: \ell_c = \frac{\sum_b w_{cb} \, (\log \sum_k e^{z_{cbk}} - z_{cb y_{cb}})}{\sum_b w_{cb}}

        Parameters
        ----------
        theta, inputs, labels : ndarray, (C, P), (C, B, D) and of int (C, B)
            Parameters, samples, and classes 0..classes-1.
        weights : ndarray, (C, B)
            Weights >= 0; 0 marks a sample as absent. A batch without weight has loss 0 and gradient 0.
        out : ndarray, (C, P), optional
            Where to write the gradient.

        Returns
        -------
        loss, gradient : ndarray, (C,) and (C, P)
            In the dtype of the parameters.
        """
        activations = self._activations(theta, inputs)
        share = _shares(weights, theta.dtype)
        loss, delta = _softmax_loss(activations[-1], labels, share)
        gradient = np.empty_like(theta) if out is None else out
        ones = np.ones((1, 1, delta.shape[1]), dtype=theta.dtype)
        backwards = zip(reversed(list(self._layers(theta))), reversed(list(self._layers(gradient))), strict=True)
        for layer, ((matrix, _), (for_matrix, for_bias)) in zip(
            range(len(self.sizes) - 2, -1, -1), backwards, strict=True
        ):
            np.matmul(delta.transpose(0, 2, 1), activations[layer], out=for_matrix)
            # A product and not sum(axis=1), whose order of additions may depend on how many clients there are.
            np.matmul(ones, delta, out=for_bias)
            if layer:
                delta = np.matmul(delta, matrix)
                delta *= activations[layer] > 0
        return loss, gradient

    def _activations(self, theta: Array, inputs: Array) -> list[Array]:
        """Return the inputs of every layer, and the logits."""
        activations = [inputs.astype(theta.dtype, copy=False)]
        for weights, bias in self._layers(theta):
            if len(activations) > 1:
                np.maximum(activations[-1], 0, out=activations[-1])
            z = np.matmul(activations[-1], weights.transpose(0, 2, 1))
            z += bias
            activations.append(z)
        return activations

    def _layers(self, theta: Array) -> Iterator[tuple[Array, Array]]:
        """View parameters (C, P) as weights (C, outputs, inputs) and biases (C, 1, outputs), layer by layer."""
        clients, start = len(theta), 0
        for inputs, outputs in itertools.pairwise(self.sizes):
            middle, stop = start + outputs * inputs, start + outputs * (inputs + 1)
            weights = theta[:, start:middle].reshape(clients, outputs, inputs)
            yield weights, theta[:, middle:stop].reshape(clients, 1, outputs)
            start = stop


def make_model(kind: str, features: int, hidden: Sequence[int], classes: int) -> MultilayerPerceptron:
    """Make a model by name: "softmax", which has no hidden layers and ignores their widths, or "mlp".

    Raises
    ------
    OptionError
        For another kind, or widths that do not fit.

    Examples
    --------
    >>> make_model("softmax", 64, (100, 50), 10)
    MultilayerPerceptron(sizes=(64, 10))
    """
    softmax = member("kind", kind, ModelKind) is ModelKind.SOFTMAX
    return MultilayerPerceptron(features, () if softmax else hidden, classes)


def _shares(weights: Array, dtype: np.dtype[Any]) -> Array:
    """Divide the weights (C, B) by their sums; a row without weight stays 0."""
    total = np.sum(weights, axis=1, keepdims=True, dtype=np.float64)
    return np.asarray(weights / np.where(total > 0, total, 1.0), dtype=dtype)


def _softmax_loss(logits: Array, labels: Array, share: Array) -> tuple[Array, Array]:
    """Return the losses (C,), and their gradient with respect to the logits, which is written over them."""
    logits -= logits.max(axis=2, keepdims=True)  # the largest exponential is 1: none overflows, no sum is 0
    rows, true = np.arange(labels.size), labels.reshape(-1)
    flat = logits.reshape(labels.size, logits.shape[2])
    at_label = flat[rows, true].reshape(labels.shape)
    np.exp(logits, out=logits)
    total = logits.sum(axis=2)
    loss = np.matmul(share[:, None, :], (np.log(total) - at_label)[:, :, None])[:, 0, 0]
    logits *= (share / total)[:, :, None]
    flat[rows, true] -= share.reshape(-1)
    return loss, logits
