"""Payloads: exact round trips, real and predicted sizes, and bytes that are no payload."""

from __future__ import annotations

import tracemalloc
import zlib
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fedss_opt import OptionError
from fedss_opt.exceptions import PayloadError
from fedss_opt.sharing import ParameterLayout
from fedss_opt.sharing.mask_codes import encode_delta, encode_mask
from fedss_opt.sharing.payload import (
    Decoded,
    MaskMode,
    decode,
    decode_many,
    encode,
    encode_many,
    payload_bits,
    size_bits,
)
from fedss_opt.sharing.values import rounding_variance
from tests import naive_sharing_codec as naive

BITS = st.sampled_from([*range(1, 17), 32])


@st.composite
def clients(draw: st.DrawFn, max_clients: int = 3) -> dict[str, object]:
    """Draw what `encode_many` takes, of any mode."""
    size = draw(st.sampled_from([0, 1, 7, 8, 9, 64, 65]) | st.integers(0, 150))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    layers = draw(st.integers(1, 4))
    layer = rng.integers(0, min(layers, max(size, 1)), size)
    scale = 10.0 ** rng.uniform(-6, 6, layers)
    values = (rng.normal(size=(draw(st.integers(1, max_clients)), size)) * scale[layer]).astype(np.float32)
    given: dict[str, object] = {"values": values, "layer": layer, "bits": draw(BITS)}
    mode = draw(st.sampled_from([None, *MaskMode]))
    given["mode"] = mode
    density = draw(st.sampled_from([0.0, 0.05, 0.3, 0.9, 1.0]))
    if mode is not MaskMode.NONE and (mode is not None or draw(st.booleans())):
        given["mask"] = rng.random(size) < density
        if mode in (MaskMode.DELTA, MaskMode.KNOWN) or draw(st.booleans()):
            change = 0.0 if mode is MaskMode.KNOWN else draw(st.sampled_from([0.0, 0.02, 0.5]))
            given["reference"] = given["mask"] ^ (rng.random(size) < change)
    return given


@settings(max_examples=300)
@given(clients(), st.integers(0, 2**32 - 1))
def test_round_trip(drawn: dict, seed: int) -> None:
    payloads = encode_many(**drawn, rng=np.random.default_rng(seed))
    layer, reference = drawn["layer"], drawn.get("reference")
    mask = drawn.get("mask", np.ones(layer.size, bool))
    for values, data, received in zip(
        drawn["values"], payloads, decode_many(payloads, layer=layer, reference=reference), strict=True
    ):
        assert received.values.dtype == np.float32
        assert received.bits == drawn["bits"]
        assert received.mode == (drawn["mode"] or received.mode)
        assert np.array_equal(received.mask, mask)
        assert not received.values[~mask].any()
        assert received.step.shape == (layer.max(initial=-1) + 1,)
        if drawn["bits"] == 32:
            assert received.values[mask].tobytes() == values[mask].tobytes()
            assert not received.step.any()
        else:
            # A step at most, but for the float32 rounding of the levels.
            assert (np.abs(received.values - values)[mask] <= 1.01 * received.step[layer[mask]]).all()
        assert_agrees_with_the_twin(data, layer, reference, received.values, mask)


def assert_agrees_with_the_twin(
    data: bytes, layer: np.ndarray, reference: np.ndarray | None, values: np.ndarray, mask: np.ndarray
) -> None:
    """Compare with what an independent reader of the format finds."""
    read, kept = naive.read_payload(data, layer.tolist(), None if reference is None else reference.tolist())
    assert kept == mask.tolist()
    for mine, theirs in zip(values, read, strict=True):
        assert abs(Fraction(float(mine)) - theirs) <= abs(theirs) / 2**24  # theirs is not rounded to float32


