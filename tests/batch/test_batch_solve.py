"""Solving a batch: the serial answers, whatever the division; errors, order, progress and interruption."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import fedss_opt as fo
from fedss_opt import OptionError, Problem, ProblemBatch, Status, StopReason
from fedss_opt.batch.answers import KINDS, STATUSES, STOP_REASONS
from fedss_opt.kernels import batch as kernel

from ..kernels.cells import some_problem
from ..strategies import problems
from .cells import assert_same, assert_same_batch, mixed_batch

pytestmark = pytest.mark.usefixtures("warm_batch")


@given(st.lists(problems(), max_size=5), st.sampled_from([1e-4, 0.0, 0.1]), st.sampled_from([None, 0, 7]))
def test_the_answers_are_those_of_solve(several: list[Problem], gap_tol: float, limit: int | None) -> None:
    result = fo.solve_batch(several, gap_tol=gap_tol, max_iterations=limit)
    assert not result.errors
    for problem, solution in zip(several, result, strict=True):
        assert_same(solution, fo.solve(problem, gap_tol=gap_tol, max_iterations=limit))


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_the_division_among_threads_changes_nothing(threads: int) -> None:
    several = mixed_batch(threads, 300)
    result = fo.solve_batch(several, threads=threads)
    for problem, solution in zip(several, result, strict=True):
        assert_same(solution, fo.solve(problem))


@pytest.mark.parametrize("objective", ["makespan", "total"])
def test_large_problems_among_small_ones(objective: str) -> None:
    """`fo.solve` goes through these in several chunks, and opens the largest with a sample of its clients."""
    sizes = [3000, 5, 40_000, 0, 30]
    several = [
        some_problem(np.random.default_rng(n), n, 3, objective=objective, bandwidth_hz=2e5 * (n + 1)) for n in sizes
    ]
    for problem, solution in zip(several, fo.solve_batch(several), strict=True):
        assert_same(solution, fo.solve(problem))


@pytest.mark.slow
def test_the_answers_are_those_of_solve_in_thousands() -> None:
    several = mixed_batch(11, 5000)
    for problem, solution in zip(several, fo.solve_batch(several), strict=True):
        assert_same(solution, fo.solve(problem))


@pytest.mark.parametrize("method", ["greedy", "random", "exact"])
def test_other_methods_are_called_one_by_one(method: str) -> None:
    several = mixed_batch(5, 30, most=8)
    result = fo.solve_batch(several, method, seed=3)
    for problem, solution in zip(several, result, strict=True):
        assert_same(solution, fo.solve(problem, method, seed=3))


def test_a_time_limit_is_kept_by_each_problem() -> None:
    several = mixed_batch(6, 10, most=8)
    result = fo.solve_batch(several, time_limit_s=60.0)
    assert_same_batch(result, fo.solve_batch(several))
    none = fo.solve_batch([some_problem(np.random.default_rng(0), 50, 3)], time_limit_s=0.0)
    assert none[0].stop_reason is StopReason.TIME


def test_a_bad_problem_has_an_error_for_its_answer() -> None:
    good = mixed_batch(7, 4, most=20)
    result = fo.solve_batch([good[0], None, good[1], {"format": "nothing"}, good[2], good[3]])
    assert list(result.errors) == [1, 3]
    assert result[1].status is Status.UNKNOWN
    assert result[1].stop_reason is StopReason.ERROR
    assert "NoneType" in result[1].message
    assert not result.has_answer[1]
    for i, problem in zip((0, 2, 4, 5), good, strict=True):
        assert_same(result[i], fo.solve(problem))


@pytest.mark.parametrize("time_limit_s", [None, 60.0])
def test_a_bad_entry_spoils_its_problem_alone(time_limit_s: float | None) -> None:
    rng = np.random.default_rng(0)
    payload = rng.uniform(1e6, 2e6, 50)
    fields = {"offsets": np.arange(6) * 10, "cn0_hz": 1e7, "bandwidth_hz": 1e6, "task_offsets": np.arange(6)}
    fields |= {"relevance": rng.random(50), "required": 2.0}
    whole = fo.solve_batch(ProblemBatch(payload_bits=payload, **fields), time_limit_s=time_limit_s)
    payload[33] = np.nan
    result = fo.solve_batch(ProblemBatch(payload_bits=payload, **fields), time_limit_s=time_limit_s)
    assert list(result.errors) == [3]
    assert "payload_bits[3] = nan" in result[3].message
    for i in (0, 1, 2, 4):
        assert_same(result[i], whole[i])


def test_a_solve_that_raises_stops_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    several = mixed_batch(8, 5, most=8)

    def raising(problem: Problem, *args: object, **options: object) -> fo.Solution:
        if problem == several[2]:
            raise ZeroDivisionError("on purpose")
        return fo.solve(problem)

    monkeypatch.setattr("fedss_opt.batch.execution.run_method", raising)
    result = fo.solve_batch(several, time_limit_s=60.0)
    assert result.errors == {2: "ZeroDivisionError: on purpose"}
    assert result[2].stop_reason is StopReason.ERROR
    assert_same(result[3], fo.solve(several[3]))


def test_nothing_to_solve() -> None:
    result = fo.solve_batch([])
    assert len(result) == 0
    assert list(result) == []
    assert result.gap.shape == result.selected.shape == (0,)


def test_the_arrays_say_what_the_solutions_say() -> None:
    result = fo.solve_batch([*mixed_batch(9, 200), None])
    for i, solution in enumerate(result):
        assert result.status[i] == solution.status
        assert result.stop_reason[i] == solution.stop_reason
        assert result.has_answer[i] == solution.has_answer
        assert result.latency_s[i] == solution.latency_s
        assert result.iterations[i] == solution.iterations
        np.testing.assert_array_equal(result.gap[i], solution.gap)
        clients = slice(result.offsets[i], result.offsets[i + 1])
        assert (result.selected[clients] == solution.selected).all()
        assert (result.bandwidth_hz[clients] == solution.bandwidth_hz).all()
    assert {*result.status} == {*map(str, Status)}  # the instances are worth something
    assert (result.solve_time_s[:-1] > 0.0).all()
    assert "errors=1" in repr(result)


def test_the_codes_of_the_kernel_are_those_of_the_enums() -> None:
    codes = (kernel.OPTIMAL, kernel.FEASIBLE, kernel.INFEASIBLE, kernel.UNKNOWN)
    assert [STATUSES[code] for code in codes] == list(Status)
    reasons = (StopReason.GAP, StopReason.STALLED, StopReason.ITERATIONS, StopReason.COMPLETED)
    codes = (kernel.GAP, kernel.STALLED, kernel.LIMITED, kernel.COMPLETED)
    assert tuple(STOP_REASONS[code] for code in codes) == reasons
    kinds = (fo.CertificateKind.BOUND, fo.CertificateKind.COVERAGE, fo.CertificateKind.BANDWIDTH)
    assert tuple(KINDS[code] for code in (kernel.BOUND, kernel.COVERAGE, kernel.BANDWIDTH)) == kinds


@pytest.mark.parametrize("covered", [True, False])
def test_coverage_too_close_to_call_is_decided_exactly(covered: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """The kernel's compensated sum leaves open what is within rounding of the requirement; `Problem.covers` decides."""
    need = 1.0 if covered else 1.0 + 2.0**-52
    monkeypatch.setattr("fedss_opt.problem._COVERAGE_ALLOWANCE", 0.0)
    monkeypatch.setattr("fedss_opt.problem._PER_CLIENT", 0.0)
    problem = Problem(payload_bits=[1.0, 1.0], cn0_hz=1.0, bandwidth_hz=1.0, relevance=[[0.5, 0.5]], required=need)
    result = fo.solve_batch([problem])
    assert bool(result._answers.doubtful[0]) == covered
    assert_same(result[0], fo.solve(problem))


