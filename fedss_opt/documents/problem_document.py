"""Problem <-> document: a struct of arrays named as the fields of `Problem`."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..exceptions import FileFormatError, ProblemError
from ..fields import FIELDS, Field
from ..problem import Problem
from . import reading

__all__ = ["PROBLEM_FORMAT", "VERSION", "given_fields", "problem_from_dict", "problem_to_dict", "rebuild"]

PROBLEM_FORMAT = "fedss_opt/problem"
"""The key ``format`` of a problem's document."""
VERSION = 1
"""The key ``version`` of documents."""

_KEYS = {"$schema", "format", "version", *(field.name for field in FIELDS)}
_REQUIRED = tuple(field.name for field in FIELDS if field.required)


def given_fields(problem: Problem) -> dict[str, Any]:
    """Return the fields that differ from their defaults, as numpy arrays and scalars."""
    given: dict[str, Any] = {}
    for field in FIELDS:
        value = getattr(problem, field.name)
        if value is None:
            continue
        if field.name in ("relevance", "required") and problem.n_tasks == 0:
            continue
        if (
            field.shape == "clients"
            and field.default is not None
            and np.array_equal(value, np.full(problem.n_clients, field.default))
        ):
            continue
        given[field.name] = str(value) if field.name == "objective" else value
    return given


def problem_to_dict(problem: Problem) -> dict[str, Any]:
    """Return a problem as a JSON-able document.

    Returns
    -------
    dict
        ``format``, ``version`` and the fields in SI units; fields at their defaults are left out and infinity
        is None (JSON's ``null``).
    """
    document: dict[str, Any] = {"format": PROBLEM_FORMAT, "version": VERSION}
    for name, value in given_fields(problem).items():
        plain = value.tolist() if isinstance(value, np.ndarray) else value
        if isinstance(plain, tuple):
            plain = list(plain)
        if isinstance(plain, list) and isinstance(value, np.ndarray) and not np.isfinite(value).all():
            plain = [None if math.isinf(item) else item for item in plain]
        document[name] = plain
    return document


def problem_from_dict(document: Any) -> Problem:
    """Build a problem from a document.

    Raises
    ------
    FileFormatError
        In one line, naming the path inside the document (``$.payload_bits[3]``), what stands there and what
        is accepted.
    """
    reading.check_kind(document, PROBLEM_FORMAT, VERSION, _KEYS, _REQUIRED)
    fields = {
        field.name: _read(field, document[field.name], f"$.{field.name}") for field in FIELDS if field.name in document
    }
    return rebuild(fields)


def _read(field: Field, value: Any, path: str) -> Any:
    if field.choices:
        return reading.one_of(value, path, field.choices)
    if field.type == "string":
        return reading.strings(value, path)
    if field.type == "boolean":
        return reading.booleans(value, path, scalar=True)
    dimensions = {"scalar": (0,), "clients": (0, 1), "tasks": (0, 1), "tasks x clients": (1, 2)}[field.shape]
    return reading.numbers(value, path, dimensions=dimensions, null=math.inf if field.domain.infinite else None)


def rebuild(fields: dict[str, Any]) -> Problem:
    """Build the Problem of fields already of the right types; what it refuses is named by its path."""
    if np.size(fields.get("relevance", 1)) == 0 and np.size(fields.get("required", 1)) == 0:
        del fields["relevance"], fields["required"]  # no task, written out
    try:
        return Problem(**fields)
    except ProblemError as error:
        located = FileFormatError.of(error).at("$")
        located.infinity = located.infinity and "null"
        raise located from None
