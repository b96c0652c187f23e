"""Batches: problems per second on one thread and on two, and what the second is worth."""

from __future__ import annotations

import time

import numpy as np
import pytest

import fedss_opt as fo

CLIENTS = 100
PIECES = 20


def _batch(problems: int, clients: int, tasks: int) -> fo.ProblemBatch:
    """Cells of the benchmark family "yang2021" in size and spread, drawn for all at once."""
    rng = np.random.default_rng(0)
    relevance = rng.integers(1, 16, (problems, tasks, clients)) / 15.0
    return fo.ProblemBatch(
        offsets=np.arange(problems + 1) * clients,
        task_offsets=np.arange(problems + 1) * tasks,
        payload_bits=rng.uniform(0.5e6, 5e6, (problems, clients)),
        cn0_hz=10.0 ** rng.uniform(5.5, 8.0, (problems, clients)),
        compute_s=rng.uniform(0.0, 0.5, (problems, clients)),
        bandwidth_hz=0.4e6 * clients,
        relevance=relevance,
        required=0.3 * relevance.sum(axis=2),
    )


def _clocks() -> np.ndarray:
    return np.array([time.perf_counter(), time.process_time()])


@pytest.mark.parametrize("tasks", [1, 5])
@pytest.mark.parametrize("problems", [10_000, pytest.param(100_000, marks=pytest.mark.slow)])
def test_solve_batch(benchmark, problems: int, tasks: int) -> None:
    """One thread and two in turn, piece by piece, so that a busy machine slows both.

    `efficiency` is the rate of two threads over twice that of one. It needs two idle processors; `cores` says how many
    the two threads really had. `cpu_efficiency`, the processor time of one thread over that of two for the same work,
    is what the threads cost each other on any machine.
    """
    batch = _batch(problems, CLIENTS, tasks)
    fo.solve_batch(batch[:100], threads=2)
    one, two = np.zeros(2), np.zeros(2)

    def in_turn() -> None:
        size = problems // PIECES
        for first in range(0, problems, size):
            piece = batch[first : first + size]
            started = _clocks()
            fo.solve_batch(piece, threads=1)
            between = _clocks()
            fo.solve_batch(piece, threads=2)
            one[:] += between - started
            two[:] += _clocks() - between

    benchmark.group = f"batch N={CLIENTS} K={tasks}"
    benchmark.pedantic(in_turn, rounds=1, iterations=1)
    benchmark.extra_info.update(
        problems=problems,
        clients=CLIENTS,
        tasks=tasks,
        per_second_one_thread=problems / one[0],
        per_second_two_threads=problems / two[0],
        efficiency=one[0] / two[0] / 2.0,
        cores=two[1] / two[0],
        cpu_efficiency=one[1] / two[1],
    )


def test_overhead(benchmark) -> None:
    """Problems of two clients: what a batch costs per problem beside the solving."""
    problems = 100_000
    batch = _batch(problems, 2, 1)
    fo.solve_batch(batch[:100])
    benchmark.group = "batch overhead"
    benchmark.pedantic(lambda: fo.solve_batch(batch, threads=1), rounds=3, iterations=1)
    benchmark.extra_info.update(microseconds_per_problem=benchmark.stats.stats.min / problems * 1e6)
