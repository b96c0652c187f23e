"""Is this answer what it says it is? Every claim recomputed from the problem's data.

Nothing here calls a kernel or a solver: sizes, sums and times are plain floats. Two things are asked of the rest of the
package: what a certificate proves (`Certificate.bound`), and a proof anew of what rests on a search (`prove_again`).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from .claims import CHECK_FORMAT, CheckReport, Claim
from .exceptions import OptionError
from .fields import LARGEST
from .gap_tolerance import DEFAULT_GAP_TOL, accepted_gap_tol
from .optimality import prove_again
from .problem import Problem
from .quantities import format_quantity
from .resource_blocks import BLOCK_ROUNDING
from .solution import Certificate, CertificateKind, Solution, Status

__all__ = ["CHECK_FORMAT", "CheckReport", "Claim", "check"]

_ULP = 2.0**-52

# A bandwidth is rounded once, and so is what a solver scales it by; math.fsum then adds without further
# error. Four units in the last place hold these roundings and nothing that a radio could notice (2e-8 Hz of
# 20 MHz).
BANDWIDTH_TOL = 4 * _ULP
# As many blocks as Problem counts may be a little more than the carrier or a limit, for their decimals are rounded.
BLOCK_TOL = BLOCK_ROUNDING + BANDWIDTH_TOL

# One upload time costs about eight roundings (2e-15). A solver that fits many clients into B may besides
# scale all bandwidths by the rounding of their sum, up to 1e-13 for a million clients. The allowance stands
# above both, is the one that `Problem.covers` gives to the coverage, and is a picosecond of a one-second cap.
TIME_TOL = 1e-12

# Reported figures may have been summed in another order or printed with fewer digits.
FIGURE_TOL = 1e-9


_PROVED = {True: "proved again", False: "refuted", None: "not proved"}


def check(
    problem: Problem, solution: Solution, *, gap_tol: float = DEFAULT_GAP_TOL, time_limit_s: float | None = None
) -> CheckReport:
    """Check every claim that an answer makes, from the problem's data alone.

    Parameters
    ----------
    problem : Problem
        The round.
    solution : Solution
        What is claimed of it, by whomever.
    gap_tol : float
        Certified relative gap up to which an answer may call itself optimal.
    time_limit_s : float, optional
        Seconds to search for a proof of what rests on a search itself; what is then not proved is said to be so.

    Returns
    -------
    CheckReport
        All claims: also those that hold.

    Raises
    ------
    OptionError
        For what is no problem, no solution or no tolerance.

    Notes
    -----
    A bound that the certificate does not prove by itself (kind ``search``) is proved again: a search writes down its
    steps, and code that shares nothing with it verifies them from the problem's data. What is believed is that code,
    Python's and NumPy's arithmetic, and the closed form of the rate.

    Examples
    --------
    >>> import numpy as np
    >>> import fedss_opt as fo
    >>> problem = fo.Problem(payload_bits=[1e6], spectral_efficiency=2.0, bandwidth_hz=1e6)
    >>> claimed = fo.Solution(
    ...     status=fo.Status.FEASIBLE,
    ...     stop_reason=fo.StopReason.COMPLETED,
    ...     selected=np.array([True]),
    ...     bandwidth_hz=np.array([1e6]),
    ...     latency_s=0.4,
    ...     objective_s=0.5,
    ...     lower_bound_s=float("nan"),
    ...     certificate=None,
    ...     method="by hand",
    ... )
    >>> [claim.name for claim in check(problem, claimed).failed]
    ['latency']
    """
    for name, value, kind in (("problem", problem, Problem), ("solution", solution, Solution)):
        if not isinstance(value, kind):
            raise OptionError(f"{name}: a {type(value).__name__}; must be a fedss_opt.{kind.__name__}")
    gap_tol = accepted_gap_tol(gap_tol)
    sizes = _sizes(problem, solution)
    if not sizes.holds:
        return CheckReport(claims=(sizes,))
    claims = [sizes]
    if solution.has_answer:
        claims += _selection(problem, solution)
        claims.append(_bandwidths(problem, solution))
        if claims[-1].holds:  # else no rate and no time exists
            claims += _allocation(problem, solution)
            claims += _figures(problem, solution)
    else:
        claims += _emptiness(solution)
    claims += _bound(problem, solution, math.inf if time_limit_s is None else time_limit_s)
    claims.append(_status(solution, gap_tol))
    return CheckReport(claims=tuple(claims))


def _sizes(problem: Problem, solution: Solution) -> Claim:
    shapes = (np.shape(solution.selected), np.shape(solution.bandwidth_hz))
    wanted = (problem.n_clients,)
    detail = f"{problem.n_clients} clients, {problem.n_tasks} tasks"
    fits = shapes == (wanted, wanted)
    if not fits:
        detail = f"{problem.n_clients} clients, but shapes {shapes[0]} of selected, {shapes[1]} of bandwidth_hz"
    certificate = solution.certificate
    if fits and certificate is not None and np.shape(certificate.multipliers) != (problem.n_tasks,):
        fits, detail = False, f"{np.size(certificate.multipliers)} multipliers for {problem.n_tasks} tasks"
    if fits and certificate is not None and certificate.task is not None and certificate.task >= problem.n_tasks:
        fits, detail = False, f"the certificate names task {certificate.task} of {problem.n_tasks}"
    return Claim(name="sizes", holds=fits, detail=detail)


def _selection(problem: Problem, solution: Solution) -> Iterator[Claim]:
    chosen = solution.selected
    for name, wrong, good, bad in (
        ("available", chosen & ~problem.available, "every selected client is available", "is not available"),
        ("mandatory", problem.mandatory & ~chosen, "every mandatory client is selected", "is left out"),
    ):
        odd = np.flatnonzero(wrong)
        detail = f"client {problem.client_name(int(odd[0]))!r} {bad}" if odd.size else good
        yield Claim(name=name, holds=not odd.size, figure=float(odd.size), detail=detail)
    served, received = problem.covers(chosen), problem.coverage(chosen)
    for k in range(problem.n_tasks):
        need = float(problem.required[k])
        yield Claim(
            name=f"coverage of {problem.task_name(k)}",
            holds=bool(served[k]),
            figure=float(received[k]),
            detail=f"receives {received[k]:.6g} of the {need:.6g} it needs",
        )


def _bandwidths(problem: Problem, solution: Solution) -> Claim:
    b, chosen = solution.bandwidth_hz, solution.selected
    sane = (b >= 0.0) & (b <= LARGEST) & (chosen | (b == 0.0))  # False for NaN
    odd = np.flatnonzero(~sane)
    detail = "finite, >= 0, and 0 for clients left out"
    if odd.size:
        n = int(odd[0])
        detail = f"client {problem.client_name(n)!r} holds {float(b[n])!r} Hz; must be {detail}"
    return Claim(name="bandwidths", holds=not odd.size, detail=detail)


def _allocation(problem: Problem, solution: Solution) -> Iterator[Claim]:
    b, chosen = solution.bandwidth_hz, solution.selected
    total = math.fsum(b.tolist())
    allowance = BANDWIDTH_TOL if problem.resource_blocks is None else BLOCK_TOL
    used, shared = (format_quantity(hertz, "Hz", 6) for hertz in (total, problem.bandwidth_hz))
    yield Claim(
        name="shared bandwidth",
        holds=total <= problem.bandwidth_hz * (1.0 + allowance),
        figure=total,
        detail=f"{used} of {shared} in use",
    )
    upload = np.where(chosen, problem.upload_s(b), 0.0)
    low = np.where(chosen, problem.min_bandwidth_hz * (1.0 - allowance), 0.0)
    high = problem.max_bandwidth_hz * (1.0 + allowance)
    cap = problem.max_upload_s * (1.0 + TIME_TOL)
    yield _each(problem, "bandwidth limits", (b < low) | (b > high), b, "Hz")
    yield _each(problem, "upload limits", upload > cap, upload, "s")
    if problem.resource_blocks is not None:
        yield _blocks(problem, b, chosen)


def _blocks(problem: Problem, bandwidth_hz: Any, chosen: Any) -> Claim:
    blocks = bandwidth_hz[chosen] / problem.resource_block_hz
    whole = np.rint(blocks)
    odd = np.flatnonzero((np.abs(blocks - whole) > 4 * _ULP * whole) | (whole < 1.0))
    detail = f"{whole.sum():.0f} of {problem.resource_blocks} whole blocks in use"
    if odd.size:
        n = int(np.flatnonzero(chosen)[odd[0]])
        detail = f"client {problem.client_name(n)!r} has {blocks[odd[0]]:.17g} blocks; must be whole, at least 1"
    fits = not odd.size and float(whole.sum()) <= float(problem.resource_blocks or 0)
    return Claim(name="resource blocks", holds=fits, figure=float(whole.sum()), detail=detail)


def _each(problem: Problem, name: str, wrong: Any, figures: Any, unit: str) -> Claim:
    odd = np.flatnonzero(wrong)
    if not odd.size:
        return Claim(name=name, holds=True, detail="kept by every selected client")
    n, figure = int(odd[0]), float(figures[odd[0]])
    limits = (
        f"{problem.min_bandwidth_hz[n]:.6g} to {problem.max_bandwidth_hz[n]:.6g} Hz"
        if unit == "Hz"
        else f"at most {problem.max_upload_s[n]:.6g} s"
    )
    others = f" (and {odd.size - 1} more)" if odd.size > 1 else ""
    detail = f"client {problem.client_name(n)!r} has {figure:.6g} {unit}, its limit is {limits}{others}"
    return Claim(name=name, holds=False, figure=figure, detail=detail)


def _figures(problem: Problem, solution: Solution) -> Iterator[Claim]:
    for name, reported, value in (
        ("latency", solution.latency_s, problem.latency_s(solution.selected, solution.bandwidth_hz)),
        ("objective", solution.objective_s, problem.objective_s(solution.selected, solution.bandwidth_hz)),
    ):
        agrees = math.isfinite(value) and abs(reported - value) <= FIGURE_TOL * value
        detail = f"reported {reported:.9g} s, recomputed {value:.9g} s"
        yield Claim(name=name, holds=agrees, figure=value, detail=detail)


def _emptiness(solution: Solution) -> Iterator[Claim]:
    empty = not solution.selected.any() and not np.any(solution.bandwidth_hz)
    unfigured = solution.latency_s == solution.objective_s == math.inf
    yield Claim(
        name="no answer",
        holds=empty and unfigured,
        detail=f"{solution.status}: nothing is selected and no latency is claimed"
        if empty and unfigured
        else f"{solution.status}, yet it selects clients or claims a latency",
    )


def _bound(problem: Problem, solution: Solution, time_limit_s: float) -> Iterator[Claim]:
    claimed, certificate = solution.lower_bound_s, solution.certificate
    if solution.status is Status.INFEASIBLE:
        yield _infeasibility(problem, solution, time_limit_s)
        return
    if math.isnan(claimed):
        yield Claim(name="lower bound", holds=True, detail="none is claimed")
        return
    proven = 0.0 if certificate is None else certificate.bound(problem)
    within = proven >= claimed * (1.0 - FIGURE_TOL)
    if certificate is not None and certificate.kind is CertificateKind.SEARCH and not within:
        proved, detail = prove_again(problem, claimed * (1.0 - FIGURE_TOL), certificate, time_limit_s=time_limit_s)
        detail = f"claimed {claimed:.9g} s: {_PROVED[proved]} ({detail})"
        yield Claim(name="lower bound", holds=proved, figure=proven, detail=detail)
    else:
        yield _lower_bound(certificate, claimed, proven)
    if solution.has_answer:
        yield Claim(
            name="bound below objective",
            holds=claimed <= solution.objective_s * (1.0 + FIGURE_TOL),
            figure=claimed,
            detail=f"{claimed:.9g} s <= {solution.objective_s:.9g} s",
        )


def _lower_bound(certificate: Certificate | None, claimed: float, proven: float) -> Claim:
    return Claim(
        name="lower bound",
        holds=proven >= claimed * (1.0 - FIGURE_TOL),
        figure=proven,
        detail=f"claimed {claimed:.9g} s, the certificate proves {proven:.9g} s"
        if certificate is not None
        else f"claimed {claimed:.9g} s without a certificate",
    )


def _infeasibility(problem: Problem, solution: Solution, time_limit_s: float) -> Claim:
    certificate = solution.certificate
    if certificate is None:
        return Claim(name="infeasibility", holds=False, detail="claimed without a certificate")
    if certificate.kind is CertificateKind.SEARCH:
        proved, detail = prove_again(problem, math.inf, certificate, time_limit_s=time_limit_s)
        return Claim(name="infeasibility", holds=proved, detail=f"{_PROVED[proved]} ({detail})")
    if certificate.kind is CertificateKind.COVERAGE and certificate.task is not None:
        k = certificate.task
        offers, need = problem.relevance[k, problem.selectable].tolist(), float(problem.coverage_target[k])
        offer = math.fsum(offers)
        return Claim(
            name="infeasibility",
            holds=math.fsum([*offers, -need]) < 0.0,  # of the exact sum: `offer` is rounded
            figure=offer,
            detail=f"task {problem.task_name(k)!r} needs {problem.required[k]:.6g}, can get {offer:.6g}",
        )
    proven = certificate.bound(problem)
    detail = "the certificate proves it" if proven == math.inf else f"the certificate proves only {proven:.6g} s"
    return Claim(name="infeasibility", holds=proven == math.inf, figure=proven, detail=detail)


def _status(solution: Solution, gap_tol: float) -> Claim:
    gap = solution.gap
    if solution.status is not Status.OPTIMAL:
        honest = solution.status is Status.INFEASIBLE or solution.lower_bound_s != math.inf
        detail = f"{solution.status}" if honest else f"{solution.status} beside an infinite lower bound"
        return Claim(name="status", holds=honest, figure=gap, detail=detail)
    # The gap is a difference of nearly equal numbers: allow their last digits.
    honest = gap <= gap_tol + 4 * _ULP
    detail = f"optimal with a gap of {gap:.3g}; at most {gap_tol:g} may be called so"
    return Claim(name="status", holds=honest, figure=gap, detail=detail)
