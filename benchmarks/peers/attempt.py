"""What an entrant hands in, and what it is worth: recomputed from the problem's data."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

import fedss_opt as fo

from .cases import Race

__all__ = ["Attempt", "worth"]

_TOLERANCE = 1e-9  # of the carrier and of each limit: far below the finest accuracy that is timed


@dataclass(frozen=True, eq=False, kw_only=True)
class Attempt:
    """An entrant's answer.

    Attributes
    ----------
    selected : ndarray of bool, (N,), or None
        Who uploads; None for no answer, and in the race for bounds.
    bandwidth_hz : ndarray, (N,), or None
        Hz.
    certificate : fedss_opt.Certificate or None
        What proves the bound, in the race for bounds.
    proven : bool
        Whether the entrant says that nothing is better.
    trace : tuple of (float, float)
        Seconds and objective of answers that it had on the way.
    solver_s : float
        Seconds inside the solver that it calls, NaN where it does not tell.
    note : str
        A word for the table.
    """

    selected: npt.NDArray[np.bool_] | None = None
    bandwidth_hz: npt.NDArray[np.float64] | None = None
    certificate: fo.Certificate | None = None
    proven: bool = False
    trace: tuple[tuple[float, float], ...] = ()
    solver_s: float = math.nan
    note: str = ""


def worth(race: Race, problem: fo.Problem, attempt: Attempt) -> tuple[float, str]:
    """Return the value of an attempt in seconds, and why it has none (then NaN).

    The value is the objective of an allocation, or the bound that a certificate proves.
    """
    if race is Race.BOUND:
        return _bound(problem, attempt.certificate)
    if attempt.selected is None or attempt.bandwidth_hz is None:
        return math.nan, "no answer"
    complaint = _complaint(problem, attempt.selected, attempt.bandwidth_hz)
    if complaint:
        return math.nan, complaint
    return problem.objective_s(attempt.selected, np.where(attempt.selected, attempt.bandwidth_hz, 0.0)), ""


def _complaint(problem: fo.Problem, selected: npt.NDArray[np.bool_], bandwidth_hz: npt.NDArray[np.float64]) -> str:
    b = np.where(selected, bandwidth_hz, 0.0)
    if not np.isfinite(b).all() or (b[selected] <= 0.0).any():
        return "a bandwidth is no positive number"
    if (selected & ~problem.available).any() or (problem.mandatory & ~selected).any():
        return "the selection is not admissible"
    if not problem.covers(selected).all():
        return "a task is not covered"
    if math.fsum(b.tolist()) > problem.bandwidth_hz * (1.0 + _TOLERANCE):
        return "more than the carrier is in use"
    low, high = problem.min_bandwidth_hz * (1.0 - _TOLERANCE), problem.max_bandwidth_hz * (1.0 + _TOLERANCE)
    late = problem.upload_s(b) > problem.max_upload_s * (1.0 + _TOLERANCE)
    if ((b < low) | (b > high) | late)[selected].any():
        return "a limit is broken"
    return ""


def _bound(problem: fo.Problem, certificate: fo.Certificate | None) -> tuple[float, str]:
    """Evaluate section 5's bound anew from price and multipliers: for everybody in the form that certificates have."""
    if certificate is None or certificate.kind is not fo.CertificateKind.BOUND or not certificate.price > 0.0:
        return math.nan, "no bound"
    return certificate.bound(problem), ""
