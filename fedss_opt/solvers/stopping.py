"""Time limits that hold inside the kernels: a flag that another thread sets when the time is up.

Kernels release the GIL and read no clock. What takes long looks, once per pass over the clients, at the flag that its
`Cell` carries, ends there, and leaves what it has found so far in a valid state. One thread of the process watches all
deadlines; it starts with the first one and sleeps between them.
"""

from __future__ import annotations

import math
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import numpy.typing as npt

__all__ = ["stop_at"]

BoolArray = npt.NDArray[np.bool_]


class _Due:
    """A flag and when it is to be set."""

    __slots__ = ("deadline", "flag")

    def __init__(self, deadline: float, flag: BoolArray) -> None:
        self.deadline = deadline
        self.flag = flag


class _Watch:
    """The thread that sets the flags. A list will do: no more flags are due than solves run at once."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._due: list[_Due] = []
        self._wakes = math.inf  # when the thread looks next by itself
        self._thread: threading.Thread | None = None

    def add(self, due: _Due) -> None:
        with self._changed:
            self._due.append(due)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="fedss_opt time limits", daemon=True)
                self._thread.start()
            elif due.deadline < self._wakes:
                self._changed.notify()

    def remove(self, due: _Due) -> None:
        """Forget a flag that need not be set any more; the thread may wake for nothing, once."""
        with self._changed:
            self._due.remove(due)

    def _run(self) -> None:
        with self._changed:
            while True:
                now = time.perf_counter()
                for due in self._due:
                    if due.deadline <= now:
                        due.flag[0] = True
                self._wakes = min((due.deadline for due in self._due if due.deadline > now), default=math.inf)
                left = min(self._wakes - now, threading.TIMEOUT_MAX)
                self._changed.wait(None if self._wakes == math.inf else left)


_watch = _Watch()


def _after_fork() -> None:
    """Begin anew in a child process: it has the lock, whoever held it, and not the thread."""
    global _watch  # noqa: PLW0603
    _watch = _Watch()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


@contextmanager
def stop_at(deadline: float) -> Iterator[BoolArray]:
    """Hand out a flag that is set when the clock reaches a deadline; not any more after the end of the block.

    Parameters
    ----------
    deadline : float
        Reading of `time.perf_counter`, ``inf`` for never. One that has passed sets the flag at once.

    Yields
    ------
    ndarray of bool, (1,)
        For the cells that the block works on (`fedss_opt.cells`), and to be set by whoever else wants them to end.

    Examples
    --------
    >>> from fedss_opt.solvers.stopping import stop_at
    >>> with stop_at(0.0) as stop:
    ...     bool(stop[0])
    True
    """
    flag = np.zeros(1, dtype=np.bool_)
    if deadline == math.inf:
        yield flag
        return
    if deadline <= time.perf_counter():
        flag[0] = True
        yield flag
        return
    due, watch = _Due(deadline, flag), _watch
    watch.add(due)
    try:
        yield flag
    finally:
        watch.remove(due)
