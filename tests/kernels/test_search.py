"""The selection heuristics: what they keep, and that the best swap is the best of all.

Relevance is quantised to sixteenths, so that sums of coverage are exact whatever their order.
"""

from __future__ import annotations

import itertools
import math
from fractions import Fraction

import numpy as np
import pytest

from fedss_opt.kernels.search import cover_statically, exchange, measure_slack, nearest_clients, repair, trim

from .cells import NEVER

SEEDS = range(25)


class Round:
    """Clients with costs, a covering selection and multipliers."""

    def __init__(self, seed: int, clients: int = 12, *, tie: bool = False) -> None:
        rng = np.random.default_rng(seed)
        tasks = int(rng.integers(1, 4))
        self.relevance = rng.integers(0, 17, (clients, tasks)) / 16.0
        self.relevance[0] = 1.0
        self.aim = np.floor(rng.uniform(0.3, 0.6) * self.relevance.sum(axis=0) * 16) / 16
        self.cost = rng.choice([1.0, 2.0, 4.0], clients) if tie else rng.uniform(1.0, 10.0, clients)
        self.mu = rng.uniform(0.0, 4.0, tasks) * (rng.random(tasks) < 0.8)
        self.reduced = self.cost - self.relevance @ self.mu
        # A covering selection that is not minimal: clients in a random order until all is covered.
        order = rng.permutation(clients)
        received = np.cumsum(self.relevance[order], axis=0)
        enough = int(np.argmax((received >= self.aim).all(axis=1)))
        self.chosen = np.zeros(clients, dtype=bool)
        self.chosen[order[: enough + 1]] = True
        self.slack = np.empty(tasks)
        assert measure_slack(self.relevance, self.aim, self.chosen, self.slack)

    def spend(self) -> float:
        return math.fsum(self.cost[self.chosen])

    def assert_consistent(self) -> None:
        """Covered, and the slack that was kept up to date is the slack there is."""
        assert (self.slack == self.relevance[self.chosen].sum(axis=0) - self.aim).all()
        assert (self.slack >= 0.0).all()

    def exchange(self, width: int = 100, moves: int = 1000) -> float:
        return exchange(self.relevance, self.cost, self.reduced, self.mu, self.chosen, self.slack, width, moves, NEVER)


def _sets(clients: np.ndarray) -> list[tuple[int, ...]]:
    return [(int(i),) for i in clients] + [(int(i), int(j)) for i, j in itertools.combinations(clients, 2)]


def _best_swap(r: Round) -> float:
    """The greatest gain of any swap of one or two for one or two, by trying them all."""
    best = 0.0
    for leave in _sets(np.flatnonzero(r.chosen)):
        need = r.relevance[list(leave)].sum(axis=0) - r.slack
        for enter in _sets(np.flatnonzero(~r.chosen & np.isfinite(r.cost))):
            if (r.relevance[list(enter)].sum(axis=0) >= need).all():
                best = max(best, float(r.cost[list(leave)].sum() - r.cost[list(enter)].sum()))
    return best


# -- slack --


def test_slack_is_exact_to_the_last_bit() -> None:
    rng = np.random.default_rng(0)
    for _ in range(50):
        relevance = 10.0 ** rng.uniform(-12, 0, (40, 2))
        chosen = rng.random(40) < 0.5
        aim = relevance[chosen].sum(axis=0) * rng.choice([1.0, 1.0 - 1e-15, 1.0 + 1e-15])
        slack = np.empty(2)
        covered = measure_slack(relevance, aim, chosen, slack)
        exact = [
            sum((Fraction(x) for x in relevance[chosen, k].tolist()), Fraction(0)) - Fraction(aim[k]) for k in range(2)
        ]
        # Compensated: an error of eps^2 of the sum of magnitudes, and one rounding of the result.
        np.testing.assert_allclose(slack, [float(e) for e in exact], rtol=4e-16, atol=1e-30)
        assert covered == (min(exact) >= 0)


def test_nobody_chosen_and_no_tasks() -> None:
    slack = np.empty(1)
    assert not measure_slack(np.ones((3, 1)), np.ones(1), np.zeros(3, dtype=bool), slack)
    assert slack == -1.0
    assert measure_slack(np.ones((3, 0)), np.ones(0), np.zeros(3, dtype=bool), np.empty(0))


# -- covering and repairing --


@pytest.mark.parametrize("seed", SEEDS)
def test_covering_covers_with_clients_within_reach(seed: int) -> None:
    r = Round(seed)
    r.cost[np.random.default_rng(seed).random(12) < 0.3] = math.inf
    possible = bool((r.relevance[np.isfinite(r.cost)].sum(axis=0) >= r.aim).all())
    assert cover_statically(r.relevance, r.aim, r.cost, r.chosen, r.slack, NEVER) == possible
    assert np.isfinite(r.cost[r.chosen]).all()
    if possible:
        r.assert_consistent()


