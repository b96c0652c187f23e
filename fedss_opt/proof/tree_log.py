"""Several tasks: replay the log of a tree search, and check the reason of every row."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from ..array_types import BoolArray, FloatArray, IntArray
from ..kernels import cover_state as log_rows

__all__ = ["follow_log"]


_ULP = 2.0**-52
_OPEN, _OUT, _IN = 0, 1, 2
_NEAR = 1e-12  # of a requirement: sums this close to it do not decide


def follow_log(
    log: FloatArray,
    cost: FloatArray,
    row: FloatArray,
    place: IntArray,
    least: float,
    is_cover: Callable[[BoolArray], bool],
) -> str | None:
    """Say what is wrong with a log which is to show that no cover costs less than `least`; None where it does.

    Parameters
    ----------
    log : ndarray, (rows, 2 + K)
        What happened, to whom, and multipliers per covered requirement: see `fedss_opt.kernels.cover_state`.
    cost : ndarray, (n,)
        What the clients cost.
    row : ndarray, (K, n)
        The normalised covering constraints, ``row @ a >= 1``.
    place : ndarray of int
        Where the log's clients stand in `cost`; -1 for those who are not there.
    least : float
        The claim.
    is_cover : callable
        Tells of a selection (n,) whether it covers, in exact arithmetic.
    """
    node = _LoggedNode(cost, row, least)
    # The decisions before a branch, its client, and the side that is still to be entered.
    branches: list[tuple[npt.NDArray[np.int8], int, int]] = []
    opposite = {_IN: _OUT, _OUT: _IN}
    for what, who, worths in zip(
        log[:, 0].astype(int).tolist(), log[:, 1].astype(int).tolist(), log[:, 2:], strict=True
    ):
        closed = False
        if what == log_rows.CLOSED_SHORT:
            closed = 0 <= who < row.shape[0] and node.is_short(who)
            if not closed:
                return "a node that is said to be short of relevance is not"
        elif what == log_rows.CLOSED_MET:
            closed = node.spent() >= least
            if not closed:
                return "a cover costs less than it is said to"
        elif what == log_rows.CLOSED_UNMET:
            closed = not (node.side == _OPEN).any() and not is_cover(node.side == _IN)
            if not closed:
                return "a selection that is said to be no cover is one"
        elif what == log_rows.CLOSED:
            closed = node.excludes(worths)
            if not closed:
                return "a bound does not close its node"
        elif what == log_rows.BOUND:
            node.evaluate(worths)
        else:
            i = int(place[who]) if 0 <= who < place.size else -1
            if i < 0:
                return "a row is about a client that is not there"
            if what in (log_rows.DECIDE_IN, log_rows.DECIDE_OUT):
                side = _IN if what == log_rows.DECIDE_IN else _OUT
                if node.side[i] != _OPEN or not node.decides(i, side):
                    return "a reduced cost does not decide what it is said to"
                node.side[i] = side
            elif what in (log_rows.HELD_IN, log_rows.HELD_OUT):
                side = _IN if what == log_rows.HELD_IN else _OUT
                if node.side[i] == _OPEN:
                    if not node.excludes(worths, held=(i, side)):
                        return "a bound does not exclude the side it is said to"
                    node.side[i] = opposite[side]
                    node.value = -math.inf  # it was the bound of the other side
                elif node.side[i] == side:  # the other side was excluded by the row before
                    closed = node.excludes(worths)
                    if not closed:
                        return "a bound does not close its node"
                else:
                    return "a client is decided twice"
            elif what in (log_rows.BRANCH_IN, log_rows.BRANCH_OUT):
                side = _IN if what == log_rows.BRANCH_IN else _OUT
                if node.side[i] != _OPEN:
                    return "a node branches on a client that is decided"
                branches.append((node.side.copy(), i, opposite[side]))
                node.side[i] = side
            else:
                return "a row says nothing that is known"
        if closed:
            if not branches:
                return None
            node.side, i, side = branches.pop()
            node.side[i] = side
            node.value = -math.inf  # the last bound was that of another node
    return "the log ends with nodes that are still open"


class _LoggedNode:
    """Who is decided at a node, and the bound there."""

    def __init__(self, cost: FloatArray, row: FloatArray, least: float) -> None:
        self.cost, self.row, self.least = cost, row, least
        self.side: npt.NDArray[np.int8] = np.zeros(cost.size, dtype=np.int8)
        self.value = -math.inf
        self.beyond = np.zeros(cost.size)
        self.error = np.zeros(cost.size)

    def _sides(self, held: tuple[int, int] | None) -> npt.NDArray[np.int8]:
        """Return what is decided, with a client held at a side."""
        if held is None:
            return self.side
        side = self.side.copy()
        side[held[0]] = held[1]
        return side

    def spent(self) -> float:
        """Return what the clients decided in cost, rounded down."""
        return math.fsum(self.cost[self.side == _IN].tolist()) * (1.0 - _ULP)

    def is_short(self, k: int, held: tuple[int, int] | None = None) -> bool:
        """Tell whether everybody who is not out misses a requirement."""
        return math.fsum(self.row[k, self._sides(held) != _OUT].tolist()) < 1.0 - _NEAR

    def excludes(self, worths: FloatArray, held: tuple[int, int] | None = None) -> bool:
        """Tell whether no cover below the node, with a client held at a side, costs less than the claim.

        Where a requirement is missed by a hair the search follows a ray, whose multipliers are too large for their
        digits: that it is missed is proof enough.
        """
        reached = self.evaluate(worths, held) >= self.least
        return reached or any(self.is_short(k, held) for k in range(self.row.shape[0]))

    def evaluate(self, worths: FloatArray, held: tuple[int, int] | None = None) -> float:
        """Return what covers below the node cost at least by these multipliers, rounded down; -inf for none.

        A negative multiplier charges a surplus, which is at most what everybody open offers beyond the need.
        """
        if not np.isfinite(worths).all():
            self.value = -math.inf
            return self.value
        side = self._sides(held)
        chosen, free = side == _IN, side == _OPEN
        need = 1.0 - _row_sums(self.row[:, chosen])
        charged = np.where(worths > 0.0, need, _row_sums(self.row[:, free]))
        with np.errstate(over="ignore", invalid="ignore"):  # then the value is no number, and proves nothing
            worth = worths @ self.row
            size = np.abs(worths) @ self.row
            self.beyond = self.cost - worth
            self.error = _ULP * (worths.size + 4) * (self.cost + size)
            saved = np.minimum(self.beyond - self.error, 0.0)[free]
            terms = worths * charged
            # NumPy adds a contiguous axis in pairs: 19 roundings in a block of 128, and one when blocks are joined.
            doubt = 64 * _ULP * float(np.abs(worths) @ (1.0 + self.row.sum(axis=1)))
        try:
            value = math.fsum([*self.cost[chosen].tolist(), *terms.tolist(), *saved.tolist()]) - doubt
        except (OverflowError, ValueError):  # infinities of both signs
            value = math.nan
        self.value = value - _ULP * abs(value) if value < math.inf else -math.inf
        return self.value

    def decides(self, i: int, side: int) -> bool:
        """Tell whether the last bound, with client i held at the other side, reaches the claim.

        Rows here can be tighter than those of the search: a client may cost nothing on either side.
        """
        lift = max(self.beyond[i] if side == _OUT else -self.beyond[i], 0.0)
        return bool(self.value + lift - self.error[i] >= self.least)


def _row_sums(row: FloatArray) -> FloatArray:
    """Add up each row. Of a contiguous array, or NumPy adds one number after the other, and not in pairs."""
    sums: FloatArray = np.ascontiguousarray(row).sum(axis=1)
    return sums
