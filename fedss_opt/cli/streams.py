"""Standard streams that are closed, as some services and shells leave them: ``fedss-opt solve cell.json >&-``."""

from __future__ import annotations

import errno
import io
import os
import sys
from typing import Any

__all__ = ["drop_stdout", "drop_stdout_if_full", "open_closed_streams"]


class _ClosedOutput(io.RawIOBase):
    """What fails like a closed file with the first write, and is silent once that has been told."""

    _told = False

    def writable(self) -> bool:
        """Say yes: that it is closed is told with the first write."""
        return True

    def write(self, data: Any) -> int:
        """Fail, the first time."""
        if not self._told:
            self._told = True
            raise OSError(errno.EBADF, "is closed", "stdout")
        return len(data)


def open_closed_streams() -> None:
    """Give closed standard streams a stand-in, so that no file that is opened later takes their place.

    Nothing is to be read from stdin; messages to stderr vanish; an answer that would go to stdout is an `OSError`.
    """
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        if getattr(sys, name) is not None:
            continue
        _fill(number)
        if name == "stdout":
            sys.stdout = io.TextIOWrapper(_ClosedOutput(), "utf-8", write_through=True)
        else:
            setattr(sys, name, open(os.devnull, "r" if name == "stdin" else "w", encoding="utf-8"))  # noqa: SIM115


def _fill(number: int) -> None:
    try:
        os.fstat(number)
    except OSError:
        null = os.open(os.devnull, os.O_RDWR)
        if null != number:
            os.dup2(null, number)
            os.close(null)


def drop_stdout_if_full() -> None:
    """Point stdout at nothing where what is left for it cannot be written: it would be met again at the end."""
    try:
        sys.stdout.flush()
    except OSError:
        drop_stdout()


def drop_stdout() -> None:
    """Point stdout at nothing, so that the interpreter's last flush does not complain."""
    try:
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, sys.stdout.fileno())
        os.close(null)
    except (OSError, ValueError):  # a stdout that is no file
        pass
