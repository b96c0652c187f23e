"""A whole run: every group of claims in turn, one record per claim."""

from __future__ import annotations

import platform
import time
from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field, replace
from importlib import import_module, metadata

from ..exceptions import MissingDependencyError
from .balls import flint
from .check_claims import CheckClaims
from .claim_record import ClaimRecord, Progress, try_cases
from .closed_form_sweeps import Forms, Sweep, sweep_all
from .convex_blocks import convex_blocks
from .corruption_claims import CorruptionRecord, try_corruptions
from .cross_check import LONG, CrossCheck, SolverSchedule
from .fault_run import FAULTS, FaultRecord, try_faults
from .frozen_families import EXPECTED, FAMILIES, Instance, family_hash, family_size, instances
from .policy_claims import PolicyClaims
from .round_claims import round_claims
from .sharing_claims import sharing_claims
from .solver_claims import MOST_ENUMERATED, SolverClaims

__all__ = ["FULL", "QUICK", "RunSize", "VerificationRun", "environment", "run_verification"]


@dataclass(frozen=True)
class RunSize:
    """How much is tried."""

    name: str  # quick or full
    points: int  # a region of each closed form
    draws: int  # random sub-problems of each kind
    members: int  # instances a family
    corrupted: int  # answers a family that are corrupted in every way
    schedule: SolverSchedule
    started: int = 1  # instances a family on which solvers begin from poor starts
    checked: int = 1  # instances a family on which `fedss_opt.check` is tried
    ordered: int = 1  # instances a family of which the policies are asked
    rounds: int = 6  # that are planned, and random payloads that are sent
    faults: bool = False  # whether deliberate faults are made in copies of the package


QUICK = RunSize("quick", points=200, draws=20, members=16, corrupted=6, schedule=SolverSchedule(highs_every=4))
QUICK = replace(QUICK, started=3, ordered=2)
FULL = RunSize("full", points=5000, draws=200, members=128, corrupted=128, schedule=SolverSchedule(highs_every=2))
FULL = replace(FULL, started=24, checked=8, ordered=8, rounds=60, faults=True)

