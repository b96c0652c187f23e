"""Work on an executor: so much on its way at a time, each thing handed back as it ends, and workers that may die."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Generator
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, CancelledError, Future, wait
from typing import TypeVar

__all__ = ["NotBackError", "as_they_end", "is_lost"]

Item = TypeVar("Item")
Result = TypeVar("Result")

# Dask's, by name: a worker that died with every try; a scheduler that is gone or has forgotten.
_DASK = (
    "KilledWorker",
    "ClosedClientError",
    "FutureCancelledError",
    "FutureLostError",
    "NoWorkerError",
    "CommClosedError",
)


class NotBackError(Exception):
    """Work that was handed over and does not come back: no worker is left, or it is frozen."""


def is_lost(error: BaseException) -> bool:
    """Tell whether work was lost on its way or with its worker, in place of failing by itself."""
    names = {kind.__name__ for kind in type(error).__mro__}
    return isinstance(error, (BrokenExecutor, CancelledError, NotBackError)) or not names.isdisjoint(_DASK)


def as_they_end(
    take: Callable[[], Item | None],
    submit: Callable[[Item], Future[Result]],
    most: Callable[[], int],
    poll_s: float,
    patience_s: Callable[[], float] = lambda: math.inf,
) -> Generator[tuple[Item, Future[Result]] | None, None, None]:
    """Hand things to an executor while there are any, and yield each with its future when that is done.

    Whoever leaves early closes the iterator, which cancels what has not begun.

    Parameters
    ----------
    take : callable
        Returns the next thing, or None when there is none for now.
    submit : callable
        Hands it over. An executor that takes nothing any more fails as it would have done later.
    most : callable
        Returns how many things may be on their way at a time.
    poll_s : float
        None is yielded after every wait, which takes no longer than this: on some systems Ctrl-C is only heard
        between two waits.
    patience_s : callable
        Returns how long nothing at all may end, s. After that, and until something does, what has been on its way for
        longest is given up, thing by thing, and yielded with a `NotBackError`.
    """
    pending: dict[Future[Result], Item] = {}
    last = time.monotonic()
    try:
        while True:
            while len(pending) < most():
                item = take()
                if item is None:
                    break
                if not pending:
                    last = time.monotonic()
                pending[_submitted(submit, item)] = item
            if not pending:
                return
            still = time.monotonic() - last > patience_s()
            done = wait(pending, timeout=0.0 if still else poll_s, return_when=FIRST_COMPLETED).done
            if done:
                last = time.monotonic()
            elif still:
                oldest = next(iter(pending))
                oldest.cancel()
                yield pending.pop(oldest), _failed(NotBackError("no worker answers"))
            for future in done:
                yield pending.pop(future), future
            yield None
    finally:
        for future in pending:
            future.cancel()


def _submitted(submit: Callable[[Item], Future[Result]], item: Item) -> Future[Result]:
    try:
        return submit(item)
    except Exception as error:
        if is_lost(error):
            return _failed(error)
        if isinstance(error, (RuntimeError, OSError)):  # shut down, or cut off
            return _failed(NotBackError(f"the executor takes no work: {error}"))
        raise


def _failed(error: Exception) -> Future[Result]:
    failed: Future[Result] = Future()
    failed.set_exception(error)
    return failed
