"""The default method: ADMM with closed-form blocks, exact bounds and a search for the best selection."""

from __future__ import annotations

import math
import threading
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..array_types import BoolArray, FloatArray
from ..cells import problem_arrays, read_only
from ..gap_tolerance import within_gap
from ..kernels import Cell, Outcome, Work, advance, begin, close_early, conclude, state
from ..problem import Problem
from ..solution import Certificate, CertificateKind, Solution, Status, StopReason, no_answer
from .infeasibility import NONE_FOUND, short_of_relevance, why_caps_fail
from .options import Options
from .stopping import Stop

__all__ = ["DEFAULT_TUNING", "NOBODY", "Tuning", "solve_admm"]


NOBODY = read_only(np.zeros(0, dtype=np.bool_))
_CHUNK = 2e6  # client visits between two looks for Ctrl-C: tens of milliseconds, where rounds are short
_LONG_ROUNDS = 1_000_000  # relevances from which on they are not
_LONGEST_PASS_S = 60.0  # that a kernel is waited for which has been told to end: far above a pass over any cell
# Compacting a cell takes this long, s per client and per relevance, on the machine of the benchmarks: where there is no
# time for that, nothing is begun. Less than `_LATE_S` nobody minds.
_BEGIN_S, _BEGIN_RELEVANCE_S = 5e-8, 1e-8
_LATE_S = 0.05
_NO_TIME = "the time limit leaves no time to begin"


@dataclass(frozen=True, kw_only=True)
class Tuning:
    """What the ablations switch.

    Attributes
    ----------
    max_iterations : int
        ADMM iterations where the caller sets no limit.
    vertex : bool
        Finish the relaxation by vertex ascent; else the ADMM goes on until the bounds stall.
    sample_from : int
        Clients from which on the ADMM runs on a sample of them, and the vertex ascent starts from where it ended.
    window_from : int
        Clients from which on the vertex ascent looks at a window of them.
    width : int
        Clients of either side that the exchange search looks at; 0 for no exchanges.
    kicks : int
        How often the search leaves a local optimum.
    """

    max_iterations: int = 2000
    vertex: bool = True
    sample_from: int = 32_000
    window_from: int = 2_000
    width: int = 48
    kicks: int = 10

    @property
    def switches(self) -> tuple[bool, int, int, int, int]:
        """What `advance` takes after its limit on iterations, in its order."""
        return self.vertex, self.sample_from, self.window_from, self.width, self.kicks


DEFAULT_TUNING = Tuning()


def solve_admm(problem: Problem, options: Options, tuning: Tuning = DEFAULT_TUNING) -> Solution:
    """Solve by ADMM; see `fedss_opt.solve` and section 4 of ``docs/explanation/mathematics.md``."""
    started = options.now()
    deadline = options.deadline(started)
    begin_s = problem.n_clients * (_BEGIN_S + problem.n_tasks * _BEGIN_RELEVANCE_S)
    if deadline < started + begin_s and begin_s > _LATE_S:
        return _no_time(problem, options.now() - started)
    with Stop(deadline) as stop:
        arrays = problem_arrays(problem, problem.mandatory, problem.available, problem.required, stop.flag)
        cell, work, short = begin(arrays, *_earlier(problem, options.warm_start))
        if short >= 0:
            return short_of_relevance(problem, short, method="admm", solve_time_s=options.now() - started)
        answer_s, end_s = _times_to_keep(options.now() - started, problem.n_tasks)
        stop.at(deadline - answer_s - end_s)
        reason = _run(cell, work, options, tuning, started)
        if reason is StopReason.TIME:
            stop.at(deadline - end_s + _LATE_S)
            close_early(cell, work)
        stop.at(math.inf)
        outcome = conclude(cell, work, problem.n_clients, problem.n_tasks)
    return _conclude(problem, outcome, work, reason, options, started)


def _times_to_keep(begin_s: float, tasks: int) -> tuple[float, float]:
    """Return what of the time limit is kept for a first answer where there is none yet, and for handing it out, s.

    Both are some oracle passes and a few passes over the relevance; so is beginning, of fewer of the former. It tells
    how fast the machine is, and how busy.
    """
    passes = begin_s / (4.0 + tasks)
    return passes * (45.0 + 1.5 * tasks), 8.0 * passes


