"""Corrupted claims: false figures, bounds, certificates and statuses of an allocation that may be all right.

As in `corrupted_allocations`, None stands for "nothing false can be made of this answer".
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction

import numpy as np

from ..problem import Objective, Problem
from ..solution import Certificate, CertificateKind, Solution, Status
from .corrupted_allocations import CLEAR, NUDGE, Corruption
from .dual import Dual, whole_steps
from .referees import least_bandwidths, selection_bandwidths, selection_price, selection_value

__all__ = ["CLAIMS", "STALE"]

_FEW = 12  # clients, whom a search without multipliers can go through


def _shorter_round(problem: Problem, solution: Solution, nudge: float = NUDGE) -> Solution | None:
    """Report a latency 1e-9 too small."""
    return replace(solution, latency_s=solution.latency_s * (1.0 - nudge)) if _lasts(solution) else None


def _better_objective(problem: Problem, solution: Solution, nudge: float = NUDGE) -> Solution | None:
    """Report an objective 1e-9 too small."""
    return replace(solution, objective_s=solution.objective_s * (1.0 - nudge)) if _lasts(solution) else None


def _lasts(solution: Solution) -> bool:
    return solution.has_answer and 0.0 < solution.latency_s < math.inf


def _inflated_bound(problem: Problem, solution: Solution, nudge: float = NUDGE) -> Solution | None:
    """Claim a bound 1e-9 above the certificate's."""
    if not solution.has_answer or not solution.lower_bound_s > 0.0:
        return None
    return replace(solution, lower_bound_s=solution.lower_bound_s * (1.0 + nudge))


def _inflated_everywhere(problem: Problem, solution: Solution) -> Solution | None:
    """Claim that bound and price are 1% above the objective."""
    if not _proves(solution) or not solution.objective_s > 0.0:
        return None
    assert solution.certificate is not None
    bound = solution.objective_s * 1.01
    price = bound if str(problem.objective) == "makespan" else solution.certificate.price
    return replace(solution, lower_bound_s=bound, certificate=replace(solution.certificate, price=price))


def _hidden_in_a_search(problem: Problem, solution: Solution) -> Solution | None:
    """Claim a bound 1e-6 above the objective, and say that a search has found it."""
    if not _proves(solution) or solution.certificate is None or not solution.objective_s > 0.0:
        return None
    certificate = replace(solution.certificate, kind=CertificateKind.SEARCH)
    return replace(solution, lower_bound_s=solution.objective_s * (1.0 + 1e-6), certificate=certificate)


def _forged_search(problem: Problem, solution: Solution) -> Solution | None:
    """Select everybody where that is certainly worse, and claim that a search has proven it the best."""
    everybody = problem.available
    if problem.n_clients > _FEW or problem.resource_block_hz is not None or not solution.has_answer:
        return None
    if not problem.covers(everybody).all():
        return None
    value, theta = selection_value(problem, everybody), selection_price(problem, everybody)
    if not solution.objective_s * 1.01 < value < math.inf or not theta < math.inf:
        return None
    makespan = problem.objective is Objective.MAKESPAN
    bandwidth = least_bandwidths(problem, theta) if makespan else selection_bandwidths(problem, everybody)
    bandwidth = np.where(everybody, bandwidth, 0.0)
    # The referee's bandwidths add up to the carrier but for rounding: made to fit at the cost of 1e-12 of the time.
    bandwidth *= min(1.0, problem.bandwidth_hz / math.fsum(bandwidth.tolist())) * (1.0 - 1e-12)
    limits = (bandwidth < problem.min_bandwidth_hz) | (problem.upload_s(bandwidth) > problem.max_upload_s)
    if (limits & everybody).any():
        return None
    objective = problem.objective_s(everybody, bandwidth)
    certificate = Certificate(kind=CertificateKind.SEARCH, price=theta, multipliers=np.zeros(problem.n_tasks))
    return replace(
        solution,
        status=Status.OPTIMAL,
        selected=everybody,
        bandwidth_hz=bandwidth,
        latency_s=problem.latency_s(everybody, bandwidth),
        objective_s=objective,
        lower_bound_s=objective,
        certificate=certificate,
    )