# How often a claim has to be tried, as a share of the instances (rounds, draws) that there are for it: rarely more than
# half of what was counted when this was written. A claim that is tried less often does not hold, it is undecided.
_LEAST_TRIED = {
    "no lower bound is above a feasible answer": 2.0,
    "infeasible means that nobody finds an answer": 0.05,
    "where a reference finds an answer, with 1e-9 of the carrier to spare, so does every method": 0.8,
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


@dataclass
class VerificationRun:
    """Everything that a report shows; `claims` in the order of their groups."""

    size: RunSize
    claims: list[ClaimRecord] = field(default_factory=list)
    sweeps: list[Sweep] = field(default_factory=list)
    corruptions: dict[str, CorruptionRecord] = field(default_factory=dict)
    hashes: dict[str, str] = field(default_factory=dict)
    faults: list[FaultRecord] = field(default_factory=list)
    cross_check: CrossCheck | None = None
    seconds: float = 0.0

    @property
    def ok(self) -> bool:
        """Whether no claim is violated, and none is left undecided."""
        return not any(claim.result in ("violated", "undecided") for claim in self.claims)

    @property
    def instances(self) -> int:
        """Number of the instances of all families."""
        return sum(family_size(family, self.size.members) for family in self.hashes)

    def counts(self) -> str:
        """Say how many claims hold, and how many do not: violated, undecided, skipped."""
        seen = Counter(claim.result for claim in self.claims)
        others = ", ".join(f"{seen[result]} {result}" for result in ("violated", "undecided", "skipped"))
        return f"{seen['holds']} of {len(self.claims)} claims hold; {others}"

    def add(self, group: str, claim: ClaimRecord, *, least: float = 0.0) -> None:
        """Add a claim that has to be tried at least so often."""
        claim.group = group
        claim.ask_for(least)
        self.claims.append(claim)

    def add_compared(
        self, group: str, claims: Iterable[ClaimRecord], units: int, *, missing: Collection[str] = ()
    ) -> None:
        """Add claims on so many instances; those that name a missing solver are skipped for want of it."""
        for claim in claims:
            least = _LEAST_TRIED.get(claim.name, _LEAST_ELSE) * units
            claim.figure = f"worst miss {claim.worst:.1e}"
            self.add(group, claim, least=0.0 if any(name in claim.name for name in missing) else least)


def environment() -> dict[str, str]:
    """Return what a run depends on besides its seeds: versions and the processor."""
    versions = {"python": platform.python_version(), "platform": platform.platform(), "machine": platform.machine()}
    for name in ("fedss-opt", "numpy", "scipy", "numba", "python-flint", "cvxpy", "clarabel", "pyscipopt"):
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            versions[name] = "not installed"
    return versions


def run_verification(size: RunSize, *, progress: Progress | None = None, forms: Forms | None = None) -> VerificationRun:
    """Put every claim to the test, by default with the package's own closed forms.

    `MissingDependencyError` is raised without python-flint; other solvers that are not installed are skipped.
    """
    flint()
    started = time.perf_counter()
    run, tell = VerificationRun(size=size), progress or (lambda what, done, total: None)
    add_closed_forms(run, tell, forms)
    _add_blocks(run, tell, forms)
    for part in (_add_hashes, _add_answers, _add_corrupted, _add_case_claims, _add_loops):
        part(run, tell)
    if size.faults:
        add_faults(run, tell)
    run.seconds = time.perf_counter() - started
    return run


def add_closed_forms(run: VerificationRun, tell: Progress, forms: Forms | None) -> None:
    """Measure the closed forms."""
    regions = 30
    for done, sweep in enumerate(sweep_all(run.size.points, forms=forms)):
        run.sweeps.append(sweep)
        run.add("closed forms", sweep.claim())
        tell("closed forms", min(done + 1, regions), regions)


def _add_blocks(run: VerificationRun, tell: Progress, forms: Forms | None) -> None:
    tell("sub-problems", 0, 1)
    try:
        for claim in convex_blocks(run.size.draws, forms=forms):
            claim.figure = f"max {claim.worst:.1e}"
            run.add("sub-problems", claim)
    except MissingDependencyError as error:
        run.add("sub-problems", ClaimRecord("as CVXPY", skipped=str(error)))
    tell("sub-problems", 1, 1)


def _add_hashes(run: VerificationRun, tell: Progress) -> None:
    claim = ClaimRecord("the families are the frozen ones", tried=len(FAMILIES), figure="SHA-256")
    for done, family in enumerate(FAMILIES):
        digest = run.hashes[family] = family_hash(family, run.size.members)
        expected = EXPECTED[family].get(run.size.members, "")
        if not digest.startswith(expected):
            claim.violated.append(f"{family}: {digest}, expected {expected}...")
        tell("instances", done + 1, len(FAMILIES))
    run.add("instances", claim)


def _add_answers(run: VerificationRun, tell: Progress) -> None:
    run.cross_check = check = CrossCheck(run.size.schedule)
    cases = [case for family in FAMILIES for case in instances(family, run.size.members)]
    for number, case in enumerate(cases):
        tell("answers", number, len(cases))
        check.try_instance(case, number)
    for claim in check.method_claims():
        name = claim.name.partition(":")[0]
        if name in import_module("fedss_opt.solvers").METHODS:
            run.add("answers", claim, least=0.0 if name == "cvxpy" else len(cases))
    run.add_compared("cross-check", check.claims.values(), len(cases), missing=check.missing)


def _add_corrupted(run: VerificationRun, tell: Progress) -> None:
    assert run.cross_check is not None
    chosen = {f"{family}/{i}" for family in FAMILIES if family not in LONG for i in range(run.size.corrupted)}
    answers = [answer for answer in run.cross_check.answers if answer[0] in chosen]
    run.corruptions = try_corruptions([])
    for done, answer in enumerate(answers):
        try_corruptions([answer], records=run.corruptions)
        tell("corruptions", done + 1, len(answers))
    for claim in run.corruptions.values():
        claim.figure = f"{claim.caught} caught"
        run.add("corruptions", claim, least=_LEAST_CORRUPTED * len(answers))


def _first(run: VerificationRun, count: int, *, without: Collection[str] = ()) -> list[Instance]:
    """Return the first members of every family."""
    count = min(count, run.size.members)
    return [case for family in FAMILIES if family not in without for case in instances(family, count)]


def _add_case_claims(run: VerificationRun, tell: Progress) -> None:
    started = [case for case in _first(run, run.size.started) if case.problem.n_clients <= MOST_ENUMERATED]
    checked = _first(run, run.size.checked)
    ordered = _first(run, run.size.ordered, without=("larger", "larger-optima"))
    run.add_compared("solvers", try_cases(SolverClaims(), started, "poor starts", tell), len(started))
    families = sum(case.number == 0 for case in checked)
    run.add_compared("checks", try_cases(CheckClaims(), checked, "checks", tell), families)
    run.add_compared("policies", try_cases(PolicyClaims(), ordered, "policies", tell), len(ordered))


def _add_loops(run: VerificationRun, tell: Progress) -> None:
    tell("rounds", 0, 2)
    run.add_compared("rounds", round_claims(run.size.rounds).values(), run.size.rounds)
    tell("sharing", 1, 2)
    run.add_compared("sharing", sharing_claims(run.size.rounds).values(), run.size.rounds)


def add_faults(run: VerificationRun, tell: Progress) -> None:
    """Make faults in copies of the package, and tell which are noticed."""
    tell("faults", 0, len(FAULTS))
    for done, record in enumerate(try_faults()):
        run.faults.append(record)
        run.add("faults", record)
        tell("faults", done + 1, len(FAULTS))
