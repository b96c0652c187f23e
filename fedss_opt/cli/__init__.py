"""The command line ``fedss-opt`` (``docs/reference/cli.md``)."""

from __future__ import annotations

import sys
from collections.abc import Sequence

__all__ = ["main"]

_EXTRA = ("typer", "click", "rich", "shellingham")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit status.

    Parameters
    ----------
    argv : sequence of str, optional
        Arguments without the program's name; those of the process by default.
    """
    try:
        from .app import run  # noqa: PLC0415 - typer and rich belong to an extra
    except ImportError as error:
        if (error.name or "").partition(".")[0] not in _EXTRA:
            raise
        print(
            f'fedss-opt: the command line needs {error.name}; install it with: pip install "fedss-opt[cli]"',
            file=sys.stderr,
        )
        return 2
    return run(argv)
