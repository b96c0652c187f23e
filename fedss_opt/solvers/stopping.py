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

import numpy as np

from ..array_types import BoolArray

__all__ = ["Stop"]


class Stop:
    """A flag for kernels, and when it is to be set; a context manager, after whose end it is left alone.

    Parameters
    ----------
    deadline : float
        See `at`.

    Attributes
    ----------
    flag : ndarray of bool, (1,)
        For the cells that are worked on (`fedss_opt.cells`). Whoever else wants them to end may set it as well.

    Examples
    --------
    >>> from fedss_opt.solvers.stopping import Stop
    >>> with Stop(0.0) as stop:
    ...     bool(stop.flag[0])
    True
    """

    __slots__ = ("deadline", "flag")

    def __init__(self, deadline: float = math.inf) -> None:
        self.flag: BoolArray = np.zeros(1, dtype=np.bool_)
        self.deadline = deadline

    def __enter__(self) -> Stop:
        self.at(self.deadline)
        return self

    def __exit__(self, *_: object) -> None:
        if self.deadline != math.inf:
            _watch.remove(self)

    def at(self, deadline: float) -> None:
        """Clear the flag, and set it when `time.perf_counter` reaches a deadline: now, later, or never (``inf``)."""
        if self.deadline != math.inf:
            _watch.remove(self)
        self.deadline = deadline
        self.flag[0] = False
        if deadline <= time.perf_counter():
            self.flag[0] = True
        elif deadline != math.inf:
            _watch.add(self)


class _Watch:
    """The thread that sets the flags. A list will do: no more flags are due than solves run at once."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._due: list[Stop] = []
        self._wakes = math.inf  # when the thread looks next by itself
        self._thread: threading.Thread | None = None

    def add(self, stop: Stop) -> None:
        with self._changed:
            self._due.append(stop)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="fedss_opt time limits", daemon=True)
                self._thread.start()
            elif stop.deadline < self._wakes:
                self._changed.notify()

    def remove(self, stop: Stop) -> None:
        """Forget a flag that need not be set any more; the thread may wake for nothing, once."""
        with self._changed:
            if stop in self._due:
                self._due.remove(stop)

    def _run(self) -> None:
        with self._changed:
            while True:
                now = time.perf_counter()
                for stop in [stop for stop in self._due if stop.deadline <= now]:
                    stop.flag[0] = True
                    self._due.remove(stop)
                self._wakes = min((stop.deadline for stop in self._due), default=math.inf)
                self._changed.wait(None if self._wakes == math.inf else min(self._wakes - now, threading.TIMEOUT_MAX))


_watch = _Watch()


def _after_fork() -> None:
    """Begin anew in a child process: it has the lock, whoever held it, and not the thread."""
    global _watch  # noqa: PLW0603
    _watch = _Watch()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
