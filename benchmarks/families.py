"""The instance families that the benchmarks and docs/benchmarks.md speak of."""

from __future__ import annotations

from collections.abc import Callable

import fedss_opt as fo

FAMILIES = ("yang2021", "umi", "heavy_tailed", "tied", "one_task", "total")


def instance(family: str, clients: int, tasks: int, seed: int) -> fo.Problem:
    """Draw one instance: payloads of 0.5..5 Mbit, 0.4 MHz per client, 30 % of all relevance required.

    ``yang2021`` and ``umi`` are the cells; the other families are the yang2021 cell with relevance drawn
    differently (heavy tails, ties, one task per client) or with the total-latency objective.
    """
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


def rotation(problems: list[fo.Problem]) -> Callable[[], tuple[tuple[fo.Problem], dict[str, object]]]:
    """Return a pytest-benchmark setup that hands out the problems in turn: the median is over instances."""
    position = 0

    def setup() -> tuple[tuple[fo.Problem], dict[str, object]]:
        nonlocal position
        problem = problems[position % len(problems)]
        position += 1
        return (problem,), {}

    return setup
