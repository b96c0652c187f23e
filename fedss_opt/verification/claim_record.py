"""One claim of the package that is tried many times: how often, by how much it was missed, and what became of it."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from .frozen_families import Instance

__all__ = ["CaseClaims", "ClaimRecord", "Progress", "above", "records_of", "try_cases"]

Progress = Callable[[str, int, int], None]  # what is being tried, steps done, steps in all


@dataclass
class ClaimRecord:
    """One claim and what became of it."""

    name: str
    group: str = ""
    tried: int = 0
    worst: float = 0.0  # relatively, how much the claim was missed by at worst; 0 where it never was
    violated: list[str] = field(default_factory=list)  # where it does not hold
    undecided: list[str] = field(default_factory=list)  # where it is open
    figure: str = ""  # the worst that was seen, for a person
    skipped: str = ""  # why it was not tried

    def see(self, where: str, miss: float, allowed: float = 0.0) -> None:
        """Record one try: `miss` is how far the claim is from holding, relatively."""
        self.tried += 1
        if not miss <= allowed:
            self.violated.append(f"{where}: {miss:.2g}")
        if math.isfinite(miss):
            self.worst = max(self.worst, miss)
        elif miss == math.inf:
            self.worst = math.inf

    def see_true(self, where: str, holds: bool) -> None:
        """Record one try of what holds or does not."""
        self.see(where, 0.0 if holds else 1.0)

    def ask_for(self, least: float) -> None:
        """Leave the claim open where it was tried less often than it has to be."""
        if self.tried < math.floor(least):
            self.undecided.append(f"tried {self.tried} times; at least {math.floor(least)} are asked for")

    @property
    def result(self) -> str:
        """``holds``, ``violated``, ``undecided``, or ``skipped`` where it was never tried: then it does not hold."""
        if self.violated:
            return "violated"
        return "undecided" if self.undecided else "holds" if self.tried else "skipped"

    @property
    def details(self) -> list[str]:
        """Where it does not hold or is open, or why it was skipped."""
        return self.violated or self.undecided or ([self.skipped] if self.skipped else [])


def records_of(names: Iterable[str]) -> dict[str, ClaimRecord]:
    """Return an empty record for every claim."""
    return {name: ClaimRecord(name) for name in names}


class CaseClaims(Protocol):
    """Claims that are tried on one instance after the other."""

    claims: dict[str, ClaimRecord]

    def try_instance(self, instance: Instance) -> None:
        """Try them on an instance."""

    def finish(self) -> None:
        """Conclude what is about all instances together."""


def try_cases(
    claims: CaseClaims, cases: Sequence[Instance], what: str = "", tell: Progress = lambda *_: None
) -> list[ClaimRecord]:
    """Try claims on every instance and return their records."""
    for done, case in enumerate(cases):
        tell(what, done, len(cases))
        claims.try_instance(case)
    claims.finish()
    return list(claims.claims.values())


def above(one: float, other: float) -> float:
    """By how much of `other` is `one` above it; 0 where both are 0 or infinite."""
    if one == other:
        return 0.0
    if not math.isfinite(one) or not math.isfinite(other):
        return math.inf if one > other else -math.inf
    return (one - other) / other if other > 0.0 else math.inf