def test_a_selection_that_does_not_cover_is_withdrawn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fedss_opt.problem._COVERAGE_ALLOWANCE", 0.0)
    monkeypatch.setattr("fedss_opt.problem._PER_CLIENT", 0.0)
    monkeypatch.setattr(Problem, "covers", lambda problem, selected: np.zeros(problem.n_tasks, dtype=bool))
    problem = Problem(payload_bits=[1.0, 1.0], cn0_hz=1.0, bandwidth_hz=1.0, relevance=[[0.5, 0.5]], required=1.0)
    assert_same(fo.solve_batch([problem])[0], fo.solve(problem))


# -- progress and interruption ----------------------------------------------------------------------------


@pytest.mark.parametrize("threads", [1, 2])
def test_progress_is_told(threads: int) -> None:
    told: list[tuple[int, int]] = []
    fo.solve_batch(mixed_batch(1, 200), threads=threads, progress=lambda done, total: told.append((done, total)))
    assert told == sorted(set(told))
    assert told[-1] == (200, 200)


@pytest.fixture
def _listening_to_ctrl_c() -> Iterator[None]:
    """Have SIGINT raise, also where the tests run in the background of a shell, which ignores it for them."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("_listening_to_ctrl_c")
@pytest.mark.parametrize("threads", [1, 2])
def test_ctrl_c_ends_a_batch(threads: int) -> None:
    told: list[int] = []

    def progress(done: int, total: int) -> None:
        told.append(done)
        signal.raise_signal(signal.SIGINT)

    several = [some_problem(np.random.default_rng(0), 300, 5)] * 100
    with pytest.raises(KeyboardInterrupt):
        fo.solve_batch(several, threads=threads, progress=progress)
    assert told == [min(told)]
    assert told[0] < 100


def test_a_bar_is_shown_at_a_terminal_only(capsys: pytest.CaptureFixture[str]) -> None:
    fo.solve_batch(mixed_batch(1, 20, most=8), progress=True)
    assert capsys.readouterr() == ("", "")


def test_a_bar_is_shown_at_a_terminal(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    fo.solve_batch(mixed_batch(1, 20, most=8), progress=True)
    assert "20/20" in capsys.readouterr().err


# -- options -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"problems": 3}, "problems: a int"),
        ({"problems": Problem(payload_bits=1.0, cn0_hz=1.0, bandwidth_hz=1.0)}, "problems: a Problem"),
        ({"method": "guess"}, "method = 'guess'"),
        ({"threads": 0}, "threads = 0"),
        ({"threads": True}, "threads = True"),
        ({"executor": "dask"}, "executor: a str"),
        ({"progress": 3}, "progress = 3"),
        ({"gap_tol": -1.0}, "gap_tol = -1.0"),
        ({"time_limit_s": "1"}, "time_limit_s = '1'"),
    ],
)
def test_options_are_checked_before_anything_is_solved(options: dict[str, object], words: str) -> None:
    with pytest.raises(OptionError) as caught:
        fo.solve_batch(**{"problems": [], **options})
    assert words in str(caught.value)


def test_the_package_loads_without_the_kernels() -> None:
    code = "import sys, fedss_opt; fedss_opt.ProblemBatch; sys.exit('numba' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
