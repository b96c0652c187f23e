"""Solving a batch on this machine: some threads, each of which takes stretch after stretch."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait

from .problems import ProblemBatch
from .running import Part, Request, Run, runner
from .stretches import Stretches

__all__ = ["solve_here"]

_STRETCH_S = 0.03  # so long does Ctrl-C wait, and a thread for the last of the others


def solve_here(batch: ProblemBatch, request: Request, threads: int, show: Callable[[int], None]) -> Part:
    """Solve all problems of a batch; `show` is told how many are done, in the calling thread."""
    part = Part.of(batch)
    run = runner(batch, request, part)
    threads = max(1, min(threads, len(batch)))
    stretches = Stretches(batch, threads, _STRETCH_S)
    if threads == 1:
        while _step(stretches, run):
            show(stretches.solved)
    else:
        _in_threads(stretches, run, threads, show)
    return part


def _step(stretches: Stretches, run: Run) -> bool:
    """Solve the next stretch; return whether there was one."""
    stretch = stretches.take()
    if stretch is None:
        return False
    started = time.perf_counter()
    run(stretch)
    stretches.took(stretch, time.perf_counter() - started)
    return True


def _in_threads(stretches: Stretches, run: Run, threads: int, show: Callable[[int], None]) -> None:
    """Let threads take stretches until there are none; the calling thread watches, and stops them if interrupted."""
    stop = threading.Event()

    def work() -> None:
        while not stop.is_set() and _step(stretches, run):
            pass

    with ThreadPoolExecutor(threads, thread_name_prefix="fedss_opt") as pool:
        working = {pool.submit(work) for _ in range(threads)}
        try:
            while working:
                done, working = wait(working, timeout=0.1, return_when=FIRST_EXCEPTION)
                for future in done:
                    future.result()
                show(stretches.solved)
        finally:
            stop.set()
