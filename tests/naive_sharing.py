"""Slow, obvious twins of `fedss_opt.sharing`, in rational numbers: one upload and one coordinate at a time.

Written from the equations alone; nothing here is imported from the package. Masks are per upload, rounding variances
per upload and coordinate, sharing per group: the general case, to which the tests bring every special one.
"""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Sequence
from fractions import Fraction
from statistics import fmean

import numpy as np

__all__ = [
    "aggregate",
    "best_distortion",
    "clusters",
    "cosine",
    "distortion",
    "mask_likeness",
    "prune",
    "signal_to_noise",
]


def aggregate(values, task, current, group, masks, q, weights):
    """Models and weights (T, P), and contributions (T, n), as fractions."""
    tasks, parameters, n = len(current), len(group), len(values)
    models = [[Fraction(float(x)) for x in row] for row in current]
    received = [[Fraction(0)] * parameters for _ in range(tasks)]
    contribution = [[Fraction(0)] * n for _ in range(tasks)]
    for t, j in itertools.product(range(tasks), range(parameters)):
        level = [Fraction(1) if task[i] == t else Fraction(float(q[t][task[i]][group[j]])) for i in range(n)]
        enters = [level[i] * Fraction(float(weights[i])) if masks[i][j] else Fraction(0) for i in range(n)]
        total = sum(enters, Fraction(0))
        received[t][j] = total
        if total > 0:
            models[t][j] = sum(enters[i] * Fraction(float(values[i][j])) for i in range(n)) / total
            for i in range(n):
                contribution[t][i] += enters[i] / total / parameters
    return models, received, contribution


def signal_to_noise(values, task, group, masks, rounding, t, s):
    """Noise and signal of two tasks in each group, as fractions; None in a group where nothing can be compared."""
    terms: list[tuple[Fraction, Fraction] | None] = [None] * (max(group) + 1)
    for j, g in enumerate(group):
        sides = []
        for k in (t, s):
            members = [i for i in range(len(values)) if task[i] == k and masks[i][j]]
            if len(members) < 2:
                break
            x = [Fraction(float(values[i][j])) for i in members]
            mean = sum(x) / len(x)
            variance = sum((y - mean) ** 2 for y in x) / (len(x) - 1)
            variance -= sum(Fraction(float(rounding[i][j])) for i in members) / len(x)
            sides.append((mean, max(variance, Fraction(0)) / len(x)))
        if len(sides) == 2:
            noise, signal = terms[g] or (Fraction(0), Fraction(0))
            terms[g] = noise + sides[0][1] + sides[1][1], signal + (sides[0][0] - sides[1][0]) ** 2
    return terms


def mask_likeness(kind: str, first: Sequence[bool], second: Sequence[bool], members: Sequence[int]) -> float:
    """Likeness of two masks over some coordinates, by counting."""
    a, b = {j for j in members if first[j]}, {j for j in members if second[j]}
    if kind == "jaccard":
        return len(a & b) / len(a | b) if a | b else 1.0
    if kind == "hamming":
        return sum(first[j] == second[j] for j in members) / len(members) if members else 1.0
    if a == b:
        return 1.0
    x, y = [float(first[j]) for j in members], [float(second[j]) for j in members]
    if len(set(x)) == 1 or len(set(y)) == 1:
        return 0.0
    return max(0.0, _correlation(x, y))


def _correlation(x: list[float], y: list[float]) -> float:
    u, v = [a - fmean(x) for a in x], [b - fmean(y) for b in y]
    product = sum(a * b for a, b in zip(u, v, strict=True))
    return product / math.sqrt(sum(a * a for a in u) * sum(b * b for b in v))


def cosine(x: Sequence[float], y: Sequence[float]) -> float:
    """Cosine of two vectors, not below 0; 1 where both are zero and 0 where one is."""
    a, b = [Fraction(float(v)) for v in x], [Fraction(float(v)) for v in y]
    aa, bb, ab = sum(v * v for v in a), sum(v * v for v in b), sum(v * w for v, w in zip(a, b, strict=True))
    if aa == 0 or bb == 0:
        return float(aa == bb)
    return math.sqrt(ab * ab / (aa * bb)) if ab > 0 else 0.0


def distortion(samples: Sequence[float], weights: Sequence[float], levels: Sequence[float]) -> Fraction:
    """Mean square error of giving each sample the level that is nearest to it."""
    pairs = [(Fraction(float(x)), Fraction(float(w))) for x, w in zip(samples, weights, strict=True)]
    total = sum(w for _, w in pairs)
    return sum(w * min((x - Fraction(float(level))) ** 2 for level in levels) for x, w in pairs) / total


def best_distortion(samples: Sequence[float], weights: Sequence[float], levels: int) -> Fraction:
    """Least mean square error of any codebook: every division of the sorted samples into intervals is tried."""
    pairs = sorted((Fraction(float(x)), Fraction(float(w))) for x, w in zip(samples, weights, strict=True))
    total = sum(w for _, w in pairs)

    @functools.cache
    def error(first: int, end: int) -> Fraction:
        cell = pairs[first:end]
        mean = sum(x * w for x, w in cell) / sum(w for _, w in cell)
        return sum(w * (x - mean) ** 2 for x, w in cell)

    divisions = itertools.combinations(range(1, len(pairs)), min(levels, len(pairs)) - 1)
    return min(sum(error(*cell) for cell in itertools.pairwise((0, *cuts, len(pairs)))) for cuts in divisions) / total


def prune(weights: Sequence[float], mask: Sequence[bool], prunable: Sequence[bool], removed: int) -> list[bool]:
    """Remove the smallest weights one by one, of equal ones the first."""
    kept = list(mask)
    for _ in range(removed):
        candidates = [j for j in range(len(kept)) if kept[j] and prunable[j]]
        if candidates:
            kept[min(candidates, key=lambda j: (abs(weights[j]), j))] = False
    return kept


def clusters(labels: np.ndarray) -> set[frozenset[int]]:
    """The division that labels stand for, whatever they are called."""
    return {frozenset(np.flatnonzero(labels == label).tolist()) for label in set(labels.tolist())}
