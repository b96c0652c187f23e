"""Time, certified gap and distance to the optimum of the ADMM, per family and size."""

from __future__ import annotations

import numpy as np
import pytest

import fedss_opt as fo

from .families import FAMILIES, instance, rotation
from .optimum import optimal_makespan

SIZES = [(20, 1), (100, 5), (1000, 5), (10_000, 5), (100_000, 1)]
SEEDS = 20


def _seeds(clients: int) -> int:
    return SEEDS if clients <= 10_000 else 10


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize(("clients", "tasks"), SIZES)
def test_admm(benchmark, family: str, clients: int, tasks: int) -> None:
    """Median over the instances; gaps and iterations in extra_info."""
    problems = [instance(family, clients, tasks, seed) for seed in range(_seeds(clients))]
    solutions = [fo.solve(problem) for problem in problems]
    gaps = np.array([solution.gap for solution in solutions])
    benchmark.group = f"admm N={clients} K={tasks}"
    benchmark.extra_info.update(
        family=family,
        clients=clients,
        tasks=tasks,
        seeds=len(problems),
        gap_median=float(np.median(gaps)),
        gap_worst=float(gaps.max()),
        iterations_median=float(np.median([solution.iterations for solution in solutions])),
    )
    repeats = 5 if clients <= 1000 else 1
    benchmark.pedantic(fo.solve, setup=rotation(problems), rounds=repeats * len(problems), iterations=1)
    assert all(solution.has_answer for solution in solutions)


@pytest.mark.parametrize("family", [family for family in FAMILIES if family != "total"])
@pytest.mark.parametrize(("clients", "tasks"), [(20, 1), (100, 5)])
def test_distance_to_optimum(benchmark, family: str, clients: int, tasks: int) -> None:
    """How far the answers are from the proven optimum; what is timed is finding that optimum."""
    problems = [instance(family, clients, tasks, seed) for seed in range(SEEDS)]
    solutions = [fo.solve(problem) for problem in problems]
    benchmark.group = f"distance N={clients} K={tasks}"
    optima = benchmark.pedantic(
        lambda: [optimal_makespan(p, s) for p, s in zip(problems, solutions, strict=True)],
        rounds=1,
        iterations=1,
    )
    distance = np.array([s.latency_s / best - 1.0 for s, (best, _) in zip(solutions, optima, strict=True)])
    benchmark.extra_info.update(
        family=family,
        clients=clients,
        tasks=tasks,
        seeds=len(problems),
        proven=sum(proven for _, proven in optima),
        distance_worst=float(distance.max()),
        distance_mean=float(distance.mean()),
        found=int((distance < 1e-9).sum()),
    )
    for solution, (best, _) in zip(solutions, optima, strict=True):
        assert solution.lower_bound_s <= best * (1.0 + 1e-12)


@pytest.mark.parametrize("family", [family for family in FAMILIES if family != "total"])
def test_distance_to_proven(benchmark, family: str) -> None:
    """How far the answers are from the optimum that `exact` proves, where HiGHS takes seconds an instance.

    Instances without a proof are left out of the distance, and counted.
    """
    clients, tasks = 1000, 5
    problems = [instance(family, clients, tasks, seed) for seed in range(SEEDS)]
    solutions = [fo.solve(problem) for problem in problems]
    benchmark.group = f"distance N={clients} K={tasks}"
    optima = benchmark.pedantic(
        lambda: [fo.solve(problem, "exact", time_limit_s=20.0) for problem in problems], rounds=1, iterations=1
    )
    distance = np.array(
        [s.latency_s / best.latency_s - 1.0 for s, best in zip(solutions, optima, strict=True) if best.gap <= 1e-8]
    )
    benchmark.extra_info.update(
        family=family,
        clients=clients,
        tasks=tasks,
        seeds=len(problems),
        proven=int(distance.size),
        distance_worst=float(distance.max()) if distance.size else None,
        distance_mean=float(distance.mean()) if distance.size else None,
        found=int((distance < 1e-9).sum()),
    )
    assert (distance > -1e-8).all()
