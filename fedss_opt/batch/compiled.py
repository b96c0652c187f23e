"""Solving a chunk in one call of the compiled kernel, and a batch as that kernel reads it."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np

from ..array_types import BoolArray, FloatArray
from ..cells import read_only
from ..fields import LINKS
from ..kernels.batch import Answers, Columns, solve_stretch
from ..problem import coverage_target
from ..resource_blocks import WHOLE_BLOCKS, blocks_within, limits_in_blocks
from ..solvers.admm_method import DEFAULT_TUNING
from .answers import withdraw
from .problems import ProblemBatch

__all__ = ["compiled_run"]


def compiled_run(
    batch: ProblemBatch, gap_tol: float, max_iterations: int | None, answers: Answers
) -> Callable[[range], None]:
    """Return a function that solves a chunk with the method "admm", in one call of the kernel; GIL released."""
    columns, tuning = _columns(batch), DEFAULT_TUNING
    limit = tuning.max_iterations if max_iterations is None else max_iterations

    def kernel(first: int, last: int) -> None:
        solve_stretch(
            columns,
            first,
            last,
            gap_tol,
            limit,
            *tuning.switches,
            answers,
        )

    kernel(0, 0)  # compiled, or loaded, before any clock starts

    def run(chunk: range) -> None:
        started = time.perf_counter()
        first, last = chunk.start, chunk.stop
        kernel(first, last)
        for i in (first + np.flatnonzero(answers.doubtful[first:last])).tolist():
            clients = slice(batch.offsets[i], batch.offsets[i + 1])
            if not batch[i].covers(answers.selected[clients]).all():
                withdraw(batch, i, answers)
        answers.solve_time_s[first:last] = (time.perf_counter() - started) / (last - first)

    return run


def _columns(batch: ProblemBatch) -> Columns:
    """Return a batch as the kernel reads it: the figures of `fedss_opt.cells.problem_arrays`, for all at once."""
    clients = np.diff(batch.offsets)
    solvable = np.ones(len(batch), dtype=np.bool_)
    solvable[list(batch.errors)] = False
    total_hz, block_hz = batch.bandwidth_hz.copy(), np.nan_to_num(batch.resource_block_hz, nan=0.0)
    least_hz, most_hz = batch.min_bandwidth_hz, batch.max_bandwidth_hz
    in_blocks = solvable & (block_hz > 0.0)
    if in_blocks.any():
        width = block_hz[in_blocks]
        total_hz[in_blocks] = blocks_within(total_hz[in_blocks], width) * width * WHOLE_BLOCKS
        least_hz, most_hz = _limits_in_blocks(batch, np.repeat(in_blocks, clients), np.repeat(block_hz, clients))
    return Columns(
        solvable=read_only(solvable),
        clients=read_only(batch.offsets),
        tasks=read_only(batch.task_offsets),
        entries=read_only(batch.entries),
        objective=read_only((batch.objective == "total").astype(np.int64)),
        model=read_only(batch.model),
        total_hz=read_only(total_hz),
        block_hz=read_only(block_hz),
        payload=read_only(batch.payload_bits),
        link=read_only(_link(batch)),
        start=read_only(batch.compute_s),
        longest=read_only(batch.max_upload_s),
        min_hz=read_only(least_hz),
        max_hz=read_only(most_hz),
        weight=read_only(batch.weights),
        mandatory=read_only(batch.mandatory),
        available=read_only(batch.available),
        relevance=read_only(batch.relevance),
        required=read_only(batch.required),
        target=read_only(coverage_target(batch.required, np.repeat(clients, np.diff(batch.task_offsets)))),
    )


def _link(batch: ProblemBatch) -> FloatArray:
    """Return how good each client's link is, as its problem's model has it."""
    given = [(place, link) for place, name in enumerate(LINKS.values()) if (link := getattr(batch, name)) is not None]
    if len(given) == 1:
        only: FloatArray = given[0][1]
        return only
    model = np.repeat(batch.model, np.diff(batch.offsets))
    return np.select([model == place for place, _ in given], [link for _, link in given])


def _limits_in_blocks(batch: ProblemBatch, concerned: BoolArray, block_hz: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return the bandwidth limits with those of the concerned clients as `Problem.bandwidth_limits_hz` has them."""
    band_hz, block = np.repeat(batch.bandwidth_hz, np.diff(batch.offsets))[concerned], block_hz[concerned]
    least_hz, most_hz = batch.min_bandwidth_hz.copy(), batch.max_bandwidth_hz.copy()
    low, high = least_hz[concerned], np.minimum(most_hz[concerned], band_hz)
    least_hz[concerned], most_hz[concerned] = limits_in_blocks(low, high, block)
    return least_hz, most_hz
