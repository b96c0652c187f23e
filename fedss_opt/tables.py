"""The CSV that an operator has: one client a row in, one client a row out."""

from __future__ import annotations

import csv
import io
import math
import os
import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from .documents.fields import FIELDS, Field
from .documents.files import in_file, write_atomically
from .exceptions import FileFormatError, ProblemError
from .problem import Problem
from .quantities import offered, parse_bandwidth, required_amounts
from .solution import Solution
from .table_text import CLIENT_FIELDS, COLUMNS, TASK, Rows, check_head, decode_table, rows_of, task_name

if TYPE_CHECKING:
    from os import PathLike

__all__ = ["ANSWER_COLUMNS", "answer_text", "load_table", "parse_table", "save_answer"]

ANSWER_COLUMNS = ("id", "selected", "bandwidth_hz", "rate_bps", "upload_s", "finish_s")
"""The columns of an answer's CSV."""

_RELEVANCE = next(field for field in FIELDS if field.name == "relevance")
_DECIBELS = "cn0_dbhz"
_TRUE = {"true", "1", "yes", "y"}
_FALSE = {"false", "0", "no", "n"}


def load_table(
    path: str | PathLike[str],
    *,
    bandwidth_hz: float | str,
    resource_block_hz: float | str | None = None,
    require: Iterable[str] = (),
    objective: str = "makespan",
) -> Problem:
    r"""Read a problem from a CSV with one client a row.

    Parameters
    ----------
    path : path-like
        UTF-8, comma-separated, with a head. Columns, in any order: ``payload_bits``; one of ``cn0_hz``,
        ``cn0_dbhz`` and ``spectral_efficiency``; optionally ``id``, ``compute_s``, ``max_upload_s``,
        ``min_bandwidth_hz``, ``max_bandwidth_hz``, ``weight``, ``mandatory``, ``available``; one
        ``task:NAME`` a task, with the client's relevance to it. An empty optional cell means the default; a
        column whose name begins with ``#`` is a comment.
    bandwidth_hz : float or str
        Uplink bandwidth that the selected clients share: Hz, or a text such as ``"20MHz"``.
    resource_block_hz : float or str, optional
        Width of a resource block, likewise; bandwidth is continuous where it is left out.
    require : iterable of str
        What the tasks need: ``"NAME=0.3"`` (a fraction of what the available clients offer),
        ``"NAME=12.5abs"`` (units of relevance), ``"0.3"`` (all tasks).
    objective : {"makespan", "total"}
        What a round costs.

    Raises
    ------
    FileFormatError
        In one line: the file, the line, the column, the value and what is accepted.
    OptionError
        For a bandwidth or a requirement that does not fit.
    OSError
        When the file cannot be read.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> import fedss_opt as fo
    >>> text = "id,payload_bits,cn0_dbhz,task:speech\nphone,1000000,75,1\nmeter,2000000,69,0.5\n"
    >>> with TemporaryDirectory() as folder:
    ...     path = Path(folder, "cell.csv")
    ...     _ = path.write_text(text)
    ...     problem = fo.load_table(path, bandwidth_hz="2MHz", require=["speech=0.5"])
    >>> problem.client_ids, problem.bandwidth_hz, problem.required
    (('phone', 'meter'), 2000000.0, array([0.75]))
    """
    data = Path(path).read_bytes()
    with in_file(os.fspath(path)):
        return parse_table(
            decode_table(data),
            bandwidth_hz=bandwidth_hz,
            resource_block_hz=resource_block_hz,
            require=require,
            objective=objective,
        )


def parse_table(
    text: str,
    *,
    bandwidth_hz: float | str,
    resource_block_hz: float | str | None = None,
    require: Iterable[str] = (),
    objective: str = "makespan",
) -> Problem:
    r"""Read a problem from the text of a CSV; the parameters and errors are those of `load_table`.

    Examples
    --------
    >>> problem = parse_table(
    ...     "id,payload_bits,cn0_dbhz,task:speech\nphone,1e6,75,1\nmeter,2e6,68,0.5\n",
    ...     bandwidth_hz="1 MHz",
    ...     require=["speech=0.5"],
    ... )
    >>> problem.client_ids, problem.required
    (('phone', 'meter'), array([0.75]))
    """
    head, rows = rows_of(text)
    check_head(head)
    ids = _ids(head, rows)
    fields: dict[str, Any] = {}
    tasks: dict[str, list[float]] = {}
    for j, column in enumerate(head):
        if column.startswith(TASK):
            entry = replace(_RELEVANCE, default=0.0)
            tasks[task_name(column)] = [_cell(entry, column, row[j], line) for line, row in rows]
        elif column in COLUMNS:
            field = CLIENT_FIELDS[COLUMNS[column]]
            fields[field.name] = [_cell(field, column, row[j], line) for line, row in rows]
    hertz = parse_bandwidth(bandwidth_hz) if isinstance(bandwidth_hz, str) else bandwidth_hz
    block = parse_bandwidth(resource_block_hz) if isinstance(resource_block_hz, str) else resource_block_hz
    relevance = np.array(list(tasks.values()), dtype=np.float64).reshape(len(tasks), len(rows))
    available = np.array(fields.get("available", [True] * len(rows)), dtype=np.bool_)
    wanted = list(require)
    required = required_amounts(wanted if tasks else (), list(tasks), offered(relevance, available))
    _refuse_contradictions(fields, rows)
    try:
        problem = Problem(
            **fields,
            bandwidth_hz=hertz,
            resource_block_hz=block,
            relevance=relevance if tasks else None,
            required=required if tasks else None,
            objective=objective,
            client_ids=ids,
            task_ids=list(tasks) if tasks else None,
        )
    except ProblemError as error:
        raise FileFormatError(_with_line(str(error), rows, list(tasks))) from None
    if wanted and not tasks:
        raise FileFormatError(
            f"requirement {wanted[0]!r}: there are no task columns; "
            "a column 'task:all' with 1 in every row counts every client the same"
        )
    return problem


