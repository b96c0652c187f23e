"""The whole trial: every part of the court in turn, one row per claim."""

from __future__ import annotations

import math
import platform
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, field
from importlib import import_module, metadata
from itertools import chain
from typing import Any

from ..exceptions import MissingDependencyError
from .balls import flint
from .check_claims import CheckClaims
from .closed_forms import sweep_all
from .cross_check import LONG, Court, Schedule, cross_check
from .fault_list import FAULTS, FaultRecord, try_faults
from .instances import EXPECTED, FAMILIES, Instance, family_hash, family_size, instances
from .measurements import Subject, Sweep
from .mutations import MutationRecord, try_mutations
from .policy_claims import PolicyClaims
from .records import Comparison
from .round_claims import round_claims
from .sharing_claims import sharing_claims
from .solver_claims import MOST_ENUMERATED, SolverClaims
from .subproblems import SubproblemRecord, subproblems

__all__ = ["FULL", "QUICK", "Row", "Size", "Trial", "environment", "run_trial"]


@dataclass(frozen=True, kw_only=True)
class Size:
    """How much is tried.

    Attributes
    ----------
    name : str
        ``quick`` or ``full``.
    points : int
        Points a region of each closed form.
    draws : int
        Random sub-problems of each kind.
    members : int
        Instances a family.
    mutated : int
        Answers a family that are corrupted in every way.
    schedule : Schedule
        Who is asked how often.
    started, checked, ordered : int
        Instances a family on which solvers begin from poor starts, on which `fedss_opt.check` is tried, and of which
        the policies are asked.
    rounds : int
        Rounds that are planned, and random payloads that are sent.
    faults : bool
        Whether deliberate faults are made in copies of the package.
    """

    name: str
    points: int
    draws: int
    members: int
    mutated: int
    schedule: Schedule
    started: int = 1
    checked: int = 1
    ordered: int = 1
    rounds: int = 6
    faults: bool = False


QUICK = Size(
    name="quick", points=200, draws=20, members=16, mutated=6, schedule=Schedule(highs_every=4), started=3, ordered=2
)
FULL = Size(
    name="full",
    points=5000,
    draws=200,
    members=128,
    mutated=128,
    schedule=Schedule(highs_every=2),
    started=24,
    checked=8,
    ordered=8,
    rounds=60,
    faults=True,
)

# How often a claim has to be tried, as a share of the instances (rounds, draws) that there are for it: rarely more than
# half of what was counted when this was written. A claim that is tried less often does not hold, it is undecided.
_LEAST_TRIED = {
    "no lower bound is above a feasible answer": 2.0,
    "infeasible means that nobody finds an answer": 0.05,
    "where a referee finds an answer, with 1e-9 of the carrier to spare, so does every method": 0.8,
    "exact equals brute force": 0.5,
    "exact equals HiGHS": 0.1,
    "HiGHS equals brute force": 0.1,
    "SCIP agrees with the best known": 0.01,
    "optimal means within the tolerance of the best known": 0.5,
    "rounds: a saved allocator goes on as the first one does": 0.1,
    "fedss_opt.check proves the optima of exact again: nine in ten": 0.5,
    "admm's bounds: the median of a family is not below its floor": 0.02,
    "batches answer as one problem after the other": 1.0,
}
_LEAST_ELSE = 0.2
_LEAST_CORRUPTED = 0.01  # of the answers: some corruptions need a client who is not available, or a missed limit


@dataclass(frozen=True, kw_only=True)
class Row:
    """One claim of the package and what became of it.

    Attributes
    ----------
    group, claim : str
        What is claimed.
    tried : int
        How often it was put to the test.
    verdict : str
        ``holds``; ``violated``; ``undecided``, also where it was tried less often than it has to be; ``skipped``
        for want of a package, and then it does not hold either.
    figure : str
        The worst that was seen, for a person.
    details : tuple of str
        Where it does not hold, or why it was skipped.
    """

    group: str
    claim: str
    tried: int
    verdict: str
    figure: str = ""
    details: tuple[str, ...] = ()


@dataclass
class Trial:
    """Everything that a report shows."""

    size: Size
    rows: list[Row] = field(default_factory=list)
    sweeps: list[Sweep] = field(default_factory=list)
    blocks: list[SubproblemRecord] = field(default_factory=list)
    mutations: list[MutationRecord] = field(default_factory=list)
    hashes: dict[str, str] = field(default_factory=dict)
    faults: list[FaultRecord] = field(default_factory=list)
    court: Court | None = None
    seconds: float = 0.0

    @property
    def ok(self) -> bool:
        """Whether no claim is violated, and none is left undecided."""
        return not any(row.verdict in ("violated", "undecided") for row in self.rows)

    @property
    def instances(self) -> int:
        """Number of the instances of all families."""
        return sum(family_size(family, self.size.members) for family in self.hashes)

    def counts(self) -> str:
        """Say how many claims hold, and how many do not: violated, undecided, skipped."""
        seen = Counter(row.verdict for row in self.rows)
        others = ", ".join(f"{seen[verdict]} {verdict}" for verdict in ("violated", "undecided", "skipped"))
        return f"{seen['holds']} of {len(self.rows)} claims hold; {others}"


