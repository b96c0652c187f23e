"""Local training: stochastic gradient descent of many clients side by side."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from pydantic import Field

from ..array_types import BoolArray
from ..exceptions import OptionError
from ..scenarios.draws import generator
from .arrays import IndexArray, Parameters
from .checks import checked_array, checked_places
from .data.federated import FederatedData
from .models import MultilayerPerceptron
from .section import Section

__all__ = ["CHUNK", "BatchOrder", "TrainingSettings", "batch_order", "train"]


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

    indices: IndexArray
    weights: npt.NDArray[np.float32]

    @property
    def steps(self) -> IndexArray:
        """Steps of each client, (N,)."""
        steps: IndexArray = np.count_nonzero(self.weights.any(axis=2), axis=1)
        return steps


def batch_order(
    data: FederatedData,
    settings: TrainingSettings,
    seed: int,
    round: int,  # noqa: A002
    *,
    purpose: str = "batches",
) -> BatchOrder:
    """Draw a round's batches for all clients, so that who is selected changes nobody's batches.

    Every epoch visits every sample once, in a new random order. Clients with fewer samples take fewer steps. Those who
    train twice in a round name the draw by its `purpose`.

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


def _to_the_front(indices: IndexArray, weights: npt.NDArray[np.float32]) -> BatchOrder:
    """Move every client's steps without weight behind those with weight, keeping the order of the others."""
    empty: BoolArray = ~np.any(weights, axis=2)
    if not np.any(empty[:, :-1] & ~empty[:, 1:]):
        return BatchOrder(indices, weights)
    order = np.argsort(empty, axis=1, kind="stable")[:, :, None]
    return BatchOrder(np.take_along_axis(indices, order, axis=1), np.take_along_axis(weights, order, axis=1))


