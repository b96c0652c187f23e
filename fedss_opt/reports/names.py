"""Where clients' names stand in a chart of few: beside their marks, clear of all others."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ..array_types import FloatArray

__all__ = ["LONGEST_PX", "MOST_NAMES", "Place", "places_of"]

MOST_NAMES = 30
"""Marks that can be named at once."""

LONGEST_PX = 96
"""A name is cut there, which is after some 14 characters."""

_CHARACTER, _LINE = 6.8, 14.0

Place = tuple[float, float, str]
"""Pixels to the right and down, and the alignment."""

_Box = tuple[float, float, float, float]


def places_of(
    x: FloatArray,
    y: FloatArray,
    radius: FloatArray,
    names: Sequence[str],
    *,
    width: float,
    height: float,
) -> list[Place | None]:
    """Find a place for every name; none where it would cover another mark or name, or leave the chart.

    A wider chart keeps the names apart: what has room at `width` has room at every larger one.

    Parameters
    ----------
    x, y : ndarray, (N,)
        Where the marks are, as shares of the width and (from the top) of the height.
    radius : ndarray, (N,)
        Of the marks, pixels.
    names : sequence of str
        As they are, cut or not.
    width, height : float
        Of the chart, pixels.

    Examples
    --------
    >>> import numpy as np
    >>> alone, wall = np.array([0.5]), np.array([1.0])
    >>> places_of(alone, alone, np.array([5.0]), ["a"], width=300, height=300)
    [(9.0, 0.0, 'left')]
    >>> places_of(wall, alone, np.array([5.0]), ["a"], width=300, height=300)
    [(-9.0, 0.0, 'right')]
    """
    at = list(zip((x * width).tolist(), (y * height).tolist(), radius.tolist(), strict=True))
    taken: list[_Box] = [(px - r, py - r, px + r, py + r) for px, py, r in at]
    found: list[Place | None] = []
    for mark, (px, py, r) in enumerate(at):
        length = min(LONGEST_PX, _CHARACTER * len(names[mark]))
        others = [box for i, box in enumerate(taken) if i != mark]
        place = None
        for dx, dy, align in _candidates(r):
            left = px + dx - {"left": 0.0, "center": 0.5, "right": 1.0}[align] * length
            box = (left, py + dy - 0.5 * _LINE, left + length, py + dy + 0.5 * _LINE)
            inside = box[0] >= 0.0 and box[1] >= -_LINE and box[2] <= width and box[3] <= height
            if inside and not any(_overlap(box, other) for other in others):
                place = (dx, dy, align)
                taken.append(box)
                break
        found.append(place)
    return found


def _candidates(radius: float) -> Iterator[Place]:
    side, row = radius + 4.0, radius + 0.5 * _LINE + 1.0
    yield from ((side, 0.0, "left"), (-side, 0.0, "right"), (0.0, -row, "center"), (0.0, row, "center"))
    yield from ((dx, dy, align) for dx, align in ((2.0, "left"), (-2.0, "right")) for dy in (-row, row))


def _overlap(one: _Box, other: _Box) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]
