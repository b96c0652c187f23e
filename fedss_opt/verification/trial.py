"""The whole trial: every part of the court in turn, one row per claim."""

from __future__ import annotations

import math
import platform
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from importlib import import_module, metadata
from itertools import chain
from typing import Any

from ..exceptions import MissingDependencyError
from .balls import flint
from .closed_forms import sweep_all
from .cross_check import Court, Schedule, cross_check
from .instances import EXPECTED, FAMILIES, family_hash, instances
from .measurements import Subject, Sweep
from .mutations import MutationRecord, try_mutations
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
    """

    name: str
    points: int
    draws: int
    members: int
    mutated: int
    schedule: Schedule


QUICK = Size(name="quick", points=200, draws=20, members=16, mutated=8, schedule=Schedule())
FULL = Size(name="full", points=5000, draws=200, members=128, mutated=128, schedule=Schedule())


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
        ``holds``, ``violated``, ``undecided`` or ``skipped``.
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
    court: Court | None = None
    seconds: float = 0.0

    @property
    def ok(self) -> bool:
        """Whether no claim is violated."""
        return not any(row.verdict == "violated" for row in self.rows)


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
    parts = (_closed_forms(trial, subject), _blocks(trial, subject), _hashes(trial), _answers(trial), _mutate(trial))
    for part in parts:
        for what, done, total in part:
            tell(what, done, total)
    trial.seconds = time.perf_counter() - started
    return trial


Steps = Iterator[tuple[str, int, int]]


def _row(group: str, claim: str, tried: int, wrong: Any, figure: str = "", undecided: Any = ()) -> Row:
    verdict = "violated" if wrong else "undecided" if undecided else "holds"
    if not tried and not wrong:
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
    members, total = trial.size.members, trial.size.members * len(FAMILIES)
    cases = chain.from_iterable(instances(family, members) for family in FAMILIES)
    trial.court = court = Court(trial.size.schedule)
    yield "answers", 0, total
    for number, _ in cross_check(cases, trial.size.schedule, court=court):
        yield "answers", number + 1, total
    for record in court.methods.values():
        if record.name not in _package_methods():
            continue
        figure = f"{record.proven} proven, {record.exact} without any allowance"
        claim = f"{record.name}: every claim of every answer"
        trial.rows.append(_row("answers", claim, record.runs, record.wrong, figure, record.undecided))
        trial.rows.append(_row("answers", f"{record.name}: ends without an error", record.runs, record.failed))
    for comparison in court.comparisons.values():
        figure = f"worst miss {comparison.worst:.1e}"
        trial.rows.append(_row("cross-check", comparison.name, comparison.tried, comparison.violated, figure))


def _package_methods() -> set[str]:
    return set(import_module("fedss_opt.solvers").METHODS)


def _mutate(trial: Trial) -> Steps:
    assert trial.court is not None
    members, mutated = trial.size.members, trial.size.mutated
    answers = [answer for i, answer in enumerate(trial.court.answers) if i % members < mutated]
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
        trial.rows.append(_row("mutations", f"caught: {record.name}", record.tried, record.escaped, figure))