def train(
    model: MultilayerPerceptron,
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
    model, data, settings
        Loss and gradient; the samples of all N clients; learning rate, momentum and weight decay.
    start : ndarray, (C, P) or (P,)
        Parameters to start from; not changed.
    clients : array_like of int, (C,)
        Who trains.
    order : BatchOrder
        Batches of all N clients.
    trainable : ndarray of bool, (P,) or (C, P), optional
        Where the parameters may change.
    anchor, pull : ndarray, (P,) or (C, P), and float >= 0, optional
        What the proximal term pulls to, and its strength.
    direction, mixing : ndarray, (P,) or (C, P), and float from 0 to 1, optional
        What is mixed into the gradient, and its share.
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
    >>> data = make_federation(DataSettings(n_clients=4), seed=0)
    >>> settings, model = TrainingSettings(), MultilayerPerceptron(64, (), 10)
    >>> order = batch_order(data, settings, seed=0, round=0)
    >>> start = model.initialise(np.random.default_rng(0))
    >>> train(model, start, data, [2, 3], order, settings).shape
    (2, 650)
    """
    who = checked_places("clients", clients, data.n_clients)
    shape = (len(who), model.layout.parameters)
    if order.indices.shape != order.weights.shape or len(order.indices) != data.n_clients:
        raise OptionError(f"order: is for {len(order.indices)} clients; the data have {data.n_clients}")
    if not 0.0 <= pull < np.inf or (pull > 0.0 and anchor is None):
        raise OptionError(field="pull", value=pull, accepted="must be a finite number >= 0, with an anchor to pull to")
    if not 0.0 <= mixing <= 1.0 or (mixing > 0.0 and direction is None):
        raise OptionError(field="mixing", value=mixing, accepted="must be 0 to 1, with a direction to mix in")
    if chunk < 1:
        raise OptionError(field="chunk", value=chunk, accepted="must be an integer >= 1")
    result = np.array(_rows("start", start, shape), dtype=np.float32, order="C")
    mask = None if trainable is None else _rows("trainable", trainable, shape, kind="b").astype(np.float32)
    goal = _rows("anchor", anchor, shape) if anchor is not None and pull > 0.0 else None
    course = _rows("direction", direction, shape) if direction is not None and mixing > 0.0 else None
    front = _to_the_front(order.indices[who], order.weights[who])
    count = _counts(front.steps, steps)
    # The longest first: who still moves at a step is then a leading part, and needs no mask.
    longest_first = np.argsort(-count, kind="stable")
    for first in range(0, len(who), chunk):
        part = longest_first[first : first + chunk]
        rules = _Rules(
            settings=settings,
            mask=None if mask is None else mask[part],
            anchor=None if goal is None else goal[part],
            pull=np.float32(pull),
            direction=None if course is None else course[part] * np.float32(mixing),
            keep=np.float32(1.0 - mixing),
        )
        batches = BatchOrder(front.indices[part], front.weights[part])
        with np.errstate(over="ignore", invalid="ignore"):
            result[part] = _descend(model, data, result[part], who[part], batches, count[part], rules)
    return result


@dataclass(frozen=True, eq=False, kw_only=True)
class _Rules:
    """What a chunk's step is made of besides the gradient; arrays are (clients of the chunk, P)."""

    settings: TrainingSettings
    mask: Parameters | None
    anchor: Parameters | None
    pull: np.float32
    direction: Parameters | None
    keep: np.float32


def _descend(
    model: MultilayerPerceptron,
    data: FederatedData,
    theta: Parameters,
    clients: IndexArray,
    batches: BatchOrder,
    count: IndexArray,
    rules: _Rules,
) -> Parameters:
    """Take all steps of a chunk, whose first client takes the most."""
    gradients, scratch = np.empty_like(theta), np.empty_like(theta)
    settings = rules.settings
    velocity = np.zeros_like(theta) if settings.momentum else None
    rate, decay = np.float32(settings.learning_rate), np.float32(settings.weight_decay)
    n_max = data.labels.shape[1]
    inputs, labels = data.inputs.reshape(-1, data.features), data.labels.reshape(-1)
    for step in range(int(count[0]) if len(count) else 0):
        moving = slice(0, np.count_nonzero(count > step))
        at, g, spare = theta[moving], gradients[moving], scratch[moving]
        place = clients[moving, None] * n_max + batches.indices[moving, step]
        model.loss_and_gradient(
            at, np.take(inputs, place, axis=0), np.take(labels, place), batches.weights[moving, step], out=g
        )
        if decay:
            g += np.multiply(at, decay, out=spare)
        if rules.anchor is not None:
            np.subtract(at, rules.anchor[moving], out=spare)
            spare *= rules.pull
            g += spare
        if rules.direction is not None:
            g *= rules.keep
            g += rules.direction[moving]
        if rules.mask is not None:
            g *= rules.mask[moving]
        if velocity is not None:
            v = velocity[moving]
            v *= np.float32(settings.momentum)
            v += g
            at -= np.multiply(v, rate, out=spare)
        else:
            g *= rate
            at -= g
    return theta


def _rows(name: str, value: npt.NDArray[Any], shape: tuple[int, int], *, kind: str = "f") -> npt.NDArray[Any]:
    """View (P,) or (C, P) as (C, P)."""
    dtype, hint = (np.bool_, "") if kind == "b" else (np.float32, "; did training diverge?")
    return np.broadcast_to(checked_array(name, value, (shape, shape[1:]), dtype, accept=kind, hint=hint), shape)


def _counts(available: IndexArray, steps: int | npt.ArrayLike | None) -> IndexArray:
    """Return how many steps each client takes."""
    if steps is None:
        return available
    wanted = np.asarray(steps)
    if wanted.dtype.kind not in "iu" or wanted.shape not in ((), available.shape) or (wanted < 0).any():
        raise OptionError(f"steps = {steps!r}: must be an integer >= 0, or one for each of {len(available)} clients")
    count: IndexArray = np.minimum(available, wanted)
    return count
