"""Solving a stretch in one call of the compiled kernel, and a batch as that kernel reads it."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from ..kernels.batch import Answers, Columns, solve_stretch
from ..problem import coverage_target
from ..resource_blocks import WHOLE_BLOCKS, blocks_within, limits_in_blocks
from ..solvers.admm import DEFAULT_TUNING
from .answers import withdraw
from .problems import ProblemBatch

__all__ = ["compiled_run"]

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]
T = TypeVar("T", bound=np.generic)


def compiled_run(
    batch: ProblemBatch, gap_tol: float, max_iterations: int | None, answers: Answers
) -> Callable[[range], None]:
    """Return a function that solves a stretch with the method "admm", in one call of the kernel; GIL released."""
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

    def run(stretch: range) -> None:
        started = time.perf_counter()
        first, last = stretch.start, stretch.stop
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
        solvable=_frozen(solvable),
        clients=_frozen(batch.offsets),
        tasks=_frozen(batch.task_offsets),
        entries=_frozen(batch.entries),
        objective=_frozen((batch.objective == "total").astype(np.int64)),
        flat=_frozen(batch.is_flat),
        total_hz=_frozen(total_hz),
        block_hz=_frozen(block_hz),
        payload=_frozen(batch.payload_bits),
        link=_frozen(_link(batch)),
        start=_frozen(batch.compute_s),
        longest=_frozen(batch.max_upload_s),
        min_hz=_frozen(least_hz),
        max_hz=_frozen(most_hz),
        weight=_frozen(batch.weights),
        mandatory=_frozen(batch.mandatory),
        available=_frozen(batch.available),
        relevance=_frozen(batch.relevance),
        required=_frozen(batch.required),
        target=_frozen(coverage_target(batch.required, np.repeat(clients, np.diff(batch.task_offsets)))),
    )


def _link(batch: ProblemBatch) -> FloatArray:
    """Return each client's C/N0 or spectral efficiency, whichever its problem has."""
    cn0, efficiency = batch.cn0_hz, batch.spectral_efficiency
    if cn0 is not None and efficiency is not None:
        return np.where(np.repeat(batch.is_flat, np.diff(batch.offsets)), efficiency, cn0)
    link = efficiency if cn0 is None else cn0
    assert link is not None  # a batch has at least one of them
    return link


def _limits_in_blocks(batch: ProblemBatch, concerned: BoolArray, block_hz: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return the bandwidth limits with those of the concerned clients as `Problem.bandwidth_limits_hz` has them."""
    band_hz, block = np.repeat(batch.bandwidth_hz, np.diff(batch.offsets))[concerned], block_hz[concerned]
    least_hz, most_hz = batch.min_bandwidth_hz.copy(), batch.max_bandwidth_hz.copy()
    low, high = least_hz[concerned], np.minimum(most_hz[concerned], band_hz)
    least_hz[concerned], most_hz[concerned] = limits_in_blocks(low, high, block)
    return least_hz, most_hz


def _frozen(column: npt.NDArray[T]) -> npt.NDArray[T]:
    """View a column as read-only, whoever it comes from: the kernel is compiled for one kind of array alone."""
    view = np.require(column, requirements=["C", "A"]).view()
    view.flags.writeable = False
    return view
