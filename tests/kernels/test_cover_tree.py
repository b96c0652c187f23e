"""The covering knapsack of several tasks against all selections, and against HiGHS where those are too many."""

from __future__ import annotations

import itertools
import math
from fractions import Fraction
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import Bounds, LinearConstraint, milp

from fedss_opt.kernels.cover_bound import climb, cutoff, penalty
from fedss_opt.kernels.cover_state import (
    ACTIVE,
    DONE,
    FIXED,
    FOUND,
    LIMIT,
    NODES,
    PROPOSED,
    CoverTree,
    answer_proposal,
    decide,
    keep_node,
    make_cover_tree,
    restore_node,
)
from fedss_opt.kernels.cover_tree import advance_cover

MANY = 10**7
SELECTIONS = {n: np.array(list(itertools.product((0.0, 1.0), repeat=n))) for n in range(1, 11)}


def brute_force(cost: np.ndarray, relevance: np.ndarray, need: np.ndarray) -> float:
    """Cost of the cheapest cover, inf where there is none."""
    selections = SELECTIONS[cost.size]
    covers = (selections @ relevance >= need).all(axis=1)
    return float((selections[covers] @ cost).min(initial=math.inf))


def search(cost: np.ndarray, relevance: np.ndarray, need: np.ndarray, limit: float = 1e9) -> CoverTree:
    """Search to the end, taking every proposed cover."""
    tree = make_cover_tree(cost, relevance, need, limit, 0)
    while not advance_cover(tree, MANY):
        assert tree.tally[PROPOSED]
        answer_proposal(tree, True)
    return tree


@cache  # made once each: making them anew for every example takes longer than drawing from them
def integers(count: int, least: int, most: int) -> st.SearchStrategy[list[int]]:
    return st.lists(st.integers(least, most), min_size=count, max_size=count)


def eighths(draw, count: int, least: int, most: int) -> np.ndarray:
    return np.array(draw(integers(count, least, most))) / 8.0


CLIENTS, TASKS = st.integers(1, 10), st.integers(1, 4)
LEVELS, MORE = st.sampled_from([1, 3, 16]), st.sampled_from([0.0, 0.0, 0.0, 0.125])


