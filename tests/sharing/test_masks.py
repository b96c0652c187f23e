"""Pruning, schedules and regrowth: exact counts, the smallest first, and nothing but what is prunable."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fedss_opt import OptionError
from fedss_opt.sharing import ParameterLayout
from fedss_opt.sharing.masks import prune, regrow, statistics
from fedss_opt.sharing.schedules import CubicSchedule, Schedule

from .. import naive_sharing as naive
from ..strategies import generators


@st.composite
def models(draw: st.DrawFn) -> tuple[ParameterLayout, np.ndarray, np.ndarray]:
    """Some tasks' weights, many of them equal, and masks that keep what is not prunable."""
    size, tasks = draw(st.integers(1, 12)), draw(st.integers(1, 3))
    rng = draw(generators())
    prunable = rng.random(size) < draw(st.sampled_from([0.5, 1.0, 0.8, 0.0]))
    layer = np.minimum(np.arange(size), 1)
    layout = ParameterLayout(layer, np.zeros(size, dtype=int), prunable)
    weights = rng.integers(-4, 5, (tasks, size)).astype(np.float32)
    masks = (rng.random((tasks, size)) < draw(st.sampled_from([0.5, 0.9, 0.0, 1.0]))) | ~prunable
    return layout, weights, masks


@given(models(), st.sampled_from([0.0, 0.2, 0.5, 0.9, 1.0]))
def test_a_fraction_of_the_smallest_goes(model, fraction: float) -> None:
    layout, weights, masks = model
    after = prune(weights, masks, layout=layout, fraction=fraction)
    for row, mask, found in zip(weights, masks, after, strict=True):
        removed = math.floor(fraction * np.count_nonzero(mask & layout.prunable) + 0.5)
        assert found.tolist() == naive.prune(row.tolist(), mask.tolist(), layout.prunable.tolist(), removed)
        assert np.array_equal(prune(row, mask, layout=layout, fraction=fraction), found)


@given(models(), st.sampled_from([0.0, 0.2, 0.5, 0.9, 1.0]))
def test_a_density_is_reached_where_the_mask_is_denser(model, density: float) -> None:
    layout, weights, masks = model
    after = prune(weights, masks, layout=layout, density=density)
    target = math.floor(density * np.count_nonzero(layout.prunable) + 0.5)
    for row, mask, found in zip(weights, masks, after, strict=True):
        kept = np.count_nonzero(mask & layout.prunable)
        expected = naive.prune(row.tolist(), mask.tolist(), layout.prunable.tolist(), max(kept - target, 0))
        assert found.tolist() == expected
    assert np.array_equal(after, after & masks)  # nothing comes back
    assert np.array_equal(after[:, ~layout.prunable], masks[:, ~layout.prunable])


@given(models(), st.integers(0, 14), st.sampled_from(["gradient", "random"]))
def test_exactly_as_many_come_back_as_asked_for(model, count: int, by: str) -> None:
    layout, gradients, masks = model
    rng = np.random.default_rng(0)
    after = regrow(masks, layout=layout, count=count, by=by, gradients=gradients, rng=rng)
    assert np.array_equal(after & masks, masks)
    pruned = ~masks & layout.prunable
    grown = after & ~masks
    assert np.array_equal(grown & pruned, grown)
    assert grown.sum(axis=1).tolist() == np.minimum(count, pruned.sum(axis=1)).tolist()
    if by == "gradient":
        for chosen, left, size in zip(grown, pruned & ~grown, np.abs(gradients), strict=True):
            assert size[chosen].min(initial=math.inf) >= size[left].max(initial=0.0)


def test_equal_gradients_come_back_in_order_and_tasks_can_differ() -> None:
    layout = ParameterLayout.dense((4, 1))
    masks = np.zeros((2, 5), dtype=bool)
    after = regrow(masks, layout=layout, count=[1, 3], gradients=np.ones((2, 5)))
    assert after.tolist() == [[True, False, False, False, False], [True, True, True, False, False]]


def test_random_regrowth_is_uniform() -> None:
    layout = ParameterLayout.dense((5, 1))
    rng = np.random.default_rng(5)
    counts = sum(
        regrow(np.zeros(6, dtype=bool), layout=layout, count=2, by="random", rng=rng).astype(int) for _ in range(3000)
    )
    # Binomial with p = 2/5: standard deviation 27; five of them.
    assert np.abs(counts[:5] - 1200).max() < 5 * 27
    assert counts[5] == 0


