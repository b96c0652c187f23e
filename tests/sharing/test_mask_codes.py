"""Masks in bytes: exact round trips, lengths beside the entropy, and bytes that are no mask."""

from __future__ import annotations

import itertools
import sys
import tracemalloc
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fedss_opt import OptionError
from fedss_opt.exceptions import PayloadError
from fedss_opt.scenarios.draws import generator
from fedss_opt.sharing.mask_codes import MaskCode, decode_delta, decode_mask, encode_delta, encode_mask
from tests import naive_sharing_codec as naive

VARYING = [MaskCode.BITMAP, MaskCode.ENTROPY, MaskCode.INDICES]


@st.composite
def masks(draw: st.DrawFn, max_size: int = 300) -> np.ndarray:
    """Draw a mask of any density, its kept positions scattered or in runs."""
    size = draw(st.sampled_from([0, 1, 2, 7, 8, 9, 63, 64, 65, 128, 200]) | st.integers(0, max_size))
    density = draw(st.sampled_from([0.0, 1.0, 0.5, 0.3, 0.9, 0.02, 0.98]))
    run = draw(st.sampled_from([1, 1, 10]))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    return np.repeat(rng.random(size // run + 1) < density, run)[:size]


@settings(max_examples=300)
@given(masks(), st.sampled_from([None, *VARYING]))
def test_round_trip_in_every_code(mask: np.ndarray, code: MaskCode | None) -> None:
    data = encode_mask(mask, code=code)
    decoded = decode_mask(data, mask.size)
    assert decoded.dtype == np.bool_
    assert np.array_equal(decoded, mask)
    assert naive.read_mask(data, mask.size) == mask.tolist()


@given(masks())
def test_the_entropy_code_agrees_with_its_twin(mask: np.ndarray) -> None:
    assert encode_mask(mask, code="entropy") == naive.write_entropy_code(mask.tolist())


def test_places_of_blocks_count_from_the_first() -> None:
    for weight in range(7):
        blocks = [b for b in itertools.product([False, True], repeat=6) if sum(b) == weight]
        assert sorted(map(naive.place, blocks)) == list(range(len(blocks)))


@given(masks())
def test_the_default_is_the_shortest(mask: np.ndarray) -> None:
    constant = [MaskCode.CONSTANT] if mask.all() or not mask.any() else []
    lengths = [len(encode_mask(mask, code=code)) for code in VARYING + constant]
    assert len(encode_mask(mask)) == min(lengths)


@pytest.mark.parametrize("size", [1000, 12_000, 100_001])
@pytest.mark.parametrize("density", [0.001, 0.01, 0.05, 0.1, 0.3, 0.5, 0.8, 0.99])
def test_length_against_entropy(size: int, density: float) -> None:
    mask = generator(0, f"mask {size} {density}").random(size) < density
    bits, least = 8 * len(encode_mask(mask, code="entropy")), naive.entropy(mask.tolist())
    # The code takes the entropy but for 2^-32 per weight, then its head (two bits and a number up to the size) and at
    # most two bits for the interval's position, each rounded up to bytes.
    head = 8 * ((2 + size.bit_length() + 7) // 8)
    assert least <= bits <= least * (1.0 + 1e-4) + head + 2 + 8
    assert 8 * len(encode_mask(mask)) <= bits


def test_order_is_made_use_of() -> None:
    even, run = np.zeros(12_000, bool), np.zeros(12_000, bool)
    even[::16] = run[5000:5040] = True
    # Gaps of 15 in 5 bits at most (4 and the end of an empty unary part), behind 3 bytes of head; two parts of whole
    # bytes. The entropy of as many scattered positions is 506 bytes.
    assert len(encode_mask(even)) <= 3 + 5 * 750 / 8 + 2
    # 40 positions, scattered, would have an entropy of 387 bits; in two blocks they take at most 2 (33 + 61).
    assert 8 * len(encode_mask(run)) <= 16 + 2 * (33 + 61) + 10
    for mask, kind in ((even, 3), (~even, 3), (run, 2), (~run, 2)):
        assert encode_mask(mask)[0] % 4 == kind
        assert np.array_equal(decode_mask(encode_mask(mask), mask.size), mask)


@pytest.mark.parametrize("fill", [False, True])
@pytest.mark.parametrize("size", [0, 1, 64, 12_000])
def test_a_constant_mask_takes_a_byte(size: int, fill: bool) -> None:
    mask = np.full(size, fill)
    assert len(encode_mask(mask)) == 1
    assert np.array_equal(decode_mask(encode_mask(mask), size), mask)


@given(masks(), st.data())
def test_deltas(mask: np.ndarray, data: st.DataObject) -> None:
    changed = np.random.default_rng(data.draw(st.integers(0, 99))).random(mask.size) < data.draw(st.floats(0.0, 1.0))
    delta = encode_delta(mask ^ changed, mask)
    assert delta == encode_mask(changed)
    assert np.array_equal(decode_delta(delta, mask), mask ^ changed)


def test_an_unlikely_arrangement_round_trips() -> None:
    # Blocks of 64 kept among many of none: weights of the least probability, and the widest intervals of others.
    for size, run in ((64 * 200, 64), (64 * 200 + 5, 5)):
        mask = np.zeros(size, bool)
        mask[-run:] = True
        for code in VARYING:
            assert np.array_equal(decode_mask(encode_mask(mask, code=code), size), mask)


def calls(run: Callable[[], object]) -> int:
    """How many functions Python calls, its own and those of C, while something runs."""
    seen = 0

    def count(frame: object, event: str, argument: object) -> None:
        nonlocal seen
        seen += event in ("call", "c_call")

    before = sys.getprofile()
    sys.setprofile(count)
    try:
        run()
    finally:
        sys.setprofile(before)
    return seen


def test_the_work_grows_with_the_blocks_and_not_with_the_positions() -> None:
    mask = generator(0, "million").random(100_000) < 0.3
    data = encode_mask(mask)
    assert np.array_equal(decode_mask(data, mask.size), mask)
    # A block of 64 positions takes a handful of calls, a mask a few hundred; a call a position would be 100,000.
    blocks = -(-mask.size // 64)
    assert calls(lambda: encode_mask(mask)) < 6 * blocks + 1000
    assert calls(lambda: decode_mask(data, mask.size)) < 6 * blocks + 1000


@settings(max_examples=500)
@given(masks(), st.sampled_from(VARYING), st.data())
def test_damage_is_an_error_or_another_mask(mask: np.ndarray, code: MaskCode, data: st.DataObject) -> None:
    whole = bytearray(encode_mask(mask, code=code))
    whole[data.draw(st.integers(0, len(whole) - 1))] ^= data.draw(st.integers(1, 255))
    whole = whole[: data.draw(st.integers(0, len(whole)) | st.just(len(whole)))] + data.draw(st.binary(max_size=3))
    try:
        decoded = decode_mask(bytes(whole), mask.size)
    except PayloadError:
        return
    assert decoded.dtype == np.bool_
    assert decoded.shape == mask.shape


@given(st.binary(max_size=60), st.integers(0, 500))
def test_any_bytes_are_an_error_or_a_mask(data: bytes, size: int) -> None:
    try:
        decoded = decode_mask(data, size)
    except PayloadError:
        return
    assert decoded.shape == (size,)


@pytest.mark.parametrize("code", VARYING)
def test_no_byte_more_and_none_less(code: MaskCode) -> None:
    mask = np.random.default_rng(0).random(1000) < 0.3
    data = encode_mask(mask, code=code)
    for extra in (b"\0", b"\1", b"\0" * 8 + b"\1", b"\xff" * 40):
        with pytest.raises(PayloadError):
            decode_mask(data + extra, mask.size)
    for end in range(len(data)):
        try:
            decoded = decode_mask(data[:end], mask.size)
        except PayloadError:
            continue
        # The beginning of an entropy code may be the whole code of another mask: it is the payload that has a checksum.
        assert code is MaskCode.ENTROPY
        assert encode_mask(decoded, code=code) == data[:end]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "the mask's code is empty"),
        (b"\x08", r"mask \(constant\): 1 bytes, the first 8; must be one byte, 0 or 4"),
        (b"\0\0", r"mask \(constant\): 2 bytes"),
        (b"\x01\xff", r"mask \(bitmap\): 2 bytes; 10 positions take 3"),
        (b"\x05\xff\1", r"mask \(bitmap\): 3 bytes"),
        (b"\x01\xff\xff", r"mask \(bitmap\): bits are set behind the last position"),
        (b"\xfe\xff", r"mask \(entropy\): 2 bytes, 63 kept; must have 10 positions"),
        (b"\x0e\0", r"mask \(entropy\): ends in bytes that say nothing"),
        (b"\x0e" + b"\xff" * 24, r"mask \(entropy\): no mask has this code"),
        (b"\x0e\xff", r"mask \(entropy\): 7 positions kept where its head says 3"),
        (b"\x0e\x01", r"mask \(entropy\): its end is not that of the shortest code"),
        (b"\x03", r"mask \(indices\): 1 bytes with 0 indices"),
        (b"\x03\xff", r"mask \(indices\): 2 bytes with 255 indices; must have 10 positions"),
        (b"\x03\x02\x01", r"mask \(indices\): 1 gaps end within its bytes; must be 2"),
        (b"\xfb\x01\0\0\0\x80\x02", r"mask \(indices\): "),
        (b"\x03\x01\0\x08", r"mask \(indices\): a gap of 11; must have 10 positions"),
        (b"\x03\x01\0\x04", r"mask \(indices\): index 10; must be below 10"),
    ],
)
def test_messages(data: bytes, message: str) -> None:
    with pytest.raises(PayloadError, match=message):
        decode_mask(data, 10)


def test_what_divisions_leave_over_is_no_mask() -> None:
    shares = naive.widths(10, 10, 3)
    unit = 2**192 // sum(shares)
    width = unit * shares[3]
    for number in (unit * sum(shares[:3]) + width // 120 * 120, unit * sum(shares)):  # behind the last block, weight
        assert width % 120
        assert 2**192 % sum(shares)
        with pytest.raises(PayloadError, match="no mask has this code"):
            decode_mask(b"\x0e" + number.to_bytes(24, "big"), 10)


def test_wrong_bytes_cost_no_memory() -> None:
    size = 1000
    bombs = [
        (3 | 31 << 3).to_bytes(1, "little") + b"\xe8\x03" + b"\1" * 40,  # 1000 gaps of 31 bits each
        b"\xfb\x01\0" + b"\0\0\0\0" + b"\0" * 30 + b"\x80",  # a gap of 2^39
        (2 | 999 << 2).to_bytes(2, "little") + b"\xff" * 40,
    ]
    for bomb in bombs:
        tracemalloc.start()
        with pytest.raises(PayloadError):
            decode_mask(bomb, size)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < 1_000_000


@pytest.mark.parametrize(
    ("mask", "message"),
    [
        ([0, 1], "mask: dtype int64; must be bool"),
        ([[True]], r"mask: has shape \(1, 1\); must be a vector"),
        ([[True], [True, False]], "mask: its rows differ in length"),
    ],
)
def test_what_is_no_mask(mask: object, message: str) -> None:
    with pytest.raises(OptionError, match=message):
        encode_mask(mask)  # type: ignore[arg-type]


def test_options() -> None:
    with pytest.raises(OptionError, match="code = 'zip': must be one of 'constant', 'bitmap', 'entropy', 'indices'"):
        encode_mask([True], code="zip")
    with pytest.raises(OptionError, match="mask: is not constant"):
        encode_mask([True, False], code="constant")
    with pytest.raises(OptionError, match=r"mask: has shape \(1,\); must be \(2,\)"):
        encode_delta([True], [True, False])
