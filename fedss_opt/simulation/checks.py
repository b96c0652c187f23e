"""Checks on the arrays of the simulator: `OptionError` names the first place that is not accepted."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from ..array_types import BoolArray
from ..exceptions import OptionError

__all__ = ["checked_array", "checked_places", "refuse_where", "within"]

_KINDS = {"i": "iu", "f": "iuf", "b": "b"}


def refuse_where(name: str, array: npt.NDArray[Any], bad: BoolArray, accepted: str) -> None:
    """Name the first place that is bad, what stands there and what is accepted."""
    if bad.any():
        place = np.unravel_index(int(np.argmax(bad)), bad.shape)
        raise OptionError(field=name, index=tuple(map(int, place)), value=array[place], accepted=accepted)


def within(name: str, array: npt.NDArray[Any], low: float, high: float) -> None:
    """Refuse what is outside [low, high]."""
    refuse_where(name, array, (array < low) | (array > high), f"must be {low:g} to {high:g}")


def checked_array(
    name: str,
    value: npt.ArrayLike,
    shapes: tuple[tuple[int, ...], ...],
    dtype: npt.DTypeLike,
    *,
    accept: str = "",
    hint: str = "",
) -> npt.NDArray[Any]:
    """Return an array of one of some shapes and finite numbers, as a read-only view in a type.

    Integers are made of integers only, floats of integers too, unless `accept` says of which kinds; what has the type
    already is not copied. `hint` is said of a number that is not finite.

    Raises
    ------
    OptionError
        For another shape or kind, or a number that is not finite.
    """
    array, wanted = np.asarray(value), np.dtype(dtype)
    if array.dtype.kind not in (accept or _KINDS[wanted.kind]):
        raise OptionError(f"dtype {array.dtype}", field=name, accepted=f"must be {wanted}")
    if array.shape not in shapes:
        raise OptionError(f"has shape {array.shape}", field=name, accepted=f"must have {' or '.join(map(str, shapes))}")
    if array.dtype.kind == "f":
        refuse_where(name, array, ~np.isfinite(array), f"must be finite{hint}")
    view = np.ascontiguousarray(array, dtype=wanted).view()
    view.flags.writeable = False
    return view


def checked_places(name: str, value: npt.ArrayLike, size: int) -> npt.NDArray[np.intp]:
    """Return places among `size` things; a mask, which would read as zeros and ones, is refused."""
    array = np.asarray(value)
    accepted = f"must be a vector of integers from 0 to {size - 1}"
    if array.ndim != 1 or (array.size and array.dtype.kind not in "iu"):
        raise OptionError(f"shape {array.shape}, dtype {array.dtype}", field=name, accepted=accepted)
    refuse_where(name, array, (array < 0) | (array >= size), accepted)
    return array.astype(np.intp)
