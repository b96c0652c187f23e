"""Scalar quantisers for relevance: Lloyd-Max, uniform and quantile codebooks, and as many levels as the data ask for.

A level is the weight with which another task's clients enter an average (`fedss_opt.sharing.aggregation`): level 1
takes them as the task's own, level 0 shares nothing, and anything between shares that much. No quantiser makes a
level 0 of its own accord: the lowest level of a Lloyd-Max codebook is the mean of its cell, and shares a little.
"""

from __future__ import annotations

import math
from enum import StrEnum

import numpy as np
import numpy.typing as npt

from ..scenarios.arguments import number
from ..validation import member
from .array_checks import whole
from .codebooks import LARGEST, Codebook, QuantiserReport, midway, weighted_variance
from .sample_cells import best_cells, cell_means, codebook_of, distinct_samples

__all__ = [
    "Codebook",
    "QuantiserKind",
    "QuantiserReport",
    "adaptive",
    "lloyd_max",
    "quantile",
    "uniform",
]


class QuantiserKind(StrEnum):
    """How the levels of a codebook are placed."""

    LLOYD_MAX = "lloyd_max"
    """Least mean square error on the samples."""
    UNIFORM = "uniform"
    """Evenly from 0 to 1, whatever the samples."""
    QUANTILE = "quantile"
    """Cells that hold equally many samples."""


def lloyd_max(samples: npt.ArrayLike, levels: int, *, weights: npt.ArrayLike | None = None) -> Codebook:
    r"""Fit the codebook of least mean square error.

    Parameters
    ----------
    samples : array_like
        What will be quantised, of any shape.
    levels : int
        Number of levels L >= 1; fewer where there are fewer distinct samples, and one level 0 without samples.
    weights : array_like, like `samples`, optional
        Weight >= 0 of each sample.

    Returns
    -------
    Codebook
        Each threshold is midway between its levels, and each level the mean of its cell: the two conditions of Lloyd
        (IEEE Trans. Inf. Theory 28(2), 1982) and Max (IRE Trans. Inf. Theory 6(1), 1960).

    Notes
    -----
    The two conditions hold at any local optimum, and Lloyd's iteration ends in the one that is nearest to its start. In
    one dimension the best is within reach: its cells are intervals of the sorted samples, and

    .. math:: D_k(j) = \min_i D_{k-1}(i) + \sum_{i \le l < j} (x_l - \bar x_{ij})^2

    is a dynamic programme whose best i grows with j, so that halving the j's takes O(L n log n) in all (Wu, Journal of
    Algorithms 12(4), 1991). Lloyd's iteration on the result only removes rounding.

    Raises
    ------
    OptionError
        For samples or weights that are not finite, negative weights, or fewer than one level.

    Examples
    --------
    >>> from fedss_opt.sharing.quantisers import lloyd_max
    >>> lloyd_max([0.0, 0.1, 0.2, 0.9, 1.0], 2).levels
    array([0.1 , 0.95])
    """
    points, mass = distinct_samples(samples, weights)
    most = whole("levels", levels, low=1)
    divisions = list(best_cells(points, mass, most))
    return codebook_of(points, mass, divisions[-1] if divisions else None)


def uniform(levels: int, *, low: float = 0.0, high: float = 1.0) -> Codebook:
    """Place levels evenly from `low` to `high`, both included; a single level is midway.

    Raises
    ------
    OptionError
        For fewer than one level, or ``low >= high``.

    Examples
    --------
    >>> from fedss_opt.sharing.quantisers import uniform
    >>> uniform(3).levels, uniform(3).thresholds
    (array([0. , 0.5, 1. ]), array([0.25, 0.75]))
    """
    count = whole("levels", levels, low=1)
    number("low", low, low=-LARGEST, high=LARGEST)
    number("high", high, low=low, high=LARGEST, open_low=True)
    return Codebook(np.linspace(low, high, count) if count > 1 else np.array([low + 0.5 * (high - low)]))


