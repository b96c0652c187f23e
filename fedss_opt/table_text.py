"""The text of an operator's CSV: its encoding, its rows, and whether its columns are those of clients."""

from __future__ import annotations

import csv
import io
import re

from .documents.json_text import decode
from .exceptions import FileFormatError
from .fields import CLIENT_FIELDS, LINKS
from .wording import nearest

__all__ = ["COLUMNS", "DECIBELS", "TASK", "Rows", "check_head", "decode_table", "rows_of", "task_name", "text_cell"]

TASK = "task:"
"""What the name of a task's column begins with."""
DECIBELS = "cn0_dbhz"
"""The column with C/N0 in dB-Hz."""
_SHOWN = {"id": "client_ids"} | {
    column: field.name
    for field in CLIENT_FIELDS.values()
    for column in ((field.column, DECIBELS) if field.name == "cn0_hz" else (field.column,))
}
COLUMNS = _SHOWN | {"weights": "weights"}
"""A column -> the field that it fills."""
_CHANNEL = tuple(column for column, name in _SHOWN.items() if name in LINKS.values())
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_SNR = {"snr", "snrdb", "sinr", "sinrdb"}
_CN0 = {"cn0", "cn0db", "cno", "cnodb", "cnodbhz"}

Rows = list[tuple[int, list[str]]]
"""The line that a row begins at, and its cells."""


def decode_table(data: bytes) -> str:
    """Return the text of a CSV; where it is not UTF-8, say how a spreadsheet writes that."""
    if b"\0" in data[:200]:
        raise FileFormatError("is not UTF-8 text (UTF-16, perhaps); save it as CSV UTF-8")
    try:
        return decode(data)
    except FileFormatError as error:
        error.accepted = "save it as CSV UTF-8"
        raise


def rows_of(text: str) -> tuple[list[str], Rows]:
    """Return the head and the rows that are not blank, each with the line it begins at."""
    _refuse_other_separators(text)
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    head: list[str] | None = None
    rows: Rows = []
    line = 1
    try:
        for row in reader:
            begins, line = line, reader.line_num + 1
            if not any(cell.strip() for cell in row):
                continue
            if head is None:
                head = [cell.strip() for cell in row]
                continue
            if len(row) != len(head):
                comma = "; write decimals with a point, and text with a comma in quotes" if len(row) > len(head) else ""
                raise FileFormatError(
                    f"line {begins}: has {len(row)} cells where the head has {len(head)} columns{comma}"
                )
            rows.append((begins, row))
    except csv.Error as error:
        raise FileFormatError(f"line {max(line, reader.line_num)}: not CSV: {error}") from None
    if head is None:
        raise FileFormatError("is empty; the first line must name the columns")
    if not rows:
        raise FileFormatError("has a head but no clients; give one client a row")
    return head, rows


def _refuse_other_separators(text: str) -> None:
    """Refuse what a spreadsheet writes where the comma is the decimal sign, before its rows are counted."""
    number, first = next(
        ((n, line) for n, line in enumerate(io.StringIO(text, newline=""), 1) if line.strip()), (0, "")
    )
    if "," in first:
        return
    for sign, name in ((";", "semicolons"), ("\t", "tabs")):
        if sign in first.strip():
            raise FileFormatError(
                f"line {number}: one column only; separate the columns by commas, not {name}, "
                "and write decimals with a point"
            )


def task_name(column: str) -> str:
    """Return the task that a column beginning with ``task:`` is about; spaces around its name do not count."""
    return column.removeprefix(TASK).strip()


def check_head(head: list[str]) -> None:
    """Refuse unknown and repeated columns, and a head without payload or channel."""
    tasks: dict[str, str] = {}
    for j, column in enumerate(head):
        place = f"line 1, column {j + 1}"
        if column in head[:j] and not column.startswith("#"):
            raise FileFormatError(f"{place}: {column!r} stands twice; columns must be unique")
        if column.startswith(TASK) and (earlier := tasks.setdefault(task_name(column), column)) != column:
            other = f"{earlier!r} in column {head.index(earlier) + 1}"
            raise FileFormatError(f"{place}: {column!r} is the same task as {other}; tasks must be unique")
        if column == TASK:
            raise FileFormatError(f"{place}: 'task:' without a name; write task:NAME")
        if column not in COLUMNS and not column.startswith((TASK, "#")):
            raise FileFormatError(f"{place}: {column!r}: unknown column{_hint(column)}")
    if {"weight", "weights"} <= set(head):
        raise FileFormatError("line 1: 'weight' and 'weights' are the same column; give one")
    if "payload_bits" not in head:
        raise FileFormatError("line 1: column 'payload_bits' is missing")
    channel = [column for column in _CHANNEL if column in head]
    if len(channel) != 1:
        found = " and ".join(map(repr, channel)) or "none"
        raise FileFormatError(f"line 1: {found} given; give exactly one of {', '.join(map(repr, _CHANNEL))}")


def _hint(column: str) -> str:
    """Say what an unknown column may have been meant for."""
    letters = re.sub(r"[\W_]", "", column.lower())
    if letters in _SNR:
        return "; the channel is cn0_dbhz: an SNR in dB plus 10 log10 of the bandwidth in Hz it was measured in"
    if letters in _CN0:
        return " (did you mean 'cn0_dbhz', in dB-Hz, or 'cn0_hz', in Hz?)"
    if not column:
        return ": it has no name"
    known = nearest(column.lower(), _SHOWN) or f"; the columns are {', '.join(_SHOWN)}, task:NAME"
    # What is longer than any name would drown the rest.
    task = f"; if it is a task, name it {TASK + column!r}" if len(column) <= 100 else ""
    return f"{known}{task}; a name beginning with # is a comment"


def text_cell(text: str) -> str:
    """Return a text as a cell that no spreadsheet takes for a formula: with an apostrophe before ``= + - @`` and tabs.

    Examples
    --------
    >>> text_cell("phone"), text_cell("=1+1")
    ('phone', "'=1+1")
    """
    return f"'{text}" if text.startswith(_FORMULA) else text
