"""From a round's report and links to the allocator's plan."""

from __future__ import annotations

import math
from typing import Annotated, Any, Literal

import numpy as np
import numpy.typing as npt
from pydantic import Field, field_validator

from ..problem import Problem
from ..scenarios.draws import generator
from ..sharing.problem import to_problem
from ..solution import Solution, StopReason
from ..solvers import solve
from .algorithms.base import Report
from .settings import Settings

__all__ = ["AllocationSettings", "allocate", "round_problem"]

BoolArray = npt.NDArray[np.bool_]
FloatArray = npt.NDArray[np.float64]


class AllocationSettings(Settings):
    """What the allocator is asked for.

    Attributes
    ----------
    required_fraction : float
        What every task needs, as a fraction of what the clients that are there offer it.
    objective : {"makespan", "total"}
        What is minimised.
    gap_tol : float
        Certified gap at which a method may stop.
    relevance_step : float or None
        Relevance is rounded down to multiples of this power of two, which lets the bounds use whole steps.
    idle_s : float
        What a round costs in which nobody trains: no answer, or nobody there, s.
    """

    required_fraction: Annotated[float, Field(ge=0.0, le=1.0)] = 0.5
    objective: Literal["makespan", "total"] = "makespan"
    gap_tol: Annotated[float, Field(gt=0.0)] = 1e-4
    relevance_step: Annotated[float, Field(gt=0.0, le=1.0)] | None = 1.0 / 64.0
    idle_s: Annotated[float, Field(gt=0.0, le=1e9)] = 1.0

    @field_validator("relevance_step")
    @classmethod
    def _accept_powers_of_two(cls, value: float | None) -> float | None:
        if value is not None and math.frexp(value)[0] != 0.5:
            raise ValueError("must be a power of two, such as 0.015625 (1/64)")
        return value


def round_problem(
    report: Report,
    settings: AllocationSettings,
    *,
    bandwidth_hz: float,
    resource_block_hz: float | None,
    uplink: dict[str, Any],
    compute_s: FloatArray,
    max_upload_s: FloatArray,
    present: BoolArray,
) -> Problem:
    """State the round's problem.

    Parameters
    ----------
    report : Report
        What the algorithm would upload, and what it is worth.
    settings : AllocationSettings
        What is asked for.
    bandwidth_hz : float
        Uplink bandwidth, Hz.
    resource_block_hz : float or None
        Width of a resource block, Hz, if there are any.
    uplink : dict
        The links, as `Problem` takes them, (N,).
    compute_s, max_upload_s : ndarray, (N,)
        Seconds before an upload can start, and how long it may last.
    present : ndarray of bool, (N,)
        Who is there.
    """
    required = np.full(len(report.relevance), settings.required_fraction)
    if report.least is not None:
        required = np.maximum(required, report.least)
    return to_problem(
        payload_bits=report.payload_bits,
        relevance=report.relevance,
        required_fraction=required,
        bandwidth_hz=bandwidth_hz,
        resource_block_hz=resource_block_hz,
        compute_s=compute_s,
        max_upload_s=max_upload_s,
        available=present,
        objective=settings.objective,
        relevance_step=settings.relevance_step,
        **uplink,
    )


def allocate(problem: Problem, policy: str, settings: AllocationSettings, *, seed: int, round_: int) -> Solution:
    """Ask a method or policy for the round's plan; policies that draw do so from the seed and the round."""
    draw = int(generator(seed, f"policy, round {round_}").integers(2**31))
    plan = solve(problem, policy, gap_tol=settings.gap_tol, seed=draw)
    if plan.stop_reason is StopReason.INTERRUPTED:
        # An answer cut short would make a round that no other run of this seed has.
        raise KeyboardInterrupt
    return plan
