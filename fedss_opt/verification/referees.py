"""Other solvers of the same problem, written here from its definition: none of the package's solvers is used.

Least bandwidths and best prices come from NumPy and from SciPy's bracketing; selections from enumeration or
HiGHS. They are as slow as they are plain, and accurate to about 1e-10 where the data are of ordinary size.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.optimize import Bounds, LinearConstraint, brentq, milp

from ..problem import Objective, Problem
from .block_referees import BlockTable, Choice, best_of, greedy_split, makespan_by_covers, program

__all__ = [
    "Verdict",
    "beyond",
    "brute_force",
    "cheapest_cover",
    "covering_rows",
    "highs",
    "least_bandwidths",
    "minimal_covers",
    "priced",
    "selection_bandwidths",
    "selection_price",
    "selection_value",
]

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]

_LN2 = math.log(2.0)


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What a referee says: the optimum (inf: infeasible), who is selected, and how tightly it is enclosed.

    Attributes
    ----------
    value : float
        s; the objective of the referee's selection.
    bound : float
        s; nothing is below it, as far as the referee can tell. Equal to `value` where it proved the optimum.
    selected : ndarray of bool, (N,)
        Its selection.
    finished : bool
        Whether it came to its end.
    """

    value: float
    bound: float
    selected: BoolArray
    finished: bool = True


def _most(problem: Problem) -> FloatArray:
    return np.minimum(problem.max_bandwidth_hz, problem.bandwidth_hz)


def least_bandwidths(problem: Problem, deadline: float) -> FloatArray:
    """beta_n(T) of every client, Hz; inf where it cannot finish by T or its limits exclude it."""
    tau = np.minimum(deadline - problem.compute_s, problem.max_upload_s)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        if problem.spectral_efficiency is not None:
            b = problem.payload_bits / (problem.spectral_efficiency * tau)
        else:
            assert problem.cn0_hz is not None
            reach, load = problem.cn0_hz * tau, problem.payload_bits * _LN2
            # L/expm1(L) = G by Newton on the convex log(expm1(L)/L) = -log G, from the right of its root.
            y = np.where(reach > 2.0 * load, np.log(reach / load), -np.log1p((load - reach) / reach))
            length = 2.0 * np.where(reach > load, y, 1.0)
            for _ in range(14):
                small = length < 0.01
                value = np.where(small, length / 2 + length**2 / 24, length + np.log(-np.expm1(-length) / length))
                slope = np.where(small, 0.5 + length / 12, -1.0 / np.expm1(-length) - 1.0 / length)
                length = length - (value - y) / slope
            b = np.where(reach > load, load / (tau * length), np.inf)
            b = np.where(np.isinf(tau), 0.0, b)
        b = np.maximum(np.where(tau > 0.0, b, np.inf), problem.min_bandwidth_hz)
    return np.where(b <= _most(problem) * (1.0 + 1e-13), b, np.inf)


def priced(problem: Problem, price: float) -> tuple[FloatArray, FloatArray]:
    """Best bandwidth of every client at a price per hertz, and its cost; inf where its limits exclude it."""
    least, most = least_bandwidths(problem, math.inf), _most(problem)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        if problem.spectral_efficiency is not None:
            b = np.sqrt(problem.weights * problem.payload_bits / (problem.spectral_efficiency * price))
        else:
            assert problem.cn0_hz is not None
            goal = np.log(price / (problem.weights * problem.payload_bits * _LN2)) + 2.0 * np.log(problem.cn0_hz)
            low, high = 0.5 * goal - 8.0, 0.5 * goal + 8.0 + np.log1p(np.abs(goal))
            for _ in range(64):  # bisection in log x: the marginal saving is monotone
                middle = 0.5 * (low + high)
                x = np.exp(np.minimum(middle, 600.0))
                length = np.log1p(x)
                gap = np.where(x > 1e-4, length - x / (1.0 + x), x * x * (0.5 - 2.0 * x / 3.0))
                below = 2.0 * middle + np.log(gap) - 2.0 * np.log(length) < goal
                low, high = np.where(below, middle, low), np.where(below, high, middle)
            b = problem.cn0_hz * np.exp(-0.5 * (low + high))
        b = np.clip(np.nan_to_num(b, nan=0.0, posinf=1e300), np.minimum(least, most), most)
        cost = problem.weights * (problem.compute_s + problem.upload_s(np.minimum(b, 1e30))) + price * b
    return b, np.where(np.isfinite(least), cost, np.inf)


def _root(function: Callable[[float], float], low: float, high: float) -> float:
    """Return the root of a function that decreases from `low`, where it is >= 0, to `high`, where it is <= 0."""
    first, last = math.log(low), math.log(high)

    def at(z: float) -> float:
        return function(math.exp(z))

    if at(first) <= 0.0:
        return low
    if at(last) >= 0.0:
        return high
    return math.exp(brentq(at, first, last, xtol=1e-14, rtol=1e-14))


