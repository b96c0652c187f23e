"""A textual change in a copy of the package, and processes that run on the copy.

A check that never fails says nothing. What is to be noticed is put into a copy, one change at a time; the installed
package stays as it is. Used by ``fedss-opt verify --full`` (`fault_run`) and by the mutation run of the tests.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

__all__ = ["Change", "ChangeError", "PackageCopy", "read_changes"]

PACKAGE = Path(__file__).resolve().parents[1]


class ChangeError(ValueError):
    """The text to be replaced is not in its file, or is there more than once."""


@dataclass(frozen=True, kw_only=True)
class Change:
    """One text in one file, and what takes its place."""

    file: str  # path within the package, such as solvers/exact.py
    old: str  # must be in the file exactly once
    new: str

    @property
    def in_kernels(self) -> bool:
        """Whether compiled kernels go stale by it: all of them do, so it is better run without Numba."""
        return self.file.startswith("kernels/")

    def apply(self, text: str) -> str:
        """Return a file's text with the change made; `ChangeError` where it cannot be, or changes nothing."""
        count = text.count(self.old)
        if count != 1:
            raise ChangeError(f"{self.file}: {self.old!r} is there {count} times; must be there once")
        if self.old == self.new:
            raise ChangeError(f"{self.file}: {self.old!r} is replaced by itself")
        return text.replace(self.old, self.new)


C = TypeVar("C", bound=Change)


def read_changes(path: Path, key: str, kind: type[C]) -> tuple[C, ...]:
    """Return the changes in a file of TOML: an array of tables under `key`, whose fields are those of `kind`."""
    entries = tomllib.loads(path.read_text(encoding="utf-8"))[key]
    listed: list[dict[str, Any]] = [
        {name: tuple(value) if isinstance(value, list) else value for name, value in entry.items()} for entry in entries
    ]
    return tuple(kind(**fields) for fields in listed)


class PackageCopy:
    """A copy of the package, ``folder / "fedss_opt"``, compiled kernels included, and of what is to lie beside it."""

    def __init__(self, folder: Path, *, beside: Iterable[Path] = ()) -> None:
        self.folder = folder
        self.package = folder / PACKAGE.name
        shutil.copytree(PACKAGE, self.package, ignore=shutil.ignore_patterns("*.pyc"))
        for path in beside:
            if path.is_dir():
                shutil.copytree(path, folder / path.name, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy2(path, folder / path.name)

    @contextmanager
    def changed(self, *changes: Change) -> Iterator[None]:
        """Make changes for the length of a ``with`` block; none, and `ChangeError`, where one cannot be made."""
        before: dict[Path, str] = {}
        after: dict[Path, str] = {}
        for change in changes:
            path = self.package / change.file
            before.setdefault(path, path.read_text(encoding="utf-8"))
            after[path] = change.apply(after.get(path, before[path]))
        try:
            self._write(after)
            yield
        finally:
            self._write(before)

    @staticmethod
    def _write(texts: dict[Path, str]) -> None:
        for path, text in texts.items():
            path.write_text(text, encoding="utf-8")
            # Python tells a stale .pyc by size and whole seconds: a change of the same length would go unseen.
            for compiled in path.parent.glob(f"__pycache__/{path.stem}.*.pyc"):
                compiled.unlink()

    def run(self, arguments: Sequence[str], *, jit: bool = True, timeout_s: float) -> subprocess.CompletedProcess[str]:
        """Run ``python ARGUMENTS`` in the copy's folder, where ``import fedss_opt`` finds the copy.

        With `jit` kernels are compiled; those of the copy are at hand as long as no kernel is changed. Raises
        `subprocess.TimeoutExpired` where it does not end in time; the process is ended.
        """
        environment = {**os.environ, "PYTHONPATH": str(self.folder), "NUMBA_DISABLE_JIT": "0" if jit else "1"}
        environment.pop("NUMBA_CACHE_DIR", None)
        return subprocess.run(
            [sys.executable, *arguments],
            cwd=self.folder,
            env=environment,
            capture_output=True,
            text=True,
            timeout=timeout_s,
            check=False,
        )
