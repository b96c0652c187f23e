"""The round loop: plans keep every limit, state what was reported, and give every client its long-run share."""

from __future__ import annotations

import math
import random
import tempfile
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from .claim_record import ClaimRecord, above, records_of
from .enumeration import brute_force
from .rigorous_check import verify_solution

__all__ = ["ROUND_CLAIMS", "round_claims"]

ROUND_CLAIMS = (
    "rounds: every claim of every plan's answer",
    "rounds: the problem is what was reported",
    "rounds: a plan of exact is the enumerated optimum",
    "rounds: finishing times and latency follow from the bandwidths",
    "rounds: whoever has not reported for longer than max_age is left out",
    "rounds: every client has its long-run share, but for its patience and one round",
    "rounds: a saved allocator goes on as the first one does",
)

_CLIENTS, _MAX_AGE, _SHARE, _PATIENCE = 7, 2, 0.3, 2.0
_NEEDS = {"speech": 0.4, "vision": 0.5}


def _report(draw: random.Random) -> dict[str, Any]:
    return {
        "cn0_hz": float(f"{1e6 * 10.0 ** (1.5 * draw.random()):.4g}"),
        "payload_bits": float(f"{1e6 * (0.5 + draw.random()):.4g}"),
        "compute_s": float(f"{0.3 * draw.random():.4g}"),
        "tasks": {task: float(f"{0.1 + draw.random():.4g}") for task in _NEEDS},
    }


def round_claims(rounds: int) -> dict[str, ClaimRecord]:
    """Plan so many rounds with each of two methods, for clients that report, fall silent and come back."""
    claims = records_of(ROUND_CLAIMS)
    package = import_module("fedss_opt.rounds")
    for method in ("admm", "exact"):
        fairness = package.Fairness(min_share=_SHARE, patience=_PATIENCE)
        allocator = package.RoundAllocator(
            bandwidth_hz=2e6, tasks=dict(_NEEDS), method=method, max_age=_MAX_AGE, fairness=fairness
        )
        _run(allocator, method, rounds, claims)
    return claims


def _run(allocator: Any, method: str, rounds: int, claims: dict[str, ClaimRecord]) -> None:
    true, stated, best, times, stale, shares, saved = claims.values()
    draw = random.Random(f"rounds/{method}")
    reports: dict[str, dict[str, Any]] = {}
    heard: dict[str, int] = {}
    served = {f"c{n}": [0, 0.0] for n in range(_CLIENTS)}
    for round_ in range(rounds):
        where = f"{method}, round {round_}"
        for name in served:
            if round_ == 0 or draw.random() < 0.6:
                reports[name], heard[name] = _report(draw), round_
                allocator.update(name, round=round_, **reports[name])
        again = None
        if round_ % 5 == 4:
            with tempfile.TemporaryDirectory() as folder:
                allocator.save(Path(folder) / "state.json")
                again = type(allocator).load(Path(folder) / "state.json").allocate(round_)
        plan = allocator.allocate(round_)
        if again is not None:
            same = again.clients == plan.clients and again.objective_s == plan.objective_s
            saved.see_true(where, same)
        current = {name for name in served if round_ - heard[name] <= _MAX_AGE}
        stale.see(where, float(len(current ^ set(plan.client_ids))))
        problem, solution = plan.problem, plan.solution
        stated.see(where, _misstated(plan, reports), 1e-12)
        report = verify_solution(problem, solution)
        true.see(f"{where}: {', '.join(c.name for c in report.failed)}", float(len(report.failed)))
        if method == "exact":
            best.see(where, abs(above(solution.objective_s, brute_force(problem).value)), 1e-4 + 1e-7)
        index = {name: i for i, name in enumerate(plan.client_ids)}
        bandwidth = np.array([plan.bandwidth_hz.get(name, 0.0) for name in plan.client_ids])
        ends = problem.compute_s + problem.upload_s(bandwidth)
        last = max((float(ends[index[name]]) for name in plan.clients), default=0.0)
        misses = [abs(above(plan.finish_s[name], float(ends[index[name]]))) for name in plan.clients]
        times.see(where, max([*misses, abs(above(plan.latency_s, last))]), 1e-12)
        allocator.finished(round_, plan.clients)
        for name in plan.client_ids:
            served[name][0] += name in plan.clients
            served[name][1] += _SHARE
    for name, (count, due) in served.items():
        shares.see(f"{method}, {name}: {count} of {due:.1f}", due - count - (_PATIENCE + 1.0))


def _misstated(plan: Any, reports: dict[str, dict[str, Any]]) -> float:
    """Return the greatest relative difference of the plan's problem from the reports, and from the tasks' needs."""
    problem, worst = plan.problem, 0.0
    for i, name in enumerate(plan.client_ids):
        report = reports[name]
        for field in ("cn0_hz", "payload_bits", "compute_s"):
            worst = max(worst, abs(above(float(getattr(problem, field)[i]), report[field])))
        for k, task in enumerate(_NEEDS):
            worst = max(worst, abs(above(float(problem.relevance[k, i]), report["tasks"][task])))
    for k, (task, share) in enumerate(_NEEDS.items()):
        offer = math.fsum(reports[name]["tasks"][task] for name in plan.client_ids)
        worst = max(worst, abs(above(float(problem.required[k]), share * offer)))
    return worst
