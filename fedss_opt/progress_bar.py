"""A bar on stderr while there is work: the same for batches and for all commands (Rich, extra ``cli``)."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import ProgressColumn

__all__ = ["progress_bar"]


@contextmanager
def progress_bar(
    shown: bool, *columns: ProgressColumn, total: float | None, console: Console | None = None, **fields: Any
) -> Iterator[Callable[..., None]]:
    """Show a bar, which goes when the work ends, and give what updates it: ``update(completed=3)``.

    Parameters
    ----------
    shown : bool
        Whether to show one; else the updates do nothing.
    *columns
        What it is made of.
    total : float or None
        When it is full; None for work without a known end.
    console : Console, optional
        Where it is drawn; stderr by default.
    **fields
        What columns show besides, and what they show first.
    """
    if not shown:
        yield lambda **_: None
        return
    from rich import progress  # noqa: PLC0415 - optional
    from rich.console import Console  # noqa: PLC0415

    with progress.Progress(*columns, console=console or Console(file=sys.stderr), transient=True) as bar:
        task = bar.add_task("", total=total, **fields)

        yield lambda **changes: bar.update(task, **changes)
