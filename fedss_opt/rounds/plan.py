"""A round's plan: who uploads, on how much bandwidth, until when, and why everybody else does not."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from ..problem import Problem
from ..solution import Certificate, Solution, Status
from .client_reports import ClientId
from .fairness import FairnessCost

__all__ = ["LeftOut", "RoundPlan"]


class LeftOut(StrEnum):
    """Why a client does not upload in a round. The first reason that applies is given."""

    NOT_A_CANDIDATE = "not_a_candidate"
    """It has reported, but the caller did not name it among the round's candidates."""
    NO_REPORT = "no_report"
    """The caller named it among the candidates, but it has never reported."""
    INCOMPLETE = "incomplete"
    """Its payload, its channel or its tasks are not known; the plan's message says what is missing."""
    STALE = "stale"
    """Its last report is older than `max_age` rounds."""
    UNABLE = "unable"
    """It could not keep its own limits even on the widest band that it may use."""
    NO_ANSWER = "no_answer"
    """It could upload, but for the round as a whole there is, or was found, no answer."""
    NOT_NEEDED = "not_needed"
    """It could upload, but the round is better without it."""


@dataclass(frozen=True, eq=False, kw_only=True)
class RoundPlan:
    """What `RoundAllocator.allocate` decides for one round.

    Attributes
    ----------
    round : int
        The round's number.
    clients : tuple of str or int
        Who uploads; integers in their order, then strings in theirs. Empty where nobody can or nobody needs to.
    bandwidth_hz : mapping of client to float
        Bandwidth of each of them, Hz.
    finish_s : mapping of client to float
        When each of them has uploaded, seconds after the round's start (its computing time included).
    latency_s : float
        When the last of them has, s; 0 for nobody, ``inf`` where there is no answer.
    objective_s : float
        The objective of the plan, s: `latency_s` for the makespan.
    lower_bound_s : float
        No selection and allocation of the round's problem has an objective below this; NaN where the method
        proves none.
    status : Status
        What is known of the plan.
    message : str
        For a person: why there is no answer, who is missing what, and whether the fair share had to wait.
    left_out : mapping of client to LeftOut
        Everybody else who is known or was named, with the reason.
    queues : mapping of client to float
        Virtual queues at the round's start of those who could upload (0 where not listed); empty without fairness.
    fairness : FairnessCost or None
        What the fair share costs, this round and so far; None without fairness.
    problem : Problem
        The problem that was solved: those clients only who could upload, in the order of `client_ids`.
    solution : Solution
        Its answer, for `fedss_opt.check`.
    client_ids : tuple of str or int
        The ids behind the problem's clients, (N,).
    """

    round: int
    clients: tuple[ClientId, ...]
    bandwidth_hz: Mapping[ClientId, float]
    finish_s: Mapping[ClientId, float]
    latency_s: float
    objective_s: float
    lower_bound_s: float
    status: Status
    message: str
    left_out: Mapping[ClientId, LeftOut]
    queues: Mapping[ClientId, float]
    fairness: FairnessCost | None
    problem: Problem
    solution: Solution
    client_ids: tuple[ClientId, ...]

    @property
    def deadline_s(self) -> float:
        """The round's natural deadline: by then everybody has uploaded, s; another name for `latency_s`."""
        return self.latency_s

    @property
    def gap(self) -> float:
        """Certified relative gap of the answer; NaN where there is no bound or no answer."""
        return self.solution.gap

    @property
    def certificate(self) -> Certificate | None:
        """The proof of `lower_bound_s`, or of the status ``infeasible``, for `problem`."""
        return self.solution.certificate

    @property
    def fairness_cost_s(self) -> float:
        """What the fair share adds to this round's objective, s; 0 without fairness."""
        return 0.0 if self.fairness is None else self.fairness.round_s

    def to_dict(self) -> dict[str, Any]:
        """Return what a log should keep, JSON-able; ids keep their type, and None stands for inf and NaN."""
        return {
            "round": self.round,
            "status": str(self.status),
            "latency_s": _plain(self.latency_s),
            "objective_s": _plain(self.objective_s),
            "lower_bound_s": _plain(self.lower_bound_s),
            "gap": _plain(self.gap),
            "message": self.message,
            "clients": [
                {"id": name, "bandwidth_hz": self.bandwidth_hz[name], "finish_s": self.finish_s[name]}
                for name in self.clients
            ],
            "left_out": [{"id": name, "reason": str(reason)} for name, reason in self.left_out.items()],
            "fairness_cost_s": self.fairness_cost_s,
        }


def _plain(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None
