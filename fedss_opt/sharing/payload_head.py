"""What stands around the values of a payload: the head, which says whose mask and how many bits, and the checksum.

The format as a whole is described in `fedss_opt.sharing.payload`.
"""

from __future__ import annotations

import zlib
from enum import StrEnum

import numpy as np
import numpy.typing as npt

from ..array_types import BoolArray, IntArray
from ..exceptions import OptionError, PayloadError
from ..wording import one_of
from .array_checks import check_mask
from .mask_codes import decode_delta, decode_mask, encode_delta, encode_mask
from .values import LOSSLESS

__all__ = [
    "MaskMode",
    "accept_mode",
    "divide",
    "fingerprint",
    "frame_bytes",
    "mode_and_bits",
    "read_mask",
    "seal",
    "write_head",
]


_FORMAT, _VERSION = 0xF0, 1
_HEAD, _REFERENCE, _CHECKSUM = 8, 4, 4  # bytes: what every head begins with, a mask's fingerprint, the end


class MaskMode(StrEnum):
    """How the receiver learns the mask; the place in this list is the mode's number in the header."""

    NONE = "none"
    """There is none: all parameters are sent."""
    FULL = "full"
    """The mask is sent."""
    DELTA = "delta"
    """What differs from a mask that the receiver has is sent."""
    KNOWN = "known"
    """The receiver has the mask."""


_MODES = tuple(MaskMode)
_REFERRING = (MaskMode.DELTA, MaskMode.KNOWN)
_SENDING = (MaskMode.FULL, MaskMode.DELTA)


def accept_mode(mode: MaskMode | str) -> MaskMode:
    """Accept the name of a mode."""
    if mode not in _MODES:
        raise OptionError(field="mode", value=mode, accepted=one_of(mode, _MODES))
    return MaskMode(mode)


def frame_bytes(mode: MaskMode, mask_bytes: int | None) -> int:
    """Count the bytes of head and checksum; `mask_bytes` is the length of the mask's code, where the mode sends one."""
    if (mode in _SENDING) != (mask_bytes is not None):
        raise OptionError(
            f"mask_bytes = {mask_bytes}: mode {mode} {'needs it' if mode in _SENDING else 'sends no mask'}"
        )
    code = 0 if mask_bytes is None else len(_length(mask_bytes)) + mask_bytes
    return _HEAD + _REFERENCE * (mode in _REFERRING) + code + _CHECKSUM


def fingerprint(layers: IntArray) -> bytes:
    """Return what a head says of the model: the number of parameters and a fingerprint of their layers."""
    if layers.size >= 1 << 32:
        raise OptionError(f"layer: {layers.size} parameters; must be below 2^32")
    crc = zlib.crc32(layers.astype("<u4").tobytes())
    return layers.size.to_bytes(4, "little") + (crc & 0xFFFF).to_bytes(2, "little")


def _mask_crc(mask: BoolArray) -> bytes:
    return zlib.crc32(np.packbits(mask, bitorder="little").tobytes()).to_bytes(4, "little")


def _length(number: int) -> bytes:
    """Write a length, seven bits a byte, the lowest first; all bytes but the last have the highest bit set."""
    digits = bytearray()
    while number >= 128:
        digits.append(number & 127 | 128)
        number >>= 7
    return bytes([*digits, number])


# -- Writing ------------------------------------------------------------------------------------------------


def write_head(
    bits: int,
    layers: IntArray,
    mask: npt.ArrayLike | None,
    reference: npt.ArrayLike | None,
    mode: MaskMode | str | None,
) -> tuple[bytes, BoolArray | None]:
    """Return the head of all payloads of a mask, by default in the mode that makes it shortest, and the mask.

    `OptionError` where mask, reference and mode do not fit together.
    """
    chosen = None if mode is None else accept_mode(mode)
    known = None if reference is None else check_mask("reference", reference, layers.size)
    if mask is None:
        if known is not None or chosen not in (None, MaskMode.NONE):
            raise OptionError(f"mask: missing; mode {chosen or MaskMode.DELTA} and a reference need one")
        return _start(MaskMode.NONE, bits, layers), None
    kept = check_mask("mask", mask, layers.size)
    if chosen is MaskMode.NONE:
        raise OptionError("mode = 'none': must be another mode when there is a mask")
    if chosen is MaskMode.DELTA and known is None:
        raise OptionError("reference: missing; mode delta needs the mask that the receiver has")
    same = known is not None and np.array_equal(kept, known)
    if chosen is MaskMode.KNOWN and known is not None and not same:
        place = int(np.argmax(kept != known))
        raise OptionError(f"mask[{place}] differs from the reference; in mode known they must agree")
    if chosen is MaskMode.KNOWN or (chosen is None and same):
        return _start(MaskMode.KNOWN, bits, layers) + _mask_crc(kept), kept
    candidates = []
    if chosen is not MaskMode.FULL and known is not None:
        code = encode_delta(kept, known)
        candidates.append(_start(MaskMode.DELTA, bits, layers) + _mask_crc(known) + _length(len(code)) + code)
    if chosen is not MaskMode.DELTA:
        code = encode_mask(kept)
        candidates.append(_start(MaskMode.FULL, bits, layers) + _length(len(code)) + code)
    return min(candidates, key=len), kept


