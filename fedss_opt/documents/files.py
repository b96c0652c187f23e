"""Documents on disk: strict JSON, NPZ without pickles, and writes that happen completely or not at all."""

from __future__ import annotations

import io
import json
import os
import secrets
import shutil
import stat
import zipfile
import zlib
from collections.abc import Container, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ..exceptions import FileFormatError
from ..fields import FIELD, FIELDS
from ..problem import Problem
from ..solution import Solution
from ..wording import nearest
from .problem import PROBLEM_FORMAT, VERSION, given_fields, problem_from_dict, problem_to_dict, rebuild
from .reading import refusal
from .solution import solution_from_dict, solution_to_dict

if TYPE_CHECKING:
    from os import PathLike

__all__ = [
    "decode",
    "in_file",
    "json_text",
    "load_problem",
    "load_solution",
    "parse_json",
    "read_npz",
    "save_problem",
    "save_solution",
    "write_atomically",
]


@contextmanager
def in_file(name: str) -> Iterator[None]:
    """Put the file's name before every `FileFormatError` raised inside."""
    try:
        yield
    except FileFormatError as error:
        raise error.within(name) from None


# -- JSON ---------------------------------------------------------------------------------------------------


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

    Examples
    --------
    >>> from fedss_opt.documents import parse_json
    >>> parse_json('{"a": [1, null]}')
    {'a': [1, None]}
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


# -- NPZ ----------------------------------------------------------------------------------------------------


def _npz_of_problem(problem: Problem) -> bytes:
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


def read_npz(data: bytes, known: Container[str] | None = None) -> dict[str, npt.NDArray[Any] | None]:
    """Read the arrays of an NPZ archive, without pickles.

    Parameters
    ----------
    data : bytes
        The file.
    known : container of str, optional
        Arrays to read; the others are not looked at, and are None. By default all.

    Raises
    ------
    FileFormatError
        When the bytes are no such archive, or not the whole of it.
    """
    if not zipfile.is_zipfile(io.BytesIO(data)):  # np.load would go on to try its other formats
        raise FileFormatError("not an NPZ archive, or cut off")
    try:
        with np.load(io.BytesIO(data), allow_pickle=False) as archive:
            return {name: archive[name] if known is None or name in known else None for name in archive.files}
    except (
        zipfile.BadZipFile,
        zlib.error,
        EOFError,
        OSError,
        ValueError,
        KeyError,
        NotImplementedError,
        RuntimeError,
    ) as error:
        what = str(error).strip().splitlines()
        raise FileFormatError(f"not a complete NPZ archive without pickles: {what[0] if what else error!r}") from None


def _problem_from_npz(data: bytes) -> Problem:
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


# -- files --------------------------------------------------------------------------------------------------


