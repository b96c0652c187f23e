"""The coded indices of a mask: the gaps before the positions of the rarer kind, in a Golomb-Rice code (R. Rice, 1979).

A gap is divided by a power of two. Behind a byte for that power and the kind, and the number of gaps, stand first the
remainders, packed, and then the quotients in unary. That is for few positions, above all when they are spread evenly.
Where they stand together the entropy code is the shorter one, since no weight of a block has a probability below 2^-33.
"""

from __future__ import annotations

import numpy as np

from ..array_types import BoolArray, IntArray
from ..exceptions import PayloadError
from .packing import pack_codes, packed_bytes, unpack_codes

__all__ = ["decode_indices", "encode_indices"]


def encode_indices(mask: BoolArray) -> bytes:
    """Encode a mask; the lowest two bits of the first byte are 0."""
    kept = np.flatnonzero(mask)
    inverted = 2 * kept.size > mask.size
    listed = np.flatnonzero(~mask) if inverted else kept
    gaps = np.diff(listed, prepend=-1) - 1
    rice = _rice_parameter(gaps)
    high = np.zeros(int((gaps >> rice).sum()) + gaps.size, np.uint8)
    high[np.cumsum((gaps >> rice) + 1) - 1] = 1
    head = bytes([inverted << 2 | rice << 3])
    low = pack_codes((gaps & ((1 << rice) - 1)).astype(np.uint32)[None], rice).tobytes() if rice else b""
    count = int(listed.size).to_bytes(packed_bytes(mask.size.bit_length(), 1), "little")
    return head + count + low + np.packbits(high, bitorder="little").tobytes()


def _rice_parameter(gaps: IntArray) -> int:
    """Return how many low bits of the gaps to write as they are: about log2 of the mean, the better of two."""
    mean = int(gaps.sum()) // max(gaps.size, 1)
    near = mean.bit_length()
    choices = [r for r in (near - 1, near) if 0 <= r < 32]
    return min(choices, key=lambda r: gaps.size * r + int((gaps >> r).sum()))


def decode_indices(data: bytes, size: int) -> BoolArray:
    """Decode a mask of `size` positions, whatever the lowest two bits of the first byte."""
    inverted, rice = bool(data[0] >> 2 & 1), data[0] >> 3
    begin = 1 + packed_bytes(size.bit_length(), 1)
    count = int.from_bytes(data[1:begin], "little")
    middle = begin + packed_bytes(count, rice)
    if count > size or len(data) < middle:
        raise PayloadError(f"mask (indices): {len(data)} bytes with {count} indices; must have {size} positions")
    body = np.frombuffer(data, np.uint8)
    high = np.flatnonzero(np.unpackbits(body[middle:], bitorder="little"))
    if high.size != count or len(data) != middle + packed_bytes(int(high[-1]) + 1 if count else 0, 1):
        raise PayloadError(
            f"mask (indices): {high.size} gaps end within its bytes; must be {count}, the last in the last"
        )
    gaps = np.diff(high, prepend=-1) - 1
    if count and gaps.max() > size >> rice:
        raise PayloadError(f"mask (indices): a gap of {int(gaps.max()) << rice}; must have {size} positions")
    gaps <<= rice
    if rice:
        gaps += unpack_codes(body[None, begin:middle], count, rice)[0]
    listed = np.cumsum(gaps + 1) - 1
    if count and listed[-1] >= size:
        raise PayloadError(f"mask (indices): index {listed[-1]}; must be below {size}")
    mask = np.full(size, inverted)
    mask[listed] = not inverted
    return mask
