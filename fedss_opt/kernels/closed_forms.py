"""The Shannon rate's closed forms: least bandwidth for a deadline, best bandwidth for a price, and the upload time.

Scalars in, scalars out. The client model `fedss_opt.client_models.shannon` is made of these. The
derivations are in ``docs/explanation/mathematics.md``; the coefficients are minimax fits to the exact functions, and
one correction step from them ends within a few units in the last place over the whole domain.

Those named ``_inline`` are for loops over many clients: straight-line arithmetic that compilers turn into SIMD code,
with the results of the others bit for bit.
"""

from __future__ import annotations

import math

from .jit import inlined, jit
from .logarithm import log1p_and_gap, log_beyond_one, rough_log
from .vectors import product_error

__all__ = [
    "best_bandwidth",
    "best_bandwidth_inline",
    "is_accurate",
    "least_bandwidth",
    "least_bandwidth_inline",
    "marginal_time",
    "upload_time",
    "upload_time_inline",
]

Fraction = tuple[float, float]
Doubled = tuple[float, float, float, float, float, float, float]

LN2 = math.log(2.0)
_LEAST_KAPPA, _GREATEST_KAPPA = 1e-150, 1e150  # where the price form is accurate
_LN2_LOW = 2.3190468138462996e-17  # ln 2 - LN2
_ENDLESS = 1e200  # s: beyond it exact products overflow; problems are within 1e-30..1e30 in all their units
_WIDE = 1e300  # g/b beyond it would overflow
_NEAR = 0.6  # 1 - G up to which the Bernoulli series is used


@inlined
def _difference_error(a: float, b: float, difference: float) -> float:
    """Return ``(a - b) - difference`` exactly, where `difference` is the rounded difference (Knuth)."""
    virtual = a - difference
    return (a - (difference + virtual)) + (virtual - b)


@inlined
def _doubled(payload: float, cn0: float, start: float, deadline: float) -> Doubled:
    """Return tau, ``g tau``, ``S ln2`` and their difference in doubled precision: four values, three low parts.

    ``g tau`` is ln2 times the bits that infinite bandwidth would carry; of the difference there is no more than a
    double, because it is the result.
    """
    tau = deadline - start
    reach = cn0 * tau
    load = payload * LN2
    tau_low = _difference_error(deadline, start, tau)
    reach_low = product_error(cn0, tau, reach) + cn0 * tau_low
    load_low = product_error(payload, LN2, load) + payload * _LN2_LOW
    excess = reach - load
    excess += _difference_error(reach, load, excess) + (reach_low - load_low)
    return tau, reach, load, excess, tau_low, reach_low, load_low


@inlined
def _near_start(d: float) -> Fraction:
    """Numerator and denominator of L as a function of d, for d <= 0.6."""
    top = d * (1.9999999888063857 + d * (-3.724094974499956 + d * (2.039923385079031 - d * 0.29165927234807043)))
    return top, 1.0 + d * (-2.1953814188967207 + d * (1.529544422595795 - d * 0.3308559152116829))


@inlined
def _far_start(d: float, inverse: float) -> Fraction:
    """Numerator and denominator of ``w = G + L`` as a function of ``sqrt(-ln G - d)``, for d > 0.6."""
    q = math.sqrt(max(rough_log(inverse) - d, 0.0))
    top = 0.9985708585223757 + q * (1.691453279327237 + q * (1.0379359204866159 + q * 0.2698899062840402))
    return top, 1.0 + q * (0.27070769926497995 - q * 9.113291765302401e-06)


@inlined
def _near_step(d: float, length: float) -> Fraction:
    """Newton's step on ``L/2 - d - sum B_2k L^2k / (2k)!``, the Bernoulli series of ``L / expm1(L) = 1 - d``."""
    y = length * length
    low = 0.08333333333333332 + y * (-0.0013888888888882934 + y * 3.3068783062932312e-05)
    middle = -8.267195545445720e-07 + y * (2.0876714778851627e-08 - y * 5.2837371144072734e-10)
    high = 1.3353792498460277e-11 + y * (-3.2820565197361504e-13 + y * 6.345941518550249e-15)
    y3 = y * y * y
    residual = (0.5 * length - d) - y * (low + y3 * (middle + y3 * high))
    return -residual * length, (1.0 - d) * (length - d)


