"""Who gets which images: partitions with exact counts, in which no client has an image twice.

Each gives `clients` clients `images` images each, as their places (clients, images) among M images whose labels (M,) it
is told; draws come from `rng`; with `replace` an image may serve several clients, though never one client twice. Too
few images are refused with an `OptionError` that says how many there are.
"""

from __future__ import annotations

import numpy as np

from ...array_types import FloatArray, IntArray
from ...exceptions import OptionError
from ..arrays import IndexArray

__all__ = ["ALPHA_LEAST", "ALPHA_MOST", "by_writer", "class_counts", "dirichlet", "equal", "shards"]


# Beyond these, clients are of one class, or alike, and the gamma variates behind the draw leave double precision.
ALPHA_LEAST, ALPHA_MOST = 1e-3, 1e6


def equal(
    labels: IntArray, clients: int, images: int, rng: np.random.Generator, *, replace: bool = False
) -> IndexArray:
    """Give every client images at random.

    Examples
    --------
    >>> import numpy as np
    >>> given = equal(np.zeros(6, np.int64), 2, 3, np.random.default_rng(0))
    >>> sorted(given.ravel().tolist())
    [0, 1, 2, 3, 4, 5]
    """
    _refuse_too_many(len(labels), clients, images, replace=replace)
    if replace:
        return np.stack([rng.choice(len(labels), images, replace=False) for _ in range(clients)])
    return rng.permutation(len(labels))[: clients * images].reshape(clients, images)


def dirichlet(
    labels: IntArray, clients: int, images: int, alpha: float, rng: np.random.Generator, *, replace: bool = False
) -> IndexArray:
    """Give every client images with class shares from a Dirichlet distribution.

    Its parameters are proportional to the classes' frequencies and `alpha`, 1e-3 (skewed) to 1e6, on average (after
    Hsu, Qi and Brown, arXiv:1909.06335, whose alpha is the sum of the parameters). What a class can no longer give is
    drawn from the classes that are left, so the last clients are less skewed where nearly all images are used.

    Examples
    --------
    >>> import numpy as np
    >>> labels = np.repeat([0, 1], 50)
    >>> given = dirichlet(labels, 3, 10, 0.01, np.random.default_rng(0))
    >>> labels[given].mean(axis=1)
    array([0., 0., 1.])
    """
    _refuse_too_many(len(labels), clients, images, replace=replace)
    if not ALPHA_LEAST <= alpha <= ALPHA_MOST:
        raise OptionError(f"alpha = {alpha}: must be {ALPHA_LEAST:g} to {ALPHA_MOST:g}")
    stock = np.bincount(labels)
    held = np.flatnonzero(stock)
    frequency = stock / stock.sum()
    shares = np.zeros((clients, len(stock)))
    shares[:, held] = rng.dirichlet(alpha * len(held) * frequency[held], size=clients)
    counts = np.zeros((clients, len(stock)), dtype=np.int64)
    left = stock.copy()
    for n in range(clients):
        counts[n] = _draw_counts(shares[n], frequency, stock if replace else left, images, rng)
        left -= counts[n]
    return _deal(labels, counts, rng, replace=replace)


def shards(
    labels: IntArray, clients: int, images: int, per_client: int, rng: np.random.Generator, *, replace: bool = False
) -> IndexArray:
    """Sort images by label, cut them into equal shards, and give every client a few (McMahan et al., AISTATS 2017).

    The number `per_client` must divide `images`. A shard has one class, or two neighbours where it lies on a border.
    """
    _refuse_too_many(len(labels), clients, images, replace=replace)
    if per_client < 1 or images % per_client:
        raise OptionError(f"shards_per_client = {per_client}: must divide the {images} images of a client")
    total = clients * images
    chosen = rng.choice(len(labels), total) if replace else rng.permutation(len(labels))[:total]
    shard_labels = np.sort(labels[chosen]).reshape(clients * per_client, -1)
    dealt = shard_labels[rng.permutation(len(shard_labels))].reshape(clients, images)
    return _deal(labels, class_counts(dealt, int(labels.max()) + 1), rng, replace=replace)


def by_writer(writer: IntArray | None, clients: int, images: int, rng: np.random.Generator) -> IndexArray:
    """Make every client one writer of those in `writer`, (M,), with the same number of this writer's images."""
    if writer is None:
        raise OptionError("family = by_writer: the data do not say who wrote what")
    written = np.bincount(writer)
    able = np.flatnonzero(written >= images)
    if len(able) < clients:
        raise OptionError(
            f"clients = {clients}: only {len(able)} of {len(written)} writers have {images} training images or more"
        )
    chosen = rng.permutation(able)[:clients]
    return np.stack([rng.permutation(np.flatnonzero(writer == n))[:images] for n in chosen])


def class_counts(labels: IntArray, classes: int) -> IntArray:
    """Count the labels of every client, (N, n) to (N, classes)."""
    counts = np.zeros((len(labels), classes), dtype=np.int64)
    np.add.at(counts, (np.arange(len(labels))[:, None], labels), 1)
    return counts


def _refuse_too_many(available: int, clients: int, images: int, *, replace: bool) -> None:
    if clients < 1 or images < 1:
        raise OptionError(f"clients = {clients}, images_per_client = {images}: must be integers >= 1")
    if replace and images > available:
        raise OptionError(f"images_per_client = {images}: there are {available} training images")
    if not replace and clients * images > available:
        raise OptionError(
            f"clients * images_per_client = {clients} * {images} = {clients * images}: there are {available} "
            "training images; with replace = true an image may serve several clients"
        )


def _draw_counts(
    shares: FloatArray,
    frequency: FloatArray,
    stock: IntArray,
    images: int,
    rng: np.random.Generator,
) -> IntArray:
    """Draw how many images of each class a client gets, at most what is in stock."""
    counts = np.zeros_like(stock)
    while (missing := images - int(counts.sum())) > 0:
        open_classes = counts < stock
        wish = np.where(open_classes, shares, 0.0)
        if wish.sum() <= 0.0:  # all the client prefers is gone
            wish = np.where(open_classes, frequency, 0.0)
        counts = np.minimum(counts + rng.multinomial(missing, wish / wish.sum()), stock)
    return counts


def _deal(labels: IntArray, counts: IntArray, rng: np.random.Generator, *, replace: bool) -> IndexArray:
    """Hand out images class by class, as many as `counts` (N, classes) says."""
    given = np.empty((len(counts), int(counts[0].sum())), dtype=np.intp)
    filled = np.zeros(len(counts), dtype=np.intp)
    for c in range(counts.shape[1]):
        pool = rng.permutation(np.flatnonzero(labels == c))
        used = 0
        for n in np.flatnonzero(counts[:, c]):
            count = int(counts[n, c])
            if count > len(pool):
                raise OptionError(f"client {n} would need {count} images of class {c}; there are {len(pool)}")
            if replace:
                images = pool[rng.choice(len(pool), count, replace=False)]
            else:
                images = pool[used : used + count]
                used += count
            given[n, filled[n] : filled[n] + count] = images
            filled[n] += count
    return given
