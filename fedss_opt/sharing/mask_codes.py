"""Masks in few bytes: the shortest of a bitmap, an entropy code and coded indices.

The entropy code (`fedss_opt.sharing.mask_entropy`) takes hardly more than the entropy of scattered positions, and less
where they stand together. Indices (`fedss_opt.sharing.mask_indices`) are shorter where they are spread evenly, and the
bitmap for short masks and at densities within 0.02 of one half.

The lowest two bits of the first byte say which code it is; each code leaves them 0 for that.
"""

from __future__ import annotations

from enum import StrEnum

import numpy as np
import numpy.typing as npt

from ..array_types import BoolArray
from ..exceptions import OptionError, PayloadError
from ..wording import one_of
from .array_checks import check_mask
from .mask_entropy import decode_entropy, encode_entropy
from .mask_indices import decode_indices, encode_indices
from .packing import packed_bytes

__all__ = ["MaskCode", "decode_delta", "decode_mask", "encode_delta", "encode_mask"]


class MaskCode(StrEnum):
    """How a mask is written; the lowest two bits of its first byte are the place in this list."""

    CONSTANT = "constant"
    """All positions are alike: one byte."""
    BITMAP = "bitmap"
    """One bit per position."""
    ENTROPY = "entropy"
    """Blocks in an arithmetic code."""
    INDICES = "indices"
    """Gaps between the positions of the rarer kind."""


_CODES = tuple(MaskCode)


def encode_mask(mask: npt.ArrayLike, *, code: MaskCode | str | None = None) -> bytes:
    """Encode a mask in the fewest bytes.

    Parameters
    ----------
    mask : array_like of bool, (P,)
        What is kept.
    code : MaskCode or str, optional
        A code to use whatever the length; the shortest by default.

    Raises
    ------
    OptionError
        When the mask is not a boolean vector, `code` is unknown, or the mask is not constant but is to be coded so.

    Examples
    --------
    >>> import numpy as np
    >>> from fedss_opt.sharing.mask_codes import decode_mask, encode_mask
    >>> mask = np.random.default_rng(0).random(12_000) < 0.3
    >>> 8 * len(encode_mask(mask, code="bitmap")), 8 * len(encode_mask(mask))  # the entropy is 10,558 bits
    (12008, 10576)
    >>> bool(np.array_equal(decode_mask(encode_mask(mask), mask.size), mask))
    True
    """
    kept = check_mask("mask", mask)
    if code is not None:
        if code not in _CODES:
            raise OptionError(field="code", value=code, accepted=one_of(code, _CODES))
        return _encode(kept, MaskCode(code))
    if kept.all() or not kept.any():
        return _encode(kept, MaskCode.CONSTANT)
    return min((_encode(kept, c) for c in (MaskCode.BITMAP, MaskCode.ENTROPY, MaskCode.INDICES)), key=len)


def decode_mask(data: bytes, size: int) -> BoolArray:
    """Decode a mask.

    Parameters
    ----------
    data : bytes
        All of what `encode_mask` returned, and nothing else.
    size : int
        Number of positions, P.

    Raises
    ------
    PayloadError
        When these are not the bytes of a mask of that size.

    Examples
    --------
    >>> import numpy as np
    >>> from fedss_opt.sharing import decode_mask, encode_mask
    >>> decode_mask(encode_mask(np.array([True, False, False, True])), 4)
    array([ True, False, False,  True])
    """
    if not data:
        raise PayloadError("the mask's code is empty; it has at least one byte")
    return _DECODERS[_CODES[data[0] & 3]](data, size)


def encode_delta(mask: npt.ArrayLike, reference: npt.ArrayLike) -> bytes:
    """Encode where a mask differs from one that the receiver has; one byte where nothing has changed.

    Parameters
    ----------
    mask, reference : array_like of bool, (P,)
        What is kept, and what the receiver thinks is; `OptionError` where they are not boolean vectors of one length.

    Examples
    --------
    >>> import numpy as np
    >>> from fedss_opt.sharing.mask_codes import decode_delta, encode_delta
    >>> before = np.random.default_rng(0).random(12_000) < 0.3
    >>> after = before.copy()
    >>> after[7000:7010] = False  # five of them were kept
    >>> len(encode_delta(before, before)), len(encode_delta(after, before))
    (1, 10)
    >>> bool(np.array_equal(decode_delta(encode_delta(after, before), before), after))
    True
    """
    known = check_mask("reference", reference)
    return encode_mask(check_mask("mask", mask, known.size) ^ known)


def decode_delta(data: bytes, reference: npt.ArrayLike) -> BoolArray:
    """Decode a mask from all of what `encode_delta` returned and the mask that it was encoded against.

    Raises
    ------
    PayloadError
        When these are not the bytes of a mask of that size.

    Examples
    --------
    >>> import numpy as np
    >>> from fedss_opt.sharing import decode_delta, encode_delta
    >>> before, after = np.array([True, True, False]), np.array([True, False, False])
    >>> decode_delta(encode_delta(after, before), before)
    array([ True, False, False])
    """
    known = check_mask("reference", reference)
    return decode_mask(data, known.size) ^ known


def _encode(mask: BoolArray, code: MaskCode) -> bytes:
    data = _ENCODERS[code](mask)
    return bytes([data[0] | _CODES.index(code)]) + data[1:]


def _encode_constant(mask: BoolArray) -> bytes:
    if mask.any() != mask.all() and mask.size:
        raise OptionError("mask: is not constant; must be all true or all false for this code")
    return bytes([bool(mask.any()) << 2])


def _decode_constant(data: bytes, size: int) -> BoolArray:
    if len(data) != 1 or data[0] >> 3:
        raise PayloadError(f"mask (constant): {len(data)} bytes, the first {data[0]}; must be one byte, 0 or 4")
    return np.full(size, bool(data[0] >> 2))


def _encode_bitmap(mask: BoolArray) -> bytes:
    return b"\0" + np.packbits(mask, bitorder="little").tobytes()


def _decode_bitmap(data: bytes, size: int) -> BoolArray:
    if data[0] >> 2 or len(data) != 1 + packed_bytes(size, 1):
        raise PayloadError(f"mask (bitmap): {len(data)} bytes; {size} positions take {1 + packed_bytes(size, 1)}")
    bits = np.unpackbits(np.frombuffer(data, np.uint8, offset=1), bitorder="little")
    if bits[size:].any():
        raise PayloadError("mask (bitmap): bits are set behind the last position; they must be 0")
    return bits[:size].astype(np.bool_)


_ENCODERS = {
    MaskCode.CONSTANT: _encode_constant,
    MaskCode.BITMAP: _encode_bitmap,
    MaskCode.ENTROPY: encode_entropy,
    MaskCode.INDICES: encode_indices,
}
_DECODERS = {
    MaskCode.CONSTANT: _decode_constant,
    MaskCode.BITMAP: _decode_bitmap,
    MaskCode.ENTROPY: decode_entropy,
    MaskCode.INDICES: decode_indices,
}
