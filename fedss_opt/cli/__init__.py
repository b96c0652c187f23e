"""The command line ``fedss-opt`` (``docs/reference/cli.md``)."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from ..exceptions import MissingDependencyError
from ..extras import needs_extra
from .streams import open_closed_streams

__all__ = ["main"]

_EXTRA = ("typer", "click", "rich", "shellingham")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit status."""
    open_closed_streams()
    try:
        with needs_extra("the command line", "cli", *_EXTRA):
            from .app import run  # noqa: PLC0415
    except MissingDependencyError as error:
        print(f"fedss-opt: {error}", file=sys.stderr)
        return 2
    return run(argv)
