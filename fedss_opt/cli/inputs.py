"""From a file name, or ``-``, to a Problem."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from ..documents.files import decode, in_file, load_problem, parse_json
from ..documents.problem import problem_from_dict
from ..exceptions import FileFormatError, OptionError
from ..problem import Objective, Problem
from ..quantities import parse_bandwidth, with_requirements
from ..tables import parse_table

__all__ = ["OBJECTIVES", "output_path", "read_problem"]

OBJECTIVES = ", ".join(str(o) for o in Objective)


def read_problem(
    name: str,
    *,
    bandwidth: str | None = None,
    resource_block: str | None = None,
    require: Sequence[str] = (),
    objective: str | None = None,
) -> Problem:
    """Read a problem from JSON, NPZ or CSV, or from stdin (``-``: JSON or CSV).

    What is given beside the file replaces what the file says; a CSV says nothing of it and needs the
    bandwidth.
    """
    if name == "-":
        data = sys.stdin.buffer.read()
        with in_file("<stdin>"):
            text = decode(data)
            if not text.strip():
                raise FileFormatError("is empty; a problem document or a CSV is needed")
            if not text.lstrip().startswith("{"):
                return _table(text, bandwidth, resource_block, require, objective)
            problem = problem_from_dict(parse_json(text))
    elif Path(name).suffix.lower() == ".csv":
        data = Path(name).read_bytes()
        with in_file(name):
            return _table(decode(data), bandwidth, resource_block, require, objective)
    elif Path(name).suffix.lower() in (".json", ".npz"):
        problem = load_problem(name)
    else:
        raise FileFormatError(f"{name}: the name must end in .json, .npz or .csv (or be - for stdin)")
    if bandwidth is not None:
        problem = problem.replace(bandwidth_hz=parse_bandwidth(bandwidth))
    if resource_block is not None:
        problem = problem.replace(resource_block_hz=parse_bandwidth(resource_block))
    if objective is not None:
        problem = problem.replace(objective=objective)
    return with_requirements(problem, require) if require else problem


def _table(
    text: str, bandwidth: str | None, resource_block: str | None, require: Sequence[str], objective: str | None
) -> Problem:
    if bandwidth is None:
        raise OptionError("a CSV does not say the bandwidth: give it, such as --bandwidth 20MHz")
    return parse_table(
        text,
        bandwidth_hz=bandwidth,
        resource_block_hz=resource_block,
        require=require,
        objective=objective or "makespan",
    )


def output_path(path: Path | None, accepted: tuple[str, ...]) -> None:
    """Refuse, before any work is done, a file that could not be written after it."""
    if path is None:
        return
    if path.suffix.lower() not in accepted:
        raise FileFormatError(f"{path}: the name must end in {' or '.join(accepted)}")
    if not path.parent.is_dir():
        raise FileNotFoundError(2, "no such folder to write into", str(path.parent))
    if path.is_dir():
        raise IsADirectoryError(21, "is a folder", str(path))
