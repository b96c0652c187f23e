"""The proven optimum against brute force, and how the exact method ends early."""

from __future__ import annotations

import math
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings

import fedss_opt as fo
from fedss_opt.solution import CertificateKind
from fedss_opt.solvers import exact as exact_module
from tests import naive
from tests.strategies import problems


def cell(seed: int, clients: int = 60, tasks: int = 3, **changes: object) -> fo.Problem:
    """Draw a cell whose relaxation leaves a gap."""
    fields = {"payload_bits": (0.5e6, 5e6), "bandwidth_hz": 0.4e6 * clients, **changes}
    return fo.scenarios.make("yang2021", n_clients=clients, n_tasks=tasks, seed=seed, **fields)


@settings(max_examples=100)
@given(problems(max_clients=9))
def test_agrees_with_brute_force(problem: fo.Problem) -> None:
    assert_agrees_with_brute_force(problem)


@pytest.mark.slow
@settings(max_examples=2000)
@given(problems(max_clients=8))
def test_agrees_with_brute_force_on_many(problem: fo.Problem) -> None:
    assert_agrees_with_brute_force(problem)


def assert_agrees_with_brute_force(problem: fo.Problem) -> None:
    """1e-8: the loop proves 1e-9, and brute force bisects to about as much."""
    truth = naive.brute_force(problem)
    solution = fo.solve(problem, "exact")
    if not truth.feasible:
        assert solution.status in (fo.Status.INFEASIBLE, fo.Status.UNKNOWN)
        return
    if solution.status is fo.Status.UNKNOWN:
        return
    assert solution.objective_s <= truth.value * (1.0 + 1e-8)
    assert solution.lower_bound_s <= truth.value * (1.0 + 1e-8)
    assert solution.status is fo.Status.OPTIMAL


@pytest.mark.parametrize("objective", ["makespan", "total"])
@pytest.mark.parametrize("tasks", [1, 3])
def test_proves_what_the_relaxation_cannot(objective: str, tasks: int) -> None:
    problem = cell(1, clients=40, tasks=tasks, objective=objective)
    heuristic, exact = fo.solve(problem), fo.solve(problem, "exact")
    assert heuristic.gap > 1e-3
    assert exact.status is fo.Status.OPTIMAL
    assert exact.stop_reason is fo.StopReason.GAP
    assert exact.gap <= 1.1e-9
    assert exact.certificate.kind is CertificateKind.SEARCH
    assert heuristic.lower_bound_s <= exact.lower_bound_s
    assert exact.objective_s <= heuristic.objective_s * (1.0 + 1e-15)  # the same answer, summed in another order
    assert fo.check(problem, exact).ok


@pytest.mark.parametrize("objective", ["makespan", "total"])
@pytest.mark.parametrize("gap_tol", [1e-2, 1e-4, 1e-6])
def test_ends_at_the_tolerance_that_was_asked_for(objective: str, gap_tol: float) -> None:
    """Nothing is proven beyond it, once the ADMM alone was not near enough."""
    searched = 0
    for seed in range(8):
        problem = cell(seed, clients=40, tasks=3, objective=objective)
        solution = fo.solve(problem, "exact", gap_tol=gap_tol)
        assert solution.status is fo.Status.OPTIMAL
        assert solution.gap <= gap_tol
        if solution.certificate.kind is CertificateKind.SEARCH:
            searched += 1
            assert solution.gap >= 0.999 * gap_tol  # but for nodes that were left at a better bound
    assert searched > 0


def test_without_a_tolerance_the_optimum_is_proven_by_every_way_to_ask() -> None:
    problem = cell(1, clients=40, tasks=3)
    assert fo.solve(problem, "exact").gap <= 1.1e-9
    assert fo.solve_batch([problem], "exact").gap[0] <= 1.1e-9


def test_the_certificate_of_a_search_proves_its_root() -> None:
    problem = cell(2)
    exact = fo.solve(problem, "exact")
    root = exact.certificate.bound(problem)
    assert 0.0 < root < exact.lower_bound_s


@pytest.mark.parametrize("objective", ["makespan", "total"])
def test_no_time_leaves_an_honest_answer(objective: str) -> None:
    problem = cell(3, objective=objective)
    solution = fo.solve(problem, "exact", time_limit_s=0.0)
    assert solution.stop_reason is fo.StopReason.TIME
    assert solution.status is not fo.Status.OPTIMAL


def test_node_limit() -> None:
    solution = fo.solve(cell(3, objective="total"), "exact", max_iterations=2)
    assert solution.stop_reason is fo.StopReason.ITERATIONS
    assert solution.status is fo.Status.FEASIBLE


def test_ctrl_c_during_the_search_keeps_the_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(exact_module, "find_selection", interrupt)
    solution = fo.solve(cell(3), "exact")
    assert solution.stop_reason is fo.StopReason.INTERRUPTED
    assert solution.has_answer
    assert math.isfinite(solution.objective_s)


def test_nothing_reaches_stdout() -> None:
    """HiGHS prints debug lines of its own; a JSON document on stdout must not meet them."""
    script = (
        "import fedss_opt as fo\n"
        "for seed in range(3):\n"
        "    p = fo.scenarios.make(\n"
        "        'umi', n_clients=60, n_tasks=4, seed=seed, payload_bits=(5e5, 5e6), bandwidth_hz=24e6\n"
        "    )\n"
        "    assert fo.solve(p, 'exact').status == 'optimal'\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == ""


def test_mandatory_clients_are_kept() -> None:
    problem = cell(4)
    worst = int(np.argmin(problem.cn0_hz))
    mandatory = np.zeros(problem.n_clients, dtype=bool)
    mandatory[worst] = True
    solution = fo.solve(problem.replace(mandatory=mandatory), "exact")
    assert solution.status is fo.Status.OPTIMAL
    assert solution.selected[worst]
