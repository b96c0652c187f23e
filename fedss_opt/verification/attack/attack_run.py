"""The attack: problem after problem from a seed, until the time is over or the number reached."""

from __future__ import annotations

import itertools
import json
import math
import re
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from ...problem import Problem
from ...solvers import solve as package_solve
from .attempt import Contradiction, Plan, Solve, draw_plan, try_problem
from .drawn_families import FAMILIES, draw_problem
from .shrinking import shrink

__all__ = ["Attack", "Failure", "FamilyRecord", "attack"]

# A kind of failure is shrunk and saved so often; more of it are counted.
_SAVED_PER_KIND = 2

Kind = tuple[str, str]


@dataclass
class FamilyRecord:
    """What became of one family."""

    tried: int = 0  # problems
    failed: int = 0  # problems of which some claim does not hold
    worst_gap: dict[str, float] = field(default_factory=dict)  # of an answer that no limit cut short, by method


@dataclass(frozen=True, kw_only=True)
class Failure:
    """A claim that does not hold, on the smallest problem that was found to show it.

    The family and the problem's number, its place in the run, give with the run's seed the drawn problem again.
    """

    family: str
    number: int
    problem: Problem
    contradiction: Contradiction
    file: Path | None = None

    @property
    def text(self) -> str:
        """One line for a person."""
        a = self.contradiction
        place = "" if a.place == "as given" else f" ({a.place})"
        size = f"N = {self.problem.n_clients}, K = {self.problem.n_tasks}"
        return f"{a.claim}: {a.ask}{place}, {size}, family {self.family}: {a.detail} [{a.by}]"


@dataclass
class Attack:
    """A run; with its seed and the number of problems it can be repeated."""

    seed: int
    families: dict[str, FamilyRecord] = field(default_factory=lambda: {name: FamilyRecord() for name in FAMILIES})
    failures: list[Failure] = field(default_factory=list)  # those that were shrunk, at most two of a kind
    kinds: Counter[Kind] = field(default_factory=Counter)  # how often every kind was seen
    seconds: float = 0.0

    @property
    def tried(self) -> int:
        """Problems tried."""
        return sum(record.tried for record in self.families.values())

    @property
    def ok(self) -> bool:
        """Whether nothing failed."""
        return not self.kinds


def attack(
    *,
    seed: int,
    seconds: float = math.inf,
    problems: int | None = None,
    folder: Path | None = None,
    attempts: int = 250,
    progress: Callable[[Attack], None] | None = None,
    solve: Solve = package_solve,
) -> Attack:
    """Attack a solver for so many seconds, or with so many problems; families take turns.

    Problem i is drawn from (seed, i) alone. Failing problems are saved in `folder`, which is made with the first one,
    beside ``failures.jsonl``, which says what failed; at most `attempts` smaller problems are tried for each failure
    that is made small. `progress` is called with the run after every problem.
    """
    started = time.perf_counter()
    run = Attack(seed=seed)
    numbers = itertools.count() if problems is None else range(problems)
    for number, family in zip(numbers, itertools.cycle(FAMILIES), strict=False):
        if time.perf_counter() - started >= seconds:
            break
        _try(run, number, family, folder, attempts, solve)
        run.seconds = time.perf_counter() - started
        if progress is not None:
            progress(run)
    return run


def _try(run: Attack, number: int, family: str, folder: Path | None, attempts: int, solve: Solve) -> None:
    rng = np.random.default_rng([run.seed, number])
    problem = draw_problem(family, rng)
    plan = draw_plan(problem, rng)
    attempt = try_problem(problem, plan, solve)
    record = run.families[family]
    record.tried += 1
    record.failed += bool(attempt.contradictions)
    for method, gap in attempt.gaps:
        record.worst_gap[method] = max(record.worst_gap.get(method, 0.0), gap)
    for contradiction in {a.kind: a for a in reversed(attempt.contradictions)}.values():  # the first of each kind
        run.kinds[contradiction.kind] += 1
        if run.kinds[contradiction.kind] <= _SAVED_PER_KIND:
            failure = Failure(family=family, number=number, problem=problem, contradiction=contradiction)
            failure = _shrunk(failure, plan, attempts, solve)
            run.failures.append(failure if folder is None else _save(failure, folder, run.seed))


def _shrunk(failure: Failure, plan: Plan, attempts: int, solve: Solve) -> Failure:
    """Find the least plan and a small problem that show the same kind of failure."""

    def seen(problem: Problem, narrowed: Plan) -> Contradiction | None:
        kind, found = failure.contradiction.kind, try_problem(problem, narrowed, solve).contradictions
        return next((contradiction for contradiction in found if contradiction.kind == kind), None)

    for problem, narrowed in _narrower(failure, plan):
        if seen(problem, narrowed) is not None:
            small = shrink(problem, lambda p: seen(p, narrowed) is not None, attempts=attempts)  # noqa: B023
            return replace(failure, problem=small, contradiction=seen(small, narrowed) or failure.contradiction)
    return failure  # a failure that a clock decided


def _narrower(failure: Failure, plan: Plan) -> Iterator[tuple[Problem, Plan]]:
    """Yield problems and plans that may show the failure, the least first: a variant by itself, if it can."""
    contradiction = failure.contradiction
    relations = tuple((name, 0) for name, _ in plan.relations)
    mentioned = tuple((name, 0) for name, _ in relations if name in f"{contradiction.place} {contradiction.by}")
    least = replace(
        plan,
        asks=tuple(ask for ask in plan.asks if ask == contradiction.ask),
        balls=contradiction.by == "ball arithmetic",
        repeats=contradiction.by == "itself" or contradiction.claim.startswith("repeating"),
    )
    for references in (False, True):
        yield contradiction.problem, replace(least, relations=(), references=references)
    for needed, references in ((mentioned, False), (mentioned, True), (relations, True)):
        yield failure.problem, replace(least, relations=needed, references=references)
    yield failure.problem, plan


def _save(failure: Failure, folder: Path, seed: int) -> Failure:
    """Save a failing problem, and a line that says what fails."""
    folder.mkdir(parents=True, exist_ok=True)
    a = failure.contradiction
    slug = re.sub(r"[^a-z0-9]+", "-", f"{a.claim} {a.ask.method}".lower()).strip("-")
    file = folder / f"{seed}-{failure.number}-{slug}.json"
    failure.problem.save(file)
    line = {name: getattr(a, name) for name in ("claim", "place", "by", "detail")}
    line |= {"file": file.name, "method": a.ask.method, "options": a.ask.options}
    line |= {"family": failure.family, "seed": seed, "number": failure.number}
    with (folder / "failures.jsonl").open("a", encoding="utf-8") as lines:
        lines.write(json.dumps(line) + "\n")
    return replace(failure, file=file)