Progress = Callable[[str, int, int], None]


def environment() -> dict[str, str]:
    """Return what a run depends on besides its seeds: versions and the processor."""
    versions = {"python": platform.python_version(), "platform": platform.platform(), "machine": platform.machine()}
    for name in ("fedss-opt", "numpy", "scipy", "numba", "python-flint", "cvxpy", "clarabel", "pyscipopt"):
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            versions[name] = "not installed"
    return versions


def run_trial(size: Size, *, progress: Progress | None = None, subject: Subject | None = None) -> Trial:
    """Put every claim to the test.

    Parameters
    ----------
    size : Size
        `QUICK` or `FULL`.
    progress : callable, optional
        Called with (what is being tried, steps done, steps in all).
    subject : Subject, optional
        The closed forms on trial; the package's own by default.

    Returns
    -------
    Trial
        One row per claim, and what the report's tables and figures are made of.

    Raises
    ------
    MissingDependencyError
        Without python-flint. Referees that are not installed are skipped, and said to be.
    """
    flint()
    started = time.perf_counter()
    trial = Trial(size=size)
    tell = progress or (lambda what, done, total: None)
    parts = (
        _closed_forms(trial, subject),
        _blocks(trial, subject),
        _hashes(trial),
        _answers(trial),
        _mutate(trial),
        _solvers(trial),
        _checks(trial),
        _policies(trial),
        _loops(trial),
        _faults(trial),
    )
    for part in parts:
        for what, done, total in part:
            tell(what, done, total)
    trial.seconds = time.perf_counter() - started
    return trial


Steps = Iterator[tuple[str, int, int]]


def _row(
    group: str, claim: str, tried: int, wrong: Any, figure: str = "", undecided: Any = (), *, least: float = 0.0
) -> Row:
    if tried < math.floor(least):
        undecided = (*undecided, f"tried {tried} times; at least {math.floor(least)} are asked for")
    verdict = "violated" if wrong else "undecided" if undecided else "holds"
    if not tried and not wrong and not undecided:
        verdict = "skipped"
    return Row(
        group=group, claim=claim, tried=tried, verdict=verdict, figure=figure, details=tuple(wrong) or tuple(undecided)
    )


def _closed_forms(trial: Trial, subject: Subject | None) -> Steps:
    regions = 30
    for done, sweep in enumerate(sweep_all(trial.size.points, subject=subject)):
        trial.sweeps.append(sweep)
        figure = f"max {sweep.worst:.2f}, mean {sweep.mean:.2f} eps"
        if not math.isnan(sweep.worst_slope):
            figure += f"; slope max {sweep.worst_slope:.1f} eps"
        wrong = []
        if not sweep.holds:
            kept = sum(not p.kept for p in sweep.points)
            wrong = [
                f"limit {sweep.limit} eps, slope {sweep.slope_limit} eps; {sweep.wrong} verdicts wrong, {kept} late"
            ]
        trial.rows.append(_row("closed forms", f"{sweep.form}: {sweep.region}", len(sweep.points), wrong, figure))
        yield "closed forms", min(done + 1, regions), regions


def _blocks(trial: Trial, subject: Subject | None) -> Steps:
    yield "sub-problems", 0, 1
    try:
        for record in subproblems(trial.size.draws, subject=subject):
            trial.blocks.append(record)
            wrong = [] if record.holds else [f"limit {record.limit:g}"]
            figure = f"max {record.worst:.1e}"
            trial.rows.append(_row("sub-problems", f"{record.name} as CVXPY", record.draws, wrong, figure))
    except MissingDependencyError as error:
        trial.rows.append(
            Row(group="sub-problems", claim="as CVXPY", tried=0, verdict="skipped", details=(str(error),))
        )
    yield "sub-problems", 1, 1


def _hashes(trial: Trial) -> Steps:
    wrong = []
    for done, family in enumerate(FAMILIES):
        trial.hashes[family] = family_hash(family, trial.size.members)
        expected = EXPECTED.get((family, trial.size.members))
        if expected is not None and expected != trial.hashes[family]:
            wrong.append(f"{family}: {trial.hashes[family]}, expected {expected}")
        yield "instances", done + 1, len(FAMILIES)
    trial.rows.append(_row("instances", "the families are the frozen ones", len(FAMILIES), wrong, "SHA-256"))


