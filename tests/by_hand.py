"""Answers made without any solver: for tests of what is done with an answer, not of how it is found."""

from __future__ import annotations

import math

import numpy as np
from scipy.optimize import brentq

from fedss_opt import Certificate, CertificateKind, Problem, Solution, Status, StopReason


def bandwidths(problem: Problem, selected: np.ndarray) -> np.ndarray:
    """Bandwidths with which all of a selection finish at about the same time, in sum just below B."""

    def least(deadline: float) -> np.ndarray:
        low, high = np.full(problem.n_clients, 1e-3), np.full(problem.n_clients, 1e12)
        for _ in range(60):
            middle = np.sqrt(low * high)
            late = problem.compute_s + problem.upload_s(middle) > deadline
            low, high = np.where(late, middle, low), np.where(late, high, middle)
        return np.where(selected, np.clip(high, problem.min_bandwidth_hz, problem.max_bandwidth_hz), 0.0)

    def load(deadline: float) -> float:
        return math.fsum(least(deadline).tolist()) / problem.bandwidth_hz

    if not selected.any():
        return np.zeros(problem.n_clients)
    early, late = math.log(1e-12), math.log(1e9)
    if load(1e9) <= 1.0 < load(1e-12):
        late = brentq(lambda deadline: math.log(load(math.exp(deadline))), early, late, xtol=1e-15, rtol=1e-15)
    deadline, step = math.exp(late), 1e-15
    while load(deadline) > 1.0 and deadline < 1e9:
        deadline, step = deadline * (1.0 + step), 2.0 * step
    return least(deadline)


def answer(problem: Problem, selected: np.ndarray | None = None, **changes: object) -> Solution:
    """The answer of a selection (of all available clients by default), without a bound."""
    chosen = problem.available.copy() if selected is None else selected
    b = bandwidths(problem, chosen)
    figures: dict[str, object] = {
        "status": Status.FEASIBLE,
        "stop_reason": StopReason.COMPLETED,
        "selected": chosen,
        "bandwidth_hz": b,
        "latency_s": problem.latency_s(chosen, b),
        "objective_s": problem.objective_s(chosen, b),
        "lower_bound_s": math.nan,
        "certificate": None,
        "method": "by hand",
    }
    return Solution(**(figures | changes))


def uncovered(problem: Problem, task: int) -> Solution:
    """Say that a task cannot be served, with the certificate of that."""
    proof = Certificate(kind=CertificateKind.COVERAGE, price=math.inf, multipliers=np.zeros(problem.n_tasks), task=task)
    return Solution(
        status=Status.INFEASIBLE,
        stop_reason=StopReason.COMPLETED,
        selected=np.zeros(problem.n_clients, dtype=bool),
        bandwidth_hz=np.zeros(problem.n_clients),
        latency_s=math.inf,
        objective_s=math.inf,
        lower_bound_s=math.inf,
        certificate=proof,
        method="by hand",
        message=f"task {problem.task_name(task)} needs more than all clients offer",
    )


def greedy(problem: Problem) -> np.ndarray:
    """Cover the tasks, best channel first."""
    channel = problem.cn0_hz if problem.cn0_hz is not None else problem.spectral_efficiency
    assert channel is not None
    chosen = problem.mandatory.copy()
    for n in np.argsort(-channel):
        if problem.covers(chosen).all():
            break
        chosen[n] |= problem.available[n]
    return chosen
