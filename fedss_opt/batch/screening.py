"""Which problems of a batch cannot be accepted: found for all at once, told apart by `Problem` itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..array_types import BoolArray, FloatArray, IntArray
from ..exceptions import ProblemError
from ..fields import CLIENT_FIELDS, FIELD, LINKS, Objective
from ..problem import Problem
from ..resource_blocks import too_many_blocks

if TYPE_CHECKING:
    from .problems import ProblemBatch

__all__ = ["bad_problems"]


_MODELS = list(LINKS)


def bad_problems(batch: ProblemBatch) -> dict[int, str]:
    """Return what `Problem` says of each problem that it refuses.

    The arrays are searched for what may be wrong; `Problem` has the last word on the few problems where it is.
    """
    errors = {}
    for i in np.flatnonzero(_suspects(batch)).tolist():
        try:
            Problem(**batch.fields(i))
        except ProblemError as error:
            errors[i] = str(error)
    return errors


def _suspects(batch: ProblemBatch) -> BoolArray:
    suspect = np.isin(batch.objective, [str(o) for o in Objective], invert=True)
    suspect |= _odd("bandwidth_hz", batch.bandwidth_hz)
    suspect |= _odd("resource_block_hz", batch.resource_block_hz) & ~np.isnan(batch.resource_block_hz)
    suspect |= too_many_blocks(batch.bandwidth_hz, batch.resource_block_hz)
    suspect[_owners(batch.entries, _odd("relevance", batch.relevance))] = True
    suspect[_owners(batch.task_offsets, _odd("required", batch.required))] = True
    model = np.repeat(batch.model, np.diff(batch.offsets))
    for name, field in CLIENT_FIELDS.items():
        column: Any = getattr(batch, name)
        if column is None or field.type != "number":
            continue
        odd = _odd(name, column)
        if field.model:  # the others' links are to be unknown
            odd = np.where(model == _MODELS.index(field.model), odd, ~np.isnan(column))
        suspect[_owners(batch.offsets, odd)] = True
    crossed = batch.min_bandwidth_hz > batch.max_bandwidth_hz
    suspect[_owners(batch.offsets, crossed | (batch.mandatory & ~batch.available))] = True
    return suspect


def _odd(name: str, column: FloatArray) -> BoolArray:
    """Mark the entries that a field may not accept; NaN is one."""
    odd: BoolArray = ~FIELD[name].domain.good(column)
    return odd


def _owners(offsets: IntArray, odd: BoolArray) -> IntArray:
    """Return the problems that the marked entries belong to."""
    return np.searchsorted(offsets, np.flatnonzero(odd), side="right") - 1
