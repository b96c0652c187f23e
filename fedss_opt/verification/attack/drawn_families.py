"""Families of problems that nobody chose to be nice: each puts one weak spot of solvers under load.

A family draws the fields of a `Problem`. All of them start from a plain cell and bend it: requirements that need
everybody, sums that are exact, ties, twelve decades, limits that fill the carrier to the last bit.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from ...array_types import FloatArray
from ...exceptions import ProblemError
from ...problem import Problem

__all__ = ["FAMILIES", "draw_problem"]

Generator = np.random.Generator
Fields = dict[str, Any]
Family = Callable[[Generator, int, int], Fields]
Bend = Callable[[Generator, int, int, Fields], None]

_LN2 = math.log(2.0)


def _decades(rng: Generator, low: float, high: float, n: int) -> FloatArray:
    """N numbers from `low` to `high`, even on the scale of logarithms."""
    return np.exp(rng.uniform(math.log(low), math.log(high), n))


def _one(rng: Generator, *options: Any) -> Any:
    return options[int(rng.integers(len(options)))]


def _cell(rng: Generator, n: int, k: int) -> Fields:
    """Draw an everyday cell: one decade of payloads, two of channels; some of it rounded, so that there are ties."""
    payload, cn0 = _decades(rng, 4e5, 4e6, n), _decades(rng, 1e6, 1e8, n)
    if rng.random() < 0.5:
        payload, cn0 = np.round(payload, -5), np.round(cn0, -6)
    relevance = rng.random((k, n)) * (rng.random((k, n)) < 0.8)
    if rng.random() < 0.4:
        steps = int(_one(rng, 1, 2, 3, 10, 15))
        relevance = np.ceil(relevance * steps) / steps
    share = rng.uniform(0.2, 0.8, k)
    return {
        "payload_bits": payload,
        "cn0_hz": cn0,
        "bandwidth_hz": float(_one(rng, 1e6, 5e6, 2e7)),
        "relevance": relevance,
        "required": relevance.sum(axis=1) * share,
        "compute_s": _one(rng, np.zeros(n), np.round(rng.gamma(2.0, 0.2, n), 2)),
    }


FAMILIES: dict[str, Family] = {}
"""Family -> what draws the fields of a member from a generator, a number of clients and a number of tasks."""


def _family(name: str, *starts: Family) -> Callable[[Bend], Family]:
    """Return a decorator that makes a family of what bends an everyday cell, or a member of one of other families."""

    def add(bend: Bend) -> Family:
        def draw(rng: Generator, n: int, k: int) -> Fields:
            start = _cell if not starts else starts[0] if len(starts) == 1 else starts[int(rng.integers(len(starts)))]
            fields = start(rng, n, k)
            bend(rng, n, k, fields)
            return fields

        FAMILIES[name] = draw
        return draw

    return add


def _even_upload_s(fields: Fields) -> FloatArray:
    """Upload times on an even share of the carrier, s."""
    share = fields["bandwidth_hz"] / max(len(fields["payload_bits"]), 1)
    cn0 = fields["cn0_hz"]
    seconds: FloatArray = fields["payload_bits"] * _LN2 / (share * np.log1p(cn0 / share))
    return seconds


@_family("forced tasks")
def _forced(rng: Generator, n: int, k: int, fields: Fields) -> None:
    """One task, or several, that needs all it can get, or all but its least; others beside it."""
    relevance, required = fields["relevance"], fields["required"]
    # Members of a task that needs them all are alike and serve it alone, or are as others are.
    apart = rng.random() < 0.5
    for row in range(int(rng.integers(1, k + 1)) if k else 0):
        members = rng.random(n) < rng.uniform(0.6 if apart and row == 0 else 0.2, 1.0)
        if apart:
            relevance[:, members] = 0.0
            fields["payload_bits"][members] = 1e6
            fields["cn0_hz"][members] = 1e7
        relevance[row] = members * _one(rng, 1.0, 0.1, 1 / 3, np.round(rng.random(n), 2) + 0.01, rng.random(n) + 0.01)
        offers = relevance[row][members]
        total = math.fsum(offers.tolist())
        least = float(offers.min(initial=total))
        short = _one(rng, 0.0, 0.0, 1e-13, 1e-12, 1e-11, 1e-6, 0.5 * least / max(total, 1e-9), least / max(total, 1e-9))
        required[row] = _one(rng, total, float(offers.sum()), total * (1.0 - short), total - least)
    if apart:
        offer = relevance.sum(axis=1)
        required[:] = np.where(required > offer, offer * rng.uniform(0.3, 0.9), required)


@_family("one task each")
def _one_task_each(rng: Generator, n: int, k: int, fields: Fields) -> None:
    """Let every client serve one task alone: the table of relevance is block diagonal."""
    owner = rng.integers(0, max(k, 1), n)
    relevance = (owner == np.arange(k)[:, None]) * (rng.random(n) + 0.01)
    if rng.random() < 0.3:  # a few clients join the blocks
        relevance[:, rng.random(n) < 0.2] = 0.5
    fields["relevance"] = relevance
    fields["required"] = relevance.sum(axis=1) * _one(rng, 0.5, rng.uniform(0.1, 1.0, k), 1.0)


@_family("exact sums")
def _exact_sums(rng: Generator, n: int, k: int, fields: Fields) -> None:
    """Require what some selection meets exactly, in decimals that no float holds, or a few ulp more."""
    unit = float(_one(rng, 0.1, 0.01, 1 / 3, round(1 / 3, 10), 0.7, 1.0))
    relevance = rng.integers(0, 8, (k, n)) * unit
    if rng.random() < 0.3:
        relevance = np.round(relevance, int(_one(rng, 4, 10)))
    fields["relevance"] = relevance
    for row in range(k):
        some = relevance[row][rng.random(n) < rng.uniform(0.3, 0.9)]
        exact = _one(rng, math.fsum(some.tolist()), float(np.cumsum(some)[-1]) if some.size else 0.0)
        off = _one(rng, 0.0, 0.0, 2.0**-52, -(2.0**-52), 1e-12, 2e-12, 1e-10, -1e-10)
        fields["required"][row] = exact * (1.0 + off)


@_family("lexicographic")
def _lexicographic(rng: Generator, n: int, k: int, fields: Fields) -> None:
    """Relevance in powers of two (or another base): each client outweighs all smaller ones together."""
    base = float(_one(rng, 2.0, 2.0, 1.5, 3.0, 10.0))
    power = np.array([rng.permutation(n) for _ in range(k)]).reshape(k, n) % 50
    relevance = base ** (-power.astype(float)) * (2.0 if rng.random() < 0.5 else 1.0)
    fields["relevance"] = np.maximum(relevance, 1e-30)
    chosen = rng.random(n) < 0.5
    fields["required"] = relevance[:, chosen].sum(axis=1) * float(_one(rng, 1.0, 1.0, 1.0 + 2.0**-50, 1.0 - 2.0**-40))


@_family("near-equal tasks")
def _near_equal_tasks(rng: Generator, n: int, k: int, fields: Fields) -> None:
    """Make tasks that are one task, nearly: duplicates, scaled copies, noise of 1e-3 to 1e-12."""
    relevance, required = fields["relevance"], fields["required"]
    for row in range(1, k):
        noise = float(_one(rng, 0.0, 1e-3, 1e-6, 1e-9, 1e-12))
        scale = float(_one(rng, 1.0, 2.0, 3.0, 1e-3))
        relevance[row] = relevance[0] * scale * (1.0 + noise * rng.random(n))
        required[row] = required[0] * scale * (1.0 + noise * float(rng.random()))


@_family("ties")
def _ties(rng: Generator, n: int, k: int, fields: Fields) -> None:
    """Few kinds of clients: equal channels, equal payloads, equal relevance."""
    kinds = int(rng.integers(1, 4))
    kind = rng.integers(0, min(kinds, max(n, 1)), n) if n else np.zeros(0, dtype=int)
    for name in ("payload_bits", "cn0_hz", "compute_s"):
        fields[name] = fields[name][kind]
    if rng.random() < 0.7:
        fields["relevance"] = fields["relevance"][:, kind]
        fields["required"] = fields["relevance"].sum(axis=1) * rng.uniform(0.2, 1.0, k)


@_family("twelve decades")
def _twelve_decades(rng: Generator, n: int, k: int, fields: Fields) -> None:
    """Twelve decades within one cell; relevance over as many now and then."""
    fields["payload_bits"] = _decades(rng, 1.0, 1e12, n)
    fields["cn0_hz"] = _decades(rng, 1e2, 1e14, n)
    fields["bandwidth_hz"] = float(_decades(rng, 1e2, 1e12, 1)[0])
    fields["weights"] = _decades(rng, 1e-6, 1e6, n)
    if rng.random() < 0.5:
        fields["relevance"] = _decades(rng, 1e-6, 1e6, n * k).reshape(k, n)
        fields["required"] = fields["relevance"].sum(axis=1) * rng.uniform(0.0, 1.0, k)


@_family("edges 1e+-30")
def _edges(rng: Generator, n: int, k: int, fields: Fields) -> None:
    """Put one field or several at the ends of what a `Problem` accepts, 1e-30 and 1e30."""
    for name in ("payload_bits", "cn0_hz", "weights", "compute_s", "max_upload_s"):
        if rng.random() < 0.35:
            edge = float(_one(rng, 1e-30, 1e-30, 1e30, 1e30, 1e-20, 1e20))
            some = rng.random(n) < _one(rng, 0.3, 1.0)
            usual = fields.get(name, np.full(n, math.inf if name == "max_upload_s" else 1.0))
            fields[name] = np.where(some, edge, usual)
    if rng.random() < 0.3:
        fields["bandwidth_hz"] = float(_one(rng, 1e-30, 1e30))
    if rng.random() < 0.3:
        scale = float(_one(rng, 2.0**-90, 2.0**90))
        fields["relevance"] = fields["relevance"] * scale
        fields["relevance"][fields["relevance"] < 1e-30] = 0.0
        fields["required"] = fields["relevance"].sum(axis=1) * rng.uniform(0.1, 1.0, k)


@_family("full carrier")
def _full_carrier(rng: Generator, n: int, k: int, fields: Fields) -> None:
    """Least bandwidths and longest uploads that fill the carrier to the last bit, for everybody or for some."""
    some = rng.random(n) < rng.uniform(0.4, 1.0)
    if rng.random() < 0.5:
        least = rng.random(n) * 1e6
        fields["min_bandwidth_hz"] = least
        total = _one(rng, math.fsum(least[some].tolist()), float(least[some].sum()), float(sum(least[some].tolist())))
        fields["bandwidth_hz"] = max(total, 1.0)
    else:
        parts = rng.random(n) + 0.05
        band = fields["bandwidth_hz"]
        spans = band * parts / max(float(parts[some].sum()), 0.05)
        fields["max_upload_s"] = fields["payload_bits"] * _LN2 / (spans * np.log1p(fields["cn0_hz"] / spans))
        fields["max_upload_s"] *= 1.0 + float(_one(rng, 0.0, 0.0, 1e-15, 1e-12, 1e-9, -1e-15, -1e-9))
    if rng.random() < 0.5:
        fields["mandatory"] = some
    elif rng.random() < 0.5:
        fields["required"] = fields["relevance"][:, some].sum(axis=1)


@_family("limits")
def _limits(rng: Generator, n: int, k: int, fields: Fields) -> None:
    """Longest uploads, least and greatest bandwidths of ordinary size."""
    share = fields["bandwidth_hz"] / max(n, 1)
    fields["min_bandwidth_hz"] = rng.choice([0.0, 0.1, 0.5, 1.0], n) * share
    most = rng.choice([1.0, 1.5, 3.0, math.inf], n) * share
    fields["max_bandwidth_hz"] = np.maximum(most, fields["min_bandwidth_hz"])
    factor = rng.choice([0.7, 1.0, 1.5, 4.0, math.inf], n)
    fields["max_upload_s"] = factor * _even_upload_s(fields)


@_family("few blocks", _cell, _ties, _forced)
def _few_blocks(rng: Generator, n: int, k: int, fields: Fields) -> None:
    """About a block per client; widths that are no floats' fractions of the carrier."""
    _in_blocks(rng, fields, int(rng.integers(1, 2 * n + 2)))


