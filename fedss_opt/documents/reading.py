"""Checks on parsed JSON: each failure is one line with the path inside the document."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Sequence
from typing import Any

import numpy as np

from ..array_types import FloatArray
from ..exceptions import ABSENT, FileFormatError
from ..wording import nearest
from ..wording import one_of as accepted_words

__all__ = [
    "booleans",
    "check_keys",
    "check_kind",
    "describe",
    "numbers",
    "one_of",
    "refusal",
    "string",
    "strings",
    "whole_number",
]

_KINDS = {
    dict: "an object",
    list: "an array",
    str: "a string",
    bool: "a boolean",
    int: "a number",
    float: "a number",
    type(None): "null",
}


def describe(value: object) -> str:
    """Show a JSON value in an error, shortened: ``"abc" (a string)``, ``an array of 3``."""
    if isinstance(value, list):
        return f"an array of {len(value)}"
    if isinstance(value, dict):
        return f"an object of {len(value)}"
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    text = repr(value)
    return f"{text if len(text) <= 40 else text[:37] + '...'} ({_KINDS.get(type(value), type(value).__name__)})"


def refusal(
    path: str,
    message: str = "",
    *,
    index: Sequence[int] = (),
    value: object = ABSENT,
    accepted: str = "",
    typed: bool = True,
) -> FileFormatError:
    """Return the error at a place such as ``$.certificate.price``; `typed` says of which type the value is."""
    return FileFormatError(
        message,
        path="$",
        field=path.removeprefix("$").removeprefix("."),
        index=index,
        value=value,
        accepted=accepted,
        display=describe(value) if typed and value is not ABSENT else None,
    )


def check_kind(document: Any, expected: str, version: int, keys: Collection[str], required: Iterable[str]) -> None:
    """Refuse a document of another format or version, and wrong keys."""
    if not isinstance(document, dict):
        raise refusal("$", f"{describe(document)} where an object is needed")
    if "format" not in document:
        raise refusal("$.format", "missing", accepted=f'a document of this kind has "format": "{expected}"')
    if document["format"] != expected:
        raise refusal("$.format", value=document["format"], accepted=f"must be {expected!r}")
    if "version" not in document:
        raise refusal("$.version", "missing", accepted=f"must be {version}")
    found = document["version"]
    if isinstance(found, bool) or found != version:
        raise refusal("$.version", value=found, accepted=f"this release reads version {version}")
    check_keys(document, "$", keys, required)


def check_keys(document: dict[str, Any], path: str, keys: Collection[str], required: Iterable[str]) -> None:
    """Refuse unknown keys (with the nearest known one) and missing keys."""
    for key in document:
        if key not in keys:
            hint = nearest(str(key), keys)
            accepted = "" if hint else f"the keys are {', '.join(sorted(keys))}"
            raise refusal(f"{path}.{key}", f"unknown key{hint}", accepted=accepted)
    for key in required:
        if key not in document:
            raise refusal(f"{path}.{key}", "missing")


def _number(value: Any, path: str, null: float | None, index: Sequence[int] = ()) -> float:
    if value is None and null is not None:
        return null
    kind, typed = "a number" if null is None else "a number or null", True
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        try:
            number = float(value)
        except OverflowError:
            number = math.inf
        if math.isfinite(number):
            return number
        # NaN and inf are no JSON numbers; documents built in memory write infinity as null too.
        kind, typed = "a finite number" if null is None else "a finite number, or null", False
    raise refusal(path, index=index, value=value, accepted=f"must be {kind}", typed=typed)


def numbers(value: Any, path: str, *, dimensions: Collection[int], null: float | None = None) -> Any:
    """Return a float or a float array from JSON numbers of one of the given dimensions.

    `null` is the number that JSON's ``null`` stands for; None refuses it.
    """
    if not isinstance(value, list):
        if 0 not in dimensions:
            raise refusal(path, value=value, accepted="must be an array of numbers")
        if max(dimensions) > 0 and isinstance(value, (str, dict)):
            raise refusal(path, value=value, accepted="must be a number or an array of numbers")
        return _number(value, path, null)
    if max(dimensions) == 0:
        raise refusal(path, f"{describe(value)} where a single number is needed")
    if max(dimensions) == 2 and (not value or isinstance(value[0], list)):
        return _rows(value, path, null)
    return _row(value, path, null)


def _row(value: list[Any], path: str, null: float | None, index: tuple[int, ...] = ()) -> FloatArray:
    if set(map(type, value)) <= {float}:
        row = np.array(value, dtype=np.float64)
        if np.isfinite(row).all():
            return row
    return np.array([_number(item, path, null, (*index, i)) for i, item in enumerate(value)], dtype=np.float64)


def _rows(value: list[Any], path: str, null: float | None) -> FloatArray:
    rows = []
    for k, row in enumerate(value):
        if not isinstance(row, list):
            raise refusal(path, index=(k,), value=row, accepted="must be an array of numbers, one a client")
        rows.append(_row(row, path, null, (k,)))
        if len(row) != len(rows[0]):
            raise refusal(path, f"has {len(row)} entries where {path}[0] has {len(rows[0])}", index=(k,))
    return np.array(rows, dtype=np.float64) if rows else np.zeros((0, 0))


def booleans(value: Any, path: str, *, scalar: bool = False) -> Any:
    """Return a bool (where `scalar` is accepted) or an array of bool."""
    if scalar and isinstance(value, bool):
        return value
    if not isinstance(value, list):
        raise refusal(path, value=value, accepted="must be an array of true and false")
    for i, item in enumerate(value):
        if not isinstance(item, bool):
            raise refusal(path, index=(i,), value=item, accepted="must be true or false")
    return np.array(value, dtype=np.bool_)


def string(value: Any, path: str, index: Sequence[int] = ()) -> str:
    """Return a string."""
    if not isinstance(value, str):
        raise refusal(path, index=index, value=value, accepted="must be a string")
    return value


def strings(value: Any, path: str) -> list[str]:
    """Return a list of strings."""
    if not isinstance(value, list):
        raise refusal(path, value=value, accepted="must be an array of strings")
    return [string(item, path, (i,)) for i, item in enumerate(value)]


def one_of(value: Any, path: str, accepted: Iterable[str]) -> str:
    """Return a string of a closed set."""
    words = [str(word) for word in accepted]
    text = string(value, path)
    if text not in words:
        raise refusal(
            path,
            value=text,
            accepted=accepted_words(text, words),
            typed=False,
        )
    return text


def whole_number(value: Any, path: str) -> int:
    """Return an integer >= 0 (``3.0`` counts: other languages write it)."""
    number = _number(value, path, None)
    if number < 0 or number != int(number):
        raise refusal(path, value=value, accepted="must be an integer >= 0")
    return int(value)
