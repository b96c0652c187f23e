"""Sparse sharing: payloads come back, sizes are told rightly, averages and quantisers are what they claim to be."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from importlib import import_module
from typing import Any

import numpy as np

from ..array_types import FloatArray
from .claim_record import ClaimRecord, records_of

__all__ = ["SHARING_CLAIMS", "sharing_claims"]


SHARING_CLAIMS = (
    "payloads: the mask, and what it removes is 0",
    "payloads: values without rounding come back to the bit",
    "payloads: a rounded value is at most one step off",
    "payloads: rounding is right on average: five standard deviations",
    "payloads: sizes are told beforehand",
    "payloads: a flipped bit is refused",
    "averages follow their definition",
    "lloyd_max is the best of all divisions into intervals",
    "adaptive takes the fewest levels that suffice",
)


def sharing_claims(draws: int) -> dict[str, ClaimRecord]:
    """Try every claim on so many random cases."""
    claims = records_of(SHARING_CLAIMS)
    sharing = import_module("fedss_opt.sharing")
    for case in range(draws):
        rng = np.random.default_rng([17, case])
        _payloads(sharing, rng, f"draw {case}", claims)
        _averages(sharing, rng, f"draw {case}", claims[SHARING_CLAIMS[6]])
        _quantisers(sharing, rng, f"draw {case}", claims)
    return claims


def _payloads(sharing: Any, rng: np.random.Generator, where: str, claims: dict[str, ClaimRecord]) -> None:
    masks, exact, near, right, size, damaged = (claims[name] for name in SHARING_CLAIMS[:6])
    count, layers = int(rng.integers(3, 40)), int(rng.integers(1, 4))
    layer = np.arange(count) % layers
    values = rng.standard_normal(count).astype(np.float32)
    mask, reference = rng.random(count) < 0.6, rng.random(count) < 0.6
    mask[:layers] = True
    for mode, bits in itertools.product(("none", "full", "delta", "known"), (1, 4, 11, 32)):
        told = f"{where}, {mode}, {bits} bits"
        kept = np.ones(count, dtype=bool) if mode == "none" else mask
        known = {"delta": reference, "known": mask}.get(mode)
        data = sharing.encode(
            values,
            bits=bits,
            layer=layer,
            mask=None if mode == "none" else mask,
            reference=known,
            mode=mode,
            rng=np.random.default_rng(1),
        )
        back = sharing.decode(data, layer=layer, reference=known)
        wrong = int(np.count_nonzero(back.mask != kept)) + int(np.count_nonzero(back.values[~kept]))
        masks.see(told, float(wrong))
        error = np.abs(back.values.astype(float) - values)[kept]
        if bits == 32:
            exact.see(told, float(error.max(initial=0.0)))
        else:
            step = np.asarray(back.step)[layer][kept]
            near.see(told, float((error - step * (1.0 + 1e-6)).max(initial=0.0)))
        code = {"full": lambda: sharing.encode_mask(mask), "delta": lambda: sharing.encode_delta(mask, reference)}
        length = len(code[mode]()) if mode in code else None
        told_bits = sharing.size_bits(int(kept.sum()), layers=layers, bits=bits, mode=mode, mask_bytes=length)
        size.see(told, float(abs(8 * len(data) - told_bits)))
        place = int(rng.integers(0, len(data)))
        flipped = bytes([*data[:place], data[place] ^ (1 << int(rng.integers(0, 8))), *data[place + 1 :]])
        damaged.see(f"{told}, byte {place}", _accepted(sharing, flipped, layer, known))
    codes = [sharing.decode(_rounded(sharing, values, layer, seed), layer=layer) for seed in range(200)]
    mean = np.mean([one.values.astype(float) for one in codes], axis=0)
    step = np.asarray(codes[0].step)[layer]
    # A rounded value varies by half a step at most.
    right.see(where, float((np.abs(mean - values) - 5.0 * 0.5 * step / math.sqrt(len(codes))).max()), 1e-7)


def _rounded(sharing: Any, values: Any, layer: Any, seed: int) -> bytes:
    data: bytes = sharing.encode(values, bits=3, layer=layer, rng=np.random.default_rng(seed))
    return data


def _accepted(sharing: Any, data: bytes, layer: Any, known: Any) -> float:
    try:
        sharing.decode(data, layer=layer, reference=known)
    except ValueError:
        return 0.0
    return 1.0


def _averages(sharing: Any, rng: np.random.Generator, where: str, claim: ClaimRecord) -> None:
    layout = sharing.ParameterLayout.dense((2, 2))
    parameters, tasks, n = layout.parameters, 3, 6
    values, current = rng.standard_normal((n, parameters)), rng.standard_normal((tasks, parameters))
    task, masks = rng.integers(0, tasks, n), rng.random((n, parameters)) < 0.6
    level, weights = rng.random((tasks, tasks, layout.groups)).round(1), rng.integers(1, 5, n).astype(float)
    result = sharing.aggregate(
        values, task, current=current, layout=layout, masks=masks, masks_by_task=False, sharing=level, weights=weights
    )
    worst = 0.0
    for t, j in itertools.product(range(tasks), range(parameters)):
        of = [1.0 if task[i] == t else float(level[t, task[i], layout.group[j]]) for i in range(n)]
        share = [of[i] * weights[i] * masks[i, j] for i in range(n)]
        total = math.fsum(share)
        mean = math.fsum(share[i] * values[i, j] for i in range(n)) / total if total > 0.0 else current[t, j]
        worst = max(worst, abs(float(result.models[t, j]) - mean), abs(float(result.weight[t, j]) - total))
    claim.see(where, worst, 1e-5)


def _quantisers(sharing: Any, rng: np.random.Generator, where: str, claims: dict[str, ClaimRecord]) -> None:
    best, fewest = (claims[name] for name in SHARING_CLAIMS[7:])
    samples = rng.random(int(rng.integers(4, 9))).round(2)
    weights = rng.integers(1, 4, samples.size).astype(float)
    levels = int(rng.integers(2, 5))
    error = sharing.lloyd_max(samples, levels, weights=weights).distortion(samples, weights=weights)
    best.see(where, error - min(_errors(samples, weights, levels)), 1e-12)
    accepted = 0.05 * float(np.average((samples - np.average(samples, weights=weights)) ** 2, weights=weights))
    chosen = sharing.adaptive(samples, max_levels=8, distortion=0.05, floor=0.0, weights=weights)
    count, reached = chosen.levels.size, chosen.distortion(samples, weights=weights)
    fewer = sharing.lloyd_max(samples, count - 1, weights=weights) if count > 1 else None
    miss = max(reached - accepted, 0.0)
    if fewer is not None:
        miss = max(miss, accepted - fewer.distortion(samples, weights=weights))
    fewest.see(where, miss, 1e-12)


def _errors(samples: FloatArray, weights: FloatArray, levels: int) -> Iterator[float]:
    """Yield the mean square error of every division into at most `levels` intervals."""
    order = np.argsort(samples)
    x, w = samples[order], weights[order]
    for count in range(1, min(levels, x.size) + 1):
        for cuts in itertools.combinations(range(1, x.size), count - 1):
            total = 0.0
            for low, high in itertools.pairwise((0, *cuts, x.size)):
                mean = np.average(x[low:high], weights=w[low:high])
                total += float((w[low:high] * (x[low:high] - mean) ** 2).sum())
            yield total / float(w.sum())
