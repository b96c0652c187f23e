"""The methods against each other and against other people's solvers, on the frozen families.

Whatever two of them say must fit together: no lower bound above anybody's feasible answer, no proof of
infeasibility beside an answer, nothing called optimal that another one beats. What the package's own methods
answer is besides checked claim by claim (`verify_solution`); answers of referees are priced by plain NumPy.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from importlib import import_module
from typing import Any

import numpy as np

from ..problem import Objective, Problem
from ..solution import Solution, Status
from .certificates import verify_solution
from .instances import Instance
from .records import Comparison, above
from .referees import Verdict, brute_force, highs, least_bandwidths, selection_value
from .scip import scip
from .verdicts import Report

__all__ = ["LONG", "Court", "MethodRecord", "Schedule", "cross_check"]

_TOLERANCE = 1e-9  # plain double precision, of the package's own figures against each other
_REFEREE = 1e-7  # HiGHS works to 1e-6 of a scale a thousand times finer; brute force is far better
_MOST_ENUMERATED = 14  # clients
# Totals far above their relaxation: HiGHS takes ten seconds each, and so does a search for a second time in ball
# arithmetic. Their optima are enumerated, and the bounds compared with those.
LONG = ("local-optima",)
_SCIP = 1e-4  # SCIP keeps nonlinear constraints to 1e-6, absolutely


@dataclass(frozen=True, kw_only=True)
class Schedule:
    """Who is asked how often.

    Attributes
    ----------
    cvxpy_every, scip_every, highs_every : int
        One in so many instances; 0 for never. HiGHS is asked about every instance that is too large to enumerate.
    time_limit_s : float
        For each solver and instance; a solver that fails is charged all of it.
    """

    cvxpy_every: int = 7
    scip_every: int = 5
    highs_every: int = 1
    time_limit_s: float = 20.0


@dataclass
class MethodRecord:
    """What became of one method.

    Attributes
    ----------
    name : str
        The method.
    runs, failures, proven, exact, searched : int
        Instances it was asked; exceptions and unfinished runs; answers all of whose claims are proven; those that
        hold without any allowance; bounds that rest on a search.
    seconds : float
        In all, failures at the time limit.
    wrong : list of str
        Claims that do not hold.
    undecided : list of str
        Claims neither proven nor refuted.
    failed : list of str
        What failed or did not finish.
    """

    name: str
    runs: int = 0
    failures: int = 0
    proven: int = 0
    exact: int = 0
    searched: int = 0
    seconds: float = 0.0
    wrong: list[str] = field(default_factory=list)
    undecided: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)


class Court:
    """Runs the methods over instances and keeps the records.

    Attributes
    ----------
    methods : dict of str to MethodRecord
        What became of each method and referee.
    comparisons : dict of str to Comparison
        What became of each claim.
    gaps, disagreements : dict of str to list of float
        Certified gaps by method; ``answer / best referee - 1`` by method.
    cores : list of (int, int)
        Number of clients, and how many of them a better answer could still decide either way (makespan).
    answers : list of (str, Problem, Solution)
        The ADMM's answers, for the mutation court.
    """

    def __init__(self, schedule: Schedule, solve: Callable[..., Solution] | None = None) -> None:
        package = import_module("fedss_opt.solvers")
        self.schedule = schedule
        self.methods: dict[str, MethodRecord] = {}
        self.comparisons = {name: Comparison(name) for name in _CLAIMS}
        self.gaps: dict[str, list[float]] = {}
        self.disagreements: dict[str, list[float]] = {}
        self.cores: list[tuple[int, int]] = []
        self.answers: list[tuple[str, Problem, Solution]] = []
        self.missing: set[str] = set()
        self._solve = package.solve if solve is None else solve
        self._has_exact = "exact" in package.METHODS

    def try_instance(self, instance: Instance, number: int) -> None:
        """Ask everybody who is due, and compare."""
        answers = self._ask_package(instance, number)
        verdicts = self._ask_referees(instance, number)
        _compare(self.comparisons, instance, answers, verdicts)
        best = min((v.value for v in verdicts.values() if v.finished and v.value < math.inf), default=math.nan)
        for name, solution in answers.items():
            if solution.has_answer and math.isfinite(solution.gap):
                self.gaps.setdefault(name, []).append(solution.gap)
                if best > 0.0:
                    self.disagreements.setdefault(name, []).append(solution.objective_s / best - 1.0)
        if "admm" in answers:
            self.answers.append((instance.name, instance.problem, answers["admm"]))
            core = core_size(instance.problem, answers["admm"])
            if core is not None:
                self.cores.append(core)

    def _ask_package(self, instance: Instance, number: int) -> dict[str, Solution]:
        names = ["admm"]
        if self._has_exact:
            names.append("exact")
        convex = instance.family != "badly-scaled" and instance.problem.resource_block_hz is None
        if _due(self.schedule.cvxpy_every, number) and "cvxpy" not in self.missing and convex:
            names.append("cvxpy")
        answers = {}
        for name in names:
            limit = None if name == "admm" else self.schedule.time_limit_s
            ask = partial(self._solve, instance.problem, name, time_limit_s=limit)
            solution = self._timed(name, instance, ask)
            if solution is None:
                continue
            answers[name] = solution
            self._judge(self.methods[name], instance, solution)
        return answers

    def _judge(self, record: MethodRecord, instance: Instance, solution: Solution) -> None:
        searched = solution.certificate is not None and str(solution.certificate.kind) == "search"
        if searched and instance.family in LONG:
            status = Status.FEASIBLE
            solution = replace(solution, status=status, lower_bound_s=math.nan, certificate=None)
        report: Report = verify_solution(instance.problem, solution)
        record.proven += report.ok
        record.exact += report.exact
        record.searched += searched and instance.family not in LONG
        record.wrong += [f"{instance.name}: {claim.name}: {claim.detail}" for claim in report.failed]
        record.undecided += [f"{instance.name}: {claim.name}: {claim.detail}" for claim in report.undecided]

    def _ask_referees(self, instance: Instance, number: int) -> dict[str, Verdict]:
        problem, verdicts = instance.problem, {}
        due: dict[str, Callable[[], Verdict]] = {}
        if problem.n_clients <= _MOST_ENUMERATED:
            due["brute force"] = lambda: brute_force(problem)
        # Twelve decades of costs are beyond HiGHS's absolute tolerances, and beyond SCIP's.
        ordinary = instance.family != "badly-scaled"
        asked = _due(self.schedule.highs_every, number) or problem.n_clients > _MOST_ENUMERATED
        if asked and instance.family not in LONG and (ordinary or problem.objective is Objective.MAKESPAN):
            due["HiGHS"] = lambda: highs(problem)
        if ordinary and _due(self.schedule.scip_every, number) and problem.n_clients <= 6:
            due["SCIP"] = lambda: scip(problem, time_limit_s=self.schedule.time_limit_s)
        for name, ask in due.items():
            if name in self.missing:
                continue
            verdict = self._timed(name, instance, ask)
            if verdict is None:
                continue
            verdicts[name] = verdict
            if not verdict.finished:
                self._charge(name, instance, "not finished", 0.0)
        return verdicts

    def _timed(self, name: str, instance: Instance, ask: Callable[[], Any]) -> Any:
        record = self.methods.setdefault(name, MethodRecord(name))
        started = time.perf_counter()
        try:
            result = ask()
        except ImportError:
            self.missing.add(name)
            return None
        except Exception as error:  # a solver that fails is a record, not the end of the court
            record.runs += 1
            self._charge(name, instance, f"{type(error).__name__}: {error}", time.perf_counter() - started)
            return None
        record.runs += 1
        record.seconds += time.perf_counter() - started
        return result

    def _charge(self, name: str, instance: Instance, reason: str, spent: float) -> None:
        record = self.methods[name]
        record.failures += 1
        record.seconds += max(self.schedule.time_limit_s, spent)
        record.failed.append(f"{instance.name}: {reason}")


_CLAIMS = (
    "no lower bound is above a feasible answer",
    "infeasible means that nobody finds an answer",
    "where a referee finds an answer, with 1e-9 of the carrier to spare, so does every method",
    "optimal means within the tolerance of the best known",
    "exact equals brute force",
    "exact equals HiGHS",
    "HiGHS equals brute force",
    "SCIP agrees with the best known",
)


def _due(every: int, number: int) -> bool:
    return every > 0 and number % every == every // 2


def _compare(
    claims: dict[str, Comparison], instance: Instance, answers: dict[str, Solution], verdicts: dict[str, Verdict]
) -> None:
    where = instance.name
    sound = {name: v for name, v in verdicts.items() if name != "SCIP" and v.finished}
    values = {name: s.objective_s for name, s in answers.items() if s.has_answer}
    found = values | {name: v.value for name, v in verdicts.items() if v.value < math.inf}
    solid = any(_has_room(instance.problem, v) for v in sound.values())
    for name, solution in answers.items():
        bound = solution.lower_bound_s
        if solution.status is Status.INFEASIBLE:
            others = [other for other in found if not math.isnan(found[other])]
            claims[_CLAIMS[1]].see(f"{where}: {name}, {others}", math.inf if others else 0.0, 0.0)
            continue
        if not math.isnan(bound):
            for other, value in found.items():
                allowed = _TOLERANCE if other in values else _REFEREE
                if not math.isnan(value):
                    claims[_CLAIMS[0]].see(f"{where}: {name} over {other}", above(bound, value), allowed)
        if name != "cvxpy" and solid:
            claims[_CLAIMS[2]].see(f"{where}: {name}", 0.0 if solution.has_answer else math.inf, 0.0)
        if solution.status is Status.OPTIMAL:
            best = min([*values.values(), *(v.value for v in sound.values())])
            claims[_CLAIMS[3]].see(f"{where}: {name}", above(solution.objective_s, best), 1e-4 + _REFEREE)
    exact = answers.get("exact")
    for claim, referee in ((_CLAIMS[4], "brute force"), (_CLAIMS[5], "HiGHS")):
        if exact is not None and exact.status is Status.OPTIMAL and referee in sound:
            miss = abs(above(exact.objective_s, sound[referee].value))
            # `exact` stops at the tolerance it was given, 1e-4 by default.
            claims[claim].see(where, miss, _REFEREE)
    if "HiGHS" in sound and "brute force" in sound:
        miss = abs(above(sound["HiGHS"].value, sound["brute force"].value))
        claims[_CLAIMS[6]].see(where, miss, _REFEREE)
    third = verdicts.get("SCIP")
    if third is not None and not math.isnan(third.value):
        best = min([*values.values(), *(v.value for v in sound.values())], default=math.inf)
        miss = above(third.bound, best) if third.finished else 0.0
        if third.finished and third.value < math.inf and best < math.inf:
            miss = max(miss, abs(above(third.value, best)))
        claims[_CLAIMS[7]].see(where, 0.0 if third.value == best == math.inf else miss, _SCIP)


def _has_room(problem: Problem, verdict: Verdict) -> bool:
    """Whether a referee's selection still fits into a slightly smaller carrier: in floats it might not fit at all."""
    if not verdict.value < math.inf:
        return False
    if problem.resource_block_hz is not None:  # whole numbers fit or do not; only longest uploads can be close
        closer = problem.replace(max_upload_s=problem.max_upload_s * (1.0 - 1e-9))
        return selection_value(closer, verdict.selected) < math.inf
    smaller = problem.replace(bandwidth_hz=problem.bandwidth_hz * (1.0 - 1e-9))
    return selection_value(smaller, verdict.selected) < math.inf


