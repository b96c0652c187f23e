"""A minimum long-run share for every client: virtual queues, and two rules that keep them short.

A client's queue grows by its share in every round in which it could upload, and shrinks by one when it did. Whoever's
queue has reached `patience` is insisted on. And in every round the selection serves at least the queues' weighted
share, ``sum_n Q_n x_n >= sum_n beta_n Q_n``: one more covering requirement, which leaves it to the solver with whom to
catch up now. Section "A fair share" of ``docs/how-to/rounds.md`` proves what follows from either.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

import numpy as np
import numpy.typing as npt

from ..array_types import FloatArray
from ..exceptions import OptionError
from ..problem import Problem
from ..scenarios.arguments import number
from ..solution import Solution
from .client_reports import ClientId, client_id

__all__ = ["FAIRNESS_ROW", "NO_COST", "SHARE_STEP", "Fairness", "FairnessCost", "fair_problems", "meets", "next_queue"]


FAIRNESS_ROW = "(fair share)"
"""Name of the covering row among the tasks of a problem."""

# Shares are rounded up to multiples of this power of two. Queues and their sums are then exact numbers, in any order of
# summation, and the solver may count the row in whole steps (section 5.2 of the mathematics), which tightens its bound.
SHARE_STEP = 2.0**-10


@dataclass(frozen=True, kw_only=True)
class Fairness:
    """Every client's minimum long-run share of the rounds in which it could upload.

    Parameters
    ----------
    min_share : float
        Share of those clients that `shares` does not name, 0 to 1.
    shares : mapping of client to float, optional
        Shares of single clients, 0 to 1.
    patience : float or None
        Uploads that a client may be behind its share, >= 1: from then on it is selected in every round until it has
        caught up. None: nobody is ever insisted on, and the row below alone has to do, which needs thousands of rounds.
    opportunistic : bool
        Whether a covering row makes clients catch up earlier, when their channels happen to be good. That saves where
        channels vary from round to round, and costs where they do not.

    Raises
    ------
    OptionError
        Naming the option, its value and what is accepted.

    Examples
    --------
    >>> fairness = Fairness(min_share=0.1, shares={"gateway-7": 0.5})
    >>> fairness.share("gateway-7"), fairness.share("any other")
    (0.5, 0.1005859375)
    """

    min_share: float
    shares: Mapping[ClientId, float] = field(default_factory=dict)
    patience: float | None = 10.0
    opportunistic: bool = True

    def __post_init__(self) -> None:
        least = number("min_share", self.min_share, low=0.0, high=1.0)
        if not isinstance(self.shares, Mapping):
            raise OptionError(
                f"a {type(self.shares).__name__}", field="shares", accepted="must be a mapping from client to share"
            )
        own = {n: number(f"shares[{n!r}]", share, low=0.0, high=1.0) for n, share in self.shares.items()}
        if self.patience is None:
            if not self.opportunistic:
                raise OptionError(
                    field="patience", value=None, accepted="must be a number >= 1 where opportunistic is False"
                )
        else:
            number("patience", self.patience, low=1.0, high=math.inf, open_high=True)
        object.__setattr__(self, "min_share", least)
        object.__setattr__(self, "shares", MappingProxyType({client_id(name): own[name] for name in own}))

    def share(self, client: ClientId) -> float:
        """Return a client's share, rounded up to a multiple of 1/1024."""
        return math.ceil(self.shares.get(client, self.min_share) / SHARE_STEP) * SHARE_STEP