@inlined
def _far_step(w: float, length: float, inverse: float, inverse_fault: float) -> Fraction:
    """Fritsch-Shafer-Crowley step (fourth order) on ``L = ln(w / G)``: one logarithm where w and G had one each."""
    z = (length - log_beyond_one(w * inverse)) - inverse_fault
    one = 1.0 - w
    turn = 2.0 * one * (one + z * (2.0 / 3.0))
    return w * z * (turn - z), one * (turn - 2.0 * z)


@inlined
def least_bandwidth_inline(payload: float, cn0: float, start: float, deadline: float) -> tuple[float, float]:
    """Least bandwidth without a branch, bit for bit `least_bandwidth`: for loops over clients.

    Both regions are evaluated and one is chosen, so that a loop becomes SIMD code; numerators and denominators are
    chosen before they are divided, because divisions are what that code spends its time on. A client out of reach
    passes through with ``G = 1/2`` instead.
    """
    tau, reach, load, excess, tau_low, reach_low, load_low = _doubled(payload, cn0, start, deadline)
    endless = tau > _ENDLESS
    able = (excess > 0.0) & (tau <= _ENDLESS)
    tau = tau if able else 1.0
    reach = reach if able else 1.0
    excess = excess if able else 0.5
    d = excess / reach
    per_reach = 1.0 / reach
    per_load = 1.0 / load
    load_fault = load_low * per_load
    inverse = reach * per_load
    near = d <= _NEAR
    near_top, near_bottom = _near_start(d)
    far_top, far_bottom = _far_start(d, inverse)
    first = (near_top if near else far_top) / (near_bottom if near else far_bottom)
    far_length = first - (1.0 - d)
    near_top, near_bottom = _near_step(d, first)
    far_top, far_bottom = _far_step(first, far_length, inverse, reach_low * per_reach - load_fault)
    step = (near_top if near else far_top) / (near_bottom if near else far_bottom)
    length = (first if near else far_length) + step
    lead = length - d
    bandwidth = load / (tau * length)
    bandwidth += bandwidth * (load_fault - tau_low * (cn0 * per_reach))
    slope = -bandwidth * (1.0 + lead) / (tau * lead)
    otherwise = 0.0 if endless else math.inf
    return (bandwidth if able else otherwise), (slope if able else 0.0)


@jit
def least_bandwidth(payload: float, cn0: float, start: float, deadline: float) -> tuple[float, float]:
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
    tau, reach, load, excess, tau_low, reach_low, load_low = _doubled(payload, cn0, start, deadline)
    if tau > _ENDLESS:
        return 0.0, 0.0
    if not excess > 0.0:
        return math.inf, 0.0
    d = excess / reach
    per_reach = 1.0 / reach
    per_load = 1.0 / load
    load_fault = load_low * per_load
    if d <= _NEAR:
        top, bottom = _near_start(d)
        length = top / bottom
        top, bottom = _near_step(d, length)
    else:
        inverse = reach * per_load
        top, bottom = _far_start(d, inverse)
        w = top / bottom
        length = w - (1.0 - d)
        top, bottom = _far_step(w, length, inverse, reach_low * per_reach - load_fault)
    length += top / bottom
    lead = length - d
    bandwidth = load / (tau * length)
    bandwidth += bandwidth * (load_fault - tau_low * (cn0 * per_reach))
    return bandwidth, -bandwidth * (1.0 + lead) / (tau * lead)


@inlined
def upload_time_inline(payload: float, cn0: float, bandwidth: float) -> float:
    """Do as `upload_time`, without a branch: for loops over clients."""
    useful = bandwidth > 0.0
    width = bandwidth if useful else 1.0
    length, _, _ = log1p_and_gap(min(cn0 / width, _WIDE))
    return payload * LN2 / (width * length) if useful else math.inf


