"""What a `RoundAllocator` remembers from round to round."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from ..exceptions import OptionError
from ..problem import Problem
from ..solution import Certificate, CertificateKind, Solution, Status, StopReason, no_answer
from .client_reports import ClientId, ClientReport
from .fairness import NO_COST, FairnessCost, next_queue

__all__ = ["Answered", "Memory", "OpenRound"]


@dataclass(frozen=True, kw_only=True)
class OpenRound:
    """The round that was planned last: the shares of those who could upload, and who was to.

    There are no shares without fairness, and for a round that does not count. Who arrived may be told later; until then
    it is those selected. The price of the fair share includes this round; `closed`: the queues have taken it in.
    """

    round: int
    shares: Mapping[ClientId, float]
    selected: frozenset[ClientId]
    arrived: frozenset[ClientId] | None = None
    cost: FairnessCost = NO_COST
    closed: bool = False


@dataclass(frozen=True, kw_only=True)
class Answered:
    """The last answer by name, so that it fits other clients: who was selected, and each task's multiplier."""

    selected: frozenset[ClientId]
    multipliers: Mapping[str, float]

    def as_start(self, ids: tuple[ClientId, ...], problem: Problem) -> Solution:
        """Return it as the `warm_start` of another problem; it claims nothing."""
        blank = no_answer(
            problem, status=Status.UNKNOWN, stop_reason=StopReason.COMPLETED, method="earlier round", message=""
        )
        multipliers = np.array([self.multipliers.get(task, 0.0) for task in problem.task_ids or ()])
        return replace(
            blank,
            selected=np.array([name in self.selected for name in ids], dtype=np.bool_),
            certificate=Certificate(kind=CertificateKind.BOUND, price=0.0, multipliers=multipliers),
        )


@dataclass(kw_only=True)
class Memory:
    """Everything that changes; guarded by the allocator's lock.

    Attributes
    ----------
    reports : dict of client to ClientReport
        What is known.
    queues : dict of client to float
        Virtual queues before the open round; 0 where there is none.
    open : OpenRound or None
        The round that was planned last; None before the first.
    answered : Answered or None
        Where the next solve starts.
    cost : FairnessCost
        The price of the fair share in all rounds before the open one.
    """

    reports: dict[ClientId, ClientReport] = field(default_factory=dict)
    queues: dict[ClientId, float] = field(default_factory=dict)
    open: OpenRound | None = None
    answered: Answered | None = None
    cost: FairnessCost = NO_COST

    def is_late(self, earlier: ClientReport | None, fresh: ClientReport) -> bool:
        """Tell whether a report is for an earlier round than what is known of its client."""
        if earlier is None or fresh.round is None:
            return False
        upcoming = -1 if self.open is None else self.open.round + 1
        return fresh.round < (upcoming if earlier.round is None else earlier.round)

    def enter(self, round_: int) -> None:
        """Begin to plan a round: the one before is closed, and reports for the next round are for this one.

        Raises
        ------
        OptionError
            For a round that is over.
        """
        if self.open is not None:
            first = self.open.round + self.open.closed
            if round_ < first:
                raise OptionError(f"round = {round_}: is over; must be an integer >= {first}")
            if round_ > self.open.round:
                self.close_round()
        for name, report in self.reports.items():
            if report.round is None:
                self.reports[name] = replace(report, round=round_)

    def copy(self) -> Memory:
        """Return a copy that later changes leave alone."""
        return replace(self, reports=dict(self.reports), queues=dict(self.queues))

    def close_round(self) -> None:
        """Let the queues take in the open round: shares that were due, and uploads."""
        now = self.open
        if now is None or now.closed:
            return
        uploaded = now.selected if now.arrived is None else now.arrived
        for name, share in now.shares.items():
            # A client that was selected and did not arrive was not there: nothing is due to it, and nothing was served.
            if name in self.reports and (name in uploaded or name not in now.selected):
                self.queues[name] = next_queue(self.queues.get(name, 0.0), share, served=name in uploaded)
        self.queues = {name: queue for name, queue in self.queues.items() if queue > 0.0}
        self.cost = now.cost
        self.open = replace(now, shares={}, closed=True)

    def forget(self, client: ClientId) -> None:
        """Drop a client that has departed, with its queue."""
        self.reports.pop(client, None)
        self.queues.pop(client, None)
        if self.open is not None and client in self.open.shares:
            shares = {name: share for name, share in self.open.shares.items() if name != client}
            self.open = replace(self.open, shares=shares)
