"""Cells made by hand: a relevance and nothing else of consequence, for kernels that look at costs and coverage."""

from __future__ import annotations

import math

import numpy as np

from fedss_opt import Problem
from fedss_opt.cells import cell_of
from fedss_opt.kernels import MAKESPAN, Cell

__all__ = ["NEVER", "cell", "covering_cell", "relevance_kinds", "some_problem"]

NEVER = np.zeros(1, dtype=np.bool_)  # the flag of work that nobody stops


def cell(problem: Problem) -> Cell:
    """The compacted problem, which must not be short of relevance."""
    compact, short = cell_of(problem)
    assert not short.any()
    return compact


def covering_cell(relevance: np.ndarray, *, mandatory: int = 0) -> Cell:
    """A cell whose free clients have the given (n, K) relevance; requirements are 1, all else is 1 too."""
    free, tasks = relevance.shape
    n = free + mandatory
    return Cell(
        objective=MAKESPAN,
        model=1,
        total_hz=float(max(n, 1)),
        block_hz=0.0,
        free=free,
        client=np.arange(n),
        payload=np.ones(n),
        link=np.ones(n),
        start=np.zeros(n),
        weight=np.ones(n),
        low=np.zeros(n),
        high=np.full(n, float(max(n, 1))),
        relevance=np.ascontiguousarray(relevance, dtype=np.float64),
        aim=np.ones(tasks),
        task=np.arange(tasks),
        scale=np.ones(tasks),
        stop=NEVER.copy(),
    )


def relevance_kinds(rng: np.random.Generator, free: int, tasks: int, kind: str) -> np.ndarray:
    """Relevance (n, K) of a kind, scaled so that a good third of all clients is needed."""
    if kind == "own":
        table = rng.uniform(0.1, 1.0, (free, tasks))
    elif kind == "quantised":
        table = rng.integers(0, 4, (free, tasks)) / 3.0
    elif kind == "identical tasks":
        table = np.repeat(rng.integers(1, 4, (free, 1)) / 3.0, tasks, axis=1)
    elif kind == "one task each":
        table = np.where(rng.integers(0, tasks, free)[:, None] == np.arange(tasks), 1.0, 0.0)
    else:
        assert kind == "sparse"
        table = np.where(rng.random((free, tasks)) < 0.4, rng.uniform(0.1, 1.0, (free, tasks)), 0.0)
    table[:tasks] = np.maximum(table[:tasks], np.eye(tasks))  # everybody is needed somewhere
    return table / (rng.uniform(0.2, 0.6) * table.sum(axis=0))


def some_problem(rng: np.random.Generator, n: int, tasks: int, **changes: object) -> Problem:
    """An ordinary cell: 13 dB of channels and a third of what all clients offer together."""
    relevance = rng.integers(0, 16, (tasks, n)) / 15.0
    fields: dict[str, object] = {
        "payload_bits": rng.uniform(5e5, 5e6, n),
        "cn0_hz": 10.0 ** rng.uniform(5.5, 8.0, n),
        "compute_s": rng.uniform(0.0, 1.0, n),
        "bandwidth_hz": 2e5 * n,
        "relevance": relevance,
        "required": 0.3 * relevance.sum(axis=1),
        "max_upload_s": math.inf,
    }
    fields.update(changes)
    if "spectral_efficiency" in fields:
        fields.pop("cn0_hz")
    return Problem(**fields)
