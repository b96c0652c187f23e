"""Likeness of masks and directions per group: by counting, and at the ends of the scale."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fedss_opt import OptionError
from fedss_opt.sharing import ParameterLayout
from fedss_opt.sharing.similarity import cosine, hamming, jaccard, phi

from .. import naive_sharing as naive
from ..strategies import generators, mixed

EPS = 2.0**-53
MEASURES = {"jaccard": jaccard, "hamming": hamming, "phi": phi}


@st.composite
def layouts(draw: st.DrawFn) -> ParameterLayout:
    groups = draw(st.integers(1, 3))
    rng, more = draw(generators()), draw(st.integers(0, 9))
    group = np.concatenate([np.arange(groups), rng.integers(0, groups, more)])
    return ParameterLayout(np.zeros(group.size, dtype=int), group, rng.random(group.size) < 0.6)


@given(layouts(), st.integers(0, 3), st.sampled_from([0.5, 0.9, 0.0, 1.0]), generators())
@pytest.mark.parametrize("kind", MEASURES)
def test_likeness_of_masks_is_counted(
    kind: str, layout: ParameterLayout, tasks: int, density: float, rng: np.random.Generator
) -> None:
    masks = rng.random((tasks, layout.parameters)) < density
    found = MEASURES[kind](masks, layout=layout)
    assert found.shape == (tasks, tasks, layout.groups)
    for t, s, g in np.ndindex(found.shape):
        members = np.flatnonzero((layout.group == g) & layout.prunable).tolist()
        expected = naive.mask_likeness(kind, masks[t], masks[s], members)
        # Counts are exact; a quotient, or a quotient of roots, of a dozen terms in the twin.
        assert found[t, s, g] == pytest.approx(expected, rel=0.0, abs=100 * EPS)


@given(layouts(), st.integers(0, 3), st.integers(-30, 30), generators())
def test_cosines_are_those_of_the_equation(
    layout: ParameterLayout, tasks: int, power: int, rng: np.random.Generator
) -> None:
    vectors = mixed(rng, (tasks, layout.parameters), np.arange(-3.0, 4.0), (-5.0, 5.0))
    masks = rng.random((tasks, layout.parameters)) < 0.6
    found = cosine(vectors * 2.0**power, layout=layout, masks=masks)
    for t, s, g in np.ndindex(found.shape):
        common = (layout.group == g) & ((masks[t] & masks[s]) | (t == s))
        expected = naive.cosine(vectors[t, common], vectors[s, common]) if t != s else 1.0
        # A dozen terms of products that are at most the product of the lengths.
        assert found[t, s, g] == pytest.approx(expected, rel=0.0, abs=100 * EPS)


def test_cosines_survive_any_scale() -> None:
    layout = ParameterLayout.dense((1, 1))
    for scale in (1e-300, 1e-45, 1.0, 1e38, 1e300):
        found = cosine([[3 * scale, 4 * scale], [4.0, 3.0], [-3.0, -4.0], [0.0, 0.0]], layout=layout)[:, :, 0]
        assert found[0] == pytest.approx([1.0, 0.96, 0.0, 0.0], abs=1e-15)
        assert found[3].tolist() == [0.0, 0.0, 0.0, 1.0]


def test_independent_masks_have_overlap_but_no_correlation() -> None:
    parameters = 20_000
    layout = ParameterLayout(*np.zeros((2, parameters), dtype=int), np.ones(parameters, dtype=bool))
    masks = np.random.default_rng(0).random((2, parameters)) < 0.3
    # Standard deviation of a correlation of independent bits: 1/sqrt(20 000) = 0.007.
    assert phi(masks, layout=layout)[0, 1, 0] < 0.035
    assert jaccard(masks, layout=layout)[0, 1, 0] == pytest.approx(0.09 / 0.51, abs=0.02)
    assert hamming(masks, layout=layout)[0, 1, 0] == pytest.approx(0.58, abs=0.02)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda layout: jaccard([[1, 0, 1]], layout=layout),
            r"masks: shape \(1, 3\), dtype int64; must be",
        ),
        (lambda layout: phi([[True]], layout=layout), r"masks: shape \(1, 1\), dtype bool; must be \(rows, 3\)"),
        (lambda layout: hamming([[True], [True, False]], layout=layout), "masks: its rows differ in length"),
        (lambda layout: cosine([[1.0, 2.0]], layout=layout), r"vectors: shape \(1, 2\); must be \(tasks, 3\)"),
        (lambda layout: cosine([[1.0, 2.0, np.nan]], layout=layout), r"vectors\[0, 2\] = nan: must be finite"),
        (
            lambda layout: cosine(np.ones((2, 3)), layout=layout, masks=np.ones((1, 3), dtype=bool)),
            r"masks: shape \(1, 3\) where vectors have \(2, 3\)",
        ),
    ],
)
def test_what_cannot_be_compared_is_refused(call, message: str) -> None:
    with pytest.raises(OptionError, match=message):
        call(ParameterLayout.dense((2, 1)))
