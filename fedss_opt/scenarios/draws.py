"""Random numbers that do not disturb each other: one generator per seed and purpose."""

from __future__ import annotations

import zlib

import numpy as np

from ..array_types import FloatArray

__all__ = ["Range", "generator", "uniform"]


Range = float | tuple[float, float]
"""A fixed value, or the ``(low, high)`` of a uniform draw."""


def generator(seed: int, purpose: str) -> np.random.Generator:
    """Return the random generator of one purpose.

    Every array that is drawn has a purpose of its own, so that asking for more tasks, other payloads or
    another kind of relevance leaves the channels as they are, and the first n clients of a larger cell are
    the clients of the smaller one.

    Parameters
    ----------
    seed : int
        Seed of the scenario, >= 0.
    purpose : str
        What is drawn, e.g. ``"shadowing"``.

    Examples
    --------
    >>> from fedss_opt.scenarios.draws import generator
    >>> bool(generator(0, "fading").random() == generator(0, "fading").random())
    True
    >>> bool(generator(0, "fading").random() == generator(0, "shadowing").random())
    False
    """
    # crc32 and not hash(): Python salts the hash of a string anew in every process.
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(zlib.crc32(purpose.encode()),)))


def uniform(values: Range, clients: int, seed: int, purpose: str) -> FloatArray:
    """Draw one value per client, uniformly from ``(low, high)``, or repeat the fixed value; (N,)."""
    if not isinstance(values, tuple):
        return np.full(clients, float(values))
    low, high = values
    return low + (high - low) * generator(seed, purpose).random(clients)
