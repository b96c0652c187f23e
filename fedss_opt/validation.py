"""Checks on what a caller hands in: each returns a clean, read-only array or raises one clear error."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from .exceptions import ProblemError

__all__ = ["boolean_vector", "bounded_scalar", "identifiers", "infer_length", "matrix", "vector"]

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]


def infer_length(
    per_client: dict[str, Any], relevance: npt.ArrayLike | None, client_ids: Sequence[str] | None
) -> int:
    """Find N from the first field that is an array, and refuse arrays that disagree."""
    n, source = -1, ""
    for name, value in per_client.items():
        if value is None or isinstance(value, (int, float)):
            continue
        shape = _shape(name, value)
        if len(shape) == 0:
            continue
        if len(shape) != 1:
            raise ProblemError(f"{name}: has shape {shape}; give one value per client, shape (N,), or a scalar")
        n, source = _agree(n, source, shape[0], name)
    if relevance is not None:
        shape = _shape("relevance", relevance)
        if len(shape) > 2:
            raise ProblemError(f"relevance: has shape {shape}; give (K, N), or (N,) for a single task")
        if len(shape) > 0:
            n, source = _agree(n, source, shape[-1], "relevance")
    if client_ids is not None and not isinstance(client_ids, str):
        n, source = _agree(n, source, len(client_ids), "client_ids")
    return 1 if n < 0 else n


def _agree(n: int, source: str, found: int, name: str) -> tuple[int, str]:
    if n >= 0 and found != n:
        raise ProblemError(f"{name}: has {found} clients where {source} has {n}; they must agree")
    return found, source or name


def _shape(name: str, value: npt.ArrayLike) -> tuple[int, ...]:
    try:
        return np.shape(value)
    except ValueError:
        raise ProblemError(f"{name}: its rows differ in length; give a rectangular array of numbers") from None


def _numbers(name: str, value: npt.ArrayLike) -> FloatArray:
    """Return a fresh float64 copy, refusing whatever is not a real number."""
    try:
        array = np.asarray(value)
    except ValueError:
        raise ProblemError(f"{name}: its rows differ in length; give a rectangular array of numbers") from None
    if array.dtype.kind in "fiu":
        return np.array(array, dtype=np.float64, order="C")
    if array.size == 0:
        return np.zeros(array.shape)
    for index, item in np.ndenumerate(np.asarray(value, dtype=object)):
        if isinstance(item, (bool, np.bool_)) or not isinstance(item, (int, float, np.integer, np.floating)):
            raise ProblemError(f"{_place(name, index)} = {item!r}: not a number")
    return np.array(array, dtype=np.float64, order="C")


def _place(name: str, index: tuple[int, ...]) -> str:
    return f"{name}[{', '.join(map(str, index))}]" if index else name


def _accepted(*, positive: bool, infinite: bool, unit: str) -> str:
    number = "a number" if infinite else "a finite number"
    of_unit = f" ({unit})" if unit else ""
    return f"must be {number}{of_unit} {'> 0' if positive else '>= 0'}" + (", or inf" if infinite else "")


def _check(name: str, array: FloatArray, *, positive: bool, infinite: bool, unit: str) -> None:
    """Refuse NaN, wrong signs and (unless allowed) infinities, naming the first offender."""
    if array.size == 0:
        return
    lowest, highest = array.min(), array.max()  # both NaN as soon as one entry is
    if (lowest > 0.0 if positive else lowest >= 0.0) and (infinite or highest < math.inf):
        return
    good = array > 0.0 if positive else array >= 0.0
    if not infinite:
        good &= array < math.inf
    index = np.unravel_index(int(np.argmin(good)), array.shape)
    place = _place(name, tuple(int(i) for i in index))
    raise ProblemError(
        f"{place} = {array[index]}: {_accepted(positive=positive, infinite=infinite, unit=unit)}"
    )


def bounded_scalar(name: str, value: Any, *, unit: str) -> float:
    """Validate one finite number > 0."""
    array = _numbers(name, value)
    if array.ndim != 0:
        raise ProblemError(f"{name}: has shape {array.shape}; give a single number")
    _check(name, array, positive=True, infinite=False, unit=unit)
    return float(array)


def vector(
    name: str, value: Any, n: int, *, positive: bool = False, infinite: bool = False, unit: str = ""
) -> FloatArray:
    """Validate (n,) numbers, broadcasting a scalar."""
    array = _numbers(name, value)
    if array.ndim == 0:
        _check(name, array, positive=positive, infinite=infinite, unit=unit)
        array = np.full(n, float(array))
    else:
        if array.shape != (n,):
            raise ProblemError(f"{name}: has shape {array.shape}; give shape ({n},) or a scalar")
        _check(name, array, positive=positive, infinite=infinite, unit=unit)
    array.flags.writeable = False
    return array


def matrix(name: str, value: Any, k: int, n: int) -> FloatArray:
    """Validate (k, n) finite numbers >= 0; (n,) is one row, a scalar fills all."""
    array = _numbers(name, value)
    if array.ndim == 0:
        _check(name, array, positive=False, infinite=False, unit="")
        array = np.full((k, n), float(array))
    elif array.ndim == 1:
        array = array.reshape(1, -1)
    if array.shape != (k, n):
        raise ProblemError(f"{name}: has shape {array.shape}; give ({k}, {n}): one row a task, one column a client")
    _check(name, array, positive=False, infinite=False, unit="")
    array.flags.writeable = False
    return array


def boolean_vector(name: str, value: Any, n: int) -> BoolArray:
    """Validate (n,) booleans (0 and 1 count), broadcasting a scalar."""
    array = np.asarray(value)
    if array.dtype.kind != "b":
        flat = array.ravel().tolist()
        odd = next((i for i, item in enumerate(flat) if item not in (0, 1) or isinstance(item, str)), None)
        if odd is not None:
            place = name if array.ndim == 0 else f"{name}[{odd}]"
            raise ProblemError(f"{place} = {flat[odd]!r}: must be true or false")
    if array.ndim not in (0, 1) or (array.ndim == 1 and array.shape != (n,)):
        raise ProblemError(f"{name}: has shape {array.shape}; give shape ({n},) or a scalar")
    result = np.empty(n, dtype=np.bool_)
    result[...] = array.astype(np.bool_)
    result.flags.writeable = False
    return result


def identifiers(name: str, value: Sequence[str] | None, n: int, what: str) -> tuple[str, ...] | None:
    """Validate n unique strings, or None."""
    if value is None:
        return None
    if isinstance(value, str) or not all(isinstance(item, str) for item in value):
        odd = value if isinstance(value, str) else next(i for i in value if not isinstance(i, str))
        raise ProblemError(f"{name}: {odd!r} where a list of strings is needed")
    if len(value) != n:
        raise ProblemError(f"{name}: has {len(value)} names for {n} {what}; they must agree")
    seen: set[str] = set()
    for item in value:
        if item in seen:
            raise ProblemError(f"{name}: {item!r} stands twice; names must be unique")
        seen.add(item)
    return tuple(value)
