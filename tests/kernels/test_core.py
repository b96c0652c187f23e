"""The core search: kicks out of local optima, and a round of it on a whole cell."""

from __future__ import annotations

import numpy as np
import pytest

from fedss_opt.kernels import advance, make_work, state
from fedss_opt.kernels.core import _search_core, search_round

from .cells import NEVER, cell, some_problem
from .test_search import Round

SEEDS = range(15)


@pytest.mark.parametrize("seed", SEEDS)
def test_kicks_never_lose_what_was_found(seed: int) -> None:
    r, plain = Round(seed, clients=12), Round(seed, clients=12)
    plain.exchange(width=8)
    cost, reduced = r.cost.copy(), r.reduced.copy()
    _search_core(r.relevance, r.cost, r.reduced, r.mu, r.chosen, r.slack, 8, 10, NEVER)
    r.assert_consistent()
    assert r.spend() <= plain.spend() * (1 + 1e-12)
    assert (r.cost == cost).all()  # what a kick changed is put back
    assert (r.reduced == reduced).all()
    rows = (np.arange(1 << 12)[:, None] >> np.arange(12)) & 1
    covering = (rows @ r.relevance >= r.aim).all(axis=1)
    assert r.spend() >= (rows[covering] @ r.cost).min() * (1 - 1e-12)


@pytest.mark.parametrize("objective", ["makespan", "total"])
@pytest.mark.parametrize("width", [0, 1, 48])
def test_search_rounds_only_improve_and_end(objective: str, width: int) -> None:
    for seed in range(5):
        compact = cell(some_problem(np.random.default_rng(seed), 40, 3, objective=objective))
        work = make_work(compact)
        while work.state[state.PHASE] < state.SEARCH:
            advance(compact, work, 0.0, 1.0, 2000, True, 10**9, 2000, width, 4)
        rounds, best = 0, work.state[state.OBJECTIVE]
        while work.state[state.PHASE] == state.SEARCH:
            search_round(compact, work, width, 4, 0.0)
            assert work.state[state.OBJECTIVE] <= best
            best = work.state[state.OBJECTIVE]
            # Sixteenths that were normalised: a dozen additions.
            assert (compact.relevance.T @ work.best >= 1.0 - 1e-14).all()
            rounds += 1
        assert 1 <= rounds <= 50
