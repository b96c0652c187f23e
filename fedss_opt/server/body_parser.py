"""Long bodies are parsed in other processes: JSON of millions of values holds the interpreter for seconds."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import threading
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import connection, get_context, parent_process
from typing import Any, TypeVar

from .problem_details import RefusalKind, RefusedError

__all__ = ["LONG_BYTES", "BodyParser"]

LONG_BYTES = 2**17  # some milliseconds of JSON, in which no other thread runs

T = TypeVar("T")


class BodyParser:
    """Calls functions of long bodies in one of so many processes.

    Processes start when they are needed, and end with this one, however it ends. All calls come from the event loop's
    thread, and no thread that solves waits for them.
    """

    def __init__(self, processes: int) -> None:
        self._processes = processes
        self._pool: ProcessPoolExecutor | None = None

    async def call(self, parse: Callable[..., T], *args: Any) -> T:
        """Return what a function makes of a body, or raise what it raises.

        Raises
        ------
        RefusedError
            503 when the system has ended the process, as it does where memory is short.
        """
        if self._pool is None:
            self._pool = ProcessPoolExecutor(self._processes, get_context("spawn"), _prepare)
        pool = self._pool
        try:
            return await asyncio.wrap_future(pool.submit(_collected, parse, *args))
        except BrokenProcessPool:
            if self._pool is pool:
                self._pool = None
            raise RefusedError(RefusalKind.BUSY, "the process that read the body has ended") from None

    def close(self) -> None:
        """End the processes."""
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)
            self._pool = None


def _prepare() -> None:
    """Leave signals to the server, the processor to it first, and the process with it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    if hasattr(os, "nice"):
        os.nice(5)
    gc.disable()
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = parent_process()
    if parent is not None:
        connection.wait([parent.sentinel])
        os._exit(1)


def _collected(parse: Callable[..., T], *args: Any) -> T:
    """Call, without looking for cycles among millions of new objects; and leave none behind."""
    try:
        return parse(*args)
    finally:
        gc.collect()
