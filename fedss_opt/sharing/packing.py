"""Codes of few bits side by side in bytes, without gaps."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ..exceptions import PayloadError
from .layout import ByteArray

__all__ = ["CodeArray", "pack_codes", "packed_bytes", "unpack_codes"]

CodeArray = npt.NDArray[np.uint16] | npt.NDArray[np.uint32]


def packed_bytes(count: int, bits: int) -> int:
    """Return the length of `count` packed codes of `bits` bits, in bytes."""
    return (count * bits + 7) // 8


def pack_codes(codes: CodeArray, bits: int) -> ByteArray:
    """Pack codes of b bits without gaps, each row by itself.

    Up to 8 bits, code i takes the bits i b to (i + 1) b - 1, counted from the lowest bit of the first byte. Longer
    codes are divided: first the low byte of each, then the rest packed by the same rule. Unused bits at the end are 0.

    Examples
    --------
    >>> import numpy as np
    >>> from fedss_opt.sharing.packing import pack_codes
    >>> pack_codes(np.array([[1, 2, 3]], np.uint8), 4)
    array([[33,  3]], dtype=uint8)
    """
    rows, count = codes.shape
    if bits > 8:
        rest = (codes >> 8).astype(np.uint32)
        return np.concatenate([(codes & 255).astype(np.uint8), pack_codes(rest, bits - 8)], axis=1)
    # Eight codes of b bits fill b bytes: they are put together in one 64-bit word, of which b bytes are kept.
    words = np.zeros((rows, (count + 7) // 8), "<u8")
    for place in range(8):
        column = codes[:, place::8].astype(np.uint64)
        words[:, : column.shape[1]] |= column << np.uint64(bits * place)
    octets = words.view(np.uint8).reshape(rows, words.shape[1], 8)[:, :, :bits]
    return octets.reshape(rows, words.shape[1] * bits)[:, : packed_bytes(count, bits)]


def unpack_codes(packed: ByteArray, count: int, bits: int) -> CodeArray:
    """Return the codes, (n, K), of `pack_codes`; `PayloadError` for another length, or bits behind the last code."""
    rows, length = packed.shape
    if length != packed_bytes(count, bits):
        raise PayloadError(f"{length} bytes of codes; {count} codes of {bits} bits take {packed_bytes(count, bits)}")
    if bits > 8:
        low, high = packed[:, :count], unpack_codes(packed[:, count:], count, bits - 8)
        codes = high.astype(np.uint32) << np.uint32(8) | low
        return codes.astype(np.uint16) if bits <= 16 else codes
    if count * bits % 8 and np.any(packed[:, -1] >> (count * bits % 8)):
        raise PayloadError("bits are set behind the last code; they must be 0")
    words = (count + 7) // 8
    octets = np.zeros((rows, words * bits), np.uint8)
    octets[:, :length] = packed
    wide = np.zeros((rows, words, 8), np.uint8)
    wide[:, :, :bits] = octets.reshape(rows, words, bits)
    whole = wide.view("<u8").reshape(rows, words)
    unpacked = np.empty((rows, words * 8), np.uint16)
    for place in range(8):
        unpacked[:, place::8] = (whole >> np.uint64(bits * place)) & np.uint64(2**bits - 1)
    return unpacked[:, :count]
