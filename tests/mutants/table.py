"""Read the mutants of the TOML files beside this one."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from fedss_opt.verification.package_copy import Change, read_changes

__all__ = ["Mutant", "read_mutants"]

_HERE = Path(__file__).parent


@dataclass(frozen=True, kw_only=True)
class Mutant(Change):
    """One wrong change of one file.

    Attributes
    ----------
    name : str
        What the change does.
    tests : tuple of str
        Test files, or tests, that have to notice it.
    equivalent : str
        Why no test can notice it, where none can.
    survives : str
        Why none does, where one could.
    """

    name: str
    tests: tuple[str, ...] = ()
    equivalent: str = ""
    survives: str = ""


def read_mutants() -> list[Mutant]:
    """Return all mutants, file by file."""
    return [mutant for path in sorted(_HERE.glob("*.toml")) for mutant in read_changes(path, "mutant", Mutant)]
