"""The options every method is given, validated once, and what a callback is told."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..exceptions import OptionError
from ..gap_tolerance import DEFAULT_GAP_TOL, accepted_gap_tol
from ..solution import Solution
from ..validation import real_number

__all__ = ["Options", "Progress"]

_LONGEST = 2**63 - 1  # the kernels count in 64 bits


def _seconds(value: object) -> float | None:
    if value is None:
        return None
    plain = real_number(value)
    if plain is None or not plain >= 0.0:
        raise OptionError(field="time_limit_s", value=value, accepted="must be a number of seconds >= 0, or None")
    return plain


def _count(name: str, value: object, most: int | None = None) -> int | None:
    if value is None:
        return None
    whole = int(value) if isinstance(value, (int, np.integer)) and not isinstance(value, bool) else -1
    if whole < 0 or (most is not None and whole > most):
        span = ">= 0" if most is None else f"from 0 to {most}"
        raise OptionError(field=name, value=value, accepted=f"must be an integer {span}, or None")
    return whole


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
        Iteration limit, 0 to 2^63 - 1; None for the method's own.
    warm_start : Solution or None
        An earlier answer to start from; never changes what is proven, only how fast.
    callback : callable or None
        Called with a `Progress` now and then; returning True stops the solve.
    seed : int or None
        Seed of the methods that draw (0 when None).
    """

    gap_tol: float = DEFAULT_GAP_TOL
    time_limit_s: float | None = None
    max_iterations: int | None = None
    warm_start: Solution | None = None
    callback: Callable[[Progress], bool | None] | None = None
    seed: int | None = None

    def __post_init__(self) -> None:
        # Plain numbers from here on: kernels are compiled anew for every other type of number.
        for name, plain in (
            ("gap_tol", accepted_gap_tol(self.gap_tol)),
            ("time_limit_s", _seconds(self.time_limit_s)),
            ("max_iterations", _count("max_iterations", self.max_iterations, _LONGEST)),
            ("seed", _count("seed", self.seed)),
        ):
            object.__setattr__(self, name, plain)
        if self.warm_start is not None and not isinstance(self.warm_start, Solution):
            raise OptionError(
                f"a {type(self.warm_start).__name__}", field="warm_start", accepted="must be a Solution, or None"
            )
        if self.callback is not None and not callable(self.callback):
            raise OptionError(field="callback", accepted="must be callable with a Progress, or None")

    def deadline(self, started: float) -> float:
        """Return the `time.perf_counter` reading at which the time limit ends, ``inf`` without one."""
        return math.inf if self.time_limit_s is None else started + self.time_limit_s

    def told_to_stop(self, started: float, **figures: Any) -> bool:
        """Tell the callback, if there is one, where the solve stands, in fields of `Progress`; return what it asks."""
        if self.callback is None:
            return False
        return bool(self.callback(Progress(elapsed_s=self.now() - started, **figures)))

    @staticmethod
    def now() -> float:
        """Return the clock that deadlines are read on."""
        return time.perf_counter()
