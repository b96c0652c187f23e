"""``fedss-opt solve --jsonl``: a stream of problems in, a stream of answers out, one a line and in order.

For a program in another language that keeps this one alive as a co-process: it writes a line, and reads a line.
"""

from __future__ import annotations

import json
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType
from typing import Any, BinaryIO

from ..documents import problem_from_dict, solution_to_dict
from ..problem import Problem
from ..server.problem_details import RefusalKind, RefusedError, parsed, refusal_of
from ..solution import Solution
from ..solvers import solve
from .exit_status import ExitStatus
from .terminal import note
from .visible_solve import get_ready

__all__ = ["MAX_LINE_BYTES", "Stream", "solve_stream"]

# A million clients with five tasks take half of it. A writer that never ends its line must not fill the memory.
MAX_LINE_BYTES = 256 * 2**20

_CHUNK = 2**20


@dataclass(frozen=True, kw_only=True)
class Stream:
    """How the problems of a stream are solved: as by `fedss_opt.solve`, each with the time limit of its own.

    `warm` starts each solve from the answer before it, which changes the speed, never what is proven. Lines longer than
    `max_line_bytes` are refused, and skipped without being kept.
    """

    method: str = "admm"
    gap_tol: float | None = None
    time_limit_s: float | None = None
    seed: int = 0
    warm: bool = False
    max_line_bytes: int = MAX_LINE_BYTES

    def solve(self, problem: Problem, before: Solution | None = None) -> Solution:
        """Solve one problem; `before` is the last answer of the stream."""
        return solve(
            problem,
            self.method,
            gap_tol=self.gap_tol,
            time_limit_s=self.time_limit_s,
            seed=self.seed,
            warm_start=before if self.warm else None,
        )


def solve_stream(stream: Stream, source: BinaryIO, sink: BinaryIO, *, quiet: bool = False) -> ExitStatus:
    """Answer every line of `source` with a line on `sink`, each flushed before the next one is read.

    Parameters
    ----------
    stream : Stream
        How to solve.
    source, sink : binary files
        Problem documents, one a line; empty lines are skipped. Answers: ``fedss_opt/solution`` documents, or
        ``{"error": {...}, "line": n}`` with the number of the line, from 1.
    quiet : bool
        No message on stderr at the end.

    Returns
    -------
    ExitStatus
        OK at the end of `source`, BAD_INPUT when lines were refused.

    Raises
    ------
    OptionError
        For an option that no problem could be solved with; before anything is read.
    BrokenPipeError
        When the reader of `sink` went away.
    KeyboardInterrupt
        After Ctrl-C. The solve that was running has answered with its best so far, and no line is cut.
    """
    get_ready(quiet=quiet)
    # What is wrong with the options is wrong with every line: it is said once, before the first one.
    stream.solve(Problem(payload_bits=[1.0], cn0_hz=1.0, bandwidth_hz=1.0))
    before: Solution | None = None
    answered, refused, first = 0, 0, ""
    with _whole_lines(sink) as write:
        for number, line in _lines(source, stream.max_line_bytes):
            try:
                document, solution = _answer(stream, line, before)
            except Exception as error:  # one line's failure is no reason to leave the others without an answer
                refusal = _refusal(error)
                refused += 1
                first = first or f"line {number}: {refusal.detail}"
                write({"error": refusal.to_dict(), "line": number})
                continue
            answered += 1
            write(document)
            before = solution if solution.has_answer else before
    if refused:
        note(f"lines answered: {answered}, refused: {refused}; the first refusal: {first}", quiet=quiet)
    return ExitStatus.BAD_INPUT if refused else ExitStatus.OK


def _lines(source: BinaryIO, longest: int) -> Iterator[tuple[int, bytes | None]]:
    """Yield number and content of every line that is not empty; None for one that is too long."""
    number = 0
    while line := source.readline(longest + 1):
        number += 1
        if len(line) > longest and not line.endswith(b"\n"):
            while line and not line.endswith(b"\n"):
                line = source.readline(_CHUNK)
            yield number, None
        elif line.strip():
            yield number, line


def _answer(stream: Stream, line: bytes | None, before: Solution | None) -> tuple[dict[str, Any], Solution]:
    if line is None:
        raise RefusedError(RefusalKind.TOO_LARGE, f"the line is longer than {stream.max_line_bytes} bytes")
    problem = problem_from_dict(parsed(line))
    solution = stream.solve(problem, before)
    return solution_to_dict(solution, problem), solution


def _refusal(error: Exception) -> RefusedError:
    """Say what is wrong with a line; the parser's own line numbers are all 1 and would mislead."""
    refusal = refusal_of(error)
    if refusal.kind is RefusalKind.MALFORMED and refusal.index:
        refusal.source = f"{refusal.field} {refusal.index[-1]}"
    return refusal


@contextmanager
def _whole_lines(sink: BinaryIO) -> Iterator[Callable[[dict[str, Any]], None]]:
    """Give a function that writes and flushes one line; Ctrl-C ends the stream behind a line, not inside it."""
    writing = pressed = False

    def handle(signum: int, frame: FrameType | None) -> None:
        nonlocal pressed
        pressed = True
        if not writing:
            raise KeyboardInterrupt

    def write(document: dict[str, Any]) -> None:
        nonlocal writing
        data = json.dumps(document, separators=(",", ":"), allow_nan=False).encode("ascii") + b"\n"
        writing = True
        try:
            sink.write(data)
            sink.flush()
        finally:
            writing = False
        if pressed:
            raise KeyboardInterrupt

    if threading.current_thread() is not threading.main_thread():
        yield write
        return
    earlier = signal.signal(signal.SIGINT, handle)
    try:
        yield write
    finally:
        signal.signal(signal.SIGINT, earlier)
