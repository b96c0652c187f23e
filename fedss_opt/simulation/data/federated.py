"""The data of a simulation: what every client has, and what it is judged by."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...array_types import FloatArray, IntArray
from ...exceptions import OptionError
from ..arrays import SampleArray
from ..checks import checked_array, within

__all__ = ["FederatedData"]


@dataclass(frozen=True, eq=False)
class FederatedData:
    """Samples of N clients, padded to one length, and the test sets of their tasks.

    Arrays are taken over without a copy where their type fits, and shown read-only.

    Parameters
    ----------
    inputs, labels : ndarray of float32, (N, n_max, D), and of int64, (N, n_max)
        Training inputs, and their classes, 0..classes-1, as the client's task sees them; what pads a client is not
        read.
    samples, task : ndarray of int64, (N,)
        How many of a client's rows are real, 1..n_max, which come first; and its true task, 0..T-1, at which algorithms
        other than oracles do not look.
    test_inputs, test_labels : ndarray of float32, (E, M, D), and of int64, (E, M)
        Test sets, and their classes.
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
        n, n_max, features = _dimensions("inputs", self.inputs)
        sets, tests, _ = _dimensions("test_inputs", self.test_inputs)
        fields: dict[str, tuple[tuple[int, ...], type]] = {
            "inputs": ((n, n_max, features), np.float32),
            "labels": ((n, n_max), np.int64),
            "samples": ((n,), np.int64),
            "task": ((n,), np.int64),
            "test_inputs": ((sets, tests, features), np.float32),
            "test_labels": ((sets, tests), np.int64),
            "test_of": ((n,), np.int64),
            "test_weights": ((n, self.classes), np.float64),
        }
        for name, (shape, dtype) in fields.items():
            object.__setattr__(self, name, checked_array(name, getattr(self, name), (shape,), dtype))
        within("samples", self.samples, 1, n_max)
        within("labels", self.labels, 0, self.classes - 1)
        within("test_labels", self.test_labels, 0, self.classes - 1)
        within("task", self.task, 0, self.n_tasks - 1)
        within("test_of", self.test_of, 0, sets - 1)
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
        within("test_weights", self.test_weights, 0.0, 1.0)
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
                field="test_weights",
                index=(n, c),
                value=self.test_weights[n, c],
                accepted=f"must be 0, since test set {self.test_of[n]} has no image of class {c}",
            )


def _dimensions(name: str, value: SampleArray) -> tuple[int, ...]:
    shape = np.shape(value)
    if len(shape) != 3 or 0 in shape:
        raise OptionError(f"{name}: has shape {shape}; must have 3 dimensions, none of them 0")
    return shape
