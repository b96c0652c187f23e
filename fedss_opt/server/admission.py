"""How many requests are under way: what is beyond the limits is refused at once instead of waiting for ever."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from .limits import Limits
from .problem_details import RefusalKind, RefusedError

__all__ = ["Admission"]

_SOON = {"Retry-After": "1"}


class Admission:
    """Counts requests under way. All calls come from the event loop's thread, so it needs no lock."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._callers: Counter[str] = Counter()
        self.in_flight = 0
        self.stopping = False

    def stop(self) -> None:
        """Refuse whatever comes from now on."""
        self.stopping = True

    @contextmanager
    def enter(self, caller: str) -> Iterator[None]:
        """Count a request as under way.

        Raises
        ------
        RefusedError
            503 when the server is stopping or full, 429 when this caller alone has its share under way.
        """
        limits = self._limits
        if self.stopping:
            raise RefusedError(RefusalKind.STOPPING, "the server finishes what it has begun", _SOON)
        if self._callers[caller] >= limits.share:
            raise RefusedError(
                RefusalKind.TOO_MANY_REQUESTS, f"at most {limits.share} requests at a time from one address", _SOON
            )
        if self.in_flight >= limits.in_flight:
            raise RefusedError(RefusalKind.BUSY, f"at most {limits.in_flight} requests at a time", _SOON)
        self.in_flight += 1
        self._callers[caller] += 1
        try:
            yield
        finally:
            self.in_flight -= 1
            self._callers[caller] -= 1
            if not self._callers[caller]:
                del self._callers[caller]
