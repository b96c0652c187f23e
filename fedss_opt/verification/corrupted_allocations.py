"""Corrupted allocations: bandwidths and selections that are not what the answer says they are."""

from __future__ import annotations

import math
from dataclasses import replace
from functools import partial

import numpy as np

from ..problem import Problem
from ..solution import Solution
from .corruption import CLEAR, Corruption, collect, selects

__all__ = ["ALLOCATIONS", "refigured"]

ALLOCATIONS: list[Corruption] = []
_corruption = partial(collect, ALLOCATIONS)


def _with_bandwidth(solution: Solution, n: int, value: float) -> Solution:
    bandwidth = solution.bandwidth_hz.copy()
    bandwidth[n] = value
    return replace(solution, bandwidth_hz=bandwidth)


def _selected(solution: Solution) -> np.ndarray:
    return np.flatnonzero(solution.selected)


def refigured(problem: Problem, solution: Solution) -> Solution:
    """Return an answer with the figures of its own allocation."""
    return replace(
        solution,
        latency_s=problem.latency_s(solution.selected, solution.bandwidth_hz),
        objective_s=problem.objective_s(solution.selected, solution.bandwidth_hz),
    )


@_corruption("a bandwidth 1e-9 too large", selects)
def _more_bandwidth(problem: Problem, solution: Solution, nudge: float) -> Solution | None:
    """Give the largest share more than there is."""
    n = int(np.argmax(solution.bandwidth_hz))
    changed = _with_bandwidth(solution, n, float(solution.bandwidth_hz[n]) * (1.0 + nudge))
    over = math.fsum(changed.bandwidth_hz.tolist()) > problem.bandwidth_hz * (1.0 + CLEAR)
    over = over or problem.resource_blocks is not None  # no whole number of blocks
    return changed if over or changed.bandwidth_hz[n] > problem.max_bandwidth_hz[n] * (1.0 + CLEAR) else None


@_corruption("a bandwidth 1e-9 too small", selects)
def _less_bandwidth(problem: Problem, solution: Solution, nudge: float) -> Solution | None:
    """Take bandwidth from the client that ends last."""
    times = np.where(solution.selected, problem.compute_s + problem.upload_s(solution.bandwidth_hz), -1.0)
    n = int(np.argmax(times))
    changed = _with_bandwidth(solution, n, float(solution.bandwidth_hz[n]) * (1.0 - nudge))
    worse = problem.latency_s(changed.selected, changed.bandwidth_hz)
    return changed if worse > solution.latency_s * (1.0 + 0.01 * nudge) else None


@_corruption("a longest upload missed by 1e-9")
def _missed_cap(problem: Problem, solution: Solution, nudge: float) -> Solution | None:
    """Take bandwidth from a client whose longest upload is reached, and report the figures anew."""
    for n in _selected(solution):
        changed = _with_bandwidth(solution, n, float(solution.bandwidth_hz[n]) * (1.0 - nudge))
        if problem.upload_s(changed.bandwidth_hz)[n] > problem.max_upload_s[n] * (1.0 + CLEAR):
            return refigured(problem, changed)
    return None


@_corruption("half a resource block moved")
def _half_a_block(problem: Problem, solution: Solution) -> Solution | None:
    chosen = _selected(solution)
    if problem.resource_block_hz is None or chosen.size < 2:
        return None
    bandwidth = solution.bandwidth_hz.copy()
    bandwidth[chosen[0]] += 0.5 * problem.resource_block_hz
    bandwidth[chosen[-1]] -= 0.5 * problem.resource_block_hz
    return refigured(problem, replace(solution, bandwidth_hz=bandwidth))


@_corruption("a resource block that is not there", selects)
def _block_too_many(problem: Problem, solution: Solution) -> Solution | None:
    block, n = problem.resource_block_hz, int(_selected(solution)[0])
    if block is None or math.fsum(solution.bandwidth_hz.tolist()) + block <= problem.bandwidth_hz * (1.0 + CLEAR):
        return None
    blocks = round(float(solution.bandwidth_hz[n]) / block) + 1
    return refigured(problem, _with_bandwidth(solution, n, blocks * block))


@_corruption("a needed client dropped")
def _dropped(problem: Problem, solution: Solution) -> Solution | None:
    """Leave out a client that a task, or the problem, cannot do without."""
    for n in _selected(solution):
        selected, bandwidth = solution.selected.copy(), solution.bandwidth_hz.copy()
        selected[n], bandwidth[n] = False, 0.0
        short = problem.coverage(selected) < problem.required * (1.0 - 1e-9)
        if problem.mandatory[n] or bool(short.any()):
            return refigured(problem, replace(solution, selected=selected, bandwidth_hz=bandwidth))
    return None


@_corruption("a client dropped, its bandwidth kept", selects)
def _bandwidth_without_selection(problem: Problem, solution: Solution) -> Solution:
    return replace(solution, selected=solution.selected & (np.arange(problem.n_clients) != _selected(solution)[0]))


_corruption("a client on no bandwidth", selects)(lambda _, s: _with_bandwidth(s, int(_selected(s)[-1]), 0.0))


@_corruption("an unavailable client selected", selects)
def _unavailable(problem: Problem, solution: Solution) -> Solution | None:
    """Select a client that is not available, on half the bandwidth of another."""
    out = np.flatnonzero(~problem.available)
    if not out.size:
        return None
    selected, bandwidth = solution.selected.copy(), solution.bandwidth_hz.copy()
    other = int(_selected(solution)[0])
    selected[out[0]] = True
    bandwidth[out[0]] = bandwidth[other] = bandwidth[other] / 2
    return refigured(problem, replace(solution, selected=selected, bandwidth_hz=bandwidth))


@_corruption("two bandwidths exchanged")
def _exchanged(problem: Problem, solution: Solution) -> Solution | None:
    chosen = _selected(solution)
    if chosen.size < 2:
        return None
    bandwidth = solution.bandwidth_hz.copy()
    i, j = int(chosen[0]), int(chosen[-1])
    bandwidth[i], bandwidth[j] = bandwidth[j], bandwidth[i]
    changed = replace(solution, bandwidth_hz=bandwidth)
    moved = abs(problem.objective_s(changed.selected, bandwidth) - solution.objective_s)
    return changed if moved > CLEAR * solution.objective_s else None


_corruption("a bandwidth that is NaN", selects)(lambda _, s: _with_bandwidth(s, int(_selected(s)[0]), math.nan))
_corruption("a negative bandwidth", lambda s: s.has_answer and not s.selected.all())(
    lambda _, s: _with_bandwidth(s, int(np.flatnonzero(~s.selected)[0]), -1.0)
)