def test_pruning_and_regrowing_as_many_keeps_the_density() -> None:
    layout = ParameterLayout.dense((10, 8, 3))
    rng = np.random.default_rng(6)
    weights, masks = rng.normal(size=(2, layout.parameters)), np.ones((2, layout.parameters), dtype=bool)
    masks = prune(weights, masks, layout=layout, density=0.4)
    fewer = prune(weights, masks, layout=layout, fraction=0.3)
    moved = regrow(fewer, layout=layout, count=(masks & ~fewer).sum(axis=1), by="random", rng=rng)
    assert moved.sum(axis=1).tolist() == masks.sum(axis=1).tolist()
    assert not np.array_equal(moved, masks)


@given(st.integers(0, 9), st.integers(1, 5), st.floats(0.05, 0.9), st.floats(0.05, 1.0))
def test_iterative_pruning_takes_the_same_part_each_time(start: int, every: int, step: float, density: float) -> None:
    schedule = Schedule(start=start, every=every, step=step, density=density)
    expected = 1.0
    for t in range(60):
        due = t >= start and (t - start) % every == 0 and expected > density
        if due:
            expected = max(density, expected * (1.0 - step))
        # Sixty multiplications instead of one power.
        assert schedule.density_at(t) == pytest.approx(expected, rel=1e-13)
        if expected > density * (1.0 + 1e-12):  # but for the last step, which may be one of rounding alone
            assert schedule.due(t) == due


@given(st.integers(0, 9), st.integers(1, 30), st.integers(1, 5), st.floats(0.05, 0.95), st.sampled_from([1.0, 3.0]))
def test_gradual_pruning_falls_from_one_to_the_final_density(
    start: int, length: int, every: int, density: float, power: float
) -> None:
    schedule = CubicSchedule(start=start, end=start + length, every=every, density=density, power=power)
    found = [schedule.density_at(t) for t in range(start + length + 5)]
    assert all(later <= earlier for earlier, later in itertools.pairwise(found))
    assert set(found[: start + 1]) == {1.0}
    assert set(found[start + length :]) == {density}
    for t in range(start, start + length, every):
        assert found[t] == pytest.approx(density + (1 - density) * (1 - (t - start) / length) ** power, rel=1e-13)
    changes = [t for t in range(len(found)) if found[t] < (found[t - 1] if t else 1.0)]
    assert [t for t in range(len(found)) if schedule.due(t)] == changes


def test_statistics_by_hand() -> None:
    layout = ParameterLayout.dense((2, 2, 1))  # weights 0-3 (biases 4, 5), weights 6, 7 (bias 8)
    masks = np.array(
        [
            [1, 1, 0, 0, 1, 1, 1, 0, 1],
            [1, 0, 1, 0, 1, 1, 1, 0, 1],
            [1, 1, 0, 0, 1, 1, 0, 0, 1],
        ],
        dtype=bool,
    )
    found = statistics(masks, layout=layout)
    assert found.density.tolist() == [0.5, 0.5, 1 / 3]
    assert found.layer_density.tolist() == [[0.5, 0.5], [0.5, 0.5], [0.5, 0.0]]
    assert found.overlap[0].tolist() == [1.0, 0.5, 2 / 3]
    assert np.array_equal(found.overlap, found.overlap.T)
    parts = (found.shared_by_all, found.shared_by_some, found.private, found.unused)
    assert parts == (1 / 6, 2 / 6, 1 / 6, 2 / 6)


@given(models())
def test_parts_add_up_to_one(model) -> None:
    layout, _, masks = model
    found = statistics(masks, layout=layout)
    total = found.shared_by_all + found.shared_by_some + found.private + found.unused
    assert total == pytest.approx(1.0, abs=4 * 2.0**-53)  # four terms of at most 1
    for t, mask in enumerate(masks):
        kept = mask[layout.prunable]
        assert found.density[t] == (kept.mean() if kept.size else 1.0)
        assert found.overlap[t, t] == 1.0


