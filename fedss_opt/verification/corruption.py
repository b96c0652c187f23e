"""A corruption: a change of an honest answer, or of the problem under it, that makes one of its claims false."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from inspect import signature

from ..problem import Problem
from ..solution import Solution

__all__ = ["CLEAR", "NUDGE", "Corruption", "answered", "collect", "proves", "selects"]

NUDGE = 1e-9
CLEAR = 1e-11  # a figure that moved by more than this, relatively, is a lie that can be seen


def answered(solution: Solution) -> bool:
    """Tell whether there is an answer."""
    return solution.has_answer


def selects(solution: Solution) -> bool:
    """Tell whether somebody is selected."""
    return solution.has_answer and bool(solution.selected.any())


def proves(solution: Solution) -> bool:
    """Tell whether an answer comes with a certified bound above 0."""
    return solution.has_answer and solution.certificate is not None and solution.lower_bound_s > 0.0


@dataclass(frozen=True)
class Corruption:
    """One way to make a claim of an answer false.

    `change` gets the problem and an answer of which `applies` is true, and where it has a third argument the size of
    the change. It returns the corrupted answer, or the problem of which the answer is no longer true, or None where
    it can make no claim false; what "false" means is decided in plain floats, far from any tolerance.
    """

    name: str
    change: Callable[..., Solution | Problem | None]
    applies: Callable[[Solution], bool]

    def __call__(
        self, problem: Problem, solution: Solution, nudge: float = NUDGE
    ) -> tuple[str, Problem, Solution] | None:
        """Return the corruption's name, the problem, and the answer that is false of it; None where there is none."""
        if not self.applies(solution):
            return None
        sized = "nudge" in signature(self.change).parameters
        made = self.change(problem, solution, nudge) if sized else self.change(problem, solution)
        if made is None:
            return None
        name = self.name.replace("1e-9", f"{nudge:.0e}".replace("e-0", "e-"))
        return (name, made, solution) if isinstance(made, Problem) else (name, problem, made)


def collect(
    into: list[Corruption], name: str, applies: Callable[[Solution], bool] = answered
) -> Callable[[Callable[..., Solution | Problem | None]], Callable[..., Solution | Problem | None]]:
    """Return a decorator that adds a corruption to a list."""

    def add(change: Callable[..., Solution | Problem | None]) -> Callable[..., Solution | Problem | None]:
        into.append(Corruption(name, change, applies))
        return change

    return add
