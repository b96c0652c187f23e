"""One problem of an attack: what is asked, who else answers, and which claims the answers contradict."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from ... import solvers
from ...batch import solve_batch
from ...checking import check
from ...exceptions import MissingDependencyError, ProblemError, SolverError
from ...problem import Problem
from ...solution import CertificateKind, Solution, Status, StopReason
from ..enumeration import brute_force
from ..rigorous_check import verify_solution
from .counterexamples import certainly_feasible, enumerated, refuted_by_highs
from .relations import RELATIONS
from .witnesses import AGREEMENT, Ask, keeps_everything, witness

__all__ = ["Attempt", "Contradiction", "Plan", "Solve", "draw_plan", "try_problem"]

Solve = Callable[..., Solution]

_CERTIFIED = ("admm", "exact")

_MOST_FOR_BALLS = 80  # clients, of about a millisecond each
_MOST_FOR_ENUMERATION, _MOST_FOR_HIGHS = 10, 80
_SECONDS_OF_PROOF = 10.0  # far more than `check` needs to prove anew what was found of a handful of clients

# `exact` proves no closer than 1e-9, whatever tolerance it is given (`fedss_opt.solvers.exact.PRECISION`); twice that,
# for the figures of bound and answer.
_PRECISION = 2e-9
_ALLOWANCE = 1e-12  # of a longest upload: what checkers take for kept
_EDGE = 1e-6  # by which optima with a little more and a little less room differ where no limit is at its last digit


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What a problem is tried by."""

    asks: tuple[Ask, ...]
    relations: tuple[tuple[str, int], ...] = ()  # and the ask whose method answers the variant
    references: bool = True  # whether enumeration and HiGHS are asked
    balls: bool = True  # whether answers are checked in exact and ball arithmetic, too
    repeats: bool = True  # whether warm starts and batches are compared with single solves
    seed: int = 0  # of what the relations draw


@dataclass(frozen=True, kw_only=True)
class Contradiction:
    """A claim that does not hold: which kind, who made it, of which problem, what contradicts it, and a line on it.

    `place` is ``"as given"``, or the relation whose variant it was made of.
    """

    claim: str
    ask: Ask
    place: str
    problem: Problem = field(repr=False, compare=False)
    by: str
    detail: str

    @property
    def kind(self) -> tuple[str, str]:
        """What makes two contradictions alike: the claim and the method."""
        return self.claim, self.ask.method


@dataclass
class Attempt:
    """What came of one problem."""

    contradictions: list[Contradiction] = field(default_factory=list)
    gaps: list[tuple[str, float]] = field(default_factory=list)


@dataclass
class _Claimed:
    """One problem of an attempt: what was claimed of it, and the witnesses."""

    problem: Problem
    place: str
    claims: list[tuple[Ask, Solution]] = field(default_factory=list)
    witnesses: list[Solution] = field(default_factory=list)

    def contradict(self, claim: str, ask: Ask, by: str, detail: str) -> Contradiction:
        """Return the contradiction of a claim that was made of this problem."""
        return Contradiction(claim=claim, ask=ask, place=self.place, problem=self.problem, by=by, detail=detail)

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
        asks.append(Ask(method=solvers.POLICIES[int(rng.integers(len(solvers.POLICIES)))], seed=int(rng.integers(3))))
    names = list(RELATIONS)
    chosen = rng.choice(len(names), 3, replace=False)
    relations = tuple((names[int(i)], int(rng.random() < (0.5 if n <= 80 else 0.2))) for i in chosen)
    balls, repeats = (bool(draw < 0.3) for draw in rng.random(2))
    return Plan(asks=tuple(asks), relations=relations, balls=balls, repeats=repeats, seed=int(rng.integers(2**31)))


def try_problem(problem: Problem, plan: Plan, solve: Solve) -> Attempt:
    """Try one problem: ask the solver, which is called as `fedss_opt.solve` is, look for witnesses, and compare."""
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore", RuntimeWarning)
        return _try_problem(problem, plan, solve)


