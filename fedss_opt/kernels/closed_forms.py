"""The closed forms of one client: least bandwidth for a deadline, best bandwidth for a price, and the rate.

Scalars in, scalars out. Everything above (passes, roots, the ADMM) is built on these four functions. The
derivations are in ``docs/mathematics.md``; the coefficients are minimax fits to the exact functions, and one
correction step from them ends within a few units in the last place over the whole domain.
"""

from __future__ import annotations

import math

from .jit import jit

__all__ = [
    "bandwidth_for_price_flat",
    "bandwidth_for_price_shannon",
    "least_bandwidth_flat",
    "least_bandwidth_shannon",
    "upload_time_flat",
    "upload_time_shannon",
]

LN2 = math.log(2.0)
_LN2_LOW = 2.3190468138462996e-17  # ln 2 - LN2
_ENDLESS = 1e200  # s: beyond it exact products overflow; problems are within 1e-30..1e30 in all their units
_SPLIT = 134217729.0  # 2^27 + 1: halves a double for exact products (Dekker)


@jit
def _product_error(a: float, b: float, product: float) -> float:
    """Return ``a b - product`` exactly, where `product` is the rounded product (Dekker)."""
    t = _SPLIT * a
    a_high = t - (t - a)
    a_low = a - a_high
    t = _SPLIT * b
    b_high = t - (t - b)
    b_low = b - b_high
    return ((a_high * b_high - product) + a_high * b_low + a_low * b_high) + a_low * b_low


@jit
def _difference_error(a: float, b: float, difference: float) -> float:
    """Return ``(a - b) - difference`` exactly, where `difference` is the rounded difference (Knuth)."""
    virtual = a - difference
    return (a - (difference + virtual)) + (virtual - b)


@jit
def least_bandwidth_shannon(payload: float, cn0: float, start: float, deadline: float) -> tuple[float, float]:
    """Least bandwidth that uploads `payload` bits by `deadline`, and its derivative in the deadline.

    Solves ``b log2(1 + g/b) = S / (T - c)`` (equation 3.1). With ``G = S ln2 / (g (T - c))`` and
    ``L = log(1 + g/b)`` it reads ``L / expm1(L) = G``, so ``b = S ln2 / ((T - c) L)``. Everything hangs on
    ``d = 1 - G``, which is formed in doubled precision: plain rounding would lose ``eps / d``.

    Parameters
    ----------
    payload, cn0, start, deadline : float
        S (bit), g (Hz), c (s), T (s).

    Returns
    -------
    bandwidth, slope : float
        Hz and Hz/s; ``(inf, 0)`` where no bandwidth suffices.
    """
    tau = deadline - start
    if not tau > 0.0:
        return math.inf, 0.0
    if tau > _ENDLESS:
        return 0.0, 0.0
    reach = cn0 * tau  # ln2 times the bits that infinite bandwidth would carry
    load = payload * LN2
    tau_low = _difference_error(deadline, start, tau)
    reach_low = _product_error(cn0, tau, reach) + cn0 * tau_low
    load_low = _product_error(payload, LN2, load) + payload * _LN2_LOW
    excess = reach - load
    excess += _difference_error(reach, load, excess) + (reach_low - load_low)
    if not excess > 0.0:
        return math.inf, 0.0
    d = excess / reach
    if d <= 0.6:
        length = (
            d
            * (1.9999999888063857 + d * (-3.724094974499956 + d * (2.039923385079031 - d * 0.29165927234807043)))
            / (1.0 + d * (-2.1953814188967207 + d * (1.529544422595795 - d * 0.3308559152116829)))
        )
        # One Newton step on L/2 - d - sum B_2k L^2k / (2k)!, the Bernoulli series of L / expm1(L).
        y = length * length
        low = 0.08333333333333332 + y * (-0.0013888888888882934 + y * 3.3068783062932312e-05)
        middle = -8.267195545445720e-07 + y * (2.0876714778851627e-08 - y * 5.2837371144072734e-10)
        high = 1.3353792498460277e-11 + y * (-3.2820565197361504e-13 + y * 6.345941518550249e-15)
        y3 = y * y * y
        residual = (0.5 * length - d) - y * (low + y3 * (middle + y3 * high))
        length -= residual * length / ((1.0 - d) * (length - d))
        lead = length - d
    else:
        gauge = load / reach
        gauge += (load_low - gauge * reach_low) / reach
        log_gauge = math.log(gauge)
        q = math.sqrt(-log_gauge - d)
        w = (0.9985708585223757 + q * (1.691453279327237 + q * (1.0379359204866159 + q * 0.2698899062840402))) / (
            1.0 + q * (0.27070769926497995 - q * 9.113291765302401e-06)
        )
        # One Fritsch-Shafer-Crowley step (fourth order) on w - ln w = G - ln G, where w = G + L.
        z = ((w + log_gauge) - math.log(w)) - gauge
        one = 1.0 - w
        turn = 2.0 * one * (one + 2.0 * z / 3.0)
        step = w * (z / one) * ((turn - z) / (turn - 2.0 * z))
        length = (w - gauge) + step
        lead = (w - 1.0) + step
    bandwidth = load / (tau * length)
    bandwidth += bandwidth * ((load_low * tau - load * tau_low) / (load * tau))
    return bandwidth, -bandwidth * (1.0 + lead) / (tau * lead)


