"""Hypothesis strategies for problems: everything a `Problem` accepts, small enough for brute force."""

from __future__ import annotations

import math
from functools import cache
from typing import Any

import numpy as np
from hypothesis import strategies as st

from fedss_opt import Objective, Problem

__all__ = ["decades", "generators", "mixed", "multipliers", "problems", "scales", "selections"]


# Strategies are made once each: to make and to check them anew for every example takes longer than to draw from them.
@cache
def decades(low: float, high: float) -> st.SearchStrategy[float]:
    """Numbers spread evenly over the decades from `low` to `high`, plain ones first."""
    return st.integers(0, 1000).map(lambda i: float(f"{low * (high / low) ** (i / 1000):.4g}"))


def generators() -> st.SearchStrategy[np.random.Generator]:
    """Generators of random numbers: arrays that are drawn entry by entry take most of a test's time."""
    return st.integers(0, 2**32 - 1).map(np.random.default_rng)


def mixed(rng: np.random.Generator, shape: int | tuple[int, ...], *kinds: object) -> np.ndarray:
    """Return an array of entries that are each one of some values, or from a range (low, high)."""
    drawn = [rng.uniform(*kind, shape) if isinstance(kind, tuple) else rng.choice(kind, shape) for kind in kinds]
    return np.choose(rng.integers(0, len(kinds), shape), drawn) if len(kinds) > 1 else drawn[0]


@cache
def scales() -> st.SearchStrategy[float]:
    """Powers of two over twelve decades: scaling by them is exact in binary floating point."""
    return st.integers(-20, 20).map(lambda k: 2.0**k)


@cache
def _either(*values: Any) -> st.SearchStrategy[Any]:
    """One of these."""
    return st.sampled_from(values)


@cache
def _many(values: st.SearchStrategy[Any], n: int) -> st.SearchStrategy[list[Any]]:
    """N values of their own."""
    return st.lists(values, min_size=n, max_size=n)


@cache
def _column(values: st.SearchStrategy[float], n: int) -> st.SearchStrategy[list[float]]:
    """N values: all of their own, all equal, or of two kinds (ties)."""
    equal = values.map(lambda v: [v] * n)
    two = st.tuples(values, values, _many(_COINS, n))
    return st.one_of(_many(values, n), equal, two.map(lambda t: [t[0] if kind else t[1] for kind in t[2]]))


@cache
def _entries(levels: int, *, others: bool) -> st.SearchStrategy[float]:
    """Entries of a relevance of so many levels, or others too."""
    entries = st.integers(0, levels).map(lambda i: 1.0 - i / levels)
    return st.one_of(entries, decades(1e-6, 1.0)) if others else entries


_COINS = st.booleans()
_OBJECTIVES = st.sampled_from([str(o) for o in Objective])
_LIMITS = st.sets(_either("mandatory", "available", "upload", "least", "most"), max_size=3)
_IN_TEN = st.integers(0, 9)
_IN_FOUR = st.integers(0, 3)
# Factors on the time that an even share takes: below 1 a client needs more than that share.
_UPLOADS = st.one_of(st.just(math.inf), _either(1.0, 1.5, 4.0, 20.0, 0.7))
_MULTIPLIERS = st.one_of(st.just(0.0), decades(1e-3, 1e3))
_MOST = st.one_of(st.just(math.inf), _either(1.2, 1.5, 3.0))


