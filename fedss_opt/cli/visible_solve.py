"""A solve as the terminal sees it: compile notice, progress bar, Ctrl-C."""

from __future__ import annotations

import math
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from importlib import import_module
from types import FrameType

from rich.progress import BarColumn, TextColumn

from ..gap_tolerance import gap_tol_of
from ..problem import Problem
from ..quantities import format_quantity
from ..solution import Solution, StopReason
from ..solvers import Progress, solve
from .terminal import note, progress_line

__all__ = ["announce_compilation", "ctrl_c_stops_softly", "get_ready", "solve_visibly"]


def announce_compilation(*, quiet: bool) -> None:
    """Say why the first use of the kernels on a machine takes a while."""
    if not import_module("fedss_opt.kernels").is_compiled():
        note("compiling the kernels, once per machine (about a minute) ...", quiet=quiet)


def get_ready(*, quiet: bool) -> None:
    """Load the kernels, compiled if need be, before any clock of a solve starts."""
    announce_compilation(quiet=quiet)
    tiny = Problem(payload_bits=[1.0], cn0_hz=1.0, bandwidth_hz=1.0, relevance=[1.0], required=1.0)
    if solve(tiny).stop_reason is StopReason.INTERRUPTED:
        raise KeyboardInterrupt


@contextmanager
def _later_kernels_announced(method: str, quiet: bool) -> Iterator[None]:
    """Say so when a method compiles kernels that `get_ready` did not need.

    Which these are depends on the problem, so Numba is asked to tell; kernels that are cached make no such event.
    """
    events = import_module("numba.core.event")

    class Listener(events.Listener):  # type: ignore[misc,name-defined]
        told = False

        def on_start(self, event: object) -> None:
            if not self.told:
                self.told = True
                note(
                    f"compiling more kernels for the method {method}, once per machine (counted in its time) ...",
                    quiet=quiet,
                )

        def on_end(self, event: object) -> None:
            pass

    with events.install_listener("numba:compile", Listener()):
        yield


class _Interrupt:
    """Whether Ctrl-C was pressed."""

    pressed = False


@contextmanager
def ctrl_c_stops_softly(quiet: bool) -> Iterator[_Interrupt]:
    """Let the first Ctrl-C end the solve with its best answer, and the second end it at once."""
    interrupt = _Interrupt()
    if threading.current_thread() is not threading.main_thread():
        yield interrupt
        return

    def handle(signum: int, frame: FrameType | None) -> None:
        if interrupt.pressed:
            raise KeyboardInterrupt
        interrupt.pressed = True
        note("interrupted: the best answer so far follows (Ctrl-C again to stop at once)", quiet=quiet)

    before = signal.signal(signal.SIGINT, handle)
    try:
        yield interrupt
    finally:
        signal.signal(signal.SIGINT, before)


@contextmanager
def _bar(shown: bool, gap_tol: float) -> Iterator[Callable[[Progress], None]]:
    """Show how far the gap has closed, on a logarithmic scale, which is how it closes."""
    columns = (TextColumn("solving"), BarColumn(30), TextColumn("{task.fields[state]}"))
    with progress_line(shown, *columns, total=1.0) as update:
        target = max(gap_tol, 1e-9)

        def show(record: Progress) -> None:
            best, bound = record.objective_s, record.lower_bound_s
            gap = (best - bound) / bound if bound > 0.0 and math.isfinite(best) else math.inf
            done = 0.0 if gap >= 1.0 else min(1.0, math.log(max(gap, target)) / math.log(target))
            state = f"{format_quantity(best, 's')}, gap {gap:.1e}, iteration {record.iteration}"
            update(completed=done, state=state)

        yield show


def solve_visibly(
    problem: Problem,
    method: str,
    *,
    gap_tol: float | None = None,
    time_limit_s: float | None = None,
    seed: int | None = None,
    quiet: bool = False,
    watch: Callable[[Progress], None] | None = None,
) -> Solution:
    """Solve, with a progress bar where stderr is a terminal; after Ctrl-C the stop reason says so."""
    get_ready(quiet=quiet)
    shown = not quiet and sys.stderr.isatty()
    with (
        ctrl_c_stops_softly(quiet) as interrupt,
        _bar(shown, gap_tol_of(method, gap_tol)) as show,
        _later_kernels_announced(method, quiet),
    ):

        def callback(record: Progress) -> bool:
            show(record)
            if watch is not None:
                watch(record)
            return interrupt.pressed

        solution = solve(problem, method, gap_tol=gap_tol, time_limit_s=time_limit_s, callback=callback, seed=seed)
    return replace(solution, stop_reason=StopReason.INTERRUPTED) if interrupt.pressed else solution
