"""Solving a batch on an executor: stretches travel there, answers come back, and nothing is lost with a worker."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Executor, Future, wait
from typing import Any

from ..processors import usable_cpus
from .answers import paste
from .here import solve_here
from .problems import ProblemBatch
from .running import Part, Request
from .stretches import Stretches

__all__ = ["solve_elsewhere"]

_STRETCH_S = 0.25  # far above what it costs to send a stretch and to fetch its answers
_MOST_ENTRIES = 1e6  # 8 MB: schedulers warn of more
_IN_FLIGHT = 3  # stretches per worker: one at work, the others at hand
_UNTOLD = 64  # workers to reckon with where an executor does not say how many it has
_PATIENCE_S = 1.0  # on some systems Ctrl-C is only heard between two waits
_NEWS_S = 5.0  # how often to ask a cluster that may grow

Flight = dict[Future[tuple[Part, float]], range]


def solve_elsewhere(
    batch: ProblemBatch, request: Request, executor: Executor, threads: int, show: Callable[[int], None]
) -> Part:
    """Solve all problems of a batch on an executor, `threads` threads each stretch; see `solve_here`."""
    part = Part.of(batch)
    crew = _Crew(executor)
    stretches = Stretches(batch, crew.workers(), _STRETCH_S)
    luggage = batch.without_names() if request.compiled else batch
    flight: Flight = {}
    try:
        while True:
            while len(flight) < _IN_FLIGHT * crew.workers():
                stretch = stretches.take(_MOST_ENTRIES)
                if stretch is None:
                    break
                piece = luggage[stretch.start : stretch.stop]
                flight[crew.submit(piece, request, threads)] = stretch
            if not flight:
                return part
            for future in wait(flight, timeout=_PATIENCE_S, return_when=FIRST_COMPLETED).done:
                stretch = flight.pop(future)
                solved, seconds = _landed(future, luggage[stretch.start : stretch.stop], request)
                stretches.took(stretch, seconds * min(threads, len(stretch)))
                _unpack(solved, batch, stretch.start, part)
            show(stretches.solved)
    except BaseException:
        for future in flight:
            future.cancel()
        raise


def solve_piece(batch: ProblemBatch, request: Request, threads: int) -> tuple[Part, float]:
    """Solve what has arrived at a worker; also return the seconds it took."""
    warm = solve_here(batch[:0], request, 1, _nobody)  # loads the kernels before the clock starts
    assert not warm.errors
    started = time.perf_counter()
    part = solve_here(batch, request, threads, _nobody)
    return part, time.perf_counter() - started


def _nobody(solved: int) -> None:
    """Nobody watches a worker."""


def _landed(future: Future[tuple[Part, float]], piece: ProblemBatch, request: Request) -> tuple[Part, float]:
    """Return what a worker answers; a piece that went down with its worker is solved here."""
    try:
        return future.result()
    except Exception as error:
        if not _lost(error):
            raise
    return solve_piece(piece, request, usable_cpus())


def _lost(error: BaseException) -> bool:
    """Whether a worker died, not the code on it; Dask tells so after some tries of its own."""
    return isinstance(error, BrokenExecutor) or type(error).__name__ == "KilledWorker"


def _unpack(solved: Part, batch: ProblemBatch, first: int, part: Part) -> None:
    paste(solved.answers, batch, first, part.answers)
    part.errors.update({first + i: text for i, text in solved.errors.items()})
    part.messages.update({first + i: text for i, text in solved.messages.items()})


class _Crew:
    """An executor, how many workers it has, and whether it still takes work."""

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
            told = max(1, sum(client.ncores().values()))
        return told if isinstance(told, int) and told > 0 else _UNTOLD

    def submit(self, piece: ProblemBatch, request: Request, threads: int) -> Future[tuple[Part, float]]:
        """Hand a piece over. An executor that is broken already fails as it would have done later."""
        try:
            return self._executor.submit(solve_piece, piece, request, threads)
        except BrokenExecutor as error:
            failed: Future[tuple[Part, float]] = Future()
            failed.set_exception(error)
            return failed
