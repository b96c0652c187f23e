"""Executors of the standard library: the same answers, a worker that dies, an interruption, nothing left behind."""

from __future__ import annotations

import os
import signal
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context
from typing import Any

import numpy as np
import pytest

import fedss_opt as fo
from fedss_opt.batch import on_executor

from ..kernels.cells import some_problem
from .cells import assert_same_batch, mixed_batch

pytestmark = pytest.mark.usefixtures("warm_batch")


class InOrder(Executor):
    """Solves what it is given when it is asked for it, and remembers."""

    def __init__(self) -> None:
        self.lengths: list[int] = []

    def submit(self, function: Any, /, *args: Any, **named: Any) -> Future[Any]:
        self.lengths.append(len(args[0]))
        future: Future[Any] = Future()
        try:
            future.set_result(function(*args, **named))
        except Exception as error:
            future.set_exception(error)
        return future


@pytest.mark.parametrize("method", ["admm", "greedy"])
def test_a_pool_of_processes_gives_the_same_answers(method: str) -> None:
    several = [*mixed_batch(1, 400, most=60), None]
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        result = fo.solve_batch(several, method, executor=pool)
    assert_same_batch(result, fo.solve_batch(several, method))
    assert list(result.errors) == [400]


def test_a_worker_that_dies_takes_nothing_along() -> None:
    several = [some_problem(np.random.default_rng(seed), 60, 3) for seed in range(1500)]
    killed: list[int] = []
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:

        def kill(done: int, total: int) -> None:
            if not killed:
                killed.append(next(iter(pool._processes)))
                os.kill(killed[0], signal.SIGKILL)

        result = fo.solve_batch(several, executor=pool, progress=kill)
        with pytest.raises(Exception, match="abruptly"):
            pool.submit(int).result()
    assert_same_batch(result, fo.solve_batch(several))


@pytest.mark.parametrize("threads", [1, 2])
def test_a_pool_of_threads_gives_the_same_answers(threads: int) -> None:
    several = mixed_batch(2, 200, most=60)
    with ThreadPoolExecutor(2) as pool:
        result = fo.solve_batch(several, executor=pool, threads=threads)
    assert_same_batch(result, fo.solve_batch(several))


def test_an_interruption_cancels_what_waits() -> None:
    several = [some_problem(np.random.default_rng(0), 100, 5)] * 3000

    def stop(done: int, total: int) -> None:
        raise KeyboardInterrupt

    with ThreadPoolExecutor(1) as pool:
        with pytest.raises(KeyboardInterrupt):
            fo.solve_batch(several, executor=pool, progress=stop)
        assert pool._work_queue.qsize() <= 3
        assert pool.submit(int).result() == 0


def test_a_chunk_that_no_scheduler_would_like_to_see_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(on_executor, "_MOST_ENTRIES", 10 * 8 * 5)
    several = [some_problem(np.random.default_rng(seed), 8, 2) for seed in range(20)]
    executor = InOrder()
    assert_same_batch(fo.solve_batch(several, executor=executor), fo.solve_batch(several))
    assert max(executor.lengths) == 5
    assert sum(executor.lengths) == 20


def test_what_is_wrong_with_a_worker_is_not_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*args: object) -> None:
        raise ModuleNotFoundError("No module named 'fedss_opt'")

    monkeypatch.setattr(on_executor, "solve_piece", broken)
    with pytest.raises(ModuleNotFoundError, match="fedss_opt"):
        fo.solve_batch(mixed_batch(0, 3), executor=InOrder())


class Unreliable(InOrder):
    """Cancels, returns nothing or something else, or never answers, in turn."""

    def submit(self, function: Any, /, *args: Any, **named: Any) -> Future[Any]:
        future = super().submit(function, *args, **named)
        kind = len(self.lengths) % 5
        if kind == 0:
            return future
        lost: Future[Any] = Future()
        if kind == 1:
            lost.cancel()
            lost.set_running_or_notify_cancel()
        elif kind == 2:
            lost.set_result(None)
        elif kind == 3:
            part, seconds = future.result()
            lost.set_result((type(part).of(args[0][:0]), seconds))
        return lost  # of the kind 4 never


@pytest.mark.filterwarnings("ignore:executor:RuntimeWarning")
@pytest.mark.parametrize("method", ["admm", "greedy"])
def test_what_is_cancelled_or_comes_back_empty_or_never_is_solved_here(
    method: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(on_executor, "_MOST_ENTRIES", 10 * 8 * 5)
    monkeypatch.setattr(on_executor, "_STILL_S", 0.1)
    monkeypatch.setattr(on_executor, "_PATIENCE_S", 0.1)
    several = [some_problem(np.random.default_rng(seed), 8, 2) for seed in range(100)]
    result = fo.solve_batch(several, method, executor=Unreliable())
    assert_same_batch(result, fo.solve_batch(several, method))


def test_a_frozen_executor_is_told_of_and_done_without(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(on_executor, "_STILL_S", 0.1)
    monkeypatch.setattr(on_executor, "_PATIENCE_S", 0.1)
    several = mixed_batch(4, 50)
    with pytest.warns(RuntimeWarning, match="no worker answers; what it holds is solved here"):
        result = fo.solve_batch(several, executor=Frozen())
    assert_same_batch(result, fo.solve_batch(several))


def test_an_executor_that_is_shut_down_takes_nothing_along() -> None:
    several = mixed_batch(5, 50)
    pool = ThreadPoolExecutor(1)
    pool.shutdown()
    with pytest.warns(RuntimeWarning, match="takes no work"):
        result = fo.solve_batch(several, executor=pool)
    assert_same_batch(result, fo.solve_batch(several))


class ClosedClientError(Exception):
    """As Dask's."""


@pytest.mark.parametrize(
    "error", [ClosedClientError("Client is closed"), BrokenProcessPool("dead"), OSError("cut off")]
)
@pytest.mark.filterwarnings("ignore:executor:RuntimeWarning")
def test_an_executor_that_refuses_is_done_without(error: Exception) -> None:
    class Refusing(Executor):
        def submit(self, function: Any, /, *args: Any, **named: Any) -> Future[Any]:
            raise error

    several = mixed_batch(6, 20)
    assert_same_batch(fo.solve_batch(several, executor=Refusing()), fo.solve_batch(several))


class Frozen(Executor):
    """Takes everything, and answers nothing."""

    def submit(self, function: Any, /, *args: Any, **named: Any) -> Future[Any]:
        return Future()
