"""Claims, what became of them, and what is allowed to rounding."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

__all__ = ["DOCUMENTED", "STRICT", "Allowances", "Claim", "Report", "Verdict"]


class Verdict(StrEnum):
    """What exact or ball arithmetic says of a claim."""

    TRUE = "true"
    FALSE = "false"
    UNDECIDED = "undecided"


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


@dataclass(frozen=True, kw_only=True)
class Claim:
    """One claim of an answer and what became of it.

    Attributes
    ----------
    name : str
        Which claim; the names are those of `fedss_opt.check`.
    verdict : Verdict
        Whether it holds, within its allowance.
    exact : bool
        Whether it holds without any allowance.
    figure : float or None
        The number it hangs on, where there is one.
    detail : str
        One line for a person.
    """

    name: str
    verdict: Verdict
    exact: bool
    figure: float | None = None
    detail: str = ""


@dataclass(frozen=True, kw_only=True)
class Report:
    """What became of every claim of an answer."""

    claims: tuple[Claim, ...]

    @property
    def ok(self) -> bool:
        """Whether every claim is proven: none false, none undecided."""
        return all(claim.verdict is Verdict.TRUE for claim in self.claims)

    @property
    def failed(self) -> tuple[Claim, ...]:
        """The claims that are false."""
        return tuple(claim for claim in self.claims if claim.verdict is Verdict.FALSE)

    @property
    def undecided(self) -> tuple[Claim, ...]:
        """The claims that are neither proven nor refuted."""
        return tuple(claim for claim in self.claims if claim.verdict is Verdict.UNDECIDED)

    @property
    def exact(self) -> bool:
        """Whether every claim holds without any allowance."""
        return all(claim.exact for claim in self.claims)

    def to_dict(self) -> dict[str, Any]:
        """Return the report as the document of ``fedss-opt check``; the verdict of an undecided claim is None."""
        claims = [
            {
                "name": claim.name,
                "verdict": None if claim.verdict is Verdict.UNDECIDED else claim.verdict is Verdict.TRUE,
                "figure": claim.figure if claim.figure is not None and math.isfinite(claim.figure) else None,
                "detail": claim.detail,
            }
            for claim in self.claims
        ]
        return {"format": "fedss_opt/check", "version": 1, "arithmetic": "ball", "ok": self.ok, "claims": claims}
