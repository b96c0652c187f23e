"""The flat arrays in which the answers of a batch are collected, and a `Solution` to and from them."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import cast
from weakref import ref

import numpy as np

from ..kernels.batch import UNKNOWN, Answers
from ..problem import Problem
from ..solution import Certificate, CertificateKind, Solution, Status, StopReason
from .problems import ProblemBatch

__all__ = ["ERROR", "KINDS", "STATUSES", "STOP_REASONS", "no_answers", "paste", "read", "withdraw", "write"]

# The codes of kernels.batch are places in these.
STATUSES, STOP_REASONS, KINDS = tuple(Status), tuple(StopReason), tuple(CertificateKind)
ERROR = STOP_REASONS.index(StopReason.ERROR)


def no_answers(batch: ProblemBatch) -> Answers:
    """Return the arrays of a batch in which nothing is solved yet: what is never solved is an error."""
    count, clients, tasks = len(batch), int(batch.offsets[-1]), int(batch.task_offsets[-1])
    return Answers(
        status=np.full(count, UNKNOWN, dtype=np.int64),
        stop_reason=np.full(count, ERROR, dtype=np.int64),
        kind=np.full(count, -1, dtype=np.int64),
        task=np.full(count, -1, dtype=np.int64),
        price=np.full(count, math.nan),
        latency_s=np.full(count, math.inf),
        objective_s=np.full(count, math.inf),
        lower_bound_s=np.full(count, math.nan),
        iterations=np.zeros(count, dtype=np.int64),
        solve_time_s=np.zeros(count),
        doubtful=np.zeros(count, dtype=np.bool_),
        selected=np.zeros(clients, dtype=np.bool_),
        bandwidth_hz=np.zeros(clients),
        multipliers=np.zeros(tasks),
    )


def paste(part: Answers, batch: ProblemBatch, first: int, answers: Answers) -> None:
    """Copy the answers of the problems from `first` on into those of the whole batch."""
    last = first + len(part.status)
    per_client = slice(batch.offsets[first], batch.offsets[last])
    for name, column in part._asdict().items():
        place = slice(first, last)
        if name in ("selected", "bandwidth_hz"):
            place = per_client
        elif name == "multipliers":
            place = slice(batch.task_offsets[first], batch.task_offsets[last])
        getattr(answers, name)[place] = column


def write(solution: Solution, batch: ProblemBatch, i: int, answers: Answers) -> None:
    """Write down the solution of problem i."""
    answers.status[i] = STATUSES.index(solution.status)
    answers.stop_reason[i] = STOP_REASONS.index(solution.stop_reason)
    answers.latency_s[i] = solution.latency_s
    answers.objective_s[i] = solution.objective_s
    answers.lower_bound_s[i] = solution.lower_bound_s
    answers.iterations[i] = solution.iterations
    answers.solve_time_s[i] = solution.solve_time_s
    clients = slice(batch.offsets[i], batch.offsets[i + 1])
    answers.selected[clients] = solution.selected
    answers.bandwidth_hz[clients] = solution.bandwidth_hz
    certificate = solution.certificate
    if certificate is not None:
        answers.kind[i] = KINDS.index(certificate.kind)
        answers.price[i] = certificate.price
        answers.task[i] = -1 if certificate.task is None else certificate.task
        answers.multipliers[batch.task_offsets[i] : batch.task_offsets[i + 1]] = certificate.multipliers


def withdraw(batch: ProblemBatch, i: int, answers: Answers) -> None:
    """Take back the selection of problem i, which does not cover its tasks after all."""
    answers.status[i] = UNKNOWN
    if STOP_REASONS[answers.stop_reason[i]] is StopReason.GAP:
        answers.stop_reason[i] = STOP_REASONS.index(StopReason.STALLED)
    answers.latency_s[i] = answers.objective_s[i] = math.inf
    clients = slice(batch.offsets[i], batch.offsets[i + 1])
    answers.selected[clients] = False
    answers.bandwidth_hz[clients] = 0.0


def read(answers: Answers, batch: ProblemBatch, i: int, method: str, message: str) -> Solution:
    """Return the solution of problem i; its arrays are its own."""
    clients = slice(batch.offsets[i], batch.offsets[i + 1])
    certificate = None
    if answers.kind[i] >= 0:
        certificate = Certificate(
            kind=KINDS[answers.kind[i]],
            price=float(answers.price[i]),
            multipliers=answers.multipliers[batch.task_offsets[i] : batch.task_offsets[i + 1]].copy(),
            task=None if answers.task[i] < 0 else int(answers.task[i]),
        )
    return Solution(
        status=STATUSES[answers.status[i]],
        stop_reason=STOP_REASONS[answers.stop_reason[i]],
        selected=answers.selected[clients].copy(),
        bandwidth_hz=answers.bandwidth_hz[clients].copy(),
        latency_s=float(answers.latency_s[i]),
        objective_s=float(answers.objective_s[i]),
        lower_bound_s=float(answers.lower_bound_s[i]),
        certificate=certificate,
        method=method,
        iterations=int(answers.iterations[i]),
        solve_time_s=float(answers.solve_time_s[i]),
        message=message,
        problem=cast("Problem", _looked_up(ref(batch), i)),
    )


def _looked_up(batch: ref[ProblemBatch], i: int) -> Callable[[], Problem | None]:
    """Return a function that builds problem i, or returns None when the batch is gone or the problem is a bad one."""

    def problem() -> Problem | None:
        problems = batch()
        return None if problems is None or i in problems.errors else problems[i]

    return problem
