"""``--report``: the answer as one HTML page."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ..problem import Problem
from ..solution import Solution
from ..solvers import Progress
from .inputs import output_path
from .terminal import note

__all__ = ["report_path", "write_report"]


def report_path(path: Path | None) -> None:
    """Refuse, before any work is done, a page that could not be written after it."""
    if path is None:
        return
    output_path(path, (".html",))
    from ..reports.page import need_report_extra  # noqa: PLC0415 - loads the kernels, which --help does not need

    need_report_extra("--report")


def write_report(
    problem: Problem, solution: Solution, path: Path, *, history: Sequence[Progress], title: str | None, quiet: bool
) -> None:
    """Write the page, and say so; answers of any status have one."""
    from ..reports import write_allocation_report  # noqa: PLC0415 - as above

    write_allocation_report(problem, solution, path, history=history, title=title)
    note(f"{path}: written", quiet=quiet)
