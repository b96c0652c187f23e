"""Corrupted answers: every honest answer is corrupted in every way, and the checker must let none of them pass."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from ..claims import CheckReport
from ..problem import Problem
from ..solution import Solution
from .claim_record import ClaimRecord
from .corrupted_allocations import ALLOCATIONS
from .corrupted_claims import CLAIMS
from .corruption import NUDGE
from .rigorous_check import verify_solution

__all__ = ["CORRUPTIONS", "CorruptionRecord", "corrupted", "try_corruptions"]

CORRUPTIONS = (*ALLOCATIONS, *CLAIMS)


def corrupted(problem: Problem, solution: Solution, nudge: float = NUDGE) -> Iterator[tuple[str, Problem, Solution]]:
    """Yield every corruption that makes a claim of an answer false: its name, the problem, the answer."""
    for corruption in CORRUPTIONS:
        made = corruption(problem, solution, nudge)
        if made is not None:
            yield made


@dataclass
class CorruptionRecord(ClaimRecord):
    """How often one corruption was tried, where it passed (`violated`), and by which claims it was caught."""

    by: Counter[str] = field(default_factory=Counter)

    @property
    def caught(self) -> int:
        """Corrupted answers that were not believed."""
        return self.tried - len(self.violated)


def try_corruptions(
    answers: Iterable[tuple[str, Problem, Solution]],
    *,
    check: Callable[[Problem, Solution], CheckReport] = verify_solution,
    records: dict[str, CorruptionRecord] | None = None,
) -> dict[str, CorruptionRecord]:
    """Corrupt honest answers (name, problem, answer) in every way that makes them false, and record what a check says.

    Returned are the records by the corruptions' names: those given, gone on with, or new ones.
    """
    records = {c.name: CorruptionRecord(f"caught: {c.name}") for c in CORRUPTIONS} if records is None else records
    for label, problem, solution in answers:
        for name, changed, answer in corrupted(problem, solution):
            report, record = check(changed, answer), records[name]
            record.tried += 1
            if report.ok:
                record.violated.append(label)
            else:
                record.by.update(claim.name.split(" of ")[0] for claim in (*report.failed, *report.undecided))
    return records