def _answers(trial: Trial) -> Steps:
    members = trial.size.members
    cases = chain.from_iterable(instances(family, members) for family in FAMILIES)
    total = trial.instances
    trial.court = court = Court(trial.size.schedule)
    yield "answers", 0, total
    for number, _ in cross_check(cases, trial.size.schedule, court=court):
        yield "answers", number + 1, total
    for record in court.methods.values():
        if record.name not in _package_methods():
            continue
        figure = f"{record.proven} proven, {record.exact} without any allowance"
        claim = f"{record.name}: every claim of every answer"
        least = 0.0 if record.name == "cvxpy" else total
        trial.rows.append(_row("answers", claim, record.runs, record.wrong, figure, record.undecided, least=least))
        claim = f"{record.name}: ends without an error"
        trial.rows.append(_row("answers", claim, record.runs, record.failed, least=least))
    _compared(trial, "cross-check", court.comparisons.values(), total, missing=court.missing)


def _compared(
    trial: Trial, group: str, claims: Iterable[Comparison], units: int, *, missing: Collection[str] = ()
) -> None:
    """Add a row per claim; those that name a missing referee are skipped for want of it."""
    for claim in claims:
        least = _LEAST_TRIED.get(claim.name, _LEAST_ELSE) * units
        if any(name in claim.name for name in missing):
            least = 0.0
        figure = f"worst miss {claim.worst:.1e}"
        trial.rows.append(_row(group, claim.name, claim.tried, claim.violated, figure, least=least))


def _small(trial: Trial, count: int, *, apart: Collection[str] = ()) -> list[Instance]:
    """Return the first members of every family, those of one number together."""
    count = min(count, trial.size.members)
    return [case for family in FAMILIES if family not in apart for case in instances(family, count)]


def _solvers(trial: Trial) -> Steps:
    claims = SolverClaims()
    cases = [case for case in _small(trial, trial.size.started) if case.problem.n_clients <= MOST_ENUMERATED]
    for done, case in enumerate(cases):
        yield "poor starts", done, len(cases)
        claims.try_instance(case)
    claims.finish()
    _compared(trial, "solvers", claims.claims.values(), len(cases))


def _checks(trial: Trial) -> Steps:
    claims, cases = CheckClaims(), _small(trial, trial.size.checked)
    for done, case in enumerate(cases):
        yield "checks", done, len(cases)
        claims.try_instance(case, command=case.number == 0)
    claims.finish()
    units = sum(case.number == 0 for case in cases)
    _compared(trial, "checks", claims.claims.values(), units)


def _policies(trial: Trial) -> Steps:
    claims, cases = PolicyClaims(), _small(trial, trial.size.ordered, apart=("larger", "larger-optima"))
    for done, case in enumerate(cases):
        yield "policies", done, len(cases)
        claims.try_instance(case)
    claims.finish()
    _compared(trial, "policies", claims.claims.values(), len(cases))


def _loops(trial: Trial) -> Steps:
    yield "rounds", 0, 2
    _compared(trial, "rounds", round_claims(trial.size.rounds).values(), trial.size.rounds)
    yield "sharing", 1, 2
    _compared(trial, "sharing", sharing_claims(trial.size.rounds).values(), trial.size.rounds)


def _faults(trial: Trial) -> Steps:
    if not trial.size.faults:
        return
    yield "faults", 0, len(FAULTS)
    for done, record in enumerate(try_faults()):
        trial.faults.append(record)
        wrong = [] if record.by else [record.error or f"nobody noticed it in {record.fault.change.file}"]
        figure = record.by[0] if record.by else ""
        trial.rows.append(_row("faults", f"noticed: {record.fault.name}", 1, wrong, figure))
        yield "faults", done + 1, len(FAULTS)


def _package_methods() -> set[str]:
    return set(import_module("fedss_opt.solvers").METHODS)


def _mutate(trial: Trial) -> Steps:
    assert trial.court is not None
    mutated = trial.size.mutated
    chosen = {f"{family}/{number}" for family in FAMILIES if family not in LONG for number in range(mutated)}
    answers = [answer for answer in trial.court.answers if answer[0] in chosen]
    seen: dict[str, MutationRecord] = {}
    for done, answer in enumerate(answers):
        for record in try_mutations([answer]):
            whole = seen.setdefault(record.name, MutationRecord(record.name))
            whole.tried += record.tried
            whole.caught += record.caught
            whole.by.update(record.by)
            whole.escaped += record.escaped
        yield "mutations", done + 1, len(answers)
    trial.mutations = list(seen.values())
    for record in trial.mutations:
        figure = f"{record.caught} caught"
        claim, least = f"caught: {record.name}", _LEAST_CORRUPTED * len(answers)
        trial.rows.append(_row("mutations", claim, record.tried, record.escaped, figure, least=least))
