"""Hypothesis strategies for problems: everything a `Problem` accepts, small enough for brute force."""

from __future__ import annotations

import math

import numpy as np
from hypothesis import strategies as st

from fedss_opt import Objective, Problem

__all__ = ["decades", "generators", "mixed", "multipliers", "problems", "scales", "selections"]


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


def scales() -> st.SearchStrategy[float]:
    """Powers of two over twelve decades: scaling by them is exact in binary floating point."""
    return st.integers(-20, 20).map(lambda k: 2.0**k)


def _column(values: st.SearchStrategy[float], n: int) -> st.SearchStrategy[list[float]]:
    """N values: all of their own, all equal, or of two kinds (ties)."""
    own = st.lists(values, min_size=n, max_size=n)
    equal = values.map(lambda v: [v] * n)
    two = st.tuples(values, values, st.lists(st.booleans(), min_size=n, max_size=n))
    return st.one_of(own, equal, two.map(lambda t: [t[0] if kind else t[1] for kind in t[2]]))


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
    objective = objective or draw(st.sampled_from([str(o) for o in Objective]))
    rate_model = rate_model or draw(st.sampled_from(["shannon", "flat"]))
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
    if draw(st.booleans()):
        fields["compute_s"] = np.array(draw(_column(st.sampled_from([0.0, 0.1, 1.0, 3.0]), n))) * typical

    if k or draw(st.booleans()):
        levels = draw(st.sampled_from([1, 3, 15]))  # of the quantised relevance: few levels, many ties
        entries = st.integers(0, levels).map(lambda i: 1.0 - i / levels)
        if draw(st.integers(0, 3)) == 0:
            entries = st.one_of(entries, decades(1e-6, 1.0))
        relevance = np.array(draw(st.lists(entries, min_size=k * n, max_size=k * n))).reshape(k, n)
        relevance *= draw(scales())
        shares = st.sampled_from([0.3, 0.5, 0.1, 0.7, 0.9, 1.0])  # of what all clients together offer
        if draw(st.integers(0, 9)) == 9:
            shares = st.sampled_from([0.0, 1.0, 1.0 + 1e-13, 1.0 + 1e-9])
        fractions = np.array(draw(st.lists(shares, min_size=k, max_size=k)))
        fields["relevance"], fields["required"] = relevance, fractions * relevance.sum(axis=1)
    if not plain:
        _draw_limits(draw, fields, n, share, even)
    if draw(st.booleans()):
        fields["weights"] = draw(_column(decades(0.01, 100.0), n))
    return Problem(client_ids=[f"c{i}" for i in range(n)], **fields)


def _draw_limits(draw: st.DrawFn, fields: dict[str, object], n: int, share: float, even: np.ndarray) -> None:
    """Caps and bounds, from slack to contradictory; clients that must, and clients that cannot."""
    kinds = draw(st.sets(st.sampled_from(["mandatory", "available", "upload", "least", "most"]), max_size=3))
    none = st.just(math.inf)
    if "upload" in kinds:
        # Below 1 the client needs more than an even share.
        factor = st.one_of(none, st.sampled_from([1.0, 1.5, 4.0, 20.0, 0.7]))
        fields["max_upload_s"] = np.array(draw(_column(factor, n))) * even
    if "least" in kinds:
        fields["min_bandwidth_hz"] = np.array(draw(_column(st.sampled_from([0.0, 0.1, 0.2, 0.5, 1.0, 1.2]), n))) * share
    if "most" in kinds:
        factor = st.one_of(none, st.sampled_from([1.2, 1.5, 3.0]))
        fields["max_bandwidth_hz"] = np.array(draw(_column(factor, n))) * share
    available = np.ones(n, dtype=bool)
    if "available" in kinds:
        out = draw(st.sets(st.integers(0, n - 1), max_size=max(1, n // 3))) if n else set()
        available[list(out)] = False
        fields["available"] = available
    if "mandatory" in kinds:
        some = st.lists(st.booleans(), min_size=n, max_size=n)
        chosen = draw(st.one_of(some, st.just([True] * n)))
        fields["mandatory"] = np.array(chosen, dtype=bool) & available


def selections(n: int) -> st.SearchStrategy[np.ndarray]:
    """Any subset of n clients."""
    return st.lists(st.booleans(), min_size=n, max_size=n).map(lambda row: np.array(row, dtype=bool))


def multipliers(problem: Problem) -> st.SearchStrategy[np.ndarray]:
    """Any nonnegative multipliers that are of some consequence for the problem."""
    unit = problem.bandwidth_hz / max(problem.n_clients, 1)
    scale = np.array([float(row.max(initial=0.0)) or 1.0 for row in problem.relevance])
    entries = st.one_of(st.just(0.0), decades(1e-3, 1e3))
    return st.lists(entries, min_size=problem.n_tasks, max_size=problem.n_tasks).map(
        lambda mu: np.array(mu) * unit / scale
    )
