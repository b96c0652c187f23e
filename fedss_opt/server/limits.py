"""What a server takes: every number has an upper end, and beyond it a refusal that names it."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, fields
from typing import Any

from ..exceptions import OptionError
from ..fields import FIELDS
from ..processors import usable_cpus
from .problem_details import RefusalKind, RefusedError

__all__ = ["Limits"]


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What a server takes.

    Attributes
    ----------
    max_body_bytes : int
        Longest body of a request.
    max_clients, max_tasks : int
        Largest problem (N, K).
    max_time_s : float
        Seconds that a solve may take; also what it may take where the request does not say. Then it gives the best
        answer so far, with its bound.
    workers : int
        Solves that run at a time; the number of processors by default.
    queue : int
        Requests that may wait besides those that run.
    per_caller : int or None
        Requests that one address may have under way; all of them by default.
    max_connections : int
        Open connections.
    head_s, body_s : float
        Seconds in which the head and the body of a request must have arrived; also how long, `body_s`, an answer
        may wait for a reader who does not read.
    drain_s : float
        Seconds that a stopping server gives to what it has begun.

    Raises
    ------
    OptionError
        For a number outside what it accepts.

    Examples
    --------
    >>> Limits(workers=2, queue=6).in_flight
    8
    """

    max_body_bytes: int = 16 * 2**20
    max_clients: int = 100_000
    max_tasks: int = 64
    max_time_s: float = 10.0
    workers: int = field(default_factory=usable_cpus)
    queue: int = 16
    per_caller: int | None = None
    max_connections: int = 512
    head_s: float = 10.0
    body_s: float = 10.0
    drain_s: float = 30.0

    def __post_init__(self) -> None:
        for entry in fields(self):
            value, least = getattr(self, entry.name), 0 if entry.name == "queue" else 1
            if value is None and entry.name == "per_caller":
                continue
            number = isinstance(value, (int, float)) and not isinstance(value, bool)
            if entry.name.endswith("_s"):
                if not (number and 0.0 < value < math.inf):
                    raise OptionError(field=entry.name, value=value, accepted="must be a finite number of seconds > 0")
            elif not (isinstance(value, int) and number and value >= least):
                raise OptionError(field=entry.name, value=value, accepted=f"must be an integer >= {least}")

    @property
    def in_flight(self) -> int:
        """Requests under way at a time: those that run and those that wait."""
        return self.workers + self.queue

    @property
    def share(self) -> int:
        """Requests under way at a time from one address."""
        return self.in_flight if self.per_caller is None else min(self.per_caller, self.in_flight)

    def refuse_large(self, document: Any) -> None:
        """Refuse a parsed problem document with too many clients or tasks, before anything is built from it.

        Raises
        ------
        RefusedError
            Naming the field that has too many entries.
        """
        if not isinstance(document, dict):
            return
        for entry in FIELDS:
            value = document.get(entry.name)
            if not isinstance(value, list) or entry.shape == "scalar":
                continue
            columns = value
            if entry.shape == "tasks" or (entry.shape == "tasks x clients" and value and isinstance(value[0], list)):
                if len(value) > self.max_tasks:
                    raise _too_many(RefusalKind.TOO_MANY_TASKS, entry.name, f"{len(value)} tasks", self.max_tasks)
                columns = [] if entry.shape == "tasks" else value[0]
            if len(columns) > self.max_clients:
                found = f"{len(columns)} clients"
                raise _too_many(RefusalKind.TOO_MANY_CLIENTS, entry.name, found, self.max_clients)


def _too_many(kind: RefusalKind, field: str, found: str, most: int) -> RefusedError:
    return RefusedError(kind, f"has {found}", field=field, accepted=f"at most {most} are accepted", path="$")
