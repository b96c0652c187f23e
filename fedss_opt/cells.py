"""From a Problem to the arrays that the kernels read."""

from __future__ import annotations

from typing import TypeVar

import numpy as np
import numpy.typing as npt

from .array_types import BoolArray, FloatArray
from .kernels import MAKESPAN, TOTAL, Cell, RoundArrays, build_cell
from .problem import Objective, Problem
from .resource_blocks import WHOLE_BLOCKS

__all__ = ["carrier_hz", "cell_of", "cell_of_node", "problem_arrays", "read_only", "selection_cell"]

T = TypeVar("T", bound=np.generic)


def read_only(array: npt.NDArray[T]) -> npt.NDArray[T]:
    """View an array as read-only, whoever it comes from: kernels are compiled for one kind of array alone."""
    flags = array.flags
    if not (flags.c_contiguous and flags.aligned):
        array = np.require(array, requirements=["C", "A"])
    elif not flags.writeable:
        return array
    view = array.view()
    view.flags.writeable = False
    return view


def cell_of(problem: Problem, stop: BoolArray | None = None) -> tuple[Cell, BoolArray]:
    """Compact a problem; the second value marks the tasks that all selectable clients leave short, (K,).

    `stop` is the flag of a `fedss_opt.solvers.stopping.Stop`, by which the kernels' work on the cell can be ended.
    Tasks that another one implies, but for a rounding, are kept: proofs rest on every task.
    """
    arrays = problem_arrays(problem, problem.mandatory, problem.available, problem.required, stop)
    cell, short = build_cell(arrays, False)
    return cell, short


def cell_of_node(arrays: RoundArrays, inside: BoolArray, available: BoolArray) -> tuple[Cell, BoolArray]:
    """Compact a problem with clients fixed: `inside` must be selected, only `available` ones may be."""
    fixed = arrays._replace(mandatory=read_only(inside), available=read_only(available))
    cell, short = build_cell(fixed, False)
    return cell, short


def selection_cell(problem: Problem, selected: BoolArray, stop: BoolArray | None = None) -> Cell:
    """Compact a problem to a given selection: its clients are mandatory, the tasks are gone."""
    cell, _ = build_cell(problem_arrays(problem, selected, selected, problem.required[:0], stop), False)
    return cell


def carrier_hz(problem: Problem) -> float:
    """Return what the selected clients share, as kernels compare it: B, or what its whole blocks amount to."""
    if problem.resource_blocks is None:
        return float(problem.bandwidth_hz)
    return float(problem.resource_blocks * (problem.resource_block_hz or 0.0) * WHOLE_BLOCKS)


def problem_arrays(
    problem: Problem,
    mandatory: BoolArray,
    available: BoolArray,
    required: FloatArray,
    stop: BoolArray | None = None,
) -> RoundArrays:
    """Return a problem as `begin` and `build_cell` read it, with what is to be mandatory, available and required."""
    least_hz, most_hz = problem.min_bandwidth_hz, problem.max_bandwidth_hz
    if problem.resource_blocks is not None:
        least_hz, most_hz = map(read_only, problem.bandwidth_limits_hz)
    return RoundArrays(
        TOTAL if problem.objective is Objective.TOTAL else MAKESPAN,
        problem.model_index,
        carrier_hz(problem),
        float(problem.resource_block_hz or 0.0),
        problem.payload_bits,
        problem.link,
        problem.compute_s,
        problem.max_upload_s,
        least_hz,
        most_hz,
        problem.weights,
        read_only(mandatory),
        read_only(available),
        problem.relevance,
        required,
        read_only(problem.coverage_target[: required.size]),
        np.zeros(1, dtype=np.bool_) if stop is None else stop,
    )
