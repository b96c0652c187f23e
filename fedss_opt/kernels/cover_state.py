"""What the tree search of a covering knapsack with several tasks remembers, and how a client is decided and undecided.

Undecided clients come first in every array, so that a pass reads a solid block that shrinks down the tree. Deciding
swaps a client behind the block and shortens it by one; going back only restores its length: what lies behind is a
stack.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from .jit import jit

__all__ = [
    "ACTIVE",
    "DEPTH",
    "DONE",
    "FIXED",
    "FOUND",
    "FOUND_AT",
    "LIMIT",
    "NODES",
    "PIVOTS",
    "CoverTree",
    "decide",
    "keep_node",
    "make_cover_tree",
    "restore_node",
]

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]

# Entries of `CoverTree.tally`: undecided clients, depth of the node at hand, nodes and pivots so far, nodes when the
# best cover was found, and whether there is one and the search has ended.
ACTIVE, DEPTH, NODES, PIVOTS, FOUND_AT, FOUND, DONE = range(7)
# Entries of `CoverTree.amount`: cost of the clients decided in, and the cost to beat.
FIXED, LIMIT = range(2)

_TOLERANCE = 1e-13  # of the requirement: rounding of the sums that a remaining need is a difference of


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
    tally: IntArray  # (7,)
    amount: FloatArray  # (2,)


@jit
def make_cover_tree(cost: FloatArray, relevance: FloatArray, need: FloatArray, limit: float) -> CoverTree:
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
        np.zeros(7, dtype=np.int64),
        np.zeros(2),
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
        tree.tolerance[k] = _TOLERANCE * tree.need[k]
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
