"""The true optimum, found independently of the method measured: section 7 of the mathematics, on HiGHS.

Given an incumbent with value L, every strictly better selection costs less than it at the incumbent's theta.
For the makespan the cheapest covering selection at T either costs the whole carrier (the incumbent is optimal)
or has a smaller makespan; the loop ends after a few rounds with a proof.
"""

from __future__ import annotations

import numpy as np
from scipy.optimize import Bounds, LinearConstraint, milp

import fedss_opt as fo
from fedss_opt.cells import cell_of
from fedss_opt.kernels.oracle import cost_pass
from fedss_opt.solvers.selection_answer import optimal_bandwidth


def least_bandwidth(problem: fo.Problem, deadline_s: float) -> np.ndarray:
    """Least bandwidth of every client at a deadline, inf for those out of reach."""
    cell, _ = cell_of(problem)
    cost = np.empty(cell.client.size)
    cost_pass(cell, deadline_s, cost, np.empty_like(cost))
    everybody = np.full(problem.n_clients, np.inf)
    everybody[cell.client] = cost
    return everybody


def optimal_makespan(problem: fo.Problem, start: fo.Solution, time_limit_s: float = 120.0) -> tuple[float, bool]:
    """Return the least makespan found and whether it is proven."""
    best = start.latency_s
    for _ in range(30):
        cost = least_bandwidth(problem, best)
        usable = np.isfinite(cost)
        result = milp(
            np.where(usable, cost, 0.0) / problem.bandwidth_hz,
            integrality=np.ones(problem.n_clients),
            bounds=Bounds(0, usable.astype(float)),
            constraints=LinearConstraint(problem.relevance / problem.coverage_target[:, None], 1.0, np.inf),
            options={"mip_rel_gap": 0.0, "time_limit": time_limit_s},
        )
        if result.status != 0:
            return best, False
        selected = result.x > 0.5
        bandwidth = optimal_bandwidth(problem, selected)
        if bandwidth is None or not problem.covers(selected).all():
            return best, False
        makespan = problem.latency_s(selected, bandwidth)
        if makespan >= best * (1.0 - 1e-12):
            return best, True
        best = makespan
    return best, False