def _proves(solution: Solution) -> bool:
    return solution.has_answer and solution.certificate is not None and solution.lower_bound_s > 0.0


def _closed_gap(problem: Problem, solution: Solution) -> Solution | None:
    """Claim the objective itself as the bound, and call it optimal."""
    if not _proves(solution) or not solution.gap > 1e-6:
        return None
    return replace(solution, lower_bound_s=solution.objective_s, status=Status.OPTIMAL)


def _no_certificate(problem: Problem, solution: Solution) -> Solution | None:
    """Claim the bound without its proof."""
    return replace(solution, certificate=None) if _proves(solution) else None


def _multiplied(factor: float) -> Corruption:
    def mutate(problem: Problem, solution: Solution) -> Solution | None:
        if not _proves(solution) or solution.certificate is None:
            return None
        mu = solution.certificate.multipliers
        # Without clients in every answer D never exceeds the multipliers' worth: below B it proves nothing at all.
        if Dual(problem, mu).inside.any() or not np.any(mu > 0.0) or str(problem.objective) != "makespan":
            return None
        block = problem.resource_block_hz
        carrier = problem.bandwidth_hz if block is None else block * float(problem.resource_blocks or 0)
        asked = [
            float(whole_steps(Fraction(float(problem.required[k])), problem.relevance[k, problem.available]))
            for k in range(problem.n_tasks)
        ]
        if factor > 0.0 and float(np.dot(mu, asked)) * factor > carrier:
            return None
        return replace(solution, certificate=replace(solution.certificate, multipliers=mu * factor))

    return mutate


def _bad_multiplier(value: float) -> Corruption:
    def mutate(problem: Problem, solution: Solution) -> Solution | None:
        if not _proves(solution) or solution.certificate is None or not problem.n_tasks:
            return None
        mu = solution.certificate.multipliers.copy()
        mu[0] = value
        return replace(solution, certificate=replace(solution.certificate, multipliers=mu))

    return mutate


def _too_many_multipliers(problem: Problem, solution: Solution) -> Solution | None:
    """Add a multiplier for a task that does not exist."""
    if solution.certificate is None:
        return None
    mu = np.append(solution.certificate.multipliers, 1.0)
    return replace(solution, certificate=replace(solution.certificate, multipliers=mu))


def _bad_price(problem: Problem, solution: Solution) -> Solution | None:
    """Replace the price by NaN."""
    if not _proves(solution) or solution.certificate is None:
        return None
    return replace(solution, certificate=replace(solution.certificate, price=math.nan))


def _flattered(problem: Problem, solution: Solution) -> Solution | None:
    """Call an answer optimal whose gap is not."""
    if solution.status is not Status.FEASIBLE or not solution.gap > 2e-4:
        return None
    return replace(solution, status=Status.OPTIMAL)


def _gone(problem: Problem, solution: Solution, certificate: Certificate | None) -> Solution:
    nobody = np.zeros(problem.n_clients)
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


def _denied(kind: CertificateKind) -> Corruption:
    def mutate(problem: Problem, solution: Solution) -> Solution | None:
        if not solution.has_answer or (kind is CertificateKind.COVERAGE and not problem.n_tasks):
            return None
        mu = np.zeros(problem.n_tasks) if solution.certificate is None else solution.certificate.multipliers
        task = 0 if kind is CertificateKind.COVERAGE else None
        return _gone(problem, solution, Certificate(kind=kind, price=math.inf, multipliers=mu, task=task))

    return mutate


def _denied_without(problem: Problem, solution: Solution) -> Solution | None:
    """Call a feasible problem infeasible, without a certificate."""
    return _gone(problem, solution, None) if solution.has_answer else None


