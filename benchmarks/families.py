"""The instance families that the benchmarks and docs/benchmarks.md speak of."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

import fedss_opt as fo

FAMILIES = ("yang2021", "umi", "heavy_tailed", "tied", "one_task", "total")
HARD = ("mixed", "partition", "ties", "forced", "near_duplicate")


def instance(family: str, clients: int, tasks: int, seed: int) -> fo.Problem:
    """Draw one instance: payloads of 0.5..5 Mbit, 0.4 MHz per client, 30 % of all relevance required.

    ``yang2021`` and ``umi`` are the cells; the other families are the yang2021 cell with relevance drawn
    differently (heavy tails, ties, one task per client) or with the total-latency objective.
    """
    if family in HARD:
        return hard_instance(family, clients, tasks, seed)
    relevance = family if family in ("heavy_tailed", "tied", "one_task") else "overlapping"
    return fo.scenarios.make(
        "umi" if family == "umi" else "yang2021",
        n_clients=clients,
        n_tasks=tasks,
        seed=seed,
        payload_bits=(0.5e6, 5e6),
        bandwidth_hz=0.4e6 * clients,
        required_fraction=0.3,
        relevance=relevance,
        objective="total" if family == "total" else "makespan",
    )


def hard_instance(
    family: str, clients: int, tasks: int, seed: int, *, blocks: int | None = None, objective: str = "makespan"
) -> fo.Problem:
    """Draw one instance of a family that nothing was tuned to: three decades of payload, four of channel.

    ``mixed`` has continuous relevance of all tasks, mostly little; ``partition`` one task per client, half of which is
    required; ``ties`` few values of everything; ``forced`` a task that needs all its clients beside others;
    ``near_duplicate`` tasks whose relevances differ by a percent. 0.4 MHz per client, or so many whole blocks of it.
    """
    rng = np.random.default_rng([HARD.index(family), clients, tasks, seed])
    n, shape = clients, (tasks, clients)
    payload_bits, cn0_hz = 10.0 ** rng.uniform(4.5, 7.2, n), 10.0 ** rng.uniform(6.5, 10.5, n)
    compute_s, relevance = rng.gamma(2.0, 0.2, n), rng.beta(0.4, 1.2, shape)
    fraction = rng.uniform(0.1, 0.6, tasks)
    if family == "partition":
        relevance, fraction = relevance * (rng.integers(0, tasks, n) == np.arange(tasks)[:, None]), np.full(tasks, 0.5)
    elif family == "ties":
        payload_bits, cn0_hz, compute_s = np.full(n, 1e6), 10.0 ** rng.integers(7, 10, n), np.zeros(n)
        relevance = rng.integers(0, 5, shape) / 4.0
    elif family == "near_duplicate":
        relevance = relevance[0] * (1.0 + 0.01 * rng.uniform(-1.0, 1.0, shape))
    required = fraction * relevance.sum(axis=1)
    if family == "forced":
        relevance[0] = np.arange(n) < max(n // 10, 1)
        required[0] = relevance[0].sum()
    return fo.Problem(
        payload_bits=payload_bits,
        cn0_hz=cn0_hz,
        compute_s=compute_s,
        bandwidth_hz=0.4e6 * n,
        resource_block_hz=None if blocks is None else 0.4e6 * n / blocks,
        relevance=relevance,
        required=required,
        objective=objective,
    )


def rotation(problems: list[fo.Problem]) -> Callable[[], tuple[tuple[fo.Problem], dict[str, object]]]:
    """Return a pytest-benchmark setup that hands out the problems in turn: the median is over instances."""
    position = 0

    def setup() -> tuple[tuple[fo.Problem], dict[str, object]]:
        nonlocal position
        problem = problems[position % len(problems)]
        position += 1
        return (problem,), {}

    return setup
