"""What a `Problem` is given, validated together: the fields' sizes must agree, and so must their meanings."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from .array_types import FloatArray
from .exceptions import ProblemError
from .fields import CLIENT_FIELDS, FIELD, LINKS, Objective
from .resource_blocks import MOST_BLOCKS, too_many_blocks
from .validation import boolean_vector, bounded_scalar, checked_vector, identifiers, infer_length, matrix, shape_of

__all__ = ["checked_fields", "other_links", "refuse_crossed_limits"]


_SCALARS = tuple((f.name, f.domain, f.required) for f in FIELD.values() if f.shape == "scalar" and f.type == "number")
_VECTORS = tuple(
    (name, None if f.type == "boolean" else f.domain, not f.required and f.default is None)
    for name, f in CLIENT_FIELDS.items()
)
_REQUIRED = FIELD["required"].domain


def checked_fields(given: Mapping[str, Any]) -> dict[str, Any]:
    """Validate what a `Problem` is given, a value for each of `FIELDS`; return them, arrays copied and read-only.

    Raises
    ------
    ProblemError
        With the field, the first offending place and value, and what is accepted.
    """
    known = [name for name in LINKS.values() if given[name] is not None]
    if len(known) != 1:
        raise ProblemError(
            f"{'both' if known else 'neither'} given",
            field=", ".join(known or LINKS.values()),
            accepted=f"give exactly one: {', '.join(f'{f} for the {model} rate' for model, f in LINKS.items())}",
        )
    try:
        fields: dict[str, Any] = {"objective": Objective(given["objective"])}
    except ValueError:
        raise ProblemError(
            field="objective", value=given["objective"], accepted=FIELD["objective"].accepted()
        ) from None
    n = infer_length({name: given[name] for name in CLIENT_FIELDS}, given["relevance"], given["client_ids"])
    for name, domain, needed in _SCALARS:
        value = given[name]
        fields[name] = None if value is None and not needed else bounded_scalar(name, value, domain)
    for name, numeric, optional in _VECTORS:
        value = given[name]
        if optional and value is None:
            fields[name] = None
        elif numeric is None:
            fields[name] = boolean_vector(name, value, n)
        else:
            fields[name] = checked_vector(name, value, n, numeric)
    fields["client_ids"] = identifiers("client_ids", given["client_ids"], n, "clients")
    fields["relevance"], fields["required"] = _tasks(given, n)
    fields["task_ids"] = identifiers("task_ids", given["task_ids"], len(fields["required"]), "tasks")
    _refuse_contradictions(fields)
    return fields


def other_links(given: dict[str, Any]) -> dict[str, Any]:
    """Return the links of other client models than the two that arguments are named after; refuse whatever else."""
    for name in given:
        if name not in LINKS.values():
            raise TypeError(f"{name!r} is no field of a problem; the fields are {', '.join(FIELD)}")
    return given


def _tasks(given: Mapping[str, Any], n: int) -> tuple[FloatArray, FloatArray]:
    """Validate relevance (K, N) and requirement (K,) together: either gives K."""
    relevance, required, task_ids = given["relevance"], given["required"], given["task_ids"]
    if relevance is None:
        if required is not None and math.prod(shape_of("required", required)) > 0:
            raise ProblemError(
                "given without relevance", field="required", accepted="give relevance of shape (K, N) too"
            )
        return matrix("relevance", np.zeros((0, n)), 0, n), checked_vector("required", np.zeros(0), 0, _REQUIRED)
    if required is None:
        raise ProblemError(
            "missing", field="required", accepted="give what each task needs, shape (K,), beside relevance"
        )
    shape, needs = shape_of("relevance", relevance), shape_of("required", required)
    if len(shape) == 2:
        k = shape[0]
    elif len(needs) == 1:
        k = needs[0]
    else:
        k = 1 if task_ids is None else len(task_ids)
    offered = matrix("relevance", relevance, k, n, FIELD["relevance"].domain)
    return offered, checked_vector("required", required, k, _REQUIRED)


def _refuse_contradictions(fields: Mapping[str, Any]) -> None:
    block_hz, bandwidth_hz = fields["resource_block_hz"], fields["bandwidth_hz"]
    if block_hz is not None and too_many_blocks(bandwidth_hz, block_hz):
        raise ProblemError(
            f"makes {bandwidth_hz / block_hz:.3g} blocks of bandwidth_hz = {bandwidth_hz}; at most {MOST_BLOCKS:g} are "
            "counted without error",
            field="resource_block_hz",
            value=block_hz,
            accepted=f"must be at least {bandwidth_hz / MOST_BLOCKS:g}, or left out for continuous bandwidth",
        )
    least, most = fields["min_bandwidth_hz"], fields["max_bandwidth_hz"]
    if least.size:
        i = int((least > most).argmax())  # the first, or 0 where there is none
        refuse_crossed_limits(float(least[i]), float(most[i]), (i,))
    barred = fields["mandatory"] > fields["available"]
    if barred.any():
        raise ProblemError(
            "true where available is false",
            field="mandatory",
            index=(int(barred.argmax()),),
            accepted="a mandatory client must be available",
        )


def refuse_crossed_limits(least_hz: float, most_hz: float, index: tuple[int, ...] = ()) -> None:
    """Refuse a client whose least bandwidth is above its greatest."""
    if least_hz > most_hz:
        raise ProblemError(
            field="min_bandwidth_hz",
            index=index,
            value=least_hz,
            accepted=f"must be at most max_bandwidth_hz, which is {most_hz} there",
        )
