"""The core search: exchanges and kicks among the clients that the relaxation hardly cares about.

All of it happens at the costs of one theta, on a small copy of the clients with the least absolute reduced costs;
the rest keep what the relaxation decided. For the makespan a cheaper selection at T is a shorter round, so the
whole cell is looked at again only when something was gained.
"""

from __future__ import annotations

import math

import numpy as np

from ..array_types import BoolArray, FloatArray
from .cell import TOTAL, Cell
from .jit import jit
from .opening import consider, round_relaxation, set_price
from .relaxation import reduce_costs, relax_at
from .search import exchange, measure_slack, nearest_clients, repair, trim
from .state import (
    ABOVE,
    ABOVE_SLOPE,
    BELOW,
    BELOW_SLOPE,
    BOUND,
    BOUND_PRICE,
    DONE,
    OBJECTIVE,
    PHASE,
    PRICE,
    RELAXED,
    SEARCHED,
    START,
    THETA,
    WARM,
    Work,
)
from .vectors import copy_flags, copy_values, take, take_rows

__all__ = ["search_round"]


_JUST_BEFORE = 1e-9  # relative; far above rounding, and the exact method's own precision
_KINK = 1e-3  # of the carrier: how much more or less than it a relaxation buys at a kink of the total bound
_CORE = 3  # clients of either side in the core, as a multiple of the exchange width


