"""One problem put on trial: what is asked, who else answers, and which claims the answers contradict."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from ...batch import solve_batch
from ...checking import check
from ...exceptions import MissingDependencyError, ProblemError, SolverError
from ...problem import Problem
from ...solution import CertificateKind, Solution, Status, StopReason
from ..certificates import verify_solution
from ..referees import brute_force
from .answers import AGREEMENT, Ask, Witness, keeps_everything, witness
from .referees import certainly_feasible, enumerated, refuted_by_highs
from .relations import RELATIONS

__all__ = ["Accusation", "Hearing", "Plan", "Solve", "draw_plan", "hear"]

Solve = Callable[..., Solution]

_CERTIFIED = ("admm", "exact")
_POLICIES = ("all", "random_equal", "random", "best_channel", "greedy", "fedcs", "proportional")

# Balls cost about a millisecond a client, and a search is repeated node by node in Python, seconds at ten clients.
_MOST_FOR_BALLS, _MOST_FOR_A_SEARCH = 80, 6
_MOST_FOR_ENUMERATION, _MOST_FOR_HIGHS = 10, 80
_SECONDS_OF_PROOF = 10.0  # far more than `check` needs to prove anew what was found of a handful of clients

# `exact` ends within 1e-9 of the optimum, whatever tolerance it is given (`fedss_opt.solvers.exact.PRECISION`); twice
# that, for the figures of bound and answer.
_PRECISION = 2e-9
_EDGE = 1e-6  # by which optima with a little more and a little less room differ where no limit is at its last digit


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What a problem is tried by.

    Attributes
    ----------
    asks : tuple of Ask
        Methods and options.
    relations : tuple of (str, int)
        Relations, and the ask whose method answers the variant.
    referees : bool
        Whether enumeration and HiGHS are heard.
    balls : bool
        Whether answers are checked in exact and ball arithmetic, too.
    repeats : bool
        Whether warm starts and batches are compared with single solves.
    seed : int
        Seed of what the relations draw.
    """

    asks: tuple[Ask, ...]
    relations: tuple[tuple[str, int], ...] = ()
    referees: bool = True
    balls: bool = True
    repeats: bool = True
    seed: int = 0


@dataclass(frozen=True, kw_only=True)
class Accusation:
    """A claim that does not hold.

    Attributes
    ----------
    claim : str
        Which kind of claim.
    ask : Ask
        Who made it.
    place : str
        ``"as given"``, or the relation whose variant it was made of.
    problem : Problem
        The problem that it was made of.
    by : str
        What contradicts it.
    detail : str
        One line for a person.
    """

    claim: str
    ask: Ask
    place: str
    problem: Problem = field(repr=False, compare=False)
    by: str
    detail: str

    @property
    def kind(self) -> tuple[str, str]:
        """What makes two accusations alike: the claim and the method."""
        return self.claim, self.ask.method


@dataclass
class Hearing:
    """What came of one problem."""

    accusations: list[Accusation] = field(default_factory=list)
    gaps: list[tuple[str, float]] = field(default_factory=list)


@dataclass
class _Docket:
    """One problem of a hearing: what was claimed of it, and the witnesses."""

    problem: Problem
    place: str
    claims: list[tuple[Ask, Solution]] = field(default_factory=list)
    witnesses: list[Witness] = field(default_factory=list)

    def accuse(self, claim: str, ask: Ask, by: str, detail: str) -> Accusation:
        """Return the accusation of a claim that was made of this problem."""
        return Accusation(claim=claim, ask=ask, place=self.place, problem=self.problem, by=by, detail=detail)

    def admit(self, source: str, selected: Any, bandwidth_hz: Any) -> None:
        """Take an answer as a witness, if it is one."""
        found = witness(self.problem, source, selected, bandwidth_hz)
        if found is not None:
            self.witnesses.append(found)


