"""What a caller hands in: checks that all of sparse sharing uses, and the one careful division."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from ..array_types import BoolArray, FloatArray, IntArray
from ..exceptions import OptionError
from .layout import ParameterLayout

__all__ = [
    "LARGEST_FLOAT32",
    "as_array",
    "boolean_rows",
    "check_layer",
    "check_mask",
    "check_values",
    "finite",
    "indices",
    "ratio",
    "whole",
]


LARGEST_FLOAT32 = float(np.finfo(np.float32).max)


def whole(name: str, value: Any, *, low: int) -> int:
    """Accept one integer that is not too small."""
    if not isinstance(value, (int, np.integer)) or isinstance(value, bool) or value < low:
        raise OptionError(f"{name} = {value!r}: must be an integer >= {low}")
    return int(value)


def as_array(name: str, value: npt.ArrayLike, *, accepted: str = "a rectangular array") -> npt.NDArray[Any]:
    """View as an array, and refuse rows that differ in length; `accepted` is what the message asks for."""
    try:
        return np.asarray(value)
    except ValueError:
        raise OptionError(f"{name}: its rows differ in length; must be {accepted}") from None


def finite(name: str, values: npt.ArrayLike, *, most: float = math.inf) -> npt.NDArray[Any]:
    """View real numbers as a floating array, and refuse what is not finite or exceeds `most` in magnitude."""
    array = as_array(name, values, accepted="a rectangular array of numbers")
    if array.dtype.kind not in "fiu" and array.size:
        raise OptionError(f"{name}: dtype {array.dtype}; must be of real numbers")
    if array.dtype.kind != "f" or array.dtype.itemsize > 8:
        array = array.astype(np.float64)
    good = np.isfinite(array) if most == math.inf else np.abs(array) <= most
    if not good.all():
        place = np.unravel_index(int(np.argmin(good)), array.shape)
        shown = f"{name}[{', '.join(str(int(i)) for i in place)}]" if place else name
        limit = "" if most == math.inf else f", at most {most:.3g} in magnitude"
        raise OptionError(f"{shown} = {array[place]}: must be finite{limit}")
    return array


def boolean_rows(name: str, masks: npt.ArrayLike, layout: ParameterLayout) -> BoolArray:
    """Accept (rows, P) booleans."""
    accepted = f"(rows, {layout.parameters}) of bool"
    array = as_array(name, masks, accepted=accepted)
    if array.dtype != np.bool_ or array.ndim != 2 or array.shape[1] != layout.parameters:
        raise OptionError(f"{name}: shape {array.shape}, dtype {array.dtype}; must be {accepted}")
    return array


def check_mask(name: str, mask: npt.ArrayLike, size: int | None = None) -> BoolArray:
    """Accept (P,) booleans, or as many as `size` says."""
    array = as_array(name, mask)
    _refuse_length(name, array, size)
    if array.dtype != np.bool_:
        raise OptionError(f"{name}: dtype {array.dtype}; must be bool")
    return array


def check_layer(layer: npt.ArrayLike, size: int | None = None, layers: int | None = None) -> IntArray:
    """Accept the layer of each parameter, see `indices`."""
    return indices("layer", layer, size, layers)


def indices(name: str, values: npt.ArrayLike, size: int | None = None, limit: int | None = None) -> IntArray:
    """Accept a vector of integers from 0: `size` of them, below `limit`, where these are given.

    Without `limit` they must be below their own number, which bounds what a single wrong one can cost.
    """
    array = as_array(name, values)
    _refuse_length(name, array, size)
    if array.size and array.dtype.kind not in "iu":
        raise OptionError(f"{name}: dtype {array.dtype}; must be of integers")
    most = array.size if limit is None else limit
    if array.size and not (array.min() >= 0 and array.max() < most):
        place = int(np.argmax((array < 0) | (array >= most)))
        raise OptionError(f"{name}[{place}] = {array[place]}: must be from 0 to {most - 1}")
    return array.astype(np.intp)


def _refuse_length(name: str, array: npt.NDArray[Any], size: int | None) -> None:
    if array.ndim != 1 or (size is not None and array.size != size):
        raise OptionError(f"{name}: has shape {array.shape}; must be {'a vector' if size is None else (size,)}")


def check_values(values: npt.ArrayLike, dimensions: int) -> npt.NDArray[np.floating[Any]]:
    """Accept float32 or float64 that is finite in float32; a shorter type becomes float32."""
    array = as_array("values", values)
    if array.ndim != dimensions:
        raise OptionError(f"values: has shape {array.shape}; must have {dimensions} dimension(s)")
    if array.dtype.kind != "f" or array.dtype.itemsize > 8:
        raise OptionError(f"values: dtype {array.dtype}; must be float32 or float64")
    if array.dtype.itemsize < 4:
        array = array.astype(np.float32)
    return finite("values", array, most=LARGEST_FLOAT32)


def ratio(above: npt.ArrayLike, below: npt.ArrayLike, *, empty: float) -> FloatArray:
    """Divide, with `empty` where there is nothing to divide by."""
    numerator, denominator = np.broadcast_arrays(np.asarray(above, np.float64), np.asarray(below, np.float64))
    quotient: FloatArray = np.full(numerator.shape, empty)
    np.divide(numerator, denominator, out=quotient, where=denominator != 0.0)
    return quotient
