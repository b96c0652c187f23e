"""Averages over overlapping masks: against rational arithmetic, and where they reduce to what is known."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fedss_opt import OptionError
from fedss_opt.sharing import ParameterLayout
from fedss_opt.sharing.aggregation import aggregate

from .. import naive_sharing as naive
from ..strategies import generators, mixed

EPS = 2.0**-53
THREE = np.ones((3, 2), dtype=bool)


@st.composite
def rounds(draw: st.DrawFn, max_tasks: int = 3) -> dict[str, object]:
    """Uploads of a small round: any masks, weights and sharing, zeros among them."""
    n, tasks, groups = draw(st.integers(0, 6)), draw(st.integers(1, max_tasks)), draw(st.integers(1, 3))
    rng, size = draw(generators()), groups + draw(st.integers(0, 4))
    group = [*range(groups), *rng.integers(0, groups, size - groups)]
    extremes = [0.0, 1.0, -1.0, 1e3, -1e3, 1e-45, -1e-30]
    return {
        "values": mixed(rng, (n, size), (-1e3, 1e3), (-1.0, 1.0), extremes).astype(np.float32),
        "task": rng.integers(0, tasks, n),
        "current": mixed(rng, (tasks, size), (-1e3, 1e3), extremes).astype(np.float32),
        "layout": ParameterLayout(np.zeros(size, dtype=int), np.array(group), np.ones(size, dtype=bool)),
        "masks": rng.random((n, size)) < draw(st.sampled_from([0.5, 0.1, 0.9, 0.0, 1.0])),
        "masks_by_task": False,
        "sharing": mixed(rng, (tasks, tasks, groups), [0.0, 0.25, 1.0], (1e-3, 1.0)),
        "weights": mixed(rng, n, [0.0, 1.0], 10.0 ** rng.uniform(-3.0, 3.0, 8)),
    }


@given(rounds())
def test_models_weights_and_contributions_are_those_of_the_equation(a_round: dict) -> None:
    found = aggregate(**a_round)
    group = a_round["layout"].group
    order = ("values", "task", "current")
    rest = [a_round[name] for name in ("masks", "sharing", "weights")]
    models, received, contribution = naive.aggregate(*(a_round[name] for name in order), group, *rest)
    largest = np.abs(a_round["values"]).max(initial=0.0)
    # Nine terms at most, each of two products and added up: 16 roundings in double precision of something that is at
    # most the largest value; then half a unit of float32.
    slack = 16 * EPS
    for t, row in enumerate(models):
        for j, exact in enumerate(row):
            assert abs(found.models[t, j] - float(exact)) <= slack * 2 * largest + 2.0**-24 * abs(float(exact)) + 1e-45
    assert found.weight == pytest.approx(np.array(received, dtype=float).reshape(found.weight.shape), rel=slack)
    expected = np.array(contribution, dtype=float).reshape(found.contribution.shape)
    # Sums of seven such quotients, all positive.
    assert found.contribution == pytest.approx(expected, rel=4 * slack, abs=1e-300)


@given(rounds())
def test_contributions_add_up_to_what_was_updated(a_round: dict) -> None:
    found = aggregate(**a_round)
    # Six uploads and seven coordinates: fewer than 100 roundings, of parts of 1.
    assert found.contribution.sum(axis=1) == pytest.approx(found.updated, abs=100 * EPS)
    silent = found.weight == 0.0
    assert np.array_equal(found.models[silent], a_round["current"][silent])


@given(rounds(), st.randoms(use_true_random=False))
def test_the_order_of_the_clients_does_not_matter(a_round: dict, random) -> None:
    order = list(range(len(a_round["task"])))
    random.shuffle(order)
    moved = {**a_round, **{name: a_round[name][order] for name in ("values", "task", "masks", "weights")}}
    one, other = aggregate(**a_round), aggregate(**moved)
    largest = float(np.abs(a_round["values"]).max(initial=0.0))
    # As above, for two results; a difference in double precision can move float32 by its last place.
    assert np.allclose(one.models, other.models, rtol=2.0**-23, atol=64 * EPS * largest)
    assert one.contribution[:, order] == pytest.approx(other.contribution, rel=128 * EPS, abs=1e-300)


@given(rounds())
def test_values_behind_a_mask_do_not_matter(a_round: dict) -> None:
    hidden = {**a_round, "values": np.where(a_round["masks"], a_round["values"], np.float32(7.0))}
    assert np.array_equal(aggregate(**a_round).models, aggregate(**hidden).models)


@given(rounds())
def test_masks_by_task_are_masks_of_the_tasks_clients(a_round: dict) -> None:
    tasks, size = a_round["current"].shape
    masks = np.resize(a_round["masks"], (tasks, size)) if a_round["masks"].size else np.ones((tasks, size), dtype=bool)
    by_task = aggregate(**{**a_round, "masks": masks, "masks_by_task": True})
    by_client = aggregate(**{**a_round, "masks": masks[a_round["task"]], "masks_by_task": False})
    assert np.array_equal(by_task.models, by_client.models)
    assert np.array_equal(by_task.contribution, by_client.contribution)


@given(rounds(max_tasks=1))
def test_one_task_with_full_masks_is_fedavg_to_the_last_bit(a_round: dict) -> None:
    values, weights = a_round["values"], a_round["weights"]
    found = aggregate(**{**a_round, "masks": None, "masks_by_task": None, "sharing": None})
    total = 0.0
    for weight in weights.tolist():
        total += weight
    # NumPy adds rows in their order.
    sums = (weights[:, np.newaxis] * values.astype(np.float64)).sum(axis=0)
    expected = (sums / total).astype(np.float32) if total > 0.0 else a_round["current"][0]
    assert np.array_equal(found.models[0], expected)
    everything = aggregate(**{**a_round, "masks": np.ones(values.shape, dtype=bool), "sharing": [[0.5]]})
    assert np.array_equal(everything.models, found.models)
    if total > 0.0:
        # The mean over the coordinates of one quotient, a few roundings each.
        assert found.contribution[0] == pytest.approx(weights / total, rel=32 * EPS)


def test_one_matrix_of_sharing_holds_for_all_groups() -> None:
    layout = ParameterLayout.dense((3, 2))
    rng = np.random.default_rng(0)
    values, task = rng.normal(size=(5, layout.parameters)), np.array([0, 1, 0, 1, 1])
    q = np.array([[1.0, 0.25], [0.5, 1.0]])
    per_group = np.repeat(q[:, :, np.newaxis], layout.groups, axis=2)
    current = np.zeros((2, layout.parameters))
    one = aggregate(values, task, current=current, layout=layout, sharing=q)
    other = aggregate(values, task, current=current, layout=layout, sharing=per_group)
    assert np.array_equal(one.models, other.models)
    # By hand: two of task 0 and three of task 1 at a quarter.
    expected = (values[[0, 2]].sum(axis=0) + 0.25 * values[[1, 3, 4]].sum(axis=0)) / 2.75
    assert np.allclose(one.models[0], expected, rtol=2.0**-23, atol=1e-12)
    assert one.contribution[0] == pytest.approx(np.array([1, 0.25, 1, 0.25, 0.25]) / 2.75)


def test_full_sharing_makes_one_model_of_all_tasks() -> None:
    layout = ParameterLayout.dense((2, 1))
    values = np.random.default_rng(1).normal(size=(4, 3))
    found = aggregate(values, [0, 1, 2, 2], current=np.zeros((3, 3)), layout=layout, sharing=np.ones((3, 3)))
    assert np.allclose(found.models, values.mean(axis=0), rtol=2.0**-23, atol=1e-12)


def test_a_task_without_uploads_learns_from_relevant_others_only() -> None:
    layout = ParameterLayout.dense((1, 1))
    q = [[1.0, 0.0, 0.0], [0.1, 1.0, 0.0], [0.0, 0.0, 1.0]]
    found = aggregate(np.ones((1, 2)), [0], current=np.full((3, 2), 5.0), layout=layout, sharing=q)
    assert found.models.tolist() == [[1, 1], [1, 1], [5, 5]]
    assert found.updated.tolist() == [1, 1, 0]


def test_nobody_uploads() -> None:
    layout = ParameterLayout.dense((1, 1))
    found = aggregate(np.zeros((0, 2)), [], current=[[1.0, 2.0]], layout=layout)
    assert found.models.tolist() == [[1, 2]]
    assert found.contribution.shape == (1, 0)


def test_the_largest_values_and_weights_do_not_overflow() -> None:
    layout = ParameterLayout.dense((1, 1))
    huge = np.full((3, 2), np.finfo(np.float32).max)
    q = [[1, 1e-30], [0, 1]]
    for weight in (1e-30, 1e30):
        found = aggregate(huge, [0, 0, 1], current=huge[:2], layout=layout, sharing=q, weights=[weight] * 3)
        assert np.array_equal(found.models, huge[:2])


def test_as_many_uploads_as_tasks_need_a_word_on_whose_the_masks_are() -> None:
    layout = ParameterLayout.dense((1, 1))
    values, current = np.array([[2.0, 2.0], [4.0, 4.0]]), np.zeros((2, 2))
    masks = np.array([[True, True], [False, True]])
    with pytest.raises(OptionError, match=r"masks: 2 rows, for 2 uploads of 2 tasks; say masks_by_task"):
        aggregate(values, [0, 0], current=current, layout=layout, masks=masks)
    by_client = aggregate(values, [0, 0], current=current, layout=layout, masks=masks, masks_by_task=False)
    by_task = aggregate(values, [0, 0], current=current, layout=layout, masks=masks, masks_by_task=True)
    assert by_client.models[0].tolist() == [2, 3]
    assert by_task.models[0].tolist() == [3, 3]
    # Where both readings say the same, no word is needed.
    aggregate(values, [0, 1], current=current, layout=layout, masks=masks)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"values": np.zeros((2, 3))}, r"values: shape \(2, 3\); must be \(n, 2\)"),
        ({"values": np.array([[0.0, 1.0], [np.nan, 0.0]])}, r"values\[1, 0\] = nan: must be finite"),
        ({"values": np.full((2, 2), 1e39)}, r"values\[0, 0\] = 1e\+39: must be finite, at most 3.4"),
        ({"values": np.zeros((2, 2), dtype=bool)}, "values: dtype bool; must be of real numbers"),
        ({"values": np.zeros((2, 2), dtype=complex)}, "values: dtype complex128; must be of real numbers"),
        ({"values": [[1.0, 2.0], [1.0]]}, "values: its rows differ in length"),
        ({"task": [0]}, r"task: has shape \(1,\); must be \(2,\)"),
        ({"task": [0.0, 1.0]}, "task: .*float64"),
        ({"task": [0, 2]}, r"task\[1\] = 2: must be from 0 to 1"),
        ({"task": [-1, 0]}, r"task\[0\] = -1"),
        ({"current": np.zeros(2)}, r"current: shape \(2,\); must be \(tasks, 2\)"),
        ({"current": np.full((2, 2), np.inf)}, r"current\[0, 0\] = inf"),
        ({"masks": THREE}, "masks: 3 rows; must be 2, one an upload, or 2, one a task"),
        ({"masks": np.ones((2, 2))}, "masks: .*float64; must be .* of bool"),
        (
            {"masks": THREE, "masks_by_task": True},
            "masks: 3 rows with masks_by_task = True; must be 2",
        ),
        ({"sharing": np.ones((2, 2, 2))}, r"sharing: shape \(2, 2, 2\); must be \(2, 2, 1\)"),
        ({"sharing": [[1, 2], [0, 1]]}, r"sharing\[0, 1\] = 2.0: must be 0, or 1e-30 to 1"),
        ({"sharing": [[1, -1], [0, 1]]}, r"sharing\[0, 1\] = -1.0"),
        ({"weights": [1.0]}, r"weights: shape \(1,\); must be \(2,\)"),
        ({"weights": [1.0, -1.0]}, r"weights\[1\] = -1.0: must be 0, or 1e-30 to 1e\+30"),
        ({"weights": [1.0, np.nan]}, r"weights\[1\] = nan"),
    ],
)
def test_what_cannot_be_averaged_is_refused_with_its_place(change: dict, message: str) -> None:
    layout = ParameterLayout.dense((1, 1))
    good = {"values": np.zeros((2, 2)), "task": [0, 1], "current": np.zeros((2, 2)), "layout": layout}
    with pytest.raises(OptionError, match=message):
        aggregate(**{**good, **change})