def draw_plan(problem: Problem, rng: np.random.Generator) -> Plan:
    """Draw what a problem is tried by."""
    n = problem.n_clients
    tolerances = (None, None, None, 0.0, 1e-9, 1e-6, 1e-2, 0.3)
    asks = [Ask(method="admm", gap_tol=tolerances[int(rng.integers(8))])]
    exact = Ask(method="exact", gap_tol=tolerances[int(rng.integers(8))])
    asks.append(exact if n <= _MOST_FOR_ENUMERATION else replace(exact, time_limit_s=0.3))
    if rng.random() < 0.3:
        limits = ((None, 0.0), (None, 1e-3), (0, None), (1, None), (3, None), (30, None))
        iterations, seconds = limits[int(rng.integers(6))]
        method = _CERTIFIED[int(rng.integers(2))]
        seconds = seconds if iterations is None or method == "admm" else 0.3
        asks.append(Ask(method=method, max_iterations=iterations, time_limit_s=seconds))
    if rng.random() < 0.5:
        asks.append(Ask(method=_POLICIES[int(rng.integers(7))], seed=int(rng.integers(3))))
    names = list(RELATIONS)
    chosen = rng.choice(len(names), 3, replace=False)
    relations = tuple((names[int(i)], int(rng.random() < (0.5 if n <= 80 else 0.2))) for i in chosen)
    balls, repeats = (bool(draw < 0.3) for draw in rng.random(2))
    return Plan(asks=tuple(asks), relations=relations, balls=balls, repeats=repeats, seed=int(rng.integers(2**31)))


def hear(problem: Problem, plan: Plan, solve: Solve) -> Hearing:
    """Try one problem: ask, look for witnesses, and compare.

    Parameters
    ----------
    problem : Problem
        The problem.
    plan : Plan
        What it is tried by.
    solve : callable
        The solver on trial; called as `fedss_opt.solve` is.

    Returns
    -------
    Hearing
        Every claim that does not hold.
    """
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore", RuntimeWarning)
        return _hear(problem, plan, solve)


def _hear(problem: Problem, plan: Plan, solve: Solve) -> Hearing:
    hearing = Hearing()
    given = _Docket(problem=problem, place="as given")
    for ask in plan.asks:
        solution = _answer(hearing, given, ask, solve, plan.balls)
        if solution is not None and ask.method in _CERTIFIED and ask.unlimited and solution.has_answer:
            hearing.gaps.append((ask.method, solution.gap))
    answered = dict(given.claims)
    if plan.referees and problem.n_clients <= _MOST_FOR_ENUMERATION:
        best = min((seen.value for seen in given.witnesses), default=math.inf)
        found = enumerated(problem, below=best * (1.0 - AGREEMENT))
        if found is not None:
            given.admit("enumeration", *found)
    dockets = [given]
    translations = []
    for name, who in plan.relations:
        ask = plan.asks[min(who, len(plan.asks) - 1)]
        if ask not in answered:
            continue
        try:
            variant = RELATIONS[name](problem, np.random.default_rng(plan.seed), answered[ask])
        except ProblemError:  # out of range in other units
            continue
        if variant is None:
            continue
        docket = _Docket(problem=variant.problem, place=name)
        solution = _answer(hearing, docket, ask, solve, False)
        if solution is not None and solution.has_answer:
            given.admit(f"the answer under: {name}", *variant.back(solution.selected, solution.bandwidth_hz))
        dockets.append(docket)
        translations.append((docket, variant))
    if plan.referees and _MOST_FOR_ENUMERATION < problem.n_clients <= _MOST_FOR_HIGHS:
        certified = [solution for ask, solution in given.claims if ask.method in _CERTIFIED]
        boldest = max(certified, key=lambda s: 0.0 if math.isnan(s.lower_bound_s) else s.lower_bound_s, default=None)
        found = None if boldest is None else refuted_by_highs(problem, boldest)
        if found is not None:
            given.admit("HiGHS", *found)
    for docket, variant in translations:
        for seen in given.witnesses:
            docket.admit(f"as given: {seen.source}", *variant.forward(seen.selected, seen.bandwidth_hz))
    for docket in dockets:
        hearing.accusations += _contradictions(docket)
    if plan.referees and problem.n_clients <= _MOST_FOR_ENUMERATION:
        hearing.accusations += _given_up(given)
        hearing.accusations += _wrongly_excluded(given)
    if plan.repeats:
        for ask, solution in given.claims:
            hearing.accusations += _not_repeated(given, ask, solution, solve)
    return hearing


