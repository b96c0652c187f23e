"""Logarithms as plain arithmetic: no call, no table and no branch, so that loops over clients become SIMD code.

A compiler cannot look into the C library's logarithm, and one call in a loop keeps the whole loop scalar. These are
the same bits on every machine, too. The exponent is taken out of the double's bits, which leaves a fraction in
``[sqrt(1/2), sqrt(2))``; the rest is FreeBSD msun's (fdlibm's) polynomial.
"""

from __future__ import annotations

import numpy as np

from .jit import inlined

__all__ = ["log1p_and_gap", "log_beyond_one", "rough_log"]

_LN2 = 0.6931471805599453
_LN2_HIGH = 6.93147180369123816490e-01  # the last 21 bits are 0: exact times any exponent
_LN2_REST = 1.90821492927058770002e-10

_ROOT_HALF = np.uint64(0x3FE6A09E667F3BCD)  # the bits of sqrt(1/2)
_FRACTION_BITS = np.uint64(52)
_INTEGER_BITS = np.uint64(0x4330000000000000)  # the bits of 2^52; or'ed with a small k they are those of 2^52 + k
_INTEGER = 4503599627370496.0


@inlined
def _take_apart(x: float) -> tuple[float, float]:
    """Return k and m in [sqrt(1/2), sqrt(2)) with ``x = 2^k m``, for x from sqrt(1/2) up.

    k becomes a double by way of its bits: SSE2 and AVX2 convert no 64-bit integers, and shift none arithmetically.
    """
    bits = np.float64(x).view(np.uint64)
    k = (bits - _ROOT_HALF) >> _FRACTION_BITS
    fraction = np.uint64(bits - (k << _FRACTION_BITS)).view(np.float64)
    return np.uint64(k | _INTEGER_BITS).view(np.float64) - _INTEGER, fraction


@inlined
def rough_log(x: float) -> float:
    """``log(x)`` to 1.5e-6, for x >= 1: for starting values (a minimax fit of degree 6)."""
    k, m = _take_apart(x)
    f = m - 1.0
    odd = 0.33225869490166204 + f * (-0.2547247036664395 + f * (0.22330105992000815 - f * 0.143198673120382))
    return k * _LN2 + f * (1.0000127825557439 + f * (-0.49985051032204264 + f * odd))


@inlined
def _beyond_two_s(z: float) -> float:
    """``log((1 + s)/(1 - s)) / s - 2`` from ``z = s^2``, to 2^-58 where ``|s| <= 3 - sqrt(8)``."""
    w = z * z
    odd = z * (0.6666666666666735 + w * (0.2857142874366239 + w * (0.1818357216161805 + w * 0.14798198605116586)))
    even = w * (0.3999999999940942 + w * (0.22222198432149784 + w * 0.15313837699209373))
    return odd + even


@inlined
def log_beyond_one(x: float) -> float:
    """``log(x)`` to within an ulp, for x >= 1."""
    k, m = _take_apart(x)
    f = m - 1.0
    s = f / (2.0 + f)
    half = 0.5 * f * f
    return k * _LN2_HIGH - ((half - (s * (half + _beyond_two_s(s * s)) + k * _LN2_REST)) - f)


@inlined
def log1p_and_gap(x: float) -> tuple[float, float, float]:
    """``L = log1p(x)``, ``p = x / (1 + x)`` and the gap ``L - p`` without cancellation, for x in [0, 1e300].

    Where 1 + x is below sqrt(2), ``s = x / (2 + x)`` has ``log1p(x) = 2s + s r`` and ``s p = 2s - p``, so that the gap
    is ``s (p + r)``, both terms positive. Above, its terms are summed from the largest, which nearly cancel, to the
    smallest, and so is what rounding took from 1 + x.
    """
    u = 1.0 + x
    virtual = u - x
    k, m = _take_apart(u)
    near = k == 0.0
    f = x if near else m - 1.0
    fault = 0.0 if near else ((1.0 - virtual) + (x - (u - virtual))) / u
    share = x / u
    s = f / (2.0 + f)
    r = _beyond_two_s(s * s)
    half = 0.5 * f * f
    high = k * _LN2_HIGH
    tail = half - (s * (half + r) + (k * _LN2_REST + fault))
    length = high - (tail - f)
    gap = s * (share + r) if near else (((high - share) + f) - tail) + share * fault
    return length, share, gap
