"""What the tree search of a covering knapsack with several tasks remembers, and how a client is decided and undecided.

Undecided clients come first in every array, so that a pass reads a solid block that shrinks down the tree. Deciding
swaps a client behind the block and shortens it by one; going back only restores its length: what lies behind is a
stack.

Sums here are rounded, so the search only *proposes* covers; who runs it says whether one is taken (`answer_proposal`).
On request it writes a log of why each node was closed, from which other code can prove that nothing was overlooked.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from ..array_types import BoolArray, FloatArray, IntArray
from .jit import jit
from .vectors import EPS

__all__ = [
    "ACTIVE",
    "BOUND",
    "BRANCH_IN",
    "BRANCH_OUT",
    "CLOSED",
    "CLOSED_MET",
    "CLOSED_SHORT",
    "CLOSED_UNMET",
    "DECIDE_IN",
    "DECIDE_OUT",
    "DEPTH",
    "DONE",
    "FIXED",
    "FOUND",
    "FOUND_AT",
    "HELD_IN",
    "HELD_OUT",
    "LIMIT",
    "LOGGED",
    "NODES",
    "PIVOTS",
    "PROPOSED",
    "REFUSED",
    "CoverTree",
    "answer_proposal",
    "decide",
    "has_room_in_log",
    "keep_node",
    "log_step",
    "make_cover_tree",
    "restore_node",
]


# Entries of `CoverTree.tally`: undecided clients, depth of the node at hand, nodes and pivots so far, nodes when the
# best cover was found, whether there is one, whether the search has ended, rows of the log, whether a cover is
# proposed, and whether one was refused at the node at hand, which then proposes no more.
ACTIVE, DEPTH, NODES, PIVOTS, FOUND_AT, FOUND, DONE, LOGGED, PROPOSED, REFUSED = range(10)
# Entries of `CoverTree.amount`: cost of the clients decided in, the cost to beat, and that of the proposed cover.
FIXED, LIMIT, OFFER = range(3)

# Rows of the log: what happened, to whom (a client or a task), and multipliers, D(mu) of which is the reason. A closed
# node is followed by the deepest branch whose other side has not been entered.
CLOSED_SHORT = 0  # everybody left misses the need of a task
CLOSED_MET = 1  # the clients decided in cover, and cost too much
CLOSED_UNMET = 2  # everybody is decided, and it is no cover
CLOSED = 3  # D(mu) reaches the limit
BOUND = 4  # the multipliers of the decisions that follow
DECIDE_IN, DECIDE_OUT = 5, 6  # by the reduced cost at those
HELD_IN, HELD_OUT = 7, 8  # with the client held at this side D(mu) reaches the limit: it is decided the other way
BRANCH_IN, BRANCH_OUT = 9, 10  # the side that is entered first

# Of the requirement and of the sums that a remaining need is a difference of: below it a need may be met.
_TOLERANCE = 1e-13


class CoverTree(NamedTuple):
    """A search at rest between two nodes; n clients that can be selected, K tasks with something to cover."""

    cost: FloatArray  # (n,) by position
    relevance: FloatArray  # (K, n) by position
    client: IntArray  # (n,) who is at a position
    position: IntArray  # (n,) where a client is
    value: BoolArray  # (n,) what was decided, by client
    need: FloatArray  # (K,) what the undecided have to cover
    room: FloatArray  # (K,) how much more than that they offer
    tolerance: FloatArray  # (K,) below it a need is met
    basis: IntArray  # (K,) basic columns: clients, or n + k for the surplus of task k
    inverse: FloatArray  # (K, K) of the basis matrix
    mu: FloatArray  # (K,) multipliers
    x: FloatArray  # (K,) values of the basic columns
    edge: FloatArray  # (K,) a direction of the multipliers
    reduced: FloatArray  # (n,) reduced costs by position
    rate: FloatArray  # (n,) how fast they fall along the edge
    turn: FloatArray  # (n + K,) breakpoints of a line search
    order: IntArray  # (n + K,) whose they are
    kept_active: IntArray  # (n + 1,) by depth: the node as it was before its first branch
    kept_client: IntArray  # (n + 1,) the client it branched on, -1 - client when both branches have been entered
    kept_fixed: FloatArray  # (n + 1,)
    kept_bound: FloatArray  # (n + 1,)
    kept_need: FloatArray  # (n + 1, K)
    kept_room: FloatArray  # (n + 1, K)
    kept_basis: IntArray  # (n + 1, K)
    best: BoolArray  # (n,) the best cover by client
    offer: BoolArray  # (n,) the proposed cover by client
    log: FloatArray  # (rows, 2 + K)
    tally: IntArray  # (10,)
    amount: FloatArray  # (3,)


@jit
def make_cover_tree(
    cost: FloatArray, relevance: FloatArray, need: FloatArray, limit: float, log_rows: int
) -> CoverTree:
    """Stand before the root.

    Parameters
    ----------
    cost : ndarray, (n,)
        Finite costs >= 0.
    relevance : ndarray, (n, K)
        Relevances >= 0.
    need : ndarray, (K,)
        Coverage to reach, > 0.
    limit : float
        Only covers cheaper than this are of interest.
    log_rows : int
        Rows that the log has room for; 0 for none.
    """
    n, tasks = relevance.shape
    everything = 0.0
    for i in range(n):
        everything += cost[i]
    tree = CoverTree(
        cost.copy(),
        np.empty((tasks, n)),
        np.arange(n),
        np.arange(n),
        np.zeros(n, dtype=np.bool_),
        np.empty(tasks),
        np.empty(tasks),
        np.empty(tasks),
        np.empty(tasks, dtype=np.int64),
        np.empty((tasks, tasks)),
        np.zeros(tasks),
        np.zeros(tasks),
        np.zeros(tasks),
        np.zeros(n),
        np.zeros(n),
        np.zeros(n + tasks),
        np.zeros(n + tasks, dtype=np.int64),
        np.zeros(n + 1, dtype=np.int64),
        np.zeros(n + 1, dtype=np.int64),
        np.zeros(n + 1),
        np.zeros(n + 1),
        np.zeros((n + 1, tasks)),
        np.zeros((n + 1, tasks)),
        np.zeros((n + 1, tasks), dtype=np.int64),
        np.zeros(n, dtype=np.bool_),
        np.zeros(n, dtype=np.bool_),
        np.zeros((log_rows, 2 + tasks)),
        np.zeros(10, dtype=np.int64),
        np.zeros(3),
    )
    tree.tally[ACTIVE] = n
    # A finite limit, so that a ray of the dual can always be followed beyond it.
    tree.amount[LIMIT] = min(limit, 2.0 * everything + 1.0)
    for k in range(tasks):
        largest = 0.0
        for i in range(n):
            largest = max(largest, relevance[i, k])
        # Rows of size one for the linear algebra; a power of two leaves every digit as it is.
        scale = 2.0 ** -math.ceil(math.log2(largest)) if largest > 0.0 else 1.0
        total = 0.0
        for i in range(n):
            tree.relevance[k, i] = scale * relevance[i, k]
            total += tree.relevance[k, i]
        tree.need[k] = scale * need[k]
        tree.room[k] = total - tree.need[k]
        tree.tolerance[k] = (_TOLERANCE + 4.0 * n * EPS) * (tree.need[k] + total)
        tree.basis[k] = n + k
    return tree


@jit
def decide(tree: CoverTree, i: int, selected: bool) -> None:
    """Take client i out of the undecided ones."""
    j = tree.position[i]
    if selected:
        tree.amount[FIXED] += tree.cost[j]
    for k in range(tree.need.size):
        if selected:
            tree.need[k] -= tree.relevance[k, j]
        else:
            tree.room[k] -= tree.relevance[k, j]
    tree.value[i] = selected
    tree.tally[REFUSED] = 0
    tree.tally[ACTIVE] -= 1
    last = tree.tally[ACTIVE]
    if j == last:
        return
    other = tree.client[last]
    tree.client[last], tree.client[j] = i, other
    tree.position[i], tree.position[other] = last, j
    tree.cost[j], tree.cost[last] = tree.cost[last], tree.cost[j]
    tree.reduced[j], tree.reduced[last] = tree.reduced[last], tree.reduced[j]
    for k in range(tree.need.size):
        tree.relevance[k, j], tree.relevance[k, last] = tree.relevance[k, last], tree.relevance[k, j]


@jit
def keep_node(tree: CoverTree, i: int, bound: float) -> None:
    """Remember the node at hand, which is about to branch on client i, and step below it."""
    depth = tree.tally[DEPTH]
    tree.kept_active[depth] = tree.tally[ACTIVE]
    tree.kept_client[depth] = i
    tree.kept_fixed[depth] = tree.amount[FIXED]
    tree.kept_bound[depth] = bound
    for k in range(tree.need.size):
        tree.kept_need[depth, k] = tree.need[k]
        tree.kept_room[depth, k] = tree.room[k]
        tree.kept_basis[depth, k] = tree.basis[k]
    tree.tally[DEPTH] += 1


@jit
def restore_node(tree: CoverTree, depth: int) -> None:
    """Return to the node kept at a depth."""
    tree.tally[DEPTH] = depth
    tree.tally[ACTIVE] = tree.kept_active[depth]
    tree.amount[FIXED] = tree.kept_fixed[depth]
    for k in range(tree.need.size):
        tree.need[k] = tree.kept_need[depth, k]
        tree.room[k] = tree.kept_room[depth, k]
        tree.basis[k] = tree.kept_basis[depth, k]


@jit
def answer_proposal(tree: CoverTree, taken: bool) -> None:
    """Take the proposed cover as the best one, or refuse it; the search goes on either way."""
    tree.tally[PROPOSED] = 0
    if not taken:
        tree.tally[REFUSED] = 1
        return
    tree.amount[LIMIT] = tree.amount[OFFER]
    tree.tally[FOUND] = 1
    tree.tally[FOUND_AT] = tree.tally[NODES]
    tree.best[:] = tree.offer


@jit
def has_room_in_log(tree: CoverTree) -> bool:
    """Tell whether the next node can be logged whatever happens there (always, where there is no log)."""
    rows = tree.log.shape[0]
    fits: bool = rows == 0 or tree.tally[LOGGED] + tree.client.size + 3 * tree.need.size + 4 <= rows
    return fits


@jit
def log_step(tree: CoverTree, what: int, who: int, step: float) -> None:
    """Write a row of the log, with the multipliers ``mu + step edge``."""
    row = tree.tally[LOGGED]
    if row == tree.log.shape[0]:
        return
    tree.log[row, 0] = what
    tree.log[row, 1] = who
    for k in range(tree.mu.size):
        tree.log[row, 2 + k] = tree.mu[k] if step == 0.0 else tree.mu[k] + step * tree.edge[k]
    tree.tally[LOGGED] += 1