@given(clients(), st.integers(0, 2**32 - 1))
def test_one_by_one_gives_the_same_bytes(drawn: dict, seed: int) -> None:
    together = encode_many(**drawn, rng=np.random.default_rng(seed))
    rng = np.random.default_rng(seed)
    values = drawn.pop("values")
    assert [encode(row, **drawn, rng=rng) for row in values] == together
    options = {"layer": drawn["layer"], "reference": drawn.get("reference")}
    alone = [decode(data, **options) for data in together]
    for one, of_many in zip(alone, decode_many(together, **options), strict=True):
        assert one.values.tobytes() == of_many.values.tobytes()
        assert np.array_equal(one.step, of_many.step)


@given(clients(max_clients=1))
def test_sizes_are_known_beforehand(drawn: dict) -> None:
    data = encode_many(**drawn, rng=np.random.default_rng(0))[0]
    layer, mask, reference = drawn["layer"], drawn.get("mask"), drawn.get("reference")
    received = decode(data, layer=layer, reference=reference)
    code = {MaskMode.FULL: encode_mask, MaskMode.DELTA: lambda m: encode_delta(m, reference)}.get(received.mode)
    expected = size_bits(
        int(received.mask.sum()),
        layers=received.step.size,
        bits=drawn["bits"],
        mode=received.mode,
        mask_bytes=None if code is None else len(code(mask)),
    )
    assert payload_bits(data) == 8 * len(data) == expected


def test_what_a_real_model_takes() -> None:
    layout = ParameterLayout.dense((64, 100, 50, 10))
    values = np.random.default_rng(0).normal(size=layout.parameters).astype(np.float32)
    mask = np.random.default_rng(1).random(layout.parameters) < 0.3
    later = mask & (np.random.default_rng(2).random(layout.parameters) < 0.8)
    rng = np.random.default_rng(3)
    options = {"bits": 4, "layer": layout.layer, "rng": rng}
    overhead = {"none": 12, "full": 12 + 2, "delta": 16 + 2, "known": 16}
    for mode, kept, code, masks in [
        ("none", layout.parameters, b"", {}),
        ("full", mask.sum(), encode_mask(mask), {"mask": mask}),
        ("known", mask.sum(), b"", {"mask": mask, "reference": mask}),
        ("delta", later.sum(), encode_delta(later, mask), {"mask": later, "reference": mask}),
    ]:
        data = encode(values, **options, **masks)
        assert decode(data, layer=layout.layer, reference=mask).mode == mode
        assert len(data) == overhead[mode] + len(code) + 4 * 3 + (kept + 1) // 2


def test_known_needs_no_reference_and_full_wins_where_much_has_changed() -> None:
    values, layer = np.ones(1000, np.float32), np.zeros(1000, int)
    mask = np.arange(1000) < 10
    options = {"bits": 32, "layer": layer}
    assert encode(values, **options, mask=mask, mode="known") == encode(values, **options, mask=mask, reference=mask)
    data = encode(values, **options, mask=mask, reference=np.random.default_rng(0).random(1000) < 0.5)
    assert decode(data, layer=layer).mode is MaskMode.FULL


def test_sums_of_payloads_have_the_mean_and_variance_promised() -> None:
    rng = np.random.default_rng(0)
    layer = np.repeat([0, 1], 100)
    values = (rng.uniform(-1.0, 1.0, 200) * np.where(layer, 1e6, 1e-6)).astype(np.float32)
    payloads = encode_many(np.tile(values, (2000, 1)), bits=3, layer=layer, rng=rng)
    received = decode_many(payloads, layer=layer)
    error = np.array([r.values for r in received], dtype=np.float64) - values
    step = received[0].step[layer]
    # Standard error of a mean at most step / 2 / sqrt(2000); 5 of these happen once in 2 million times.
    assert (np.abs(error.mean(axis=0)) <= 5.0 * 0.5 * step / np.sqrt(2000)).all()
    # f (1 - f) of 200 uniform remainders: its mean is 1/6 with a standard error of 0.0745 / sqrt(200); 4 are 13 %.
    assert np.mean(error.var(axis=0) / rounding_variance(step)) == pytest.approx(1.0, rel=0.13)


