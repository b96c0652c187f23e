"""Corrupted answers: each makes at least one false claim, and the checker must not let it pass.

A mutation returns None where it cannot make a false claim of the answer it is given (a client whose loss hurts no
task is no lie); what "false" means is judged here in plain floats, far from any tolerance.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace

import numpy as np

from ..problem import Problem
from ..solution import Certificate, CertificateKind, Solution, Status
from .certificates import verify_solution
from .verdicts import Report

__all__ = ["MUTATIONS", "MutationRecord", "try_mutations"]

Mutation = Callable[[Problem, Solution], Solution | None]
Judge = Callable[[Problem, Solution], Report]

_NUDGE = 1e-9
_CLEAR = 1e-11  # a figure that moved by more than this, relatively, is a lie that can be seen


def _with_bandwidth(solution: Solution, n: int, value: float) -> Solution:
    bandwidth = solution.bandwidth_hz.copy()
    bandwidth[n] = value
    return replace(solution, bandwidth_hz=bandwidth)


def _selected(solution: Solution) -> np.ndarray:
    return np.flatnonzero(solution.selected)


def _more_bandwidth(problem: Problem, solution: Solution) -> Solution | None:
    """Give the largest share 1e-9 more than there is."""
    if not solution.has_answer or not solution.selected.any():
        return None
    n = int(np.argmax(solution.bandwidth_hz))
    changed = _with_bandwidth(solution, n, float(solution.bandwidth_hz[n]) * (1.0 + _NUDGE))
    over = math.fsum(changed.bandwidth_hz.tolist()) > problem.bandwidth_hz * (1.0 + _CLEAR)
    return changed if over or changed.bandwidth_hz[n] > problem.max_bandwidth_hz[n] * (1.0 + _CLEAR) else None


def _less_bandwidth(problem: Problem, solution: Solution) -> Solution | None:
    """Take 1e-9 of its bandwidth from the client that ends last."""
    if not solution.has_answer or not solution.selected.any():
        return None
    times = np.where(solution.selected, problem.compute_s + problem.upload_s(solution.bandwidth_hz), -1.0)
    n = int(np.argmax(times))
    changed = _with_bandwidth(solution, n, float(solution.bandwidth_hz[n]) * (1.0 - _NUDGE))
    worse = problem.latency_s(changed.selected, changed.bandwidth_hz)
    return changed if worse > solution.latency_s * (1.0 + _CLEAR) else None


def _missed_cap(problem: Problem, solution: Solution) -> Solution | None:
    """Take 1e-9 of its bandwidth from a client whose longest upload is reached, and report the figures anew."""
    if not solution.has_answer:
        return None
    for n in _selected(solution):
        changed = _with_bandwidth(solution, n, float(solution.bandwidth_hz[n]) * (1.0 - _NUDGE))
        if problem.upload_s(changed.bandwidth_hz)[n] > problem.max_upload_s[n] * (1.0 + _CLEAR):
            return _refigured(problem, changed)
    return None


def _refigured(problem: Problem, solution: Solution) -> Solution:
    return replace(
        solution,
        latency_s=problem.latency_s(solution.selected, solution.bandwidth_hz),
        objective_s=problem.objective_s(solution.selected, solution.bandwidth_hz),
    )


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
    return changed if moved > _CLEAR * solution.objective_s else None


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


def _shorter_round(problem: Problem, solution: Solution) -> Solution | None:
    """Report a latency 1e-9 too small."""
    return replace(solution, latency_s=solution.latency_s * (1.0 - _NUDGE)) if _lasts(solution) else None


def _better_objective(problem: Problem, solution: Solution) -> Solution | None:
    """Report an objective 1e-9 too small."""
    return replace(solution, objective_s=solution.objective_s * (1.0 - _NUDGE)) if _lasts(solution) else None


def _lasts(solution: Solution) -> bool:
    return solution.has_answer and 0.0 < solution.latency_s < math.inf


def _inflated_bound(problem: Problem, solution: Solution) -> Solution | None:
    """Claim a bound 1e-9 above the certificate's."""
    if not solution.has_answer or not solution.lower_bound_s > 0.0:
        return None
    return replace(solution, lower_bound_s=solution.lower_bound_s * (1.0 + _NUDGE))


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


