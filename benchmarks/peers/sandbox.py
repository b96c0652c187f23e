"""One process per entrant: it draws the cases itself, times its own solves, and is ended when its time is over."""

from __future__ import annotations

import math
import multiprocessing
import time
import traceback
from contextlib import suppress
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection
from types import TracebackType

from .attempt import Attempt
from .cases import FAMILIES, Case, Race
from .entrants import ENTRANTS

__all__ = ["Reply", "Sandbox"]

_START_S = 900.0  # importing and compiling, which are not timed
_DRAW_S = 300.0  # drawing a case and sending the answer back, which are not timed either
_GRACE = 1.05  # who is asked to stop by itself may take this much of the limit
_REPEAT_S = 0.2  # quick solves are repeated for this long, five times at most, and the least time counts


@dataclass(frozen=True, eq=False, kw_only=True)
class Reply:
    """What came back.

    Attributes
    ----------
    status : str
        ``answered``, ``time limit`` or ``failed``.
    seconds : float
        Of the solve alone; the limit where it was reached.
    attempt : Attempt or None
        The answer.
    note : str
        Why there is none.
    """

    status: str
    seconds: float
    attempt: Attempt | None = None
    note: str = ""


class Sandbox:
    """Runs one entrant of one race; a context manager that leaves no process behind."""

    def __init__(self, race: Race, name: str) -> None:
        self._race, self._name = race, name
        self._context = multiprocessing.get_context("spawn")
        self._process: multiprocessing.process.BaseProcess | None = None
        self._pipe: Connection | None = None

    def __enter__(self) -> Sandbox:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def run(self, case: Case, time_limit_s: float) -> Reply:
        """Let the entrant solve a case."""
        if not self._ready():
            return Reply(status="failed", seconds=time_limit_s, note="did not start")
        assert self._pipe is not None
        try:
            self._pipe.send((case, time_limit_s))
            drawn = self._wait(_DRAW_S)
            if drawn is None:
                return Reply(status="failed", seconds=time_limit_s, note="the case could not be drawn")
            # Repetitions come after the first solve, and only where that was quick.
            reply = self._wait(time_limit_s * _GRACE + 2.0 + _REPEAT_S)
        except (EOFError, OSError):
            self.close()
            return Reply(status="failed", seconds=time_limit_s, note="the process died, as it does without memory")
        if not isinstance(reply, Reply):
            return Reply(status="time limit", seconds=time_limit_s)
        if reply.seconds > time_limit_s * _GRACE:
            return replace(reply, status="time limit", seconds=time_limit_s, attempt=None)
        return replace(reply, seconds=min(reply.seconds, time_limit_s))

    def _wait(self, seconds: float) -> object:
        """Return what the process says, or end it."""
        assert self._pipe is not None
        if self._pipe.poll(seconds):
            return self._pipe.recv()
        self.close()
        return None

    def _ready(self) -> bool:
        if self._process is not None and self._process.is_alive():
            return True
        self.close()
        self._pipe, theirs = self._context.Pipe()
        self._process = self._context.Process(target=_serve, args=(theirs, self._race, self._name), daemon=True)
        self._process.start()
        theirs.close()
        try:
            return self._wait(_START_S) == "ready"
        except (EOFError, OSError):
            return False

    def close(self) -> None:
        """End the process; the next run starts another one."""
        if self._process is not None:
            self._process.kill()
            self._process.join()
        if self._pipe is not None:
            self._pipe.close()
        self._process = self._pipe = None


def _serve(pipe: Connection, race: Race, name: str) -> None:
    """Warm up, then solve what is sent until the pipe closes."""
    run = ENTRANTS[race, name].run
    for family in FAMILIES:
        for tasks in (1, 2):
            with suppress(Exception):  # what fails here fails again where it counts
                run(Case(race=race, family=family, clients=6, tasks=tasks, seed=99).problem(), 60.0)
    pipe.send("ready")
    while True:
        try:
            case, limit = pipe.recv()
        except EOFError:
            return
        problem = case.problem()
        pipe.send("drawn")
        spent, attempt, began = math.inf, None, time.perf_counter()
        for _ in range(5):
            start = time.perf_counter()
            try:
                attempt = run(problem, limit)
            except Exception as error:  # a solver that fails is a result
                last = traceback.format_exception_only(error)[-1].strip()
                pipe.send(Reply(status="failed", seconds=limit, note=last[:200]))
                break
            end = time.perf_counter()
            spent = min(spent, end - start)
            if end - began > _REPEAT_S:
                pipe.send(Reply(status="answered", seconds=spent, attempt=attempt))
                break
        else:
            pipe.send(Reply(status="answered", seconds=spent, attempt=attempt))
