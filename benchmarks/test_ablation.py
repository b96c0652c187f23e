"""The ADMM with each addition switched off."""

from __future__ import annotations

import numpy as np
import pytest

from fedss_opt.solvers.admm_method import DEFAULT_TUNING, Tuning, solve_admm
from fedss_opt.solvers.options import Options

from .families import instance, rotation

VARIANTS = {
    "everything": DEFAULT_TUNING,
    "no vertex ascent": Tuning(vertex=False),
    "no window": Tuning(window_from=10**9),
    "no sample": Tuning(sample_from=10**9),
    "no kicks": Tuning(kicks=0),
    "no exchange": Tuning(width=0, kicks=0),
}
LARGE = [VARIANTS[name] for name in ("everything", "no window", "no sample")]


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize(("clients", "tasks"), [(100, 5), (1000, 5), (10_000, 5), (100_000, 5)])
def test_ablation(benchmark, clients: int, tasks: int, variant: str) -> None:
    """Time and gap of a variant on the yang2021 family."""
    if (clients > 10_000 and VARIANTS[variant] not in LARGE) or (clients < 2_000 and "window" in variant):
        pytest.skip("makes no difference, or takes minutes")
    if clients < 32_000 and "sample" in variant:
        pytest.skip("makes no difference")
    problems = [instance("yang2021", clients, tasks, seed) for seed in range(10 if clients <= 10_000 else 5)]
    solutions = [solve_admm(problem, Options(), VARIANTS[variant]) for problem in problems]
    benchmark.group = f"ablation N={clients} K={tasks}"
    benchmark.extra_info.update(
        variant=variant,
        clients=clients,
        tasks=tasks,
        gap_median=float(np.median([solution.gap for solution in solutions])),
        iterations_median=float(np.median([solution.iterations for solution in solutions])),
    )
    benchmark.pedantic(
        lambda problem: solve_admm(problem, Options(), VARIANTS[variant]),
        setup=rotation(problems),
        rounds=len(problems),
        iterations=1,
    )
