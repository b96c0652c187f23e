"""The shortest vector among weighted means of given vectors, from their inner products alone."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy import linalg

from ...array_types import BoolArray, FloatArray
from ...exceptions import OptionError

__all__ = ["min_norm_weights"]


# Relative to the largest squared length. The ridge makes the optimum unique and every system solvable, and costs at
# most its own size; a price is only acted upon when it stands out from the rounding of the products behind it.
_RIDGE, _TOLERANCE = 1e-12, 1e-11
_PIVOTS = 40


def min_norm_weights(gram: npt.ArrayLike, *, low: npt.ArrayLike = 0.0, high: npt.ArrayLike = 1.0) -> FloatArray:
    r"""Weigh n vectors so that their mean is as short as it can be.

    Parameters
    ----------
    gram : array_like, (n, n)
        Inner products of the vectors, G; `OptionError` when it is not positive semidefinite.
    low, high : array_like, (n,) or scalar
        Limits of the weights, between which 1 can be reached; the whole simplex by default.

    Returns
    -------
    ndarray, (n,)
        Weights :math:`\lambda` within the limits that sum to 1 and minimise :math:`\lambda^T G \lambda`.

    Notes
    -----
    A primal active-set method for this strictly convex quadratic program (J. Nocedal, S. Wright, *Numerical
    Optimization*, algorithm 16.3): weights are free or stay at a limit; the best step of the free ones is taken as
    far as the limits allow; then the weight whose limit costs most is freed. Every step goes down, so no division
    into free and fixed comes twice and the method ends.

    It opens with block pivoting, which changes the side of all weights that are on the wrong one at once: mostly that
    ends in a few steps at the optimum, but it may circle (L. Portugal, J. Júdice, L. Vicente, Math. Comp. 63, 1994).

    The mean :math:`d = \sum_i \lambda_i v_i` over the simplex satisfies :math:`\langle v_i, d \rangle \ge \|d\|^2`
    for all i: going along it lowers every objective whose gradient is one of the vectors, or d is 0 (J.-A. Désidéri,
    C. R. Acad. Sci. Paris 350, 2012).

    Examples
    --------
    >>> vectors = np.array([[2.0, 0.0], [0.0, 1.0], [5.0, 5.0]])
    >>> min_norm_weights(vectors @ vectors.T).round(6)
    array([0.2, 0.8, 0. ])
    """
    products = np.asarray(gram, dtype=np.float64)
    products = 0.5 * (products + products.T)  # a product and its mirror image may be summed in different orders
    n = len(products)
    least, most = (np.broadcast_to(np.asarray(limit, np.float64), (n,)).clip(0.0, 1.0) for limit in (low, high))
    room = float((most - least).sum())
    weights = least + (1.0 - least.sum()) / room * (most - least) if room > 0.0 else least
    scale = float(products.diagonal().max())
    if scale <= 0.0:
        return weights
    hessian = products / scale
    hessian.flat[:: n + 1] += _RIDGE
    movable = most > least
    weights = _opening(hessian, weights, least, most)
    free = movable & (least < weights) & (weights < most)
    for _ in range(20 * n + 20):
        price = None
        if free.any():
            change, price = _best_change(hessian[np.ix_(free, free)], (hessian @ weights)[free])
            blocked = _take(weights, free, change, least, most)
            if blocked.any():
                free &= ~blocked
                continue
        freed = _to_free(hessian @ weights, price, at_low=movable & (weights <= least), at_high=movable & ~free)
        if not freed.any():
            break
        free |= freed
    # What the rounding of the steps has added up to.
    if free.any():
        weights[free] += (1.0 - weights.sum()) / np.count_nonzero(free)
    return np.clip(weights, least, most)


def _opening(hessian: FloatArray, weights: FloatArray, least: FloatArray, most: FloatArray) -> FloatArray:
    """Return the weights that block pivoting ends with; those given where it does not end soon."""
    movable = most > least
    low, high = ~movable, np.zeros_like(movable)
    for _ in range(_PIVOTS):
        free = ~(low | high)
        if not free.any():
            break
        guess = np.where(high, most, np.where(low, least, weights))
        change, price = _best_change(hessian[np.ix_(free, free)], (hessian @ guess)[free], total=1.0 - guess.sum())
        guess[free] += change
        gradient = hessian @ guess
        too_low, too_high = free & (guess < least), free & (guess > most)
        freed = movable & ((low & (gradient < price - _TOLERANCE)) | (high & (gradient > price + _TOLERANCE)))
        if not (too_low | too_high | freed).any():
            return guess
        low, high = (low | too_low) & ~freed, (high | too_high) & ~freed
    return weights


def _best_change(hessian: FloatArray, gradient: FloatArray, *, total: float = 0.0) -> tuple[FloatArray, float]:
    """Return the best change of the free weights with a given total, and the gradient common to them after it."""
    try:
        factor = linalg.cho_factor(hessian, check_finite=False)
    except linalg.LinAlgError:
        raise OptionError("gram: is not positive semidefinite; must be inner products of vectors") from None
    solved = linalg.cho_solve(factor, np.column_stack([gradient, np.ones(len(gradient))]), check_finite=False)
    price = float((total + solved[:, 0].sum()) / solved[:, 1].sum())
    return price * solved[:, 1] - solved[:, 0], price


def _take(weights: FloatArray, free: BoolArray, change: FloatArray, least: FloatArray, most: FloatArray) -> BoolArray:
    """Change the free weights as far as their limits allow, and return which of them have reached one."""
    at, low, high = weights[free], least[free], most[free]
    room = np.where(change < 0.0, low - at, high - at)
    lengths = np.divide(room, change, out=np.full(len(at), np.inf), where=change != 0.0)
    length = min(1.0, float(lengths.min()))
    after = at + length * change
    first = lengths <= length
    after = np.where(first & (length < 1.0), np.where(change < 0.0, low, high), np.clip(after, low, high))
    weights[free] = after
    blocked = np.zeros_like(free)
    if length < 1.0:
        blocked[free] = (after <= low) | (after >= high)
    return blocked


def _to_free(gradient: FloatArray, price: float | None, *, at_low: BoolArray, at_high: BoolArray) -> BoolArray:
    """Return the weight whose limit costs most, or the two between which to move when all are at limits."""
    freed = np.zeros_like(at_low)
    at_high = at_high & ~at_low
    rising = np.where(at_low, gradient, np.inf)
    falling = np.where(at_high, gradient, -np.inf)
    up, down = int(rising.argmin()), int(falling.argmax())
    if price is None:
        if falling[down] - rising[up] > _TOLERANCE:
            freed[[up, down]] = True
    elif max(price - rising[up], falling[down] - price) > _TOLERANCE:
        freed[up if price - rising[up] >= falling[down] - price else down] = True
    return freed
