"""Solving a batch on this machine: some threads, each of which takes chunk after chunk."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait

from .chunks import Chunks
from .execution import BatchRequest, PartialResult, Run, runner
from .problems import ProblemBatch

__all__ = ["solve_on_threads"]

_CHUNK_S = 0.03  # so long does Ctrl-C wait, and a thread for the last of the others


def solve_on_threads(
    batch: ProblemBatch, request: BatchRequest, threads: int, show: Callable[[int], None]
) -> PartialResult:
    """Solve all problems of a batch; `show` is told how many are done, in the calling thread."""
    part = PartialResult.of(batch)
    run = runner(batch, request, part)
    threads = max(1, min(threads, len(batch)))
    chunks = Chunks(batch, threads, _CHUNK_S)
    if threads == 1:
        while _step(chunks, run):
            show(chunks.solved)
    else:
        _in_threads(chunks, run, threads, show)
    return part


def _step(chunks: Chunks, run: Run) -> bool:
    """Solve the next chunk; return whether there was one."""
    chunk = chunks.take()
    if chunk is None:
        return False
    started = time.perf_counter()
    run(chunk)
    chunks.took(chunk, time.perf_counter() - started)
    return True


def _in_threads(chunks: Chunks, run: Run, threads: int, show: Callable[[int], None]) -> None:
    """Let threads take chunks until there are none; the calling thread watches, and stops them if interrupted."""
    stop = threading.Event()

    def work() -> None:
        while not stop.is_set() and _step(chunks, run):
            pass

    with ThreadPoolExecutor(threads, thread_name_prefix="fedss_opt") as pool:
        working = {pool.submit(work) for _ in range(threads)}
        try:
            while working:
                done, working = wait(working, timeout=0.1, return_when=FIRST_EXCEPTION)
                for future in done:
                    future.result()
                show(chunks.solved)
        finally:
            stop.set()