def test_payloads_of_several_kinds_keep_their_order() -> None:
    layer, rng = np.arange(20) % 2, np.random.default_rng(0)
    values = rng.normal(size=(12, 20)).astype(np.float32)
    mask = rng.random(20) < 0.5
    kinds = [{"bits": 32}, {"bits": 4, "mask": mask}, {"bits": 32, "mask": mask}, {"bits": 32, "mask": ~mask}]
    payloads = [encode(row, **kinds[i % 4], layer=layer, rng=rng) for i, row in enumerate(values)]
    for i, received in enumerate(decode_many(payloads, layer=layer)):
        kept = kinds[i % 4].get("mask", np.ones(20, bool))
        assert np.array_equal(received.mask, kept)
        if i % 4 != 1:
            assert np.array_equal(received.values, np.where(kept, values[i], 0.0))
    assert decode_many([], layer=layer) == encode_many(values[:0], bits=32, layer=layer) == []


def test_decoded_arrays_are_read_only() -> None:
    received = decode(encode(np.ones(3), bits=32, layer=[0, 0, 1]), layer=[0, 0, 1])
    for array in (received.values, received.mask, received.step):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 0


# -- Bytes that are no payload ------------------------------------------------------------------------------

LAYER = np.array([0, 0, 0, 1, 1, 0, 1, 1, 0, 1, 1])
REFERENCE = np.array([1, 0, 1, 1, 0, 1, 1, 1, 0, 0, 1], bool)
MASK = REFERENCE & (np.arange(11) != 3)


def example(mode: MaskMode, bits: int = 5) -> bytes:
    given = {} if mode is MaskMode.NONE else {"mask": REFERENCE if mode is MaskMode.KNOWN else MASK}
    if mode in (MaskMode.DELTA, MaskMode.KNOWN):
        given["reference"] = REFERENCE
    rng = np.random.default_rng(0)
    return encode(rng.normal(size=11), bits=bits, layer=LAYER, mode=mode, rng=rng, **given)


def outcome(data: bytes) -> Decoded | str:
    """Return what a payload holds, or why it is none."""
    try:
        return decode(data, layer=LAYER, reference=REFERENCE)
    except PayloadError as error:
        return str(error)


def sealed(data: bytes | bytearray) -> bytes:
    """Give bytes the checksum they should have."""
    return bytes(data) + zlib.crc32(data).to_bytes(4, "little")


@pytest.mark.parametrize("bits", [1, 5, 32])
@pytest.mark.parametrize("mode", MaskMode)
def test_every_damage_is_noticed(mode: MaskMode, bits: int) -> None:
    data = example(mode, bits)
    decode(data, layer=LAYER, reference=REFERENCE)
    damaged = [data[:end] for end in range(len(data))] + [data + extra for extra in (b"\0", b"\0" * 4, data, data[-4:])]
    for place in range(len(data)):
        for bit in range(8):
            damaged.append(data[:place] + bytes([data[place] ^ 1 << bit]) + data[place + 1 :])
        damaged.append(data[:place] + bytes([data[place] ^ 0xFF]) + data[place + 1 :])
        damaged.append(data[:place] + data[place + 1 :])
    for wrong in damaged:
        with pytest.raises(PayloadError):
            decode(wrong, layer=LAYER, reference=REFERENCE)


@pytest.mark.parametrize("mode", MaskMode)
def test_mistakes_under_a_checksum_that_fits(mode: MaskMode) -> None:
    # As another encoder may make them: an error, or a payload that says something else.
    data = example(mode)[:-4]
    for place in range(len(data)):
        for byte in range(place % 3, 256, 3):
            received = outcome(sealed(data[:place] + bytes([byte]) + data[place + 1 :]))
            if isinstance(received, str):
                assert "\n" not in received
                continue
            assert received.values.shape == received.mask.shape == LAYER.shape
            assert np.isfinite(received.values).all()


@settings(max_examples=300)
@given(st.sampled_from(list(MaskMode)), st.binary(max_size=60), st.sampled_from([2, 8, 12]))
def test_any_bytes_behind_a_head(mode: MaskMode, data: bytes, kept: int) -> None:
    for whole in (data, sealed(data), sealed(example(mode)[:kept] + data)):
        received = outcome(whole)
        assert isinstance(received, Decoded) or "\n" not in received


