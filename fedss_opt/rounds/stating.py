"""From the reports to a round's problem: who can take part, and why the others cannot."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..fields import SMALLEST
from ..problem import Problem
from ..quantities import Requirement, offered
from .client_reports import LINK_NAMES, MEASURES, ClientId, ClientReport, in_order
from .plan import LeftOut
from .settings import RoundSettings

__all__ = ["Stated", "state_round"]

_MOST_NAMED = 3  # clients that a message names one by one


@dataclass(frozen=True, eq=False, kw_only=True)
class Stated:
    """A round's problem, of those who can upload alone: `ids` are its clients in its order.

    Everybody else is left out for a reason; `message` says what is missing from whom.
    """

    ids: tuple[ClientId, ...]
    problem: Problem
    left_out: dict[ClientId, LeftOut]
    message: str


def state_round(
    settings: RoundSettings,
    reports: Mapping[ClientId, ClientReport],
    round_: int,
    candidates: Collection[ClientId] | None,
) -> Stated:
    """State the problem of a round; without `candidates` everybody who has reported may take part."""
    left_out: dict[ClientId, LeftOut] = {}
    lacks: list[str] = []
    present: list[ClientId] = []
    named_tasks = bool(settings.tasks) and not settings.implicit
    known = reports.keys() if candidates is None else reports.keys() | set(candidates)
    for name in sorted(known, key=in_order):
        found = reports.get(name)
        if candidates is not None and name not in candidates:
            left_out[name] = LeftOut.NOT_A_CANDIDATE
        elif found is None:
            left_out[name] = LeftOut.NO_REPORT
        elif missing := found.missing(tasks=named_tasks):
            left_out[name] = LeftOut.INCOMPLETE
            lacks.append(f"client {name!r} has not reported {', '.join(missing)}")
        elif settings.max_age is not None and found.round is not None and round_ - found.round > settings.max_age:
            left_out[name] = LeftOut.STALE
        else:
            present.append(name)
    problem = _problem(settings, present, [reports[name] for name in present])
    if not (able := problem.selectable).all():
        left_out |= {name: LeftOut.UNABLE for name, can in zip(present, able.tolist(), strict=True) if not can}
        present = [name for name, can in zip(present, able.tolist(), strict=True) if can]
        problem = _problem(settings, present, [reports[name] for name in present])
    return Stated(ids=tuple(present), problem=problem, left_out=left_out, message=_shortened(lacks))


def _problem(settings: RoundSettings, names: list[ClientId], reports: list[ClientReport]) -> Problem:
    data: dict[str, Any] = {}
    link = reports[0].link if reports else LINK_NAMES[0]
    for name, rule in MEASURES.items():
        if not rule.model or name == link:
            data[rule.name] = np.array(
                [report.measures.get(name, rule.default) for report in reports],
                dtype=np.bool_ if rule.type == "boolean" else np.float64,
            )
    tasks = settings.tasks
    usual = 1.0 if settings.implicit else 0.0
    relevance = np.array([[(report.tasks or {}).get(task, usual) for report in reports] for task in tasks])
    relevance = relevance.reshape(len(tasks), len(reports))
    offers = offered(relevance, np.ones(len(reports), dtype=np.bool_))
    return Problem(
        bandwidth_hz=settings.bandwidth_hz,
        resource_block_hz=settings.resource_block_hz,
        objective=settings.objective,
        relevance=relevance,
        required=np.array([_amount(need, offer) for (_, need), offer in zip(settings.needs, offers, strict=True)]),
        client_ids=_strings(names),
        task_ids=tasks,
        **data,
    )


def _amount(need: Requirement, offer: float) -> float:
    amount = need.amount if need.absolute else need.amount * offer
    # Contributions are at least 1e-20: whoever contributes at all covers the least requirement that a problem accepts.
    return max(amount, SMALLEST) if amount > 0.0 else 0.0


def _strings(names: list[ClientId]) -> list[str]:
    """Return names for a problem; where 7 and "7" are both there, the string keeps its quotation marks."""
    plain = [str(name) for name in names]
    return plain if len(set(plain)) == len(plain) else [repr(name) for name in names]


def _shortened(lines: list[str]) -> str:
    more = f"; {len(lines) - _MOST_NAMED} more clients with incomplete reports" if len(lines) > _MOST_NAMED else ""
    return "; ".join(lines[:_MOST_NAMED]) + more
