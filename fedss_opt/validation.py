"""Checks on what a caller hands in: each returns a clean, read-only array or raises one clear error."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence, Set
from typing import Any

import numpy as np
import numpy.typing as npt

from .exceptions import ProblemError

__all__ = [
    "LARGEST",
    "SMALLEST",
    "boolean_vector",
    "bounded_scalar",
    "identifiers",
    "infer_length",
    "matrix",
    "numbers",
    "real_number",
    "refuse_faint",
    "selection",
    "shape_of",
    "shown",
    "vector",
]

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]

# What is positive lies between these two, whatever its unit. Products and quotients of five such numbers stay
# within double precision, so no kernel has to think of overflow, underflow or subnormal numbers, which would
# make a proven bound wrong.
SMALLEST, LARGEST = 1e-30, 1e30

_BOOLEANS = frozenset((bool, np.bool_))
_NUMBERS = (int, float, np.integer, np.floating)
_least, _greatest = np.minimum.reduce, np.maximum.reduce  # array.min() costs twice as much on short arrays


def infer_length(per_client: dict[str, Any], relevance: npt.ArrayLike | None, client_ids: Sequence[str] | None) -> int:
    """Find N from the first field that is an array, and refuse arrays that disagree."""
    n, source = -1, ""
    for name, value in per_client.items():
        if value is None or isinstance(value, (int, float)):
            continue
        shape = shape_of(name, value)
        if len(shape) == 0:
            continue
        if len(shape) != 1:
            raise ProblemError(f"{name}: has shape {shape}; give one value per client, shape (N,), or a scalar")
        n, source = _agree(n, source, shape[0], name)
    if relevance is not None:
        shape = shape_of("relevance", relevance)
        if len(shape) > 2:
            raise ProblemError(f"relevance: has shape {shape}; give (K, N), or (N,) for a single task")
        if len(shape) > 0:
            n, source = _agree(n, source, shape[-1], "relevance")
    if client_ids is not None:
        n, source = _agree(n, source, len(_names("client_ids", client_ids)), "client_ids")
    return 1 if n < 0 else n


def _agree(n: int, source: str, found: int, name: str) -> tuple[int, str]:
    if n >= 0 and found != n:
        raise ProblemError(f"{name}: has {found} clients where {source} has {n}; they must agree")
    return found, source or name


def shape_of(name: str, value: npt.ArrayLike) -> tuple[int, ...]:
    """Return the shape `value` has as an array, refusing ragged data."""
    try:
        shape: tuple[int, ...] = value.shape if type(value) is np.ndarray else np.shape(value)
        return shape
    except ValueError:
        raise _ragged(name) from None


def _ragged(name: str) -> ProblemError:
    return ProblemError(f"{name}: its rows differ in length; give a rectangular array of numbers")


def _array(name: str, value: npt.ArrayLike) -> npt.NDArray[Any]:
    """View `value` as an array, refusing ragged data and masked entries."""
    if type(value) is np.ndarray:
        return value
    if isinstance(value, np.ma.MaskedArray) and np.ma.is_masked(value):
        index = np.argwhere(np.ma.getmaskarray(value))[0]
        raise ProblemError(f"{_place(name, index)} is masked; every entry must be given")
    try:
        return np.asarray(value)
    except ValueError:
        raise _ragged(name) from None


def numbers(name: str, value: Any, accepted: str) -> FloatArray:
    """Return a fresh float64 copy, refusing whatever is not a real number."""
    array = _array(name, value)
    kind, size = array.dtype.kind, array.dtype.itemsize
    if kind in "fiu" and size <= 8 and not _holds_booleans(value):
        return np.array(array, dtype=np.float64, order="C")
    # Off the beaten track: Python objects, big integers, long doubles, booleans among numbers.
    result = np.empty(array.shape)
    for index, item in np.ndenumerate(np.asarray(value, dtype=object)):
        if isinstance(item, (bool, np.bool_)) or not isinstance(item, _NUMBERS):
            raise ProblemError(f"{_place(name, index)} = {shown(item)}: not a number; {accepted}")
        try:
            result[index] = float(item)
        except OverflowError:
            raise ProblemError(f"{_place(name, index)} = {shown(item)}: beyond double precision; {accepted}") from None
    return result


def _holds_booleans(value: Any) -> bool:
    """Tell whether a list mixes booleans among its numbers, which NumPy would silently take for 0 and 1."""
    if not isinstance(value, (list, tuple)):
        return False
    types = set(map(type, value))
    if list in types or tuple in types:
        return any(map(_holds_booleans, value))
    return not _BOOLEANS.isdisjoint(types)


def _place(name: str, index: Any) -> str:
    return f"{name}[{', '.join(str(int(i)) for i in index)}]" if len(index) else name


def real_number(value: object) -> float | None:
    """Return a number of Python's or NumPy's as a plain float; None for whatever else, booleans included."""
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, _NUMBERS):
        return None
    try:
        return float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf


def shown(item: Any) -> str:
    """Show a value of any kind in an error message, at bounded length."""
    try:
        text = repr(item)
    except Exception:  # a foreign repr may do anything; int refuses to print beyond 4300 digits
        text = f"<{type(item).__name__}>"
    return text if len(text) <= 60 else f"{text[:40]}...{text[-10:]}"


def _accepted(*, positive: bool, infinite: bool, unit: str) -> str:
    number = "a number" if infinite else "a finite number"
    of_unit = f" ({unit})" if unit else ""
    return f"must be {number}{of_unit} {'> 0' if positive else '>= 0'}" + (", or inf" if infinite else "")


def _within(lowest: float, highest: float, *, positive: bool, infinite: bool) -> bool:
    """Tell whether all between two numbers is accepted for sure; False for NaN."""
    if not (lowest >= SMALLEST if positive else lowest >= 0.0):
        return False
    return highest <= LARGEST or (infinite and lowest == math.inf)


def _checked(name: str, value: Any, *, positive: bool = False, infinite: bool = False, unit: str = "") -> FloatArray:
    """Return a fresh float64 copy, or name the first number that is not accepted."""
    accepted = _accepted(positive=positive, infinite=infinite, unit=unit)
    array = numbers(name, value, accepted)
    if array.size == 0:
        return array
    # Both are NaN as soon as one entry is.
    lowest, highest = _least(array, axis=None), _greatest(array, axis=None)
    if not _within(lowest, highest, positive=positive, infinite=infinite):
        good = array > 0.0 if positive else array >= 0.0
        if not infinite:
            good &= array < math.inf
        _refuse_the_first(name, array, good, accepted)
        good = (array <= LARGEST) | (array == math.inf)
        if positive:
            good &= array >= SMALLEST
        _refuse_the_first(name, array, good, _magnitude(positive=positive, infinite=infinite, unit=unit))
    if lowest == 0.0:
        array += 0.0  # turns -0.0 into 0.0
    return array


def _magnitude(*, positive: bool, infinite: bool, unit: str) -> str:
    of_unit = f" {unit}" if unit else ""
    span = f"{SMALLEST:g} to {LARGEST:g}{of_unit}" if positive else f"0 to {LARGEST:g}{of_unit}"
    return f"out of range; must be {span}" + (", or inf" if infinite else "")


def _refuse_the_first(name: str, array: FloatArray, good: BoolArray, accepted: str) -> None:
    if not good.all():
        index = np.unravel_index(int(np.argmin(good)), array.shape)
        raise ProblemError(f"{_place(name, index)} = {array[index]}: {accepted}")


def refuse_faint(name: str, array: FloatArray) -> None:
    """Refuse what is neither 0 nor of a size that something can be divided by."""
    if array.size and _least(array) < SMALLEST:
        good = (array == 0.0) | (array >= SMALLEST)
        _refuse_the_first(name, array, good, f"out of range; must be 0, or {SMALLEST:g} to {LARGEST:g}")


def bounded_scalar(name: str, value: Any, *, unit: str) -> float:
    """Validate one finite number > 0."""
    shape = shape_of(name, value)
    if shape:
        raise ProblemError(f"{name}: has shape {shape}; give a single number")
    return float(_checked(name, value, positive=True, unit=unit))


def vector(
    name: str, value: Any, n: int, *, positive: bool = False, infinite: bool = False, unit: str = ""
) -> FloatArray:
    """Validate (n,) numbers, broadcasting a scalar."""
    if type(value) is float and _within(value, value, positive=positive, infinite=infinite):
        array = np.empty(n)
        array.fill(value + 0.0)  # a default, most often: no detour through NumPy
    else:
        array = _checked(name, value, positive=positive, infinite=infinite, unit=unit)
        if array.ndim == 0:
            array = np.full(n, float(array))
        elif array.shape != (n,):
            raise ProblemError(f"{name}: has shape {array.shape}; give shape ({n},) or a scalar")
    array.setflags(write=False)
    return array


def matrix(name: str, value: Any, k: int, n: int) -> FloatArray:
    """Validate (k, n) finite numbers >= 0; (n,) is one row, a scalar fills all."""
    array = _checked(name, value)
    if array.ndim == 0:
        array = np.full((k, n), float(array))
    elif array.shape != (k, n):
        if array.shape != (n,) or k != 1:
            raise ProblemError(f"{name}: has shape {array.shape}; give ({k}, {n}): one row a task, one column a client")
        array = array.reshape(1, n)
    array.setflags(write=False)
    return array


def boolean_vector(name: str, value: Any, n: int) -> BoolArray:
    """Validate (n,) booleans (0 and 1 count), broadcasting a scalar."""
    result = np.empty(n, dtype=np.bool_)
    if value is True or value is False:
        result.fill(value)
    else:
        array = _array(name, value)
        if array.dtype.kind != "b" and not (array.dtype.kind in "fiu" and np.logical_or(array == 0, array == 1).all()):
            for index, item in np.ndenumerate(np.asarray(value, dtype=object)):
                if not isinstance(item, (bool, np.bool_, *_NUMBERS)) or item not in (0, 1):
                    raise ProblemError(f"{_place(name, index)} = {shown(item)}: must be true or false")
        if array.shape not in ((), (n,)):
            raise ProblemError(f"{name}: has shape {array.shape}; give shape ({n},) or a scalar")
        result[...] = array
    result.setflags(write=False)
    return result


def selection(value: npt.ArrayLike, n: int) -> BoolArray:
    """Validate a selection of clients: (n,) booleans."""
    if type(value) is np.ndarray and value.dtype.kind == "b" and value.shape == (n,):
        return value
    return boolean_vector("selected", value, n)


def _names(name: str, value: Any) -> Sequence[str]:
    """Refuse what is not an ordered collection of strings."""
    if isinstance(value, (str, bytes, Set, Mapping)) or not hasattr(value, "__len__"):
        raise ProblemError(f"{name}: {shown(value)} where a list of strings is needed")
    for i, item in enumerate(value):
        if not isinstance(item, str):
            raise ProblemError(f"{name}[{i}] = {shown(item)}: not a string; give a list of strings")
    names: Sequence[str] = value
    return names


def identifiers(name: str, value: Sequence[str] | None, n: int, what: str) -> tuple[str, ...] | None:
    """Validate n unique strings, or None."""
    if value is None:
        return None
    names = tuple(map(str, _names(name, value)))
    if len(names) != n:
        raise ProblemError(f"{name}: has {len(names)} names for {n} {what}; they must agree")
    if len(set(names)) < n:
        twice = next(item for item, count in Counter(names).items() if count > 1)
        raise ProblemError(f"{name}: {shown(twice)} stands twice; names must be unique")
    return names
