"""Make a failing problem small: fewer clients and tasks, fields at their defaults, round numbers."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from ...exceptions import ProblemError
from ...fields import CLIENT_FIELDS, FIELD
from ...problem import Problem

__all__ = ["shrink"]

_DEFAULTS = {
    name: field.default
    for name, field in FIELD.items()
    if field.shape in ("scalar", "clients") and not (field.required or field.model or name == "client_ids")
}
_ORDINARY = {"payload_bits": 1e6, "cn0_hz": 1e7, "spectral_efficiency": 1.0, "bandwidth_hz": 1e6}
_NUMBERS = tuple(name for name, field in CLIENT_FIELDS.items() if field.type == "number")
_ROUNDED = (*_NUMBERS, "bandwidth_hz", "resource_block_hz", "relevance", "required")


def shrink(problem: Problem, fails: Callable[[Problem], bool], *, attempts: int = 250) -> Problem:
    """Return the last smaller problem that fails, too, the problem itself where none does, after so many attempts."""
    left = attempts

    def accept(fields: dict[str, Any]) -> Problem | None:
        nonlocal left
        if left <= 0:
            return None
        try:
            smaller = problem.replace(**fields)
        except ProblemError:
            return None
        left -= 1
        return smaller if smaller != problem and fails(smaller) else None

    def left_out(make: Callable[[Problem], Iterator[dict[str, Any]]]) -> bool:
        """Leave out as much as can be; every success begins anew, with what is left."""
        nonlocal problem
        found = False
        while (smaller := next(filter(None, map(accept, make(problem))), None)) is not None:
            problem, found = smaller, True
        return found

    progress = True
    while progress and left > 0:
        progress = left_out(_without_clients) | left_out(_without_tasks)
        for make in (_with_defaults, _rounded):
            settled: set[str] = set()  # fields come with their largest step first
            for fields in make(problem):
                smaller = None if settled & set(fields) else accept(fields)
                if smaller is not None:
                    problem, progress = smaller, True
                    settled |= set(fields)
    return problem


def _without_clients(problem: Problem) -> Iterator[dict[str, Any]]:
    """Leave out halves, quarters, ... and single clients; requirements as they are, or less by what is gone."""
    n = problem.n_clients
    width = max(n // 2, 1)
    while n and width:
        for start in range(0, n, width):
            keep = np.ones(n, dtype=bool)
            keep[start : start + width] = False
            fields = {name: value[keep] for name in CLIENT_FIELDS if (value := getattr(problem, name)) is not None}
            fields |= {"relevance": problem.relevance[:, keep], "client_ids": None}
            offered, offer = (np.array([math.fsum(r) for r in t]) for t in (problem.relevance, fields["relevance"]))
            yield fields
            less = np.maximum(problem.required - (offered - offer), 0.0)
            yield {**fields, "required": np.where(problem.required == offered, offer, less)}
            share = problem.required / np.where(offered > 0.0, offered, 1.0)
            yield {**fields, "required": np.where(problem.required == offered, offer, share * offer)}
        width //= 2


def _without_tasks(problem: Problem) -> Iterator[dict[str, Any]]:
    for k in range(problem.n_tasks):
        keep = np.arange(problem.n_tasks) != k
        yield {"relevance": problem.relevance[keep], "required": problem.required[keep], "task_ids": None}


def _with_defaults(problem: Problem) -> Iterator[dict[str, Any]]:
    for name, default in (_DEFAULTS | _ORDINARY).items():
        if getattr(problem, name) is not None and not np.all(getattr(problem, name) == default):
            yield {name: default}


def _rounded(problem: Problem) -> Iterator[dict[str, Any]]:
    """Round a field to few digits, fewest first."""
    for name in _ROUNDED:
        value = getattr(problem, name)
        if value is None:
            continue
        for digits in (1, 2, 3, 5):
            rounded = np.array([float(f"{x:.{digits}g}") for x in np.ravel(value)]).reshape(np.shape(value))
            if not np.array_equal(rounded, value):
                yield {name: rounded if rounded.ndim else float(rounded)}