def core_size(problem: Problem, solution: Solution) -> tuple[int, int] | None:
    """Count the clients that the screening of section 6 leaves undecided: makespan, nobody mandatory.

    Returns
    -------
    (int, int) or None
        Clients, and the core; None where the count does not apply.
    """
    certificate = solution.certificate
    applies = problem.objective is Objective.MAKESPAN and not problem.mandatory.any() and certificate is not None
    applies = applies and problem.resource_block_hz is None
    if not applies or not solution.has_answer or certificate is None or not solution.objective_s > 0.0:
        return None
    mu, target = certificate.multipliers, problem.coverage_target
    cost = least_bandwidths(problem, solution.objective_s)
    reward = mu @ np.minimum(problem.relevance, problem.required[:, None])
    usable = problem.available & np.isfinite(cost)
    reduced = cost[usable] - reward[usable]
    slack = problem.bandwidth_hz - (float(mu @ target) + float(np.minimum(reduced, 0.0).sum()))
    return problem.n_clients, int(np.count_nonzero(np.abs(reduced) < slack))


def cross_check(
    cases: Iterable[Instance], schedule: Schedule, *, court: Court | None = None
) -> Iterator[tuple[int, Court]]:
    """Run the court over instances, yielding after each so that progress can be shown.

    Parameters
    ----------
    cases : iterable of Instance
        The instances.
    schedule : Schedule
        Who is asked how often.
    court : Court, optional
        To go on with; a new one by default.
    """
    court = Court(schedule) if court is None else court
    for number, instance in enumerate(cases):
        court.try_instance(instance, number)
        yield number, court
