"""Answers as witnesses: what is asked of a method, and what anybody's answer proves against a claim.

A claim is refuted by an answer that keeps every constraint, and by nothing else: neither a reference solver's 'no', nor
a figure that differs. Whoever found the answer need not be trusted, for the answer is checked.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...array_types import BoolArray, FloatArray
from ...checking import check
from ...gap_tolerance import gap_tol_of
from ...problem import Objective, Problem
from ...solution import Solution, Status, StopReason
from ..allowances import Allowances
from ..block_tables import BlockTable, greedy_split
from ..plain_bandwidths import least_bandwidths, selection_bandwidths, selection_value
from ..rigorous_check import verify_solution

__all__ = ["AGREEMENT", "Ask", "allocate", "keeps_everything", "witness"]


# Two figures of one thing agree to this fraction: what `fedss_opt.check` allows a reported figure.
AGREEMENT = 1e-9

_NO_ALLOWANCE = Allowances(bandwidth=0.0, time=0.0, figure=2.0**-46, bound=0.0)


@dataclass(frozen=True, kw_only=True)
class Ask:
    """One method with its options, as `fedss_opt.solve` takes them; what is None stays at its default."""

    method: str
    gap_tol: float | None = None
    max_iterations: int | None = None
    time_limit_s: float | None = None
    seed: int | None = None

    @property
    def options(self) -> dict[str, Any]:
        """The options that are given."""
        names = ("gap_tol", "max_iterations", "time_limit_s", "seed")
        return {name: getattr(self, name) for name in names if getattr(self, name) is not None}

    @property
    def unlimited(self) -> bool:
        """Whether nothing but the method itself ends it, so that its answer is the same everywhere."""
        return self.max_iterations is None and self.time_limit_s is None

    @property
    def tolerance(self) -> float:
        """The gap at which an answer may be called optimal."""
        return gap_tol_of(self.method, self.gap_tol)

    def __str__(self) -> str:
        return ", ".join([self.method, *(f"{name}={value!r}" for name, value in self.options.items())])


def witness(problem: Problem, source: str, selected: BoolArray, bandwidth_hz: FloatArray) -> Solution | None:
    """Return an answer as a witness, with its source for a method; None where it does not keep the constraints."""
    if not (np.isfinite(bandwidth_hz).all() and (bandwidth_hz >= 0.0).all()):
        return None
    solution = Solution(
        status=Status.FEASIBLE,
        stop_reason=StopReason.COMPLETED,
        selected=selected,
        bandwidth_hz=bandwidth_hz,
        latency_s=problem.latency_s(selected, bandwidth_hz),
        objective_s=problem.objective_s(selected, bandwidth_hz),
        lower_bound_s=math.nan,
        certificate=None,
        method=source,
    )
    return solution if math.isfinite(solution.objective_s) and check(problem, solution).ok else None


def keeps_everything(problem: Problem, found: Solution) -> bool:
    """Whether a witness keeps every constraint in exact and ball arithmetic, to the last bit."""
    return verify_solution(problem, found, allowances=_NO_ALLOWANCE).ok


def allocate(problem: Problem, selected: BoolArray) -> FloatArray | None:
    """Bandwidths for a selection by plain NumPy, Hz, (N,), as good as its floats; None where it does not fit."""
    if problem.resource_block_hz is not None:
        split = greedy_split(BlockTable(problem), selected)
        in_blocks: FloatArray = split.counts.astype(np.float64) * problem.resource_block_hz
        return in_blocks if split.value < math.inf else None
    value = selection_value(problem, selected)
    if not value < math.inf:
        return None
    band, floor = problem.bandwidth_hz, np.where(selected, least_bandwidths(problem, math.inf), 0.0)
    if problem.objective is Objective.MAKESPAN:
        for slack in (0.0, 1e-15, 1e-14, 1e-12, 1e-10):
            b = np.where(selected, least_bandwidths(problem, value * (1.0 + slack)), 0.0)
            b = np.minimum(b * (1.0 + 2.0**-50), problem.max_bandwidth_hz)
            if math.fsum(b.tolist()) <= band:
                return b
        return floor
    b = np.where(selected, selection_bandwidths(problem, selected), 0.0)
    excess, room = math.fsum(b.tolist()) - band, math.fsum((b - floor).tolist())
    return b if excess <= 0.0 else floor + (b - floor) * max(0.0, 1.0 - excess / room - 1e-14) if room > 0.0 else None
