"""How a flat vector of parameters divides into layers and into neurons."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import sparse

from ..array_types import BoolArray, FloatArray
from ..exceptions import OptionError

__all__ = ["ParameterLayout"]

IntArray = npt.NDArray[np.intp]
Float32Array = npt.NDArray[np.float32]
ByteArray = npt.NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class ParameterLayout:
    """Layers and neuron groups of a flat parameter vector.

    A group is what is shared between tasks, or not, as one: a neuron with its fan-in weights and its bias.
    Values are rounded with one scale per layer.

    Parameters
    ----------
    layer : ndarray of int, (P,)
        Layer of each parameter, 0..L-1.
    group : ndarray of int, (P,)
        Group of each parameter, 0..G-1.
    prunable : ndarray of bool, (P,)
        Whether pruning may remove the parameter: weights, not biases.

    Raises
    ------
    OptionError
        When the arrays differ in length, are not of integers, or leave a layer or a group empty.

    Examples
    --------
    >>> from fedss_opt.sharing import ParameterLayout
    >>> layout = ParameterLayout.dense((2, 3, 1))
    >>> layout.parameters, layout.layers, layout.groups
    (13, 2, 4)
    >>> layout.sum_groups(layout.prunable)
    array([2., 2., 2., 3.])
    """

    layer: IntArray
    group: IntArray
    prunable: BoolArray

    def __post_init__(self) -> None:
        for name in ("layer", "group"):
            object.__setattr__(self, name, _numbered(name, getattr(self, name)))
        prunable = np.array(self.prunable)
        if prunable.dtype != np.bool_:
            raise OptionError(f"prunable: dtype {prunable.dtype}; must be bool")
        prunable.flags.writeable = False
        object.__setattr__(self, "prunable", prunable)
        shapes = {name: getattr(self, name).shape for name in ("layer", "group", "prunable")}
        if len(set(shapes.values())) != 1:
            raise OptionError(f"a layout's arrays must have one length, got {shapes}")

    @classmethod
    def dense(cls, sizes: Sequence[int]) -> ParameterLayout:
        """Lay out a fully connected network: per layer the weights (outputs, inputs) row by row, then the biases.

        Parameters
        ----------
        sizes : sequence of int
            Widths from the features to the outputs, at least two, each >= 1.
        """
        if len(sizes) < 2 or any(int(size) != size or size < 1 for size in sizes):
            raise OptionError(f"sizes = {sizes!r}: must be two or more integers >= 1")
        layer, group, prunable = [], [], []
        neurons = 0
        for index, (inputs, outputs) in enumerate(itertools.pairwise(sizes)):
            own = neurons + np.arange(outputs)
            layer.append(np.full(outputs * (inputs + 1), index))
            group.append(np.concatenate([np.repeat(own, inputs), own]))
            prunable.append(np.arange(outputs * (inputs + 1)) < outputs * inputs)
            neurons += outputs
        return cls(np.concatenate(layer), np.concatenate(group), np.concatenate(prunable))

    @property
    def parameters(self) -> int:
        """Number of parameters, P."""
        return len(self.layer)

    @cached_property
    def layers(self) -> int:
        """Number of layers, L."""
        return int(self.layer.max(initial=-1)) + 1

    @cached_property
    def groups(self) -> int:
        """Number of groups, G."""
        return int(self.group.max(initial=-1)) + 1

    @cached_property
    def _membership(self) -> Any:
        """The (P, G) indicator matrix: a sparse product sums groups whatever their order in the vector."""
        place = np.arange(self.parameters)
        return sparse.csr_array((np.ones(self.parameters), (place, self.group)), shape=(self.parameters, self.groups))

    def sum_groups(self, values: npt.ArrayLike) -> FloatArray:
        """Sum over each group, (..., P) to (..., G)."""
        x = np.asarray(values, dtype=np.float64)
        flat = x.reshape(-1, self.parameters)
        sums: FloatArray = (flat @ self._membership).reshape(*x.shape[:-1], self.groups)
        return sums

    def spread(self, per_group: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Give every parameter its group's value, (..., G) to (..., P)."""
        return np.take(per_group, self.group, axis=-1)


def _numbered(name: str, values: npt.ArrayLike) -> IntArray:
    """Accept a vector of integers that uses every number from 0 to its largest."""
    array = np.asarray(values)
    if array.ndim != 1 or (array.size and not np.issubdtype(array.dtype, np.integer)):
        raise OptionError(f"{name}: shape {array.shape}, dtype {array.dtype}; must be a vector of integers")
    numbers = np.array(array, dtype=np.intp)
    used = np.unique(numbers)
    if not np.array_equal(used, np.arange(used.size)):
        raise OptionError(f"{name}: must use every number from 0 to its largest; it uses {used[:5].tolist()}...")
    numbers.flags.writeable = False
    return numbers
