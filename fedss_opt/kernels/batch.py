"""Many problems in one call: a stretch of a ragged batch is solved without returning to Python in between."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ..array_types import BoolArray, FloatArray, IntArray
from .cell import RoundArrays
from .jit import jit
from .method import advance
from .solving import Outcome, begin, conclude
from .state import DONE, ITERATIONS, LIMIT, PHASE, Work

__all__ = [
    "BANDWIDTH",
    "BOUND",
    "COMPLETED",
    "COVERAGE",
    "FEASIBLE",
    "GAP",
    "INFEASIBLE",
    "LIMITED",
    "OPTIMAL",
    "STALLED",
    "UNKNOWN",
    "Answers",
    "Columns",
    "solve_stretch",
]


# Codes of Status, StopReason and CertificateKind.
OPTIMAL, FEASIBLE, INFEASIBLE, UNKNOWN = 0, 1, 2, 3
GAP, STALLED, LIMITED, COMPLETED = 0, 1, 2, 5
BOUND, COVERAGE, BANDWIDTH = 0, 1, 2

# A compensated sum of a million terms is within this fraction of the exact one.
_DOUBT = 1e-18


class Columns(NamedTuple):
    """P problems, one after the other, as `begin` wants them."""

    solvable: BoolArray
    """(P,) False for problems that are to be passed over."""
    clients: IntArray
    """(P + 1,) where each problem's clients begin."""
    tasks: IntArray
    """(P + 1,) where each problem's tasks begin."""
    entries: IntArray
    """(P + 1,) where each problem's relevance begins: K rows of N."""
    objective: IntArray
    model: IntArray
    total_hz: FloatArray
    block_hz: FloatArray
    payload: FloatArray
    link: FloatArray
    start: FloatArray
    longest: FloatArray
    min_hz: FloatArray
    max_hz: FloatArray
    weight: FloatArray
    mandatory: BoolArray
    available: BoolArray
    relevance: FloatArray
    required: FloatArray
    target: FloatArray


class Answers(NamedTuple):
    """What the problems came to: (P,) each, but for the last three."""

    status: IntArray
    stop_reason: IntArray
    kind: IntArray
    """Of the certificate; -1 for none."""
    task: IntArray
    """The certificate's, -1 for none."""
    price: FloatArray
    latency_s: FloatArray
    objective_s: FloatArray
    lower_bound_s: FloatArray
    iterations: IntArray
    solve_time_s: FloatArray
    doubtful: BoolArray
    """Whether the coverage is so close to the requirement that exact arithmetic must decide."""
    selected: BoolArray
    """All clients."""
    bandwidth_hz: FloatArray
    """All clients."""
    multipliers: FloatArray
    """All tasks."""


@jit
def _clear_of_target(relevance: FloatArray, selected: BoolArray, target: float) -> int:
    """Return 1 where the selection covers a task, -1 where it does not, 0 where rounding leaves it open."""
    total = -target
    carry = 0.0
    for i in range(selected.size):
        if selected[i]:
            x = relevance[i]
            t = total + x
            carry += (total - t) + x if abs(total) >= abs(x) else (x - t) + total
            total = t
    over = total + carry
    if target == 0.0 or over > _DOUBT * target:
        return 1
    return -1 if over < -_DOUBT * target else 0


@jit
def _write(
    outcome: Outcome, work: Work, relevance: FloatArray, target: FloatArray, gap_tol: float, i: int, answers: Answers
) -> bool:
    """Write down what a problem came to, by the rules of the method "admm"; return whether there is an answer."""
    limited = work.state[LIMIT] != 0.0
    answers.iterations[i] = int(work.state[ITERATIONS])
    answers.kind[i] = BANDWIDTH if outcome.least else BOUND
    answers.price[i] = outcome.price
    answers.lower_bound_s[i] = outcome.bound_s
    if outcome.bound_s == np.inf:
        answers.status[i] = INFEASIBLE
        answers.stop_reason[i] = COMPLETED
        return False
    found = outcome.found
    if found:
        for k in range(target.size):
            verdict = _clear_of_target(relevance[k], outcome.selected, target[k])
            found = found and verdict >= 0
            answers.doubtful[i] |= verdict == 0
    if not found:
        answers.stop_reason[i] = LIMITED if limited else STALLED
        return False
    proven = outcome.objective_s <= outcome.bound_s * (1.0 + gap_tol)
    answers.status[i] = OPTIMAL if proven else FEASIBLE
    answers.stop_reason[i] = LIMITED if limited else (GAP if proven else STALLED)
    answers.latency_s[i] = outcome.latency_s
    answers.objective_s[i] = outcome.objective_s
    return True


@jit
def solve_stretch(
    columns: Columns,
    first: int,
    last: int,
    gap_tol: float,
    max_iterations: int,
    vertex: bool,
    sample_from: int,
    window_from: int,
    width: int,
    kicks: int,
    answers: Answers,
) -> None:
    """Solve the problems `first` to `last` - 1 as the method "admm" does, to the bit.

    Parameters
    ----------
    columns : Columns
        The batch.
    first, last : int
        Which problems.
    gap_tol, max_iterations, vertex, sample_from, window_from, width, kicks
        See `advance`.
    answers : Answers
        Written for these problems; must hold what an unsolved problem has (`fedss_opt.batch.answers.no_answers`).
    """
    c = columns
    nobody = np.zeros(0, dtype=np.bool_)
    never = np.zeros(1, dtype=np.bool_)
    for i in range(first, last):
        if not c.solvable[i]:
            continue
        a, b = c.clients[i], c.clients[i + 1]
        s, t = c.tasks[i], c.tasks[i + 1]
        relevance = c.relevance[c.entries[i] : c.entries[i + 1]].reshape((t - s, b - a))
        arrays = RoundArrays(
            c.objective[i],
            c.model[i],
            c.total_hz[i],
            c.block_hz[i],
            c.payload[a:b],
            c.link[a:b],
            c.start[a:b],
            c.longest[a:b],
            c.min_hz[a:b],
            c.max_hz[a:b],
            c.weight[a:b],
            c.mandatory[a:b],
            c.available[a:b],
            relevance,
            c.required[s:t],
            c.target[s:t],
            never,
        )
        cell, work, short = begin(arrays, nobody, np.nan, np.zeros(t - s))
        if short >= 0:
            answers.status[i] = INFEASIBLE
            answers.stop_reason[i] = COMPLETED
            answers.kind[i] = COVERAGE
            answers.task[i] = short
            answers.price[i] = np.inf
            answers.lower_bound_s[i] = np.inf
            answers.multipliers[s + short] = 1.0
            continue
        while work.state[PHASE] != DONE:
            advance(cell, work, gap_tol, np.inf, max_iterations, vertex, sample_from, window_from, width, kicks)
        outcome = conclude(cell, work, b - a, t - s)
        for k in range(t - s):
            answers.multipliers[s + k] = outcome.multipliers[k]
        if _write(outcome, work, relevance, c.target[s:t], gap_tol, i, answers):
            for n in range(b - a):
                answers.selected[a + n] = outcome.selected[n]
                answers.bandwidth_hz[a + n] = outcome.bandwidth_hz[n]
