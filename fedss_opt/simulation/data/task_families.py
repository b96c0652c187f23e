"""Task families: several tasks from one data set, by relabelling or turning its images."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from ...array_types import IntArray
from ...exceptions import OptionError
from ...validation import member
from ..arrays import SampleArray

__all__ = ["Family", "Task", "make_tasks"]


class Family(StrEnum):
    """How tasks, and the differences between clients, arise from one data set."""

    SWAP2 = "swap2"
    PERMPAIRS = "permpairs"
    ROTATIONS = "rotations"
    IID = "iid"
    DIRICHLET = "dirichlet"
    SHARDS = "shards"
    BY_WRITER = "by_writer"


@dataclass(frozen=True, eq=False)
class Task:
    """What a task makes of an image and its label: a permutation of labels, (classes,), and counterclockwise turns."""

    name: str
    labels: IntArray
    quarter_turns: int = 0

    def transform(self, inputs: SampleArray, shape: tuple[int, ...]) -> SampleArray:
        """Turn images (M, D) of a given shape."""
        if not self.quarter_turns:
            return inputs
        return np.rot90(inputs.reshape(-1, *shape), self.quarter_turns, axes=(1, 2)).reshape(inputs.shape)


def make_tasks(family: str, tasks: int, classes: int, shape: tuple[int, ...]) -> tuple[Task, ...]:
    """List the tasks of a family; they are the same in every simulation.

    ``swap2``
        Each task swaps two labels: (0, 1), (2, 3), ... Where there are more tasks than disjoint pairs, the pairs
        are still distinct and every label is swapped about equally often.
    ``permpairs``
        Tasks in related pairs. A pair permutes the first half of the classes, by a shift of its own; the second task
        of a pair also moves three of the other classes in a circle. With four tasks and ten classes the two of a pair
        agree on seven labels, tasks of different pairs on five or two, and all four on two.
    ``rotations``
        Square images turned by 0, 90, 180 and 270 degrees: same labels, little in common.
    others
        One task. The clients differ in what they have (``dirichlet``, ``shards``, ``by_writer``) or only by chance
        (``iid``), and `tasks` is not read.

    Raises
    ------
    OptionError
        When the family has not so many tasks, for so many classes and images of this shape.

    Examples
    --------
    >>> [task.name for task in make_tasks("swap2", 3, 10, (8, 8))]
    ['swap 0-1', 'swap 2-3', 'swap 4-5']
    >>> make_tasks("permpairs", 4, 10, (8, 8))[3].labels.tolist()
    [2, 3, 4, 0, 1, 6, 7, 5, 8, 9]
    """
    family = member("family", family, Family)
    if family == Family.SWAP2:
        return _swaps(tasks, classes)
    if family == Family.PERMPAIRS:
        return _permutation_pairs(tasks, classes)
    if family == Family.ROTATIONS:
        return _rotations(tasks, classes, shape)
    return (Task("all", np.arange(classes)),)


def _swaps(tasks: int, classes: int) -> tuple[Task, ...]:
    most = classes * (classes - 1) // 2
    _refuse_other_than(tasks, most, Family.SWAP2, f"{classes} classes have {most} pairs of labels")
    made = []
    for first, second in itertools.islice(_pairs(classes), tasks):
        labels = np.arange(classes)
        labels[[first, second]] = second, first
        made.append(Task(f"swap {first}-{second}", labels))
    return tuple(made)


def _pairs(classes: int) -> list[tuple[int, int]]:
    """List all pairs, in rounds of disjoint pairs that begin with (0, 1), (2, 3), ..."""
    # The circle method of tournaments: one seat is fixed, the others move on by one after every round. With an
    # odd number the last seat is empty, and its opponent sits out.
    seats = classes + classes % 2
    half = seats // 2
    left, right = list(range(0, seats, 2)), list(range(1, seats, 2))
    pairs = []
    for _ in range(seats - 1):
        pairs += [(min(a, b), max(a, b)) for a, b in zip(left, right, strict=True) if max(a, b) < classes]
        circle = left[1:] + right[::-1]
        circle = circle[-1:] + circle[:-1]
        left, right = left[:1] + circle[: half - 1], circle[half - 1 :][::-1]
    return pairs


def _permutation_pairs(tasks: int, classes: int) -> tuple[Task, ...]:
    half = classes // 2
    if classes < 5:
        raise OptionError(f"family = {Family.PERMPAIRS}: needs 5 classes or more; the data have {classes}")
    _refuse_other_than(tasks, 2 * half, Family.PERMPAIRS, f"half of {classes} classes have {half} shifts")
    stride = half // -(-tasks // 2)
    made = []
    for task in range(tasks):
        shift = task // 2 * stride
        labels = np.arange(classes)
        labels[:half] = (labels[:half] + shift) % half
        if task % 2:
            labels[half : half + 3] = half + 1, half + 2, half
        made.append(Task(f"shift {shift}{' with a circle' if task % 2 else ''}", labels))
    return tuple(made)


def _rotations(tasks: int, classes: int, shape: tuple[int, ...]) -> tuple[Task, ...]:
    _refuse_other_than(tasks, 4, Family.ROTATIONS, "a square has four quarter turns")
    if len(shape) not in (2, 3) or shape[0] != shape[1]:
        raise OptionError(f"family = {Family.ROTATIONS}: needs square images; the data have shape {shape}")
    return tuple(Task(f"{90 * turns} degrees", np.arange(classes), turns) for turns in range(tasks))


def _refuse_other_than(tasks: int, most: int, family: Family, why: str) -> None:
    if not 1 <= tasks <= most:
        raise OptionError(f"tasks = {tasks}: must be 1 to {most} with family {family}; {why}")
