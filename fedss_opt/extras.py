"""What an optional dependency is needed for, and the extra that brings it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from .exceptions import MissingDependencyError

__all__ = ["needs_extra"]


@contextmanager
def needs_extra(what: str, extra: str, *modules: str, since: str = "") -> Iterator[None]:
    """Say of an import that fails inside: `what` needs a module, which an extra brings.

    With `modules` of those alone.
    """
    try:
        yield
    except ImportError as error:
        missing = (error.name or "").partition(".")[0]
        ours = missing in ("", "fedss_opt")  # a mistake of the package
        if ours or (modules and missing not in modules):
            raise
        release = f" {since} or later" if since else ""
        text = f'{what} needs {missing}{release}; install it with: pip install "fedss-opt[{extra}]"'
        raise MissingDependencyError(text, name=missing) from None