def _answer(hearing: Hearing, docket: _Docket, ask: Ask, solve: Solve, balls: bool) -> Solution | None:
    """Ask, check the answer claim by claim, and admit it as a witness."""

    def accuse(claim: str, by: str, detail: str) -> None:
        hearing.accusations.append(docket.accuse(claim, ask, by, detail))

    problem = docket.problem
    try:
        solution = solve(problem, ask.method, **ask.options)
    except (MissingDependencyError, SolverError):
        return None
    except Exception as error:  # whatever it is, it was not to be raised
        accuse(f"raises {type(error).__name__}", "an exception", str(error).split("\n")[0])
        return None
    if solution.stop_reason is StopReason.INTERRUPTED:  # a solve takes Ctrl-C for a wish to end it alone
        raise KeyboardInterrupt
    docket.claims.append((ask, solution))
    tolerance = max(ask.tolerance, _PRECISION) if ask.method == "exact" else ask.tolerance
    try:
        small = problem.n_clients <= _MOST_FOR_ENUMERATION
        report = check(problem, solution, gap_tol=tolerance, time_limit_s=_SECONDS_OF_PROOF if small else 0.1)
        for wrong in report.failed:
            accuse(f"check: {_kind_of(wrong.name)}", "fedss_opt.check", f"{wrong.name}: {wrong.detail}")
        for open_ in report.undecided if small else ():
            accuse(f"check: {open_.name} not proved", "fedss_opt.check", f"{open_.name}: {open_.detail}")
        if balls and problem.n_clients <= _MOST_FOR_BALLS:
            for false in verify_solution(problem, _without_long_search(problem, solution), gap_tol=tolerance).failed:
                accuse(f"balls: {_kind_of(false.name)}", "ball arithmetic", f"{false.name}: {false.detail}")
    except Exception as error:
        accuse(f"checking raises {type(error).__name__}", "an exception", str(error).split("\n")[0])
    if solution.has_answer:
        docket.admit(str(ask), solution.selected, solution.bandwidth_hz)
    return solution


def _without_long_search(problem: Problem, solution: Solution) -> Solution:
    """Leave out a bound by a search that would take long to repeat: the witnesses are there to contradict it."""
    searched = solution.certificate is not None and solution.certificate.kind is CertificateKind.SEARCH
    if not searched or problem.n_clients <= _MOST_FOR_A_SEARCH:
        return solution
    if not solution.has_answer:
        return replace(solution, status=Status.UNKNOWN, lower_bound_s=math.nan, certificate=None)
    return replace(solution, status=Status.FEASIBLE, lower_bound_s=math.nan, certificate=None)


def _kind_of(name: str) -> str:
    """Name a claim without the task that it is about."""
    return "coverage" if name.startswith("coverage of ") else name


def _contradictions(docket: _Docket) -> Iterator[Accusation]:
    """Yield the claims that a witness contradicts: bounds above its value, and infeasibility."""
    trusted: dict[int, bool] = {}
    for ask, solution in docket.claims:
        infeasible = solution.status is Status.INFEASIBLE
        bound = math.inf if infeasible else solution.lower_bound_s
        if math.isnan(bound):
            continue
        against = [w for w in docket.witnesses if bound > w.value * (1.0 + AGREEMENT)]
        told = "no answer" if infeasible else f"a bound of {bound!r} s"
        for seen in sorted(against, key=lambda w: w.value):
            if id(seen) not in trusted:
                trusted[id(seen)] = keeps_everything(docket.problem, seen)
            if not trusted[id(seen)]:
                continue
            detail = f"claims {told}, but {seen.value!r} s is feasible"
            yield docket.accuse("infeasible" if infeasible else "bound", ask, seen.source, detail)
            break


