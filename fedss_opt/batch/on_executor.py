"""Solving a batch on an executor: chunks travel there, answers come back, and nothing is lost with a worker."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable
from concurrent.futures import Executor, Future
from contextlib import closing
from typing import Any

from ..executor_loop import NotBackError, as_they_end, is_lost
from ..processors import usable_cpus
from .answers import paste
from .chunks import Chunks
from .execution import BatchRequest, PartialResult
from .on_threads import solve_on_threads
from .problems import ProblemBatch

__all__ = ["solve_on_executor"]

_CHUNK_S = 0.25  # far above what it costs to send a chunk and to fetch its answers
_MOST_ENTRIES = 1e6  # 8 MB: schedulers warn of more
_PENDING_EACH = 3  # chunks per worker: one at work, the others at hand
_UNTOLD = 64  # workers to reckon with where an executor does not say how many it has
_PATIENCE_S = 1.0
_NEWS_S = 5.0  # how often to ask a cluster that may grow
_STILL_S = 60.0  # how long an executor may be silent, unless its chunks take long
_STILL_CHUNKS = 20


def solve_on_executor(
    batch: ProblemBatch, request: BatchRequest, executor: Executor, threads: int, show: Callable[[int], None]
) -> PartialResult:
    """Solve all problems of a batch on an executor, `threads` threads each chunk; see `solve_on_threads`."""
    part = PartialResult.of(batch)
    pool = _WorkerPool(executor)
    chunks = Chunks(batch, pool.workers(), _CHUNK_S)
    sent = batch.without_names() if request.compiled else batch

    def submit(chunk: range) -> Future[tuple[PartialResult, float]]:
        return executor.submit(solve_piece, sent[chunk.start : chunk.stop], request, threads)

    longest_s = 0.0
    ended = as_they_end(
        lambda: chunks.take(_MOST_ENTRIES),
        submit,
        lambda: _PENDING_EACH * pool.workers(),
        _PATIENCE_S,
        lambda: max(_STILL_S, _STILL_CHUNKS * longest_s),
    )
    with closing(ended):
        for one in ended:
            if one is None:
                show(chunks.solved)
                continue
            chunk, future = one
            solved, seconds = _result_of(future, sent[chunk.start : chunk.stop], request)
            longest_s = max(longest_s, seconds)
            chunks.took(chunk, seconds * min(threads, len(chunk)))
            _unpack(solved, batch, chunk.start, part)
    return part


def solve_piece(batch: ProblemBatch, request: BatchRequest, threads: int) -> tuple[PartialResult, float]:
    """Solve what has arrived at a worker; also return the seconds it took."""
    warm = solve_on_threads(batch[:0], request, 1, _nobody)  # loads the kernels before the clock starts
    assert not warm.errors
    started = time.perf_counter()
    part = solve_on_threads(batch, request, threads, _nobody)
    return part, time.perf_counter() - started


def _nobody(solved: int) -> None:
    """Nobody watches a worker."""


def _result_of(
    future: Future[tuple[PartialResult, float]], piece: ProblemBatch, request: BatchRequest
) -> tuple[PartialResult, float]:
    """Return what a worker answers; a piece that went down with its worker, or came back empty, is solved here."""
    try:
        answer = future.result()
    except Exception as error:
        if not is_lost(error):
            raise
        if isinstance(error, NotBackError):
            # At one place, so that it is said once.
            warnings.warn(f"executor: {error}; what it holds is solved here", RuntimeWarning, stacklevel=2)
    else:
        if _is_answer(answer, len(piece)):
            return answer
    return solve_piece(piece, request, usable_cpus())


def _is_answer(answer: object, size: int) -> bool:
    """Whether this is what `solve_piece` returns for so many problems: pools have been seen to return nothing."""
    if not (isinstance(answer, tuple) and len(answer) == 2 and isinstance(answer[0], PartialResult)):
        return False
    return len(answer[0].answers.status) == size


def _unpack(solved: PartialResult, batch: ProblemBatch, first: int, part: PartialResult) -> None:
    paste(solved.answers, batch, first, part.answers)
    part.errors.update({first + i: text for i, text in solved.errors.items()})
    part.messages.update({first + i: text for i, text in solved.messages.items()})


class _WorkerPool:
    """An executor, and how many workers it has."""

    def __init__(self, executor: Executor) -> None:
        self._executor = executor
        self._known = 0
        self._asked = -_NEWS_S

    def workers(self) -> int:
        """Return the number of workers: what a pool says, the threads of a Dask cluster, or a guess."""
        now = time.monotonic()
        if now - self._asked >= _NEWS_S:
            self._asked = now
            self._known = self._count()
        return self._known

    def _count(self) -> int:
        told = getattr(self._executor, "_max_workers", None)
        client: Any = getattr(self._executor, "_client", None)
        if told is None and hasattr(client, "ncores"):
            try:
                told = max(1, sum(client.ncores().values()))
            except Exception:  # a scheduler that is gone; its futures say so themselves
                told = max(1, self._known)
        return told if isinstance(told, int) and told > 0 else _UNTOLD
