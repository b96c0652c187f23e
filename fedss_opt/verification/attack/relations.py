"""Metamorphic relations: what must hold between a problem and one made from it, whatever the right answer is.

Each relation makes a variant of a problem and says how answers of either look in the other. Such an answer is a
witness against claims there if it keeps the constraints, which is checked: a relation cannot contradict by rounding.
"""

from __future__ import annotations

import math
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from ...array_types import BoolArray, FloatArray, IntArray
from ...fields import CLIENT_FIELDS, FIELDS
from ...problem import Problem
from ...solution import Solution
from ..ball_dual import exact_sum

__all__ = ["RELATIONS", "Relation", "Translated", "forced_clients"]

Generator = np.random.Generator
Answer = tuple[BoolArray, FloatArray]
Translation = Callable[[BoolArray, FloatArray], Answer]


def _same(selected: BoolArray, bandwidth_hz: FloatArray) -> Answer:
    return selected, bandwidth_hz


@dataclass(frozen=True)
class Translated:
    """A problem made from another, an answer of the original in its clients and units, and the other way round."""

    problem: Problem
    forward: Translation = _same
    back: Translation = _same


Relation = Callable[[Problem, Generator, Solution], Translated | None]


def _columns(problem: Problem, index: IntArray) -> dict[str, Any]:
    """Fields of the clients `index`, in that order."""
    fields = {name: getattr(problem, name) for name in CLIENT_FIELDS}
    taken = {name: None if value is None else value[index] for name, value in fields.items()}
    return {**taken, "relevance": problem.relevance[:, index], "client_ids": None}


def _one_more(problem: Problem, fields: dict[str, Any]) -> Translated:
    """Return a problem with one client more, at the end, who is not selected in the original's answers."""
    return Translated(
        problem.replace(**fields),
        forward=lambda selected, b: (np.append(selected, False), np.append(b, 0.0)),
        back=lambda selected, b: (selected[:-1], b[:-1]),
    )


def forced_clients(problem: Problem) -> BoolArray:
    """Clients without whom some task falls short of its target, (N,), decided in rational arithmetic."""
    forced = np.zeros(problem.n_clients, dtype=bool)
    candidates = problem.available
    for k in range(problem.n_tasks):
        row, target = problem.relevance[k], Fraction(float(problem.coverage_target[k]))
        spare = exact_sum(row[candidates]) - target
        for n in np.flatnonzero(candidates & (row > 0.0)):
            forced[n] |= Fraction(float(row[n])) > spare
    return forced


def _scaled(problem: Problem, time: float, hertz: float, worth: FloatArray, weight: float) -> Translated:
    """Write a problem in other units of time, frequency, relevance (task by task) and weight."""
    units = {"bit": time * hertz, "s": time, "Hz": hertz}
    values = {field.name: (getattr(problem, field.name), units.get(field.unit)) for field in FIELDS}
    fields = {name: value * unit for name, (value, unit) in values.items() if value is not None and unit is not None}
    fields |= {"relevance": problem.relevance * worth[:, None], "required": problem.required * worth}
    fields |= {"weights": problem.weights * weight}
    return Translated(
        problem.replace(**fields),
        forward=lambda selected, b: (selected, b * hertz),
        back=lambda selected, b: (selected, b / hertz),
    )


RELATIONS: dict[str, Relation] = {}
"""Relation -> what makes the variant; None where it does not apply."""


def _relation(name: str) -> Callable[[Relation], Relation]:
    """Return a decorator that enters a relation in the table."""

    def add(relation: Relation) -> Relation:
        RELATIONS[name] = relation
        return relation

    return add


@_relation("forced clients made mandatory")
def _forced_made_mandatory(problem: Problem, rng: Generator, answer: Solution) -> Translated | None:
    forced = forced_clients(problem) & ~problem.mandatory
    if not forced.any():
        return None
    if rng.random() < 0.3:  # one of them alone
        forced &= np.arange(problem.n_clients) == rng.choice(np.flatnonzero(forced))
    return Translated(problem.replace(mandatory=problem.mandatory | forced))


@_relation("mandatory clients stated by a task")
def _mandatory_by_a_task(problem: Problem, rng: Generator, answer: Solution) -> Translated | None:
    """State by a task of its own that the mandatory clients must be selected."""
    if not problem.mandatory.any():
        return None
    row = problem.mandatory.astype(float)
    relevance, required = np.vstack([problem.relevance, row]), np.append(problem.required, row.sum())
    return Translated(problem.replace(mandatory=False, relevance=relevance, required=required, task_ids=None))


@_relation("the answer's own clients made mandatory")
def _own_clients_made_mandatory(problem: Problem, rng: Generator, answer: Solution) -> Translated | None:
    if not answer.has_answer:
        return None
    return Translated(problem.replace(mandatory=problem.mandatory | answer.selected))


@_relation("other clients made unavailable")
def _others_made_unavailable(problem: Problem, rng: Generator, answer: Solution) -> Translated | None:
    if not answer.has_answer:
        return None
    gone = ~answer.selected & (rng.random(problem.n_clients) < rng.choice([0.3, 1.0]))
    return Translated(problem.replace(available=problem.available & ~gone))


