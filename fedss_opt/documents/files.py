"""Problems and answers in files: JSON or NPZ, by the name's ending."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from ..atomic_files import write_atomically
from ..exceptions import FileFormatError
from ..problem import Problem
from ..solution import Solution
from .archives import document_archive, document_of_archive, problem_archive, problem_of_archive
from .json_text import decode, json_text, parse_json
from .npz_archive import read_npz
from .problem_document import problem_from_dict, problem_to_dict
from .solution_document import solution_from_dict, solution_to_dict

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


def _suffix(path: str | PathLike[str], accepted: tuple[str, ...]) -> str:
    suffix = Path(path).suffix.lower()
    if suffix not in accepted:
        raise FileFormatError(f"the name must end in {' or '.join(accepted)}").within(os.fspath(path))
    return suffix


def save_problem(problem: Problem, path: str | PathLike[str]) -> None:
    """Write a problem to ``*.json`` (readable) or ``*.npz`` (compact, for large cells); all or nothing."""
    if _suffix(path, (".json", ".npz")) == ".json":
        data = json_text(problem_to_dict(problem)).encode()
    else:
        with in_file(os.fspath(path)):
            data = problem_archive(problem)
    write_atomically(path, data)


def load_problem(path: str | PathLike[str]) -> Problem:
    """Read a problem from ``*.json`` or ``*.npz``."""
    suffix = _suffix(path, (".json", ".npz"))
    data = Path(path).read_bytes()
    with in_file(os.fspath(path)):
        return problem_from_dict(parse_json(data)) if suffix == ".json" else problem_of_archive(data)


def save_solution(
    solution: Solution, path: str | PathLike[str], problem: Problem | None = None, *, with_problem: bool = False
) -> None:
    """Write an answer to ``*.json`` or ``*.npz``, with the names in its problem, or in `problem`; all or nothing.

    `with_problem` writes the problem into it too.
    """
    suffix = _suffix(path, (".json", ".npz"))
    document = solution_to_dict(solution, problem, with_problem=with_problem)
    write_atomically(path, json_text(document).encode() if suffix == ".json" else document_archive(document))


def load_solution(path: str | PathLike[str], problem: Problem | None = None) -> Solution:
    """Read an answer from ``*.json`` or ``*.npz``; with `problem`, refuse the answer to another problem."""
    suffix = _suffix(path, (".json", ".npz"))
    data = Path(path).read_bytes()
    with in_file(os.fspath(path)):
        return solution_from_dict(parse_json(data) if suffix == ".json" else document_of_archive(data), problem)
