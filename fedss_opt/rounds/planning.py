"""From a round's problem to its answer: with the fair share where there is one, and what that costs."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ..problem import Problem
from ..scenarios.draws import generator
from ..solution import Solution
from ..solvers import solve
from .client_reports import ClientId
from .fairness import FairnessCost, fair_problems, meets
from .memory import Answered
from .plan import LeftOut, RoundPlan
from .settings import RoundSettings
from .stating import Stated

__all__ = ["Decision", "decide", "plan_of"]

_WAIVED = "no plan was found that gives every client the share that is due to it"


@dataclass(frozen=True, eq=False, kw_only=True)
class Decision:
    """The answer of a round, the problem that it answers, and the price of the fair share in all rounds so far.

    The problem has the rules of the fair share, unless the answer without them follows them anyway, or nothing does.
    """

    problem: Problem
    solution: Solution
    cost: FairnessCost

    def answered(self, ids: tuple[ClientId, ...], earlier: Answered | None) -> Answered | None:
        """Return what the next round starts from; a round without an answer leaves it as it was."""
        certificate = self.solution.certificate
        if not self.solution.has_answer:
            return earlier
        multipliers = {} if earlier is None else dict(earlier.multipliers)
        if certificate is not None:
            known = zip(self.problem.task_ids or (), certificate.multipliers.tolist(), strict=True)
            multipliers |= {task: mu for task, mu in known if math.isfinite(mu)}
        chosen = (ids[i] for i in np.flatnonzero(self.solution.selected))
        return Answered(selected=frozenset(chosen), multipliers=multipliers)


def decide(
    settings: RoundSettings,
    stated: Stated,
    round_: int,
    *,
    queues: Mapping[ClientId, float],
    earlier: Answered | None,
    cost: FairnessCost,
) -> Decision:
    """Solve a round, from an `earlier` answer on; `cost` is the price of the fair share in the rounds before."""
    plain, problem = _solved(settings, stated.problem, round_, stated.ids, earlier), stated.problem
    if settings.fairness is None or not plain.has_answer:
        return Decision(problem=problem, solution=plain, cost=cost.plus())
    queue = np.array([queues.get(name, 0.0) for name in stated.ids])
    shares = np.array([settings.fairness.share(name) for name in stated.ids])
    start = Decision(problem=problem, solution=plain, cost=cost).answered(stated.ids, earlier)
    asked = False
    for fair, complete in fair_problems(problem, queue, shares, settings.fairness):
        asked = True
        solution = plain if meets(fair, plain) else _solved(settings, fair, round_, stated.ids, start)
        if solution.has_answer:
            price = cost.plus(fair=solution, plain=plain, waived=not complete)
            return Decision(problem=problem if solution is plain else fair, solution=solution, cost=price)
    return Decision(problem=problem, solution=plain, cost=cost.plus(waived=asked))


def _solved(
    settings: RoundSettings, problem: Problem, round_: int, ids: tuple[ClientId, ...], earlier: Answered | None
) -> Solution:
    return solve(
        problem,
        settings.method,
        gap_tol=settings.gap_tol,
        time_limit_s=settings.time_limit_s,
        warm_start=None if earlier is None else earlier.as_start(ids, problem),
        # Policies that draw draw anew in every round, and the same when a round is planned again.
        seed=int(generator(settings.seed, f"policy, round {round_}").integers(2**31)),
    )


def plan_of(
    stated: Stated, decision: Decision, round_: int, *, queues: Mapping[ClientId, float], fair: bool
) -> RoundPlan:
    """Put the plan together, by the clients' own ids."""
    problem, solution, ids = decision.problem, decision.solution, stated.ids
    chosen = np.flatnonzero(solution.selected).tolist()
    times = problem.compute_s + problem.upload_s(solution.bandwidth_hz)
    finish = {ids[i]: float(times[i]) for i in chosen}
    left_out = dict(stated.left_out)
    reason = LeftOut.NOT_NEEDED if solution.has_answer else LeftOut.NO_ANSWER
    left_out |= {name: reason for name, taken in zip(ids, solution.selected.tolist(), strict=True) if not taken}
    return RoundPlan(
        round=round_,
        clients=tuple(ids[i] for i in chosen),
        bandwidth_hz={ids[i]: float(solution.bandwidth_hz[i]) for i in chosen},
        finish_s=finish,
        # The deadline is one of these numbers, not a few ulp below it.
        latency_s=max(finish.values(), default=0.0) if solution.has_answer else solution.latency_s,
        objective_s=solution.objective_s,
        lower_bound_s=solution.lower_bound_s,
        status=solution.status,
        message=_message(stated, decision),
        left_out=left_out,
        queues={name: queues[name] for name in ids if name in queues} if fair else {},
        fairness=decision.cost if fair else None,
        problem=problem,
        solution=solution,
        client_ids=ids,
    )


def _message(stated: Stated, decision: Decision) -> str:
    parts = [decision.solution.message]
    if not stated.ids:
        counts = dict.fromkeys(LeftOut, 0)
        for reason in stated.left_out.values():
            counts[reason] += 1
        why = ", ".join(f"{count} {reason}" for reason, count in counts.items() if count)
        parts.append(f"no client can upload ({why or 'none has reported'})")
    if decision.cost.waived:
        parts.append(_WAIVED)
    return "; ".join(part for part in (*parts, stated.message) if part)