@_family("many blocks", _cell, _ties, _limits)
def _many_blocks(rng: Generator, n: int, k: int, fields: Fields) -> None:
    _in_blocks(rng, fields, int(_one(rng, 5, 20, 100)) * max(n, 1))


def _in_blocks(rng: Generator, fields: Fields, count: int) -> None:
    if rng.random() < 0.5:
        fields["bandwidth_hz"] = count * 0.1
        fields["resource_block_hz"] = 0.1
        fields["cn0_hz"] = fields["cn0_hz"] * 1e-6
        for name in ("min_bandwidth_hz", "max_bandwidth_hz"):
            if name in fields:
                fields[name] = np.minimum(fields[name] * 1e-6, 1e30)
        fields.pop("max_upload_s", None)
    else:
        fields["resource_block_hz"] = fields["bandwidth_hz"] / (count + float(_one(rng, 0.0, 0.3, 0.999)))


@_family("slow compute")
def _slow_compute(rng: Generator, n: int, k: int, fields: Fields) -> None:
    """Local training that dwarfs the uploads, alike for everybody or not."""
    dwarf = float(_one(rng, 1e3, 1e6, 1e9, 1e12))
    fields["compute_s"] = dwarf * _one(rng, np.ones(n), rng.random(n), 1.0 + 1e-9 * rng.random(n))