def write_atomically(path: str | PathLike[str], data: bytes) -> None:
    """Write a file completely or not at all: into a new file of the same folder that then takes its place.

    Parameters
    ----------
    path : path-like
        Where to. A link is followed; devices and pipes are written to as they are.
    data : bytes
        The whole content.
    """
    target = Path(os.path.realpath(path))
    if target.exists() and not stat.S_ISREG(target.stat().st_mode):
        with open(path, "wb") as stream:
            stream.write(data)
        return
    temporary = target.with_name(f".fedss-opt-{secrets.token_hex(8)}.tmp")
    try:
        with open(temporary, "xb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        if target.exists():
            shutil.copymode(target, temporary)
        os.replace(temporary, target)
    except OSError as error:
        # The message names the file that was asked for, not the one nobody knows of.
        raise type(error)(error.errno, error.strerror, str(path)) from None
    finally:
        temporary.unlink(missing_ok=True)


def _suffix(path: str | PathLike[str], accepted: tuple[str, ...]) -> str:
    suffix = Path(path).suffix.lower()
    if suffix not in accepted:
        raise FileFormatError(f"the name must end in {' or '.join(accepted)}").within(os.fspath(path))
    return suffix


def save_problem(problem: Problem, path: str | PathLike[str]) -> None:
    """Write a problem to ``*.json`` (readable) or ``*.npz`` (compact, for large cells); all or nothing.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> import fedss_opt as fo
    >>> from fedss_opt.documents import load_problem, save_problem
    >>> problem = fo.Problem(payload_bits=[1e6, 2e6], cn0_hz=3e7, bandwidth_hz=1e6, mandatory=True)
    >>> with TemporaryDirectory() as folder:
    ...     save_problem(problem, f"{folder}/cell.npz")
    ...     load_problem(f"{folder}/cell.npz").payload_bits
    array([1000000., 2000000.])
    """
    if _suffix(path, (".json", ".npz")) == ".json":
        data = json_text(problem_to_dict(problem)).encode()
    else:
        with in_file(os.fspath(path)):
            data = _npz_of_problem(problem)
    write_atomically(path, data)


def load_problem(path: str | PathLike[str]) -> Problem:
    """Read a problem from ``*.json`` or ``*.npz``.

    Raises
    ------
    FileFormatError
        In one line: the file, the place inside it, what stands there and what is accepted.
    OSError
        When the file cannot be read.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> from fedss_opt.documents import load_problem
    >>> text = '{"format":"fedss_opt/problem","version":1,"bandwidth_hz":1e6,"payload_bits":[1e6,2e6],"cn0_hz":3e7}'
    >>> with TemporaryDirectory() as folder:
    ...     path = Path(folder, "cell.json")
    ...     _ = path.write_text(text)
    ...     load_problem(path).clients
    2
    """
    suffix = _suffix(path, (".json", ".npz"))
    data = Path(path).read_bytes()
    with in_file(os.fspath(path)):
        return problem_from_dict(parse_json(data)) if suffix == ".json" else _problem_from_npz(data)


def save_solution(
    solution: Solution, path: str | PathLike[str], problem: Problem | None = None, *, with_problem: bool = False
) -> None:
    """Write an answer to ``*.json`` or ``*.npz``, with the names in its problem, or in `problem`; all or nothing.

    `with_problem` writes the problem into it too.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> import fedss_opt as fo
    >>> from fedss_opt.documents import load_solution, save_solution
    >>> problem = fo.Problem(payload_bits=[1e6, 2e6], cn0_hz=3e7, bandwidth_hz=1e6, mandatory=True)
    >>> with TemporaryDirectory() as folder:
    ...     save_solution(fo.solve(problem), f"{folder}/answer.json")
    ...     load_solution(f"{folder}/answer.json", problem).selected
    array([ True,  True])
    """
    suffix = _suffix(path, (".json", ".npz"))
    document = solution_to_dict(solution, problem, with_problem=with_problem)
    write_atomically(path, json_text(document).encode() if suffix == ".json" else _npz_of_document(document))


def load_solution(path: str | PathLike[str], problem: Problem | None = None) -> Solution:
    """Read an answer from ``*.json`` or ``*.npz``; with `problem`, refuse the answer to another problem.

    Raises
    ------
    FileFormatError
        In one line: the file, the place inside it, what stands there and what is accepted.
    OSError
        When the file cannot be read.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> import fedss_opt as fo
    >>> from fedss_opt.documents import load_solution, save_solution
    >>> problem = fo.Problem(payload_bits=[1e6, 2e6], cn0_hz=3e7, bandwidth_hz=1e6, mandatory=True)
    >>> with TemporaryDirectory() as folder:
    ...     save_solution(fo.solve(problem), f"{folder}/answer.npz", with_problem=True)
    ...     answer = load_solution(f"{folder}/answer.npz")
    >>> answer.check().ok
    True
    """
    suffix = _suffix(path, (".json", ".npz"))
    data = Path(path).read_bytes()
    with in_file(os.fspath(path)):
        return solution_from_dict(parse_json(data) if suffix == ".json" else _document_of_npz(data), problem)


# A solution's document in an archive: an array a key, ``certificate.price`` for what is inside another, NaN for null.


def _npz_of_document(document: dict[str, Any]) -> bytes:
    arrays: dict[str, Any] = {}

    def add(prefix: str, part: dict[str, Any]) -> None:
        for key, value in part.items():
            if isinstance(value, dict):
                add(f"{prefix}{key}.", value)
            elif key != "certificate":  # absent where it is null
                arrays[prefix + key] = _array(prefix + key, value)

    add("", document)
    return _archive(arrays)


def _document_of_npz(data: bytes) -> dict[str, Any]:
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
