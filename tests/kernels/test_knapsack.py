"""The single-task covering knapsack against all selections."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fedss_opt.kernels.knapsack import covering_knapsack

from .cells import NEVER

MANY = 10**7


def brute_force(cost: np.ndarray, relevance: np.ndarray, need: float) -> float:
    """Cost of the cheapest cover, inf where there is none."""
    best = math.inf
    for size in range(cost.size + 1):
        for members in itertools.combinations(range(cost.size), size):
            chosen = list(members)
            if relevance[chosen].sum() >= need:
                best = min(best, cost[chosen].sum())
    return best


@st.composite
def knapsacks(draw) -> tuple[np.ndarray, np.ndarray, float, float]:
    """Eighths, so that sums are exact and ties are common; the multiplier is anything."""
    n = draw(st.integers(1, 9))
    cost = np.array(draw(st.lists(st.integers(0, 24), min_size=n, max_size=n))) / 8.0
    relevance = np.array(draw(st.lists(st.integers(1, 16), min_size=n, max_size=n))) / 8.0
    need = draw(st.integers(0, int(8 * relevance.sum()))) / 8.0
    return cost, relevance, need, draw(st.integers(0, 40)) / 8.0


@given(knapsacks())
def test_finds_the_cheapest_cover(knapsack) -> None:
    cost, relevance, need, mu = knapsack
    best = brute_force(cost, relevance, need)
    verdict, value, chosen, _ = covering_knapsack(cost, relevance, need, mu, 1e9, MANY, NEVER)
    assert verdict == 1
    assert relevance[chosen].sum() >= need
    assert cost[chosen].sum() == best  # eighths: exact
    assert abs(value - best) <= 1e-12 * (1.0 + best)  # value is D plus the excess: a few rounded sums


@given(knapsacks())
def test_proves_that_nothing_is_cheaper(knapsack) -> None:
    cost, relevance, need, mu = knapsack
    best = brute_force(cost, relevance, need)
    verdict, value, _, _ = covering_knapsack(cost, relevance, need, mu, best, MANY, NEVER)
    if best > 0.0:  # the pruning works at 1e-12 relative: equality must not count as cheaper by more than that
        assert verdict == 0 or value >= best * (1.0 - 1e-9)


def test_leaves_out_who_cannot_be_selected() -> None:
    cost = np.array([math.inf, 1.0, 2.0])
    verdict, _, chosen, _ = covering_knapsack(cost, np.array([5.0, 1.0, 1.0]), 2.0, 1.0, 1e9, MANY, NEVER)
    assert verdict == 1
    assert chosen.tolist() == [False, True, True]


def test_gives_up_when_there_is_no_room() -> None:
    rng = np.random.default_rng(0)
    cost, relevance = rng.uniform(0.5, 1.0, 60), rng.uniform(0.5, 1.0, 60)
    verdict, _, _, _ = covering_knapsack(cost, relevance, 0.5 * relevance.sum(), 1.0, 1e9, 8, NEVER)
    assert verdict == -1


@pytest.mark.parametrize("seed", range(20))
def test_of_two_covers_1e_9_apart_the_cheaper_is_found(seed: int) -> None:
    """The limit is what a cover costs that is dearer than the cheapest by 1e-9 of it; any multiplier will do."""
    rng = np.random.default_rng([13, seed])
    cost, relevance = rng.uniform(0.5, 1.5, 9), rng.uniform(0.1, 1.0, 9)
    need = 0.5 * relevance.sum()
    best = brute_force(cost, relevance, need)
    for mu in rng.uniform(0.3, 4.0, 5).tolist():
        verdict, _, chosen, _ = covering_knapsack(cost, relevance, need, mu, best * (1.0 + 1e-9), MANY, NEVER)
        assert verdict == 1
        assert cost[chosen].sum() == best
        assert covering_knapsack(cost, relevance, need, mu, best * (1.0 - 1e-9), MANY, NEVER)[0] == 0