def test_degenerate_sizes() -> None:
    single = ParameterLayout(np.zeros(1, dtype=int), np.zeros(1, dtype=int), np.array([True]))
    assert prune([3.0], [True], layout=single, density=0.0).tolist() == [False]
    assert prune(np.zeros((0, 1)), np.zeros((0, 1), dtype=bool), layout=single, fraction=0.5).shape == (0, 1)
    assert statistics(np.zeros((0, 1), dtype=bool), layout=single).overlap.shape == (0, 0)
    biases = ParameterLayout(np.zeros(2, dtype=int), np.zeros(2, dtype=int), np.zeros(2, dtype=bool))
    assert prune([[0.0, 1.0]], [[True, True]], layout=biases, density=0.1).tolist() == [[True, True]]
    assert statistics([[True, True]], layout=biases).shared_by_all == 1.0
    alone = statistics([[True, True, False]], layout=ParameterLayout.dense((2, 1)))
    assert (alone.shared_by_all, alone.private) == (1.0, 0.0)


LAYOUT = ParameterLayout.dense((2, 1))
FULL = [True, True, True]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: prune([1, 2, 3], FULL, layout=LAYOUT), "fraction, density: neither given; give exactly one"),
        (lambda: prune([1, 2, 3], FULL, layout=LAYOUT, fraction=0.1, density=0.1), "fraction, density: both given"),
        (lambda: prune([1, 2, 3], FULL, layout=LAYOUT, fraction=1.1), r"fraction = 1.1: must be a number in \[0, 1\]"),
        (lambda: prune([1, 2, 3], FULL, layout=LAYOUT, density=math.nan), "density = nan"),
        (lambda: prune([1, 2], FULL, layout=LAYOUT, density=0.1), r"weights: shape \(2,\) where masks have \(3,\)"),
        (lambda: prune([1, 2, math.nan], FULL, layout=LAYOUT, density=0.1), r"weights\[2\] = nan: must be finite"),
        (lambda: prune([1, 2, 3], [1, 1, 1], layout=LAYOUT, density=0.1), "masks: .*int64; must be .* of bool"),
        (lambda: prune([1, 2], FULL[:2], layout=LAYOUT, density=0.1), r"masks: shape \(1, 2\).*\(rows, 3\) of bool"),
        (lambda: prune(1.0, True, layout=LAYOUT, density=0.1), r"masks: shape \(\)"),
        (lambda: regrow(FULL, layout=LAYOUT, count=1), "gradients: missing; by = 'gradient' needs it"),
        (lambda: regrow(FULL, layout=LAYOUT, count=1, by="random"), "rng: missing; by = 'random' needs it"),
        (lambda: regrow(FULL, layout=LAYOUT, count=1, by="hope"), "by = 'hope': must be one of 'gradient', 'random'"),
        (lambda: regrow(FULL, layout=LAYOUT, count=-1, gradients=[1, 2, 3]), "count = -1: must be an integer >= 0"),
        (lambda: regrow(FULL, layout=LAYOUT, count=0.5, gradients=[1, 2, 3]), "count = 0.5: must be an integer"),
        (lambda: regrow(FULL, layout=LAYOUT, count=[1, 2], gradients=[1, 2, 3]), r"one for each of the 1 tasks"),
        (lambda: statistics(FULL, layout=LAYOUT), r"masks: shape \(3,\)"),
        (lambda: Schedule(start=-1, every=1, density=0.5), "start = -1: must be an integer >= 0"),
        (lambda: Schedule(start=0, every=0, density=0.5), "every = 0: must be an integer >= 1"),
        (lambda: Schedule(start=0, every=1, step=1.0, density=0.5), r"step = 1.0: must be a number in \(0, 1\)"),
        (lambda: Schedule(start=0, every=1, density=0.0), r"density = 0.0: must be a number in \(0, 1\]"),
        (lambda: Schedule(start=0, every=1, density=0.5).density_at(-1), "t = -1: must be an integer >= 0"),
        (lambda: CubicSchedule(start=3, end=3, every=1, density=0.5), "end = 3: must be an integer >= 4"),
        (lambda: CubicSchedule(start=0, end=3, every=1, density=0.5, power=0.5), "power = 0.5"),
    ],
)
def test_what_cannot_be_pruned_or_regrown_is_refused(call, message: str) -> None:
    with pytest.raises(OptionError, match=message):
        call()
