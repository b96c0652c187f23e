"""Local training: stochastic gradient descent of many clients side by side."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from pydantic import Field

from ..exceptions import OptionError
from ..scenarios.draws import generator
from .data.federated import FederatedData
from .models import Model
from .section import Section

__all__ = ["CHUNK", "BatchOrder", "TrainingSettings", "batch_order", "train"]

BoolArray = npt.NDArray[np.bool_]
IntArray = npt.NDArray[np.intp]
Parameters = npt.NDArray[np.float32]

CHUNK = 8
"""Clients that take their steps together: parameters and gradients of eight small models stay in a core's cache."""


class TrainingSettings(Section):
    """What a client does with a model it is sent.

    Examples
    --------
    >>> TrainingSettings(local_epochs=1).batch_size
    10
    """

    local_epochs: int = Field(default=5, ge=1)
    """Passes over the client's samples in a round, >= 1."""
    batch_size: int = Field(default=10, ge=1)
    """Samples a step, >= 1; the last batch of an epoch may be smaller."""
    learning_rate: float = Field(default=0.2, gt=0.0)
    """Step size, > 0."""
    momentum: float = Field(default=0.0, ge=0.0, lt=1.0)
    """Heavy ball, in [0, 1); velocities start at 0 every round."""
    weight_decay: float = Field(default=0.0, ge=0.0)
    """Coefficient of the squared norm's gradient, >= 0, on all parameters."""


@dataclass(frozen=True, eq=False)
class BatchOrder:
    """Which samples every client of a round visits, step by step.

    Parameters
    ----------
    indices : ndarray of int, (N, S, B)
        Rows of the client's samples.
    weights : ndarray of float32, (N, S, B)
        1, or 0 for the places that a smaller batch leaves empty. A step of zeros does not happen.
    """

    indices: IntArray
    weights: npt.NDArray[np.float32]

    @property
    def steps(self) -> IntArray:
        """Steps of each client, (N,)."""
        steps: IntArray = np.count_nonzero(self.weights.any(axis=2), axis=1)
        return steps

    def part(self, start: int, stop: int | None = None) -> BatchOrder:
        """Return the steps from `start` to `stop` as an order of their own."""
        return BatchOrder(self.indices[:, start:stop], self.weights[:, start:stop])


def batch_order(
    data: FederatedData,
    settings: TrainingSettings,
    seed: int,
    round: int,  # noqa: A002
    *,
    purpose: str = "batches",
) -> BatchOrder:
    """Draw a round's batches for all clients, so that who is selected changes nobody's batches.

    Every epoch visits every sample once, in a new random order. Clients with fewer samples take fewer steps.

    Parameters
    ----------
    data : FederatedData
        Whose samples.
    settings : TrainingSettings
        Epochs and batch size.
    seed : int
        Seed of the simulation, >= 0.
    round : int
        Number of the round, >= 0.
    purpose : str
        Name of the draw, for those who train twice in a round.

    Examples
    --------
    >>> from fedss_opt.simulation.data import DataSettings, make_federation
    >>> data = make_federation(DataSettings(n_clients=4, images_per_client=15), seed=0)
    >>> order = batch_order(data, TrainingSettings(local_epochs=2), seed=0, round=1)
    >>> order.indices.shape, order.weights.sum(axis=2)[0]
    ((4, 4, 10), array([10., 5., 10., 5.], dtype=float32))
    """
    clients, longest = data.labels.shape
    epochs, batch = settings.local_epochs, settings.batch_size
    keys = generator(seed, f"{purpose}, round {round}").random((clients, epochs, longest))
    size = data.samples[:, None, None]
    keys += np.where(np.arange(longest) < size, 0.0, np.inf)
    steps = int(np.ceil(data.samples.max() / batch))
    places = np.arange(steps * batch)
    indices = np.zeros((clients, epochs, len(places)), dtype=np.intp)
    indices[:, :, :longest] = np.argsort(keys, axis=2, kind="stable")[:, :, : len(places)]
    real = np.broadcast_to(places < size, indices.shape)
    shape = (clients, epochs * steps, batch)
    return _to_the_front(np.where(real, indices, 0).reshape(shape), real.astype(np.float32).reshape(shape))


def _to_the_front(indices: IntArray, weights: npt.NDArray[np.float32]) -> BatchOrder:
    """Move every client's steps without weight behind those with weight, keeping the order of the others."""
    empty: BoolArray = ~np.any(weights, axis=2)
    if not np.any(empty[:, :-1] & ~empty[:, 1:]):
        return BatchOrder(indices, weights)
    order = np.argsort(empty, axis=1, kind="stable")[:, :, None]
    return BatchOrder(np.take_along_axis(indices, order, axis=1), np.take_along_axis(weights, order, axis=1))


