"""What is raced on: three kinds of race, the instances of each, and two sizes of the whole."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import fedss_opt as fo

from ..families import instance

__all__ = ["ACCURACIES", "FAMILIES", "FULL", "QUICK", "Case", "Plan", "Race"]

ACCURACIES = (1e-2, 1e-3, 1e-4, 1e-6)
"""Relative distances from the best known value at which time is taken."""

FAMILIES = ("yang2021", "total")
"""What every race is run on: makespan and total latency (`benchmarks.families`)."""


class Race(StrEnum):
    """What is asked for."""

    FIXED = "fixed selection"
    BOUND = "relaxation bound"
    JOINT = "joint"


@dataclass(frozen=True, kw_only=True)
class Case:
    """One instance of one race; small enough to be sent to another process, where the problem is drawn again.

    Attributes
    ----------
    race : Race
        What is asked for. With a fixed selection everybody is selected and only bandwidth is left to decide.
    family : str
        ``yang2021`` (makespan) or ``total`` (see `benchmarks.families`).
    clients, tasks, seed : int
        Size and seed.
    """

    race: Race
    family: str
    clients: int
    tasks: int
    seed: int

    def problem(self) -> fo.Problem:
        """Draw the problem; in the fixed race all clients are mandatory."""
        drawn = instance(self.family, self.clients, self.tasks, self.seed)
        return drawn.replace(mandatory=True) if self.race is Race.FIXED else drawn


@dataclass(frozen=True, kw_only=True)
class Plan:
    """How much is raced.

    Attributes
    ----------
    name : str
        ``quick``, ``full``, or anything.
    sizes : tuple of int
        Numbers of clients, increasing.
    seeds : int
        Instances per family and size.
    time_limit_s : float
        For each entrant and instance.
    """

    name: str
    sizes: tuple[int, ...]
    seeds: int
    time_limit_s: float

    def cases(self, race: Race) -> list[Case]:
        """All instances of a race, from small to large."""
        return [
            Case(race=race, family=family, clients=clients, tasks=_tasks(race, clients), seed=seed)
            for clients in self.sizes
            for family in FAMILIES
            for seed in range(self.seeds)
        ]


def _tasks(race: Race, clients: int) -> int:
    """Return the number of tasks, as in the tables of docs/benchmarks.md; one where the selection is fixed."""
    return 5 if race is not Race.FIXED and 50 <= clients <= 10_000 else 1


QUICK = Plan(name="quick", sizes=(10, 20, 100), seeds=2, time_limit_s=5.0)
FULL = Plan(name="full", sizes=(10, 20, 50, 100, 1000, 10_000, 100_000, 1_000_000), seeds=3, time_limit_s=60.0)