def _half_denied(problem: Problem, solution: Solution) -> Solution | None:
    """Say unknown, and keep the allocation."""
    if not solution.has_answer or not solution.selected.any():
        return None
    return replace(solution, status=Status.UNKNOWN)


def _conjured(problem: Problem, solution: Solution) -> Solution | None:
    """Call an infeasible problem solved, by nobody in no time."""
    if solution.status is not Status.INFEASIBLE or not (problem.mandatory.any() or np.any(problem.required > 0.0)):
        return None
    return replace(
        solution, status=Status.FEASIBLE, latency_s=0.0, objective_s=0.0, lower_bound_s=math.nan, certificate=None
    )


CLAIMS: dict[str, Corruption] = {
    "latency reported 1e-9 too small": _shorter_round,
    "objective reported 1e-9 too small": _better_objective,
    "bound inflated by 1e-9": _inflated_bound,
    "bound and price inflated above the objective": _inflated_everywhere,
    "the objective claimed as the bound": _closed_gap,
    "a bound above the objective, said to be by search": _hidden_in_a_search,
    "a worse answer, said to be optimal by search": _forged_search,
    "a bound without its certificate": _no_certificate,
    "multipliers halved": _multiplied(0.5),
    "multipliers all zero": _multiplied(0.0),
    "a negative multiplier": _bad_multiplier(-1.0),
    "a multiplier that is NaN": _bad_multiplier(math.nan),
    "a multiplier for no task": _too_many_multipliers,
    "a price that is NaN": _bad_price,
    "feasible flipped to optimal": _flattered,
    "solved flipped to infeasible, no certificate": _denied_without,
    "solved flipped to infeasible, coverage certificate": _denied(CertificateKind.COVERAGE),
    "solved flipped to infeasible, bandwidth certificate": _denied(CertificateKind.BANDWIDTH),
    "solved flipped to unknown, allocation kept": _half_denied,
    "infeasible flipped to feasible": _conjured,
}


def _stale_band(problem: Problem, solution: Solution, nudge: float = NUDGE) -> Problem | None:
    used = math.fsum(solution.bandwidth_hz.tolist())
    smaller = problem.bandwidth_hz * (1.0 - nudge)
    return problem.replace(bandwidth_hz=smaller) if solution.has_answer and used > smaller * (1.0 + CLEAR) else None


def _stale_payload(problem: Problem, solution: Solution, nudge: float = NUDGE) -> Problem | None:
    if not _lasts(solution):
        return None
    changed = problem.replace(payload_bits=problem.payload_bits * (1.0 + nudge))
    moved = changed.objective_s(solution.selected, solution.bandwidth_hz) > solution.objective_s * (1.0 + CLEAR)
    return changed if moved else None


def _stale_need(problem: Problem, solution: Solution) -> Problem | None:
    if not solution.has_answer or not problem.n_tasks:
        return None
    received = problem.coverage(solution.selected)
    return problem.replace(required=received * (1.0 + 1e-6) + 1e-6 * problem.required + 1e-12)


def _stale_certificate(problem: Problem, solution: Solution) -> Problem | None:
    """Cut the payloads by half: the bound of before is far above the new one."""
    if not _proves(solution) or problem.compute_s.any() or (problem.max_bandwidth_hz < problem.bandwidth_hz).any():
        return None
    return problem.replace(payload_bits=problem.payload_bits * 0.5, max_upload_s=math.inf)


STALE: dict[str, Callable[[Problem, Solution], Problem | None]] = {
    "stale: the carrier shrank by 1e-9": _stale_band,
    "stale: payloads grew by 1e-9": _stale_payload,
    "stale: a task needs 1e-6 more than it gets": _stale_need,
    "stale: certificate of twice the payloads": _stale_certificate,
}
"""What changes the problem under an honest answer: its proofs and figures are those of before."""
