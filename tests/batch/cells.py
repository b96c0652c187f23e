"""Mixed problems for batches, and what it means that two answers are the same."""

from __future__ import annotations

from typing import Any

import numpy as np

from fedss_opt import BatchSolution, Problem, Solution

__all__ = ["assert_same", "assert_same_batch", "mixed", "mixed_batch"]


def mixed(rng: np.random.Generator, most: int = 300) -> Problem:
    """Any problem: 0 to `most` clients, 0 to 6 tasks, either objective and rate, blocks, limits, infeasible ones."""
    n, k = min(int(rng.choice([0, 1, 2, 5, 8, 20, 60, 300], p=[0.05, 0.05, 0.1, 0.2, 0.3, 0.2, 0.08, 0.02])), most), 0
    k = int(rng.integers(0, 7))
    relevance = rng.integers(0, 16, (k, n)) / 15.0
    share = rng.choice([0.1, 0.3, 0.6, 1.0, 1.05], p=[0.2, 0.4, 0.2, 0.15, 0.05])
    fields: dict[str, Any] = {
        "payload_bits": rng.uniform(5e5, 5e6, n),
        "bandwidth_hz": 2e5 * max(n, 1),
        "relevance": relevance,
        "required": share * relevance.sum(axis=1),
        "objective": str(rng.choice(["makespan", "total"])),
    }
    if rng.random() < 0.5:
        fields["cn0_hz"] = 10.0 ** rng.uniform(5.5, 8.0, n)
    else:
        fields["spectral_efficiency"] = rng.uniform(0.1, 8.0, n)
    sometimes: dict[str, tuple[float, Any]] = {
        "compute_s": (0.7, rng.random(n)),
        "resource_block_hz": (0.3, 180e3),
        "max_upload_s": (0.3, rng.uniform(2.0, 60.0, n)),
        "min_bandwidth_hz": (0.2, rng.uniform(0.0, 4e5, n)),
        "max_bandwidth_hz": (0.2, rng.uniform(5e5, 1e6, n)),
        "weights": (0.3, rng.uniform(0.1, 10.0, n)),
        "task_ids": (0.3, [f"task {j}" for j in range(k)]),
    }
    fields |= {name: value for name, (chance, value) in sometimes.items() if rng.random() < chance}
    if rng.random() < 0.3:
        fields["available"] = rng.random(n) < 0.9
        fields["mandatory"] = fields["available"] & (rng.random(n) < 0.1)
    return Problem(**fields)


def mixed_batch(seed: int, count: int, most: int = 300) -> list[Problem]:
    rng = np.random.default_rng(seed)
    return [mixed(rng, most) for _ in range(count)]


def _bits(solution: Solution) -> tuple[Any, ...]:
    """Everything but the time it took; NaN equals itself here."""
    proof = solution.certificate
    figures = np.array([solution.latency_s, solution.objective_s, solution.lower_bound_s])
    return (
        solution.status,
        solution.stop_reason,
        solution.selected.tobytes(),
        solution.bandwidth_hz.tobytes(),
        figures.tobytes(),
        None
        if proof is None
        else (proof.kind, np.float64(proof.price).tobytes(), proof.multipliers.tobytes(), proof.task),
        solution.method,
        solution.iterations,
        solution.message,
    )


def assert_same(one: Solution, other: Solution) -> None:
    assert _bits(one) == _bits(other)


def assert_same_batch(one: BatchSolution, other: BatchSolution) -> None:
    assert dict(one.errors) == dict(other.errors)
    for name, column in one._answers._asdict().items():
        if name != "solve_time_s":
            assert column.tobytes() == getattr(other._answers, name).tobytes(), name
