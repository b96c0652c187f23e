"""The proven optimum: screening, a core problem, and an outer loop that ends with a proof (sections 6 and 7)."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from ..array_types import BoolArray, FloatArray
from ..gap_tolerance import EXACT_GAP_TOL, within_gap
from ..problem import Objective, Problem
from ..solution import Certificate, CertificateKind, Solution, Status, StopReason
from .admm_method import solve_admm
from .branching import branch_and_bound
from .cover_search import Finding, find_selection
from .infeasibility import why_caps_fail
from .options import Options
from .selection_answer import answer, optimal_bandwidth

__all__ = ["PRECISION", "Incumbent", "solve_exact"]


# "No better answer" means: none better by more than this fraction. Far above rounding, far below any meaning.
PRECISION = EXACT_GAP_TOL


@dataclass
class Incumbent:
    """The best answer so far and the best bound, as the outer loops move them."""

    problem: Problem
    selected: BoolArray
    bandwidth_hz: FloatArray
    objective_s: float
    bound_s: float

    def take(self, selected: BoolArray) -> bool:
        """Adopt a selection if it is feasible in exact arithmetic and better; tell whether it was."""
        if not self.problem.covers(selected).all():
            return False
        bandwidth = optimal_bandwidth(self.problem, selected)
        if bandwidth is None:
            return False
        objective = self.problem.objective_s(selected, bandwidth)
        if not objective < self.objective_s:
            return False
        self.selected, self.bandwidth_hz, self.objective_s = selected, bandwidth, objective
        return True

    def raise_bound(self, bound_s: float) -> None:
        """Adopt a better bound; never one above the answer."""
        self.bound_s = max(self.bound_s, min(bound_s, self.objective_s))

    def to_exclude(self, gap_tol: float) -> float:
        """Return the least value that closes the gap once nothing below it is left."""
        value = self.objective_s / (1.0 + gap_tol)
        while not (self.objective_s - value) / value <= gap_tol:  # rounding
            value = math.nextafter(value, math.inf)
        return value

    @property
    def figures(self) -> dict[str, float]:
        """What a callback is told of them."""
        return {"objective_s": self.objective_s, "lower_bound_s": self.bound_s}

    def closed(self, gap_tol: float) -> bool:
        """Tell whether the gap that was asked for is reached."""
        return within_gap(self.objective_s, self.bound_s, gap_tol)


def solve_exact(problem: Problem, options: Options) -> Solution:
    """Solve to the tolerance by proof; see `fedss_opt.solve` and section 7 of ``docs/explanation/mathematics.md``.

    The ADMM gives an incumbent, multipliers and a bound. For the makespan, the cheapest selection at a deadline below
    the incumbent's by the tolerance either exceeds the carrier, which proves the incumbent optimal, or is a better one.
    Total latency is finished by branch and bound on the same relaxation. Where the ADMM finds no answer, the same
    search at the deadline ``inf`` finds one or proves that there is none. `gap_tol` below 1e-9 is taken as 1e-9.
    """
    started = options.now()
    first = solve_admm(problem, replace(options, callback=None))
    gap_tol = max(options.gap_tol, PRECISION)
    if first.status is Status.UNKNOWN and first.stop_reason is StopReason.STALLED:
        first = _first_answer(problem, first, options, started)
    if not first.has_answer or first.stop_reason is StopReason.INTERRUPTED or first.gap <= gap_tol:
        return replace(first, method="exact", solve_time_s=options.now() - started)
    objective = problem.objective_s(first.selected, first.bandwidth_hz)  # as the answer will have it, to the last bit
    incumbent = Incumbent(problem, first.selected, first.bandwidth_hz, objective, first.lower_bound_s)
    certificate = first.certificate
    assert certificate is not None
    steps, stop = 0, None
    try:
        while not incumbent.closed(gap_tol):
            if options.now() >= options.deadline(started):
                stop = StopReason.TIME
                break
            if options.max_iterations is not None and steps >= options.max_iterations:
                stop = StopReason.ITERATIONS
                break
            steps += 1
            if problem.objective is Objective.MAKESPAN:
                if not _improve(incumbent, certificate.multipliers, gap_tol, options.deadline(started)):
                    stop = StopReason.TIME if options.now() >= options.deadline(started) else StopReason.STALLED
                    break
            else:
                stop, steps = branch_and_bound(incumbent, certificate.price, gap_tol, options, started)
                break
            if options.told_to_stop(started, iteration=steps, **incumbent.figures):
                stop = StopReason.INTERRUPTED
                break
    except KeyboardInterrupt:
        stop = StopReason.INTERRUPTED
    if incumbent.bound_s > first.lower_bound_s:
        certificate = replace(certificate, kind=CertificateKind.SEARCH)
    return answer(
        problem,
        incumbent.selected,
        incumbent.bandwidth_hz,
        method="exact",
        stop_reason=stop,
        lower_bound_s=incumbent.bound_s,
        certificate=certificate,
        gap_tol=gap_tol,
        iterations=steps,
        solve_time_s=options.now() - started,
    )


def _improve(incumbent: Incumbent, multipliers: FloatArray, gap_tol: float, stop: float) -> bool:
    """Prove the incumbent optimal up to a tolerance, or replace it by a better one; False where neither comes off."""
    deadline = incumbent.to_exclude(gap_tol)
    finding, selection = find_selection(incumbent.problem, deadline, multipliers, stop)
    if finding is Finding.NOTHING:
        incumbent.raise_bound(deadline)
        return True
    return selection is not None and incumbent.take(selection)


def _first_answer(problem: Problem, nothing: Solution, options: Options, started: float) -> Solution:
    """Find an answer where the ADMM found none, or prove that whole clients cannot keep the limits within B."""
    multipliers = np.zeros(problem.n_tasks)
    try:
        finding, selection = find_selection(problem, math.inf, multipliers, options.deadline(started))
    except KeyboardInterrupt:
        return replace(nothing, stop_reason=StopReason.INTERRUPTED)
    if finding is Finding.NOTHING:
        certificate = Certificate(kind=CertificateKind.SEARCH, price=math.inf, multipliers=multipliers)
        return replace(
            nothing,
            status=Status.INFEASIBLE,
            stop_reason=StopReason.COMPLETED,
            lower_bound_s=math.inf,
            certificate=certificate,
            message=why_caps_fail(problem),
        )
    bandwidth = None if selection is None else optimal_bandwidth(problem, selection)
    if selection is None or bandwidth is None:
        return nothing
    found = answer(
        problem,
        selection,
        bandwidth,
        method="exact",
        lower_bound_s=nothing.lower_bound_s,
        certificate=nothing.certificate,
    )
    better = solve_admm(problem, replace(options, callback=None, warm_start=found))
    return better if better.has_answer else found