def _wrongly_excluded(docket: _Docket) -> Iterator[Accusation]:
    """Yield the claims of infeasibility that enumeration in exact and ball arithmetic refutes."""
    claims = [(ask, solution) for ask, solution in docket.claims if solution.status is Status.INFEASIBLE]
    if claims and certainly_feasible(docket.problem):
        for ask, _ in claims:
            detail = "claims no answer, but some selection covers and its least bandwidths fit in exact arithmetic"
            yield docket.accuse("infeasible", ask, "exact arithmetic", detail)


def _given_up(docket: _Docket) -> Iterator[Accusation]:
    """Yield what a method that proves everything left open, and answers not found where there is room for one."""
    for ask, solution in docket.claims:
        if ask.method not in _CERTIFIED or not ask.unlimited:
            continue
        detail = f"{solution.status} ({solution.stop_reason}), gap {solution.gap:.3g}"
        if solution.status is Status.UNKNOWN:
            if _best(docket.problem, -AGREEMENT) < math.inf:
                yield docket.accuse("finds nothing", ask, "enumeration", f"{detail}; enumeration finds an answer")
            elif ask.method == "exact" and not _best(docket.problem, AGREEMENT) < math.inf:
                yield docket.accuse("infeasibility not proven", ask, "enumeration", f"{detail}; enumeration finds none")
        elif solution.has_answer and ask.method == "exact" and solution.gap > max(ask.tolerance, _PRECISION):
            # Where the last digits of a limit decide who fits, floats cannot tell, and `exact` says that it is stuck.
            least, most = _best(docket.problem, AGREEMENT), _best(docket.problem, -AGREEMENT)
            if most <= least * (1.0 + _EDGE):
                yield docket.accuse("optimum not proven", ask, "enumeration", detail)
        elif solution.has_answer and solution.lower_bound_s == 0.0 and solution.objective_s > 0.0:
            yield docket.accuse("no bound", ask, "enumeration", detail)


def _best(problem: Problem, room: float) -> float:
    """Return the enumerated optimum where carrier and longest uploads are larger by the fraction `room`; inf for none.

    Beyond the referee, what accuses nobody: none with less room, the best with more.
    """
    larger: dict[str, Any] = {"max_upload_s": problem.max_upload_s * (1.0 + room)}
    if problem.resource_block_hz is None:
        larger["bandwidth_hz"] = problem.bandwidth_hz * (1.0 + room)
    try:
        return float(brute_force(problem.replace(**larger)).value)
    except (ArithmeticError, ValueError):
        return 0.0 if room > 0.0 else math.inf


def _not_repeated(docket: _Docket, ask: Ask, solution: Solution, solve: Solve) -> Iterator[Accusation]:
    """Yield what a batch says otherwise, and what a start from the own answer loses."""
    if not ask.unlimited:
        return

    def accuse(claim: str, other: Solution) -> Accusation:
        figures = [f"[{s.lower_bound_s!r}, {s.objective_s!r}] {s.status}" for s in (solution, other)]
        return docket.accuse(claim, ask, "itself", f"{figures[0]}, then {figures[1]}")

    try:
        if solution.has_answer and ask.method in _CERTIFIED:
            warm = solve(docket.problem, ask.method, warm_start=solution, **ask.options)
            lost = max(ask.tolerance, 1e-6)
            worse = not warm.objective_s <= solution.objective_s * (1.0 + AGREEMENT)
            if worse or warm.lower_bound_s < solution.lower_bound_s * (1.0 - lost):
                yield accuse("warm start from its own answer is worse", warm)
        options = {name: value for name, value in ask.options.items() if value is not None}
        single = solve_batch([docket.problem], ask.method, **options)[0]
    except Exception as error:
        claim, told = f"repeating raises {type(error).__name__}", str(error).split("\n")[0]
        yield docket.accuse(claim, ask, "an exception", told)
        return
    same = single.status is solution.status and np.array_equal(single.selected, solution.selected)
    if not (same and _alike(single.objective_s, solution.objective_s)):
        yield accuse("a batch answers otherwise", single)
    elif not _alike(single.lower_bound_s, solution.lower_bound_s):
        yield accuse("a batch bounds otherwise", single)


def _alike(one: float, other: float) -> bool:
    return one == other or (math.isnan(one) and math.isnan(other)) or abs(one - other) <= AGREEMENT * abs(other)
