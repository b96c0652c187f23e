"""All keys of a configuration as tables for the documentation.

Types and bounds come from the classes that check them, descriptions from their docstrings. The tables of a page are
renewed by ``python -m fedss_opt.studies.reference docs/reference/simulate.md``.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic.fields import FieldInfo

from ..documents.files import write_atomically
from ..simulation.algorithms import ALGORITHMS, AlgorithmSettings, algorithm_type
from ..simulation.section import Section
from .experiment import Experiment
from .keys import accepted, section, shown, spoken

__all__ = ["BEGIN", "END", "describe", "key_tables", "renew"]

BEGIN, END = "<!-- keys: begin -->", "<!-- keys: end -->"
"""What stands around the tables in a page."""


def describe(kind: type[Section], name: str) -> str:
    """Return what stands below a key in its class, on one line; empty where nothing does.

    Examples
    --------
    >>> from fedss_opt.simulation.training import TrainingSettings
    >>> describe(TrainingSettings, "learning_rate")
    'Step size, > 0.'
    """
    owners = (owner for owner in kind.__mro__ if issubclass(owner, Section) and name in owner.model_fields)
    found = (owner.model_fields[name].description for owner in owners)
    return " ".join(next(filter(None, found), "").split())


def key_tables() -> str:
    """Return one table per section, then one per algorithm that has options of its own, in Markdown."""
    parts = ["### The experiment\n", _table(Experiment, leave_out=("algorithms",))]
    for name, field in _sections():
        parts += [f"### `[{name}]`\n", _table(field)]
    parts += ["### `[algorithms.NAME]`\n", "What every algorithm can be told:\n", _table(AlgorithmSettings)]
    common = tuple(AlgorithmSettings.model_fields)
    plain = []
    for name in ALGORITHMS:
        kind = algorithm_type(name).settings_type
        changed = tuple(key for key in common if _default(kind, key) != _default(AlgorithmSettings, key))
        if set(kind.model_fields) <= set(common) and not changed:
            plain.append(f"`{name}`")
        else:
            same = tuple(key for key in common if key not in changed)
            parts += [f"#### `[algorithms.{name}]`\n", _table(kind, leave_out=same)]
    if plain:
        parts.append(f"No options of their own: {', '.join(plain)}.\n")
    return "\n".join(parts)


def _sections() -> Iterator[tuple[str, type[Section]]]:
    for name, field in Experiment.model_fields.items():
        inner = section(field.annotation)
        if inner is not None:
            yield name, inner


def _default(kind: type[Section], key: str) -> Any:
    return kind.model_fields[key].default


def _table(kind: type[Section], leave_out: tuple[str, ...] = ()) -> str:
    lines = ["| key and default | accepts | meaning |", "|---|---|---|"]
    values = spoken(kind())
    for name, field in kind.model_fields.items():
        if name not in leave_out and section(field.annotation) is None:
            key = f"{name} = {shown(values[name])}" if name in values else name
            cells = (f"`{key}`", _accepts(field), describe(kind, name))
            row = " | ".join(cell.replace("|", r"\|") for cell in cells)
            lines.append(f"| {row} |")
    return "\n".join(lines) + "\n"


def _accepts(field: FieldInfo) -> str:
    return accepted(field.annotation, tuple(field.metadata))


def renew(page: Path) -> None:
    """Write the tables into a page, between its marks."""
    before, rest = page.read_text(encoding="utf-8").split(BEGIN)
    after = rest.split(END)[1]
    write_atomically(page, f"{before}{BEGIN}\n\n{key_tables()}\n{END}{after}".encode())


if __name__ == "__main__":
    renew(Path(sys.argv[1]))
