"""Proofs that no answer is better, and the code that verifies them: none of it is a solver's.

A search writes down its `ProofSteps`; `verify` follows them with the problem's data alone. A step is believed only where
the figures that it leads to say the same, so a wrong step, or a wrong solver, can make a proof fail, never succeed.
"""

from .steps import MinimalCover, ProofSteps, Screen
from .verify import verify

__all__ = ["MinimalCover", "ProofSteps", "Screen", "verify"]
