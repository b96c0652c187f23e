"""Labelled images before they are divided among clients."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...array_types import IntArray
from ...exceptions import OptionError
from ...extras import needs_extra
from ..arrays import SampleArray
from ..checks import checked_array

__all__ = ["Dataset", "load_digits"]


@dataclass(frozen=True, eq=False)
class Dataset:
    """M labelled samples.

    Parameters
    ----------
    inputs : ndarray of float32, (M, D)
        Features, finite; pixels are in [0, 1].
    labels : ndarray of int64, (M,)
        Classes; every class from 0 to the largest occurs.
    name : str
        What the data are called.
    shape : tuple of int
        Shape of a sample before it was flattened, such as (8, 8).
    writer : ndarray of int64, (M,), optional
        Who wrote each sample; every number from 0 to the largest occurs.

    Raises
    ------
    OptionError
        When shapes, types or values do not fit.

    Examples
    --------
    >>> import numpy as np
    >>> Dataset(np.zeros((2, 4), np.float32), np.array([0, 1]), "blank", (2, 2)).classes
    2
    """

    inputs: SampleArray
    labels: IntArray
    name: str
    shape: tuple[int, ...]
    writer: IntArray | None = None

    def __post_init__(self) -> None:
        inputs = np.asarray(self.inputs)
        if inputs.ndim != 2 or 0 in inputs.shape or int(np.prod(self.shape)) != inputs.shape[1]:
            raise OptionError(f"inputs: have shape {inputs.shape}; must be (M, {'*'.join(map(str, self.shape))})")
        object.__setattr__(self, "inputs", checked_array("inputs", inputs, (inputs.shape,), np.float32))
        object.__setattr__(self, "labels", _numbered("labels", self.labels, len(inputs), least=2))
        if self.writer is not None:
            object.__setattr__(self, "writer", _numbered("writer", self.writer, len(inputs), least=1))

    @property
    def classes(self) -> int:
        """Number of classes."""
        return int(self.labels.max()) + 1


def _numbered(name: str, values: IntArray, samples: int, *, least: int) -> IntArray:
    array = np.asarray(values)
    if array.shape != (samples,) or array.dtype.kind not in "iu":
        raise OptionError(f"{name}: shape {array.shape}, dtype {array.dtype}; must be {samples} integers")
    found = np.unique(array)
    if len(found) < least or not np.array_equal(found, np.arange(len(found))):
        raise OptionError(f"{name}: are {found[:5].tolist()}...; must be 0, 1, ... without a gap, at least {least}")
    numbers = np.array(array, dtype=np.int64)
    numbers.flags.writeable = False
    return numbers


def load_digits() -> Dataset:
    """Return the 1797 handwritten digits that come with scikit-learn: 8 x 8 pixels in [0, 1], ten classes.

    They are the test part of *Optical Recognition of Handwritten Digits* (Alpaydin and Kaynak, UCI, 1998).

    Raises
    ------
    MissingDependencyError
        Without scikit-learn.

    Examples
    --------
    >>> load_digits().inputs.shape
    (1797, 64)
    """
    with needs_extra("the data set of digits", "simulation"):
        from sklearn import datasets  # noqa: PLC0415 - takes a second, which data of one's own do without
    inputs, labels = datasets.load_digits(return_X_y=True)
    return Dataset((inputs / 16.0).astype(np.float32), labels.astype(np.int64), "digits", (8, 8))