def train(
    model: Model,
    start: npt.NDArray[Any],
    data: FederatedData,
    clients: npt.ArrayLike,
    order: BatchOrder,
    settings: TrainingSettings,
    *,
    trainable: BoolArray | None = None,
    anchor: npt.NDArray[Any] | None = None,
    pull: float = 0.0,
    direction: npt.NDArray[Any] | None = None,
    mixing: float = 0.0,
    steps: int | npt.ArrayLike | None = None,
    chunk: int = CHUNK,
) -> Parameters:
    r"""Let clients take their steps from given parameters.

    Each step is

    .. math::

       g = \nabla \ell(\theta) + \lambda \theta + \mu (\theta - a), \quad
       v \leftarrow \beta v + m \odot ((1 - \alpha) g + \alpha d), \quad
       \theta \leftarrow \theta - \eta v

    with weight decay :math:`\lambda`, proximal term :math:`\mu` (FedProx, Li et al., MLSys 2020), momentum
    :math:`\beta`, mask :math:`m`, and mixing :math:`\alpha` of a common direction :math:`d` (local momentum, Xie
    et al., 2024). A client that has taken its last step stays where it is, whatever velocity it had. Where training
    diverges, the parameters returned are not finite.

    Parameters
    ----------
    model : Model
        Loss and gradient.
    start : ndarray, (C, P) or (P,)
        Parameters to start from; not changed.
    data : FederatedData
        Samples of all N clients.
    clients : array_like of int, (C,)
        Who trains.
    order : BatchOrder
        Batches of all N clients.
    settings : TrainingSettings
        Learning rate, momentum and weight decay.
    trainable : ndarray of bool, (P,) or (C, P), optional
        Where the parameters may change.
    anchor : ndarray, (P,) or (C, P), optional
        What the proximal term pulls to.
    pull : float
        Its strength, >= 0.
    direction : ndarray, (P,) or (C, P), optional
        What is mixed into the gradient.
    mixing : float
        Its share, 0 to 1.
    steps : int or array_like of int, (C,), optional
        Take only so many of the steps.
    chunk : int
        Clients that step together; changes the speed only.

    Returns
    -------
    ndarray of float32, (C, P)
        The parameters after the last step.

    Raises
    ------
    OptionError
        When shapes do not fit, a client does not exist, a start is not finite, or an option is out of range.

    Examples
    --------
    >>> import numpy as np
    >>> from fedss_opt.simulation.data import DataSettings, make_federation
    >>> from fedss_opt.simulation.models import SoftmaxRegression
    >>> data = make_federation(DataSettings(n_clients=4), seed=0)
    >>> settings, model = TrainingSettings(), SoftmaxRegression(64, 10)
    >>> order = batch_order(data, settings, seed=0, round=0)
    >>> start = model.initialise(np.random.default_rng(0))
    >>> train(model, start, data, [2, 3], order, settings).shape
    (2, 650)
    """
    who = _clients(clients, data.n_clients)
    shape = (len(who), model.layout.parameters)
    result = np.array(_matrix("start", start, shape), dtype=np.float32, order="C")
    _check_options(order, data, pull, mixing, chunk)
    mask = None if trainable is None else _matrix("trainable", trainable, shape, kind="b")
    goal = _matrix("anchor", anchor, shape) if anchor is not None and pull > 0.0 else None
    if pull > 0.0 and anchor is None:
        raise OptionError(f"pull = {pull}: needs an anchor to pull to")
    course = _matrix("direction", direction, shape) if direction is not None and mixing > 0.0 else None
    if mixing > 0.0 and direction is None:
        raise OptionError(f"mixing = {mixing}: needs a direction to mix in")
    front = _to_the_front(order.indices[who], order.weights[who])
    count = _counts(front.steps, steps)
    # The longest first: who still moves at a step is then a leading part, and needs no mask.
    longest_first = np.argsort(-count, kind="stable")
    for first in range(0, len(who), chunk):
        part = longest_first[first : first + chunk]
        walk = _Walk(
            theta=result[part],
            indices=front.indices[part],
            weights=front.weights[part],
            rows=who[part],
            count=count[part],
            mask=None if mask is None else mask[part].astype(np.float32),
            anchor=None if goal is None else goal[part].astype(np.float32, copy=False),
            direction=None if course is None else course[part].astype(np.float32, copy=False) * np.float32(mixing),
        )
        with np.errstate(over="ignore", invalid="ignore"):
            result[part] = _descend(model, data, walk, settings, pull=np.float32(pull), keep=np.float32(1.0 - mixing))
    return result


