"""What every client contributes to every task: five kinds of relevance matrices.

They stand for the quantised task relevance that sparse sharing measures, where no training has measured it.
Every client has a home task, drawn uniformly, whose data it holds; how it helps the others is what the
kinds differ in.
"""

from __future__ import annotations

from enum import StrEnum

import numpy as np

from ..array_types import FloatArray
from .draws import generator

__all__ = ["LEVELS", "RelevanceKind", "draw_relevance"]


LEVELS = 8
"""Quantised relevance is one of 0, 1/8, ..., 1: exact in binary, so that sums of it are exact too."""

_HOME_AT_LEAST = 0.75
_AWAY_AT_MOST = 0.6
_TIED_SHARE = 0.3
_TAIL_SIGMA = 1.5


class RelevanceKind(StrEnum):
    """How a client's relevance to the tasks is drawn."""

    OVERLAPPING = "overlapping"
    """Home task: U(0.75, 1). Others: 0.6 u^2, u ~ U(0, 1), so most are small. All rounded to eighths."""
    ONE_TASK = "one_task"
    """Home task: U(0.125, 1) rounded to eighths. Others: 0. The tasks only share the bandwidth."""
    CONTINUOUS = "continuous"
    """As overlapping, not rounded: no two clients alike."""
    HEAVY_TAILED = "heavy_tailed"
    """As continuous, times a log-normal factor exp(1.5 Z) per client: a few clients hold most of it."""
    TIED = "tied"
    """Home task: 1. Others: 1 with probability 0.3, else 0. Nothing but the radio tells the clients apart."""


def draw_relevance(kind: RelevanceKind, clients: int, tasks: int, seed: int) -> FloatArray:
    """Draw the relevance matrix.

    Parameters
    ----------
    kind : RelevanceKind
        How it is drawn.
    clients, tasks : int
        N >= 0 and K >= 0.
    seed : int
        Seed of the scenario.

    Returns
    -------
    ndarray, (K, N)
        Relevance >= 0 of client n to task k.

    Examples
    --------
    >>> from fedss_opt.scenarios.relevance_draws import RelevanceKind, draw_relevance
    >>> draw_relevance(RelevanceKind.OVERLAPPING, clients=4, tasks=2, seed=1)
    array([[0.5  , 0.25 , 0.875, 0.75 ],
           [0.875, 0.875, 0.5  , 0.5  ]])
    """
    if clients == 0 or tasks == 0:
        return np.zeros((tasks, clients))
    home = np.floor(tasks * generator(seed, "home task").random(clients)).astype(np.intp)
    # Drawn client by client, so that more clients do not change those that were there.
    draws = generator(seed, "relevance").random((clients, tasks))
    everyone = np.arange(clients)
    at_home = draws[everyone, home]
    if kind is RelevanceKind.ONE_TASK:
        relevance = np.zeros((clients, tasks))
        relevance[everyone, home] = _quantised(1.0 / LEVELS + (1.0 - 1.0 / LEVELS) * at_home)
    elif kind is RelevanceKind.TIED:
        relevance = (draws < _TIED_SHARE).astype(np.float64)
        relevance[everyone, home] = 1.0
    else:
        relevance = _AWAY_AT_MOST * draws**2
        relevance[everyone, home] = _HOME_AT_LEAST + (1.0 - _HOME_AT_LEAST) * at_home
        if kind is RelevanceKind.OVERLAPPING:
            relevance = _quantised(relevance)
        elif kind is RelevanceKind.HEAVY_TAILED:
            size = np.exp(_TAIL_SIGMA * generator(seed, "relevance tail").standard_normal(clients))
            relevance *= size[:, np.newaxis]
    return np.ascontiguousarray(relevance.T)


def _quantised(relevance: FloatArray) -> FloatArray:
    rounded: FloatArray = np.round(relevance * LEVELS) / LEVELS
    return rounded
