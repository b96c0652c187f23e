"""The default method: ADMM with closed-form blocks, exact bounds and a search for the best selection."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ..cells import cell_of
from ..certification import bound_of_cell, to_cell_units, to_problem_units
from ..kernels import Cell, Work, advance, make_work, members_of, state, warm
from ..problem import Problem
from ..solution import Certificate, CertificateKind, Solution, Status, StopReason, no_answer
from .answers import answer, optimal_bandwidth
from .options import Options, Progress

__all__ = ["DEFAULT_TUNING", "Tuning", "solve_admm"]

BoolArray = npt.NDArray[np.bool_]

_CHUNK = 2e6  # client visits between two looks at the clock: tens of milliseconds


@dataclass(frozen=True, kw_only=True)
class Tuning:
    """What the ablations switch.

    Attributes
    ----------
    max_iterations : int
        ADMM iterations where the caller sets no limit.
    vertex : bool
        Finish the relaxation by vertex ascent; else the ADMM goes on until the bounds stall.
    width : int
        Clients of either side that the exchange search looks at; 0 for no exchanges.
    kicks : int
        How often the search leaves a local optimum.
    """

    max_iterations: int = 2000
    vertex: bool = True
    width: int = 48
    kicks: int = 10


DEFAULT_TUNING = Tuning()


def solve_admm(problem: Problem, options: Options, tuning: Tuning = DEFAULT_TUNING) -> Solution:
    """Solve by ADMM; see `fedss_opt.solve` and section 4 of ``docs/mathematics.md``."""
    started = options.now()
    cell, short = cell_of(problem)
    if short.any():
        return _short_of_relevance(problem, int(np.argmax(short)), options.now() - started)
    work = make_work(cell)
    _warm_start(problem, cell, work, options.warm_start)
    stop = _run(cell, work, options, tuning, started)
    return _conclude(problem, cell, work, stop, options, started)


def _run(cell: Cell, work: Work, options: Options, tuning: Tuning, started: float) -> StopReason | None:
    """Let the kernels work in chunks; return why they were stopped, None when they came to their end."""
    limit = tuning.max_iterations if options.max_iterations is None else options.max_iterations
    deadline = options.deadline(started)
    chunk = _CHUNK if options.callback is None else 1.0
    try:
        while work.state[state.PHASE] != state.DONE:
            if options.now() >= deadline:
                return StopReason.TIME
            advance(cell, work, options.gap_tol, chunk, limit, tuning.vertex, tuning.width, tuning.kicks)
            if options.callback is not None and options.callback(_progress(work, options.now() - started)):
                return StopReason.INTERRUPTED
    except KeyboardInterrupt:
        return StopReason.INTERRUPTED
    return StopReason.ITERATIONS if work.state[state.LIMIT] else None


def _progress(work: Work, elapsed_s: float) -> Progress:
    s = work.state
    return Progress(
        iteration=int(s[state.ITERATIONS]),
        elapsed_s=elapsed_s,
        objective_s=float(s[state.OBJECTIVE]),
        lower_bound_s=float(s[state.BOUND]),
        primal_residual=float(s[state.PRIMAL]),
        dual_residual=float(s[state.DUAL]),
    )


def _warm_start(problem: Problem, cell: Cell, work: Work, earlier: Solution | None) -> None:
    """Hand an earlier answer to the kernels where it fits this problem's sizes."""
    if earlier is None or len(earlier.selected) != problem.clients:
        return
    mu = np.zeros(cell.task.size)
    certificate = earlier.certificate
    if certificate is not None and certificate.multipliers.shape == (problem.tasks,):
        multipliers = np.where(np.isfinite(certificate.multipliers), certificate.multipliers, 0.0)
        mu = to_cell_units(cell, np.maximum(multipliers, 0.0))
    warm(cell, work, earlier.selected, mu)


