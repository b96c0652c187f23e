"""What a certificate proves, and whether bound, gap and status claim no more than that."""

from __future__ import annotations

import math
from collections.abc import Iterator
from fractions import Fraction

import numpy as np

from ..optimality import prove_again
from ..problem import Objective, Problem
from ..solution import Certificate, CertificateKind, Solution, Status
from .balls import UndecidedError, bits_at_most
from .dual import Client, Dual, Limits, exact_sum
from .verdicts import Allowances, Claim, Verdict

__all__ = ["bound_claims", "proven_bound", "proves_infeasibility"]


def bound_claims(problem: Problem, solution: Solution, *, gap_tol: float, allowances: Allowances) -> Iterator[Claim]:
    """Yield the claims about the lower bound, the infeasibility and the status."""
    if solution.status is Status.INFEASIBLE:
        yield _infeasibility(problem, solution)
    elif math.isnan(solution.lower_bound_s):
        yield Claim(name="lower bound", verdict=Verdict.TRUE, exact=True, detail="none is claimed")
    else:
        yield _lower_bound(problem, solution, allowances)
        if solution.has_answer:
            below = solution.lower_bound_s <= solution.objective_s * (1.0 + allowances.figure)
            yield Claim(
                name="bound below objective",
                verdict=Verdict.TRUE if below else Verdict.FALSE,
                exact=solution.lower_bound_s <= solution.objective_s,
                figure=solution.lower_bound_s,
                detail=f"{solution.lower_bound_s:.9g} s <= {solution.objective_s:.9g} s",
            )
    yield _status(solution, gap_tol)


def _multipliers(certificate: Certificate) -> np.ndarray | None:
    values = np.asarray(certificate.multipliers)
    if values.dtype.kind not in "fiu":
        return None
    values = values.astype(np.float64)
    return values if bool((np.isfinite(values) & (values >= 0.0)).all()) else None


def proven_bound(problem: Problem, certificate: Certificate, claimed: float) -> float:
    """Return what a certificate proves of a claimed bound: `claimed` where it proves all of it, else less, s.

    Parameters
    ----------
    problem : Problem
        The round.
    certificate : Certificate
        The proof.
    claimed : float
        s. The search for what is proven begins there.
    """
    multipliers = _multipliers(certificate)
    if multipliers is None:
        return 0.0
    if certificate.kind is not CertificateKind.BOUND:
        return math.inf if proves_infeasibility(problem, certificate) else 0.0
    price = certificate.price
    if not 0.0 <= price < math.inf:
        return 0.0
    dual = Dual(problem, multipliers)
    if problem.objective is Objective.TOTAL:
        return dual.price_bound(price)
    return _supported_deadline(dual, min(price, claimed))


def _supported_deadline(dual: Dual, start: float) -> float:
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
        able = np.array([_able(problem, n, limits) for n in range(problem.n_clients)], dtype=bool)
        offer = exact_sum(problem.relevance[task, problem.available & able])
        return offer < Fraction(float(problem.coverage_target[task]))
    if certificate.kind is CertificateKind.BANDWIDTH:
        multipliers = _multipliers(certificate)
        return multipliers is not None and Dual(problem, multipliers).excludes(math.inf, least=True)
    return False


def _able(problem: Problem, n: int, limits: Limits) -> bool:
    """Tell whether client n can keep its own limits within the carrier; True when in doubt."""
    if not problem.available[n]:
        return False
    try:
        return bits_at_most(Client(problem, n, limits).least) is not None
    except UndecidedError:
        return True