@jit
def upload_time(payload: float, cn0: float, bandwidth: float) -> float:
    """Seconds to upload `payload` bits on `bandwidth` Hz: ``S ln2 / (b log1p(g / b))``."""
    return upload_time_inline(payload, cn0, bandwidth)


@inlined
def best_bandwidth_inline(payload: float, cn0: float, weight: float, price: float) -> tuple[float, float]:
    """Do as `best_bandwidth`, compiled into the caller: for loops over clients.

    ``x^2`` is ``2 kappa`` times a rational function of ``log1p(sqrt(2 kappa))``, to 5e-6 up to ``kappa = 1e155``. One
    Halley step in ``log x`` on the relative residual follows; it is that small, so its logarithm and its exponential
    are the first terms of their series.
    """
    # Beyond these the bandwidth is out of the range of a problem's numbers, far above or far below.
    kappa = min(max(cn0 * (cn0 * price) / (weight * payload * LN2), _LEAST_KAPPA), _GREATEST_KAPPA)
    y = rough_log(1.0 + math.sqrt(2.0 * kappa))
    high = 0.1642007843368137 + y * (0.03926218215544961 + y * (0.005261563016075517 + y * 6.728648136532697e-05))
    top = 1.0000040098646887 + y * (0.7471676283509789 + y * (0.47846329290860196 + y * high))
    high = 0.056424397035446966 + y * (0.010050277827357254 + y * 0.00013441135530634852)
    bottom = 1.0 + y * (0.4139720902271853 + y * (0.25644422843794973 + y * high))
    x = math.sqrt(2.0 * kappa * top / bottom)
    length, share, gap = log1p_and_gap(x)
    ratio = x / length
    marginal = ratio * ratio * gap
    residual = (kappa - marginal) / marginal
    residual *= 1.0 - residual * (0.5 - residual * (1.0 / 3.0))
    # The elasticity of the marginal, and its own derivative in log x.
    per_both = 1.0 / (length * gap)
    per_length = gap * per_both
    share_per_gap = share * length * per_both
    elasticity = 2.0 + share * (share_per_gap - 2.0 * per_length)
    bend = 2.0 * (1.0 - share) * (share_per_gap - per_length)
    bend = share * (bend + share * (2.0 * per_length * per_length - share_per_gap * share_per_gap))
    per_elasticity = 1.0 / elasticity
    step = residual * per_elasticity
    step -= 0.5 * step * step * bend * per_elasticity
    x += x * (step * (1.0 + step * (0.5 + step * (1.0 / 6.0))))
    elasticity += bend * step
    bandwidth = cn0 / x
    return bandwidth, -bandwidth / (price * elasticity)


@jit
def best_bandwidth(payload: float, cn0: float, weight: float, price: float) -> tuple[float, float]:
    """Bandwidth minimising ``w t(b) + lambda b`` for the Shannon rate, and its derivative in the price.

    With ``x = g/b`` the stationarity reads ``x^2 [log1p(x) - x/(1+x)] / log1p(x)^2 = lambda g^2 / (w S ln2)``
    (equation 3.3), increasing in x.

    Parameters
    ----------
    payload, cn0, weight, price : float
        S (bit), g (Hz), w, lambda (s/Hz) > 0.

    Returns
    -------
    bandwidth, slope : float
        Hz, and Hz per (s/Hz).
    """
    return best_bandwidth_inline(payload, cn0, weight, price)


@jit
def is_accurate(payload: float, cn0: float, weight: float, price: float) -> bool:
    """Tell whether `best_bandwidth` is accurate at a price; beyond, it is that of the highest price where it is."""
    accurate: bool = not price * cn0 > _GREATEST_KAPPA * (weight * payload / cn0) * LN2
    return accurate


@jit
def marginal_time(payload: float, cn0: float, bandwidth: float) -> float:
    """Seconds per Hz that more bandwidth would save, roughly."""
    x = cn0 / bandwidth
    rate = bandwidth * math.log1p(x) / LN2
    rising = (0.5 * x * x if x < 1e-4 else math.log1p(x) - x / (1.0 + x)) / LN2
    saved: float = payload / rate * (rising / rate)
    return saved