def _try_problem(problem: Problem, plan: Plan, solve: Solve) -> Attempt:
    attempt = Attempt()
    given = _Claimed(problem=problem, place="as given")
    for ask in plan.asks:
        solution = _answer(attempt, given, ask, solve, plan.balls)
        if solution is not None and ask.method in _CERTIFIED and ask.unlimited and solution.has_answer:
            attempt.gaps.append((ask.method, solution.gap))
    answered = dict(given.claims)
    if plan.references and problem.n_clients <= _MOST_FOR_ENUMERATION:
        best = min((seen.objective_s for seen in given.witnesses), default=math.inf)
        found = enumerated(problem, below=best * (1.0 - AGREEMENT))
        if found is not None:
            given.admit("enumeration", *found)
    all_claimed = [given]
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
        claimed = _Claimed(problem=variant.problem, place=name)
        solution = _answer(attempt, claimed, ask, solve, False)
        if solution is not None and solution.has_answer:
            given.admit(f"the answer under: {name}", *variant.back(solution.selected, solution.bandwidth_hz))
        all_claimed.append(claimed)
        translations.append((claimed, variant))
    if plan.references and _MOST_FOR_ENUMERATION < problem.n_clients <= _MOST_FOR_HIGHS:
        certified = [solution for ask, solution in given.claims if ask.method in _CERTIFIED]
        boldest = max(certified, key=lambda s: 0.0 if math.isnan(s.lower_bound_s) else s.lower_bound_s, default=None)
        found = None if boldest is None else refuted_by_highs(problem, boldest)
        if found is not None:
            given.admit("HiGHS", *found)
    for claimed, variant in translations:
        for seen in given.witnesses:
            claimed.admit(f"as given: {seen.method}", *variant.forward(seen.selected, seen.bandwidth_hz))
    for claimed in all_claimed:
        attempt.contradictions += _contradictions(claimed)
    if plan.references and problem.n_clients <= _MOST_FOR_ENUMERATION:
        attempt.contradictions += _given_up(given)
        attempt.contradictions += _wrongly_excluded(given)
    if plan.repeats:
        for ask, solution in given.claims:
            attempt.contradictions += _not_repeated(given, ask, solution, solve)
    return attempt


def _answer(attempt: Attempt, claimed: _Claimed, ask: Ask, solve: Solve, balls: bool) -> Solution | None:
    """Ask, check the answer claim by claim, and admit it as a witness."""

    def contradict(claim: str, by: str, detail: str) -> None:
        attempt.contradictions.append(claimed.contradict(claim, ask, by, detail))

    problem = claimed.problem
    try:
        solution = solve(problem, ask.method, **ask.options)
    except (MissingDependencyError, SolverError):
        return None
    except Exception as error:  # whatever it is, it was not to be raised
        contradict(f"raises {type(error).__name__}", "an exception", str(error).split("\n")[0])
        return None
    if solution.stop_reason is StopReason.INTERRUPTED:  # a solve takes Ctrl-C for a wish to end it alone
        raise KeyboardInterrupt
    claimed.claims.append((ask, solution))
    tolerance = max(ask.tolerance, _PRECISION) if ask.method == "exact" else ask.tolerance
    try:
        small = problem.n_clients <= _MOST_FOR_ENUMERATION
        report = check(problem, solution, gap_tol=tolerance, time_limit_s=_SECONDS_OF_PROOF if small else 0.1)
        for wrong in report.failed:
            contradict(f"check: {_kind_of(wrong.name)}", "fedss_opt.check", f"{wrong.name}: {wrong.detail}")
        undecided = report.undecided if small else ()
        if undecided and _hangs_on_an_allowance(problem, solution):
            undecided = ()
        for open_ in undecided:
            contradict(f"check: {open_.name} not proved", "fedss_opt.check", f"{open_.name}: {open_.detail}")
        if balls and problem.n_clients <= _MOST_FOR_BALLS:
            for false in verify_solution(problem, _without_search(solution), gap_tol=tolerance).failed:
                contradict(f"balls: {_kind_of(false.name)}", "ball arithmetic", f"{false.name}: {false.detail}")
    except Exception as error:
        contradict(f"checking raises {type(error).__name__}", "an exception", str(error).split("\n")[0])
    if solution.has_answer:
        claimed.admit(str(ask), solution.selected, solution.bandwidth_hz)
    return solution


def _hangs_on_an_allowance(problem: Problem, solution: Solution) -> bool:
    """Tell whether limits that are longer by what checkers allow admit a better answer: no proof can then tell."""
    if not np.isfinite(problem.max_upload_s).any():
        return False
    longer = problem.replace(max_upload_s=problem.max_upload_s * (1.0 + 2.0 * _ALLOWANCE))
    return solvers.solve(longer, "exact", time_limit_s=_SECONDS_OF_PROOF).objective_s < solution.lower_bound_s


def _without_search(solution: Solution) -> Solution:
    """Leave out a bound by search: `check` has proved it again, and the witnesses are there to contradict it."""
    if solution.certificate is None or solution.certificate.kind is not CertificateKind.SEARCH:
        return solution
    status = Status.FEASIBLE if solution.has_answer else Status.UNKNOWN
    return replace(solution, status=status, lower_bound_s=math.nan, certificate=None)


def _kind_of(name: str) -> str:
    """Name a claim without the task that it is about."""
    return "coverage" if name.startswith("coverage of ") else name