def forged(mode: MaskMode, place: int, new: bytes, bits: int = 5) -> bytes:
    """Replace some bytes and make the checksum fit again."""
    data = bytearray(example(mode, bits)[:-4])
    data[place : place + len(new)] = new
    return sealed(data)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ("text", "a payload of type str; must be bytes"),
        (None, "a payload of type NoneType; must be bytes"),
        (np.zeros(40, np.uint8), "a payload of type ndarray; must be bytes"),
        (b"", "0 bytes; a payload has at least 12"),
        (b"{" + b"}" * 20, "begins with byte 0x7B; a payload begins with 0xF1"),
        (forged(MaskMode.NONE, 0, b"\xf2"), "version 2; this package reads version 1"),
        (example(MaskMode.NONE)[:-1], "the checksum of 26 bytes does not fit; damaged, truncated or extended"),
        (forged(MaskMode.NONE, 1, b"\x11"), "values of 17 bits; must be from 1 to 16, or 32"),
        (forged(MaskMode.NONE, 2, b"\xff\xff\xff\xff"), "made for 4294967295 parameters; this model has 11"),
        (forged(MaskMode.NONE, 6, b"\0\0"), "made for other layers than this model's"),
        (forged(MaskMode.DELTA, 8, b"\0\0\0\0"), "mode delta: encoded with another reference mask than the one given"),
        (forged(MaskMode.KNOWN, 8, b"\0\0\0\0"), "mode known: encoded with another reference mask than the one given"),
        (forged(MaskMode.FULL, 8, b"\x7f"), r"\d+ bytes; its head alone takes 140"),
        (forged(MaskMode.FULL, 8, b"\xff\xff\xff\xff\x7f"), r"\d+ bytes; its head alone takes 34359738384"),
        (forged(MaskMode.FULL, 8, b"\xff\xff\xff\xff\xff"), "the length of the mask's code has no end"),
        (forged(MaskMode.FULL, 8, b"\0"), "the mask's code is empty; it has at least one byte"),
        (forged(MaskMode.FULL, 8, b"\x01\0"), r"\d+ bytes of scales and values; 0 values of 5 bits take 8"),
        (sealed(example(MaskMode.NONE)[:-4] + b"\0"), "16 bytes of scales and values; 11 values of 5 bits take 15"),
        (sealed(example(MaskMode.KNOWN)[:10]), "14 bytes; its head alone takes 16"),
        (forged(MaskMode.NONE, 8, b"\0\0\xc0\x7f"), "a layer's scale is negative or not finite"),
        (forged(MaskMode.NONE, 8, b"\0\0\x80\xbf"), "a layer's scale is negative or not finite"),
        (forged(MaskMode.NONE, 8, b"\0\0\x80\x7f", bits=32), "a value is not finite"),
        (forged(MaskMode.NONE, 16, b"\xff\xff"), "code 31 of value 0: must be at most 30 at 5 bits"),
        (forged(MaskMode.NONE, 22, b"\xff"), "bits are set behind the last code; they must be 0"),
    ],
)
def test_messages(data: object, message: str) -> None:
    with pytest.raises(PayloadError, match=f"^{message}$"):
        decode(data, layer=LAYER, reference=REFERENCE)  # type: ignore[arg-type]
    with pytest.raises(PayloadError, match=rf"^payloads\[1\]: {message}$"):
        decode_many([example(MaskMode.NONE, 3), data], layer=LAYER, reference=REFERENCE)  # type: ignore[list-item]


def test_the_right_one_of_many_is_named() -> None:
    good, bad = example(MaskMode.NONE), forged(MaskMode.NONE, 16, b"\xff\xff")
    with pytest.raises(PayloadError, match=r"^payloads\[2\]: code 31 of value 0"):
        decode_many([good, good, bad, good], layer=LAYER)


