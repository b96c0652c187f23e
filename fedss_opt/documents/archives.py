"""NPZ archives without pickles: of a problem, an array a field; of an answer's document, an array a key."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import numpy.typing as npt

from ..exceptions import FileFormatError
from ..fields import FIELD, FIELDS
from ..problem import Problem
from ..wording import nearest
from .npz_archive import read_npz
from .problem_document import PROBLEM_FORMAT, VERSION, given_fields, rebuild
from .reading import refusal

__all__ = ["document_archive", "document_of_archive", "problem_archive", "problem_of_archive"]


def problem_archive(problem: Problem) -> bytes:
    """Return a problem as an archive; `FileFormatError` for a text that it would not keep."""
    given = {"format": PROBLEM_FORMAT, "version": VERSION} | given_fields(problem)
    return _archive({name: _array(name, value) for name, value in given.items()})


def _array(name: str, value: Any) -> npt.NDArray[Any]:
    """Return a value as an array: texts, booleans and integers as they are, all else as doubles, NaN for None."""
    array = np.array(value, dtype=np.str_ if isinstance(value, tuple) else None)
    if array.dtype.kind == "U":
        odd = next((i for i, text in enumerate(np.ravel(np.array(value, dtype=object))) if text.endswith("\0")), None)
        if odd is not None:
            index, text = ((odd,), value[odd]) if array.ndim else ((), value)
            raise FileFormatError(
                "NPZ drops a trailing NUL", field=name, index=index, value=text, accepted="save as JSON"
            )
    return array if array.dtype.kind in "Ubiu" else np.array(value, dtype=np.float64)


def _archive(arrays: dict[str, Any]) -> bytes:
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)
    return buffer.getvalue()


def problem_of_archive(data: bytes) -> Problem:
    """Build a problem from an archive; `FileFormatError` names the array of what is wrong."""
    known = {"format", "version", *FIELD}
    found = read_npz(data, known)
    for name in found:
        if name not in known:
            raise refusal(f"$.{name}", f"unknown array{nearest(name, known)}")
    arrays = {name: array for name, array in found.items() if array is not None}
    _check_npz_kind(arrays)
    fields: dict[str, Any] = {}
    for field in FIELDS:
        if field.name not in arrays:
            if field.required:
                raise refusal(f"$.{field.name}", "missing")
            continue
        array = arrays[field.name]
        kinds = {"number": "fiu", "boolean": "b", "string": "U"}[field.type]
        if array.dtype.kind not in kinds:
            raise refusal(f"$.{field.name}", f"an array of {array.dtype}", accepted=f"must hold {field.type}s")
        if field.type == "string":
            fields[field.name] = str(array) if field.shape == "scalar" else [str(item) for item in array.ravel()]
        else:
            fields[field.name] = array
    return rebuild(fields)


def _check_npz_kind(arrays: dict[str, Any]) -> None:
    for name, expected in (("format", PROBLEM_FORMAT), ("version", str(VERSION))):
        if name not in arrays:
            raise refusal(f"$.{name}", "missing", accepted=f"must be {expected!r}")
        found = arrays.pop(name)
        if found.ndim != 0 or str(found) != expected:
            raise refusal(f"$.{name}", value=str(found), accepted=f"must be {expected!r}", typed=False)


def document_archive(document: dict[str, Any]) -> bytes:
    """Return an answer's document as an archive: ``certificate.price`` for what is inside another, NaN for null."""
    arrays: dict[str, Any] = {}

    def add(prefix: str, part: dict[str, Any]) -> None:
        for key, value in part.items():
            if isinstance(value, dict):
                add(f"{prefix}{key}.", value)
            elif key != "certificate":  # absent where it is null
                arrays[prefix + key] = _array(prefix + key, value)

    add("", document)
    return _archive(arrays)


def document_of_archive(data: bytes) -> dict[str, Any]:
    """Return the document that `document_archive` wrote."""
    document: dict[str, Any] = {}
    for name, array in read_npz(data).items():
        *parents, key = name.split(".")
        part = document
        for parent in parents:
            part = part.setdefault(parent, {})
            if not isinstance(part, dict):
                raise refusal(f"$.{name}", f"stands beside an array {parent!r}")
        value: Any = array
        if array is not None and array.dtype.kind == "f" and np.isnan(array).any():
            value = array.astype(object)
            value[np.isnan(array)] = None
        part[key] = None if value is None else value.tolist()
    return document
