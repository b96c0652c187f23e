"""Task families: permutations of labels, turns of images, and how many there are."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fedss_opt.exceptions import OptionError
from fedss_opt.simulation.data.task_families import Family, make_tasks

ONE_TASK = [Family.IID, Family.DIRICHLET, Family.SHARDS, Family.BY_WRITER]


def all_differ(tasks):
    keys = {(tuple(task.labels.tolist()), task.quarter_turns) for task in tasks}
    return len(keys) == len({task.name for task in tasks}) == len(tasks)


def is_permutation(task, classes):
    return sorted(task.labels.tolist()) == list(range(classes))


@given(classes=st.integers(2, 12), data=st.data())
def test_swaps_are_distinct_and_disjoint_while_they_can(classes, data):
    count = data.draw(st.integers(1, classes * (classes - 1) // 2))
    tasks = make_tasks("swap2", count, classes, (4,))
    assert len(tasks) == count
    assert all_differ(tasks)
    assert all(is_permutation(task, classes) for task in tasks)
    moved = np.stack([task.labels != np.arange(classes) for task in tasks])
    assert (moved.sum(axis=1) == 2).all()
    often = moved.sum(axis=0)
    assert often.max() - often.min() <= (1 if classes % 2 == 0 else 2)
    if count <= classes // 2:
        assert often.max() == 1


def test_the_first_swaps():
    pairs = [np.flatnonzero(t.labels != np.arange(10)).tolist() for t in make_tasks("swap2", 5, 10, (8, 8))]
    assert pairs == [[0, 1], [2, 3], [4, 5], [6, 7], [8, 9]]


@given(classes=st.integers(5, 12), data=st.data())
def test_permutation_pairs_are_distinct_permutations(classes, data):
    tasks = make_tasks("permpairs", data.draw(st.integers(1, 2 * (classes // 2))), classes, (4,))
    assert all_differ(tasks)
    assert all(is_permutation(task, classes) for task in tasks)
    for first, second in itertools.pairwise(tasks):
        if tasks.index(first) % 2 == 0:
            assert np.count_nonzero(first.labels != second.labels) == 3


def test_agreement_of_four_permutation_pairs():
    labels = np.stack([task.labels for task in make_tasks("permpairs", 4, 10, (8, 8))])
    agree = (labels[:, None] == labels[None]).sum(axis=2)
    assert agree.tolist() == [[10, 7, 5, 2], [7, 10, 2, 5], [5, 2, 10, 7], [2, 5, 7, 10]]
    assert (labels == labels[0]).all(axis=0).sum() == 2


@pytest.mark.parametrize("shape", [(3, 3), (3, 3, 2)])
def test_rotations_turn_by_quarters(shape):
    tasks = make_tasks("rotations", 4, 10, shape)
    images = np.random.default_rng(0).random((5, *shape)).astype(np.float32)
    flat = images.reshape(5, -1)
    for turns, task in enumerate(tasks):
        assert task.labels.tolist() == list(range(10))
        turned = task.transform(flat, shape)
        assert turned.shape == flat.shape
        expected = images
        for _ in range(turns):
            expected = expected.swapaxes(1, 2)[:, ::-1]  # a transpose and a flip: one quarter turn, counterclockwise
        assert np.array_equal(turned.reshape(images.shape), expected)
    assert np.array_equal(tasks[2].transform(tasks[2].transform(flat, shape), shape), flat)


@pytest.mark.parametrize("family", ONE_TASK)
def test_other_families_have_one_task(family):
    tasks = make_tasks(family, 7, 10, (8, 8))
    assert len(tasks) == 1
    assert tasks[0].labels.tolist() == list(range(10))
    assert tasks[0].quarter_turns == 0


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("swap2", 46, 10, (8, 8)), ["tasks = 46", "1 to 45", "swap2", "45 pairs"]),
        (("swap2", 0, 10, (8, 8)), ["tasks = 0"]),
        (("permpairs", 11, 10, (8, 8)), ["tasks = 11", "1 to 10"]),
        (("permpairs", 2, 4, (8, 8)), ["5 classes or more", "have 4"]),
        (("rotations", 5, 10, (8, 8)), ["tasks = 5", "1 to 4"]),
        (("rotations", 2, 10, (8, 7)), ["square", "(8, 7)"]),
        (("rotations", 2, 10, (64,)), ["square", "(64,)"]),
        (("swap3", 2, 10, (8, 8)), ["family = 'swap3'", "'swap2', 'permpairs'", "did you mean 'swap2'"]),
    ],
)
def test_refusals(arguments, words):
    with pytest.raises(OptionError) as caught:
        make_tasks(*arguments)
    assert all(word in str(caught.value) for word in words)
