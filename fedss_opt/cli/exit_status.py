"""What the process's exit status says; scripts depend on these numbers."""

from __future__ import annotations

from enum import IntEnum

from ..solution import Solution, Status, StopReason

__all__ = ["ExitStatus", "status_of"]


class ExitStatus(IntEnum):
    """Exit statuses of ``fedss-opt``."""

    OK = 0
    """An answer was found, or what was asked for was done."""
    CHECK_FAILED = 1
    """A claim of the answer does not hold."""
    BAD_INPUT = 2
    """Bad input or usage; one line on stderr, nothing written."""
    INFEASIBLE = 3
    """Proven: the problem has no answer; the reason is on stderr."""
    NO_ANSWER = 4
    """No answer was found, and none was excluded."""
    NOT_PROVED = 5
    """Of an answer that was checked: no claim is refuted, but one could not be proved."""
    INTERRUPTED = 130
    """Ctrl-C; the best answer so far is printed."""
    BROKEN_PIPE = 141
    """The reader of stdout went away."""


def status_of(solution: Solution) -> ExitStatus:
    """Return the exit status of a solve."""
    if solution.stop_reason is StopReason.INTERRUPTED:
        return ExitStatus.INTERRUPTED
    if solution.has_answer:
        return ExitStatus.OK
    return ExitStatus.INFEASIBLE if solution.status is Status.INFEASIBLE else ExitStatus.NO_ANSWER
