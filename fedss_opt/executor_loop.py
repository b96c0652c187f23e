"""Work on an executor: so much on its way at a time, each thing handed back as it ends, and workers that may die."""

from __future__ import annotations

from collections.abc import Callable, Generator
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Future, wait
from typing import TypeVar

__all__ = ["as_they_end", "worker_died"]

Item = TypeVar("Item")
Result = TypeVar("Result")


def worker_died(error: BaseException) -> bool:
    """Tell whether a worker died, not the code on it; Dask tells so after some tries of its own."""
    return isinstance(error, BrokenExecutor) or type(error).__name__ == "KilledWorker"


def as_they_end(
    take: Callable[[], Item | None], submit: Callable[[Item], Future[Result]], most: Callable[[], int], poll_s: float
) -> Generator[tuple[Item, Future[Result]] | None, None, None]:
    """Hand things to an executor while there are any, and yield each with its future when that is done.

    Whoever leaves early closes the iterator, which cancels what has not begun.

    Parameters
    ----------
    take : callable
        Returns the next thing, or None when there is none for now.
    submit : callable
        Hands it over. An executor that is broken already fails as it would have done later.
    most : callable
        Returns how many things may be on their way at a time.
    poll_s : float
        None is yielded after every wait, which takes no longer than this: on some systems Ctrl-C is only heard
        between two waits.
    """
    pending: dict[Future[Result], Item] = {}
    try:
        while True:
            while len(pending) < most():
                item = take()
                if item is None:
                    break
                pending[_submitted(submit, item)] = item
            if not pending:
                return
            for future in wait(pending, timeout=poll_s, return_when=FIRST_COMPLETED).done:
                yield pending.pop(future), future
            yield None
    finally:
        for future in pending:
            future.cancel()


def _submitted(submit: Callable[[Item], Future[Result]], item: Item) -> Future[Result]:
    try:
        return submit(item)
    except BrokenExecutor as error:
        failed: Future[Result] = Future()
        failed.set_exception(error)
        return failed
