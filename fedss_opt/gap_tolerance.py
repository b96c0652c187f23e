"""The certified gap up to which an answer counts as optimal: what stands for it, what is accepted, who is within it."""

from __future__ import annotations

import math

from .exceptions import OptionError
from .validation import real_number

__all__ = ["DEFAULT_GAP_TOL", "EXACT_GAP_TOL", "accepted_gap_tol", "gap_tol_of", "within_gap"]

DEFAULT_GAP_TOL = 1e-4
"""What stands for a tolerance that is left out."""
EXACT_GAP_TOL = 1e-9
"""The same for the method ``exact``, which proves no closer: far above rounding, far below any meaning."""


def accepted_gap_tol(value: object) -> float:
    """Return a gap tolerance as a plain float, or refuse it with an `OptionError`."""
    plain = real_number(value)
    if plain is None or not 0.0 <= plain < math.inf:
        raise OptionError(field="gap_tol", value=value, accepted="must be a finite number >= 0")
    return plain


def gap_tol_of(method: str, value: object) -> float:
    """Return a gap tolerance as a plain float; None is the method's own."""
    if value is None:
        return EXACT_GAP_TOL if method == "exact" else DEFAULT_GAP_TOL
    return accepted_gap_tol(value)


def within_gap(objective_s: float, bound_s: float, gap_tol: float) -> bool:
    """Tell whether an answer counts as optimal: no worse than its bound by more than `gap_tol` of it; False for NaN."""
    return objective_s <= bound_s * (1.0 + gap_tol)