def _multiplied(factor: float) -> Mutation:
    def mutate(problem: Problem, solution: Solution) -> Solution | None:
        if not _proves(solution) or solution.certificate is None:
            return None
        mu = solution.certificate.multipliers
        # Without mandatory clients D never exceeds the multipliers' worth: below B it proves nothing at all.
        if problem.mandatory.any() or not np.any(mu > 0.0) or str(problem.objective) != "makespan":
            return None
        if factor > 0.0 and float(np.dot(mu, problem.required)) * factor > problem.bandwidth_hz:
            return None
        return replace(solution, certificate=replace(solution.certificate, multipliers=mu * factor))

    return mutate


def _bad_multiplier(value: float) -> Mutation:
    def mutate(problem: Problem, solution: Solution) -> Solution | None:
        if not _proves(solution) or solution.certificate is None or not problem.tasks:
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
    nobody = np.zeros(problem.clients)
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


def _denied(kind: CertificateKind) -> Mutation:
    def mutate(problem: Problem, solution: Solution) -> Solution | None:
        if not solution.has_answer or (kind is CertificateKind.COVERAGE and not problem.tasks):
            return None
        mu = np.zeros(problem.tasks) if solution.certificate is None else solution.certificate.multipliers
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


MUTATIONS: dict[str, Mutation] = {
    "a bandwidth 1e-9 too large": _more_bandwidth,
    "a bandwidth 1e-9 too small": _less_bandwidth,
    "a longest upload missed by 1e-9": _missed_cap,
    "a needed client dropped": _dropped,
    "a client dropped, its bandwidth kept": _ghost,
    "a client on no bandwidth": _starved,
    "an unavailable client selected": _unavailable,
    "two bandwidths exchanged": _swapped,
    "a bandwidth that is NaN": _not_a_number,
    "a negative bandwidth": _negative,
    "latency reported 1e-9 too small": _shorter_round,
    "objective reported 1e-9 too small": _better_objective,
    "bound inflated by 1e-9": _inflated_bound,
    "bound and price inflated above the objective": _inflated_everywhere,
    "the objective claimed as the bound": _closed_gap,
    "a bound above the objective, said to be by search": _hidden_in_a_search,
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
"""Corruptions of the answer. Those of `STALE` change the problem under it instead."""


def _stale_band(problem: Problem, solution: Solution) -> Problem | None:
    used = math.fsum(solution.bandwidth_hz.tolist())
    smaller = problem.bandwidth_hz * (1.0 - _NUDGE)
    return problem.replace(bandwidth_hz=smaller) if solution.has_answer and used > smaller * (1.0 + _CLEAR) else None


def _stale_payload(problem: Problem, solution: Solution) -> Problem | None:
    if not _lasts(solution):
        return None
    changed = problem.replace(payload_bits=problem.payload_bits * (1.0 + _NUDGE))
    moved = changed.objective_s(solution.selected, solution.bandwidth_hz) > solution.objective_s * (1.0 + _CLEAR)
    return changed if moved else None


def _stale_need(problem: Problem, solution: Solution) -> Problem | None:
    if not solution.has_answer or not problem.tasks:
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


@dataclass
class MutationRecord:
    """How often one corruption was tried and caught, and by which claims.

    Attributes
    ----------
    name : str
        The corruption.
    tried, caught : int
        Answers it was tried on, and how many of them were not believed.
    by : Counter
        Names of the claims that did not hold.
    escaped : list of str
        Instances on which it passed.
    """

    name: str
    tried: int = 0
    caught: int = 0
    by: Counter[str] = field(default_factory=Counter)
    escaped: list[str] = field(default_factory=list)


def try_mutations(
    answers: Iterable[tuple[str, Problem, Solution]], *, judge: Judge = verify_solution
) -> list[MutationRecord]:
    """Corrupt every answer in every way that makes it false, and record what the judge makes of it.

    Parameters
    ----------
    answers : iterable of (name, Problem, Solution)
        Honest answers.
    judge : callable
        The checker on trial.

    Returns
    -------
    list of MutationRecord
        One per corruption, in the order of `MUTATIONS`.
    """
    records = {name: MutationRecord(name) for name in (*MUTATIONS, *STALE)}
    for label, problem, solution in answers:
        for name, mutate in MUTATIONS.items():
            corrupted = mutate(problem, solution)
            if corrupted is not None:
                _record(records[name], label, judge(problem, corrupted))
        for name, change in STALE.items():
            changed = change(problem, solution)
            if changed is not None:
                _record(records[name], label, judge(changed, solution))
    return list(records.values())


def _record(record: MutationRecord, label: str, report: Report) -> None:
    record.tried += 1
    if report.proven:
        record.escaped.append(label)
        return
    record.caught += 1
    record.by.update(claim.name.split(" of ")[0] for claim in (*report.failed, *report.undecided))