@_relation("a redundant task added")
def _redundant_task(problem: Problem, rng: Generator, answer: Solution) -> Translated | None:
    """Add a task that the others imply: a copy, a copy that needs less, or a copy in another unit."""
    if problem.n_tasks == 0:
        return None
    k, scale, less = int(rng.integers(problem.n_tasks)), 2.0 ** int(rng.integers(-3, 4)), rng.choice([1.0, 0.9, 0.5])
    row, need = problem.relevance[k] * scale, float(problem.required[k]) * scale * less
    if row.max(initial=1.0) > 1e29 or row[row > 0.0].min(initial=1.0) < 1e-29:
        return None
    place = int(rng.integers(problem.n_tasks + 1))
    relevance, required = np.insert(problem.relevance, place, row, axis=0), np.insert(problem.required, place, need)
    return Translated(problem.replace(relevance=relevance, required=required, task_ids=None))


@_relation("a useless client added")
def _useless_client(problem: Problem, rng: Generator, answer: Solution) -> Translated | None:
    """Add a client who serves no task, with the best channel there is, or somebody's."""
    if problem.n_clients == 0:
        return None
    index = np.append(np.arange(problem.n_clients), int(rng.integers(problem.n_clients)))
    fields = _columns(problem, index)
    fields["relevance"][:, -1] = 0.0
    fields["mandatory"][-1] = False
    if rng.random() < 0.5:
        fields["payload_bits"][-1] = problem.payload_bits.min()
        fields["compute_s"][-1] = 0.0
    return _one_more(problem, fields)


@_relation("a client doubled")
def _client_doubled(problem: Problem, rng: Generator, answer: Solution) -> Translated | None:
    """Add a second client like one of the free ones."""
    free = np.flatnonzero(~problem.mandatory)
    if not free.size:
        return None
    fields = _columns(problem, np.append(np.arange(problem.n_clients), int(rng.choice(free))))
    return _one_more(problem, fields)


@_relation("clients and tasks permuted")
def _permuted(problem: Problem, rng: Generator, answer: Solution) -> Translated | None:
    order, tasks = rng.permutation(problem.n_clients), rng.permutation(problem.n_tasks)
    fields = _columns(problem, order)
    fields |= {"relevance": fields["relevance"][tasks], "required": problem.required[tasks], "task_ids": None}
    inverse = np.argsort(order)
    return Translated(
        problem.replace(**fields),
        forward=lambda selected, b: (selected[order], b[order]),
        back=lambda selected, b: (selected[inverse], b[inverse]),
    )


@_relation("units scaled by powers of two")
def _bits_scaled(problem: Problem, rng: Generator, answer: Solution) -> Translated | None:
    """Other units by powers of two, in which no digit changes."""
    reach = int(rng.choice([3, 20]))
    time, hertz, weight = (2.0 ** int(z) for z in rng.integers(-reach, reach + 1, 3))
    return _scaled(problem, time, hertz, 2.0 ** rng.integers(-reach, reach + 1, problem.n_tasks).astype(float), weight)


@_relation("units scaled by decimals")
def _decimals_scaled(problem: Problem, rng: Generator, answer: Solution) -> Translated | None:
    """Other units by decimal factors, in which the last digits change."""
    time, hertz, weight = rng.choice([1e-3, 0.1, 1.0, 3.0, 1e3], 3)
    return _scaled(
        problem, float(time), float(hertz), rng.choice([0.1, 1.0, 3.0, 100.0], problem.n_tasks), float(weight)
    )


@_relation("a requirement lowered")
def _requirement_lowered(problem: Problem, rng: Generator, answer: Solution) -> Translated | None:
    """Ask for less, at times for as little less as a float can say: every answer remains one."""
    if problem.n_tasks == 0:
        return None
    factor = rng.choice([0.0, 0.5, 0.99, 1.0 - 1e-9, 1.0 - 2.0**-50, 1.0], problem.n_tasks)
    required = problem.required * factor
    return Translated(problem.replace(required=np.where(required < 1e-30, 0.0, required)))


@_relation("bandwidth raised")
def _bandwidth_raised(problem: Problem, rng: Generator, answer: Solution) -> Translated | None:
    """Give a little more of the carrier: every answer remains one."""
    factor = float(rng.choice([2.0, 1.1, 1.0 + 1e-9, 1.0 + 2.0**-51]))
    return Translated(problem.replace(bandwidth_hz=problem.bandwidth_hz * factor))


@_relation("limits loosened")
def _limits_loosened(problem: Problem, rng: Generator, answer: Solution) -> Translated | None:
    """Take limits of the radios away: every answer remains one."""
    return Translated(
        problem=problem.replace(
            min_bandwidth_hz=problem.min_bandwidth_hz * float(rng.choice([0.0, 0.5, 1.0])),
            max_upload_s=problem.max_upload_s * float(rng.choice([1.0, 2.0, 1.0 + 1e-9])),
            compute_s=problem.compute_s * float(rng.choice([0.0, 0.5, 1.0])),
        )
    )


@_relation("tasks merged")
def _tasks_merged(problem: Problem, rng: Generator, answer: Solution) -> Translated | None:
    """Replace all tasks by their sum, which asks for no more than they do."""
    if problem.n_tasks < 2:
        return None
    row, need = problem.relevance.sum(axis=0), math.fsum(problem.required.tolist()) * (1.0 - 1e-12)
    if row.max(initial=0.0) > 1e29:
        return None
    return Translated(problem.replace(relevance=row, required=[need], task_ids=None))


@_relation("saved and loaded")
def _saved_and_loaded(problem: Problem, rng: Generator, answer: Solution) -> Translated | None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"problem.{rng.choice(['json', 'npz'])}"
        problem.save(path)
        return Translated(Problem.load(path))