def _conclude(
    problem: Problem, cell: Cell, work: Work, stop: StopReason | None, options: Options, started: float
) -> Solution:
    """Certify the bound, allocate the bandwidth and put the answer together."""
    s = work.state
    found = s[state.OBJECTIVE] < math.inf
    kind = CertificateKind.BOUND if s[state.BOUND] < math.inf else CertificateKind.BANDWIDTH
    certificate, bound = _certify(problem, cell, kind, float(s[state.BOUND_PRICE]), work.bound_mu)
    rest: dict[str, Any] = {
        "method": "admm",
        "iterations": int(s[state.ITERATIONS]),
        "certificate": certificate,
    }
    if bound == math.inf:
        return no_answer(
            problem,
            status=Status.INFEASIBLE,
            stop_reason=StopReason.COMPLETED,
            lower_bound_s=math.inf,
            message=_why_caps_fail(problem),
            solve_time_s=options.now() - started,
            **rest,
        )
    selected = _selection(problem, cell, work)
    bandwidth = optimal_bandwidth(problem, selected, guess=float(s[state.PRICE])) if found else None
    if bandwidth is None or not problem.covers(selected).all():
        return no_answer(
            problem,
            status=Status.UNKNOWN,
            stop_reason=stop or StopReason.STALLED,
            lower_bound_s=bound,
            message="no selection was found that meets requirements and caps, and none was excluded",
            solve_time_s=options.now() - started,
            **rest,
        )
    return answer(
        problem,
        selected,
        bandwidth,
        stop_reason=stop,
        lower_bound_s=bound,
        gap_tol=options.gap_tol,
        solve_time_s=options.now() - started,
        **rest,
    )


def _certify(
    problem: Problem, cell: Cell, kind: CertificateKind, price: float, mu: npt.NDArray[np.float64]
) -> tuple[Certificate, float]:
    """Build the certificate in the problem's units and take the bound from what it proves there."""
    multipliers = to_problem_units(cell, mu, problem.tasks)
    bound = bound_of_cell(cell, kind, price, to_cell_units(cell, multipliers))
    if kind is CertificateKind.BOUND and bound > 0.0 and cell.objective == 0:
        price = bound
    return Certificate(kind=kind, price=price, multipliers=multipliers), bound


def _selection(problem: Problem, cell: Cell, work: Work) -> BoolArray:
    count = members_of(cell, work.best, work.members)
    selected = np.zeros(problem.clients, dtype=np.bool_)
    selected[cell.client[work.members[:count]]] = True
    return selected


def _short_of_relevance(problem: Problem, task: int, elapsed_s: float) -> Solution:
    """Answer a problem in which all selectable clients together leave a task short."""
    offered = float(problem.relevance[task, problem.selectable].sum())
    barred = int(np.count_nonzero(problem.available & ~problem.selectable))
    why = f" ({barred} available clients miss their limits even on the whole band)" if barred else ""
    multipliers = np.zeros(problem.tasks)
    multipliers[task] = 1.0
    return no_answer(
        problem,
        status=Status.INFEASIBLE,
        stop_reason=StopReason.COMPLETED,
        lower_bound_s=math.inf,
        method="admm",
        certificate=Certificate(kind=CertificateKind.COVERAGE, price=math.inf, multipliers=multipliers, task=task),
        message=(
            f"task {problem.task_name(task)!r} requires {problem.required[task]:g}, but all clients that can be "
            f"selected{why} offer at most {offered:g} (short of {problem.required[task] - offered:g}); lower its "
            "requirement, or make more clients available"
        ),
        solve_time_s=elapsed_s,
    )


def _why_caps_fail(problem: Problem) -> str:
    return (
        "max_upload_s and min_bandwidth_hz cannot be met: every selection that covers the tasks needs more than "
        f"bandwidth_hz = {problem.bandwidth_hz:g} Hz (the certificate's multipliers prove it); raise "
        "bandwidth_hz, allow longer uploads, or lower the requirements"
    )