@jit
def least_bandwidth_flat(payload: float, efficiency: float, start: float, deadline: float) -> tuple[float, float]:
    """Least bandwidth ``S / (e (T - c))`` for the flat rate, and its derivative in the deadline (Hz, Hz/s)."""
    tau = deadline - start
    if not tau > 0.0:
        return math.inf, 0.0
    if tau == math.inf:
        return 0.0, 0.0
    bandwidth = payload / (efficiency * tau)
    return bandwidth, -bandwidth / tau


@jit
def upload_time_shannon(payload: float, cn0: float, bandwidth: float) -> float:
    """Seconds to upload `payload` bits on `bandwidth` Hz: ``S ln2 / (b log1p(g / b))``."""
    if bandwidth <= 0.0:
        return math.inf
    return payload * LN2 / (bandwidth * math.log1p(cn0 / bandwidth))


@jit
def upload_time_flat(payload: float, efficiency: float, bandwidth: float) -> float:
    """Seconds to upload `payload` bits on `bandwidth` Hz: ``S / (e b)``."""
    if bandwidth <= 0.0:
        return math.inf
    return payload / (efficiency * bandwidth)


@jit
def _log_gap(x: float) -> tuple[float, float]:
    """Return ``log1p(x)`` and ``log1p(x) - x / (1 + x)`` without cancellation, x > 0."""
    if x > 0.5:
        length = math.log1p(x)
        return length, length - x / (1.0 + x)
    # s = x / (2 + x): log1p(x) = 2 atanh(s) and x / (1 + x) = 2 s / (1 + s), so every term is positive.
    s = x / (2.0 + x)
    y = s * s
    tail = 1.0 / 21.0
    for k in range(9, 0, -1):
        tail = 1.0 / (2 * k + 1) + y * tail
    cubic = 2.0 * s * y * tail
    return 2.0 * s + cubic, 2.0 * y / (1.0 + s) + cubic


@jit
def bandwidth_for_price_shannon(payload: float, cn0: float, weight: float, price: float) -> tuple[float, float]:
    """Bandwidth minimising ``w t(b) + lambda b`` for the Shannon rate, and its derivative in the price.

    With ``x = g/b`` the stationarity reads ``x^2 [log1p(x) - x/(1+x)] / log1p(x)^2 = lambda g^2 / (w S ln2)``
    (equation 3.3), increasing in x. A rational start in ``log1p(sqrt(2 kappa))`` and two Newton steps in
    ``log x`` on the relative residual.

    Parameters
    ----------
    payload, cn0, weight, price : float
        S (bit), g (Hz), w, lambda (s/Hz) > 0.

    Returns
    -------
    bandwidth, slope : float
        Hz, and Hz per (s/Hz).
    """
    kappa = cn0 * (cn0 * price) / (weight * payload * LN2)
    y = math.log1p(math.sqrt(2.0 * kappa))
    length = (
        y
        * (
            1.0000075952655811
            + y
            * (
                0.6955706011012741
                + y
                * (
                    0.32909324733511036
                    + y * (0.0672961565609448 + y * (0.005386771161534997 + y * 4.714567668707818e-05))
                )
            )
        )
        / (
            1.0
            + y
            * (
                0.5291463130280674
                + y
                * (
                    0.29526147773412104
                    + y * (0.05992045692739971 + y * (0.005258798058328427 + y * 4.7108924160051935e-05))
                )
            )
        )
    )
    x = math.expm1(length)
    elasticity = 2.0
    for _ in range(2):
        length, gap = _log_gap(x)
        share = x / (1.0 + x)
        elasticity = 2.0 + share * share / gap - 2.0 * share / length
        ratio = x / length
        step = math.log(kappa / (ratio * ratio * gap)) / elasticity
        x += x * math.expm1(step)
    bandwidth = cn0 / x
    return bandwidth, -bandwidth / (price * elasticity)


@jit
def bandwidth_for_price_flat(payload: float, efficiency: float, weight: float, price: float) -> tuple[float, float]:
    """Bandwidth ``sqrt(w S / (e lambda))`` minimising ``w t(b) + lambda b``, and its derivative in the price."""
    bandwidth = math.sqrt(weight * payload / (efficiency * price))
    return bandwidth, -0.5 * bandwidth / price