@st.composite
def covers(draw) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Eighths, so that sums are exact and ties are common; needs up to what everybody offers, and a little more."""
    n, tasks = draw(CLIENTS), draw(TASKS)
    cost = eighths(draw, n, 0, 24)
    relevance = eighths(draw, n * tasks, 0, draw(LEVELS)).reshape(n, tasks)
    share = eighths(draw, tasks, 1, 8)
    need = np.ceil(8.0 * share * relevance.sum(axis=0)) / 8.0 + draw(MORE)
    return cost, relevance, np.maximum(need, 0.125)


@settings(max_examples=250)
@given(covers())
def test_finds_the_cheapest_cover(knapsack) -> None:
    cost, relevance, need = knapsack
    best = brute_force(cost, relevance, need)
    tree = search(cost, relevance, need)
    assert bool(tree.tally[FOUND]) == (best < math.inf)
    if best < math.inf:
        assert (tree.best @ relevance >= need).all()
        assert cost[tree.best].sum() <= best + 1e-11  # eighths: the cheapest, or 1e-12 of the limit away
        assert tree.amount[LIMIT] == pytest.approx(best, abs=1e-11)


@settings(max_examples=500)
@given(covers(), st.sampled_from([0.0, 0.125, -0.125]))
def test_decides_whether_anything_is_below_a_limit(knapsack, above: float) -> None:
    cost, relevance, need = knapsack
    best = brute_force(cost, relevance, need)
    limit = best + above
    if not 0.0 < limit < math.inf:
        return
    tree = search(cost, relevance, need, limit)
    assert bool(tree.tally[FOUND]) == (best < limit)


@settings(max_examples=300)
@given(covers(), st.lists(st.booleans(), min_size=10, max_size=10))
def test_the_bound_of_a_node_holds_below_it(knapsack, sides: list[bool]) -> None:
    cost, relevance, need = knapsack
    tree = make_cover_tree(cost, relevance, need, 1e9, 0)
    decided = cost.size // 2
    for i in range(decided):
        decide(tree, i, sides[i])
    inside = np.array(sides[:decided], dtype=bool)
    rest = need - relevance[:decided][inside].sum(axis=0)
    below = cost[:decided][inside].sum() + brute_force(cost[decided:], relevance[decided:], rest)
    for max_pivots in (0, 1, 50):
        bound = climb(tree, max_pivots)
        assert min(bound, cutoff(tree)) <= below


def test_going_back_restores_the_node() -> None:
    rng = np.random.default_rng(0)
    tree = make_cover_tree(rng.random(9), rng.random((9, 2)), np.array([2.0, 3.0]), 1e9, 0)
    decide(tree, 4, True)
    need, room, fixed = tree.need.copy(), tree.room.copy(), tree.amount[FIXED]
    undecided = set(tree.client[: tree.tally[ACTIVE]])
    keep_node(tree, 2, 0.0)
    for i, side in ((2, True), (8, False), (0, True)):
        decide(tree, i, side)
    restore_node(tree, 0)
    assert set(tree.client[: tree.tally[ACTIVE]]) == undecided == set(range(9)) - {4}
    assert np.array_equal(tree.need, need)
    assert np.array_equal(tree.room, room)
    assert tree.amount[FIXED] == fixed
    assert np.array_equal(tree.client[tree.position], np.arange(9))


@pytest.mark.parametrize("tasks", [2, 3, 6])
@pytest.mark.parametrize("quantised", [True, False])
@pytest.mark.parametrize("seed", range(2))
def test_agrees_with_highs(tasks: int, quantised: bool, seed: int) -> None:
    rng = np.random.default_rng([seed, tasks])
    n = int(rng.integers(30, 50))
    relevance = rng.random((n, tasks)) ** 2
    if quantised:
        relevance = np.round(8.0 * relevance)
    cost = rng.uniform(0.5, 2.0, n) * (0.3 + relevance.sum(axis=1))
    need = 0.4 * relevance.sum(axis=0)
    truth = milp(
        cost,
        integrality=np.ones(n),
        bounds=Bounds(0.0, 1.0),
        constraints=LinearConstraint(relevance.T, need, np.inf),
        options={"mip_rel_gap": 0.0},
    )
    tree = search(cost, relevance, need)
    assert tree.amount[LIMIT] == pytest.approx(truth.fun, rel=1e-7)
    assert cost[tree.best].sum() == pytest.approx(tree.amount[LIMIT], rel=1e-12)
    assert (tree.best @ relevance >= need * (1.0 - 1e-12)).all()
    assert not search(cost, relevance, need, cost[tree.best].sum()).tally[FOUND]


def test_clients_alike() -> None:
    """Fourteen of one kind and fourteen of another: nothing but ties."""
    relevance = np.repeat([[1.0, 0.0], [0.0, 1.0]], 14, axis=0)
    tree = search(np.ones(28), relevance, np.array([5.0, 6.0]))
    assert tree.amount[LIMIT] == 11.0
    assert not search(np.ones(28), relevance, np.array([5.0, 6.0]), 11.0).tally[FOUND]


def test_everybody_is_needed() -> None:
    rng = np.random.default_rng(3)
    relevance = rng.random((30, 4))
    tree = search(rng.random(30), relevance, relevance.sum(axis=0))
    assert tree.best.all()


def test_rests_between_nodes_and_goes_on() -> None:
    rng = np.random.default_rng(1)
    relevance = rng.random((40, 4))
    cost = relevance.sum(axis=1) * rng.uniform(0.9, 1.1, 40)
    need = 0.5 * relevance.sum(axis=0)
    whole = search(cost, relevance, need)
    tree = make_cover_tree(cost, relevance, need, 1e9, 0)
    assert not advance_cover(tree, 1)
    assert (tree.tally[NODES], tree.tally[DONE]) == (1, 0)
    while not advance_cover(tree, 7):
        if tree.tally[PROPOSED]:
            answer_proposal(tree, True)
    assert tree.tally[NODES] == whole.tally[NODES] > 10
    assert np.array_equal(tree.best, whole.best)
    assert advance_cover(tree, 5)  # at rest for good
    assert tree.tally[NODES] == whole.tally[NODES]


@settings(max_examples=300)
@given(covers())
def test_a_refused_cover_is_not_missed_in_the_proof_of_the_others(knapsack) -> None:
    """Refuse every proposal that leaves a client out: what is found is the cheapest cover that has it."""
    cost, relevance, need = knapsack
    tree = make_cover_tree(cost, relevance, need, 1e9, 0)
    while not advance_cover(tree, MANY):
        answer_proposal(tree, bool(tree.offer[0]))
    selections = SELECTIONS[cost.size]
    covers = (selections @ relevance >= need).all(axis=1) & (selections[:, 0] == 1.0)
    if covers.any():
        # Supersets of a refused cover count too: they cover as well.
        assert tree.amount[LIMIT] == pytest.approx(float((selections[covers] @ cost).min()), abs=1e-11)
    else:
        assert not tree.tally[FOUND]


def test_reduced_costs_are_only_used_with_their_own_bound() -> None:
    """A climb may end on a ray short of the limit, with a bound that older reduced costs do not belong to."""
    cost = np.array([0.0, 0.875, 0.0, 0.0, 2.25, 2.375])
    relevance = np.array(
        [
            [0.0, 0.75, 0.0, 0.5],
            [0.0, 0.625, 0.0, 0.375],
            [0.0, 0.0, 0.0, 1.125],
            [0.125, 0.125, 0.125, 0.0],
            [0.0, 1.625, 0.0, 0.75],
            [0.0, 1.875, 0.0, 0.75],
        ]
    )
    assert search(cost, relevance, np.array([0.125, 3.125, 0.125, 2.625])).amount[LIMIT] == 3.125


def exact_dual(cost: np.ndarray, relevance: np.ndarray, need: np.ndarray, mu: list[Fraction]) -> Fraction:
    """Evaluate D(mu) of the whole knapsack as a rational number, from the data alone."""
    rows = [[Fraction(r) for r in row] for row in relevance.tolist()]
    value = Fraction(0)
    for k, asked in enumerate(need.tolist()):
        room = sum((row[k] for row in rows), -Fraction(asked))
        value += mu[k] * Fraction(asked) + min(Fraction(0), mu[k]) * room
    for row, c in zip(rows, cost.tolist(), strict=True):
        value += min(Fraction(0), Fraction(c) - sum((r * m for r, m in zip(row, mu, strict=True)), Fraction(0)))
    return value


@pytest.mark.parametrize("seed", range(8))
def test_with_many_tasks_no_bound_is_above_the_rational_one(seed: int) -> None:
    """64 tasks: plain sums of thousands of terms, which are rounded up as often as down."""
    rng = np.random.default_rng([11, seed])
    n, tasks = 72, 64
    relevance = rng.random((n, tasks)) * (rng.random((n, tasks)) < 0.3)
    relevance[:tasks] += np.diag(rng.uniform(0.1, 1.0, tasks))
    cost = rng.uniform(0.5, 1.5, n) * (0.1 + relevance.sum(axis=1))
    need = rng.uniform(0.2, 0.6, tasks) * relevance.sum(axis=0)
    scale = 2.0 ** -np.ceil(np.log2(relevance.max(axis=0)))  # rows are scaled by powers of two: no rounding
    for pivots in (0, 1, 2, 3, 5, 8):
        tree = make_cover_tree(cost, relevance, need, 1e9, 0)
        bound = climb(tree, pivots)
        mu = [Fraction(m) * Fraction(s) for m, s in zip(tree.mu.tolist(), scale.tolist(), strict=True)]
        assert Fraction(bound) <= exact_dual(cost, relevance, need, mu)


@pytest.mark.parametrize("seed", range(30))
def test_everybody_is_needed_whatever_the_order_of_the_sum(seed: int) -> None:
    """The need is a sum of what all offer, added up in another order than the search does: off by a few ulp."""
    rng = np.random.default_rng([12, seed])
    n, tasks = 30, 3
    relevance = rng.random((n, tasks))
    need = relevance[rng.permutation(n)].cumsum(axis=0)[-1]
    tree = search(rng.random(n), relevance, need)
    assert tree.tally[FOUND]
    assert tree.best.all()


@pytest.mark.parametrize("seed", range(20))
def test_of_two_covers_1e_9_apart_the_cheaper_is_found(seed: int) -> None:
    """The limit is what a cover costs that is dearer than the cheapest by 1e-9 of it."""
    rng = np.random.default_rng([13, seed])
    n, tasks = 8, 2
    cost, relevance = rng.uniform(0.5, 1.5, n), rng.random((n, tasks))
    need = 0.5 * relevance.sum(axis=0)
    best = brute_force(cost, relevance, need)
    tree = search(cost, relevance, need, best * (1.0 + 1e-9))
    assert tree.tally[FOUND]
    assert cost[tree.best].sum() == pytest.approx(best, rel=1e-12)
    assert not search(cost, relevance, need, best * (1.0 - 1e-9)).tally[FOUND]


@settings(max_examples=200)
@given(covers(), st.sampled_from([0.25, 1.0, 4.0]))
def test_a_branch_is_closed_by_the_bound_itself_and_not_by_what_an_update_says(knapsack, off: float) -> None:
    """A basic value that rounding has moved makes the line search promise more than D keeps."""
    cost, relevance, need = knapsack
    best = brute_force(cost, relevance, need)
    if not 0.0 < best < math.inf:
        return
    tree = make_cover_tree(cost, relevance, need, best * (1.0 + 1e-6), 0)
    bound = climb(tree, 50)
    slack = cutoff(tree) - bound
    if slack <= 0.0:
        return
    for p in range(need.size):
        i = tree.basis[p]
        if i >= cost.size or not 1e-6 < tree.x[p] < 1.0 - 1e-6:
            continue
        for selected in (True, False):
            tree.x[p] += -off if selected else off
            closed = penalty(tree, p, selected, slack) >= slack
            tree.x[p] -= -off if selected else off
            held = np.arange(cost.size) == i
            rest = need - relevance[i] if selected else need
            side = brute_force(cost[~held], relevance[~held], rest) if cost.size > 1 else math.inf
            side += cost[i] if selected else 0.0
            assert not closed or side >= cutoff(tree) * (1.0 - 1e-12)
