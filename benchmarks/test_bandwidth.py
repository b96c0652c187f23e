"""Bandwidth for a fixed selection: our root against CVXPY + Clarabel's own solve time, and one oracle pass."""

from __future__ import annotations

import time

import numpy as np
import pytest

import fedss_opt as fo
from fedss_opt.cells import cell_of, selection_cell
from fedss_opt.kernels import selection_bandwidth, selection_theta
from fedss_opt.kernels.oracle import cost_pass
from fedss_opt.solvers.reference_bandwidth import reference_bandwidth
from fedss_opt.solvers.selection_answer import optimal_bandwidth

from .families import instance


def _case(clients: int, seed: int) -> tuple[fo.Problem, np.ndarray]:
    """Select exactly `clients`: the better-connected half of a cell of twice the size."""
    problem = instance("umi", 2 * clients, 5, seed)
    return problem, problem.cn0_hz > np.median(problem.cn0_hz)


@pytest.mark.parametrize("clients", [100, 1000])
def test_fixed_selection(benchmark, clients: int) -> None:
    """Ratio of medians in one run; the reference's time is Clarabel's own, without CVXPY's compilation."""
    pytest.importorskip("cvxpy")
    cases = [_case(clients, seed) for seed in range(10)]
    ratios, apart, programs, ours_s = [], [], [], []
    for problem, selected in cases:
        optimal_bandwidth(problem, selected)
        cell = selection_cell(problem, selected)
        members = np.arange(cell.client.size)
        bandwidth = np.empty(cell.client.size)
        times = []
        for _ in range(21):
            began = time.perf_counter()
            theta = selection_theta(cell, members, members.size, float("nan"))
            selection_bandwidth(cell, members, members.size, theta, bandwidth)
            times.append(time.perf_counter() - began)
        reference = reference_bandwidth(problem, selected)
        ours_s.append(float(np.median(times)))
        ratios.append(reference.solver_time_s / ours_s[-1])
        programs.append(reference.programs)
        latency = problem.latency_s(selected, optimal_bandwidth(problem, selected))
        apart.append(abs(reference.objective_s / latency - 1.0))
    benchmark.group = "fixed selection"
    benchmark.extra_info.update(
        clients=clients,
        selected=int(np.median([s.sum() for _, s in cases])),
        kernel_us=1e6 * float(np.median(ours_s)),
        ratio_min=float(min(ratios)),
        ratio_median=float(np.median(ratios)),
        ratio_max=float(max(ratios)),
        programs_median=float(np.median(programs)),
        relative_difference_worst=float(max(apart)),
    )
    benchmark(optimal_bandwidth, *cases[0])


@pytest.mark.parametrize("objective", ["makespan", "total"])
def test_oracle_pass(benchmark, objective: str) -> None:
    """The unit of cost: bandwidth and derivative of all clients at one price, one thread."""
    problem = instance("total" if objective == "total" else "yang2021", 100_000, 1, 0)
    solution = fo.solve(problem)
    theta = solution.latency_s if objective == "makespan" else solution.certificate.price
    cell, _ = cell_of(problem)
    cost, slope = np.empty(cell.client.size), np.empty(cell.client.size)
    benchmark.group = "oracle pass"
    benchmark.extra_info.update(clients=cell.client.size, objective=objective)
    benchmark(cost_pass, cell, theta, cost, slope)
    benchmark.extra_info["ns_per_client"] = 1e9 * benchmark.stats.stats.median / cell.client.size