def quantile(samples: npt.ArrayLike, levels: int, *, weights: npt.ArrayLike | None = None) -> Codebook:
    """Make cells that hold equally many samples; a level is the mean of its cell.

    Equal samples share a cell, so that there are fewer levels where one value is very frequent. Parameters and errors
    are those of `lloyd_max`.

    Examples
    --------
    >>> from fedss_opt.sharing.quantisers import quantile
    >>> quantile([0.0, 0.1, 0.2, 0.9, 1.0, 1.1], 2).levels
    array([0.1, 1. ])
    """
    points, mass = distinct_samples(samples, weights)
    count = whole("levels", levels, low=1)
    if points.size == 0:
        return Codebook(np.zeros(1))
    reached = np.cumsum(mass) / mass.sum()
    # The allowance lets a cell end where its share is reached but for the rounding of the sum.
    ends = np.searchsorted(reached, np.arange(1, count) / count - 1e-12, side="left") + 1
    cells = np.unique(np.concatenate([[0], ends, [points.size]]))
    means = cell_means(points, mass, cells)
    return Codebook(means, midway(points[cells[1:-1] - 1], points[cells[1:-1]]))


def adaptive(
    samples: npt.ArrayLike,
    *,
    max_levels: int = 16,
    distortion: float = 0.05,
    floor: float = 1e-6,
    kind: QuantiserKind | str = QuantiserKind.LLOYD_MAX,
    weights: npt.ArrayLike | None = None,
) -> Codebook:
    """Fit the codebook with the fewest levels whose error is small enough.

    Parameters
    ----------
    samples : array_like
        What will be quantised, of any shape.
    max_levels : int
        Levels at most, >= 1: so many where no fewer reach the distortion.
    distortion : float
        Mean square error accepted, as a fraction >= 0 of the samples' variance.
    floor : float
        Mean square error accepted in any case, >= 0: samples that are all but equal need no second level.
    kind : {"lloyd_max", "uniform", "quantile"}
        How levels are placed; ``"uniform"`` spans [0, 1].
    weights : array_like, like `samples`, optional
        Weight >= 0 of each sample.

    Returns
    -------
    Codebook
        `Codebook.report` says what it costs and saves.

    Raises
    ------
    OptionError
        For an unknown kind, a number outside its range, or samples that are not finite.

    Notes
    -----
    L levels leave 1/L^2 of the variance of a uniform density at best, and about 2.7/L^2 of a Gaussian's (Panter and
    Dite, Proc. IRE 39(1), 1951): with 0.05, five to seven levels. Samples that pile up at 0 and 1 need fewer.

    Examples
    --------
    >>> from fedss_opt.sharing.quantisers import adaptive
    >>> codebook = adaptive([0.0, 0.01, 0.02, 0.5, 0.51, 1.0, 1.0])
    >>> codebook.levels.round(3)
    array([0.01 , 0.505, 1.   ])
    >>> codebook.report([0.0, 0.01, 0.02, 0.5, 0.51, 1.0, 1.0]).bits
    2
    """
    chosen = member("kind", kind, QuantiserKind)
    most = whole("max_levels", max_levels, low=1)
    number("distortion", distortion, low=0.0, high=math.inf, open_high=True)
    number("floor", floor, low=0.0, high=math.inf, open_high=True)
    points, mass = distinct_samples(samples, weights)
    accepted_error = max(distortion * weighted_variance(points, mass), floor)
    codebook = Codebook(np.zeros(1))
    cells = best_cells(points, mass, most)
    for count in range(1, most + 1):
        if chosen is QuantiserKind.LLOYD_MAX:
            found = next(cells, None)
            if found is None:
                break
            codebook = codebook_of(points, mass, found)
        elif chosen is QuantiserKind.UNIFORM:
            codebook = uniform(count)
        else:
            codebook = quantile(points, count, weights=mass)
        if codebook.distortion(points, weights=mass) <= accepted_error:
            break
    return codebook