@st.composite
def problems(
    draw: st.DrawFn,
    *,
    min_clients: int = 0,
    max_clients: int = 8,
    max_tasks: int = 4,
    objective: str | None = None,
    rate_model: str | None = None,
    plain: bool = False,
) -> Problem:
    """Draw a problem.

    Its figures hang together (bandwidths are drawn relative to the band, times relative to what an even split
    takes), so that a good part is feasible, a part nearly infeasible and a part infeasible; the whole is then
    moved over twelve decades in bits, hertz and seconds. `plain` leaves out caps, bounds, mandatory and
    unavailable clients.
    """
    n = draw(st.integers(min_clients, max_clients))
    k = draw(st.integers(0, max_tasks))
    objective = objective or draw(_OBJECTIVES)
    rate_model = rate_model or draw(_either("shannon", "flat"))
    hertz, seconds = draw(scales()), draw(scales())
    band = 1e6 * hertz

    # Spectral efficiency at an even split, from a poor channel (limited by power) to a very good one.
    share = band / max(n, 1)
    efficiency = np.array(draw(_column(decades(0.01, 20.0), n)))
    payload = np.array(draw(_column(decades(0.03, 30.0), n))) * share * seconds
    fields: dict[str, object] = {"payload_bits": payload, "bandwidth_hz": band, "objective": objective}
    if rate_model == "shannon":
        fields["cn0_hz"] = share * np.expm1(efficiency * math.log(2.0))
    else:
        fields["spectral_efficiency"] = efficiency
    even = payload / (efficiency * share)  # seconds that an even split takes
    typical = float(np.median(even)) if n else seconds
    if draw(_COINS):
        fields["compute_s"] = np.array(draw(_column(_either(0.0, 0.1, 1.0, 3.0), n))) * typical

    if k or draw(_COINS):
        levels = draw(_either(1, 3, 15))  # of the quantised relevance: few levels, many ties
        entries = _entries(levels, others=draw(_IN_FOUR) == 0)
        relevance = np.array(draw(_many(entries, k * n))).reshape(k, n)
        relevance *= draw(scales())
        shares = _either(0.3, 0.5, 0.1, 0.7, 0.9, 1.0)  # of what all clients together offer
        if draw(_IN_TEN) == 9:
            shares = _either(0.0, 1.0, 1.0 + 1e-13, 1.0 + 1e-9)
        fractions = np.array(draw(_many(shares, k)))
        fields["relevance"], fields["required"] = relevance, fractions * relevance.sum(axis=1)
    if not plain:
        _draw_limits(draw, fields, n, share, even)
    if draw(_COINS):
        fields["weights"] = draw(_column(decades(0.01, 100.0), n))
    return Problem(client_ids=[f"c{i}" for i in range(n)], **fields)


def _draw_limits(draw: st.DrawFn, fields: dict[str, object], n: int, share: float, even: np.ndarray) -> None:
    """Caps and bounds, from slack to contradictory; clients that must, and clients that cannot."""
    kinds = draw(_LIMITS)
    if "upload" in kinds:
        fields["max_upload_s"] = np.array(draw(_column(_UPLOADS, n))) * even
    if "least" in kinds:
        fields["min_bandwidth_hz"] = np.array(draw(_column(_either(0.0, 0.1, 0.2, 0.5, 1.0, 1.2), n))) * share
    if "most" in kinds:
        fields["max_bandwidth_hz"] = np.array(draw(_column(_MOST, n))) * share
    available = np.ones(n, dtype=bool)
    if "available" in kinds:
        out = draw(_some_of(n)) if n else set()
        available[list(out)] = False
        fields["available"] = available
    if "mandatory" in kinds:
        fields["mandatory"] = np.array(draw(_mandatory(n)), dtype=bool) & available


@cache
def _some_of(n: int) -> st.SearchStrategy[set[int]]:
    """At most a third of n clients."""
    return st.sets(st.integers(0, n - 1), max_size=max(1, n // 3))


@cache
def _mandatory(n: int) -> st.SearchStrategy[list[bool]]:
    """Some of n clients, or all."""
    return st.one_of(_many(_COINS, n), st.just([True] * n))


@cache
def selections(n: int) -> st.SearchStrategy[np.ndarray]:
    """Any subset of n clients."""
    return _many(_COINS, n).map(lambda row: np.array(row, dtype=bool))


def multipliers(problem: Problem) -> st.SearchStrategy[np.ndarray]:
    """Any nonnegative multipliers that are of some consequence for the problem."""
    unit = problem.bandwidth_hz / max(problem.n_clients, 1)
    scale = np.array([float(row.max(initial=0.0)) or 1.0 for row in problem.relevance])
    return _many(_MULTIPLIERS, problem.n_tasks).map(lambda mu: np.array(mu) * unit / scale)
