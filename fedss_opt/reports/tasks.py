"""What each task needs, receives and could receive, as a page shows it."""

from __future__ import annotations

import math
from dataclasses import dataclass

from ..problem import Problem
from ..quantities import format_share, offered
from ..solution import Solution
from .page_parts import displayable

__all__ = ["TaskRow", "tasks_of"]


@dataclass(frozen=True, kw_only=True)
class TaskRow:
    """What a task needs, receives, and could receive; as text, but for the shares.

    It could receive what all clients that can be selected offer. The share is received (or, without an answer, offered)
    over needed, inf where nothing is; `served`: whether that suffices.
    """

    name: str
    needs: str
    receives: str
    offered: str
    ratio: str
    clients: int
    share: float
    served: bool


def tasks_of(problem: Problem, solution: Solution) -> list[TaskRow]:
    """Return a row a task: its coverage against its requirement."""
    received = problem.coverage(solution.selected)
    offer = offered(problem.relevance, problem.selectable)
    serving = (problem.relevance[:, solution.selected] > 0.0).sum(axis=1)
    covered = problem.covers(solution.selected if solution.has_answer else problem.selectable)
    decimals = max(0, 3 - len(str(int(problem.required.max(initial=1.0)))))
    rows = []
    for k in range(problem.n_tasks):
        need = float(problem.required[k])
        counts = float(received[k]) if solution.has_answer else offer[k]
        share = counts / need if need > 0.0 else math.inf
        rows.append(
            TaskRow(
                name=displayable(problem.task_name(k)),
                needs=_amount(need, decimals),
                receives=_amount(float(received[k]), decimals),
                offered=_amount(offer[k], decimals),
                ratio=_ratio(share, served=bool(covered[k])),
                clients=int(serving[k]),
                share=share,
                served=bool(covered[k]),
            )
        )
    return rows


def _amount(value: float, decimals: int) -> str:
    """Return an amount of relevance; what is far from the largest need keeps digits of its own."""
    if value and not 10.0 ** (1 - decimals) <= value < 1e9:
        return f"{value:.3g}"
    return f"{value:,.{decimals}f}" if value else "0"


def _ratio(share: float, *, served: bool) -> str:
    if not math.isfinite(share):
        return "no need"
    if share >= 10.0:
        return f"{share:,.0f} times" if share < 1e6 else "over a million times"
    percent = format_share(share, 1)
    return percent if served or percent != format_share(1.0, 1) else "just under 100 %"
