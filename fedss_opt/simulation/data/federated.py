"""The data of a simulation: what every client has, and what it is judged by."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ...exceptions import OptionError

__all__ = ["FederatedData"]

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
SampleArray = npt.NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class FederatedData:
    """Samples of N clients, padded to one length, and the test sets of their tasks.

    Arrays are taken over without a copy where their type fits, and shown read-only.

    Parameters
    ----------
    inputs : ndarray of float32, (N, n_max, D)
        Training inputs; what pads a client is not read.
    labels : ndarray of int64, (N, n_max)
        Their classes, 0..classes-1, as the client's task sees them.
    samples : ndarray of int64, (N,)
        How many of a client's rows are real, 1..n_max; those come first.
    task : ndarray of int64, (N,)
        True task of each client, 0..T-1. Algorithms other than oracles do not look.
    test_inputs : ndarray of float32, (E, M, D)
        Test sets.
    test_labels : ndarray of int64, (E, M)
        Their classes.
    test_of : ndarray of int64, (N,)
        Which test set judges the client, 0..E-1.
    test_weights : ndarray of float64, (N, classes)
        Weight of each class in the client's accuracy. A row sums to 1 and is 0 where the client's test set lacks
        the class.
    classes : int
        Number of classes.
    task_names : tuple of str
        Names of the T tasks.

    Raises
    ------
    OptionError
        When shapes, types or ranges do not fit, naming the first place.

    Examples
    --------
    >>> import numpy as np
    >>> data = FederatedData(
    ...     inputs=np.zeros((2, 1, 3), np.float32),
    ...     labels=np.array([[0], [1]]),
    ...     samples=np.array([1, 1]),
    ...     task=np.array([0, 0]),
    ...     test_inputs=np.zeros((1, 2, 3), np.float32),
    ...     test_labels=np.array([[0, 1]]),
    ...     test_of=np.array([0, 0]),
    ...     test_weights=np.full((2, 2), 0.5),
    ...     classes=2,
    ...     task_names=("both",),
    ... )
    >>> data.n_clients, data.features, data.n_tasks
    (2, 3, 1)
    """

    inputs: SampleArray
    labels: IntArray
    samples: IntArray
    task: IntArray
    test_inputs: SampleArray
    test_labels: IntArray
    test_of: IntArray
    test_weights: FloatArray
    classes: int
    task_names: tuple[str, ...]

    def __post_init__(self) -> None:
        n, n_max, features = _dimensions("inputs", self.inputs, 3)
        sets, tests, _ = _dimensions("test_inputs", self.test_inputs, 3)
        shapes = {
            "inputs": (n, n_max, features),
            "labels": (n, n_max),
            "samples": (n,),
            "task": (n,),
            "test_inputs": (sets, tests, features),
            "test_labels": (sets, tests),
            "test_of": (n,),
            "test_weights": (n, self.classes),
        }
        for name, shape in shapes.items():
            kind = np.float32 if name.endswith("inputs") else np.float64 if name == "test_weights" else np.int64
            object.__setattr__(self, name, _array(name, getattr(self, name), shape, np.dtype(kind)))
        _within("samples", self.samples, 1, n_max)
        _within("labels", self.labels, 0, self.classes - 1)
        _within("test_labels", self.test_labels, 0, self.classes - 1)
        _within("task", self.task, 0, self.n_tasks - 1)
        _within("test_of", self.test_of, 0, sets - 1)
        self._check_test_weights()

    @property
    def n_clients(self) -> int:
        """Number of clients, N."""
        return len(self.samples)

    @property
    def features(self) -> int:
        """Inputs of a sample, D."""
        return int(self.inputs.shape[2])

    @property
    def n_tasks(self) -> int:
        """Number of true tasks, T."""
        return len(self.task_names)

    def _check_test_weights(self) -> None:
        _within("test_weights", self.test_weights, 0.0, 1.0)
        sums = self.test_weights.sum(axis=1)
        # `classes` terms of at most 1 that someone divided by their sum.
        off = np.abs(sums - 1.0) > 1e-12 * self.classes
        if off.any():
            n = int(np.argmax(off))
            raise OptionError(f"test_weights[{n}]: sums to {sums[n]}; the weights of a client must sum to 1")
        held = np.zeros((len(self.test_inputs), self.classes), dtype=np.bool_)
        held[np.arange(len(held))[:, None], self.test_labels] = True
        missing = (self.test_weights > 0.0) & ~held[self.test_of]
        if missing.any():
            n, c = (int(i) for i in np.argwhere(missing)[0])
            raise OptionError(
                f"test_weights[{n}, {c}] = {self.test_weights[n, c]}: must be 0, since test set {self.test_of[n]} "
                f"has no image of class {c}"
            )


def _dimensions(name: str, value: npt.NDArray[Any], dimensions: int) -> tuple[int, ...]:
    shape = np.shape(value)
    if len(shape) != dimensions or 0 in shape:
        raise OptionError(f"{name}: has shape {shape}; must have {dimensions} dimensions, none of them 0")
    return shape


def _array(name: str, value: npt.NDArray[Any], shape: tuple[int, ...], kind: np.dtype[Any]) -> npt.NDArray[Any]:
    """View an array read-only in its type, converting integers to integers and numbers to floats only."""
    array = np.asarray(value)
    accepted = "iu" if kind.kind == "i" else "iuf"
    if array.dtype.kind not in accepted:
        raise OptionError(f"{name}: dtype {array.dtype}; must be {kind}")
    if array.shape != shape:
        raise OptionError(f"{name}: has shape {array.shape}; must have {shape}")
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        place = np.argwhere(~np.isfinite(array))[0].tolist()
        raise OptionError(f"{name}{place} = {array[tuple(place)]}: must be finite")
    view = np.ascontiguousarray(array, dtype=kind).view()
    view.flags.writeable = False
    return view


def _within(name: str, array: npt.NDArray[Any], low: float, high: float) -> None:
    bad = (array < low) | (array > high)
    if bad.any():
        place = np.argwhere(bad)[0].tolist()
        raise OptionError(f"{name}{place} = {array[tuple(place)]}: must be {low:g} to {high:g}")