def _start(mode: MaskMode, bits: int, layers: IntArray) -> bytes:
    first = bytes([_FORMAT | _VERSION, _MODES.index(mode) << 6 | bits])
    return first + fingerprint(layers)


def seal(data: bytes) -> bytes:
    """Put the checksum behind head and values."""
    return data + zlib.crc32(data).to_bytes(_CHECKSUM, "little")


# -- Reading ------------------------------------------------------------------------------------------------


def divide(data: object, expected: bytes) -> tuple[bytes, bytes]:
    """Divide a payload into its head and what stands between that and the checksum.

    `PayloadError` where it is damaged, not of this format and version, or made for a model of another `fingerprint`.
    """
    whole = _undamaged(data)
    end = _head_end(whole, expected)
    return whole[:end], whole[end:-_CHECKSUM]


def _undamaged(data: object) -> bytes:
    """Refuse what is not bytes, not of this format and version, or damaged."""
    if not isinstance(data, (bytes, bytearray, memoryview)):
        raise PayloadError(f"a payload of type {type(data).__name__}; must be bytes")
    whole = bytes(data)
    if len(whole) < _HEAD + _CHECKSUM:
        raise PayloadError(f"{len(whole)} bytes; a payload has at least {_HEAD + _CHECKSUM}")
    if whole[0] & 0xF0 != _FORMAT:
        raise PayloadError(f"begins with byte 0x{whole[0]:02X}; a payload begins with 0x{_FORMAT | _VERSION:02X}")
    if whole[0] & 0x0F != _VERSION:
        raise PayloadError(f"version {whole[0] & 0x0F}; this package reads version {_VERSION}")
    if seal(whole[:-_CHECKSUM]) != whole:
        raise PayloadError(f"the checksum of {len(whole)} bytes does not fit; damaged, truncated or extended")
    return whole


def _head_end(whole: bytes, expected: bytes) -> int:
    """Return where the values begin, refusing the payload of another model."""
    mode, bits = mode_and_bits(whole)
    if not (1 <= bits <= 16 or bits == LOSSLESS):
        raise PayloadError(f"values of {bits} bits; must be from 1 to 16, or {LOSSLESS}")
    if whole[2:6] != expected[:4]:
        sent, needed = (int.from_bytes(p[:4], "little") for p in (whole[2:6], expected))
        raise PayloadError(f"made for {sent} parameters; this model has {needed}")
    if whole[6:8] != expected[4:]:
        raise PayloadError("made for other layers than this model's")
    end = _HEAD + _REFERENCE * (mode in _REFERRING)
    if mode in _SENDING:
        end, length = _read_length(whole, end)
        end += length
    if end > len(whole) - _CHECKSUM:
        raise PayloadError(f"{len(whole)} bytes; its head alone takes {end + _CHECKSUM}")
    return end


def _read_length(whole: bytes, begin: int) -> tuple[int, int]:
    """Return where a length ends, and the length."""
    number = 0
    for place, digit in enumerate(whole[begin : begin + 5]):
        number |= (digit & 127) << 7 * place
        if digit < 128:
            return begin + place + 1, number
    raise PayloadError("the length of the mask's code has no end")


def mode_and_bits(head: bytes) -> tuple[MaskMode, int]:
    """Read the second byte of a head: how the mask is sent, and the bits of a value."""
    return _MODES[head[1] >> 6], head[1] & 63


def read_mask(head: bytes, size: int, known: BoolArray | None) -> BoolArray:
    """Read the mask of `size` parameters from a head; `known` is the one that the receiver has.

    `PayloadError` where the code is no mask's, or the mask was encoded with another reference or one is missing.
    """
    mode, _ = mode_and_bits(head)
    if mode is MaskMode.NONE:
        return np.ones(size, np.bool_)
    if mode is MaskMode.FULL:
        return decode_mask(head[_read_length(head, _HEAD)[0] :], size)
    if known is None:
        raise PayloadError(f"mode {mode}: needs the reference mask that it was encoded with")
    if head[_HEAD : _HEAD + _REFERENCE] != _mask_crc(known):
        raise PayloadError(f"mode {mode}: encoded with another reference mask than the one given")
    if mode is MaskMode.KNOWN:
        return known.copy()
    return decode_delta(head[_read_length(head, _HEAD + _REFERENCE)[0] :], known)
