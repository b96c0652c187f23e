"""Bounds that rest on a search are searched again: a small branch and bound in balls.

A certificate of kind ``search`` has multipliers from which the search started, but not the search. Here clients are
decided one after the other, the most decided first; a branch ends where the multipliers and the decisions taken
against them already prove it too dear, where the rest cannot cover, or where what is selected covers. Costs are
rounded down from proven enclosures, and every comparison keeps a margin above what the sums can lose.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..problem import Objective, Problem
from .balls import UndecidedError, arb, ball_of, bits_at_most, lower_float
from .dual import Client, Limits, carrier_hz, exact_sum
from .referees import selection_price
from .verdicts import Verdict

__all__ = ["search_again"]

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]


@dataclass
class _Tree:
    """What the recursion reads, and how many nodes it may still visit."""

    problem: Problem
    order: npt.NDArray[np.int64]
    reduced: FloatArray
    cost: FloatArray
    rest: FloatArray
    limit: float
    claimed: float
    nodes: int
    counterexample: bool = False


def search_again(
    problem: Problem, multipliers: FloatArray, price: float, claimed: float, *, max_nodes: int = 100_000
) -> Verdict:
    """Tell whether no answer is below `claimed` seconds.

    Parameters
    ----------
    problem : Problem
        The round.
    multipliers : ndarray, (K,)
        Nonnegative; any will do, good ones make the search short.
    price : float
        s/Hz, for total latency; the makespan is searched at the deadline `claimed`.
    claimed : float
        The bound, s.
    max_nodes : int
        Nodes to visit before the question is left undecided.

    Returns
    -------
    Verdict
        False only where an answer below the claim was found.
    """
    makespan = problem.objective is Objective.MAKESPAN
    theta = claimed if makespan else price
    if not 0.0 <= theta < math.inf:
        return Verdict.FALSE
    limits = problem.bandwidth_limits_hz
    cost = np.array([_cost(problem, n, limits, theta) for n in range(problem.n_clients)])
    inside = problem.mandatory.copy()
    if not np.isfinite(cost[inside]).all():
        return Verdict.TRUE
    free = np.flatnonzero(problem.available & ~inside & np.isfinite(cost))
    open_ = np.maximum(problem.coverage_target - problem.relevance[:, inside].sum(axis=1), 0.0)
    mu = np.where(open_ > 0.0, multipliers, 0.0)
    # Any cut at or above what is open will do: this one is above its rounding.
    cut = np.minimum(problem.relevance, (open_ + 1e-11 * problem.coverage_target)[:, None])
    reduced = cost[free] - mu @ cut[:, free] if free.size else np.zeros(0)
    # What all terms together can have lost: no sum below has more of them.
    weight = float(mu @ (2.0 * problem.coverage_target + cut[:, free].sum(axis=1)))
    weight += float(cost[inside].sum() + np.abs(reduced).sum())
    carrier = float(carrier_hz(problem)) * (1.0 if makespan else theta)
    margin = (problem.n_clients + problem.n_tasks + 8) * 2.0**-50 * (weight + carrier + claimed)
    start = float(mu @ open_) + float(cost[inside].sum()) + float(np.minimum(reduced, 0.0).sum())
    order = np.argsort(-np.abs(reduced))
    offers = problem.relevance[:, free[order]]
    rest = np.concatenate([np.cumsum(offers[:, ::-1], axis=1)[:, ::-1], np.zeros((problem.n_tasks, 1))], axis=1)
    tree = _Tree(
        problem=problem,
        order=free[order],
        reduced=reduced[order],
        cost=cost,
        rest=rest,
        limit=(carrier if makespan else claimed + carrier) + margin,
        claimed=claimed,
        nodes=max_nodes,
    )
    done = _walk(tree, inside, problem.relevance[:, inside].sum(axis=1), start)
    if tree.counterexample:
        return Verdict.FALSE
    return Verdict.TRUE if done else Verdict.UNDECIDED


def _cost(problem: Problem, n: int, limits: Limits, theta: float) -> float:
    """Lower end of a client's cost; inf where it has none."""
    if not problem.available[n]:
        return math.inf
    client = Client(problem, n, limits)
    makespan = problem.objective is Objective.MAKESPAN
    try:
        ball = bits_at_most(lambda: client.deadline_cost(theta) if makespan else client.price_cost(theta))
    except UndecidedError:
        return 0.0
    return math.inf if ball is None else lower_float(ball)


def _walk(tree: _Tree, inside: BoolArray, received: FloatArray, start: float) -> bool:
    """Visit the tree depth first; False where the nodes run out or a leaf contradicts the claim."""
    target = tree.problem.coverage_target
    slack = 1e-10 * target
    stack = [(0, inside, received, start)]
    while stack:
        tree.nodes -= 1
        if tree.nodes < 0:
            return False
        depth, chosen, got, value = stack.pop()
        if value > tree.limit or bool((got + tree.rest[:, depth] < target - slack).any()):
            continue
        last = depth == len(tree.order)
        if bool((got >= target + slack).all()) or last or tree.problem.covers(chosen).all():
            if tree.problem.covers(chosen).all() and not _leaf(tree, chosen):
                return False
            if tree.problem.covers(chosen).all() or last:
                continue  # whoever else joins only adds to the cost
        n, r = int(tree.order[depth]), float(tree.reduced[depth])
        with_it = chosen.copy()
        with_it[n] = True
        stack.append((depth + 1, chosen, got, value + max(0.0, -r)))
        stack.append((depth + 1, with_it, got + tree.problem.relevance[:, n], value + max(0.0, r)))
    return True


def _leaf(tree: _Tree, chosen: BoolArray) -> bool:
    """Prove that a covering selection is no better than the claim; note where it certainly is."""
    problem, members = tree.problem, np.flatnonzero(chosen)
    if problem.objective is Objective.MAKESPAN:
        spent, band = exact_sum(tree.cost[members]), carrier_hz(problem)
        # At the deadline itself; costs are rounded down by 1e-16, so a clear surplus of band is a counterexample.
        tree.counterexample = spent < band * (1 - exact_sum([1e-12]))
        return spent > band
    clients = [Client(problem, int(n)) for n in members]
    price = selection_price(problem, chosen)
    if price == math.inf:
        return _does_not_fit(problem, clients)

    def worth() -> float:
        total = arb(0)
        for client in clients:
            cost = client.price_cost(price)
            if cost is None:
                return math.inf
            total += cost
        return lower_float(total - arb(price) * ball_of(carrier_hz(problem)))

    value = bits_at_most(worth)
    tree.counterexample = value < tree.claimed * (1.0 - 1e-7)
    return value >= tree.claimed * (1.0 - 1e-12)


def _does_not_fit(problem: Problem, clients: list[Client]) -> bool:
    """Prove that the least bandwidths of a selection are more than there is; False where that is not certain."""

    def beyond() -> bool:
        total = arb(0)
        for client in clients:
            least = client.least()
            if least is None:
                return True
            total += least
        return bool(total > ball_of(carrier_hz(problem)))

    try:
        return bits_at_most(beyond)
    except UndecidedError:
        return False
