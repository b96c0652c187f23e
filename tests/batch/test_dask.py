"""Batches on a Dask cluster: the same answers, and nothing lost with workers or with the scheduler."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

import fedss_opt as fo
from fedss_opt.batch import on_executor

pytest.importorskip("distributed")

from ..dask_cluster import Cluster
from .cells import assert_same, assert_same_batch, mixed_batch

pytestmark = pytest.mark.usefixtures("warm_batch")


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    with ExitStack() as stack:
        yield Cluster(tmp_path, stack)


def test_a_cluster_gives_the_same_answers(cluster: Cluster) -> None:
    several = [*mixed_batch(1, 300, most=60), None]
    result = fo.solve_batch(several, executor=cluster.client.get_executor())
    assert_same_batch(result, fo.solve_batch(several))
    assert "NoneType" in result[300].message


@pytest.mark.slow
def test_nothing_is_lost_with_a_worker(cluster: Cluster) -> None:
    """10^4 problems; half-way one worker and its nanny are killed. Every answer is there, and is the serial one."""
    several = mixed_batch(2, 10_000)
    killed: list[int] = []

    def kill_half_way(done: int, total: int) -> None:
        if done >= total // 2 and not killed:
            killed.append(done)
            cluster.kill(cluster.workers[0])

    result = fo.solve_batch(several, executor=cluster.client.get_executor(), progress=kill_half_way)
    assert killed
    assert killed[0] < 10_000
    assert len(cluster.client.ncores()) == 1
    for problem, solution in zip(several, result, strict=True):
        assert_same(solution, fo.solve(problem))


def _both(cluster: Cluster, kill: Callable[[Cluster], None]) -> None:
    several = mixed_batch(3, 4000)
    killed: list[int] = []

    def kill_early(done: int, total: int) -> None:
        if done >= total // 10 and not killed:
            killed.append(done)
            kill(cluster)

    result = fo.solve_batch(several, executor=cluster.client.get_executor(), progress=kill_early)
    assert killed
    assert_same_batch(result, fo.solve_batch(several))


@pytest.mark.slow
def test_nothing_is_lost_with_the_scheduler(cluster: Cluster) -> None:
    _both(cluster, lambda cluster: cluster.kill(cluster.scheduler))


@pytest.mark.slow
def test_without_a_worker_the_rest_is_solved_here(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(on_executor, "_STILL_S", 5.0)
    with pytest.warns(RuntimeWarning, match="no worker answers"):
        _both(cluster, lambda cluster: [cluster.kill(worker) for worker in cluster.workers])


@pytest.mark.slow
def test_what_a_frozen_worker_holds_is_solved_here(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(on_executor, "_STILL_S", 5.0)
    with pytest.warns(RuntimeWarning, match="no worker answers"):
        _both(cluster, lambda cluster: cluster.signal(cluster.workers[0], signal.SIGSTOP))
