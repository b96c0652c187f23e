"""The methods against each other and against other people's solvers, on the frozen families.

Whatever two of them say must fit together: no lower bound above anybody's feasible answer, no proof of
infeasibility beside an answer, nothing called optimal that another one beats. What the package's own methods
answer is besides checked claim by claim (`verify_solution`); answers of reference solvers are priced by plain NumPy.
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
from .claim_record import ClaimRecord, above, records_of
from .enumeration import ReferenceAnswer, brute_force
from .frozen_families import Instance
from .highs import highs
from .plain_bandwidths import least_bandwidths, selection_value
from .rigorous_check import verify_solution
from .scip_model import scip

__all__ = ["LONG", "CrossCheck", "MethodRecord", "SolverSchedule", "core_size"]

_TOLERANCE = 1e-9  # plain double precision, of the package's own figures against each other
_REFERENCE = 1e-7  # HiGHS works to 1e-6 of a scale a thousand times finer; brute force is far better
_SCIP = 1e-4  # SCIP keeps nonlinear constraints to 1e-6, absolutely
_MOST_ENUMERATED = 14  # clients
# Totals far above their relaxation: HiGHS takes ten seconds each, and so does a search for a second time. Their optima
# are enumerated, and the bounds compared with those.
LONG = ("local-optima",)

_CLAIMS = (
    "no lower bound is above a feasible answer",
    "infeasible means that nobody finds an answer",
    "where a reference finds an answer, with 1e-9 of the carrier to spare, so does every method",
    "optimal means within the tolerance of the best known",
    "exact equals brute force",
    "exact equals HiGHS",
    "HiGHS equals brute force",
    "SCIP agrees with the best known",
)


@dataclass(frozen=True, kw_only=True)
class SolverSchedule:
    """Who is asked about one in how many instances (0: never), and for how long.

    HiGHS is asked about every instance that is too large to enumerate; a solver that fails is charged its time limit.
    """

    cvxpy_every: int = 7
    scip_every: int = 5
    highs_every: int = 1
    time_limit_s: float = 20.0


@dataclass
class MethodRecord:
    """What became of one method or reference solver."""

    name: str
    runs: int = 0  # instances it was asked
    proven: int = 0  # answers all of whose claims are proven
    exact: int = 0  # answers all of whose claims hold without any allowance
    searched: int = 0  # bounds that rest on a search
    seconds: float = 0.0  # in all, failures at the time limit
    wrong: list[str] = field(default_factory=list)  # claims that do not hold
    undecided: list[str] = field(default_factory=list)  # claims neither proven nor refuted
    failed: list[str] = field(default_factory=list)  # what raised, or did not finish


class CrossCheck:
    """Asks the methods and reference solvers about instances, and keeps the records."""

    def __init__(self, schedule: SolverSchedule, solve: Callable[..., Solution] | None = None) -> None:
        self.schedule = schedule
        self.methods: dict[str, MethodRecord] = {}
        self.claims = records_of(_CLAIMS)
        self.gaps: dict[str, list[float]] = {}  # certified, by method
        self.disagreements: dict[str, list[float]] = {}  # answer / best reference - 1, by method
        self.cores: list[tuple[int, int]] = []  # clients, and how many are still undecided (makespan)
        self.answers: list[tuple[str, Problem, Solution]] = []  # of the ADMM
        self.missing: set[str] = set()  # solvers that are not installed
        self._solve = import_module("fedss_opt.solvers").solve if solve is None else solve

    def try_instances(self, instances: Iterable[Instance]) -> None:
        """Try one instance after the other."""
        for number, instance in enumerate(instances):
            self.try_instance(instance, number)

    def try_instance(self, instance: Instance, number: int) -> None:
        """Ask everybody who is due, and compare."""
        answers, references = self._ask_methods(instance, number), self._ask_references(instance, number)
        self._compare(instance, answers, references)
        best = min((r.value for r in references.values() if r.finished and r.value < math.inf), default=math.nan)
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

    def method_claims(self) -> Iterator[ClaimRecord]:
        """Yield for every method and reference solver that its answers are true, and that it ends without an error."""
        for record in self.methods.values():
            true = ClaimRecord(f"{record.name}: every claim of every answer", tried=record.runs)
            true.violated, true.undecided = record.wrong, list(record.undecided)
            true.figure = f"{record.proven} proven, {record.exact} without any allowance"
            yield true
            yield ClaimRecord(f"{record.name}: ends without an error", tried=record.runs, violated=record.failed)

    def _ask_methods(self, instance: Instance, number: int) -> dict[str, Solution]:
        names = ["admm", "exact"]
        if instance.family != "badly-scaled" and instance.problem.resource_block_hz is None:
            names += ["cvxpy"] * _due(self.schedule.cvxpy_every, number)
        answers = {}
        for name in names:
            limit = None if name == "admm" else self.schedule.time_limit_s
            solution = self._timed(name, instance, partial(self._solve, instance.problem, name, time_limit_s=limit))
            if solution is not None:
                answers[name] = solution
                self._check(self.methods[name], instance, solution)
        return answers

    def _check(self, record: MethodRecord, instance: Instance, solution: Solution) -> None:
        searched = solution.certificate is not None and str(solution.certificate.kind) == "search"
        if searched and instance.family in LONG:
            solution = replace(solution, status=Status.FEASIBLE, lower_bound_s=math.nan, certificate=None)
        report = verify_solution(instance.problem, solution)
        record.proven += report.ok
        record.exact += report.exact
        record.searched += searched and instance.family not in LONG
        record.wrong += [f"{instance.name}: {claim.name}: {claim.detail}" for claim in report.failed]
        record.undecided += [f"{instance.name}: {claim.name}: {claim.detail}" for claim in report.undecided]

    def _ask_references(self, instance: Instance, number: int) -> dict[str, ReferenceAnswer]:
        problem, schedule = instance.problem, self.schedule
        due: dict[str, Callable[[], ReferenceAnswer]] = {}
        small = problem.n_clients <= _MOST_ENUMERATED
        if small:
            due["brute force"] = lambda: brute_force(problem)
        # Twelve decades of costs are beyond HiGHS's absolute tolerances, and beyond SCIP's.
        ordinary = instance.family != "badly-scaled"
        asked = (_due(schedule.highs_every, number) or not small) and instance.family not in LONG
        if asked and (ordinary or problem.objective is Objective.MAKESPAN):
            due["HiGHS"] = lambda: highs(problem)
        if ordinary and _due(schedule.scip_every, number) and problem.n_clients <= 6:
            due["SCIP"] = lambda: scip(problem, time_limit_s=schedule.time_limit_s)
        found = {name: self._timed(name, instance, ask) for name, ask in due.items()}
        answers = {name: answer for name, answer in found.items() if answer is not None}
        for name, answer in answers.items():
            if not answer.finished:
                self._charge(name, instance, "not finished", 0.0)
        return answers

    def _timed(self, name: str, instance: Instance, ask: Callable[[], Any]) -> Any:
        if name in self.missing:
            return None
        record = self.methods.setdefault(name, MethodRecord(name))
        started = time.perf_counter()
        try:
            result = ask()
        except ImportError:
            self.missing.add(name)
            return None
        except Exception as error:  # a solver that fails is a record, not the end of the run
            record.runs += 1
            self._charge(name, instance, f"{type(error).__name__}: {error}", time.perf_counter() - started)
            return None
        record.runs += 1
        record.seconds += time.perf_counter() - started
        return result

    def _charge(self, name: str, instance: Instance, reason: str, spent: float) -> None:
        record = self.methods[name]
        record.seconds += max(self.schedule.time_limit_s, spent)
        record.failed.append(f"{instance.name}: {reason}")

    def _compare(
        self, instance: Instance, answers: dict[str, Solution], references: dict[str, ReferenceAnswer]
    ) -> None:
        where = instance.name
        bounds, infeasible, found_too, optimal, *pairs, agrees = self.claims.values()
        sound = {name: r for name, r in references.items() if name != "SCIP" and r.finished}
        values = {name: s.objective_s for name, s in answers.items() if s.has_answer}
        found = values | {name: r.value for name, r in references.items() if r.value < math.inf}
        best = min([*values.values(), *(r.value for r in sound.values())], default=math.inf)
        solid = any(_has_room(instance.problem, r) for r in sound.values())
        for name, solution in answers.items():
            bound = solution.lower_bound_s
            if solution.status is Status.INFEASIBLE:
                others = [other for other in found if not math.isnan(found[other])]
                infeasible.see(f"{where}: {name}, {others}", math.inf if others else 0.0)
                continue
            if not math.isnan(bound):
                for other, value in found.items():
                    allowed = _TOLERANCE if other in values else _REFERENCE
                    if not math.isnan(value):
                        bounds.see(f"{where}: {name} over {other}", above(bound, value), allowed)
            if name != "cvxpy" and solid:
                found_too.see(f"{where}: {name}", 0.0 if solution.has_answer else math.inf)
            if solution.status is Status.OPTIMAL:
                optimal.see(f"{where}: {name}", above(solution.objective_s, best), 1e-4 + _REFERENCE)
        optima = {name: r.value for name, r in sound.items()}
        if "exact" in answers and answers["exact"].status is Status.OPTIMAL:
            optima["exact"] = answers["exact"].objective_s
        for claim, names in zip(
            pairs, (("exact", "brute force"), ("exact", "HiGHS"), ("HiGHS", "brute force")), strict=True
        ):
            if set(names) <= set(optima):
                claim.see(where, abs(above(optima[names[0]], optima[names[1]])), _REFERENCE)
        third = references.get("SCIP")
        if third is not None and not math.isnan(third.value):
            miss = above(third.bound, best) if third.finished else 0.0
            if third.finished and third.value < math.inf and best < math.inf:
                miss = max(miss, abs(above(third.value, best)))
            agrees.see(where, 0.0 if third.value == best == math.inf else miss, _SCIP)


def _due(every: int, number: int) -> bool:
    return every > 0 and number % every == every // 2


def _has_room(problem: Problem, answer: ReferenceAnswer) -> bool:
    """Whether a reference's selection still fits into a slightly smaller carrier: in floats it might not fit at all."""
    if not answer.value < math.inf:
        return False
    closer = problem.replace(bandwidth_hz=problem.bandwidth_hz * (1.0 - 1e-9))
    if problem.resource_block_hz is not None:  # whole numbers fit or do not; only longest uploads can be close
        closer = problem.replace(max_upload_s=problem.max_upload_s * (1.0 - 1e-9))
    return selection_value(closer, answer.selected) < math.inf


def core_size(problem: Problem, solution: Solution) -> tuple[int, int] | None:
    """Count the clients, and those whom the screening of section 6 leaves undecided; None where it does not apply.

    It applies to the makespan without whole blocks, where nobody is mandatory.
    """
    certificate = solution.certificate
    applies = problem.objective is Objective.MAKESPAN and problem.resource_block_hz is None
    applies = applies and not problem.mandatory.any() and solution.has_answer and solution.objective_s > 0.0
    if certificate is None or not applies:
        return None
    mu, target = certificate.multipliers, problem.coverage_target
    cost = least_bandwidths(problem, solution.objective_s)
    reward = mu @ np.minimum(problem.relevance, problem.required[:, None])
    usable = problem.available & np.isfinite(cost)
    reduced = cost[usable] - reward[usable]
    slack = problem.bandwidth_hz - (float(mu @ target) + float(np.minimum(reduced, 0.0).sum()))
    return problem.n_clients, int(np.count_nonzero(np.abs(reduced) < slack))
