"""One step of the exact makespan loop: screen at a deadline just below the incumbent's, and solve what is left.

Any answer better than T by a fraction needs, at T less that fraction, a covering selection that costs less than the
carrier. With slack = B - D, a client whose reduced cost is at least the slack is in none of them, and one whose
negative is at least the slack is in all (section 6). The rest is a covering knapsack: one task has its own dynamic
program, several go to HiGHS.
"""

from __future__ import annotations

import contextlib
import math
import os
import sys
import threading
from collections.abc import Iterator
from enum import Enum
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from ..cells import cell_of
from ..certification import to_cell_units
from ..exceptions import SolverError
from ..kernels import Cell, make_work
from ..kernels.knapsack import covering_knapsack
from ..kernels.relaxation import reduce_costs, relax_at
from ..solution import Certificate

if TYPE_CHECKING:
    from .exact import Incumbent

__all__ = ["Verdict", "improve_makespan", "quiet_stdout"]

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]

_MAX_STATES = 50_000_000  # of the dynamic program: 400 MB of links
_MARGIN = 1e-12  # relative: sums of costs are compared no closer than their rounding
_SCALE = 1e5  # costs in units of B / _SCALE: HiGHS' absolute gap of 1e-6 is then 1e-11 of the carrier
_lock = threading.Lock()


class Verdict(Enum):
    """What a step found."""

    PROVEN = "proven"
    BETTER = "better"
    STUCK = "stuck"


def improve_makespan(incumbent: Incumbent, certificate: Certificate, precision: float, time_left_s: float) -> Verdict:
    """Prove the incumbent optimal up to a relative precision, or replace it by a better one."""
    problem = incumbent.problem
    deadline = incumbent.objective_s * (1.0 - precision)
    cell, _ = cell_of(problem)
    work = make_work(cell)
    work.mu[:] = to_cell_units(cell, certificate.multipliers)
    value = relax_at(cell, work, deadline)
    carrier = cell.total_hz * (1.0 + _MARGIN)
    if value > carrier:
        incumbent.raise_bound(deadline)
        return Verdict.PROVEN
    reduce_costs(cell, work)  # the ascent may have left those of perturbed costs
    cost, reduced = work.cost[: cell.free], work.reduced
    slack = carrier - value
    inside = reduced <= -slack
    core = np.flatnonzero(~inside & (reduced < slack) & np.isfinite(cost))
    fixed = cost[inside].sum() + work.cost[cell.free :].sum()
    need = 1.0 - cell.relevance[inside].sum(axis=0) - _MARGIN * 0.1
    limit = carrier + 0.5 * cell.block_hz  # as many blocks as there are may be spent, one more may not
    chosen = _cover(cost[core], cell.relevance[core], need, limit - fixed, work.mu, time_left_s)
    if chosen is None:
        return Verdict.STUCK
    if not chosen.any() and (fixed >= limit or (need > 0.0).any()):
        incumbent.raise_bound(deadline)
        return Verdict.PROVEN
    picked = inside.copy()
    picked[core] = chosen
    return Verdict.BETTER if incumbent.take(_to_selection(cell, picked, problem.clients)) else Verdict.STUCK


def _to_selection(cell: Cell, picked: BoolArray, clients: int) -> BoolArray:
    selected = np.zeros(clients, dtype=np.bool_)
    selected[cell.client[: cell.free][picked]] = True
    selected[cell.client[cell.free :]] = True
    return selected


def _cover(
    cost: FloatArray, relevance: FloatArray, need: FloatArray, limit: float, mu: FloatArray, time_left_s: float
) -> BoolArray | None:
    """Return the cheapest cover below a limit, an empty one where there is proven to be none, None when undecided."""
    nothing = np.zeros(cost.size, dtype=np.bool_)
    open_tasks = np.flatnonzero(need > 0.0)
    if open_tasks.size == 0 or limit <= 0.0:
        return nothing
    if (relevance[:, open_tasks].sum(axis=0) < need[open_tasks]).any():
        return nothing
    if open_tasks.size == 1:
        k = int(open_tasks[0])
        useful = np.flatnonzero(relevance[:, k] > 0.0)
        verdict, _, picked, _ = covering_knapsack(
            np.ascontiguousarray(cost[useful]),
            np.ascontiguousarray(relevance[useful, k]),
            float(need[k]),
            float(mu[k]),
            limit,
            _MAX_STATES,
        )
        if verdict < 0:
            return None
        if verdict == 1:
            nothing[useful] = picked
        return nothing
    return _cover_with_highs(cost, relevance[:, open_tasks], need[open_tasks], limit, time_left_s)


def _cover_with_highs(
    cost: FloatArray, relevance: FloatArray, need: FloatArray, limit: float, time_left_s: float
) -> BoolArray | None:
    from scipy.optimize import Bounds, LinearConstraint, milp  # noqa: PLC0415 - loads HiGHS

    if time_left_s <= 0.0:
        return None
    options: dict[str, float] = {"mip_rel_gap": 0.0}
    if time_left_s < math.inf:
        options["time_limit"] = time_left_s
    with quiet_stdout():
        result = milp(
            cost * (_SCALE / limit),
            integrality=np.ones(cost.size),
            bounds=Bounds(0.0, 1.0),
            constraints=LinearConstraint(relevance.T, need, np.inf),
            options=options,
        )
    bound = result.mip_dual_bound
    if bound is not None and bound >= _SCALE * (1.0 - 1e-10):
        return np.zeros(cost.size, dtype=np.bool_)
    if result.x is None:
        if result.status == 1:
            return None
        if result.status == 2:
            return np.zeros(cost.size, dtype=np.bool_)
        raise SolverError(f"HiGHS ended with status {result.status}: {result.message}")
    picked: BoolArray = result.x > 0.5
    if cost[picked].sum() < limit:
        return picked
    return np.zeros(cost.size, dtype=np.bool_) if result.status == 0 else None


@contextlib.contextmanager
def quiet_stdout() -> Iterator[None]:
    """Keep what a C++ library writes to stdout away from it: HiGHS leaves debug lines there."""
    try:
        sys.stdout.flush()
        target = os.dup(1)
    except (OSError, ValueError, AttributeError):  # no such file descriptor: nothing to protect
        yield
        return
    with _lock, open(os.devnull, "w") as nowhere:
        os.dup2(nowhere.fileno(), 1)
        try:
            yield
        finally:
            os.dup2(target, 1)
            os.close(target)
