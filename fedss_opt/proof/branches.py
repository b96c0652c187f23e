"""Follow the branches of a proof that no answer has less total latency than a claimed bound.

At a price lambda of bandwidth the dual value of a node, less ``lambda B``, is at most the total latency of any
selection below it (mathematics, section 5.3).
"""

from __future__ import annotations

import math

import numpy as np

from ..problem import Problem
from .priced import best_total_in_blocks, least_total, priced_costs
from .state import State
from .steps import Branch

__all__ = ["verify_total"]


def verify_total(problem: Problem, claimed_s: float, branches: list[Branch]) -> str | None:
    """Say what is wrong with a proof that no answer has less total latency than `claimed_s`; None where it holds.

    Parameters
    ----------
    problem : Problem
        The round.
    claimed_s : float
        Seconds, finite, > 0.
    branches : list of Branch
        Depth first, the child that takes a client in before the one that leaves it out.
    """
    stack = [(problem.mandatory, problem.available)]
    for branch in branches:
        if not stack:
            return "there are more branches than nodes"
        inside, available = stack.pop()
        price = branch.price
        if not 0.0 <= price < math.inf:
            return "a price is no finite number >= 0"
        state = State(problem, priced_costs(problem, price))
        state.inside, state.available = inside.copy(), available & state.available
        if not np.isfinite(state.cost[inside]).all() or state.is_short():
            continue
        if branch.screen is None:
            return "a node that is said to be short of relevance is not"
        wrong = state.force(branch.screen)
        if wrong is not None:
            return wrong
        state.state_constraints()
        state.limit = (claimed_s + price * state.carrier) * (1.0 + 2.0**-50)
        if state.dual(branch.screen.worths) >= state.limit:
            continue
        if not state.open.any():
            least = best_total_in_blocks if problem.resource_block_hz is not None else least_total
            if least(problem, state.inside) >= claimed_s:
                continue
            return "a selection is not shown to be no better"
        wrong = state.decide(branch.screen)
        if wrong is not None:
            return wrong
        undecided = state.available & ~state.inside
        if branch.split < 0 and undecided.any():
            return "a bound does not close its node"
        if branch.split < 0:
            stack.append((state.inside, state.inside.copy()))
            continue
        if not undecided[branch.split]:
            return "a node is split on a client that is decided"
        with_it, without_it = state.inside.copy(), state.available.copy()
        with_it[branch.split], without_it[branch.split] = True, False
        stack += [(state.inside, without_it), (with_it, state.available)]
    return "there are nodes that no branch is about" if stack else None
