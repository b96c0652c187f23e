"""Presolve in rational arithmetic: who is forced, what is short, and which task another one implies."""

from __future__ import annotations

import itertools
from fractions import Fraction

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

import fedss_opt as fo
from fedss_opt.cells import cell_of
from fedss_opt.kernels.presolve import force_clients

# Thirds and tenths have sums that floats round; eighths have none.
ENTRIES = st.sampled_from([0.0, 0.1, 0.2, 0.3, 0.7, 1.0 / 3.0, 2.0 / 3.0, 0.125, 0.5, 1.0])

EXACTLY = 1.0 / (1.0 - 1e-12)  # a requirement whose target is a sum, but for an ulp


@st.composite
def tables(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray]:
    """Relevance (K, N), and targets at, just below or just above sums of it."""
    n, tasks = draw(st.integers(1, 7)), draw(st.integers(1, 3))
    relevance = np.array(draw(st.lists(ENTRIES, min_size=n * tasks, max_size=n * tasks))).reshape(tasks, n)
    target = np.empty(tasks)
    for k in range(tasks):
        some = np.array(draw(st.lists(st.booleans(), min_size=n, max_size=n)))
        near = draw(st.sampled_from([1.0, EXACTLY, 1.0 - 1e-12, 1.0 + 1e-12, 1.0 - 1e-10, 0.8]))
        target[k] = near * float(relevance[k, some].sum())
    return relevance, target


@settings(max_examples=300)
@given(tables())
def test_who_is_forced_is_in_every_cover(table: tuple[np.ndarray, np.ndarray]) -> None:
    """Forced is who is needed, but for sums that meet a target to the last ulp: there a doubt forces nobody."""
    relevance, target = table
    tasks, n = relevance.shape
    forced, in_play = np.zeros(n, dtype=bool), np.ones(n, dtype=bool)
    short = force_clients(relevance, target, in_play, forced)
    for k in range(tasks):
        row, need = [Fraction(r) for r in relevance[k].tolist()], Fraction(float(target[k]))
        surplus = sum(row, Fraction(0)) - need
        assert not short[k] or surplus < 0
        assert short[k] or surplus >= 0 or -surplus < need * Fraction(1, 10**15)
    needed, clearly = np.zeros(n, dtype=bool), np.zeros(n, dtype=bool)
    for k in np.flatnonzero((target > 0.0) & ~short):
        row, need = [Fraction(r) for r in relevance[k].tolist()], Fraction(float(target[k]))
        for i in range(n):
            missing = need - (sum(row, Fraction(0)) - row[i])
            needed[i] |= missing > 0
            clearly[i] |= missing > need * Fraction(1, 10**14)
    assert not (forced & ~needed).any()
    assert not (clearly & ~forced).any()


@settings(max_examples=200)
@given(tables())
def test_the_cell_has_the_covers_of_the_problem(table: tuple[np.ndarray, np.ndarray]) -> None:
    """By enumeration: a cover of the cell, with its forced clients, is one of the problem, and the other way round."""
    relevance, required = table
    n = relevance.shape[1]
    problem = fo.Problem(payload_bits=1e6, cn0_hz=[1e7] * n, bandwidth_hz=1e6, relevance=relevance, required=required)
    cell, short = cell_of(problem)
    if short.any():
        return
    forced, free = cell.client[cell.free :], cell.client[: cell.free]
    for row in itertools.product((False, True), repeat=n):
        chosen = np.array(row)
        received = chosen[free] @ cell.relevance if cell.aim.size else np.zeros(0)
        if problem.covers(chosen).all():
            assert chosen[forced].all()
            offers = cell.relevance[chosen[free]].T.tolist()
            assert all(sum(map(Fraction, column), Fraction(0)) >= 1 for column in offers)
        elif chosen[forced].all():
            assert (received < 1.0 + 1e-11).any()
