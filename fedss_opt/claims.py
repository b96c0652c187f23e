"""A claim of an answer and what became of it, and the report of all: records, which checkers fill in."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

__all__ = ["CHECK_FORMAT", "CheckReport", "Claim"]

CHECK_FORMAT = "fedss_opt/check"


@dataclass(frozen=True, kw_only=True)
class Claim:
    """One claim of an answer and what became of it.

    Attributes
    ----------
    name : str
        Which claim.
    holds : bool or None
        Whether it holds, within its allowance; None where it could be neither proved nor refuted.
    figure : float or None
        The number it hangs on, where there is one; what it is stands in `detail`.
    detail : str
        One line for a person.
    exact : bool
        Whether it is proven without any allowance; only exact and ball arithmetic can tell.
    """

    name: str
    holds: bool | None
    figure: float | None = None
    detail: str = ""
    exact: bool = False


@dataclass(frozen=True, kw_only=True)
class CheckReport:
    """What became of every claim of an answer.

    Attributes
    ----------
    claims : tuple of Claim
        All claims: also those that hold.
    arithmetic : str
        ``float``, or ``ball`` for exact and ball arithmetic.
    """

    claims: tuple[Claim, ...]
    arithmetic: str = "float"

    @property
    def ok(self) -> bool:
        """Whether every claim holds: none refuted, and none left unproved."""
        return all(claim.holds for claim in self.claims)

    @property
    def failed(self) -> tuple[Claim, ...]:
        """The claims that do not hold."""
        return tuple(claim for claim in self.claims if claim.holds is False)

    @property
    def undecided(self) -> tuple[Claim, ...]:
        """The claims that could be neither proved nor refuted."""
        return tuple(claim for claim in self.claims if claim.holds is None)

    @property
    def exact(self) -> bool:
        """Whether every claim is proven without any allowance."""
        return all(claim.exact for claim in self.claims)

    def to_dict(self) -> dict[str, Any]:
        """Return the report as a JSON-able document; figures that are no finite number become None."""
        claims = [
            {
                "name": claim.name,
                "holds": claim.holds,
                "figure": claim.figure if claim.figure is not None and math.isfinite(claim.figure) else None,
                "detail": claim.detail,
            }
            for claim in self.claims
        ]
        arithmetic = {} if self.arithmetic == "float" else {"arithmetic": self.arithmetic}
        return {"format": CHECK_FORMAT, "version": 1, **arithmetic, "ok": self.ok, "claims": claims}
