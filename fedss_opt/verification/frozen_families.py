"""Frozen families of problems: generated from seeds, the same on every machine, and hashed.

Only the four operations, `random.Random.random` and decimal strings of four digits go into the data, none of
which differs between platforms. `EXPECTED` records what the data's SHA-256 should be; a run reports the hashes
of what it used, and says where they differ.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from ..problem import Problem
from .family_draws import Draw, Family, Fields, everyday
from .hard_families import HARD_FAMILIES, family_size, seed_of

__all__ = ["EXPECTED", "FAMILIES", "Instance", "family_hash", "family_size", "instances"]


@dataclass(frozen=True, kw_only=True)
class Instance:
    """One member of a family; family and number, its place there, are the whole seed."""

    family: str
    number: int
    problem: Problem

    @property
    def name(self) -> str:
        """Family and number."""
        return f"{self.family}/{self.number}"


def _easy(draw: Draw, n: int, k: int) -> Fields:
    return everyday(draw, n, k)


def _tied(draw: Draw, n: int, k: int) -> Fields:
    """Two kinds of clients and few levels of relevance."""
    fields = everyday(draw, n, k, levels=draw.one((1, 2, 3)))
    kind = np.array([draw.whole(0, 1) for _ in range(n)])
    for name in ("payload_bits", "channel"):
        fields[name] = fields[name][np.minimum(kind, n - 1)]
    fields["compute_s"], fields["weights"] = 0.0, 1.0
    return fields


def _near_infeasible(draw: Draw, n: int, k: int) -> Fields:
    """Require nearly, exactly, or just above all there is; longest uploads that almost fill the carrier."""
    fields = everyday(draw, n, k)
    for row in range(k):
        total = math.fsum(fields["relevance"][row].tolist())
        fields["required"][row] = total * draw.one((1.0, 1.0 - 1e-6, 0.95, 0.9, 1.0 + 1e-9))
    if draw.chance(0.5):
        # Even shares take this long; the factor decides whether everybody fits.
        fields["even_cap"] = draw.one((0.9, 1.05, 1.5))
    return fields


def _badly_scaled(draw: Draw, n: int, k: int) -> Fields:
    """Twelve decades in payload and channel within one cell, and other units for everything."""
    fields = everyday(draw, n, k)
    fields["payload_bits"] = draw.decades(1e0, 1e12, n)
    fields["channel"] = draw.decades(1e-4, 1e8, n)
    fields["weights"] = draw.decades(1e-3, 1e3, n)
    fields["bandwidth_hz"] *= 2.0 ** draw.whole(-20, 20)
    scale = 2.0 ** draw.whole(-20, 20)
    fields["relevance"], fields["required"] = fields["relevance"] * scale, fields["required"] * scale
    return fields


def _capped(draw: Draw, n: int, k: int) -> Fields:
    """Longest uploads, least and greatest bandwidths, clients that must or cannot."""
    fields = everyday(draw, n, k)
    fields["even_cap"] = draw.one((1.2, 2.0, 5.0))
    share = fields["bandwidth_hz"] / n
    fields["min_bandwidth_hz"] = np.array([draw.one((0.0, 0.1, 0.5)) for _ in range(n)]) * share
    fields["max_bandwidth_hz"] = np.array([draw.one((1.5, 3.0, math.inf)) for _ in range(n)]) * share
    out = np.array([draw.chance(0.1) for _ in range(n)])
    fields["available"] = ~out
    fields["mandatory"] = np.array([draw.chance(0.15) for _ in range(n)]) & ~out
    return fields


def _one_client(draw: Draw, n: int, k: int) -> Fields:
    fields = everyday(draw, 1, k, share=(0.3, 1.0))
    fields["mandatory"] = draw.chance(0.3)
    return fields


def _all_mandatory(draw: Draw, n: int, k: int) -> Fields:
    return everyday(draw, n, k) | {"mandatory": True}


def _larger(draw: Draw, n: int, k: int) -> Fields:
    return everyday(draw, 3 * n + 6, k)


def _few_blocks(draw: Draw, n: int, k: int) -> Fields:
    """Hand out about a block per client, some of them alike, and now and then fewer than must be served."""
    family: Family = draw.one((_easy, _tied, _all_mandatory))
    fields = family(draw, n, k)
    fields["blocks"] = draw.whole(1, 2 * n) + draw.one((0.0, 0.3, 0.999))
    return fields


def _many_blocks(draw: Draw, n: int, k: int) -> Fields:
    family: Family = draw.one((_easy, _tied))
    fields = family(draw, n, k)
    fields["blocks"] = draw.whole(5 * n, 15 * n) + draw.one((0.0, 0.3, 0.999))
    return fields


def _capped_blocks(draw: Draw, n: int, k: int) -> Fields:
    """Limits that fall between numbers of blocks, and on them."""
    fields = _capped(draw, n, k)
    fields["blocks"] = draw.one((2, 4, 10)) * n + draw.one((0.0, 0.0, 0.3))
    return fields


FAMILIES: dict[str, Family] = {
    "easy": _easy,
    "tied": _tied,
    "near-infeasible": _near_infeasible,
    "badly-scaled": _badly_scaled,
    "capped": _capped,
    "one-client": _one_client,
    "all-mandatory": _all_mandatory,
    "larger": _larger,
    "few-blocks": _few_blocks,
    "many-blocks": _many_blocks,
    "capped-blocks": _capped_blocks,
    **HARD_FAMILIES,
}

# First 16 digits of the SHA-256 of the data of the first 16 (quick) and 128 (full) members of each family.
EXPECTED: dict[str, dict[int, str]] = {
    "easy": {16: "eacfdb9601d883a4", 128: "1ac012b7246a6d9a"},
    "tied": {16: "e6ee021b407fd245", 128: "716ad05c017918de"},
    "near-infeasible": {16: "90bcde445400f126", 128: "f001e47c6c35aae1"},
    "badly-scaled": {16: "4ddc1158a77aa3ef", 128: "b41c5074e3b73d9d"},
    "capped": {16: "a89f51c1b546c230", 128: "305ef7299b168d4e"},
    "one-client": {16: "9413c14aea7d7b4b", 128: "b845fd9a63c633c1"},
    "all-mandatory": {16: "f91a4e7526e60df2", 128: "53dcbc1eb3aeacfd"},
    "larger": {16: "a7db23d346530789", 128: "c1a587f189202c37"},
    "few-blocks": {16: "0dc9cd665ac695ab", 128: "1e039b13b3429cfe"},
    "many-blocks": {16: "e38c137d9d42ac9a", 128: "400ad7ffcf69a44e"},
    "capped-blocks": {16: "01e868d82242d74a", 128: "9a8f297015315221"},
    "local-optima": {16: "049d5db2d90323fa", 128: "cb25c70b7f37818d"},
    "larger-optima": {16: "92ff51b3090316f7", 128: "92ff51b3090316f7"},
    "forced": {16: "f594ba18d8ca2b84", 128: "42fa7e5cb1f4107d"},
    "one-task-each": {16: "aefa9976db80248f", 128: "6fa22385eaa21d77"},
    "copies": {16: "a18a2f3b1217de53", 128: "0a72bf0e335a5a10"},
}


def _member(family: str, number: int) -> Problem:
    seed = seed_of(family, number)
    draw = Draw(f"fedss_opt/{family}/{seed}")
    objective = ("makespan", "total")[seed % 2]
    flat = seed // 2 % 2 == 1
    n, k = draw.whole(2, 12), draw.whole(1, 4)
    if objective == "total":
        n = min(n, 10)
    fields = FAMILIES[family](draw, n, k)
    channel = fields.pop("channel")
    n = len(channel)
    share = fields["bandwidth_hz"] / n
    cap = fields.pop("even_cap", None)
    if "blocks" in fields:
        fields["resource_block_hz"] = fields["bandwidth_hz"] / fields.pop("blocks")
    if flat:
        # 0.1 to 8 bit/s/Hz: a saturating map of the channel by the four operations alone.
        fields["spectral_efficiency"] = efficiency = 0.1 + 8.0 * channel / (channel + 20.0)
    else:
        fields["cn0_hz"] = channel * share
        efficiency = channel / (0.5 + 0.25 * channel)  # of the right order, which is enough for a cap
    if cap is not None:
        even = fields["payload_bits"] / (efficiency * share)
        fields["max_upload_s"] = np.array([cap * t if draw.chance(0.7) else math.inf for t in even])
    return Problem(objective=objective, **fields)


def instances(family: str, count: int) -> Iterator[Instance]:
    """Yield the first `count` members of a family, or all it has; objectives and rate models take turns.

    Examples
    --------
    >>> [str(i.problem.rate_model) for i in instances("easy", 4)]
    ['shannon', 'shannon', 'flat', 'flat']
    """
    for number in range(family_size(family, count)):
        yield Instance(family=family, number=number, problem=_member(family, number))


def family_hash(family: str, count: int) -> str:
    """Return the SHA-256 of the data of the first `count` members: names, shapes and IEEE 754 bytes of all fields."""
    digest = hashlib.sha256()
    for instance in instances(family, count):
        digest.update(instance.name.encode())
        for name in _HASHED:
            value = getattr(instance.problem, name)
            if value is None:
                continue
            data = np.asarray(value)
            if data.dtype.kind == "U":
                digest.update(f"{name}={value}".encode())
            else:
                digest.update(f"{name}{data.shape}".encode() + data.astype("<f8").tobytes())
    return digest.hexdigest()


_HASHED = (
    *("objective", "bandwidth_hz", "payload_bits", "cn0_hz", "spectral_efficiency", "compute_s", "max_upload_s"),
    *("min_bandwidth_hz", "max_bandwidth_hz", "weights", "relevance", "required", "mandatory", "available"),
    "resource_block_hz",
)