def test_another_receiver_is_told() -> None:
    with pytest.raises(PayloadError, match="made for 11 parameters; this model has 10"):
        decode(example(MaskMode.FULL), layer=LAYER[:-1])
    with pytest.raises(PayloadError, match="made for other layers"):
        decode(example(MaskMode.FULL), layer=LAYER[::-1])
    for mode in (MaskMode.DELTA, MaskMode.KNOWN):
        with pytest.raises(PayloadError, match=f"mode {mode}: needs the reference mask"):
            decode(example(mode), layer=LAYER)
        with pytest.raises(PayloadError, match=f"mode {mode}: encoded with another reference mask"):
            decode(example(mode), layer=LAYER, reference=~REFERENCE)
    for kind in (bytearray, memoryview):
        assert np.array_equal(decode(kind(example(MaskMode.FULL)), layer=LAYER).mask, MASK)


def test_wrong_lengths_cost_no_memory() -> None:
    bombs = [
        forged(MaskMode.NONE, 2, b"\xff\xff\xff\xff"),
        forged(MaskMode.FULL, 8, b"\xff\xff\xff\xff\x7f"),
        forged(MaskMode.FULL, 8, b"\xff\xff\xff\xff\x0f"),
        forged(MaskMode.DELTA, 12, b"\xff\xff\xff\x7f"),
    ]
    for bomb in bombs:
        tracemalloc.start()
        with pytest.raises(PayloadError):
            decode(bomb, layer=LAYER, reference=REFERENCE)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < 100_000


# -- Options ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"values": np.ones((1, 3))}, r"values: has shape \(1, 3\); must have 1 dimension"),
        ({"values": [1.0, np.nan, 0.0]}, r"values\[1\] = nan: must be finite"),
        ({"values": [1, 2, 3]}, "values: dtype int64; must be float32 or float64"),
        ({"bits": 0}, "bits = 0: must be an integer from 1 to 16, or 32"),
        ({"layer": [0, 0]}, r"layer: has shape \(2,\); must be \(3,\)"),
        ({"layer": [0, 0, 3]}, r"layer\[2\] = 3: must be from 0 to 2"),
        ({"mask": [True]}, r"mask: has shape \(1,\); must be \(3,\)"),
        ({"mask": [1, 0, 1]}, "mask: dtype int64; must be bool"),
        ({"reference": np.ones(3, int)}, "reference: dtype int64; must be bool"),
        ({"reference": np.zeros(3, bool)}, "mask: missing; mode delta and a reference need one"),
        ({"mode": "full"}, "mask: missing; mode full"),
        ({"mode": "best"}, "mode = 'best': must be one of 'none', 'full', 'delta', 'known'"),
        ({"mode": "none", "mask": np.ones(3, bool)}, "mode = 'none': must be another mode"),
        ({"mode": "delta", "mask": np.ones(3, bool)}, "reference: missing; mode delta"),
        (
            {"mode": "known", "mask": np.ones(3, bool), "reference": np.array([True, False, True])},
            r"mask\[1\] differs from the reference",
        ),
        ({"rng": None}, "rng: needed for random rounding to 4 bits"),
    ],
)
def test_options_outside_the_accepted(change: dict, message: str) -> None:
    options = {"values": np.ones(3), "bits": 4, "layer": [0, 0, 1], "rng": np.random.default_rng(0), **change}
    with pytest.raises(OptionError, match=message):
        encode(**options)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"kept": -1}, "kept = -1: must be an integer >= 0"),
        ({"kept": 2.5}, "kept = 2.5: must be an integer >= 0"),
        ({"layers": True}, "layers = True: must be an integer >= 0"),
        ({"bits": 20}, "bits = 20: must be"),
        ({"mode": "half"}, "mode = 'half': must be one of"),
        ({"mode": "full"}, "mask_bytes = None: mode full needs it"),
        ({"mask_bytes": 3}, "mask_bytes = 3: mode known sends no mask"),
        ({"mode": "delta", "mask_bytes": 0}, "mask_bytes = 0: must be an integer >= 1"),
    ],
)
def test_sizes_of_what_cannot_be(options: dict, message: str) -> None:
    with pytest.raises(OptionError, match=message):
        size_bits(**{"kept": 5, "layers": 2, "bits": 4, **options})
