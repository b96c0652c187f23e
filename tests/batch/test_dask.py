"""A Dask cluster as users start one: ``dask scheduler``, ``dask worker``, each a process of its own."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import pytest

import fedss_opt as fo

from .cells import assert_same, assert_same_batch, mixed_batch

distributed = pytest.importorskip("distributed")

pytestmark = pytest.mark.usefixtures("warm_batch")

DASK = shutil.which("dask", path=str(Path(sys.executable).parent)) or shutil.which("dask")


class Cluster:
    """A scheduler and two workers on this machine."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self._folder, self._stack = folder, stack
        self._contact = str(folder / "scheduler.json")
        self._start("scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard", "--no-show")
        self.workers = [self._start("worker", "--nthreads", "1", "--no-dashboard") for _ in range(2)]
        self.client: Any = stack.enter_context(distributed.Client(scheduler_file=self._contact, timeout=60))
        self.client.wait_for_workers(2, timeout=60)

    def _start(self, kind: str, *options: str) -> subprocess.Popen[bytes]:
        log = self._stack.enter_context((self._folder / f"{kind}-{time.monotonic_ns()}.log").open("wb"))
        place = () if kind == "scheduler" else ("--local-directory", str(self._folder))
        command = [str(DASK), kind, *options, *place, "--scheduler-file", self._contact]
        process = subprocess.Popen(command, stdout=log, stderr=log, cwd=self._folder, start_new_session=True)
        self._stack.callback(self.kill, process)
        return process

    @staticmethod
    def kill(process: subprocess.Popen[bytes]) -> None:
        """End a process and all that it started, as a machine does that loses its power."""
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


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
