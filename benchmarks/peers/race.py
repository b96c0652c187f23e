"""Run the races: every entrant on every case, values recomputed, time taken at each accuracy.

An entrant that reaches its time limit, fails or has no valid answer on more than half of a family's instances of one
size does not start on its larger ones. That counts as failing there.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

import fedss_opt as fo

from .attempt import worth
from .cases import ACCURACIES, FAMILIES, Case, Plan, Race
from .entrants import ENTRANTS, Entrant, installed
from .sandbox import Reply, Sandbox

__all__ = ["Result", "run_race", "time_to"]

ANSWERED = "answered"


@dataclass(kw_only=True)
class Result:
    """One entrant on one case.

    Attributes
    ----------
    case : Case
        The instance.
    entrant : str
        The competitor.
    status : str
        ``answered``, ``time limit``, ``failed``, ``not valid`` or ``not run``.
    seconds : float
        Of the solve; NaN where it was not run.
    value_s : float
        Objective, or bound, recomputed from the data; NaN without a valid one.
    best_s : float
        The best value that anybody has on the case; NaN where nobody has one.
    proven : bool
        Whether the entrant says that nothing is better.
    trace : tuple of (float, float)
        Seconds and objective on the way to a valid answer.
    solver_s : float
        Seconds inside the solver alone, NaN where not known.
    note : str
        Why there is no value, or the entrant's own word.
    times : dict of float to float or None
        Seconds to each accuracy; None for failing it.
    """

    case: Case
    entrant: str
    status: str
    seconds: float = math.nan
    value_s: float = math.nan
    best_s: float = math.nan
    proven: bool = False
    trace: tuple[tuple[float, float], ...] = ()
    solver_s: float = math.nan
    note: str = ""
    times: dict[float, float | None] = field(default_factory=dict)

    @property
    def distance(self) -> float:
        """Relative distance from the best value known, >= 0; NaN without a valid answer."""
        return _distance(self.case.race, self.value_s, self.best_s)

    def to_dict(self) -> dict[str, Any]:
        """Return a JSON-able record; what is not a number becomes None."""
        return {
            "race": str(self.case.race),
            "family": self.case.family,
            "clients": self.case.clients,
            "tasks": self.case.tasks,
            "seed": self.case.seed,
            "entrant": self.entrant,
            "status": self.status,
            "seconds": _number(self.seconds),
            "solver_seconds": _number(self.solver_s),
            "value_s": _number(self.value_s),
            "best_s": _number(self.best_s),
            "distance": _number(self.distance),
            "proven": self.proven,
            "times": {f"{accuracy:g}": seconds for accuracy, seconds in self.times.items()},
            "note": self.note,
        }

    @classmethod
    def from_dict(cls, record: Mapping[str, Any]) -> Result:
        """Read a record again; what is not kept is the trace."""
        case = Case(
            race=Race(record["race"]),
            family=record["family"],
            clients=record["clients"],
            tasks=record["tasks"],
            seed=record["seed"],
        )
        return cls(
            case=case,
            entrant=record["entrant"],
            status=record["status"],
            seconds=_float(record["seconds"]),
            value_s=_float(record["value_s"]),
            best_s=_float(record["best_s"]),
            proven=record["proven"],
            solver_s=_float(record["solver_seconds"]),
            note=record["note"],
            times={float(accuracy): seconds for accuracy, seconds in record["times"].items()},
        )


def _number(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _float(value: float | None) -> float:
    return math.nan if value is None else value


def _distance(race: Race, value: float, best: float) -> float:
    if value == best:
        return 0.0
    gap = best - value if race is Race.BOUND else value - best
    return max(0.0, gap) / best if best > 0.0 else math.nan


def time_to(result: Result, accuracy: float) -> float | None:
    """Return the seconds after which an entrant had an answer within `accuracy` of the best known; None for never.

    Answers on the way count where the entrant reports them; else it is the time of the whole solve.
    """
    if result.status != ANSWERED:
        return None
    for seconds, value in result.trace:
        if _distance(result.case.race, value, result.best_s) <= accuracy:
            return min(seconds, result.seconds)
    return result.seconds if result.distance <= accuracy else None


Progress = Callable[[str, int, int], None]


def run_race(
    race: Race, plan: Plan, *, names: Iterable[str] | None = None, progress: Progress | None = None
) -> list[Result]:
    """Run one race.

    Parameters
    ----------
    race : Race
        Which.
    plan : Plan
        Sizes, seeds and time limit.
    names : iterable of str, optional
        The entrants; all by default.
    progress : callable, optional
        Called with (what is running, steps done, steps in all).

    Returns
    -------
    list of Result
        One per case and entrant, in the order of the cases.
    """
    entrants = [e for (r, name), e in ENTRANTS.items() if r is race and (names is None or name in set(names))]
    cases = plan.cases(race)
    out = {(e.name, f): f"{e.module} is not installed" for e in entrants for f in FAMILIES if not installed(e)}
    results: list[Result] = []
    done, total = 0, len(cases) * len(entrants)
    with ExitStack() as stack:
        boxes = {e.name: stack.enter_context(Sandbox(race, e.name)) for e in entrants}
        for (clients, family), group in groupby(cases, key=lambda case: (case.clients, case.family)):
            failures: Counter[str] = Counter()
            alike = list(group)
            for case in alike:
                problem = case.problem()
                for entrant in entrants:
                    if progress is not None:
                        progress(f"{race}: N = {clients:,}, {entrant.name}", done, total)
                    done += 1
                    why = out.get((entrant.name, family))
                    if why is not None:
                        results.append(Result(case=case, entrant=entrant.name, status="not run", note=why))
                        continue
                    reply = boxes[entrant.name].run(case, plan.time_limit_s)
                    results.append(_judged(case, problem, entrant, reply))
                    failures[entrant.name] += results[-1].status != ANSWERED
            for name, count in failures.items():
                if 2 * count > len(alike):
                    out[name, family] = f"{family}: failed on {count} of {len(alike)} instances at N = {clients:,}"
    _rank(results)
    return results


def _judged(case: Case, problem: fo.Problem, entrant: Entrant, reply: Reply) -> Result:
    result = Result(case=case, entrant=entrant.name, status=reply.status, seconds=reply.seconds, note=reply.note)
    attempt = reply.attempt
    if attempt is None:
        return result
    result.value_s, complaint = worth(case.race, problem, attempt)
    if complaint:
        result.status = "not valid"
    result.note = complaint or attempt.note
    result.proven, result.trace, result.solver_s = attempt.proven and not complaint, attempt.trace, attempt.solver_s
    return result


def _rank(results: list[Result]) -> None:
    """Find the best value of every case, and take everybody's times."""
    values: dict[Case, list[float]] = defaultdict(list)
    for result in results:
        if math.isfinite(result.value_s):
            values[result.case].append(result.value_s)
    for result in results:
        known = values[result.case]
        if known:
            result.best_s = max(known) if result.case.race is Race.BOUND else min(known)
        result.times = {accuracy: time_to(result, accuracy) for accuracy in ACCURACIES}
