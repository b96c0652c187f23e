"""Follow the branches of a proof that no answer has less total latency than a claimed bound.

At a price lambda of bandwidth the dual value of a node, less ``lambda B``, is at most the total latency of any
selection below it (mathematics, section 5.3).
"""

from __future__ import annotations

import math

import numpy as np

from ..array_types import BoolArray
from ..problem import Problem
from .node import ProofNode
from .priced_costs import best_total_in_blocks, least_total, priced_costs
from .steps import Branch

__all__ = ["verify_total"]


_LARGEST = 1e300  # of a price times the carrier, s: beyond it costs overflow


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
    root: tuple[BoolArray, BoolArray] = (problem.mandatory, problem.available)
    stack: list[tuple[BoolArray, BoolArray] | None] = [root]  # None: below a node that is proven already
    for branch in branches:
        split_fits = -1 <= branch.split < problem.n_clients
        if not split_fits or not (branch.screen is None or branch.screen.fits(problem.n_clients, problem.n_tasks)):
            return "a branch is not about a problem of this size, or holds what is no number"
        if not stack:
            return "there are more branches than nodes"
        node = stack.pop()
        wrong, state = (None, None) if node is None else _bound(problem, claimed_s, node, branch)
        if wrong is not None:
            return wrong
        if state is None:
            stack += [None] * (0 if branch.closed else 1 if branch.split < 0 else 2)
            continue
        if branch.closed or branch.screen is None:
            return "a node that is said to be closed is not"
        wrong = state.decide(branch.screen)
        if wrong is not None:
            return wrong
        undecided = state.available & ~state.inside
        if branch.split < 0:
            if undecided.any():
                return "a node leaves more than a selection, and is not split"
            stack.append((state.inside, state.inside.copy()))
            continue
        if not undecided[branch.split]:
            return "a node is split on a client that is decided"
        with_it, without_it = state.inside.copy(), state.available.copy()
        with_it[branch.split], without_it[branch.split] = True, False
        stack += [(state.inside, without_it), (with_it, state.available)]
    return "there are nodes that no branch is about" if stack else None


def _bound(
    problem: Problem, claimed_s: float, node: tuple[BoolArray, BoolArray], branch: Branch
) -> tuple[str | None, ProofNode | None]:
    """Bound a node: what is wrong with its branch, or the state to go on from; neither where the claim holds below."""
    inside, available = node
    price = branch.price
    if not (0.0 <= price < math.inf and price * problem.bandwidth_hz < _LARGEST):
        return "a price is no number >= 0, or too large a one", None
    state = ProofNode(problem, priced_costs(problem, price))
    state.inside, state.available = inside.copy(), available & state.available
    if not np.isfinite(state.cost[inside]).all() or state.is_short():
        return None, None
    if branch.screen is None:
        return "a node that is said to be short of relevance is not", None
    wrong = state.force(branch.screen)
    if wrong is not None:
        return wrong, None
    state.state_constraints()
    state.limit = (claimed_s + price * state.carrier) * (1.0 + 2.0**-50)
    if state.dual(branch.screen.worths) >= state.limit:
        return None, None
    if not state.open.any():  # whoever joined would only add to the total
        least = best_total_in_blocks if problem.resource_block_hz is not None else least_total
        held = least(problem, state.inside) >= claimed_s
        return (None if held else "a selection is not shown to be no better"), None
    return None, state