@pytest.mark.parametrize("seed", SEEDS)
def test_repair_adds_the_cheapest_help_each_time(seed: int) -> None:
    r = Round(seed)
    rng = np.random.default_rng(seed)
    r.chosen &= rng.random(12) < 0.4
    r.cost[~r.chosen & (rng.random(12) < 0.2)] = math.inf
    measure_slack(r.relevance, r.aim, r.chosen, r.slack)
    chosen, slack = r.chosen.copy(), r.slack.copy()
    while (slack < 0.0).any():  # the same rule, written out
        missing = np.maximum(-slack, 0.0)
        useful = np.minimum(r.relevance, missing).sum(axis=1)
        usable = ~chosen & np.isfinite(r.cost) & (useful > 0.0)
        if not usable.any():
            break
        with np.errstate(divide="ignore", invalid="ignore"):
            key = np.where(usable, r.cost / useful, math.inf)
        i = int(np.argmin(key))
        chosen[i] = True
        slack += r.relevance[i]
    covered = bool((slack >= 0.0).all())
    assert repair(r.relevance, r.cost, r.chosen, r.slack, NEVER) == covered
    assert math.fsum(r.cost[r.chosen]) == pytest.approx(math.fsum(r.cost[chosen]), rel=1e-15)
    if covered:
        r.assert_consistent()


@pytest.mark.parametrize("seed", SEEDS)
def test_trimming_leaves_nobody_to_drop(seed: int) -> None:
    r = Round(seed, tie=seed % 2 == 0)
    r.chosen[:] = True
    measure_slack(r.relevance, r.aim, r.chosen, r.slack)
    spare = [i for i in range(12) if (r.relevance[i] <= r.slack).all()]
    before = r.spend()
    saved = trim(r.relevance, r.cost, r.chosen, r.slack, NEVER)
    r.assert_consistent()
    assert before - r.spend() == pytest.approx(saved, rel=1e-13, abs=1e-13)  # a dozen additions either way
    for i in np.flatnonzero(r.chosen):
        assert (r.relevance[i] > r.slack).any()
    if spare:  # the dearest of all goes first
        assert not r.chosen[spare].all()
        dearest = max(r.cost[i] for i in spare)
        assert any(r.cost[i] == dearest and not r.chosen[i] for i in spare)
    assert trim(r.relevance, r.cost, r.chosen, r.slack, NEVER) == 0.0


# -- exchanging --


@pytest.mark.parametrize("size", [0, 1, 5, 40])
def test_nearest_clients_are_the_smallest_reduced_costs(size: int) -> None:
    rng = np.random.default_rng(size)
    cost, reduced, chosen = rng.uniform(1, 2, 30), rng.integers(-9, 9, 30) / 8.0, rng.random(30) < 0.5
    cost[::7] = math.inf
    for side in (True, False):
        core = np.full(size, -1, dtype=np.int64)
        found = nearest_clients(cost, reduced, chosen, side, core)
        eligible = np.flatnonzero((chosen == side) & np.isfinite(cost))
        expected = eligible[np.argsort(np.abs(reduced[eligible]), kind="stable")][:size]
        assert core[:found].tolist() == expected.tolist()


@pytest.mark.parametrize("tie", [False, True])
@pytest.mark.parametrize("seed", SEEDS)
def test_the_swap_taken_is_the_best_of_all(seed: int, tie: bool) -> None:
    r = Round(seed, tie=tie)
    trim(r.relevance, r.cost, r.chosen, r.slack, NEVER)
    before, best = r.spend(), _best_swap(r)
    gained = r.exchange(moves=1)
    r.assert_consistent()
    # The swap and whatever it made dispensable; sums of a dozen costs up to 10 err by less than 1e-13.
    assert before - r.spend() == pytest.approx(gained, abs=1e-12)
    assert gained >= best - 1e-12
    if best == 0.0:
        assert gained == 0.0


@pytest.mark.parametrize("seed", SEEDS)
def test_exchanging_ends_where_no_swap_gains(seed: int) -> None:
    r = Round(seed)
    before = r.spend()
    gained = r.exchange()
    r.assert_consistent()
    assert gained >= 0.0
    assert before - r.spend() == pytest.approx(gained, abs=1e-12)
    assert _best_swap(r) <= 1e-11
    assert r.exchange() == 0.0


@pytest.mark.parametrize("seed", SEEDS)
def test_a_narrow_core_still_never_uncovers_nor_costs_more(seed: int) -> None:
    for width in (0, 1, 2, 3):
        r = Round(seed, clients=20)
        r.cost[~r.chosen & (np.random.default_rng(seed).random(20) < 0.3)] = math.inf
        r.reduced = r.cost - r.relevance @ r.mu
        before = r.spend()
        gained = r.exchange(width=width)
        r.assert_consistent()
        assert r.spend() <= before * (1 + 1e-14)
        if width == 0:
            assert gained == 0.0
