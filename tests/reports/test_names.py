"""Names stand clear of marks and of each other, or not at all."""

from __future__ import annotations

import numpy as np
import pytest

from fedss_opt.reports.names import LONGEST_PX, places_of

WIDTH, HEIGHT = 270.0, 380.0


def _boxes(x, y, names, places, width):
    for px, py, name, place in zip(x * width, y * HEIGHT, names, places, strict=True):
        if place is not None:
            dx, dy, align = place
            length = min(LONGEST_PX, 6.8 * len(name))
            left = px + dx - {"left": 0.0, "center": 0.5, "right": 1.0}[align] * length
            yield left, py + dy - 7.0, left + length, py + dy + 7.0


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("width", [WIDTH, 400.0, 1000.0])
def test_names_are_apart_at_every_larger_width(seed, width):
    rng = np.random.default_rng(seed)
    x, y = rng.uniform(size=(2, 30))
    names = ["n" * int(length) for length in rng.integers(1, 30, 30)]
    places = places_of(x, y, np.full(30, 5.0), names, width=WIDTH, height=HEIGHT)
    boxes = list(_boxes(x, y, names, places, width))
    assert len(boxes) > 10
    for i, one in enumerate(boxes):
        assert -1e-9 <= one[0] < one[2] <= width + 1e-9
        for other in boxes[:i]:
            assert not (one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3])


def test_what_has_no_room_has_no_name():
    x = y = np.full(30, 0.5)
    places = places_of(x, y, np.full(30, 5.0), ["name"] * 30, width=WIDTH, height=HEIGHT)
    assert 0 < sum(place is not None for place in places) < 30
