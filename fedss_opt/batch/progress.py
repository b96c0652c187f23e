"""Telling how far a batch is: a bar where somebody sits at a terminal, a call where one was asked for."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from ..progress_bar import progress_bar

__all__ = ["watched"]


@contextmanager
def watched(progress: bool | Callable[[int, int], object], total: int) -> Iterator[Callable[[int], None]]:
    """Give a function to call with the number of problems that are done; it passes on what is news."""
    if callable(progress):
        tell, last = progress, 0

        def news(done: int) -> None:
            nonlocal last
            if done > last:
                last = done
                tell(done, total)

        yield news
    elif progress and sys.stderr.isatty():
        with _bar(total) as show:
            yield show
    else:
        yield lambda done: None


@contextmanager
def _bar(total: int) -> Iterator[Callable[[int], None]]:
    """Show a bar on stderr, if the package that draws it is installed (extra ``cli``)."""
    try:
        from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn  # noqa: PLC0415 - optional
    except ImportError:
        yield lambda done: None
        return
    columns = (TextColumn("solving"), BarColumn(30), MofNCompleteColumn(), TimeRemainingColumn())
    with progress_bar(True, *columns, total=total) as update:
        yield lambda done: update(completed=done)
