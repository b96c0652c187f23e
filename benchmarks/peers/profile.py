"""Summaries of times: performance profiles (Dolan and More, 2002), shifted geometric means, success rates.

All take one row of times per entrant, instance by instance; None, or anything not finite, stands for a failure.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

__all__ = ["SHIFT_S", "performance_ratios", "profile_steps", "shifted_geometric_mean", "success_rate"]

SHIFT_S = 0.01
"""Shift of the geometric means, s: times well below it hardly count."""

Times = Sequence[float | None]


def _array(times: Times) -> npt.NDArray[np.float64]:
    return np.array([math.inf if t is None or math.isnan(t) else t for t in times], dtype=np.float64)


def performance_ratios(times: Mapping[str, Times]) -> dict[str, npt.NDArray[np.float64]]:
    """Divide each time by the least that anybody needs on that instance; inf for a failure.

    Examples
    --------
    >>> performance_ratios({"a": [1.0, 4.0], "b": [2.0, None]})
    {'a': array([1., 1.]), 'b': array([ 2., inf])}
    """
    rows = {name: _array(row) for name, row in times.items()}
    if not rows:
        return {}
    least = np.min(list(rows.values()), axis=0)
    solved = np.isfinite(least)
    return {
        name: np.where(solved, row / np.where(solved & (least > 0.0), least, 1.0), math.inf)
        for name, row in rows.items()
    }


def profile_steps(ratios: npt.NDArray[np.float64]) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Return the steps of a performance profile: at ratio tau, the share of instances solved within tau of the best.

    Returns
    -------
    tau, share : ndarray
        Where the profile rises, increasing, and what it rises to.

    Examples
    --------
    >>> profile_steps(np.array([1.0, 3.0, np.inf, 1.0]))
    (array([1., 3.]), array([0.5 , 0.75]))
    """
    tau, count = np.unique(ratios[np.isfinite(ratios)], return_counts=True)
    return tau, np.cumsum(count) / max(ratios.size, 1)


def shifted_geometric_mean(times: Times, limit_s: float, shift_s: float = SHIFT_S) -> float:
    """Geometric mean of ``time + shift``, less the shift; a failure counts as the time limit.

    Examples
    --------
    >>> round(shifted_geometric_mean([0.03, 0.15], limit_s=1.0), 12)  # sqrt(0.04 * 0.16) - 0.01
    0.07
    """
    row = np.minimum(_array(times), limit_s)
    return math.nan if not row.size else float(np.exp(np.log(row + shift_s).mean()) - shift_s)


def success_rate(times: Times) -> float:
    """Share of the instances that were solved."""
    row = _array(times)
    return math.nan if not row.size else float(np.isfinite(row).mean())