@_family("flat rates", _cell, _limits, _exact_sums, _one_task_each)
def _flat(rng: Generator, n: int, k: int, fields: Fields) -> None:
    """Flat rates."""
    del fields["cn0_hz"]
    fields["spectral_efficiency"] = _one(rng, np.round(rng.uniform(0.2, 8.0, n), 1), np.ones(n), rng.uniform(0.1, 9, n))


@_family("total latency", _cell, _limits, _ties, _near_equal_tasks, _forced, _one_task_each)
def _total(rng: Generator, n: int, k: int, fields: Fields) -> None:
    """Weighted total latency."""
    fields["weights"] = _one(rng, np.ones(n), np.round(_decades(rng, 0.1, 10.0, n), 2), _decades(rng, 1e-3, 1e3, n))
    fields["objective"] = "total"


@_family("mandatory", _cell, _limits, _exact_sums)
def _mandatory(rng: Generator, n: int, k: int, fields: Fields) -> None:
    """Clients that must, and clients that cannot."""
    fields["available"] = rng.random(n) < rng.uniform(0.5, 1.0)
    fields["mandatory"] = (rng.random(n) < rng.uniform(0.0, 1.0)) & fields["available"]


@_family("infeasible by coverage")
def _infeasible_coverage(rng: Generator, n: int, k: int, fields: Fields) -> None:
    """Ask for a little more than all there is; for a little less than a little more, too."""
    for row in range(k):
        total = math.fsum(fields["relevance"][row].tolist())
        fields["required"][row] = total * (1.0 + float(_one(rng, 0.0, 1e-13, 1e-12, 1.1e-12, 2e-12, 1e-9, -0.5)))


