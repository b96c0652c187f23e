"""Proving again: what a claim of `exact` costs to find, and what it costs to check."""

from __future__ import annotations

import time

import numpy as np
import pytest

import fedss_opt as fo

from .families import instance, rotation

# Family, N, K, seeds. The first two are those of which a check is to take at most ten times the solve.
CASES = [
    ("yang2021", 1000, 5, 10),
    ("one_task", 300, 10, 10),
    ("umi", 1000, 5, 10),
    ("heavy_tailed", 1000, 5, 5),
    ("tied", 1000, 5, 5),
    ("one_task", 10_000, 20, 3),
    ("yang2021", 10_000, 1, 5),
    ("total", 50, 3, 5),
]


@pytest.mark.parametrize(("family", "clients", "tasks", "seeds"), CASES)
def test_proof(benchmark, family: str, clients: int, tasks: int, seeds: int) -> None:
    """Time of `check`, and its ratio to the solve before it; each instance is solved once more, warm."""
    problems = [instance(family, clients, tasks, seed) for seed in range(seeds)]
    fo.check(problems[0], fo.solve(problems[0], "exact", time_limit_s=60.0))
    solve_s, check_s, proved = [], [], []

    def check(problem: fo.Problem) -> None:
        started = time.perf_counter()
        solution = fo.solve(problem, "exact", time_limit_s=60.0)
        solved = time.perf_counter()
        report = fo.check(problem, solution)
        solve_s.append(solved - started)
        check_s.append(time.perf_counter() - solved)
        proved.append(solution.gap <= 1e-8 and report.ok)

    benchmark.group = f"proof N={clients} K={tasks}"
    benchmark.pedantic(check, setup=rotation(problems), rounds=seeds, iterations=1)
    ratio = np.array(check_s) / np.array(solve_s)
    benchmark.extra_info.update(
        family=family,
        clients=clients,
        tasks=tasks,
        seeds=seeds,
        proved=sum(proved),
        solve_s=float(np.median(solve_s)),
        check_s=float(np.median(check_s)),
        ratio_median=float(np.median(ratio)),
        ratio_worst=float(ratio.max()),
    )
