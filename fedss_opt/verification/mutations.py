"""The mutation court: every honest answer is corrupted in every way, and the checker must not let any pass."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import partial
from inspect import signature
from typing import TypeVar

from ..problem import Problem
from ..solution import Solution
from .certificates import verify_solution
from .corrupted_allocations import ALLOCATIONS
from .corrupted_claims import CLAIMS, STALE
from .verdicts import Report

__all__ = ["COARSE_MUTATIONS", "COARSE_STALE", "MUTATIONS", "STALE", "MutationRecord", "try_mutations"]

T = TypeVar("T")

Judge = Callable[[Problem, Solution], Report]

MUTATIONS = ALLOCATIONS | CLAIMS
"""The corruptions of an answer. Those of `STALE` change the problem under it instead."""


# `fedss_opt.check` allows 1e-9 to figures from anywhere: it is held against a thousand times as much.
_COARSE = 1e-6


def _coarse(corruptions: dict[str, Callable[..., T]]) -> dict[str, Callable[..., T]]:
    return {
        name.replace("1e-9", "1e-6"): partial(change, nudge=_COARSE)
        if "nudge" in signature(change).parameters
        else change
        for name, change in corruptions.items()
    }


COARSE_MUTATIONS, COARSE_STALE = _coarse(MUTATIONS), _coarse(STALE)
"""The same corruptions, none of them as small as what `fedss_opt.check` allows."""


@dataclass
class MutationRecord:
    """How often one corruption was tried and caught, and by which claims.

    Attributes
    ----------
    name : str
        The corruption.
    tried, caught : int
        Answers it was tried on, and how many of them were not believed.
    by : Counter
        Names of the claims that did not hold.
    escaped : list of str
        Instances on which it passed.
    """

    name: str
    tried: int = 0
    caught: int = 0
    by: Counter[str] = field(default_factory=Counter)
    escaped: list[str] = field(default_factory=list)


def try_mutations(
    answers: Iterable[tuple[str, Problem, Solution]], *, judge: Judge = verify_solution
) -> list[MutationRecord]:
    """Corrupt every answer in every way that makes it false, and record what the judge makes of it.

    Parameters
    ----------
    answers : iterable of (name, Problem, Solution)
        Honest answers.
    judge : callable
        The checker on trial.

    Returns
    -------
    list of MutationRecord
        One per corruption, in the order of `MUTATIONS`, then of `STALE`.
    """
    records = {name: MutationRecord(name) for name in (*MUTATIONS, *STALE)}
    for label, problem, solution in answers:
        for name, mutate in MUTATIONS.items():
            corrupted = mutate(problem, solution)
            if corrupted is not None:
                _record(records[name], label, judge(problem, corrupted))
        for name, change in STALE.items():
            changed = change(problem, solution)
            if changed is not None:
                _record(records[name], label, judge(changed, solution))
    return list(records.values())


def _record(record: MutationRecord, label: str, report: Report) -> None:
    record.tried += 1
    if report.ok:
        record.escaped.append(label)
        return
    record.caught += 1
    record.by.update(claim.name.split(" of ")[0] for claim in (*report.failed, *report.undecided))
