"""What a search hands over: the steps that lead to "nothing fits", in the order in which they are followed."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

__all__ = ["MinimalCover", "ProofSteps", "Screen"]

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

_NOBODY = np.zeros(0, dtype=np.int64)


@dataclass
class Screen:
    """Clients that are decided for all selections that fit.

    Attributes
    ----------
    worths : ndarray, (K,)
        Multipliers per covered requirement, Hz.
    forced : ndarray of int
        Clients that some task cannot do without.
    inside, outside : ndarray of int
        Clients whose reduced costs decide them.
    """

    worths: FloatArray
    forced: IntArray
    inside: IntArray = field(default_factory=lambda: _NOBODY)
    outside: IntArray = field(default_factory=lambda: _NOBODY)


@dataclass(frozen=True)
class MinimalCover:
    """What some tasks cost at least, whoever of their clients serves them.

    Attributes
    ----------
    tasks, clients : ndarray of int
        Open tasks, and the undecided clients that serve them and no other open task.
    least_hz : float
        No cover of the tasks costs less.
    log : ndarray, (rows, 2 + K'), or None
        Why: the rows of a tree search (`fedss_opt.kernels.cover_state`), multipliers per covered requirement. None for
        a single task whose knapsack is to be solved anew.
    """

    tasks: IntArray
    clients: IntArray
    least_hz: float
    log: FloatArray | None


@dataclass
class ProofSteps:
    """Why no selection that covers the tasks fits the carrier at some deadline.

    Attributes
    ----------
    screens : list of Screen
        One after the other; the last one's multipliers bound the tasks that no part is about.
    parts : list of MinimalCover
        Tasks that share no client.
    """

    screens: list[Screen] = field(default_factory=list)
    parts: list[MinimalCover] = field(default_factory=list)