def selection_value(problem: Problem, selected: BoolArray) -> float:
    """Objective of a selection on its best bandwidths, s; inf where its limits do not fit."""
    return _selection(problem, selected)[0]


def selection_price(problem: Problem, selected: BoolArray) -> float:
    """Price of bandwidth at which a selection uses up the carrier, s/Hz (total), or its deadline, s (makespan)."""
    return _selection(problem, selected)[1]


def selection_bandwidths(problem: Problem, selected: BoolArray) -> FloatArray:
    """Best bandwidths of a selection that fits, Hz, (N,); total latency."""
    _, price = _selection(problem, selected)
    if price == 0.0:
        b = np.minimum(_most(problem), 1e30)
    elif price == math.inf:
        b = least_bandwidths(problem, math.inf)
    else:
        b = priced(problem, price)[0]
    return np.where(selected, b, 0.0)


def _selection(problem: Problem, selected: BoolArray) -> tuple[float, float]:
    """Value, and deadline or price, of a selection."""
    if not selected.any():
        return 0.0, 0.0
    if problem.resource_block_hz is not None:
        value, saved = greedy_split(BlockTable(problem), selected)
        return value, value if problem.objective is Objective.MAKESPAN else saved / problem.resource_block_hz
    floor = least_bandwidths(problem, math.inf)[selected]
    band = problem.bandwidth_hz
    if not np.isfinite(floor).all() or floor.sum() > band * (1.0 + 1e-12):
        return math.inf, math.inf
    if problem.objective is Objective.MAKESPAN:
        # Nobody finishes sooner than alone; everybody finishes by the slowest on an even share or its own floor.
        earliest = float((problem.compute_s + problem.upload_s(np.minimum(_most(problem), 1e30)))[selected].max())

        def excess(deadline: float) -> float:
            return min(float(least_bandwidths(problem, deadline)[selected].sum()) / band, 1e6) - 1.0

        earliest *= 1.0 + 1e-13
        if excess(earliest) <= 0.0:
            return earliest, earliest
        latest = 2.0 * earliest
        while excess(latest) > 0.0:
            latest *= 2.0
            if latest > earliest * 1e40:  # the floors alone fill the carrier, but for rounding
                return _makespan_on(problem, selected, floor)
        deadline = _root(excess, earliest, latest)
        return deadline, deadline
    most = _most(problem)[selected]
    if most.sum() <= band:
        return problem.objective_s(selected, np.where(selected, np.minimum(_most(problem), 1e30), 0.0)), 0.0

    def bought(price: float) -> float:
        return float(priced(problem, price)[0][selected].sum()) / band - 1.0

    scale = float((problem.weights * problem.upload_s(band))[selected].max()) / band
    low = high = scale
    while bought(low) < 0.0:
        low /= 16.0
    while bought(high) > 0.0:
        high *= 16.0
        if high > scale * 1e60:
            return _makespan_on(problem, selected, floor)
    price = _root(bought, low, high)
    return float(priced(problem, price)[1][selected].sum()) - price * band, price


def _makespan_on(problem: Problem, selected: BoolArray, floor: FloatArray) -> tuple[float, float]:
    bandwidth = np.zeros(problem.n_clients)
    bandwidth[selected] = floor
    return problem.objective_s(selected, bandwidth), math.inf


def minimal_covers(problem: Problem) -> BoolArray:
    """All admissible covering selections from which nobody optional can be dropped, one row each."""
    n = problem.n_clients
    codes = np.arange(1 << n)
    rows = (codes[:, None] >> np.arange(n)) & 1 == 1
    covering = np.ones(1 << n, dtype=bool)
    for k in range(problem.n_tasks):
        received, target = rows @ problem.relevance[k], float(problem.coverage_target[k])
        served = received >= target
        for code in np.flatnonzero(np.abs(received - target) <= 1e-11 * target):
            served[code] = math.fsum([*problem.relevance[k][rows[code]].tolist(), -target]) >= 0.0
        covering &= served
    blocks = problem.resource_block_hz is not None
    able = BlockTable(problem).able if blocks else np.isfinite(least_bandwidths(problem, math.inf)) & problem.available
    keep = covering & rows[:, problem.mandatory].all(axis=1) & ~rows[:, ~able].any(axis=1)
    for i in np.flatnonzero(~problem.mandatory):
        keep &= ~(rows[:, i] & covering[codes ^ (1 << int(i))])
    minimal: BoolArray = rows[keep]
    return minimal


