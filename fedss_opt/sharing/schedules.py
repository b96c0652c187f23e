"""When masks become sparser, and how sparse: schedules of iterative pruning."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol

from ..scenarios.arguments import number
from .array_checks import whole

__all__ = ["CubicSchedule", "PruningSchedule", "Schedule"]


class PruningSchedule(Protocol):
    """What decides how many weights are kept, and when masks change."""

    def density_at(self, t: int) -> float:
        """Fraction of the prunable weights that is kept in round t."""

    def due(self, t: int) -> bool:
        """Tell whether the density changes with round t."""
        return self.density_at(t) < (self.density_at(t - 1) if t > 0 else 1.0)


@dataclass(frozen=True, kw_only=True)
class Schedule(PruningSchedule):
    """Iterative pruning: every few rounds a fixed part of what is left goes, down to a final density.

    Parameters
    ----------
    start : int
        First round that prunes, >= 0.
    every : int
        Rounds from one pruning to the next, >= 1.
    step : float
        Part of the remaining weights that goes each time, in (0, 1).
    density : float
        Final density, in (0, 1].

    Notes
    -----
    After k prunings the density is ``max(density, (1 - step)^k)`` (Frankle and Carbin, ICLR 2019; here without
    their rewinding of the weights).

    Examples
    --------
    >>> from fedss_opt.sharing.schedules import Schedule
    >>> schedule = Schedule(start=2, every=3, density=0.5)
    >>> [round(schedule.density_at(t), 3) for t in (0, 2, 4, 5, 8, 11)]
    [1.0, 0.8, 0.8, 0.64, 0.512, 0.5]
    >>> [t for t in range(20) if schedule.due(t)]
    [2, 5, 8, 11]
    """

    start: int
    every: int
    step: float = 0.2
    density: float

    def __post_init__(self) -> None:
        whole("start", self.start, low=0)
        whole("every", self.every, low=1)
        number("step", self.step, low=0.0, high=1.0, open_low=True, open_high=True)
        number("density", self.density, low=0.0, high=1.0, open_low=True)

    def density_at(self, t: int) -> float:
        """Fraction of the prunable weights that is kept in round t, counted from 0."""
        prunings = (whole("t", t, low=0) - self.start) // self.every + 1
        return max(self.density, (1.0 - self.step) ** max(prunings, 0))


@dataclass(frozen=True, kw_only=True)
class CubicSchedule(PruningSchedule):
    """Gradual pruning: fast while much is redundant, slowly towards the final density.

    Parameters
    ----------
    start, end : int
        First round that prunes, >= 0, and the round that reaches the final density, > `start`.
    every : int
        Rounds from one pruning to the next, >= 1.
    density : float
        Final density, in (0, 1].
    power : float
        Exponent >= 1; 3 is cubic, 1 linear.

    Notes
    -----
    ``density + (1 - density) (1 - (t - start) / (end - start))^power`` for the last pruning round t (Zhu and Gupta,
    "To prune, or not to prune", 2017, equation 1, written for densities).

    Examples
    --------
    >>> from fedss_opt.sharing.schedules import CubicSchedule
    >>> schedule = CubicSchedule(start=0, end=4, every=2, density=0.2)
    >>> [round(schedule.density_at(t), 3) for t in range(6)]
    [1.0, 1.0, 0.3, 0.3, 0.2, 0.2]
    """

    start: int
    end: int
    every: int
    density: float
    power: float = 3.0

    def __post_init__(self) -> None:
        whole("start", self.start, low=0)
        whole("end", self.end, low=self.start + 1)
        whole("every", self.every, low=1)
        number("density", self.density, low=0.0, high=1.0, open_low=True)
        number("power", self.power, low=1.0, high=math.inf, open_high=True)

    def density_at(self, t: int) -> float:
        """Fraction of the prunable weights that is kept in round t, counted from 0."""
        since = min(whole("t", t, low=0), self.end) - self.start
        if since < 0:
            return 1.0
        # The end may lie between two prunings; the last one then happens there.
        last = since if since == self.end - self.start else since // self.every * self.every
        left = 1.0 - last / (self.end - self.start)
        return self.density + (1.0 - self.density) * math.pow(left, self.power)