def _contradictions(claimed: _Claimed) -> Iterator[Contradiction]:
    """Yield the claims that a witness contradicts: bounds above its value, and infeasibility."""
    trusted: dict[int, bool] = {}
    for ask, solution in claimed.claims:
        infeasible = solution.status is Status.INFEASIBLE
        bound = math.inf if infeasible else solution.lower_bound_s
        if math.isnan(bound):
            continue
        against = [w for w in claimed.witnesses if bound > w.objective_s * (1.0 + AGREEMENT)]
        told = "no answer" if infeasible else f"a bound of {bound!r} s"
        for seen in sorted(against, key=lambda w: w.objective_s):
            if id(seen) not in trusted:
                trusted[id(seen)] = keeps_everything(claimed.problem, seen)
            if not trusted[id(seen)]:
                continue
            detail = f"claims {told}, but {seen.objective_s!r} s is feasible"
            yield claimed.contradict("infeasible" if infeasible else "bound", ask, seen.method, detail)
            break


def _wrongly_excluded(claimed: _Claimed) -> Iterator[Contradiction]:
    """Yield the claims of infeasibility that enumeration in exact and ball arithmetic refutes."""
    claims = [(ask, solution) for ask, solution in claimed.claims if solution.status is Status.INFEASIBLE]
    if claims and certainly_feasible(claimed.problem):
        for ask, _ in claims:
            detail = "claims no answer, but some selection covers and its least bandwidths fit in exact arithmetic"
            yield claimed.contradict("infeasible", ask, "exact arithmetic", detail)


def _given_up(claimed: _Claimed) -> Iterator[Contradiction]:
    """Yield what a method that proves everything left open, and answers not found where there is room for one."""
    for ask, solution in claimed.claims:
        if ask.method not in _CERTIFIED or not ask.unlimited:
            continue
        detail = f"{solution.status} ({solution.stop_reason}), gap {solution.gap:.3g}"
        if solution.status is Status.UNKNOWN:
            if _best(claimed.problem, -AGREEMENT) < math.inf:
                yield claimed.contradict("finds nothing", ask, "enumeration", f"{detail}; enumeration finds an answer")
            elif ask.method == "exact" and not _best(claimed.problem, AGREEMENT) < math.inf:
                told = f"{detail}; enumeration finds none"
                yield claimed.contradict("infeasibility not proven", ask, "enumeration", told)
        elif solution.has_answer and ask.method == "exact" and solution.gap > max(ask.tolerance, _PRECISION):
            # Where the last digits of a limit decide who fits, floats cannot tell, and `exact` says that it is stuck.
            least, most = _best(claimed.problem, AGREEMENT), _best(claimed.problem, -AGREEMENT)
            if most <= least * (1.0 + _EDGE):
                yield claimed.contradict("optimum not proven", ask, "enumeration", detail)
        elif solution.has_answer and solution.lower_bound_s == 0.0 and solution.objective_s > 0.0:
            yield claimed.contradict("no bound", ask, "enumeration", detail)


def _best(problem: Problem, room: float) -> float:
    """Return the enumerated optimum where carrier and longest uploads are larger by the fraction `room`; inf for none.

    Beyond its reach, what contradicts nobody: none with less room, the best with more.
    """
    larger: dict[str, Any] = {"max_upload_s": problem.max_upload_s * (1.0 + room)}
    if problem.resource_block_hz is None:
        larger["bandwidth_hz"] = problem.bandwidth_hz * (1.0 + room)
    try:
        return float(brute_force(problem.replace(**larger)).value)
    except (ArithmeticError, ValueError):
        return 0.0 if room > 0.0 else math.inf


def _not_repeated(claimed: _Claimed, ask: Ask, solution: Solution, solve: Solve) -> Iterator[Contradiction]:
    """Yield what a batch says otherwise, and what a start from the own answer loses."""
    if not ask.unlimited:
        return

    def contradict(claim: str, other: Solution) -> Contradiction:
        figures = [f"[{s.lower_bound_s!r}, {s.objective_s!r}] {s.status}" for s in (solution, other)]
        return claimed.contradict(claim, ask, "itself", f"{figures[0]}, then {figures[1]}")

    try:
        if solution.has_answer and ask.method in _CERTIFIED:
            warm = solve(claimed.problem, ask.method, warm_start=solution, **ask.options)
            lost = max(ask.tolerance, 1e-6)
            worse = not warm.objective_s <= solution.objective_s * (1.0 + AGREEMENT)
            if worse or warm.lower_bound_s < solution.lower_bound_s * (1.0 - lost):
                yield contradict("warm start from its own answer is worse", warm)
        single = solve_batch([claimed.problem], ask.method, **ask.options)[0]
    except Exception as error:
        claim, told = f"repeating raises {type(error).__name__}", str(error).split("\n")[0]
        yield claimed.contradict(claim, ask, "an exception", told)
        return
    same = single.status is solution.status and np.array_equal(single.selected, solution.selected)
    if not (same and _alike(single.objective_s, solution.objective_s)):
        yield contradict("a batch answers otherwise", single)
    elif not _alike(single.lower_bound_s, solution.lower_bound_s):
        yield contradict("a batch bounds otherwise", single)


def _alike(one: float, other: float) -> bool:
    return one == other or (math.isnan(one) and math.isnan(other)) or abs(one - other) <= AGREEMENT * abs(other)