@dataclass(frozen=True, eq=False)
class _Walk:
    """A chunk of clients, the one with the most steps first."""

    theta: Parameters
    indices: IntArray
    weights: npt.NDArray[np.float32]
    rows: IntArray
    count: IntArray
    mask: Parameters | None
    anchor: Parameters | None
    direction: Parameters | None


def _descend(
    model: Model, data: FederatedData, walk: _Walk, settings: TrainingSettings, *, pull: np.float32, keep: np.float32
) -> Parameters:
    """Take all steps of a chunk."""
    theta = walk.theta
    gradients, scratch = np.empty_like(theta), np.empty_like(theta)
    velocity = np.zeros_like(theta) if settings.momentum else None
    rate, decay = np.float32(settings.learning_rate), np.float32(settings.weight_decay)
    n_max = data.labels.shape[1]
    inputs, labels = data.inputs.reshape(-1, data.features), data.labels.reshape(-1)
    for step in range(int(walk.count[0]) if len(walk.count) else 0):
        moving = slice(0, np.count_nonzero(walk.count > step))
        at, g, spare = theta[moving], gradients[moving], scratch[moving]
        place = walk.rows[moving, None] * n_max + walk.indices[moving, step]
        model.loss_and_gradient(
            at, np.take(inputs, place, axis=0), np.take(labels, place), walk.weights[moving, step], out=g
        )
        if decay:
            g += np.multiply(at, decay, out=spare)
        if walk.anchor is not None:
            np.subtract(at, walk.anchor[moving], out=spare)
            spare *= pull
            g += spare
        if walk.direction is not None:
            g *= keep
            g += walk.direction[moving]
        if walk.mask is not None:
            g *= walk.mask[moving]
        if velocity is not None:
            v = velocity[moving]
            v *= np.float32(settings.momentum)
            v += g
            at -= np.multiply(v, rate, out=spare)
        else:
            g *= rate
            at -= g
    return theta


def _clients(clients: npt.ArrayLike, total: int) -> IntArray:
    who = np.asarray(clients)
    if who.ndim != 1 or (who.size and who.dtype.kind not in "iu"):
        raise OptionError(f"clients: shape {who.shape}, dtype {who.dtype}; must be a vector of integers")
    bad = (who < 0) | (who >= total)
    if bad.any():
        n = int(np.argmax(bad))
        raise OptionError(f"clients[{n}] = {who[n]}: must be 0 to {total - 1}")
    return who.astype(np.intp)


def _matrix(name: str, value: npt.NDArray[Any], shape: tuple[int, int], *, kind: str = "f") -> npt.NDArray[Any]:
    """View (P,) or (C, P) as (C, P), refusing other shapes and types and what is not finite."""
    array = np.asarray(value)
    if array.dtype.kind != kind:
        raise OptionError(f"{name}: dtype {array.dtype}; must be {'bool' if kind == 'b' else 'a float'}")
    if array.shape not in (shape, shape[1:]):
        raise OptionError(f"{name}: has shape {array.shape}; must have {shape} or {shape[1:]}")
    if kind == "f" and not np.isfinite(array).all():
        place = np.argwhere(~np.isfinite(array))[0].tolist()
        raise OptionError(f"{name}{place} = {array[tuple(place)]}: must be finite; did training diverge?")
    return np.broadcast_to(array, shape)


def _check_options(order: BatchOrder, data: FederatedData, pull: float, mixing: float, chunk: int) -> None:
    if order.indices.shape != order.weights.shape or len(order.indices) != data.n_clients:
        raise OptionError(f"order: is for {len(order.indices)} clients; the data have {data.n_clients}")
    if not 0.0 <= pull < np.inf:
        raise OptionError(f"pull = {pull}: must be a finite number >= 0")
    if not 0.0 <= mixing <= 1.0:
        raise OptionError(f"mixing = {mixing}: must be 0 to 1")
    if chunk < 1:
        raise OptionError(f"chunk = {chunk}: must be an integer >= 1")


def _counts(available: IntArray, steps: int | npt.ArrayLike | None) -> IntArray:
    """Return how many steps each client takes."""
    if steps is None:
        return available
    wanted = np.asarray(steps)
    if wanted.dtype.kind not in "iu" or wanted.shape not in ((), available.shape) or (wanted < 0).any():
        raise OptionError(f"steps = {steps!r}: must be an integer >= 0, or one for each of {len(available)} clients")
    count: IntArray = np.minimum(available, wanted)
    return count
