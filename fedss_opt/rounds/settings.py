"""What a `RoundAllocator` was made with, validated once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ..exceptions import OptionError
from ..fields import LARGEST
from ..gap_tolerance import gap_tol_of
from ..problem import Objective, Problem
from ..quantities import Requirement, parse_requirement
from ..scenarios.arguments import count, number
from ..solvers import Options, check_method
from .fairness import FAIRNESS_ROW, Fairness

__all__ = ["PARTICIPATION", "RoundSettings"]

PARTICIPATION = "participation"
"""The task of those who name none: every client contributes 1 to it."""


@dataclass(frozen=True, kw_only=True)
class RoundSettings:
    """See `RoundAllocator` for what they mean.

    Attributes
    ----------
    needs : tuple of (str, Requirement)
        What each task needs; one of `PARTICIPATION` where the caller has no tasks.
    implicit : bool
        Whether the caller has no tasks.
    """

    bandwidth_hz: float
    needs: tuple[tuple[str, Requirement], ...]
    implicit: bool
    objective: Objective
    method: str
    gap_tol: float
    time_limit_s: float | None
    resource_block_hz: float | None
    max_age: int | None
    fairness: Fairness | None
    seed: int

    @property
    def tasks(self) -> tuple[str, ...]:
        """Names of the tasks."""
        return tuple(name for name, _ in self.needs)

    @classmethod
    def checked(
        cls,
        *,
        bandwidth_hz: float,
        tasks: Mapping[str, float | str] | float | str | None,
        objective: str,
        method: str,
        gap_tol: float | None,
        time_limit_s: float | None,
        resource_block_hz: float | None,
        max_age: int | None,
        fairness: Fairness | None,
        seed: int,
    ) -> RoundSettings:
        """Check what a caller asks for.

        Raises
        ------
        OptionError, ProblemError
            Naming the option, its value and what is accepted.
        """
        # A round without clients has all that the rounds to come will share; what it accepts, they do.
        empty = Problem(
            payload_bits=[],
            cn0_hz=[],
            bandwidth_hz=bandwidth_hz,
            resource_block_hz=resource_block_hz,
            objective=objective,
        )
        check_method(method)
        options = Options(gap_tol=gap_tol_of(method, gap_tol), time_limit_s=time_limit_s)
        if fairness is not None and not isinstance(fairness, Fairness):
            raise OptionError(f"a {type(fairness).__name__}", field="fairness", accepted="must be a Fairness, or None")
        named = tasks if isinstance(tasks, Mapping) else None
        whole = {PARTICIPATION: 1.0 if tasks is None or isinstance(tasks, Mapping) else tasks}
        return cls(
            bandwidth_hz=empty.bandwidth_hz,
            needs=_needs(whole if named is None else named),
            implicit=named is None,
            objective=empty.objective,
            method=method,
            gap_tol=options.gap_tol,
            time_limit_s=options.time_limit_s,
            resource_block_hz=empty.resource_block_hz,
            max_age=None if max_age is None else count("max_age", max_age),
            fairness=fairness,
            seed=count("seed", seed),
        )


def _needs(tasks: Mapping[str, float | str]) -> tuple[tuple[str, Requirement], ...]:
    needs = []
    for name, amount in tasks.items():
        if not isinstance(name, str) or not name or name == FAIRNESS_ROW:
            accepted = f"must be a string that is not empty and not {FAIRNESS_ROW!r}"
            raise OptionError(f"tasks: {name!r:.60} as a name: {accepted}")
        needs.append((name, _need(name, amount)))
    return tuple(needs)


def _need(name: str, amount: object) -> Requirement:
    place = f"tasks[{name!r}]"
    if not isinstance(amount, str):
        try:
            fraction = number(place, amount, low=0.0, high=1.0)  # type: ignore[arg-type]
        except OptionError as error:
            raise OptionError(f"{error}, or a string such as '30%' or '12.5abs'") from None
        return Requirement(task=None, amount=fraction, absolute=False)
    try:
        need = parse_requirement(amount)
    except OptionError as error:
        raise OptionError(f"{place}: {error}") from None
    if need.task is not None or need.amount > LARGEST:
        raise OptionError(
            f"{place} = {amount!r:.60}: must be such as '0.3', '30%' or '12.5abs', at most {LARGEST:g}abs"
        )
    return need
