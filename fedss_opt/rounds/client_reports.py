"""What a client has reported: checked field by field, and merged with what it reported before."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..exceptions import OptionError, ProblemError
from ..fields import CLIENT_FIELDS, FIELD, Field
from ..problem_fields import refuse_crossed_limits
from ..validation import boolean_vector, bounded_scalar, shape_of
from ..wording import nearest

__all__ = [
    "LEAST_RELEVANCE",
    "LINK_NAMES",
    "MEASURES",
    "ClientId",
    "ClientReport",
    "client_id",
    "in_order",
    "merged",
    "report",
]

ClientId = str | int
"""What the caller calls a client. The string "7" and the integer 7 are two clients."""

# A contribution is 0 or lies between these two, so that sums over a million clients, and any fraction of them that
# means anything, stay within what a `Problem` accepts.
LEAST_RELEVANCE, _MOST_RELEVANCE = 1e-20, 1e20

_ID_LIMIT = 2**128
_CONTRIBUTION = FIELD["relevance"].domain


MEASURES: dict[str, Field] = {rule.column: rule for rule in CLIENT_FIELDS.values() if rule.name != "available"}
"""The numbers and flags of a report, and what a problem accepts in their place."""

LINK_NAMES = tuple(name for name, rule in MEASURES.items() if rule.model)
"""Those that say how good a link is, of which a report gives one."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ClientReport:
    """One client's report, as far as it is known.

    Attributes
    ----------
    round : int or None
        The round it is for; None for the next one that is allocated.
    measures : mapping of str to (float or bool)
        What is known of `MEASURES`.
    tasks : mapping of str to float, or None
        What it contributes to each task, nothing to those not named; None where that is not known.
    """

    round: int | None = None
    measures: Mapping[str, float | bool] = field(default_factory=dict)
    tasks: Mapping[str, float] | None = None

    @property
    def link(self) -> str | None:
        """The measure by which it says how good its link is; None for none yet."""
        return next((name for name in LINK_NAMES if name in self.measures), None)

    def missing(self, *, tasks: bool) -> list[str]:
        """Name what has to be known before the client can be allocated anything."""
        lacks = []
        if "payload_bits" not in self.measures:
            lacks.append("payload_bits")
        if self.link is None:
            lacks.append(" or ".join(LINK_NAMES))
        if tasks and self.tasks is None:
            lacks.append("tasks")
        return lacks


def client_id(value: object) -> ClientId:
    """Accept a string or an integer, NumPy's included."""
    if isinstance(value, str):
        return str(value)
    if not isinstance(value, (int, np.integer)) or isinstance(value, bool):
        raise OptionError(field="client_id", value=value, accepted="must be a string or an integer")
    if abs(int(value)) >= _ID_LIMIT:  # which JSON and error messages could not write down without end
        raise OptionError(
            "an integer of more than 128 bits", field="client_id", accepted="give a smaller one, or a string"
        )
    return int(value)


def in_order(name: ClientId) -> tuple[bool, ClientId]:
    """Sort integers before strings: the order in which clients enter a problem."""
    return isinstance(name, str), name


def report(client: ClientId, tasks: tuple[str, ...], *, round_: int | None, given: Mapping[str, Any]) -> ClientReport:
    """Check what a client reports; None is not reported.

    Raises
    ------
    ProblemError
        Naming the client, the field, the value and what is accepted.
    """
    try:
        measures = {
            name: _measure(name, value) for name, value in given.items() if name != "tasks" and value is not None
        }
        links = [name for name in LINK_NAMES if name in measures]
        if len(links) > 1:
            raise ProblemError("both given", field=", ".join(links), accepted="give one of them")
        told = given.get("tasks")
        contributions = None if told is None else _contributions(told, tasks)
    except ProblemError as error:
        raise error.within(f"client {client!r}") from None
    return ClientReport(round=round_, measures=measures, tasks=contributions)


def _measure(name: str, value: Any) -> float | bool:
    rule = MEASURES[name]
    if rule.type == "number":
        return bounded_scalar(name, value, rule.domain)
    if shape := shape_of(name, value):
        raise ProblemError(f"has shape {shape}", field=name, accepted="give a single value")
    return bool(boolean_vector(name, value, 1)[0])


def _contributions(value: Any, tasks: tuple[str, ...]) -> dict[str, float]:
    if not isinstance(value, Mapping):
        raise ProblemError(field="tasks", value=value, accepted="must be a mapping from task to contribution")
    contributions = {}
    for task, amount in value.items():
        if task not in tasks:
            hint = nearest(str(task), tasks)
            raise ProblemError(
                f"no such task{hint}", field=f"tasks[{task!r:.60}]", accepted="" if hint else _list(tasks)
            )
        number = bounded_scalar(f"tasks[{task!r}]", amount, _CONTRIBUTION)
        if number != 0.0 and not LEAST_RELEVANCE <= number <= _MOST_RELEVANCE:
            raise ProblemError(
                field=f"tasks[{task!r}]",
                value=number,
                accepted=f"must be 0, or {LEAST_RELEVANCE:g} to {_MOST_RELEVANCE:g}",
            )
        contributions[task] = number
    return contributions


def _list(tasks: tuple[str, ...]) -> str:
    return f"the tasks are {', '.join(map(repr, tasks))}"


def merged(client: ClientId, earlier: ClientReport | None, fresh: ClientReport, *, late: bool) -> ClientReport:
    """Put a report over an earlier one; a late one, for an earlier round, only fills in what is missing.

    Raises
    ------
    ProblemError
        When the two together contradict themselves.
    """
    both = fresh
    if earlier is not None:
        below, above = (fresh, earlier) if late else (earlier, fresh)
        kept = {name: known for name, known in below.measures.items() if above.link is None or name not in LINK_NAMES}
        tasks = below.tasks if above.tasks is None else above.tasks
        both = ClientReport(round=above.round, measures={**kept, **above.measures}, tasks=tasks)
    least, most = both.measures.get("min_bandwidth_hz", 0.0), both.measures.get("max_bandwidth_hz", math.inf)
    try:
        refuse_crossed_limits(least, most)
    except ProblemError as error:
        raise error.within(f"client {client!r}") from None
    return both