def _ids(head: list[str], rows: Rows) -> list[str] | None:
    if "id" not in head:
        return None
    j = head.index("id")
    seen: dict[str, int] = {}
    for line, row in rows:
        name = row[j].strip()
        if not name:
            raise FileFormatError(f"line {line}, column id: empty; every client needs a name")
        if name in seen:
            raise FileFormatError(f"line {line}, column id: {name!r} stands at line {seen[name]} too; must be unique")
        seen[name] = line
    return list(seen)


def _cell(field: Field, column: str, text: str, line: int) -> Any:
    text = text.strip()
    place = f"line {line}, column {column}: {text!r}"
    if not text:
        if field.default is None:
            raise FileFormatError(f"line {line}, column {column}: empty; {_accepted(field, column)}")
        return field.default
    if field.type == "boolean":
        word = text.lower()
        if word not in _TRUE and word not in _FALSE:
            raise FileFormatError(f"{place}: must be true or false (or yes/no, 1/0)")
        return word in _TRUE
    try:
        value = math.nan if "_" in text else float(text)
    except ValueError:
        value = math.nan
    if column == _DECIBELS:
        # 10**308.25 is the largest double.
        value = 10.0 ** (value / 10.0) if abs(value) < 3000.0 else math.nan
    if not field.accepts(value):
        comma = "; write a decimal point, not a comma" if "," in text else ""
        raise FileFormatError(f"{place}: {_accepted(field, column)}{comma}")
    return value


def _accepted(field: Field, column: str) -> str:
    """Say what a cell must be, in the unit of its column."""
    return "must be a finite number (dB-Hz)" if column == _DECIBELS else field.accepted()


def _with_line(message: str, rows: Rows, tasks: list[str]) -> str:
    """Turn the index in a message of `Problem` into line and column."""
    match = re.match(r"(\w+)\[(?:(\d+), )?(\d+)\](?: = (\S+):)?", message)
    if match is None or match[1] == "required":
        return message
    column = f"{TASK}{tasks[int(match[2] or 0)]}" if match[1] == "relevance" else match[1]
    value = f" {match[4]}:" if match[4] else ""
    return f"line {rows[int(match[3])][0]}, column {column}:{value}{message[match.end() :]}"


def _refuse_contradictions(fields: dict[str, list[Any]], rows: Rows) -> None:
    """Say with line and column what `Problem` would refuse with an index."""
    limits = zip(fields.get("min_bandwidth_hz", ()), fields.get("max_bandwidth_hz", ()), rows, strict=False)
    for low, high, (line, _) in limits:
        if low > high:
            raise FileFormatError(f"line {line}: min_bandwidth_hz {low:g} exceeds max_bandwidth_hz {high:g}")
    for must, can, (line, _) in zip(fields.get("mandatory", ()), fields.get("available", ()), rows, strict=False):
        if must and not can:
            raise FileFormatError(f"line {line}: mandatory is true but available is false; they exclude each other")


def answer_text(problem: Problem, solution: Solution) -> str:
    """Return an answer as CSV, one client a row in the problem's order.

    Parameters
    ----------
    problem : Problem
        The round.
    solution : Solution
        Its answer.

    Returns
    -------
    str
        Columns ``id``, ``selected`` (true/false), ``bandwidth_hz``, ``rate_bps``, ``upload_s``, ``finish_s``;
        the last three are empty for clients left out.

    Raises
    ------
    FileFormatError
        When there is no answer to write: a table cannot say why.

    Examples
    --------
    >>> import fedss_opt as fo
    >>> from fedss_opt.tables import answer_text
    >>> problem = fo.Problem(
    ...     payload_bits=[1e6, 2e6],
    ...     cn0_hz=3e7,
    ...     bandwidth_hz=1e6,
    ...     relevance=1.0,
    ...     required=1.0,
    ...     client_ids=["phone", "meter"],
    ... )
    >>> answer_text(problem, fo.solve(problem)).splitlines()[2]
    'meter,false,0,,,'
    """
    if not solution.has_answer:
        raise FileFormatError(f"there is no answer to write as a table: {solution.status} ({solution.message})")
    bandwidth = solution.bandwidth_hz
    rate, upload = problem.rate_bps(bandwidth), problem.upload_s(bandwidth)
    finish = problem.compute_s + upload
    stream = io.StringIO(newline="")
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(ANSWER_COLUMNS)
    for n, chosen in enumerate(solution.selected.tolist()):
        figures: Sequence[object] = ("0", "", "", "")
        if chosen:
            figures = [repr(float(array[n])) for array in (bandwidth, rate, upload, finish)]
        writer.writerow([problem.client_name(n), "true" if chosen else "false", *figures])
    return stream.getvalue()


def save_answer(problem: Problem, solution: Solution, path: str | PathLike[str]) -> None:
    """Write an answer to ``*.csv``; all or nothing. The columns and errors are those of `answer_text`.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> import fedss_opt as fo
    >>> from fedss_opt.tables import save_answer
    >>> problem = fo.Problem(payload_bits=[1e6, 2e6], cn0_hz=3e7, bandwidth_hz=1e6, mandatory=True)
    >>> with TemporaryDirectory() as folder:
    ...     path = Path(folder, "answer.csv")
    ...     save_answer(problem, fo.solve(problem), path)
    ...     print(path.read_text().splitlines()[0])
    id,selected,bandwidth_hz,rate_bps,upload_s,finish_s
    """
    write_atomically(path, answer_text(problem, solution).encode())
