"""The CSV that an operator has: one client a row in, one client a row out."""

from __future__ import annotations

import csv
import io
import math
import os
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from .atomic_files import write_atomically
from .documents.files import in_file
from .exceptions import ABSENT, FileFormatError, ProblemError
from .fields import CLIENT_FIELDS, FIELD, Field
from .problem import Problem
from .quantities import offered, parse_bandwidth, required_amounts
from .solution import Solution
from .table_text import COLUMNS, DECIBELS, TASK, Rows, check_head, decode_table, rows_of, task_name, text_cell

if TYPE_CHECKING:
    from os import PathLike

__all__ = ["load_table", "save_answer"]

ANSWER_COLUMNS = ("id", "selected", "bandwidth_hz", "rate_bps", "upload_s", "finish_s")
"""The columns of an answer's CSV."""

_RELEVANCE = replace(FIELD["relevance"], default=0.0)
_LEAST_DB, _MOST_DB = -50.0, 250.0  # beyond it stands what means "unknown"
_ACCEPTED_DB = f"must be a finite number (dB-Hz), plausible from {_LEAST_DB:g} to {_MOST_DB:g}"
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
    r"""Read a problem from the text of a CSV; the parameters and errors are those of `load_table`."""
    head, rows = rows_of(text)
    check_head(head)
    ids = _ids(head, rows)
    fields: dict[str, Any] = {}
    tasks: dict[str, list[float]] = {}
    for j, column in enumerate(head):
        if column.startswith(TASK):
            tasks[task_name(column)] = _values(_RELEVANCE, head, j, rows)
        elif COLUMNS.get(column) in CLIENT_FIELDS:
            field = CLIENT_FIELDS[COLUMNS[column]]
            fields[field.name] = _values(field, head, j, rows)
    hertz = parse_bandwidth(bandwidth_hz) if isinstance(bandwidth_hz, str) else bandwidth_hz
    block = parse_bandwidth(resource_block_hz) if isinstance(resource_block_hz, str) else resource_block_hz
    relevance = np.array(list(tasks.values()), dtype=np.float64).reshape(len(tasks), len(rows))
    available = np.array(fields.get("available", [True] * len(rows)), dtype=np.bool_)
    wanted = list(require)
    required = required_amounts(wanted if tasks else (), list(tasks), offered(relevance, available))
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
        raise _located(error, head, rows, list(tasks)) from None
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
            raise _refused("id", line, "empty", accepted="every client needs a name")
        if name in seen:
            raise _refused("id", line, f"stands at line {seen[name]} too", value=name, accepted="must be unique")
        seen[name] = line
    return list(seen)


def _refused(column: str, line: int, message: str = "", *, value: object = ABSENT, accepted: str) -> FileFormatError:
    error = FileFormatError(message, field=column, value=value, accepted=accepted)
    return error.within(f"line {line}, column {column}", instead=True)


def _values(field: Field, head: Sequence[str], j: int, rows: Rows) -> list[Any]:
    """Read a column; the first cell that is no value of the field is refused."""
    column, accepted = head[j], _ACCEPTED_DB if head[j] == DECIBELS else field.accepted()
    values = []
    for line, row in rows:
        text = row[j].strip()
        value = field.default if not text else _flag(text) if field.type == "boolean" else _number(text, column)
        if value is None:
            if not text:
                raise _refused(column, line, "empty", accepted=accepted)
            raise _refused(column, line, value=text, accepted=f"{accepted} (or yes/no, 1/0)")
        values.append(value)
    if field.type == "number":
        good = field.domain.signed(np.array(values))
        if not good.all():
            line, row = rows[int(good.argmin())]
            comma = "; write a decimal point, not a comma" if "," in row[j] else ""
            raise _refused(column, line, value=row[j].strip(), accepted=accepted + comma)
    return values


def _flag(text: str) -> bool | None:
    word = text.lower()
    return True if word in _TRUE else False if word in _FALSE else None


def _number(text: str, column: str) -> float:
    """Read a number, NaN where there is none."""
    try:
        value = math.nan if "_" in text else float(text)
    except ValueError:
        value = math.nan
    if column == DECIBELS:
        value = 10.0 ** (value / 10.0) if _LEAST_DB <= value <= _MOST_DB else math.nan
    return value


def _located(error: ProblemError, head: Sequence[str], rows: Rows, tasks: Sequence[str]) -> FileFormatError:
    """Return an error of `Problem` with line and column in place of the field and its index."""
    located = FileFormatError.of(error)
    if not error.index or error.field in ("required", "task_ids"):
        return located
    if error.field == "relevance":
        column = TASK + tasks[error.index[0]]
    else:
        column = next((name for name in head if COLUMNS.get(name) == error.field), error.field)
    return located.within(f"line {rows[error.index[-1]][0]}, column {column}", instead=True)


def save_answer(problem: Problem, solution: Solution, path: str | PathLike[str]) -> None:
    """Write an answer to ``*.csv``, one client a row in the problem's order; all or nothing.

    The columns are ``id``, ``selected`` (true/false), ``bandwidth_hz``, ``rate_bps``, ``upload_s``, ``finish_s``; the
    last three are empty for clients left out. An id that a spreadsheet would take for a formula has an apostrophe
    before it.

    Raises
    ------
    FileFormatError
        When there is no answer to write: a table cannot say why.

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
        writer.writerow([text_cell(problem.client_name(n)), "true" if chosen else "false", *figures])
    write_atomically(path, stream.getvalue().encode())
