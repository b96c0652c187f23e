"""How a batch is divided: chunks of about equal work, handed out as they are asked for, smaller towards the end."""

from __future__ import annotations

import threading

import numpy as np

from .columns import starts
from .problems import ProblemBatch

__all__ = ["Chunks"]

# Work is counted in seconds on an ordinary core, roughly; what a chunk really took corrects it.
_PER_ENTRY, _PER_PROBLEM = 4e-6, 5e-5
_LEAST = 2e-3  # far above what handing out a chunk costs


class Chunks:
    """The chunks of a batch. May be asked by several threads at once.

    Parameters
    ----------
    batch : ProblemBatch
        What is to be divided.
    takers : int
        How many work at the same time.
    seconds : float
        What a chunk is to take.
    """

    def __init__(self, batch: ProblemBatch, takers: int, seconds: float) -> None:
        clients, tasks = np.diff(batch.offsets), np.diff(batch.task_offsets)
        self._work = np.concatenate([[0.0], np.cumsum(clients * (tasks + 1) * _PER_ENTRY + _PER_PROBLEM)])
        self._entries = starts(clients * (tasks + 8))  # numbers that travel with a chunk
        self._count = len(batch)
        self._takers = takers
        self._seconds = seconds
        self._pace = 1.0  # seconds per unit of work
        self._next = 0
        self.solved = 0  # problems, for those who watch
        self._lock = threading.Lock()

    def take(self, most_entries: float = np.inf) -> range | None:
        """Return the next problems to solve, None when there are no more."""
        with self._lock:
            first = self._next
            if first >= self._count:
                return None
            left = self._work[-1] - self._work[first]
            share = min(self._seconds / self._pace, max(left / (2 * self._takers), _LEAST / self._pace))
            last = int(np.searchsorted(self._work, self._work[first] + share, side="right")) - 1
            widest = int(np.searchsorted(self._entries, self._entries[first] + most_entries, side="right")) - 1
            self._next = min(max(first + 1, min(last, widest)), self._count)
            return range(first, self._next)

    def took(self, chunk: range, seconds: float) -> None:
        """Learn from what a chunk took."""
        with self._lock:
            work = self._work[chunk.stop] - self._work[chunk.start]
            self.solved += len(chunk)
            self._pace = max(0.7 * self._pace + 0.3 * seconds / work, 1e-6)
