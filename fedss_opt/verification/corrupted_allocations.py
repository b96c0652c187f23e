"""Corrupted allocations: bandwidths and selections that are not what the answer says they are.

A corruption returns None where it cannot make a false claim of the answer it is given (a client whose loss hurts no
task is no lie); what "false" means is judged here in plain floats, far from any tolerance.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from ..problem import Problem
from ..solution import Solution

__all__ = ["ALLOCATIONS", "CLEAR", "NUDGE", "Corruption"]

Corruption = Callable[[Problem, Solution], Solution | None]

NUDGE = 1e-9
CLEAR = 1e-11  # a figure that moved by more than this, relatively, is a lie that can be seen


def _with_bandwidth(solution: Solution, n: int, value: float) -> Solution:
    bandwidth = solution.bandwidth_hz.copy()
    bandwidth[n] = value
    return replace(solution, bandwidth_hz=bandwidth)


def _selected(solution: Solution) -> np.ndarray:
    return np.flatnonzero(solution.selected)


def _more_bandwidth(problem: Problem, solution: Solution, nudge: float = NUDGE) -> Solution | None:
    """Give the largest share 1e-9 more than there is."""
    if not solution.has_answer or not solution.selected.any():
        return None
    n = int(np.argmax(solution.bandwidth_hz))
    changed = _with_bandwidth(solution, n, float(solution.bandwidth_hz[n]) * (1.0 + nudge))
    over = math.fsum(changed.bandwidth_hz.tolist()) > problem.bandwidth_hz * (1.0 + CLEAR)
    over = over or problem.resource_blocks is not None  # no whole number of blocks
    return changed if over or changed.bandwidth_hz[n] > problem.max_bandwidth_hz[n] * (1.0 + CLEAR) else None


def _less_bandwidth(problem: Problem, solution: Solution, nudge: float = NUDGE) -> Solution | None:
    """Take 1e-9 of its bandwidth from the client that ends last."""
    if not solution.has_answer or not solution.selected.any():
        return None
    times = np.where(solution.selected, problem.compute_s + problem.upload_s(solution.bandwidth_hz), -1.0)
    n = int(np.argmax(times))
    changed = _with_bandwidth(solution, n, float(solution.bandwidth_hz[n]) * (1.0 - nudge))
    worse = problem.latency_s(changed.selected, changed.bandwidth_hz)
    return changed if worse > solution.latency_s * (1.0 + 0.01 * nudge) else None


def _missed_cap(problem: Problem, solution: Solution, nudge: float = NUDGE) -> Solution | None:
    """Take 1e-9 of its bandwidth from a client whose longest upload is reached, and report the figures anew."""
    if not solution.has_answer:
        return None
    for n in _selected(solution):
        changed = _with_bandwidth(solution, n, float(solution.bandwidth_hz[n]) * (1.0 - nudge))
        if problem.upload_s(changed.bandwidth_hz)[n] > problem.max_upload_s[n] * (1.0 + CLEAR):
            return _refigured(problem, changed)
    return None


def _refigured(problem: Problem, solution: Solution) -> Solution:
    return replace(
        solution,
        latency_s=problem.latency_s(solution.selected, solution.bandwidth_hz),
        objective_s=problem.objective_s(solution.selected, solution.bandwidth_hz),
    )


def _half_a_block(problem: Problem, solution: Solution) -> Solution | None:
    """Move half a block from one client to another, and report the figures anew."""
    chosen = _selected(solution)
    if problem.resource_block_hz is None or not solution.has_answer or chosen.size < 2:
        return None
    bandwidth = solution.bandwidth_hz.copy()
    bandwidth[chosen[0]] += 0.5 * problem.resource_block_hz
    bandwidth[chosen[-1]] -= 0.5 * problem.resource_block_hz
    return _refigured(problem, replace(solution, bandwidth_hz=bandwidth))


def _block_too_many(problem: Problem, solution: Solution) -> Solution | None:
    """Give a client one block more where none is left, and report the figures anew."""
    block, chosen = problem.resource_block_hz, _selected(solution)
    if block is None or not solution.has_answer or not chosen.size:
        return None
    used = math.fsum(solution.bandwidth_hz.tolist())
    if used + block <= problem.bandwidth_hz * (1.0 + CLEAR):
        return None
    n = int(chosen[0])
    blocks = round(float(solution.bandwidth_hz[n]) / block) + 1
    return _refigured(problem, _with_bandwidth(solution, n, blocks * block))


def _dropped(problem: Problem, solution: Solution) -> Solution | None:
    """Leave out a client that a task, or the problem, cannot do without."""
    if not solution.has_answer:
        return None
    for n in _selected(solution):
        selected, bandwidth = solution.selected.copy(), solution.bandwidth_hz.copy()
        selected[n], bandwidth[n] = False, 0.0
        short = problem.coverage(selected) < problem.required * (1.0 - 1e-9)
        if problem.mandatory[n] or bool(short.any()):
            return _refigured(problem, replace(solution, selected=selected, bandwidth_hz=bandwidth))
    return None


def _ghost(problem: Problem, solution: Solution) -> Solution | None:  # bandwidth without a selection
    """Leave out a client but keep its bandwidth."""
    if not solution.has_answer or not solution.selected.any():
        return None
    selected = solution.selected.copy()
    selected[_selected(solution)[0]] = False
    return replace(solution, selected=selected)


def _starved(problem: Problem, solution: Solution) -> Solution | None:
    """Select a client on no bandwidth."""
    if not solution.has_answer or not solution.selected.any():
        return None
    return _with_bandwidth(solution, int(_selected(solution)[-1]), 0.0)


def _unavailable(problem: Problem, solution: Solution) -> Solution | None:
    """Select a client that is not available, on the bandwidth of another."""
    out = np.flatnonzero(~problem.available)
    if not solution.has_answer or not out.size or not solution.selected.any():
        return None
    selected, bandwidth = solution.selected.copy(), solution.bandwidth_hz.copy()
    other = int(_selected(solution)[0])
    selected[out[0]] = True
    bandwidth[out[0]] = bandwidth[other] = bandwidth[other] / 2
    return _refigured(problem, replace(solution, selected=selected, bandwidth_hz=bandwidth))


def _swapped(problem: Problem, solution: Solution) -> Solution | None:
    """Exchange the bandwidths of two clients."""
    chosen = _selected(solution)
    if not solution.has_answer or chosen.size < 2:
        return None
    bandwidth = solution.bandwidth_hz.copy()
    i, j = int(chosen[0]), int(chosen[-1])
    bandwidth[i], bandwidth[j] = bandwidth[j], bandwidth[i]
    changed = replace(solution, bandwidth_hz=bandwidth)
    moved = abs(problem.objective_s(changed.selected, bandwidth) - solution.objective_s)
    return changed if moved > CLEAR * solution.objective_s else None


def _not_a_number(problem: Problem, solution: Solution) -> Solution | None:
    """Put NaN among the bandwidths."""
    if not solution.has_answer or not solution.selected.any():
        return None
    return _with_bandwidth(solution, int(_selected(solution)[0]), math.nan)


def _negative(problem: Problem, solution: Solution) -> Solution | None:
    """Pay for one client with a negative bandwidth of another."""
    left_out = np.flatnonzero(~solution.selected)
    if not solution.has_answer or not left_out.size:
        return None
    return _with_bandwidth(solution, int(left_out[0]), -1.0)


ALLOCATIONS: dict[str, Corruption] = {
    "a bandwidth 1e-9 too large": _more_bandwidth,
    "a bandwidth 1e-9 too small": _less_bandwidth,
    "a longest upload missed by 1e-9": _missed_cap,
    "half a resource block moved": _half_a_block,
    "a resource block that is not there": _block_too_many,
    "a needed client dropped": _dropped,
    "a client dropped, its bandwidth kept": _ghost,
    "a client on no bandwidth": _starved,
    "an unavailable client selected": _unavailable,
    "two bandwidths exchanged": _swapped,
    "a bandwidth that is NaN": _not_a_number,
    "a negative bandwidth": _negative,
}
