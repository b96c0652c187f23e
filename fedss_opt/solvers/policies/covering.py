"""What the policies share: who can take part, taking clients in an order until covered, and the Solution."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ...array_types import BoolArray, FloatArray, IntArray
from ...problem import Problem
from ...solution import Solution, Status, StopReason, no_answer
from ..infeasibility import short_of_relevance
from ..options import Options
from ..selection_answer import answer, optimal_bandwidth
from ..stopping import Stop

__all__ = ["Refusal", "cover_in_order", "optimal_split", "refuse_late", "run", "time_alone_s"]


Select = Callable[[Problem, BoolArray, Options, BoolArray], BoolArray]
Allocate = Callable[[Problem, BoolArray, BoolArray], FloatArray]


MANY = 200_000  # relevances: looking at fewer takes a millisecond, time limit or none


class Refusal(Exception):  # noqa: N818 - not an error: the policy's own way to end without an answer
    """A policy ends without an answer; the message becomes the Solution's."""

    def __init__(self, message: str, stop_reason: StopReason = StopReason.COMPLETED) -> None:
        super().__init__(message)
        self.stop_reason = stop_reason


def refuse_late(stop: BoolArray) -> None:
    """End without an answer where the time limit has passed."""
    if stop[0]:
        raise Refusal("the time limit ended before the tasks were covered", StopReason.TIME)


def run(problem: Problem, options: Options, method: str, select: Select, allocate: Allocate) -> Solution:
    """Run a policy: who can take part, who is selected, who gets what.

    `select` is ``(problem, usable, options, stop) -> selected``, where `usable` is known to cover all tasks and `stop`
    is the flag of the time limit, for `refuse_late`; `allocate` is ``(problem, selected, stop) -> bandwidth_hz``. The
    answer has no bound; it is ``unknown``, with a message, where one of them refuses.
    """
    started = options.now()
    try:
        with Stop(options.deadline(started)) as limit:
            stop = limit.flag
            if problem.n_clients * problem.n_tasks > MANY:
                refuse_late(stop)
            short = np.flatnonzero(~problem.covers(problem.available))
            if short.size:
                return short_of_relevance(problem, int(short[0]), method=method, solve_time_s=options.now() - started)
            usable = problem.selectable
            _require_usable(problem, usable)
            refuse_late(stop)
            selected = select(problem, usable, options, stop)
            refuse_late(stop)
            bandwidth_hz = allocate(problem, selected, stop)
    except Refusal as refusal:
        return no_answer(
            problem,
            status=Status.UNKNOWN,
            stop_reason=refusal.stop_reason,
            method=method,
            message=str(refusal),
            solve_time_s=options.now() - started,
        )
    return answer(
        problem,
        selected,
        bandwidth_hz,
        method=method,
        stop_reason=StopReason.COMPLETED,
        solve_time_s=options.now() - started,
    )


def time_alone_s(problem: Problem) -> FloatArray:
    """Return every client's upload time on the whole bandwidth, or the most its radio can use, s, (N,)."""
    return problem.upload_s(problem.bandwidth_limits_hz[1])


def cover_in_order(problem: Problem, order: IntArray, *, everybody: bool = False) -> BoolArray:
    """Take mandatory clients, then clients in the given order until all tasks are covered.

    Parameters
    ----------
    problem : Problem
        The round.
    order : ndarray of int
        Clients in the order in which they are asked; together with the mandatory ones they cover all tasks.
    everybody : bool
        Take also those who help no task that is still uncovered when their turn comes.

    Returns
    -------
    ndarray of bool, (N,)
        Who is selected.
    """
    selected = problem.mandatory.copy()
    uncovered = np.flatnonzero(~problem.covers(selected))
    order = order[~selected[order]]
    # A client who is passed over helps no uncovered task, so a task's running sum over the whole order
    # reaches the target exactly where the sum over the selected clients does: no loop over the clients is
    # needed.
    last = {int(k): _covered_at(problem, int(k), order) for k in uncovered}
    while True:
        for k, position in last.items():
            head = order[: position + 1]
            selected[head if everybody else head[problem.relevance[k, head] > 0.0]] = True
        covered = problem.covers(selected)
        short = [k for k in last if last[k] < order.size - 1 and not covered[k]]
        if not short:
            return selected
        # The running sum was rounded up, and the exact one is not there yet.
        for k in short:
            last[k] += 1


def _covered_at(problem: Problem, k: int, order: IntArray) -> int:
    """Position in the order at which the running sum of task k reaches its target."""
    running = np.cumsum(problem.relevance[k, order]) + problem.relevance[k, problem.mandatory].sum()
    return min(int(np.searchsorted(running, problem.coverage_target[k])), order.size - 1)


def optimal_split(problem: Problem, selected: BoolArray, stop: BoolArray) -> FloatArray:
    """Give the selected clients the bandwidths that are best for them, or refuse."""
    bandwidth_hz = optimal_bandwidth(problem, selected, stop=stop)
    if bandwidth_hz is None:
        refuse_late(stop)
        raise Refusal(
            f"the upload limits and bandwidth bounds of the {np.count_nonzero(selected)} selected clients "
            f"cannot be met together within {problem.bandwidth_hz:g} Hz; another selection may fit"
        )
    return bandwidth_hz


def _require_usable(problem: Problem, usable: BoolArray) -> None:
    stuck = np.flatnonzero(problem.mandatory & ~usable)
    if stuck.size:
        raise Refusal(
            f"mandatory client {problem.client_name(int(stuck[0]))} cannot keep its upload limit and "
            f"bandwidth bounds even alone on {problem.bandwidth_hz:g} Hz"
        )
    short = np.flatnonzero(~problem.covers(usable))
    if short.size:
        k = int(short[0])
        raise Refusal(
            f"task {problem.task_name(k)} needs {problem.required[k]:g}; the clients who can keep their "
            f"upload limits and bandwidth bounds together offer {problem.coverage(usable)[k]:g}"
        )