@_family("infeasible by limits", _limits)
def _infeasible_limits(rng: Generator, n: int, k: int, fields: Fields) -> None:
    """Longest uploads and least bandwidths that leave room for few."""
    squeeze = float(_one(rng, 0.1, 0.3, 0.6))
    fields["max_upload_s"] = np.maximum(_even_upload_s(fields) * squeeze * rng.uniform(0.5, 3.0, n), 1e-6)


@_family("infeasible by whole numbers")
def _infeasible_whole(rng: Generator, n: int, k: int, fields: Fields) -> None:
    """Feasible for fractions of clients; for whole ones hardly, or not at all."""
    fields["relevance"] = np.ones((k, n)) * _one(rng, 1.0, rng.integers(1, 4, n).astype(float))
    need = rng.uniform(0.3, 0.9, k)
    fields["required"] = fields["relevance"].sum(axis=1) * need
    # Least bandwidths of which about as many fit as are needed, less a part of one.
    width = fields["bandwidth_hz"] / max(n * float(need.max(initial=0.5)), 1.0)
    fields["min_bandwidth_hz"] = np.full(n, width * float(_one(rng, 1.0, 0.98, 1.001, 0.9)))
    if rng.random() < 0.5:
        fields["min_bandwidth_hz"] *= rng.uniform(0.9, 1.1, n)


def _hardly_anything(rng: Generator, n: int, k: int) -> Fields:
    """Nobody, one client, or no task."""
    n = int(_one(rng, 0, 1, 1, 2, n))
    k = int(_one(rng, 0, 0, 1, k))
    starts = (_cell, _forced, _limits, _full_carrier)
    fields = starts[int(rng.integers(len(starts)))](rng, n, k)
    if k and rng.random() < 0.3:
        fields["required"] = np.zeros(k)
    return fields


FAMILIES["hardly anything"] = _hardly_anything


def draw_problem(family: str, rng: Generator) -> Problem:
    """Draw a member of a family: mostly small enough to enumerate, some larger, a few of a thousand clients."""
    while True:
        size = rng.random()
        least, most = (1, 10) if size < 0.65 else (11, 100) if size < 0.97 else (300, 1000)
        n = int(rng.integers(least, most + 1))
        k = int(rng.integers(1, 5) if size < 0.9 else rng.integers(5, 13))
        # A thousand clients in blocks make tables that reference solvers cannot hold, and lexicographic ones underflow.
        if n > 100 and family in ("many blocks", "lexicographic"):
            continue
        fields = FAMILIES[family](rng, n, k)
        if "objective" not in fields and rng.random() < 0.25:
            fields["objective"] = "total"
        try:
            return Problem(**fields)
        except ProblemError:  # a draw out of range: draw again
            continue
