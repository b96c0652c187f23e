"""What a certificate proves, and whether bound, gap and status claim no more than that."""

from __future__ import annotations

import math
from collections.abc import Iterator
from fractions import Fraction

import numpy as np

from ..claims import Claim
from ..optimality import prove_again
from ..problem import Objective, Problem
from ..solution import Certificate, CertificateKind, Solution, Status
from .allowances import Allowances
from .ball_dual import BallClient, BallDual, exact_sum

__all__ = ["bound_claims", "proven_bound", "proves_infeasibility"]

_PROVED = {True: "proved again", False: "refuted", None: "not proved"}


def bound_claims(problem: Problem, solution: Solution, *, gap_tol: float, allowances: Allowances) -> Iterator[Claim]:
    """Yield the claims about the lower bound, the infeasibility and the status."""
    best, bound = solution.objective_s, solution.lower_bound_s
    if solution.status is Status.INFEASIBLE:
        yield _infeasibility(problem, solution.certificate)
    elif math.isnan(bound):
        yield Claim(name="lower bound", holds=True, exact=True, detail="none is claimed")
    else:
        yield _lower_bound(problem, bound, solution.certificate, allowances)
        if solution.has_answer:
            yield Claim(
                name="bound below objective",
                holds=bound <= best * (1.0 + allowances.figure),
                exact=bound <= best,
                figure=bound,
                detail=f"{bound:.9g} s <= {best:.9g} s",
            )
    yield _status(solution, gap_tol)


def _multipliers(certificate: Certificate) -> np.ndarray | None:
    values = np.asarray(certificate.multipliers)
    if values.dtype.kind not in "fiu":
        return None
    values = values.astype(np.float64)
    return values if bool((np.isfinite(values) & (values >= 0.0)).all()) else None


def proven_bound(problem: Problem, certificate: Certificate, claimed: float) -> float:
    """Return what a certificate proves of a claimed bound, s: `claimed` where it proves all of it, else less."""
    multipliers = _multipliers(certificate)
    if multipliers is None:
        return 0.0
    if certificate.kind is not CertificateKind.BOUND:
        return math.inf if proves_infeasibility(problem, certificate) else 0.0
    price = certificate.price
    if not 0.0 <= price < math.inf:
        return 0.0
    dual = BallDual(problem, multipliers)
    if problem.objective is Objective.TOTAL:
        return dual.price_bound(price)
    return _supported_deadline(dual, min(price, claimed))


def _supported_deadline(dual: BallDual, start: float) -> float:
    """Return a deadline up to `start` that the multipliers prove to be out of reach; the largest but for rounding."""
    if start <= 0.0:
        return 0.0
    # Ties can cost a proof its last digits: 1e-16, 1e-15, ... below.
    for step in (0.0, 2e-16, 1e-15, 1e-14, 1e-13, 9e-13, 1e-11, 1e-10):
        deadline = start * (1.0 - step)
        if dual.excludes(deadline):
            return deadline
    low, high = 0.0, start
    for _ in range(24):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if dual.excludes(middle) else (low, middle)
    return low


def proves_infeasibility(problem: Problem, certificate: Certificate) -> bool:
    """Tell whether a certificate proves that the problem has no answer."""
    if certificate.kind is CertificateKind.COVERAGE:
        task = certificate.task
        if task is None or not 0 <= task < problem.n_tasks:
            return False
        limits = problem.bandwidth_limits_hz
        able = np.array([BallClient(problem, n, limits).is_able() for n in range(problem.n_clients)], dtype=bool)
        offer = exact_sum(problem.relevance[task, problem.available & able])
        return offer < Fraction(float(problem.coverage_target[task]))
    if certificate.kind is CertificateKind.BANDWIDTH:
        multipliers = _multipliers(certificate)
        return multipliers is not None and BallDual(problem, multipliers).excludes(math.inf, least=True)
    return False


def _lower_bound(problem: Problem, claimed: float, certificate: Certificate | None, allowances: Allowances) -> Claim:
    name = "lower bound"
    if certificate is None:
        holds = claimed == 0.0
        return Claim(name=name, holds=holds, exact=holds, detail=f"claimed {claimed:.9g} s without a certificate")
    if certificate.kind not in set(CertificateKind) or not 0.0 <= claimed < math.inf:
        detail = f"claimed {claimed!r} s with a certificate of kind {certificate.kind!r}"
        return Claim(name=name, holds=False, detail=detail)
    if certificate.kind == CertificateKind.SEARCH:  # it says where a search began, not how it went
        proved, detail = prove_again(problem, claimed * (1.0 - allowances.bound), certificate)
        detail = f"claimed {claimed:.9g} s: {_PROVED[proved]} ({detail})"
        return Claim(name=name, holds=proved, exact=proved is True, figure=claimed, detail=detail)
    proven = proven_bound(problem, certificate, claimed)
    short = claimed > proven
    holds = not short or proven >= claimed * (1.0 - allowances.bound)
    detail = f"claimed {claimed:.9g} s, the certificate proves {proven:.9g} s"
    if short and holds:
        detail += f": {1.0 - proven / claimed:.1e} of it less"
    return Claim(name=name, holds=holds, exact=not short, figure=proven, detail=detail)


def _infeasibility(problem: Problem, certificate: Certificate | None) -> Claim:
    holds: bool | None = False
    detail = "claimed without a certificate"
    if certificate is not None and certificate.kind == CertificateKind.SEARCH:
        holds, detail = prove_again(problem, math.inf, certificate)
    elif certificate is not None:
        holds = proves_infeasibility(problem, certificate)
        detail = f"the {certificate.kind} certificate {'proves it' if holds else 'does not prove it'}"
    return Claim(name="infeasibility", holds=holds, exact=holds is True, detail=detail)


def _status(solution: Solution, gap_tol: float) -> Claim:
    """`optimal` needs a gap within the tolerance, computed from the reported figures as rational numbers."""
    best, bound = solution.objective_s, solution.lower_bound_s
    detail = f"{solution.status}"
    if solution.status is Status.OPTIMAL:
        holds = math.isfinite(best) and math.isfinite(bound) and bound >= 0.0
        # A few units in the last place belong to the division that gave the gap.
        allowed = 1 + Fraction(gap_tol) + Fraction(2) ** -50
        holds = holds and Fraction(best) <= Fraction(bound) * allowed
        detail = f"optimal with a gap of {solution.gap:.3g}; at most {gap_tol:g} may be called so"
    else:
        holds = solution.status is Status.INFEASIBLE or bound != math.inf
        if not holds:
            detail = f"{solution.status} beside an infinite lower bound"
    return Claim(name="status", holds=holds, exact=holds, figure=solution.gap, detail=detail)
