"""Corrupted claims: false figures, bounds, certificates and statuses of an allocation that may be all right."""

from __future__ import annotations

import math
from dataclasses import replace
from fractions import Fraction
from functools import partial

import numpy as np

from ..problem import Objective, Problem
from ..solution import Certificate, CertificateKind, Solution, Status
from .ball_dual import BallDual, carrier_hz, whole_steps
from .corrupted_allocations import refigured
from .corruption import CLEAR, Corruption, collect, proves, selects
from .plain_bandwidths import least_bandwidths, selection_bandwidths, selection_price, selection_value

__all__ = ["CLAIMS"]

CLAIMS: list[Corruption] = []
_corruption = partial(collect, CLAIMS)

_FEW = 12  # clients, whom a search without multipliers can go through


def _lasts(solution: Solution) -> bool:
    return solution.has_answer and 0.0 < solution.latency_s < math.inf


def _of(solution: Solution, **changed: object) -> Certificate:
    """Return a changed certificate of an answer that has one."""
    assert solution.certificate is not None
    return replace(solution.certificate, **changed)  # type: ignore[arg-type]


def _multipliers(problem: Problem, solution: Solution) -> np.ndarray:
    return np.zeros(problem.n_tasks) if solution.certificate is None else solution.certificate.multipliers


for _figure in ("latency", "objective"):

    @_corruption(f"{_figure} reported 1e-9 too small", _lasts)
    def _better_figure(problem: Problem, solution: Solution, nudge: float, figure: str = f"{_figure}_s") -> Solution:
        return replace(solution, **{figure: getattr(solution, figure) * (1.0 - nudge)})


@_corruption("bound inflated by 1e-9")
def _inflated_bound(problem: Problem, solution: Solution, nudge: float) -> Solution | None:
    raised = replace(solution, lower_bound_s=solution.lower_bound_s * (1.0 + nudge))
    return raised if solution.lower_bound_s > 0.0 else None


@_corruption("bound and price inflated above the objective", proves)
def _inflated_everywhere(problem: Problem, solution: Solution) -> Solution | None:
    """Claim that bound and price are 1% above the objective."""
    if not solution.objective_s > 0.0 or solution.certificate is None:
        return None
    bound = solution.objective_s * 1.01
    price = bound if problem.objective is Objective.MAKESPAN else solution.certificate.price
    return replace(solution, lower_bound_s=bound, certificate=_of(solution, price=price))


_corruption("the objective claimed as the bound", lambda s: proves(s) and s.gap > 1e-6)(
    lambda _, s: replace(s, lower_bound_s=s.objective_s, status=Status.OPTIMAL)
)


@_corruption("a bound above the objective, said to be by search", proves)
def _hidden_in_a_search(problem: Problem, solution: Solution) -> Solution | None:
    if not solution.objective_s > 0.0:
        return None
    certificate = _of(solution, kind=CertificateKind.SEARCH)
    return replace(solution, lower_bound_s=solution.objective_s * (1.0 + 1e-6), certificate=certificate)


@_corruption("a worse answer, said to be optimal by search")
def _forged_search(problem: Problem, solution: Solution) -> Solution | None:
    """Select everybody where that is certainly worse, and claim that a search has proven it the best."""
    everybody = problem.available
    if problem.n_clients > _FEW or problem.resource_block_hz is not None or not problem.covers(everybody).all():
        return None
    value, theta = selection_value(problem, everybody), selection_price(problem, everybody)
    if not solution.objective_s * 1.01 < value < math.inf or not theta < math.inf:
        return None
    makespan = problem.objective is Objective.MAKESPAN
    bandwidth = least_bandwidths(problem, theta) if makespan else selection_bandwidths(problem, everybody)
    bandwidth = np.where(everybody, bandwidth, 0.0)
    # These bandwidths add up to the carrier but for rounding: made to fit at the cost of 1e-12 of the time.
    bandwidth *= min(1.0, problem.bandwidth_hz / math.fsum(bandwidth.tolist())) * (1.0 - 1e-12)
    limits = (bandwidth < problem.min_bandwidth_hz) | (problem.upload_s(bandwidth) > problem.max_upload_s)
    if (limits & everybody).any():
        return None
    certificate = Certificate(kind=CertificateKind.SEARCH, price=theta, multipliers=np.zeros(problem.n_tasks))
    forged = replace(solution, selected=everybody, bandwidth_hz=bandwidth, certificate=certificate)
    forged = refigured(problem, replace(forged, status=Status.OPTIMAL))
    return replace(forged, lower_bound_s=forged.objective_s)


_corruption("a bound without its certificate", proves)(lambda _, s: replace(s, certificate=None))


