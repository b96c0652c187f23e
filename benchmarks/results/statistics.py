"""What seeds say: means, paired differences and ratios, each with its 95 % interval, and the verdict on a claim."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from fedss_opt.studies.summary import interval

__all__ = ["Paired", "Ratio", "geometric", "paired", "ratio", "verdict"]


@dataclass(frozen=True)
class Paired:
    """A difference between two runs with the same seeds.

    Attributes
    ----------
    mean, half : float
        Mean over the seeds, and half of its 95 % interval (NaN with one seed).
    wins, seeds : int
        In how many of the seeds the first was greater.
    """

    mean: float
    half: float
    wins: int
    seeds: int


@dataclass(frozen=True)
class Ratio:
    """A ratio of two runs with the same seeds, or another positive number that varies by factors.

    Attributes
    ----------
    mean : float
        Geometric mean over the seeds.
    low, high : float
        Its 95 % interval, from that of the logarithm (NaN with one seed).
    seeds : int
        Seeds that have one: no ratio is known where a run did not arrive.
    """

    mean: float
    low: float
    high: float
    seeds: int


def paired(ours: Sequence[float], theirs: Sequence[float]) -> Paired:
    """Compare two runs seed by seed: ours - theirs.

    Examples
    --------
    >>> found = paired([0.92, 0.94, 0.93], [0.90, 0.93, 0.94])
    >>> round(found.mean, 4), found.wins, found.seeds
    (0.0067, 2, 3)
    """
    differences = [a - b for a, b in zip(ours, theirs, strict=True)]
    mean, half = interval(differences)
    return Paired(mean, half, sum(d > 0.0 for d in differences), len(differences))


def ratio(numerator: Sequence[float], denominator: Sequence[float]) -> Ratio:
    """Divide two runs seed by seed; both must be positive.

    Examples
    --------
    >>> ratio([2.0, 8.0], [1.0, 1.0]).mean
    4.0
    """
    return geometric([a / b for a, b in zip(numerator, denominator, strict=True) if math.isfinite(a + b)])


def geometric(values: Sequence[float]) -> Ratio:
    """Geometric mean of positive numbers, with the interval of the logarithm; NaN of none.

    Examples
    --------
    >>> geometric([1.0, 4.0]).mean
    2.0
    """
    if not values:
        return Ratio(math.nan, math.nan, math.nan, 0)
    mean, half = interval([math.log(value) for value in values])
    return Ratio(math.exp(mean), math.exp(mean - half), math.exp(mean + half), len(values))


def verdict(found: float, half: float, *, least: float) -> str:
    """Judge whether a mean is at least what was claimed; says so where its interval leaves the question open.

    Examples
    --------
    >>> verdict(0.03, 0.005, least=0.02), verdict(0.015, 0.01, least=0.02)
    ('held', 'missed, within the interval')
    """
    held = found >= least
    # Written so that the interval of one seed, NaN, says nothing.
    open_ = abs(found - least) < half
    return ("held" if held else "missed") + (", within the interval" if open_ else "")
