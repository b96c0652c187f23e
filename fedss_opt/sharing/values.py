"""Values of few bits: stochastic rounding to the levels of each layer."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from ..array_types import FloatArray, IntArray
from ..exceptions import OptionError, PayloadError
from .array_checks import check_layer, check_values
from .layout import Float32Array
from .packing import CodeArray

__all__ = [
    "LOSSLESS",
    "bracket",
    "check_bits",
    "dequantise",
    "quantise",
    "rounding_variance",
    "scales_of",
    "steps",
]


LOSSLESS = 32
"""The number of bits that stands for float32 as it is, without rounding."""

_STRETCH = 1 << 16  # values
_SMALLEST_NORMAL = float(np.finfo(np.float32).smallest_normal)


def check_bits(bits: int) -> int:
    """Return `bits`, refusing what is neither 1 to 16 nor 32."""
    if isinstance(bits, bool) or not isinstance(bits, (int, np.integer)) or not (1 <= bits <= 16 or bits == LOSSLESS):
        raise OptionError(f"bits = {bits!r}: must be an integer from 1 to 16, or {LOSSLESS} (float32)")
    return int(bits)


# -- Levels -------------------------------------------------------------------------------------------------


def _intervals(bits: int) -> int:
    """Count the steps from the lowest to the highest level: even from two bits on, so that 0 is a level."""
    return 1 if bits == 1 else 2**bits - 2


def _level(code: FloatArray, half_step: FloatArray, bits: int) -> Float32Array:
    """Return the levels as the receiver has them; one formula for both sides, so that they agree to the last bit."""
    level: Float32Array = ((2.0 * code - _intervals(bits)) * half_step + 0.0).astype(np.float32)  # + 0.0: no -0.0
    return level


def scales_of(values: npt.NDArray[np.floating[Any]], *, layer: IntArray, layers: int, bits: int) -> Float32Array:
    """Return the scale of each layer: the least float32 that no magnitude of the layer exceeds.

    A layer of zeros, or without values, has scale 0. Any other has at least as many smallest normal numbers (1.2e-38)
    as there are steps from the lowest level to the highest: below that float32 has no room for the levels, and they
    would not be distinct. Values are (n, K), `layer` (K,) has the layer of each, scales are (n, L).
    """
    magnitude = np.abs(values)
    if np.any(layer[1:] < layer[:-1]):
        order = np.argsort(layer, kind="stable")
        layer, magnitude = layer[order], magnitude[:, order]
    greatest = np.zeros((len(values), layers), magnitude.dtype)
    present, starts = np.unique(layer, return_index=True)
    if present.size:
        greatest[:, present] = np.maximum.reduceat(magnitude, starts, axis=1)
    scale = greatest.astype(np.float32)
    # The cast rounds to nearest; a scale below its largest value would leave that value no level above it.
    short = scale < greatest
    scale[short] = np.nextafter(scale[short], np.float32(np.inf))
    least = np.float32(_intervals(bits) * _SMALLEST_NORMAL)
    return np.where(greatest > 0.0, np.maximum(scale, least), np.float32(0.0))


def steps(scale: Float32Array, bits: int) -> FloatArray:
    """Return the distance of two neighbouring levels, per layer: scale / (2^(b-1) - 1), or 2 scale for one bit."""
    return scale.astype(np.float64) * 2.0 / _intervals(bits)


def rounding_variance(step: npt.ArrayLike) -> FloatArray:
    r"""Return the expected variance of a stochastically rounded value, step^2 / 6.

    A value that lies the fraction f of a step above its lower level becomes the upper one with probability f. Given f,
    the error is (1 - f) step with probability f and -f step otherwise: mean 0, variance f (1 - f) step^2. Where the
    fractions are uniformly distributed, as they are once the steps are small beside the spread of the layer's values,
    the expectation is

    .. math:: \Delta^2 \int_0^1 f (1 - f) \, df = \Delta^2 (1/2 - 1/3) = \Delta^2 / 6.

    With 1 or 2 bits the steps are as wide as the layer and the fractions far from uniform: for 12,000 normally
    distributed values the truth was 1.40 times this number at 1 bit, 0.83 at 2, and within 1 % from 3 on.

    Parameters
    ----------
    step : array_like
        Distance of two neighbouring levels, any shape; ``step[layer]`` gives one variance per parameter.

    Examples
    --------
    >>> from fedss_opt.sharing.values import rounding_variance
    >>> rounding_variance([0.0, 6.0])
    array([0., 6.])
    """
    return np.asarray(np.square(np.asarray(step, dtype=np.float64)) / 6.0)


# -- Rounding -----------------------------------------------------------------------------------------------


def bracket(
    values: npt.NDArray[np.floating[Any]], scale: Float32Array, *, layer: IntArray, bits: int
) -> tuple[CodeArray, FloatArray]:
    """Return the code of the level below each value, and the probability with which to take the one above.

    Levels are float32 numbers, as the receiver has them, and the probability is made from these: what is decoded then
    has the value as its mean exactly, whatever the rounding of scales and levels. Values are (n, K), none larger than
    its layer's scale, (n, L); codes and probabilities are (n, K).
    """
    intervals = _intervals(bits)
    per_layer = scale.astype(np.float64) / intervals
    half_step = np.take(np.where(per_layer > 0.0, per_layer, 1.0), layer, axis=1)  # zeros lie on a level of any width
    lower = np.clip(np.floor((values / half_step + intervals) * 0.5), 0.0, intervals - 1.0)
    below, above = _level(lower, half_step, bits), _level(lower + 1.0, half_step, bits)
    # Float32 levels lie up to 2^-8 steps beside the equidistant ones of this quotient.
    astray = (values < below) | (values > above)
    if astray.any():
        lower[astray] += np.where(values[astray] < below[astray], -1.0, 1.0)
        below[astray] = _level(lower[astray], half_step[astray], bits)
        above[astray] = _level(lower[astray] + 1.0, half_step[astray], bits)
    width = above.astype(np.float64) - below
    return lower.astype(np.uint16), (values - below.astype(np.float64)) / width


def quantise(
    values: npt.ArrayLike, *, layer: npt.ArrayLike, layers: int, bits: int, rng: np.random.Generator
) -> tuple[CodeArray, Float32Array]:
    """Round values at random to one of the two levels around them, so that the mean is the value.

    The levels of a layer are symmetric about 0 and equidistant up to its scale, the largest magnitude in it: 2^b - 1 of
    them with 0 among them, or two for one bit. This is the QSGD of Alistarh et al., "QSGD: communication-efficient SGD
    via gradient quantization and encoding" (NIPS 2017), with the maximum norm of each layer.

    Parameters
    ----------
    values : array_like of float, (n, K)
        Values of n clients, finite.
    layer : ndarray of int, (K,)
        Layer of each value, 0..L-1.
    layers : int
        Number of layers, L.
    bits : int
        Bits of a value, 1 to 16.
    rng : numpy.random.Generator
        Draws one uniform number per value, client by client: clients rounded together and one after the other by the
        same generator become the same codes.

    Returns
    -------
    ndarray of uint16, (n, K)
        Codes 0..2^b - 2, or 0..1 for one bit.
    ndarray of float32, (n, L)
        Scale of each layer.

    Raises
    ------
    OptionError
        Values that are not finite floating-point numbers, layers outside 0..L-1, or bits not in 1..16.

    Examples
    --------
    >>> import numpy as np
    >>> from fedss_opt.sharing.values import dequantise, quantise
    >>> one_layer = np.zeros(4, int)
    >>> rng = np.random.default_rng(0)
    >>> codes, scale = quantise([[0.0, 1.0, -1.0, 0.5]], layer=one_layer, layers=1, bits=2, rng=rng)
    >>> dequantise(codes, scale, layer=one_layer, bits=2)
    array([[ 0.,  1., -1.,  1.]], dtype=float32)
    """
    array = check_values(values, 2)
    _refuse_lossless(check_bits(bits))
    of_value = check_layer(layer, array.shape[1], layers)
    codes = np.empty(array.shape, np.uint16)
    scale = np.empty((len(array), layers), np.float32)
    for rows in _stretches(*array.shape):
        scale[rows] = scales_of(array[rows], layer=of_value, layers=layers, bits=bits)
        lower, probability = bracket(array[rows], scale[rows], layer=of_value, bits=bits)
        np.add(lower, rng.random(lower.shape) < probability, out=codes[rows])
    return codes, scale


def dequantise(codes: CodeArray, scale: Float32Array, *, layer: npt.ArrayLike, bits: int) -> Float32Array:
    """Return the levels of codes, (n, K) float32: the same numbers on every machine; arguments as `quantise` has them.

    Raises
    ------
    PayloadError
        A code that stands for no level.
    OptionError
        Arrays that do not fit together.

    Examples
    --------
    >>> import numpy as np
    >>> from fedss_opt.sharing import dequantise
    >>> codes, scale = np.array([[0, 1, 2]], np.uint16), np.array([[3.0]], np.float32)
    >>> dequantise(codes, scale, layer=[0, 0, 0], bits=2)  # -scale, 0 and scale
    array([[-3.,  0.,  3.]], dtype=float32)
    """
    _refuse_lossless(check_bits(bits))
    if codes.ndim != 2 or scale.ndim != 2 or len(codes) != len(scale):
        raise OptionError(f"codes, scale: have shapes {codes.shape}, {scale.shape}; must be (n, K) and (n, L)")
    of_value = check_layer(layer, codes.shape[1], scale.shape[1])
    if codes.size and int(codes.max()) > _intervals(bits):
        client, place = np.argwhere(codes > _intervals(bits))[0]
        raise PayloadError(
            f"code {codes[client, place]} of value {place}: must be at most {_intervals(bits)} at {bits} bits"
        )
    half_step = scale.astype(np.float64) / _intervals(bits)
    values = np.empty(codes.shape, np.float32)
    for rows in _stretches(*codes.shape):
        values[rows] = _level(codes[rows].astype(np.float64), np.take(half_step[rows], of_value, axis=1), bits)
    return values


def _stretches(clients: int, count: int) -> list[slice]:
    """Divide clients into stretches whose arrays stay in the processor's cache, which is faster than all at once."""
    rows = max(1, _STRETCH // max(count, 1))
    return [slice(begin, begin + rows) for begin in range(0, clients, rows)]


def _refuse_lossless(bits: int) -> None:
    if bits == LOSSLESS:
        raise OptionError(f"bits = {bits}: float32 values have no levels; must be from 1 to 16")
