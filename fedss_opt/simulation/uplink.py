"""A round's uplink, planned by the round allocator that users call."""

from __future__ import annotations

import math
from typing import Annotated, Any, Literal

import numpy as np
import numpy.typing as npt
from pydantic import Field, field_validator

from ..array_types import FloatArray
from ..gap_tolerance import DEFAULT_GAP_TOL
from ..rounds import RoundAllocator, RoundPlan
from ..rounds.client_reports import LEAST_RELEVANCE
from ..solution import StopReason
from .algorithms.base import UploadReport
from .section import Section

__all__ = ["AllocationSettings", "plan_uplink"]


class AllocationSettings(Section):
    """What the allocator is asked for."""

    required_fraction: Annotated[float, Field(ge=0.0, le=1.0)] = 0.5
    """What every task needs, as a fraction of what the clients that can upload offer it."""
    objective: Literal["makespan", "total"] = "makespan"
    """What is minimised."""
    gap_tol: Annotated[float, Field(gt=0.0)] = DEFAULT_GAP_TOL
    """Certified gap at which a method may stop."""
    relevance_step: Annotated[float, Field(gt=0.0, le=1.0)] | None = 1.0 / 64.0
    """Relevance is rounded down to multiples of this power of two, which lets the bounds use whole steps."""
    idle_s: Annotated[float, Field(gt=0.0, le=1e9)] = 1.0
    """What a round costs in which nobody trains: no answer, or nobody there, s."""

    @field_validator("relevance_step")
    @classmethod
    def _accept_powers_of_two(cls, value: float | None) -> float | None:
        if value is not None and math.frexp(value)[0] != 0.5:
            raise ValueError("must be a power of two, such as 0.015625 (1/64)")
        return value


def plan_uplink(
    round_: int,
    report: UploadReport,
    settings: AllocationSettings,
    *,
    policy: str,
    seed: int,
    bandwidth_hz: float,
    resource_block_hz: float | None,
    clients: npt.NDArray[np.intp],
    **measures: FloatArray,
) -> RoundPlan:
    """Let a round allocator plan a round.

    Every round has an allocator of its own. Which tasks there are, and what each needs, is an algorithm's report for
    one round; and an allocator that starts from its last plan could answer a resumed run otherwise.

    Parameters
    ----------
    round_ : int
        The round.
    report : UploadReport
        What the algorithm would upload, and what it is worth.
    settings : AllocationSettings
        What is asked for.
    policy, seed : str and int
        Method or policy of `fedss_opt.solve`; those that draw do so from the seed and the round.
    bandwidth_hz, resource_block_hz : float, the latter or None
        Uplink bandwidth, and width of a resource block if there are any, Hz.
    clients : ndarray of int, (n,)
        Who is there.
    **measures : ndarray, (N,)
        What every client reports besides, as `RoundAllocator.update` takes it: ``cn0_hz`` or
        ``spectral_efficiency``, ``compute_s``, ``max_upload_s``.

    Returns
    -------
    RoundPlan
        Its clients are places from 0 to N - 1.

    Raises
    ------
    KeyboardInterrupt
        When the solver was interrupted: an answer cut short would make a round that no other run of this seed has.
    """
    relevance, step = report.relevance, settings.relevance_step
    if step is not None:
        # Exact: dividing and multiplying by a power of two only moves the binary point.
        relevance = np.floor(relevance / step) * step
    required = np.full(len(relevance), settings.required_fraction)
    if report.least is not None:
        required = np.maximum(required, report.least)
    names = list(map(str, range(len(relevance))))
    allocator = RoundAllocator(
        bandwidth_hz=bandwidth_hz,
        tasks=dict(zip(names, required.tolist(), strict=True)),
        objective=settings.objective,
        method=policy,
        gap_tol=settings.gap_tol,
        resource_block_hz=resource_block_hz,
        seed=seed,
    )
    columns: dict[str, Any] = {name: values.tolist() for name, values in measures.items()}
    columns["payload_bits"] = report.payload_bits.tolist()
    for client in clients.tolist():
        worth = zip(names, relevance[:, client].tolist(), strict=True)
        allocator.update(
            client,
            tasks={task: amount for task, amount in worth if amount >= LEAST_RELEVANCE},
            **{name: values[client] for name, values in columns.items()},
        )
    plan = allocator.allocate(round_)
    if plan.solution.stop_reason is StopReason.INTERRUPTED:
        raise KeyboardInterrupt
    return plan
