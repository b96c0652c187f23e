"""Time limits: the flag and the thread that sets it, and what a solve is worth that was stopped at any point.

No test looks at the clock: what a flag that is set does to the kernels is in ``tests/kernels/test_stop.py``.
"""

from __future__ import annotations

import math
import os
import signal
import time
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import fedss_opt as fo
from fedss_opt.solvers import METHODS, admm_method
from fedss_opt.solvers.policies import covering
from fedss_opt.solvers.stopping import Stop

from ..strategies import problems

POLICIES = [name for name, (module, _) in METHODS.items() if module == "policies"]


def wait_for(stop: Stop) -> None:
    while not stop.flag[0]:
        time.sleep(0.001)


def test_a_flag_is_set_when_its_time_comes_and_not_before() -> None:
    with Stop(math.inf) as never, Stop(time.perf_counter() + 1e6) as late, Stop(time.perf_counter() + 0.01) as soon:
        wait_for(soon)
        assert not never.flag[0]
        assert not late.flag[0]


def test_a_time_that_has_passed_sets_the_flag_at_once() -> None:
    with Stop(0.0) as stop:
        assert stop.flag[0]


def test_a_deadline_can_be_moved() -> None:
    with Stop(0.0) as stop:
        stop.at(math.inf)
        assert not stop.flag[0]
        stop.at(time.perf_counter() + 1e6)
        assert not stop.flag[0]
        stop.at(time.perf_counter() + 0.01)  # earlier than what the thread sleeps for
        wait_for(stop)
        stop.at(-1.0)
        assert stop.flag[0]


def test_nothing_is_set_after_the_end() -> None:
    with Stop(time.perf_counter() + 0.01) as over:
        pass
    with Stop(time.perf_counter() + 0.02) as later:
        wait_for(later)
    assert not over.flag[0]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of forking with threads, which is the point
def test_a_forked_process_has_its_own_thread() -> None:
    with Stop(time.perf_counter() + 0.001) as stop:
        wait_for(stop)
    child = os.fork()
    if child == 0:
        with Stop(time.perf_counter() + 0.001) as stop:
            wait_for(stop)
        os._exit(7)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7


@settings(max_examples=60, deadline=None)
@given(problem=problems(max_clients=12), steps=st.integers(0, 6))
def test_a_solve_stopped_after_any_step_is_sound(problem: fo.Problem, steps: int) -> None:
    """As the time limit stops it: the flag is set, the answer is made of what there is."""

    def step(cell: Any, work: Any, gap_tol: float, _effort: float, *rest: Any) -> None:
        for _ in range(steps):
            kernel(cell, work, gap_tol, 1.0, *rest)
        if work.state[admm_method.state.PHASE] != admm_method.state.DONE:
            cell.stop[0] = True

    kernel, whole = admm_method.advance, fo.solve(problem, gap_tol=0.0)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(admm_method, "advance", step)
        solution = fo.solve(problem, gap_tol=0.0)
    assert fo.check(problem, solution).ok
    assert solution.status is not fo.Status.INFEASIBLE or whole.status is fo.Status.INFEASIBLE
    if solution.has_answer and whole.has_answer:
        assert solution.lower_bound_s <= whole.objective_s
        assert solution.objective_s >= whole.lower_bound_s


@pytest.mark.parametrize("method", POLICIES)
def test_policies_do_not_go_on_without_time(method: str, monkeypatch: pytest.MonkeyPatch) -> None:
    problem = fo.scenarios.make("umi", n_clients=20)
    for many in (covering.MANY, 0):
        monkeypatch.setattr(covering, "MANY", many)
        solution = fo.solve(problem, method, time_limit_s=0.0)
        assert solution.status is fo.Status.UNKNOWN
        assert solution.stop_reason is fo.StopReason.TIME
    free, limited = fo.solve(problem, method), fo.solve(problem, method, time_limit_s=600.0)
    assert np.array_equal(free.bandwidth_hz, limited.bandwidth_hz)


def test_a_cell_too_large_for_its_limit_is_not_begun(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(admm_method, "_LATE_S", 0.0)
    monkeypatch.setattr(admm_method, "begin", None)
    solution = fo.solve(fo.scenarios.make("umi", n_clients=20), time_limit_s=0.0)
    assert solution.status is fo.Status.UNKNOWN
    assert solution.stop_reason is fo.StopReason.TIME
    assert solution.lower_bound_s == 0.0


def test_a_limit_that_is_not_reached_changes_nothing() -> None:
    problem = fo.scenarios.make("yang2021", n_clients=60, n_tasks=3, seed=1)
    for method in ("admm", "exact"):
        free, limited = fo.solve(problem, method), fo.solve(problem, method, time_limit_s=3600.0)
        assert np.array_equal(free.bandwidth_hz, limited.bandwidth_hz)
        assert (free.objective_s, free.lower_bound_s) == (limited.objective_s, limited.lower_bound_s)
        assert free.stop_reason is limited.stop_reason


@pytest.mark.skipif(os.name != "posix", reason="signals of this kind")
def test_ctrl_c_ends_a_long_round(monkeypatch: pytest.MonkeyPatch) -> None:
    def endless(cell: Any, *_: Any) -> None:
        os.kill(os.getpid(), signal.SIGINT)
        while not cell.stop[0]:
            time.sleep(0.001)

    monkeypatch.setattr(admm_method, "_LONG_ROUNDS", 0)
    monkeypatch.setattr(admm_method, "advance", endless)
    solution = fo.solve(fo.scenarios.make("umi", n_clients=20))
    assert solution.stop_reason is fo.StopReason.INTERRUPTED


def test_what_a_long_round_raises_reaches_the_caller(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any) -> None:
        raise MemoryError("no room")

    monkeypatch.setattr(admm_method, "_LONG_ROUNDS", 0)
    monkeypatch.setattr(admm_method, "advance", broken)
    with pytest.raises(MemoryError, match="no room"):
        fo.solve(fo.scenarios.make("umi", n_clients=20))
