"""Covering constraints as a proof uses them: normalised, tightened, and rounded so that no cover is cut off."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np

from ..array_types import FloatArray

__all__ = ["covering_row", "open_need", "surplus"]


_ULP = 2.0**-52
_MOST_LEVELS = 2_000_000  # finer than this is not called quantised
_MOST_VALUES = 20_000  # different relevances that are looked at for a common step


def surplus(relevance: FloatArray, target: float) -> float:
    """Return what relevances offer beyond a target, rounded up (negative only where they certainly miss it)."""
    exact = math.fsum([*relevance.tolist(), -target])  # correctly rounded
    return math.nextafter(exact, math.inf)


def open_need(relevance: FloatArray, target: float) -> Fraction:
    """Return what relevances leave open of a target: to twice the digits of a float, rounded down.

    A target can be an ulp above what whole steps add up to, and then asks for one more.
    """
    terms = [*(-relevance).tolist(), target]
    first = math.fsum(terms)
    rest = math.fsum([*terms, -first])
    return Fraction(first) + Fraction(math.nextafter(rest, -math.inf) if rest else 0.0)


def covering_row(relevance: FloatArray, need: Fraction) -> FloatArray:
    """Return coefficients A with ``sum A_i a_i >= 1`` for every binary a with ``sum R_i a_i >= need``.

    A relevance beyond the need counts as the need. Where relevances are multiples of a step, up to an `apart` that is
    summed over all of them, covers have at least ``ceil((need - apart) / step)`` levels; these are whole numbers, and
    the quotient is one of exact fractions.

    Parameters
    ----------
    relevance : ndarray, (n,)
        Relevances >= 0 of the undecided clients.
    need : Fraction
        What they have to add up to, > 0.
    """
    for step in _steps(relevance):
        values, counts = np.unique(relevance, return_counts=True)
        levels = np.rint(values / step)
        unit = Fraction(step)
        apart = sum(
            (
                int(c) * max(Fraction(float(v)) - int(m) * unit, Fraction(0))
                for v, m, c in zip(values, levels, counts, strict=True)
            ),
            Fraction(0),
        )
        needed = math.ceil((need - apart) / unit)
        if apart < unit and needed > 0:
            return np.minimum(np.rint(relevance / step) / needed * (1.0 + 2 * _ULP), 1.0)
    row: FloatArray = np.minimum(relevance / float(need) * (1.0 + 4 * _ULP), 1.0)
    return row


def _steps(relevance: FloatArray) -> list[float]:
    """Guess steps that all relevances are multiples of: exactly, and but for a relative 1e-9."""
    values = np.unique(relevance[relevance > 0.0])
    if not 0 < values.size <= _MOST_VALUES:
        return []
    largest = float(values[-1])
    guesses = []
    for tolerance in (0.0, 1e-9 * largest):
        step = largest
        for value in values.tolist():
            a, b = step, value
            while b > tolerance:
                a, b = b, (a % b if tolerance == 0.0 else abs(a - round(a / b) * b))
            if not a * _MOST_LEVELS > largest:
                break
            # A part of the largest in any case, lest what the remainders lose adds up from value to value.
            step = a if tolerance == 0.0 else largest / round(largest / a)
        else:
            guesses.append(step)
    return guesses
