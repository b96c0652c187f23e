"""What a `Problem` is made of, validated together: the fields' sizes must agree, and so must their meanings."""

from __future__ import annotations

import math
from collections.abc import Sequence
from enum import StrEnum
from typing import Any

import numpy as np
import numpy.typing as npt

from .exceptions import ProblemError
from .resource_blocks import MOST_BLOCKS, too_many_blocks
from .validation import (
    boolean_vector,
    bounded_scalar,
    identifiers,
    infer_length,
    matrix,
    refuse_faint,
    shape_of,
    vector,
)

__all__ = ["Objective", "RateModel", "problem_fields"]

FloatArray = npt.NDArray[np.float64]


class Objective(StrEnum):
    """What a round costs."""

    MAKESPAN = "makespan"
    """The time at which the last selected client has uploaded (a synchronous round)."""
    TOTAL = "total"
    """The weighted sum of the selected clients' times."""


class RateModel(StrEnum):
    """How a client's rate grows with its bandwidth."""

    SHANNON = "shannon"
    """``b log2(1 + g / b)``: fixed transmit power spread over the band."""
    FLAT = "flat"
    """``e b``: fixed power spectral density, or a fixed modulation and coding scheme."""


def problem_fields(
    *,
    payload_bits: npt.ArrayLike,
    bandwidth_hz: float,
    resource_block_hz: float | None,
    cn0_hz: npt.ArrayLike | None,
    spectral_efficiency: npt.ArrayLike | None,
    relevance: npt.ArrayLike | None,
    required: npt.ArrayLike | None,
    compute_s: npt.ArrayLike,
    max_upload_s: npt.ArrayLike,
    min_bandwidth_hz: npt.ArrayLike,
    max_bandwidth_hz: npt.ArrayLike,
    weights: npt.ArrayLike,
    mandatory: npt.ArrayLike,
    available: npt.ArrayLike,
    objective: str,
    client_ids: Sequence[str] | None,
    task_ids: Sequence[str] | None,
) -> dict[str, Any]:
    """Validate what a `Problem` is given; return its fields, arrays copied and read-only.

    Raises
    ------
    ProblemError
        Naming the field, the first offending place and value, and what is accepted.
    """
    if (cn0_hz is None) == (spectral_efficiency is None):
        found = "neither" if cn0_hz is None else "both"
        raise ProblemError(
            f"cn0_hz, spectral_efficiency: {found} given; give exactly one: cn0_hz (Hz) for the Shannon "
            "rate, spectral_efficiency (bit/s/Hz) for the flat rate"
        )
    try:
        chosen = Objective(objective)
    except ValueError:
        accepted = ", ".join(repr(str(o)) for o in Objective)
        raise ProblemError(f"objective = {objective!r}: must be one of {accepted}") from None

    per_client: dict[str, Any] = {
        "payload_bits": payload_bits,
        "cn0_hz": cn0_hz,
        "spectral_efficiency": spectral_efficiency,
        "compute_s": compute_s,
        "max_upload_s": max_upload_s,
        "min_bandwidth_hz": min_bandwidth_hz,
        "max_bandwidth_hz": max_bandwidth_hz,
        "weights": weights,
        "mandatory": mandatory,
        "available": available,
    }
    n = infer_length(per_client, relevance, client_ids)
    fields: dict[str, Any] = {
        "objective": chosen,
        "bandwidth_hz": bounded_scalar("bandwidth_hz", bandwidth_hz, unit="Hz"),
        "resource_block_hz": None,
        "payload_bits": vector("payload_bits", payload_bits, n, positive=True, unit="bit"),
        "cn0_hz": None,
        "spectral_efficiency": None,
        "compute_s": vector("compute_s", compute_s, n, unit="s"),
        "max_upload_s": vector("max_upload_s", max_upload_s, n, positive=True, infinite=True, unit="s"),
        "min_bandwidth_hz": vector("min_bandwidth_hz", min_bandwidth_hz, n, unit="Hz"),
        "max_bandwidth_hz": vector("max_bandwidth_hz", max_bandwidth_hz, n, positive=True, infinite=True, unit="Hz"),
        "weights": vector("weights", weights, n, positive=True, unit=""),
        "mandatory": boolean_vector("mandatory", mandatory, n),
        "available": boolean_vector("available", available, n),
        "client_ids": identifiers("client_ids", client_ids, n, "clients"),
    }
    if resource_block_hz is not None:
        fields["resource_block_hz"] = bounded_scalar("resource_block_hz", resource_block_hz, unit="Hz")
        _refuse_too_fine(fields["resource_block_hz"], fields["bandwidth_hz"])
    if cn0_hz is not None:
        fields["cn0_hz"] = vector("cn0_hz", cn0_hz, n, positive=True, unit="Hz")
    else:
        fields["spectral_efficiency"] = vector(
            "spectral_efficiency", spectral_efficiency, n, positive=True, unit="bit/s/Hz"
        )
    fields["relevance"], fields["required"] = _tasks(relevance, required, n, task_ids)
    fields["task_ids"] = identifiers("task_ids", task_ids, len(fields["required"]), "tasks")
    _refuse_contradictions(fields)
    return fields


def _tasks(
    relevance: npt.ArrayLike | None,
    required: npt.ArrayLike | None,
    n: int,
    task_ids: Sequence[str] | None,
) -> tuple[FloatArray, FloatArray]:
    """Validate relevance (K, N) and requirement (K,) together: either gives K."""
    if relevance is None:
        if required is not None and math.prod(shape_of("required", required)) > 0:
            raise ProblemError("required: given without relevance; give relevance of shape (K, N) too")
        return matrix("relevance", np.zeros((0, n)), 0, n), vector("required", np.zeros(0), 0)
    if required is None:
        raise ProblemError("required: missing; give what each task needs, shape (K,), beside relevance")
    shape, needs = shape_of("relevance", relevance), shape_of("required", required)
    if len(shape) == 2:
        k = shape[0]
    elif len(needs) == 1:
        k = needs[0]
    else:
        k = 1 if task_ids is None else len(task_ids)
    offered, needed = matrix("relevance", relevance, k, n), vector("required", required, k)
    refuse_faint("required", needed)
    return offered, needed


def _refuse_too_fine(block_hz: float, bandwidth_hz: float) -> None:
    if too_many_blocks(bandwidth_hz, block_hz):
        raise ProblemError(
            f"resource_block_hz = {block_hz}: makes {bandwidth_hz / block_hz:.3g} blocks of bandwidth_hz = "
            f"{bandwidth_hz}; at most {MOST_BLOCKS:g} are counted without error, so it must be at least "
            f"{bandwidth_hz / MOST_BLOCKS:g}, or left out for continuous bandwidth"
        )


def _refuse_contradictions(fields: dict[str, Any]) -> None:
    crossed = fields["min_bandwidth_hz"] > fields["max_bandwidth_hz"]
    if crossed.any():
        i = int(crossed.argmax())
        raise ProblemError(
            f"min_bandwidth_hz[{i}] = {fields['min_bandwidth_hz'][i]} exceeds "
            f"max_bandwidth_hz[{i}] = {fields['max_bandwidth_hz'][i]}; it must not"
        )
    barred = fields["mandatory"] > fields["available"]
    if barred.any():
        i = int(barred.argmax())
        raise ProblemError(f"mandatory[{i}] is true but available[{i}] is false; a mandatory client must be available")