def _multiplied(problem: Problem, solution: Solution, factor: float) -> Solution | None:
    mu = _multipliers(problem, solution)
    # Without clients in every answer D never exceeds the multipliers' worth: below B it proves nothing at all.
    if BallDual(problem, mu).inside.any() or not np.any(mu > 0.0) or problem.objective is not Objective.MAKESPAN:
        return None
    asked = [
        float(whole_steps(Fraction(float(problem.required[k])), problem.relevance[k, problem.available]))
        for k in range(problem.n_tasks)
    ]
    if factor > 0.0 and float(np.dot(mu, asked)) * factor > float(carrier_hz(problem)):
        return None
    return replace(solution, certificate=_of(solution, multipliers=mu * factor))


def _first_multiplier(problem: Problem, solution: Solution, value: float) -> Solution | None:
    if not problem.n_tasks:
        return None
    mu = _multipliers(problem, solution).copy()
    mu[0] = value
    return replace(solution, certificate=_of(solution, multipliers=mu))


_corruption("multipliers halved", proves)(partial(_multiplied, factor=0.5))
_corruption("multipliers all zero", proves)(partial(_multiplied, factor=0.0))
_corruption("a negative multiplier", proves)(partial(_first_multiplier, value=-1.0))
_corruption("a multiplier that is NaN", proves)(partial(_first_multiplier, value=math.nan))


_corruption("a multiplier for no task", lambda s: s.certificate is not None)(
    lambda p, s: replace(s, certificate=_of(s, multipliers=np.append(_multipliers(p, s), 1.0)))
)
_corruption("a price that is NaN", proves)(lambda _, s: replace(s, certificate=_of(s, price=math.nan)))
_corruption("feasible flipped to optimal", lambda s: s.status is Status.FEASIBLE and s.gap > 2e-4)(
    lambda _, s: replace(s, status=Status.OPTIMAL)
)


def _infeasible(problem: Problem, solution: Solution, kind: CertificateKind | None) -> Solution | None:
    """Call a feasible problem infeasible, with a certificate of some kind or without one."""
    coverage = kind is CertificateKind.COVERAGE
    if coverage and not problem.n_tasks:
        return None
    nobody, mu = np.zeros(problem.n_clients), _multipliers(problem, solution)
    certificate = None
    if kind is not None:
        certificate = Certificate(kind=kind, price=math.inf, multipliers=mu, task=0 if coverage else None)
    return replace(
        solution,
        status=Status.INFEASIBLE,
        selected=nobody.astype(bool),
        bandwidth_hz=nobody,
        latency_s=math.inf,
        objective_s=math.inf,
        lower_bound_s=math.inf,
        certificate=certificate,
    )


_corruption("solved flipped to infeasible, no certificate")(partial(_infeasible, kind=None))
for _kind in (CertificateKind.COVERAGE, CertificateKind.BANDWIDTH):
    _corruption(f"solved flipped to infeasible, {_kind} certificate")(partial(_infeasible, kind=_kind))


_corruption("solved flipped to unknown, allocation kept", selects)(lambda _, s: replace(s, status=Status.UNKNOWN))


@_corruption("infeasible flipped to feasible", lambda solution: solution.status is Status.INFEASIBLE)
def _called_solved(problem: Problem, solution: Solution) -> Solution | None:
    """Call an infeasible problem solved, by nobody in no time."""
    if not (problem.mandatory.any() or np.any(problem.required > 0.0)):
        return None
    solved = replace(solution, status=Status.FEASIBLE, latency_s=0.0, objective_s=0.0)
    return replace(solved, lower_bound_s=math.nan, certificate=None)


# What follows changes the problem under an honest answer: its proofs and figures are those of before.


@_corruption("stale: the carrier shrank by 1e-9")
def _stale_band(problem: Problem, solution: Solution, nudge: float) -> Problem | None:
    used, smaller = math.fsum(solution.bandwidth_hz.tolist()), problem.bandwidth_hz * (1.0 - nudge)
    return problem.replace(bandwidth_hz=smaller) if used > smaller * (1.0 + CLEAR) else None


@_corruption("stale: payloads grew by 1e-9", _lasts)
def _stale_payload(problem: Problem, solution: Solution, nudge: float) -> Problem | None:
    changed = problem.replace(payload_bits=problem.payload_bits * (1.0 + nudge))
    moved = changed.objective_s(solution.selected, solution.bandwidth_hz) > solution.objective_s * (1.0 + CLEAR)
    return changed if moved else None


@_corruption("stale: a task needs 1e-6 more than it gets")
def _stale_need(problem: Problem, solution: Solution) -> Problem | None:
    received = problem.coverage(solution.selected)
    more = received * (1.0 + 1e-6) + 1e-6 * problem.required + 1e-12
    return problem.replace(required=more) if problem.n_tasks else None


@_corruption("stale: certificate of twice the payloads", proves)
def _stale_certificate(problem: Problem, solution: Solution) -> Problem | None:
    """Cut the payloads by half: the bound of before is far above the new one."""
    if problem.compute_s.any() or (problem.max_bandwidth_hz < problem.bandwidth_hz).any():
        return None
    return problem.replace(payload_bits=problem.payload_bits * 0.5, max_upload_s=math.inf)