def _lower_bound(problem: Problem, solution: Solution, allowances: Allowances) -> Claim:
    claimed, certificate = solution.lower_bound_s, solution.certificate
    name = "lower bound"
    if certificate is None:
        holds = claimed == 0.0
        verdict = Verdict.TRUE if holds else Verdict.FALSE
        return Claim(name=name, verdict=verdict, exact=holds, detail=f"claimed {claimed:.9g} s without a certificate")
    if str(certificate.kind) == "search" and 0.0 <= claimed < math.inf:
        return _searched(problem, certificate, claimed, allowances)
    if certificate.kind not in set(CertificateKind) or not 0.0 <= claimed < math.inf:
        detail = f"claimed {claimed!r} s with a certificate of kind {certificate.kind!r}"
        return Claim(name=name, verdict=Verdict.FALSE, exact=False, detail=detail)
    proven = proven_bound(problem, certificate, claimed)
    short = claimed > proven
    holds = not short or proven >= claimed * (1.0 - allowances.bound)
    detail = f"claimed {claimed:.9g} s, the certificate proves {proven:.9g} s"
    if short and holds:
        detail += f": {1.0 - proven / claimed:.1e} of it less"
    verdict = Verdict.TRUE if holds else Verdict.FALSE
    return Claim(name=name, verdict=verdict, exact=not short, figure=proven, detail=detail)


def _searched(problem: Problem, certificate: Certificate, claimed: float, allowances: Allowances) -> Claim:
    """Prove again what rests on a search: the certificate says where it began, not how it went."""
    verdict, detail = _prove_again(problem, certificate, claimed * (1.0 - allowances.bound))
    words = {Verdict.TRUE: "proved again", Verdict.FALSE: "refuted", Verdict.UNDECIDED: "not proved"}
    detail = f"claimed {claimed:.9g} s: {words[verdict]} ({detail})"
    return Claim(name="lower bound", verdict=verdict, exact=verdict is Verdict.TRUE, figure=claimed, detail=detail)


def _prove_again(problem: Problem, certificate: Certificate, claimed: float) -> tuple[Verdict, str]:
    """Ask for verified steps first; small problems are searched by other code, in balls, where there are none."""
    from .search import search_again  # noqa: PLC0415 - for these certificates alone

    proved, detail = prove_again(problem, claimed, certificate)
    if proved is not None:
        return (Verdict.TRUE if proved else Verdict.FALSE), detail
    multipliers = _multipliers(certificate)
    if multipliers is None or claimed == math.inf:
        return Verdict.UNDECIDED, detail
    verdict = search_again(problem, multipliers, certificate.price, claimed)
    found = {Verdict.TRUE: "a search in balls finds nothing below", Verdict.FALSE: "there is an answer below"}
    return verdict, found.get(verdict, detail)


def _infeasibility(problem: Problem, solution: Solution) -> Claim:
    certificate = solution.certificate
    if certificate is not None and certificate.kind is CertificateKind.SEARCH:
        searched, detail = _prove_again(problem, certificate, math.inf)
        return Claim(name="infeasibility", verdict=searched, exact=searched is Verdict.TRUE, detail=detail)
    holds = certificate is not None and proves_infeasibility(problem, certificate)
    detail = "claimed without a certificate"
    if certificate is not None:
        detail = f"the {certificate.kind} certificate {'proves it' if holds else 'does not prove it'}"
    verdict = Verdict.TRUE if holds else Verdict.FALSE
    return Claim(name="infeasibility", verdict=verdict, exact=holds, detail=detail)


def _status(solution: Solution, gap_tol: float) -> Claim:
    """`optimal` needs a gap within the tolerance, computed from the reported figures as rational numbers."""
    best, bound = solution.objective_s, solution.lower_bound_s
    detail = f"{solution.status}"
    if solution.status is Status.OPTIMAL:
        holds = math.isfinite(best) and math.isfinite(bound) and bound >= 0.0
        if holds:
            # A few units in the last place belong to the division that gave the gap.
            limit = Fraction(bound) * (1 + Fraction(gap_tol) + Fraction(2) ** -50)
            holds = Fraction(best) <= limit
        detail = f"optimal with a gap of {solution.gap:.3g}; at most {gap_tol:g} may be called so"
    else:
        holds = solution.status is Status.INFEASIBLE or bound != math.inf
        if not holds:
            detail = f"{solution.status} beside an infinite lower bound"
    verdict = Verdict.TRUE if holds else Verdict.FALSE
    return Claim(name="status", verdict=verdict, exact=holds, figure=solution.gap, detail=detail)
