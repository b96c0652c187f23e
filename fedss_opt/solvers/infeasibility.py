"""Why a problem has no answer, in words; and the answer that says so where the tasks' relevance falls short."""

from __future__ import annotations

import math

import numpy as np

from ..problem import Problem
from ..quantities import offered
from ..solution import Certificate, CertificateKind, Solution, Status, StopReason, no_answer

__all__ = ["NONE_FOUND", "short_of_relevance", "why_caps_fail", "why_relevance_falls_short"]

NONE_FOUND = "no selection was found that meets requirements and caps, and none was excluded"


def why_relevance_falls_short(problem: Problem, task: int) -> str:
    """Say what a task lacks of what all clients that can be selected offer."""
    offer = offered(problem.relevance[task : task + 1], problem.selectable)[0]
    barred = int(np.count_nonzero(problem.available & ~problem.selectable))
    why = f" ({barred} available clients miss their limits even on the whole band)" if barred else ""
    return (
        f"task {problem.task_name(task)!r} requires {problem.required[task]:g}, but all clients that can be "
        f"selected{why} offer at most {offer:g} (short of {problem.required[task] - offer:g}); lower its "
        "requirement, or make more clients available"
    )


def why_caps_fail(problem: Problem) -> str:
    """Say why no selection keeps its limits within the carrier."""
    return (
        "max_upload_s and min_bandwidth_hz cannot be met: every selection that covers the tasks needs more than "
        f"bandwidth_hz = {problem.bandwidth_hz:g} Hz; raise "
        "bandwidth_hz, allow longer uploads, or lower the requirements"
    )


def short_of_relevance(problem: Problem, task: int, *, method: str, solve_time_s: float) -> Solution:
    """Answer a problem in which all clients that can be selected together leave a task short."""
    multipliers = np.zeros(problem.n_tasks)
    multipliers[task] = 1.0
    return no_answer(
        problem,
        status=Status.INFEASIBLE,
        stop_reason=StopReason.COMPLETED,
        lower_bound_s=math.inf,
        method=method,
        certificate=Certificate(kind=CertificateKind.COVERAGE, price=math.inf, multipliers=multipliers, task=task),
        message=why_relevance_falls_short(problem, task),
        solve_time_s=solve_time_s,
    )
