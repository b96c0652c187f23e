"""Relevance as noise over signal: two tasks share a group as far as their difference drowns in sampling noise."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np

from ..array_types import BoolArray, FloatArray
from ..scenarios.arguments import number
from .aggregation import Uploads
from .layout import ParameterLayout
from .measures import AveragedTerms

__all__ = ["SignalToNoise"]


class SignalToNoise(AveragedTerms):
    r"""Relevance as noise over signal: share a group as far as the tasks' difference drowns in sampling noise.

    Parameters
    ----------
    tasks : int
        Number of tasks T >= 1.
    layout : ParameterLayout
        Groups of the parameters.
    kappa : float
        Factor > 0 on the ratio: above 1 shares more.
    smoothing : float
        Weight in [0, 1) of the past in the exponential averages; 0 looks at the last round only.

    Attributes
    ----------
    compared : ndarray of bool, (T, T, G)
        Groups that some round has compared. The others have relevance 0: nothing is shared on no evidence.
    seen : ndarray of bool, (T, T)
        Pairs with at least one such group.

    Notes
    -----
    Over the uploads of tasks t and s, with means :math:`\mu`, unbiased variances :math:`\sigma^2` and numbers n,

    .. math::
        R^g_{ts} = \mathrm{clip}\left(\kappa\, \frac{\sum_{j \in g} (\sigma^2_{tj} / n_{tj} + \sigma^2_{sj} / n_{sj})}
                                                    {\sum_{j \in g} (\mu_{tj} - \mu_{sj})^2},\; 0,\; 1\right),

    numerator and denominator averaged over rounds, each on its own. If both tasks have the same expectation, the two
    sums have the same expectation too. Two models without difference have relevance 1. Scaling all values changes
    nothing.

    Only coordinates count that both tasks keep, which is to say at least two uploads of either; a round in which a
    group has none, or a task fewer than two uploads, leaves the averages as they are. What rounding added to the
    uploads is taken from the variances, but not from the difference of the means, which it makes larger: coarse uploads
    lower the relevance a little.

    Examples
    --------
    >>> import numpy as np
    >>> from fedss_opt.sharing import ParameterLayout
    >>> from fedss_opt.sharing.relevance import SignalToNoise
    >>> measure = SignalToNoise(2, ParameterLayout.dense((1, 1)))
    >>> measure.update(np.array([[1.0, 0.0], [3.0, 0.0], [4.0, 0.0], [6.0, 0.0]]), [0, 0, 1, 1])
    >>> float(measure.relevance[0, 1, 0].round(3))  # (2/2 + 2/2) / (2 - 5)^2
    0.222
    """

    _TERMS = ("numerator", "denominator")

    def __init__(self, tasks: int, layout: ParameterLayout, *, kappa: float = 1.0, smoothing: float = 0.5) -> None:
        super().__init__(tasks, layout, smoothing=smoothing)
        number("kappa", kappa, low=0.0, high=math.inf, open_low=True, open_high=True)
        self.kappa = kappa

    @property
    def numerator(self) -> FloatArray:
        """Averaged noise per pair of tasks and group, (T, T, G)."""
        return self._terms["numerator"]

    @property
    def denominator(self) -> FloatArray:
        """Averaged squared difference per pair of tasks and group, (T, T, G)."""
        return self._terms["denominator"]

    @property
    def relevance(self) -> FloatArray:
        """Relevance between tasks per group, (T, T, G), in [0, 1], symmetric, 1 on the diagonal."""
        noise, signal = self.kappa * self.numerator, self.denominator
        # Compared before dividing: a quotient of the two may overflow, and is cut at 1 in any case.
        quotient = np.divide(noise, signal, out=np.ones(signal.shape), where=signal > noise)
        return self._finished(quotient)

    def _take_in(self, uploads: Uploads, rounding: FloatArray) -> None:
        present = np.flatnonzero(np.bincount(uploads.task, minlength=self.tasks) >= 2).tolist()
        moments = {t: _moments(uploads, t, rounding) for t in present}
        for t, s in itertools.combinations(present, 2):
            (enough_t, mean_t, error_t), (enough_s, mean_s, error_s) = moments[t], moments[s]
            both = enough_t & enough_s
            terms = np.stack([both * (error_t + error_s), both * (mean_t - mean_s) ** 2, both])
            noise, signal, coordinates = self.layout.sum_groups(terms)
            self._average(t, s, coordinates > 0.0, numerator=noise, denominator=signal)


def _moments(uploads: Uploads, t: int, added: FloatArray) -> tuple[BoolArray, FloatArray, FloatArray]:
    """Where a task has two uploads or more, the mean there, and the variance of that mean; (P,) each.

    Upload by upload, so that a round of many clients needs no second copy of all their values.
    """
    layout = uploads.layout
    members = np.flatnonzero(uploads.task == t)
    count, total, rounding = (np.zeros(layout.parameters) for _ in range(3))
    for i in members:
        kept = uploads.mask(int(i))
        weight: Any = 1.0 if kept is None else kept
        count += weight
        total += weight * uploads.values[i].astype(np.float64, copy=False)
        rounding += weight * added[i, layout.layer]
    mean = total / np.maximum(count, 1.0)
    squares = np.zeros(layout.parameters)
    for i in members:
        kept = uploads.mask(int(i))
        squares += (uploads.values[i] - mean) ** 2 * (1.0 if kept is None else kept)
    variance = np.maximum(squares / np.maximum(count - 1.0, 1.0) - rounding / np.maximum(count, 1.0), 0.0)
    return count >= 2.0, mean, variance / np.maximum(count, 1.0)
