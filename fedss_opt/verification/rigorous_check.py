"""Every claim of an answer, checked in exact and ball arithmetic.

Everything is recomputed from the problem's data: coverage and shared bandwidth as rational numbers, rates and
times as balls. A claim is true, false, or undecided where even the highest precision leaves it open. Nothing of
the package but `Problem` and `Solution` is used, so a wrong kernel cannot vouch for itself.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from fractions import Fraction

import numpy as np

from ..claims import CheckReport, Claim
from ..exceptions import OptionError
from ..problem import Problem
from ..solution import Solution, Status
from .allowances import STRICT, Allowances
from .ball_bounds import bound_claims
from .ball_dual import carrier_hz, channel_of, exact_sum
from .balls import Ball, arb, decide, flint, refine, settle, upload_time

__all__ = ["verify_solution"]

Kept = tuple[bool | None, bool]  # with the allowance, and without

_LARGEST = 1e30  # the largest number that a problem or an answer may hold


def verify_solution(
    problem: Problem, solution: Solution, *, gap_tol: float = 1e-4, allowances: Allowances = STRICT
) -> CheckReport:
    """Check every claim of an answer rigorously, from the problem's data alone.

    Parameters
    ----------
    problem : Problem
        The round.
    solution : Solution
        What is claimed of it, by whomever.
    gap_tol : float
        Certified relative gap up to which an answer may call itself optimal.
    allowances : Allowances
        By how much a claim may miss.

    Returns
    -------
    CheckReport
        All claims: also those that hold.

    Raises
    ------
    MissingDependencyError
        Without python-flint.
    OptionError
        For a client model whose rate the balls do not know, or a tolerance that is none.

    Examples
    --------
    >>> import numpy as np
    >>> import fedss_opt as fo
    >>> problem = fo.Problem(payload_bits=[1e6], spectral_efficiency=2.0, bandwidth_hz=1e6)
    >>> claimed = fo.Solution(
    ...     status=fo.Status.FEASIBLE,
    ...     stop_reason=fo.StopReason.COMPLETED,
    ...     selected=np.array([True]),
    ...     bandwidth_hz=np.array([1e6 * (1 + 1e-15)]),
    ...     latency_s=0.5,
    ...     objective_s=0.5,
    ...     lower_bound_s=float("nan"),
    ...     certificate=None,
    ...     method="by hand",
    ... )
    >>> [claim.name for claim in verify_solution(problem, claimed).failed]
    ['shared bandwidth']
    """
    flint()
    if not (isinstance(gap_tol, (int, float)) and 0.0 <= gap_tol < math.inf):
        raise OptionError(f"gap_tol = {gap_tol!r}: must be a finite number >= 0")
    claims = [_sizes(problem, solution)]
    if claims[0].holds:
        if solution.has_answer:
            claims += _selection(problem, solution)
            claims.append(_bandwidths(problem, solution))
            if claims[-1].holds:  # else no rate and no time exists
                claims += _allocation(problem, solution, allowances)
                claims += _figures(problem, solution, allowances)
        else:
            claims.append(_emptiness(solution))
        claims += bound_claims(problem, solution, gap_tol=gap_tol, allowances=allowances)
    return CheckReport(claims=tuple(claims), arithmetic="ball")


def _plain(name: str, holds: bool, detail: str, figure: float | None = None) -> Claim:
    return Claim(name=name, holds=holds, exact=holds, figure=figure, detail=detail)


def _sizes(problem: Problem, solution: Solution) -> Claim:
    n, k = problem.n_clients, problem.n_tasks
    shapes = (np.shape(solution.selected), np.shape(solution.bandwidth_hz))
    detail = f"{n} clients, {k} tasks"
    fits = shapes == ((n,), (n,)) and np.asarray(solution.selected).dtype == np.bool_
    if not fits:
        detail = f"{n} clients, but shapes {shapes[0]} of selected, {shapes[1]} of bandwidth_hz"
    certificate = solution.certificate
    if fits and certificate is not None:
        if np.shape(certificate.multipliers) != (k,):
            fits, detail = False, f"{np.size(certificate.multipliers)} multipliers for {k} tasks"
        elif certificate.task is not None and not 0 <= certificate.task < k:
            fits, detail = False, f"the certificate names task {certificate.task} of {k}"
    return _plain("sizes", fits, detail)


def _selection(problem: Problem, solution: Solution) -> Iterator[Claim]:
    chosen = solution.selected
    for name, wrong, good, bad in (
        ("available", chosen & ~problem.available, "every selected client is available", "is not available"),
        ("mandatory", problem.mandatory & ~chosen, "every mandatory client is selected", "is left out"),
    ):
        odd = np.flatnonzero(wrong)
        detail = f"client {problem.client_name(int(odd[0]))!r} {bad}" if odd.size else good
        yield _plain(name, not odd.size, detail, float(odd.size))
    for k in range(problem.n_tasks):
        received = exact_sum(problem.relevance[k, chosen])
        target = Fraction(float(problem.coverage_target[k]))
        detail = f"receives {float(received):.6g} of the {problem.required[k]:.6g} it needs"
        yield _plain(f"coverage of {problem.task_name(k)}", received >= target, detail, float(received))


def _bandwidths(problem: Problem, solution: Solution) -> Claim:
    b, chosen = solution.bandwidth_hz, solution.selected
    sane = (b >= 0.0) & (b <= _LARGEST) & (chosen | (b == 0.0))  # False for NaN
    odd = np.flatnonzero(~sane)
    detail = "finite, >= 0, and 0 for clients left out"
    if odd.size:
        n = int(odd[0])
        detail = f"client {problem.client_name(n)!r} holds {float(b[n])!r} Hz; must be {detail}"
    return _plain("bandwidths", not odd.size, detail)


def _within(value: Fraction, limit: Fraction, allowance: float) -> Kept:
    return value <= limit * (1 + Fraction(allowance)), value <= limit


def _allocation(problem: Problem, solution: Solution, allowances: Allowances) -> Iterator[Claim]:
    b, chosen = solution.bandwidth_hz, np.flatnonzero(solution.selected)
    total, shared = exact_sum(b[chosen]), Fraction(float(problem.bandwidth_hz))
    if problem.resource_blocks is not None:
        # All whole blocks may be in use, each client's rounded to a float, even where they are B but for rounding.
        shared = max(shared, carrier_hz(problem) * (1 + Fraction(2) ** -53))
    holds, exact = _within(total, shared, allowances.bandwidth)
    detail = f"{float(total):.12g} of {float(shared):.12g} Hz in use"
    if not exact:
        detail += f": {float(total / shared - 1):.2g} of it too much"
    yield Claim(name="shared bandwidth", holds=holds, exact=exact, figure=float(total), detail=detail)

    whole = problem.bandwidth_limits_hz

    def limits(n: int) -> Kept:
        mine, low = Fraction(float(b[n])), Fraction(float(problem.min_bandwidth_hz[n]))
        high = Fraction(min(float(problem.max_bandwidth_hz[n]), _LARGEST))
        if problem.resource_block_hz is not None:
            # Of a limit that is whole blocks but for rounding, all of them may be in use.
            first, last = (Fraction(float(limit[n])) for limit in whole)
            low, high = min(low, first), max(high, last)
        kept = _within(low, mine, allowances.bandwidth)
        if math.isfinite(problem.max_bandwidth_hz[n]):
            upper = _within(mine, high, allowances.bandwidth)
            kept = kept[0] and upper[0], kept[1] and upper[1]
        return kept

    def longest(n: int) -> Kept:
        bandwidth, limit = float(b[n]), float(problem.max_upload_s[n])
        if limit == math.inf or bandwidth <= 0.0:
            return limit == math.inf, limit == math.inf

        def kept(allowance: float) -> bool:
            return decide(_time(problem, n, bandwidth), arb(limit) * (1 + arb(allowance)))

        return settle(lambda: kept(allowances.time)), settle(lambda: kept(0.0)) is True

    yield _each(problem, chosen, "bandwidth limits", limits, lambda n: f"has {b[n]!r} Hz")
    yield _each(problem, chosen, "upload limits", longest, lambda n: f"may take {problem.max_upload_s[n]!r} s")
    if problem.resource_block_hz is not None:
        yield _blocks(problem, solution, Fraction(problem.resource_block_hz))


def _blocks(problem: Problem, solution: Solution, block: Fraction) -> Claim:
    """Each bandwidth is a whole number of blocks as closely as a float can be, and their count fits."""
    count = 0
    for n in np.flatnonzero(solution.selected):
        mine = Fraction(float(solution.bandwidth_hz[n]))
        whole = round(mine / block)
        count += whole
        if whole < 1 or abs(mine - whole * block) > mine * Fraction(2) ** -52:
            detail = f"client {problem.client_name(int(n))!r} has {float(mine / block):.17g} blocks"
            return _plain("resource blocks", False, detail)
    there = problem.resource_blocks or 0
    return _plain("resource blocks", count <= there, f"{count} of {there} whole blocks in use", float(count))


def _time(problem: Problem, n: int, bandwidth: float) -> Ball:
    return upload_time(float(problem.payload_bits[n]), arb(bandwidth), *channel_of(problem, n))


def _each(
    problem: Problem, chosen: np.ndarray, name: str, question: Callable[[int], Kept], describe: Callable[[int], str]
) -> Claim:
    """One claim over all selected clients: as bad as the worst of them."""
    kept = {int(n): question(int(n)) for n in chosen}
    for bad in (False, None):
        odd = [n for n, (holds, _) in kept.items() if holds is bad]
        if odd:
            more = f" (and {len(odd) - 1} more)" if len(odd) > 1 else ""
            detail = f"client {problem.client_name(odd[0])!r} {describe(odd[0])}{more}"
            return Claim(name=name, holds=bad, figure=float(len(odd)), detail=detail)
    exact = all(exactly for _, exactly in kept.values())
    return Claim(name=name, holds=True, exact=exact, detail="kept by every selected client")


def _figures(problem: Problem, solution: Solution, allowances: Allowances) -> Iterator[Claim]:
    """Enclose the reported latency (every client's time) and the reported objective."""
    chosen = [int(n) for n in np.flatnonzero(solution.selected)]
    idle = any(not solution.bandwidth_hz[n] > 0.0 for n in chosen)

    def times() -> Iterator[Ball]:
        return (arb(problem.compute_s[n]) + _time(problem, n, float(solution.bandwidth_hz[n])) for n in chosen)

    def latency() -> Ball:
        worst = arb(0)
        for time in times():
            worst = worst.max(time)
        return worst

    def total() -> Ball:
        return sum((arb(problem.weights[n]) * time for n, time in zip(chosen, times(), strict=True)), arb(0))

    is_total = str(problem.objective) == "total"
    for name, reported, value in (
        ("latency", solution.latency_s, latency),
        ("objective", solution.objective_s, total if is_total else latency),
    ):
        if idle or not 0.0 <= reported < math.inf:
            detail = "a selected client has no bandwidth" if idle else f"reported {reported!r} s"
            yield _plain(name, False, detail)
        else:
            yield _reported(name, reported, value, allowances.figure)


def _reported(name: str, reported: float, value: Callable[[], Ball], allowance: float) -> Claim:
    def near() -> bool:
        true = value()
        return decide(abs(arb(reported) - true), arb(allowance) * true)

    if reported == 0.0 and refine(lambda: bool(value() == 0)):
        return _plain(name, True, "nothing is selected", 0.0)
    true = refine(value)
    miss = abs(float((arb(reported) - true) / true))
    detail = f"reported {reported:.9g} s, recomputed {float(true):.9g} s"
    return Claim(name=name, holds=settle(near), exact=miss <= 2.0**-52, figure=miss, detail=detail)


def _emptiness(solution: Solution) -> Claim:
    empty = not solution.selected.any() and not np.any(solution.bandwidth_hz)
    unfigured = solution.latency_s == solution.objective_s == math.inf
    if solution.status not in (Status.INFEASIBLE, Status.UNKNOWN):
        return _plain("no answer", False, f"unknown status {solution.status!r}")
    detail = f"{solution.status}: nothing is selected and no latency is claimed"
    if not (empty and unfigured):
        detail = f"{solution.status}, yet it selects clients or claims a latency"
    return _plain("no answer", empty and unfigured, detail)
