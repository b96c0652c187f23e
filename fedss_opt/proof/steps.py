"""What a search hands over: the steps that lead to "nothing fits", in the order in which they are followed."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from ..array_types import FloatArray, IntArray

__all__ = ["Branch", "MinimalCover", "ProofSteps", "Screen"]


_NOBODY = np.zeros(0, dtype=np.int64)
_LARGEST_WORTH = 1e265  # times a relevance, 1e30 at most, and summed over 10^12 clients it stays a number


def is_selection_of(values: object, size: int) -> bool:
    """Tell whether something is an array of whole numbers, each the position of a client or a task."""
    if not isinstance(values, np.ndarray) or values.ndim != 1 or values.dtype.kind not in "iu":
        return False
    return not values.size or bool(values.min() >= 0 and values.max() < size)


@dataclass
class Screen:
    """Clients that are decided for all selections that fit.

    Attributes
    ----------
    worths : ndarray, (K,)
        Multipliers per covered requirement: Hz, or s for total latency.
    forced : ndarray of int
        Clients that some task cannot do without.
    inside, outside : ndarray of int
        Clients whose reduced costs decide them.
    """

    worths: FloatArray
    forced: IntArray
    inside: IntArray = field(default_factory=lambda: _NOBODY)
    outside: IntArray = field(default_factory=lambda: _NOBODY)

    def fits(self, clients: int, tasks: int) -> bool:
        """Tell whether it can be about a problem of this size."""
        worths = self.worths
        sound = isinstance(worths, np.ndarray) and worths.shape == (tasks,) and worths.dtype == np.float64
        named = (self.forced, self.inside, self.outside)
        bounded = sound and bool((np.abs(worths) <= _LARGEST_WORTH).all())  # False for NaN
        return bounded and all(is_selection_of(some, clients) for some in named)

    @classmethod
    def of(cls, task: IntArray, worths: FloatArray, tasks: int, forced: IntArray) -> Screen:
        """Return a screen from the multipliers of some of the tasks."""
        whole = np.zeros(tasks)
        whole[task] = worths
        return cls(worths=whole, forced=forced)


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

    def fits(self, clients: int, tasks: int) -> bool:
        """Tell whether it can be about a problem of this size."""
        if not (is_selection_of(self.tasks, tasks) and is_selection_of(self.clients, clients)):
            return False
        unique = np.unique(self.tasks).size == self.tasks.size > 0 and np.unique(self.clients).size == self.clients.size
        log = self.log
        if log is None:
            return unique
        shaped = isinstance(log, np.ndarray) and log.ndim == 2 and log.shape[1] == 2 + self.tasks.size
        return unique and shaped and log.dtype == np.float64 and bool(np.isfinite(log).all())


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


@dataclass
class Branch:
    """A node of a branch and bound for total latency.

    Attributes
    ----------
    screen : Screen or None
        Its multipliers and what they decide; None where the clients left cannot cover.
    price : float
        Of bandwidth, s/Hz.
    closed : bool
        Whether the node has no children.
    split : int
        The client whom one child takes in and the other leaves out, in this order; -1 where screening has left a single
        selection, which then is the only child.
    """

    screen: Screen | None
    price: float
    closed: bool = True
    split: int = -1