def brute_force(problem: Problem) -> Verdict:
    """Try every selection, up to 14 clients; pass over those that the best one's deadline or price rules out.

    Raises
    ------
    ValueError
        For more clients.
    """
    if problem.n_clients > 14:
        raise ValueError(f"{problem.n_clients} clients: brute force is for 14 at most")
    rows = minimal_covers(problem)
    if problem.resource_block_hz is not None:
        return _verdict(best_of(BlockTable(problem), rows))
    best, chosen = math.inf, np.zeros(problem.n_clients, dtype=bool)
    waiting = np.ones(len(rows), dtype=bool)
    order = np.where(rows, least_bandwidths(problem, math.inf), 0.0).sum(axis=1)
    while waiting.any():
        i = int(np.argmin(np.where(waiting, order, np.inf)))
        waiting[i] = False
        value, theta = _selection(problem, rows[i])
        if value < best:
            best, chosen = value, rows[i]
        if value == math.inf or not 0.0 < theta < math.inf:
            continue
        if problem.objective is Objective.MAKESPAN:
            cost = np.where(rows, least_bandwidths(problem, best * (1.0 - 1e-11)), 0.0).sum(axis=1)
            order = cost
            waiting &= cost <= problem.bandwidth_hz * (1.0 + 1e-12)
        else:
            lower = np.where(rows, priced(problem, theta)[1], 0.0).sum(axis=1) - theta * problem.bandwidth_hz
            order = np.maximum(lower, 0.0)
            waiting &= lower < best * (1.0 - 1e-11)
    return Verdict(value=best, bound=best, selected=chosen)


def _verdict(choice: Choice) -> Verdict:
    bound = choice.value if choice.finished else 0.0
    return Verdict(value=choice.value, bound=bound, selected=choice.selected, finished=choice.finished)


def highs(problem: Problem, *, max_passes: int = 60) -> Verdict:
    """Solve by HiGHS: the outer loop of section 7 (makespan), or outer approximation by tangents (total).

    Whole resource blocks make the total a mixed-integer linear program, which takes no tangents.
    """
    if problem.resource_block_hz is not None:
        table = BlockTable(problem)
        if problem.objective is Objective.TOTAL:
            return _verdict(program(table))
        return _verdict(makespan_by_covers(table, cheapest_cover, max_passes))
    if problem.objective is Objective.MAKESPAN:
        return _highs_makespan(problem, max_passes)
    from .tangents import highs_total  # noqa: PLC0415 - the larger half, in a file of its own

    return highs_total(problem, max_passes)


def _highs_makespan(problem: Problem, max_passes: int) -> Verdict:
    best, chosen = math.inf, np.zeros(problem.n_clients, dtype=bool)
    deadline = math.inf
    for _ in range(max_passes):
        found = cheapest_cover(problem, least_bandwidths(problem, deadline))
        if found is None:
            break
        if deadline < math.inf:
            spent = float(least_bandwidths(problem, deadline)[found].sum())
            if spent > problem.bandwidth_hz:
                return Verdict(value=best, bound=best, selected=chosen)
        value = selection_value(problem, found)
        if not value < best:
            return Verdict(value=best, bound=best, selected=chosen)
        best, chosen = value, found
        if best == 0.0:
            break
        deadline = best * (1.0 - 1e-11)
    return Verdict(value=best, bound=best, selected=chosen)


def cheapest_cover(problem: Problem, cost: FloatArray) -> BoolArray | None:
    """Find the cheapest covering selection at given costs by HiGHS; None where there is none of finite cost."""
    able = problem.available & np.isfinite(cost)
    if (problem.mandatory & ~able).any():
        return None
    if problem.n_clients == 0:
        return None if (problem.coverage_target > 0.0).any() else np.zeros(0, dtype=bool)
    bounds = Bounds(problem.mandatory.astype(float), able.astype(float))
    rows = covering_rows(problem, problem.n_clients)
    for _ in range(50):
        result = milp(
            # HiGHS stops at an absolute gap of 1e-6: the carrier, which decides, counts as a thousand.
            np.where(able, cost, 0.0) * (1e3 / problem.bandwidth_hz),
            integrality=np.ones(problem.n_clients),
            bounds=bounds,
            constraints=rows,
            options={"mip_rel_gap": 0.0},
        )
        if result.x is None:
            return None
        found: BoolArray = result.x > 0.5
        if problem.covers(found).all():
            return found
        rows.append(beyond(found, problem.n_clients))
    return None


def covering_rows(problem: Problem, width: int) -> list[LinearConstraint]:
    """R a >= target with rows scaled to about 1, for `width` variables of which the first N are a."""
    if problem.n_tasks == 0:
        return []
    size = np.maximum(problem.relevance.max(axis=1, initial=0.0), 1e-300)
    table = np.zeros((problem.n_tasks, width))
    table[:, : problem.n_clients] = problem.relevance / size[:, None]
    return [LinearConstraint(table, problem.coverage_target / size, np.inf)]


def beyond(found: BoolArray, width: int) -> LinearConstraint:
    """Demand somebody outside a selection that HiGHS, content with 1e-6 too little, took for a covering one."""
    row = np.zeros((1, width))
    row[0, : len(found)] = ~found
    return LinearConstraint(row, 1.0, np.inf)
