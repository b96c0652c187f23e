"""Time limits: by how much a solve overruns its limit, on cells that are large, wide, or built to be slow.

The promise is 0.1 s or one oracle pass per task, whichever is more; the pass is timed beside the solve, so that a busy
machine counts on both sides. Wall time is what a limit is about, so nothing else should run.
"""

from __future__ import annotations

import time

import numpy as np
import pytest

import fedss_opt as fo
from fedss_opt.solvers import POLICIES

from .families import instance
from .test_scale import oracle_s

FAMILIES = ("yang2021", "mixed", "tied", "one_task", "forced", "near_equal")
SIZES = ((100_000, 1), (100_000, 5), (100_000, 64), (1_000_000, 1), (1_000_000, 5), (1_000_000, 64))
LIMITS_S = (0.0, 0.01, 0.1, 1.0)
ALLOWED_S = 0.1


def cell(family: str, clients: int, tasks: int, seed: int = 0) -> fo.Problem:
    """Draw a cell: the preset; tasks that nearly ask for the same; or twelve decades of everything, drawn four ways."""
    if family == "yang2021":
        return instance(family, clients, tasks, seed)
    rng = np.random.default_rng(seed)
    relevance = rng.beta(0.4, 1.2, (tasks, clients))
    if family == "tied":
        relevance = np.ceil(2.0 * relevance) / 2.0
    elif family == "one_task":
        relevance *= rng.integers(0, tasks, clients) == np.arange(tasks)[:, None]
    elif family == "near_equal":
        relevance = relevance[:1] * (1.0 + 1e-6 * rng.random((tasks, clients)))
    share = np.full(tasks, 1.0) if family == "forced" else rng.uniform(0.1, 0.6, tasks)
    return fo.Problem(
        payload_bits=10.0 ** rng.uniform(4.5, 7.2, clients),
        cn0_hz=10.0 ** rng.uniform(6.5, 10.5, clients),
        compute_s=rng.gamma(2.0, 0.2, clients),
        bandwidth_hz=0.4e6 * clients,
        relevance=relevance,
        required=share * relevance.sum(axis=1),
    )


def overruns(problem: fo.Problem, method: str, limits_s: tuple[float, ...] = LIMITS_S) -> list[dict[str, object]]:
    """Solve with one limit after the other; say what came of it and how late."""
    rows: list[dict[str, object]] = []
    for limit_s in limits_s:
        began = time.perf_counter()
        solution = fo.solve(problem, method, time_limit_s=limit_s)
        late_s = time.perf_counter() - began - limit_s
        rows.append(
            {"method": method, "limit_s": limit_s, "late_s": max(late_s, 0.0), "status": str(solution.status)}
            | {"stop_reason": str(solution.stop_reason), "gap": solution.gap}
        )
    return rows


@pytest.mark.parametrize(("clients", "tasks"), SIZES)
@pytest.mark.parametrize("family", FAMILIES)
def test_overrun(benchmark, family: str, clients: int, tasks: int) -> None:
    """The certified methods, on every family; the policies, which do not look at the data's structure, on one."""
    for method in ("admm", "exact", *POLICIES):
        fo.solve(cell(family, 50, min(tasks, 5)), method)
    problem = cell(family, clients, tasks)
    methods = ("admm", "exact") + (POLICIES if family == "mixed" else ())
    rows: list[dict[str, object]] = []
    benchmark.group = "overrun of a time limit"
    benchmark.pedantic(lambda: [rows.extend(overruns(problem, method)) for method in methods], rounds=1, iterations=1)
    typical_s = float(np.median(problem.upload_s(problem.bandwidth_hz / clients) + problem.compute_s))
    allowed_s = max(ALLOWED_S, tasks * oracle_s(problem, typical_s))
    benchmark.extra_info.update(
        family=family,
        clients=clients,
        tasks=tasks,
        allowed_s=allowed_s,
        late_s=max(row["late_s"] for row in rows),
        rows=rows,
    )
