"""From what a caller hands in to the flat columns of a batch, and from columns to something small to send."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from ..array_types import BoolArray, FloatArray, IntArray
from ..exceptions import ProblemError
from ..fields import Objective
from ..validation import boolean_vector, numbers, shape_of

__all__ = [
    "flag_column",
    "number_column",
    "objective_column",
    "offsets_from",
    "packed",
    "starts",
    "unpacked",
]


def offsets_from(name: str, value: npt.ArrayLike) -> IntArray:
    """Validate offsets (P + 1,): integers that begin with 0 and never fall."""
    array = np.asarray(value)
    if array.ndim != 1 or array.size == 0 or array.dtype.kind not in "iu":
        raise ProblemError(
            field=name, accepted="give integers of shape (P + 1,): where each problem begins, and where the last ends"
        )
    offsets = array.astype(np.int64)
    falls = np.flatnonzero(np.diff(offsets) < 0)
    if offsets[0] != 0 or falls.size:
        i = int(falls[0]) + 1 if falls.size else 0
        raise ProblemError(field=name, index=(i,), value=offsets[i], accepted="offsets begin with 0 and never fall")
    return offsets


def starts(sizes: IntArray) -> IntArray:
    """Return the offsets of consecutive pieces of given sizes."""
    offsets = np.zeros(len(sizes) + 1, dtype=np.int64)
    np.cumsum(sizes, out=offsets[1:])
    return offsets


def number_column(name: str, value: npt.ArrayLike, size: int, what: str) -> FloatArray:
    """Return a flat float64 copy of `size` numbers, broadcasting a scalar; what they are worth is judged later."""
    array = numbers(name, value, "must be a number")
    if array.ndim == 0:
        return np.full(size, float(array) + 0.0)
    if array.size != size:
        raise ProblemError(
            f"has {array.size} entries where the batch has {size} {what}", field=name, accepted="they must agree"
        )
    array += 0.0  # turns -0.0 into 0.0
    return array.reshape(-1)


def flag_column(name: str, value: npt.ArrayLike, size: int) -> BoolArray:
    """Return a flat copy of `size` booleans, broadcasting a scalar."""
    shape = shape_of(name, value)
    if len(shape) > 1:
        value = np.ravel(np.asarray(value))
    return boolean_vector(name, value, size)


def objective_column(value: Any, size: int) -> npt.NDArray[np.str_]:
    """Return the objective's name for each problem; what is no name of one is judged later."""
    names = np.array(str(value) if isinstance(value, str) else [str(v) for v in value], dtype=np.str_)
    if names.ndim and len(names) != size:
        raise ProblemError(
            f"has {len(names)} entries for {size} problems", field="objective", accepted="they must agree"
        )
    longest = max(9, *(len(o) for o in Objective))  # cut what is longer: it is no objective all the same
    return np.array(np.broadcast_to(names, (size,)), dtype=f"<U{longest + 1}")


def packed(column: npt.NDArray[Any] | None) -> Any:
    """Return a column as it travels: one entry and a length where all are the same, as most optional ones are."""
    if column is None or column.ndim != 1 or column.size < 2 or not (column == column[0]).all():
        return column
    return column[:1].copy(), column.size


def unpacked(column: Any) -> Any:
    """Undo `packed`."""
    return np.repeat(*column) if isinstance(column, tuple) else column