def _run(cell: Cell, work: Work, options: Options, tuning: Tuning, started: float) -> StopReason | None:
    """Let the kernels work in chunks; return why they were stopped, None when they came to their end."""
    limit = tuning.max_iterations if options.max_iterations is None else options.max_iterations
    chunk = _CHUNK if options.callback is None else 1.0
    try:
        while work.state[state.PHASE] != state.DONE:
            if cell.stop[0]:
                return StopReason.TIME
            _advance(cell, work, options.gap_tol, chunk, limit, *tuning.switches)
            if options.callback is not None and options.told_to_stop(started, **_figures(work)):
                return StopReason.INTERRUPTED
    except KeyboardInterrupt:
        return StopReason.INTERRUPTED
    return StopReason.ITERATIONS if work.state[state.LIMIT] else None


def _advance(cell: Cell, work: Work, *how: Any) -> None:
    """Call the kernel; where its rounds are long, in a thread of its own, so that Ctrl-C is heard and ends it."""
    if cell.free * cell.aim.size < _LONG_ROUNDS:
        advance(cell, work, *how)
        return
    ended = threading.Event()
    failures: list[BaseException] = []

    def run() -> None:
        try:
            advance(cell, work, *how)
        except BaseException as error:  # it belongs to the caller
            failures.append(error)
        finally:
            ended.set()

    try:  # Ctrl-C may be heard while the thread starts
        threading.Thread(target=run, name="fedss_opt kernels", daemon=True).start()
        ended.wait()
    except KeyboardInterrupt:
        cell.stop[0] = True
        ended.wait(_LONGEST_PASS_S)
        raise
    if failures:
        raise failures[0]


def _figures(work: Work) -> dict[str, Any]:
    s = work.state
    return {
        "iteration": int(s[state.ITERATIONS]),
        "objective_s": float(s[state.OBJECTIVE]),
        "lower_bound_s": float(s[state.BOUND]),
        "primal_residual": float(s[state.PRIMAL]),
        "dual_residual": float(s[state.DUAL]),
    }


def _earlier(problem: Problem, earlier: Solution | None) -> tuple[BoolArray, float, FloatArray]:
    """Return an earlier answer's selection (empty: none that fits this problem's sizes), price and multipliers."""
    price, multipliers = math.nan, np.zeros(problem.n_tasks)
    if earlier is None or earlier.selected.shape != (problem.n_clients,):
        return NOBODY, price, multipliers
    certificate = earlier.certificate
    if certificate is not None and certificate.multipliers.shape == (problem.n_tasks,):
        known = np.isfinite(certificate.multipliers) & (certificate.multipliers > 0.0)
        multipliers[known] = certificate.multipliers[known]
        price = float(certificate.price)
    return read_only(earlier.selected), price, multipliers


def _conclude(
    problem: Problem, outcome: Outcome, work: Work, stop: StopReason | None, options: Options, started: float
) -> Solution:
    """Put the answer together from what the kernels say, in the problem's units."""
    kind = CertificateKind.BANDWIDTH if outcome.least else CertificateKind.BOUND
    certificate = Certificate(kind=kind, price=outcome.price, multipliers=outcome.multipliers)
    iterations, bound = int(work.state[state.ITERATIONS]), outcome.bound_s
    if bound == math.inf or not outcome.found or not problem.covers(outcome.selected).all():
        excluded = bound == math.inf
        return no_answer(
            problem,
            status=Status.INFEASIBLE if excluded else Status.UNKNOWN,
            stop_reason=StopReason.COMPLETED if excluded else stop or StopReason.STALLED,
            method="admm",
            lower_bound_s=bound,
            certificate=certificate,
            message=why_caps_fail(problem) if excluded else NONE_FOUND,
            iterations=iterations,
            solve_time_s=options.now() - started,
        )
    proven = within_gap(outcome.objective_s, bound, options.gap_tol)
    return Solution(
        status=Status.OPTIMAL if proven else Status.FEASIBLE,
        stop_reason=stop or (StopReason.GAP if proven else StopReason.STALLED),
        selected=outcome.selected,
        bandwidth_hz=outcome.bandwidth_hz,
        latency_s=outcome.latency_s,
        objective_s=outcome.objective_s,
        lower_bound_s=bound,
        certificate=certificate,
        method="admm",
        iterations=iterations,
        solve_time_s=options.now() - started,
        problem=problem,
    )


def _no_time(problem: Problem, elapsed_s: float) -> Solution:
    return no_answer(
        problem,
        status=Status.UNKNOWN,
        stop_reason=StopReason.TIME,
        method="admm",
        lower_bound_s=0.0,
        message=_NO_TIME,
        solve_time_s=elapsed_s,
    )
