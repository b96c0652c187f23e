"""The options every method is given, validated once, and what a callback is told."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ..exceptions import OptionError
from ..solution import Solution

__all__ = ["Options", "Progress"]


_FINITE = "must be a finite number >= 0"
_SECONDS = "must be a number of seconds >= 0, or None"
_INTEGER = "must be an integer >= 0, or None"


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float, np.integer, np.floating)) and not isinstance(value, bool)


def _is_integer(value: object) -> bool:
    return isinstance(value, (int, np.integer)) and not isinstance(value, bool)


def _require(holds: bool, name: str, value: object, accepted: str) -> None:
    if not holds:
        raise OptionError(f"{name} = {value!r}: {accepted}")


@dataclass(frozen=True, kw_only=True)
class Progress:
    """Where a running solve stands.

    Attributes
    ----------
    iteration : int
        Iterations done.
    elapsed_s : float
        Seconds since the solve began.
    objective_s : float
        Best answer so far; ``inf`` before there is one.
    lower_bound_s : float
        Best certified bound so far.
    primal_residual, dual_residual : float
        The method's own residuals, NaN where it has none.
    """

    iteration: int
    elapsed_s: float
    objective_s: float
    lower_bound_s: float
    primal_residual: float = math.nan
    dual_residual: float = math.nan


@dataclass(frozen=True, kw_only=True)
class Options:
    """What `fedss_opt.solve` passes to a method.

    Attributes
    ----------
    gap_tol : float
        Certified relative gap at which the answer counts as optimal, >= 0.
    time_limit_s : float or None
        Seconds after which the best answer so far is returned; see `fedss_opt.solvers.stopping`.
    max_iterations : int or None
        Iteration limit, >= 0; None for the method's own.
    warm_start : Solution or None
        An earlier answer to start from; never changes what is proven, only how fast.
    callback : callable or None
        Called with a `Progress` now and then; returning True stops the solve.
    seed : int or None
        Seed of the methods that draw (0 when None).
    """

    gap_tol: float = 1e-4
    time_limit_s: float | None = None
    max_iterations: int | None = None
    warm_start: Solution | None = None
    callback: Callable[[Progress], bool | None] | None = None
    seed: int | None = None

    def __post_init__(self) -> None:
        _require(_is_number(self.gap_tol) and 0.0 <= self.gap_tol < math.inf, "gap_tol", self.gap_tol, _FINITE)
        limit = self.time_limit_s
        _require(limit is None or (_is_number(limit) and limit >= 0.0), "time_limit_s", limit, _SECONDS)
        for name in ("max_iterations", "seed"):
            value = getattr(self, name)
            _require(value is None or (_is_integer(value) and value >= 0), name, value, _INTEGER)
        if self.warm_start is not None and not isinstance(self.warm_start, Solution):
            raise OptionError(f"warm_start: a {type(self.warm_start).__name__}; must be a Solution, or None")
        if self.callback is not None and not callable(self.callback):
            raise OptionError("callback: must be callable with a Progress, or None")

    def deadline(self, started: float) -> float:
        """Return the `time.perf_counter` reading at which the time limit ends, ``inf`` without one."""
        return math.inf if self.time_limit_s is None else started + self.time_limit_s

    @staticmethod
    def now() -> float:
        """Return the clock that deadlines are read on."""
        return time.perf_counter()
