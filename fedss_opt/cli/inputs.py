"""From a file name, or ``-``, to a Problem."""

from __future__ import annotations

import codecs
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from ..documents.files import in_file, load_problem
from ..documents.json_text import parse_json
from ..documents.problem_document import problem_from_dict
from ..exceptions import FileFormatError, OptionError
from ..problem import Objective, Problem
from ..quantities import channel_db, parse_bandwidth, with_requirements
from ..table_text import decode_table, rows_of
from ..tables import parse_table
from .terminal import note

__all__ = ["OBJECTIVES", "distinct_files", "output_path", "read_problem"]

OBJECTIVES = ", ".join(str(o) for o in Objective)

_NARROW_HZ = 1e3  # no radio has so little: a number below was meant in another unit
_WEAK_DBHZ = 40.0  # less than 10 kbit/s, however wide the band


def read_problem(
    name: str,
    *,
    bandwidth: str | None = None,
    resource_block: str | None = None,
    require: Sequence[str] = (),
    objective: str | None = None,
    quiet: bool = True,
) -> Problem:
    """Read a problem from JSON, NPZ or CSV, or from stdin (``-``: JSON or CSV).

    What is given beside the file replaces what the file says; a CSV says nothing of it and needs the
    bandwidth. Unless `quiet`, stderr remarks on numbers that look as if another unit was meant.
    """
    found = _found(name)
    if isinstance(found, Problem):
        problem = found
        if bandwidth is not None:
            problem = problem.replace(bandwidth_hz=parse_bandwidth(bandwidth))
        if resource_block is not None:
            problem = problem.replace(resource_block_hz=parse_bandwidth(resource_block))
        if objective is not None:
            problem = problem.replace(objective=objective)
        problem = with_requirements(problem, require) if require else problem
    else:
        with in_file("<stdin>" if name == "-" else name):
            problem = _table(found, bandwidth, resource_block, require, objective, quiet)
    for what, text, unit in (("bandwidth", bandwidth, "MHz"), ("resource block", resource_block, "kHz")):
        if text is not None:
            _remark_on_width(what, text, unit, quiet)
    return problem


def _found(name: str) -> Problem | bytes:
    """Read a problem; of a table, which does not say all of one, the bytes."""
    if name == "-":
        data = sys.stdin.buffer.read()
        with in_file("<stdin>"):
            content = data.removeprefix(codecs.BOM_UTF8).lstrip()
            if not content:
                raise FileFormatError("is empty; a problem document or a CSV is needed")
            return problem_from_dict(parse_json(data)) if content.startswith(b"{") else data
    if Path(name).suffix.lower() == ".csv":
        return Path(name).read_bytes()
    if Path(name).suffix.lower() in (".json", ".npz"):
        return load_problem(name)
    raise FileFormatError(f"{name}: the name must end in .json, .npz or .csv (or be - for stdin)")


def _table(
    data: bytes,
    bandwidth: str | None,
    resource_block: str | None,
    require: Sequence[str],
    objective: str | None,
    quiet: bool,
) -> Problem:
    if bandwidth is None:
        raise OptionError("a CSV does not say the bandwidth: give it, such as --bandwidth 20MHz")
    text = decode_table(data)
    problem = parse_table(
        text,
        bandwidth_hz=bandwidth,
        resource_block_hz=resource_block,
        require=require,
        objective=objective or "makespan",
    )
    best, unit = channel_db(problem)
    if not quiet and unit == "dB-Hz" and best.max() < _WEAK_DBHZ and "cn0_dbhz" in rows_of(text)[0]:
        note(
            f"cn0_dbhz: the best channel has {best.max():.1f} dB-Hz, which is hardly any; if these are SNRs in dB, "
            "add 10 log10 of the bandwidth in Hz that they were measured in"
        )
    return problem


def _remark_on_width(what: str, text: str, unit: str, quiet: bool) -> None:
    """Remark on a bare number that is next to nothing in Hz."""
    if not text.strip().lower().endswith("z") and parse_bandwidth(text) < _NARROW_HZ:
        note(f"{what}: {text.strip()} Hz; write {text.strip()}{unit} if that is meant", quiet=quiet)


def distinct_files(name: str, written: Mapping[str, Path | None]) -> None:
    """Refuse, before any work is done, to write over the file that is read, or twice into the same one."""
    taken = {} if name == "-" else {os.path.realpath(name): "the file that is read"}
    for option, path in written.items():
        if path is None:
            continue
        real = os.path.realpath(path)
        other = taken.get(real) or next((what for file, what in taken.items() if _same(file, real)), None)
        if other is not None:
            raise OptionError(f"{option}: {path} is {other}; give another name")
        taken[real] = f"the file of {option} too"


def _same(one: str, other: str) -> bool:
    """Tell whether two names are one file: in other letters where those do not count, or by a hard link."""
    try:
        return os.path.samefile(one, other)
    except OSError:
        return False


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
