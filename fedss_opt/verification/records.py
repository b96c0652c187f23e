"""One claim that is tried on many instances, and by how much it was missed."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

__all__ = ["Comparison", "above"]


@dataclass
class Comparison:
    """One claim about how answers fit together.

    Attributes
    ----------
    name : str
        The claim.
    tried : int
        Pairs of answers.
    worst : float
        By how much, relatively, the claim was missed at worst; negative or 0 when it never was.
    violated : list of str
        Where it does not hold.
    """

    name: str
    tried: int = 0
    worst: float = 0.0
    violated: list[str] = field(default_factory=list)

    def see(self, where: str, miss: float, allowed: float) -> None:
        """Record one pair: `miss` is how far the claim is from holding, relatively."""
        self.tried += 1
        if not miss <= allowed:
            self.violated.append(f"{where}: {miss:.2g}")
        if math.isfinite(miss):
            self.worst = max(self.worst, miss)
        elif miss == math.inf:
            self.worst = math.inf


def above(one: float, other: float) -> float:
    """By how much of `other` is `one` above it; 0 where both are 0 or infinite."""
    if one == other:
        return 0.0
    if not math.isfinite(one) or not math.isfinite(other):
        return math.inf if one > other else -math.inf
    return (one - other) / other if other > 0.0 else math.inf
