"""Proofs that no answer is better, and the code that verifies them: none of it is a solver's.

A search writes down its steps (`ProofSteps`, `Branch`); `verify` and `verify_total` follow them with the problem's data
alone. A step is believed only where the figures that it leads to say the same, so a wrong step, or a wrong solver, can
make a proof fail, never succeed.
"""

from .deadline_costs import least_bandwidths
from .deadline_proof import verify
from .steps import Branch, MinimalCover, ProofSteps, Screen
from .total_proof import verify_total

__all__ = ["Branch", "MinimalCover", "ProofSteps", "Screen", "least_bandwidths", "verify", "verify_total"]
