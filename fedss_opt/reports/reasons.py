"""Why a client was selected or left out, in words."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Self

import numpy as np

from ..array_types import BoolArray, FloatArray, IntArray
from ..certification import costs_and_worths, forced_clients
from ..problem import Problem
from ..solution import Solution, Status

__all__ = ["STATES", "Prices", "Reason", "State", "prices_of", "reasons_of", "states_of"]

# A page carries seven digits of a cost and a worth: what differs by less is the same number to its reader.
_TIE = 5e-7


class _Told(IntEnum):
    """A number that a page carries, and the text that stands for it there."""

    text: str

    def __new__(cls, value: int, text: str) -> Self:
        member = int.__new__(cls, value)
        member._value_, member.text = value, text
        return member


class State(_Told):
    """What became of a client."""

    SELECTED = 0, "selected"
    LEFT_OUT = 1, "left out"
    MANDATORY = 2, "selected (mandatory)"
    UNAVAILABLE = 3, "not available"
    UNABLE = 4, "cannot take part"
    UNDECIDED = 5, "no answer"
    LATE = 6, "cannot end in time"


STATES = tuple(state.text for state in State)
"""The texts of the states, by their numbers."""


class Reason(_Told):
    """Why; ``{cost}`` and ``{worth}`` stand for the client's figures with their units."""

    MANDATORY = 0, "Mandatory: it uploads whatever it costs."
    UNAVAILABLE = 1, "Not available in this round."
    UNABLE = 2, "Cannot keep its own limits on this carrier, so no answer can select it."
    NO_ANSWER = 3, "There is no answer, so nobody uploads."
    UNEXPLAINED_IN = 4, "Selected. The method gives no certificate, and so no reduced cost that would say why."
    UNEXPLAINED_OUT = 5, "Left out. The method gives no certificate, and so no reduced cost that would say why."
    WORTH_IT = 6, "Selected: it costs {cost} and is worth {worth} to the tasks."
    EDGE_IN = 7, "Selected, on the edge: it costs just what it is worth to the tasks ({cost})."
    INDIVISIBLE_IN = (
        8,
        "Selected although it costs {cost} and is worth {worth} to the tasks: clients cannot be split, and whole ones "
        "decided.",
    )
    TOO_EXPENSIVE = 9, "Left out: it costs {cost} and is worth only {worth} to the tasks."
    EDGE_OUT = 10, "Left out, on the edge: it costs just what it is worth to the tasks ({cost})."
    INDIVISIBLE_OUT = (
        11,
        "Left out although it costs {cost} and is worth {worth} to the tasks: clients cannot be split, and whole ones "
        "decided.",
    )
    NOT_NEEDED = 12, "Left out: no task needs what it offers."
    TOO_LATE = (
        13,
        "Left out, as it cannot end in time: no bandwidth that it can be given would let it end by the deadline of "
        "the certificate.",
    )
    LATE_IN = (
        14,
        "Selected although no bandwidth that it can be given would let it end by the deadline of the certificate: the "
        "answer ends later than that.",
    )
    UNPRICED = 15, "Left out: it costs {cost}, and the tasks that it serves have no price: others cover them anyway."
    UNSETTLED_IN = (
        16,
        "Selected although it costs {cost} and is worth {worth} to the tasks: clients cannot be split, or the method "
        "found no better choice.",
    )
    UNSETTLED_OUT = (
        17,
        "Left out although it costs {cost} and is worth {worth} to the tasks: clients cannot be split, or the method "
        "found no better choice.",
    )
    FORCED = 18, "Forced: without it some task would fall short, even with everybody else."


@dataclass(frozen=True, kw_only=True)
class Prices:
    """What clients cost and are worth at the certificate's deadline or price, (N,); NaN where undefined.

    In Hz, or in s for total latency: see `fedss_opt.Certificate.reduced_costs`.
    """

    cost: FloatArray
    worth: FloatArray
    reduced: FloatArray

    @property
    def known(self) -> bool:
        """Whether there is a reduced cost at all."""
        return not bool(np.isnan(self.reduced).all())


def prices_of(problem: Problem, solution: Solution) -> Prices:
    """Return what the answer's certificate says of every client; NaN throughout without one."""
    if solution.certificate is None:
        nothing = np.full(problem.n_clients, np.nan)
        return Prices(cost=nothing, worth=nothing, reduced=nothing)
    cost, worth = costs_and_worths(problem, solution.certificate)
    reduced = cost - worth
    with np.errstate(invalid="ignore"):  # infinite costs
        reduced[np.abs(reduced) <= _TIE * (cost + worth)] = 0.0
    reduced[np.isposinf(cost) & ~np.isnan(worth)] = np.inf
    return Prices(cost=cost, worth=worth, reduced=reduced)


def states_of(problem: Problem, solution: Solution, late: BoolArray | None = None) -> IntArray:
    """Return the `State` of every client, (N,); who is `late` could not end with the last one on any bandwidth."""
    state = np.where(solution.selected, int(State.SELECTED), int(State.LEFT_OUT))
    if late is not None:
        state[~solution.selected & late] = State.LATE
    if not solution.has_answer:
        state[:] = State.UNDECIDED
    state[solution.selected & problem.mandatory] = State.MANDATORY
    state[~solution.selected & ~problem.selectable] = State.UNABLE
    state[~solution.selected & ~problem.available] = State.UNAVAILABLE
    return state


def reasons_of(problem: Problem, solution: Solution, prices: Prices) -> IntArray:
    """Return the `Reason` of every client, (N,)."""
    chosen, reduced = solution.selected, prices.reduced
    unknown, late = np.isnan(reduced), np.isposinf(reduced)
    # Only of a finished answer is it known that nothing but whole clients stands against its prices.
    settled = solution.status is Status.OPTIMAL
    lacking = ~problem.covers(problem.mandatory)
    needed = (problem.relevance[lacking] > 0.0).any(axis=0)
    inside = np.select(
        [unknown, reduced < 0.0, reduced == 0.0, late],
        [Reason.UNEXPLAINED_IN, Reason.WORTH_IT, Reason.EDGE_IN, Reason.LATE_IN],
        default=Reason.INDIVISIBLE_IN if settled else Reason.UNSETTLED_IN,
    )
    outside = np.select(
        [unknown, ~needed, late, prices.worth == 0.0, reduced < 0.0, reduced == 0.0],
        [
            Reason.UNEXPLAINED_OUT,
            Reason.NOT_NEEDED,
            Reason.TOO_LATE,
            Reason.UNPRICED,
            Reason.INDIVISIBLE_OUT if settled else Reason.UNSETTLED_OUT,
            Reason.EDGE_OUT,
        ],
        default=Reason.TOO_EXPENSIVE,
    )
    reason = np.where(chosen, inside, outside)
    if not solution.has_answer:
        reason[:] = Reason.NO_ANSWER
    else:
        reason[chosen & forced_clients(problem)] = Reason.FORCED
        reason[chosen & problem.mandatory] = Reason.MANDATORY
    reason[~problem.selectable] = Reason.UNABLE
    reason[~problem.available] = Reason.UNAVAILABLE
    return reason
