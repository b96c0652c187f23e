"""What a client sends: a mask and the values it keeps, in one self-contained sequence of bytes.

====================  ===================================================================================
bytes                 what they hold (integers with the lowest byte first)
====================  ===================================================================================
1                     0xF0 + version (1)
1                     64 * mode + bits of a value (1 to 16, or 32)
4                     number of parameters, P
2                     fingerprint of the layers: the low half of the CRC-32 of all P layer indices as uint32
4                     `delta` and `known`: CRC-32 of the reference mask, as a bitmap
1 to 5, then as said  `full` and `delta`: length of the mask's code (7 bits a byte, the low ones first), the code
4 L                   up to 16 bits: scale of each layer, float32
ceil(K b / 8)         packed codes of the K values kept, or 4 K bytes of float32
4                     CRC-32 of everything before
====================  ===================================================================================

Everything but the values takes 12 bytes, or 16 with a reference, plus mask and scales. The number of layers and which
layer a parameter is in are the model's, which the receiver has.

Values are rounded at random (`fedss_opt.sharing.values`): what was sent is what `decode` returns, to the last bit, and
a sender who wants to know decodes its own payload.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..array_types import BoolArray, FloatArray, IntArray
from ..exceptions import OptionError, PayloadError
from .array_checks import check_layer, check_mask, check_values, whole
from .layout import ByteArray, Float32Array
from .packing import pack_codes, packed_bytes, unpack_codes
from .payload_head import (
    MaskMode,
    accept_mode,
    divide,
    fingerprint,
    frame_bytes,
    mode_and_bits,
    read_mask,
    seal,
    write_head,
)
from .values import LOSSLESS, check_bits, dequantise, quantise, steps

__all__ = ["Decoded", "MaskMode", "decode", "decode_many", "encode", "encode_many", "payload_bits", "size_bits"]


@dataclass(frozen=True, eq=False)
class Decoded:
    """What a payload holds.

    Parameters
    ----------
    values : ndarray of float32, (P,)
        Values as they were sent, 0 where the mask removes the parameter.
    mask : ndarray of bool, (P,)
        What is kept.
    step : ndarray of float64, (L,)
        Distance of two neighbouring levels in each layer; 0 where nothing was rounded. `rounding_variance` makes the
        expected variance of it.
    bits : int
        Bits of a value.
    mode : MaskMode
        How the mask was sent.
    """

    values: Float32Array
    mask: BoolArray
    step: FloatArray
    bits: int
    mode: MaskMode


def payload_bits(data: bytes) -> int:
    """Return the size of a payload in bits: 8 times its bytes.

    Examples
    --------
    >>> from fedss_opt.sharing.payload import payload_bits
    >>> payload_bits(b"four")
    32
    """
    return 8 * len(data)


def size_bits(
    kept: int, *, layers: int, bits: int, mode: MaskMode | str = MaskMode.KNOWN, mask_bytes: int | None = None
) -> int:
    """Return the size of a payload before there is one: it depends on the values' number, not on the values.

    Parameters
    ----------
    kept : int
        Number of values sent; all P in mode `none`.
    layers, bits, mode
        Number of layers, L; bits of a value, 1 to 16 or 32; how the mask is sent.
    mask_bytes : int, optional
        Modes `full` and `delta`: length of ``encode_mask(mask)`` or ``encode_delta(mask, reference)``.

    Raises
    ------
    OptionError
        A number outside what is accepted, or a mask's length missing or too much.

    Examples
    --------
    >>> import numpy as np
    >>> from fedss_opt.sharing.payload import encode, payload_bits, size_bits
    >>> size_bits(3600, layers=3, bits=4)
    14624
    >>> data = encode(np.ones(5, np.float32), bits=32, layer=np.zeros(5, int))
    >>> payload_bits(data) == size_bits(5, layers=1, bits=32, mode="none")
    True
    """
    mode, bits = accept_mode(mode), check_bits(bits)
    kept, layers = whole("kept", kept, low=0), whole("layers", layers, low=0)
    code = None if mask_bytes is None else whole("mask_bytes", mask_bytes, low=1)
    return 8 * (frame_bytes(mode, code) + _body_bytes(kept, layers, bits))


def encode(
    values: npt.ArrayLike,
    *,
    bits: int,
    layer: npt.ArrayLike,
    mask: npt.ArrayLike | None = None,
    reference: npt.ArrayLike | None = None,
    mode: MaskMode | str | None = None,
    rng: np.random.Generator | None = None,
) -> bytes:
    """Encode one client's values; see `encode_many`.

    Parameters
    ----------
    values : array_like of float, (P,)
        The parameters, finite; all else, and what is refused, is as in `encode_many`.

    Examples
    --------
    >>> import numpy as np
    >>> from fedss_opt.sharing.payload import decode, encode, payload_bits
    >>> layer = np.array([0, 0, 0, 1])
    >>> values = np.array([1.0, -3.0, 2.0, 5.0], np.float32)
    >>> mask = np.array([True, True, False, True])
    >>> data = encode(values, bits=3, layer=layer, mask=mask, rng=np.random.default_rng(0))
    >>> payload_bits(data)
    200
    >>> received = decode(data, layer=layer)
    >>> received.values, received.step
    (array([ 1., -3.,  0.,  5.], dtype=float32), array([1.        , 1.66666667]))
    """
    one = check_values(values, 1)
    return encode_many(one[None], bits=bits, layer=layer, mask=mask, reference=reference, mode=mode, rng=rng)[0]


def encode_many(
    values: npt.ArrayLike,
    *,
    bits: int,
    layer: npt.ArrayLike,
    mask: npt.ArrayLike | None = None,
    reference: npt.ArrayLike | None = None,
    mode: MaskMode | str | None = None,
    rng: np.random.Generator | None = None,
) -> list[bytes]:
    """Encode the values of clients that share a mask.

    The same generator gives the same bytes whether clients are encoded together or one after the other: it draws one
    uniform float64 per value kept, client by client, in the order of the parameters (none at 32 bits).

    Parameters
    ----------
    values : array_like of float, (n, P)
        The parameters of n clients, finite.
    bits : int
        Bits of a value: 1 to 16, or 32 for float32 without rounding.
    layer : array_like of int, (P,)
        Layer of each parameter, 0..L-1, in any order.
    mask : array_like of bool, (P,), optional
        What is kept. All of it by default, in mode `none`.
    reference : array_like of bool, (P,), optional
        The mask the receiver has.
    mode : MaskMode or str, optional
        How to send the mask. By default `none` without a mask, `known` if it is the reference, and otherwise the
        shorter of `delta` (with a reference) and `full`. In mode `known` the reference may be left out.
    rng : numpy.random.Generator, optional
        Rounds the values; needed but for 32 bits.

    Raises
    ------
    OptionError
        Wrong shapes or dtypes, values not finite, or options that do not fit together.

    Examples
    --------
    >>> import numpy as np
    >>> from fedss_opt.sharing import decode_many, encode_many
    >>> layer = np.array([0, 0, 1])
    >>> payloads = encode_many([[0.5, 1.0, 2.0], [3.0, 4.0, 5.0]], bits=32, layer=layer)
    >>> [len(payload) for payload in payloads]
    [24, 24]
    >>> decode_many(payloads, layer=layer)[1].values
    array([3., 4., 5.], dtype=float32)
    """
    array, bits = check_values(values, 2), check_bits(bits)
    layers = check_layer(layer, array.shape[1])
    head, kept = write_head(bits, layers, mask, reference, mode)
    sent = array if kept is None else array[:, kept]
    if bits == LOSSLESS:
        body = np.ascontiguousarray(sent, "<f4").view(np.uint8)
    else:
        if rng is None:
            raise OptionError(f"rng: needed for random rounding to {bits} bits; give a numpy.random.Generator")
        of_sent = layers if kept is None else layers[kept]
        codes, scale = quantise(sent, layer=of_sent, layers=_count(layers), bits=bits, rng=rng)
        body = np.concatenate([scale.astype("<f4").view(np.uint8), pack_codes(codes, bits)], axis=1)
    return [seal(head + row.tobytes()) for row in body]


def decode(data: bytes, *, layer: npt.ArrayLike, reference: npt.ArrayLike | None = None) -> Decoded:
    """Decode what `encode` returned; parameters and errors are those of `decode_many`.

    Examples
    --------
    >>> import numpy as np
    >>> from fedss_opt.sharing import decode, encode
    >>> layer = np.array([0, 0, 1])
    >>> mask = np.array([True, False, True])
    >>> data = encode(np.array([0.5, 9.0, -2.0]), bits=32, layer=layer, mask=mask)
    >>> decode(data, layer=layer).values  # what the mask leaves out is 0
    array([ 0.5,  0. , -2. ], dtype=float32)
    """
    return _decode([data], [""], layer, reference)[0]


def decode_many(
    payloads: Sequence[bytes], *, layer: npt.ArrayLike, reference: npt.ArrayLike | None = None
) -> list[Decoded]:
    """Decode payloads, those of one mask and number of bits together.

    Parameters
    ----------
    payloads : sequence of bytes
        What `encode` or `encode_many` returned; masks, modes and bits may differ.
    layer : array_like of int, (P,)
        Layer of each parameter, 0..L-1, as the sender has it.
    reference : array_like of bool, (P,), optional
        The mask the receiver has; needed in modes `delta` and `known`.

    Returns
    -------
    list of Decoded
        Arrays are read-only; payloads of one mask share it.

    Raises
    ------
    PayloadError
        When one is damaged, truncated or extended, of another version, or made for another model or reference; the
        message names its place.
    OptionError
        When `layer` or `reference` is not what it should be.

    Examples
    --------
    >>> import numpy as np
    >>> from fedss_opt.sharing import decode_many, encode_many
    >>> layer = np.array([0, 0, 1])
    >>> mask = np.array([True, False, True])
    >>> payloads = encode_many([[0.5, 1.0, 2.0], [3.0, 4.0, 5.0]], bits=32, layer=layer, mask=mask, reference=mask)
    >>> [decoded.values.tolist() for decoded in decode_many(payloads, layer=layer, reference=mask)]
    [[0.5, 0.0, 2.0], [3.0, 0.0, 5.0]]
    """
    return _decode(payloads, [f"payloads[{i}]: " for i in range(len(payloads))], layer, reference)


def _count(layers: IntArray) -> int:
    return int(layers.max(initial=-1)) + 1


def _body_bytes(kept: int, layers: int, bits: int) -> int:
    """Count the bytes of scales and values."""
    return (0 if bits == LOSSLESS else 4 * layers) + packed_bytes(kept, bits)


def _decode(
    payloads: Sequence[bytes], names: list[str], layer: npt.ArrayLike, reference: npt.ArrayLike | None
) -> list[Decoded]:
    layers = check_layer(layer)
    known = None if reference is None else check_mask("reference", reference, layers.size)
    expected = fingerprint(layers)
    alike: dict[bytes, list[tuple[int, bytes]]] = {}
    for i, data in enumerate(payloads):
        try:
            head, body = divide(data, expected)
        except PayloadError as error:
            raise PayloadError(f"{names[i]}{error}") from None
        alike.setdefault(head, []).append((i, body))
    decoded: dict[int, Decoded] = {}
    for head, members in alike.items():
        try:
            together = _decode_alike(head, [body for _, body in members], layers, known)
        except PayloadError:
            for i, body in members:  # which of them it is
                try:
                    _decode_alike(head, [body], layers, known)
                except PayloadError as error:
                    raise PayloadError(f"{names[i]}{error}") from None
            raise
        decoded.update(zip((i for i, _ in members), together, strict=True))
    return [decoded[i] for i in range(len(decoded))]


def _decode_alike(head: bytes, bodies: list[bytes], layers: IntArray, known: BoolArray | None) -> list[Decoded]:
    """Decode payloads that have everything before the values in common."""
    mode, bits = mode_and_bits(head)
    mask = read_mask(head, layers.size, known)
    kept, count = int(np.count_nonzero(mask)), _count(layers)
    length = _body_bytes(kept, count, bits)
    for body in bodies:
        if len(body) != length:
            raise PayloadError(f"{len(body)} bytes of scales and values; {kept} values of {bits} bits take {length}")
    rows = np.frombuffer(b"".join(bodies), np.uint8).reshape(len(bodies), length)
    sent, step = _read_values(rows, count, layers[mask], bits)
    values = np.zeros((len(bodies), layers.size), np.float32)
    values[:, mask] = sent
    for array in (mask, values, step):
        array.flags.writeable = False
    return [Decoded(row, mask, of_row, bits, mode) for row, of_row in zip(values, step, strict=True)]


def _read_values(rows: ByteArray, layers: int, layer: IntArray, bits: int) -> tuple[Float32Array, FloatArray]:
    """Return the values kept, (n, K), and the steps, (n, L)."""
    if bits == LOSSLESS:
        values = rows.view("<f4").astype(np.float32)
        if not np.isfinite(values).all():
            raise PayloadError("a value is not finite")
        return values, np.zeros((len(rows), layers))
    scale = np.ascontiguousarray(rows[:, : 4 * layers]).view("<f4").astype(np.float32)
    if not (np.isfinite(scale) & (scale >= 0.0)).all():
        raise PayloadError("a layer's scale is negative or not finite")
    codes = unpack_codes(rows[:, 4 * layers :], layer.size, bits)
    return dequantise(codes, scale, layer=layer, bits=bits), steps(scale, bits)
