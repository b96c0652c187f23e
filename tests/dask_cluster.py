"""A Dask cluster as users start one: ``dask scheduler``, ``dask worker``, each a process of its own."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import pytest

distributed = pytest.importorskip("distributed")

__all__ = ["Cluster"]

DASK = shutil.which("dask", path=str(Path(sys.executable).parent)) or shutil.which("dask")


class Cluster:
    """A scheduler and two workers on this machine."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self._folder, self._stack = folder, stack
        self._contact = str(folder / "scheduler.json")
        self.scheduler = self._start("scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard", "--no-show")
        self.workers = [self._start("worker", "--nthreads", "1", "--no-dashboard") for _ in range(2)]
        client = distributed.Client(scheduler_file=self._contact, timeout=60)
        stack.callback(self._leave, client)
        self.client: Any = client
        self.client.wait_for_workers(2, timeout=60)

    def _start(self, kind: str, *options: str) -> subprocess.Popen[bytes]:
        log = self._stack.enter_context((self._folder / f"{kind}-{time.monotonic_ns()}.log").open("wb"))
        place = () if kind == "scheduler" else ("--local-directory", str(self._folder))
        command = [str(DASK), kind, *options, *place, "--scheduler-file", self._contact]
        process = subprocess.Popen(command, stdout=log, stderr=log, cwd=self._folder, start_new_session=True)
        self._stack.callback(self.kill, process)
        return process

    @staticmethod
    def _leave(client: Any) -> None:
        with suppress(Exception):  # the scheduler may be gone
            client.close(timeout=5)

    @staticmethod
    def kill(process: subprocess.Popen[bytes]) -> None:
        """End a process and all that it started, as a machine does that loses its power."""
        Cluster.signal(process, signal.SIGKILL)
        process.wait()

    @staticmethod
    def signal(process: subprocess.Popen[bytes], number: int) -> None:
        """Send a signal to a process and all that it started."""
        with suppress(ProcessLookupError):
            os.killpg(process.pid, number)
