"""Strict JSON: read with the place of what is malformed, written with every float exact."""

from __future__ import annotations

import json
from typing import Any

from ..exceptions import FileFormatError
from .reading import refusal

__all__ = ["decode", "json_text", "parse_json"]


def parse_json(data: str | bytes) -> Any:
    """Parse strict JSON: no duplicate keys, no NaN, nothing behind the document.

    Parameters
    ----------
    data : str or bytes
        The text; bytes are UTF-8, with or without a byte order mark.

    Raises
    ------
    FileFormatError
        With line and column where the text is malformed.
    """
    text = decode(data) if isinstance(data, bytes) else data
    try:
        return json.loads(text, object_pairs_hook=_unique, parse_constant=_no_constant)
    except json.JSONDecodeError as error:
        raise _in_line("column", error.lineno, error.colno, f"not JSON: {error.msg}") from None
    except RecursionError:
        raise FileFormatError("nested too deeply for a document of this kind") from None
    except FileFormatError:
        raise
    except ValueError as error:  # an integer of thousands of digits
        raise FileFormatError(f"not readable as JSON: {error}") from None


def decode(data: bytes) -> str:
    """Return UTF-8 text without its byte order mark; `FileFormatError` names the line that is none."""
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise _in_line("byte", line, error.start, "is not UTF-8 text") from None


def _in_line(field: str, line: int, place: int, message: str) -> FileFormatError:
    error = FileFormatError(message, field=field, index=(line, place))
    return error.within(f"line {line}, {field} {place}", instead=True)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    document = dict(pairs)
    if len(document) != len(pairs):
        seen: set[str] = set()
        for key, _ in pairs:
            if key in seen:
                raise refusal("$", f"the key {key!r} stands twice in one object")
            seen.add(key)
    return document


def _no_constant(token: str) -> float:
    raise FileFormatError(f"{token} is not JSON; write null for infinity, where the field accepts it")


def json_text(document: dict[str, Any], *, ascii_only: bool = False) -> str:
    """Write a document as JSON: one line a key, one line a row of a matrix, every float exact.

    Parameters
    ----------
    document : dict
        What to write.
    ascii_only : bool
        Escape all other characters, for streams of unknown encoding.

    Examples
    --------
    >>> print(json_text({"a": [1.5, 2.0], "b": [[1, 2], [3, 4]]}), end="")
    {
      "a": [1.5, 2.0],
      "b": [
        [1, 2],
        [3, 4]
      ]
    }
    """

    def dump(value: Any) -> str:
        text = json.dumps(value, ensure_ascii=ascii_only, allow_nan=False)
        # A lone surrogate is no UTF-8; JSON's escapes can carry it.
        return text if text.isascii() or _encodable(text) else json.dumps(value, allow_nan=False)

    lines = []
    for key, value in document.items():
        if isinstance(value, list) and value and isinstance(value[0], list):
            rows = ",\n".join(f"    {dump(row)}" for row in value)
            lines.append(f"  {dump(key)}: [\n{rows}\n  ]")
        else:
            lines.append(f"  {dump(key)}: {dump(value)}")
    return "{\n" + ",\n".join(lines) + "\n}\n"


def _encodable(text: str) -> bool:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True
