"""By how much a claim may miss and still count as kept."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["DOCUMENTED", "STRICT", "Allowances"]


@dataclass(frozen=True, kw_only=True)
class Allowances:
    """By how much, relatively, a claim may miss and still count as kept.

    Attributes
    ----------
    bandwidth : float
        Of the shared bandwidth, and of each radio's limits.
    time : float
        Of each longest upload.
    figure : float
        Of the reported latency and objective.
    bound : float
        Of the reported lower bound.
    """

    bandwidth: float
    time: float
    figure: float
    bound: float


STRICT = Allowances(bandwidth=0.0, time=1e-12, figure=2.0**-46, bound=1e-12)
"""What the package promises of its own answers: bandwidths to the last digit, figures to double precision."""

DOCUMENTED = Allowances(bandwidth=2.0**-50, time=1e-12, figure=1e-9, bound=1e-9)
"""What ``fedss-opt check`` allows to answers from anywhere (`fedss_opt.check` states the same numbers)."""
