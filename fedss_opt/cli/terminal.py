"""Where things go: answers to stdout, everything else to stderr."""

from __future__ import annotations

import contextlib
import io
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import StrEnum
from typing import Any

from rich.console import Console
from rich.progress import ProgressColumn, TimeElapsedColumn

from ..documents.json_text import json_text
from ..progress_bar import progress_bar
from .exit_status import ExitStatus

__all__ = ["Format", "complain", "note", "print_json", "printable", "progress_line", "stderr_console", "stdout_console"]


class Format(StrEnum):
    """How an answer is printed."""

    TABLE = "table"
    JSON = "json"


class _Console(Console):
    """A console that leaves a closed pipe to its caller instead of ending the process."""

    def on_broken_pipe(self) -> None:
        raise BrokenPipeError


def _tolerant(stream: Any) -> None:
    """Print a question mark where the terminal's encoding has no such character."""
    if isinstance(stream, io.TextIOWrapper):
        with contextlib.suppress(ValueError, OSError):
            stream.reconfigure(errors="replace")


def stdout_console() -> Console:
    """Return the console of answers."""
    _tolerant(sys.stdout)
    return _Console(file=sys.stdout, highlight=False, markup=False, emoji=False)


def stderr_console() -> Console:
    """Return the console of messages and of the progress bar."""
    _tolerant(sys.stderr)
    return _Console(file=sys.stderr, highlight=False, markup=False, emoji=False)


@contextmanager
def progress_line(shown: bool, *columns: ProgressColumn, total: float | None) -> Iterator[Callable[..., None]]:
    """Give a function that changes the fields of a line on stderr, for as long as something runs; it may be unseen."""
    with progress_bar(shown, *columns, TimeElapsedColumn(), total=total, console=stderr_console(), state="") as update:
        yield update


def printable(text: str) -> str:
    """Return text that cannot move the cursor or break a line: names come from files."""
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)


def print_json(document: dict[str, Any]) -> None:
    """Print one JSON document, and nothing else, on stdout."""
    sys.stdout.write(json_text(document, ascii_only=True))


def note(text: str, *, quiet: bool = False) -> None:
    """Print one line for a person on stderr."""
    if not quiet:
        _tolerant(sys.stderr)
        with contextlib.suppress(OSError):  # nobody reads it, or its disk is full: the answer counts
            print(" ".join(printable(line) for line in text.splitlines()), file=sys.stderr, flush=True)


def complain(text: str) -> ExitStatus:
    """Print one line on what is wrong with the input, and return its exit status."""
    note(f"fedss-opt: error: {text}")
    return ExitStatus.BAD_INPUT
