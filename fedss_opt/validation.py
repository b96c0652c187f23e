"""Checks on what a caller hands in: each returns a clean, read-only array or raises one clear error."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence, Set
from enum import StrEnum
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from .array_types import BoolArray, FloatArray
from .exceptions import InputError, OptionError, ProblemError
from .fields import Domain
from .wording import one_of

__all__ = [
    "boolean_vector",
    "bounded_scalar",
    "checked_vector",
    "identifiers",
    "infer_length",
    "matrix",
    "member",
    "numbers",
    "real_number",
    "selection",
    "shape_of",
    "vector",
]


Member = TypeVar("Member", bound=StrEnum)

_BOOLEANS = frozenset((bool, np.bool_))
_NUMBERS = (int, float, np.integer, np.floating)
_least, _greatest = np.minimum.reduce, np.maximum.reduce  # array.min() costs twice as much on short arrays


def infer_length(per_client: Mapping[str, Any], relevance: Any, client_ids: Any) -> int:
    """Find N from the first field that is an array, and refuse arrays that disagree."""
    n, source = -1, ""
    for name, value in per_client.items():
        if value is None or isinstance(value, (int, float)):
            continue
        shape = shape_of(name, value)
        if len(shape) == 0:
            continue
        if len(shape) != 1:
            raise _shape_error(name, shape, "one value per client, shape (N,), or a scalar")
        n, source = _agree(n, source, shape[0], name)
    if relevance is not None:
        shape = shape_of("relevance", relevance)
        if len(shape) > 2:
            raise _shape_error("relevance", shape, "(K, N), or (N,) for a single task")
        if len(shape) > 0:
            n, source = _agree(n, source, shape[-1], "relevance")
    if client_ids is not None:
        n, source = _agree(n, source, len(_names("client_ids", client_ids)), "client_ids")
    return 1 if n < 0 else n


def _agree(n: int, source: str, found: int, name: str) -> tuple[int, str]:
    if n >= 0 and found != n:
        raise ProblemError(f"has {found} clients where {source} has {n}", field=name, accepted="they must agree")
    return found, source or name


def _shape_error(name: str, shape: tuple[int, ...], accepted: str) -> ProblemError:
    return ProblemError(f"has shape {shape}", field=name, accepted=f"give {accepted}")


def shape_of(name: str, value: npt.ArrayLike) -> tuple[int, ...]:
    """Return the shape `value` has as an array, refusing ragged data."""
    try:
        shape: tuple[int, ...] = value.shape if type(value) is np.ndarray else np.shape(value)
        return shape
    except ValueError:
        raise _ragged(name) from None


def _ragged(name: str) -> ProblemError:
    return ProblemError("its rows differ in length", field=name, accepted="give a rectangular array of numbers")


def _array(name: str, value: npt.ArrayLike) -> npt.NDArray[Any]:
    """View `value` as an array, refusing ragged data and masked entries."""
    if type(value) is np.ndarray:
        return value
    if isinstance(value, np.ma.MaskedArray) and np.ma.is_masked(value):
        index = np.argwhere(np.ma.getmaskarray(value))[0]
        raise ProblemError("is masked", field=name, index=index.tolist(), accepted="every entry must be given")
    try:
        return np.asarray(value)
    except ValueError:
        raise _ragged(name) from None


def numbers(name: str, value: Any, accepted: str | Domain) -> FloatArray:
    """Return a fresh float64 copy, refusing whatever is not a real number."""
    array = _array(name, value)
    kind, size = array.dtype.kind, array.dtype.itemsize
    if kind in "fiu" and size <= 8 and not _holds_booleans(value):
        return np.array(array, dtype=np.float64, order="C")
    # Off the beaten track: Python objects, big integers, long doubles, booleans among numbers.
    result = np.empty(array.shape)
    for index, item in np.ndenumerate(np.asarray(value, dtype=object)):
        try:
            if isinstance(item, (bool, np.bool_)) or not isinstance(item, _NUMBERS):
                raise TypeError("not a number")
            try:
                result[index] = float(item)
            except OverflowError:
                raise TypeError("beyond double precision") from None
        except TypeError as error:
            raise _refused(name, accepted, index, item, str(error)) from None
    return result


def _refused(name: str, accepted: str | Domain, index: Any, value: Any, message: str = "") -> ProblemError:
    plain, infinity = accepted, ""
    if isinstance(accepted, Domain):
        plain = accepted.magnitudes() if message == _SIZE else accepted.accepted()
        infinity = "inf" if accepted.infinite else ""
    return ProblemError(message, field=name, index=index, value=value, accepted=str(plain), infinity=infinity)


_SIZE = "out of range"


def _holds_booleans(value: Any) -> bool:
    """Tell whether a list mixes booleans among its numbers, which NumPy would silently take for 0 and 1."""
    if not isinstance(value, (list, tuple)):
        return False
    types = set(map(type, value))
    if list in types or tuple in types:
        return any(map(_holds_booleans, value))
    return not _BOOLEANS.isdisjoint(types)


def real_number(value: object) -> float | None:
    """Return a number of Python's or NumPy's as a plain float; None for whatever else, booleans included."""
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, _NUMBERS):
        return None
    try:
        return float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf


def _checked(name: str, value: Any, domain: Domain) -> FloatArray:
    """Return a fresh float64 copy, or name the first number that is not accepted."""
    array = numbers(name, value, domain)
    if array.size == 0:
        return array
    # Both are NaN as soon as one entry is.
    lowest, highest = _least(array, axis=None), _greatest(array, axis=None)
    if not domain.holds(lowest, highest):
        for good, message in ((domain.signed, ""), (domain.sized, _SIZE)):
            fine = good(array)
            if not fine.all():
                index = np.unravel_index(int(np.argmin(fine)), array.shape)
                raise _refused(name, domain, index, float(array[index]), message)
    if lowest == 0.0:
        array += 0.0  # turns -0.0 into 0.0
    return array


def bounded_scalar(name: str, value: Any, domain: Domain) -> float:
    """Validate one number."""
    shape = shape_of(name, value)
    if shape:
        raise _shape_error(name, shape, "a single number")
    return float(_checked(name, value, domain))


def vector(
    name: str, value: Any, n: int, *, positive: bool = False, infinite: bool = False, unit: str = ""
) -> FloatArray:
    """Validate (n,) numbers, broadcasting a scalar."""
    return checked_vector(name, value, n, Domain(positive=positive, infinite=infinite, unit=unit))


def checked_vector(name: str, value: Any, n: int, domain: Domain) -> FloatArray:
    """Validate (n,) numbers of a domain, broadcasting a scalar."""
    if type(value) is float and domain.holds(value, value):
        array = np.empty(n)
        array.fill(value + 0.0)  # a default, most often: no detour through NumPy
    else:
        array = _checked(name, value, domain)
        if array.ndim == 0:
            array = np.full(n, float(array))
        elif array.shape != (n,):
            raise _shape_error(name, array.shape, f"shape ({n},) or a scalar")
    array.setflags(write=False)
    return array


def matrix(name: str, value: Any, k: int, n: int, domain: Domain = Domain()) -> FloatArray:  # noqa: B008 - frozen
    """Validate (k, n) numbers; (n,) is one row, a scalar fills all."""
    array = _checked(name, value, domain)
    if array.ndim == 0:
        array = np.full((k, n), float(array))
    elif array.shape != (k, n):
        if array.shape != (n,) or k != 1:
            raise _shape_error(name, array.shape, f"({k}, {n}): one row a task, one column a client")
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
                    raise _refused(name, "must be true or false", index, item)
        if array.shape not in ((), (n,)):
            raise _shape_error(name, array.shape, f"shape ({n},) or a scalar")
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
    accepted = "give a list of strings"
    if isinstance(value, (str, bytes, Set, Mapping)) or not hasattr(value, "__len__"):
        raise ProblemError("not a list of strings", field=name, value=value, accepted=accepted)
    for i, item in enumerate(value):
        if not isinstance(item, str):
            raise ProblemError("not a string", field=name, index=(i,), value=item, accepted=accepted)
    names: Sequence[str] = value
    return names


def identifiers(name: str, value: Sequence[str] | None, n: int, what: str) -> tuple[str, ...] | None:
    """Validate n unique strings, or None."""
    if value is None:
        return None
    names = tuple(map(str, _names(name, value)))
    if len(names) != n:
        raise ProblemError(f"has {len(names)} names for {n} {what}", field=name, accepted="they must agree")
    if len(set(names)) < n:
        twice = next(item for item, count in Counter(names).items() if count > 1)
        second = [i for i, item in enumerate(names) if item == twice][1]
        raise ProblemError("stands twice", field=name, index=(second,), value=twice, accepted="names must be unique")
    return names


def member(field: str, value: Any, kinds: type[Member], error: type[InputError] = OptionError) -> Member:
    """Return the member of an enumeration that a value names, or refuse it."""
    try:
        return kinds(value)
    except ValueError:
        raise error(field=field, value=value, accepted=one_of(value, kinds)) from None