@dataclass(frozen=True, kw_only=True)
class FairnessCost:
    """What the fair share adds to the objective, bracketed by the certificates of both answers.

    Attributes
    ----------
    round_s : float
        Objective of the plan less that of the answer without the rules, s; 0 where that one follows them by itself.
    round_low_s, round_high_s : float
        What the price is at least and at most between the two optima, s; wide where the method proves no bound.
    total_s, total_low_s, total_high_s : float
        The same summed over all rounds so far, this one included.
    waived : bool
        Whether limits kept this round from following the rules, which it then follows as far as was found possible.
    waived_rounds : int
        How often that has happened so far.
    """

    round_s: float = 0.0
    round_low_s: float = 0.0
    round_high_s: float = 0.0
    total_s: float = 0.0
    total_low_s: float = 0.0
    total_high_s: float = 0.0
    waived: bool = False
    waived_rounds: int = 0

    def plus(
        self, *, fair: Solution | None = None, plain: Solution | None = None, waived: bool = False
    ) -> FairnessCost:
        """Return the price after another round, from its answers with and without the rules.

        The optimum with the rules is between `fair`'s bound and objective. That without it is at least `plain`'s bound,
        at most either objective, and never above the one with the rules.
        """
        paid = low = high = 0.0
        if fair is not None and plain is not None:
            best = min(plain.objective_s, fair.objective_s)
            paid = fair.objective_s - best
            low = max(0.0, _claimed(fair) - best)
            high = max(paid, fair.objective_s - _claimed(plain))
        return FairnessCost(
            round_s=paid,
            round_low_s=low,
            round_high_s=high,
            total_s=self.total_s + paid,
            total_low_s=self.total_low_s + low,
            total_high_s=self.total_high_s + high,
            waived=waived,
            waived_rounds=self.waived_rounds + waived,
        )


NO_COST = FairnessCost()
"""Before the first round."""


def _claimed(solution: Solution) -> float:
    """Return a lower bound; 0 where the method proves none."""
    return 0.0 if math.isnan(solution.lower_bound_s) else solution.lower_bound_s


def next_queue(queue: float, share: float, *, served: bool) -> float:
    """Return a queue after a round in which its client could upload: ``max(Q + beta - x, 0)``."""
    return max(queue + share - served, 0.0)


def _with_fair_row(problem: Problem, queues: FloatArray, shares: FloatArray) -> Problem:
    """Return the problem with the row ``sum Q x >= sum beta Q`` as its last task.

    Parameters
    ----------
    problem : Problem
        The round, with task ids.
    queues, shares : ndarray, (N,)
        Q and beta, multiples of `SHARE_STEP`.
    """
    # What is received comes in whole steps, so that the need may be rounded up to one.
    needed = math.ceil(float(shares @ queues) / SHARE_STEP) * SHARE_STEP
    return problem.replace(
        relevance=np.vstack([problem.relevance, queues]),
        required=np.append(problem.required, needed),
        task_ids=(*(problem.task_ids or ()), FAIRNESS_ROW),
    )


def fair_problems(
    problem: Problem, queues: FloatArray, shares: FloatArray, rules: Fairness
) -> Iterator[tuple[Problem, bool]]:
    """Yield the round's problem with the rules, and with ever weaker ones for a round whose limits forbid that.

    First everything: the row, and all whose queue has reached `patience`. Then these without the row, then those of
    them with the longer half of the queues, and so on. Nothing is yielded where no rule asks for anything.

    Yields
    ------
    problem : Problem
        Never weaker than the round's problem.
    complete : bool
        Whether it is all that the rules ask for.
    """
    due = np.flatnonzero(queues >= (math.inf if rules.patience is None else rules.patience))
    due = due[np.argsort(-queues[due], kind="stable")]
    if rules.opportunistic and queues.any():
        yield _insisting(_with_fair_row(problem, queues, shares), due), True
    count = due.size
    while count:
        yield _insisting(problem, due[:count]), not rules.opportunistic and count == due.size
        count //= 2


def _insisting(problem: Problem, clients: npt.NDArray[np.intp]) -> Problem:
    mandatory = problem.mandatory.copy()
    mandatory[clients] = True
    return problem.replace(mandatory=mandatory)


def meets(problem: Problem, solution: Solution) -> bool:
    """Tell whether the selection of another problem's answer is one of this problem's too."""
    chosen = solution.selected
    return bool(chosen[problem.mandatory].all() and problem.covers(chosen).all())