@jit
def _kick(
    relevance: FloatArray,
    cost: FloatArray,
    reduced: FloatArray,
    mu: FloatArray,
    chosen: BoolArray,
    slack: FloatArray,
    width: int,
    rank: int,
    stop: BoolArray,
) -> bool:
    """Overrule one decision that the relaxation hardly cares about, and exchange again; False if there is none.

    Even ranks bar a selected client, odd ones force one that was left out, by increasing reduced cost. In the
    second bout the overruled client is free again.
    """
    nearest = np.empty(rank // 2 + 1, dtype=np.int64)
    side = rank % 2 == 0
    if nearest_clients(cost, reduced, chosen, side, nearest) < nearest.size:
        return False
    i = nearest[rank // 2]
    kept_cost, kept_reduced = cost[i], reduced[i]
    chosen[i] = not side
    for k in range(mu.size):
        slack[k] += -relevance[i, k] if side else relevance[i, k]
    cost[i] = math.inf if side else 0.0
    reduced[i] += cost[i] - kept_cost
    covered = repair(relevance, cost, chosen, slack, stop)
    if covered:
        trim(relevance, cost, chosen, slack, stop)
        exchange(relevance, cost, reduced, mu, chosen, slack, width, 50, stop)
    cost[i], reduced[i] = kept_cost, kept_reduced
    if covered:
        trim(relevance, cost, chosen, slack, stop)
        exchange(relevance, cost, reduced, mu, chosen, slack, width, 50, stop)
    return covered


@jit
def _total(cost: FloatArray, chosen: BoolArray) -> float:
    total = 0.0
    for i in range(cost.size):
        if chosen[i]:
            total += cost[i]
    return total


@jit
def _search_core(
    relevance: FloatArray,
    cost: FloatArray,
    reduced: FloatArray,
    mu: FloatArray,
    chosen: BoolArray,
    slack: FloatArray,
    width: int,
    kicks: int,
    stop: BoolArray,
) -> None:
    """Exchange, then kick and exchange from the best found."""
    exchange(relevance, cost, reduced, mu, chosen, slack, width, 100, stop)
    best = chosen.copy()
    best_slack = slack.copy()
    best_cost = _total(cost, chosen)
    # After a kick the exchange looks at fewer: in a core that is hardly wider than the window, a third is as good.
    near = width // 3 if cost.size <= 3 * width else width // 2
    rank = 0
    spent = 0
    while spent < kicks and rank < 2 * cost.size and not stop[0]:
        spent += 1
        usable = _kick(relevance, cost, reduced, mu, chosen, slack, near, rank, stop)
        rank += 1
        if usable:
            total = _total(cost, chosen)
            if total < best_cost * (1.0 - 1e-12):
                best_cost = total
                copy_flags(chosen, best)
                copy_values(slack, best_slack)
                rank = 0
                continue
        copy_flags(best, chosen)
        copy_values(best_slack, slack)


@jit
def _search_from_here(cell: Cell, work: Work, width: int, kicks: int) -> bool:
    """Search the core of the current selection at the current price; tell whether anything changed."""
    reduce_costs(cell, work)
    measure_slack(cell.relevance, cell.aim, work.chosen, work.slack)
    cost = work.cost[: cell.free]
    core = np.empty(2 * _CORE * width, dtype=np.int64)
    n_in = nearest_clients(cost, work.reduced, work.chosen, True, core[: _CORE * width])
    n_out = nearest_clients(cost, work.reduced, work.chosen, False, core[_CORE * width :])
    for j in range(n_out):
        core[n_in + j] = core[_CORE * width + j]
    core = core[: n_in + n_out]
    chosen = np.empty(core.size, dtype=np.bool_)
    for j in range(core.size):
        chosen[j] = work.chosen[core[j]]
    _search_core(
        take_rows(cell.relevance, core),
        take(cost, core),
        take(work.reduced, core),
        work.mu,
        chosen,
        work.slack.copy(),
        width,
        kicks,
        cell.stop,
    )
    changed = False
    for j in range(core.size):
        changed = changed or chosen[j] != work.chosen[core[j]]
        work.chosen[core[j]] = chosen[j]
    return changed


@jit
def _press(cell: Cell, work: Work) -> bool:
    """Look at whole blocks just before the makespan: at it, a selection of fewer blocks need not be faster.

    Who cannot be in time any more is replaced; False where nobody can stand in.
    """
    set_price(cell, work, work.state[PRICE] * (1.0 - _JUST_BEFORE))
    for i in range(cell.free):
        work.chosen[i] = work.chosen[i] and work.cost[i] < math.inf
    measure_slack(cell.relevance, cell.aim, work.chosen, work.slack)
    return repair(cell.relevance, work.cost[: cell.free], work.chosen, work.slack, cell.stop)


@jit
def _cross_the_kink(cell: Cell, work: Work) -> None:
    """Where total latency's best price has a kink, round the relaxation here, and go to the other end of its bracket.

    Two fractional selections tie there, one that buys more than the carrier and one that buys less; either may be the
    one whose rounding is better. Where the bandwidth bought is about the carrier there is one, and nothing to be done.
    """
    state = work.state
    here_below = state[THETA] == state[BELOW]
    excess = state[BELOW_SLOPE] if here_below else state[ABOVE_SLOPE]
    other = state[ABOVE] if here_below else state[BELOW]
    if abs(excess) <= _KINK * cell.total_hz or state[BELOW_SLOPE] <= 0.0 or state[ABOVE] == math.inf:
        return
    for threshold in (0.5, 0.0, 1.0):
        if round_relaxation(cell, work, threshold):
            consider(cell, work)
    if relax_at(cell, work, other) == -math.inf:
        copy_values(work.bound_mu, work.mu)
        set_price(cell, work, state[BOUND_PRICE])


@jit
def search_round(cell: Cell, work: Work, width: int, kicks: int, gap_tol: float) -> None:
    """Search once: from the relaxation's fractions rounded three ways, then from the best so far until nothing comes.

    The roundings (to the nearest, all up, all down and repaired) differ in the few dear clients that no exchange of
    two for two brings back.
    """
    state = work.state
    turn = int(state[SEARCHED])
    state[SEARCHED] += 1
    if state[WARM] == 1.0:  # an earlier answer is at hand: one rounding beside it will do, and fewer kicks
        kicks = kicks // 5
        turn += 2 if turn > 0 else 0
    if turn < 3:
        if turn > 0:
            set_price(cell, work, state[RELAXED])
            reduce_costs(cell, work)
        else:
            if cell.objective == TOTAL:
                _cross_the_kink(cell, work)
            state[RELAXED] = state[THETA]
        if round_relaxation(cell, work, 0.5 if turn == 0 else float(turn - 1)):
            consider(cell, work)
            if state[OBJECTIVE] <= state[BOUND] * (1.0 + gap_tol) or cell.stop[0]:
                return
            _search_from_here(cell, work, width, 0)
            consider(cell, work)
        return
    if cell.stop[0]:
        return
    if state[OBJECTIVE] == math.inf:  # opened by a sample, and no rounding came to anything: open as small cells do
        state[PHASE] = START
        state[SEARCHED] = 0.0
        return
    copy_flags(work.best, work.chosen)
    set_price(cell, work, state[PRICE])
    if cell.block_hz > 0.0 and cell.objective != TOTAL and not _press(cell, work):
        if not cell.stop[0]:
            state[PHASE] = DONE
        return
    changed = _search_from_here(cell, work, width, kicks)
    if (not changed or not consider(cell, work) or turn >= 50) and not cell.stop[0]:
        state[PHASE] = DONE
