"""Codebooks: the best by enumeration, the two conditions of an optimum, and as many levels as are needed."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fedss_opt import OptionError
from fedss_opt.sharing.quantisers import Codebook, adaptive, lloyd_max, quantile, uniform

from .. import naive_sharing as naive
from ..strategies import decades

EPS = 2.0**-53

NUMBERS = st.one_of(st.integers(-4, 4).map(float), st.floats(-1.0, 1.0))
SAMPLES = st.lists(NUMBERS, min_size=1, max_size=12)
LEVELS = st.integers(1, 6)


def slack(samples) -> float:
    """What rounding can do to a mean square error.

    A sample, a mean of twelve and their difference are off by twenty units of the largest sample, and each square by as
    many of twice its square.
    """
    return 100 * EPS * float(np.abs(samples).max()) ** 2


def cells_of(codebook: Codebook, samples: np.ndarray) -> list[np.ndarray]:
    index = codebook.index(samples)
    return [samples[index == i] for i in range(codebook.levels.size)]


@given(SAMPLES, LEVELS, st.data())
def test_no_codebook_is_better(samples: list[float], levels: int, data: st.DataObject) -> None:
    weights = data.draw(st.lists(decades(0.1, 10.0), min_size=len(samples), max_size=len(samples)))
    found = lloyd_max(samples, levels, weights=weights)
    best = naive.best_distortion(samples, weights, levels)
    assert float(naive.distortion(samples, weights, found.levels.tolist()) - best) <= slack(samples)
    assert found.distortion(samples, weights=weights) == pytest.approx(float(best), rel=0.0, abs=slack(samples))


@pytest.mark.parametrize("power", [1, 3, 9])
def test_no_codebook_is_better_for_many_samples(power: int) -> None:
    """Beside the dynamic programme in its plain form, in which every beginning of the last cell is tried."""
    x = np.sort(np.random.default_rng(power).random(300) ** power)
    errors = np.zeros((301, 301))
    for first, end in itertools.combinations(range(301), 2):
        errors[first, end] = ((x[first:end] - x[first:end].mean()) ** 2).sum()
    best = np.append(0.0, np.full(300, np.inf))
    for levels in range(1, 18):
        best = np.array([np.inf, *((best[:end] + errors[:end, end]).min() for end in range(1, 301))])
        # Three hundred terms of at most 1, added up in different orders.
        assert lloyd_max(x, levels).distortion(x) == pytest.approx(best[300] / 300, rel=0.0, abs=300 * EPS)


@given(st.lists(NUMBERS, min_size=1, max_size=200), LEVELS)
def test_the_conditions_of_an_optimum_hold(samples: list[float], levels: int) -> None:
    x = np.array(samples)
    codebook = lloyd_max(x, levels)
    distinct = np.unique(x)
    assert codebook.levels.size == min(levels, distinct.size)
    # Nearest level: thresholds are midway. The last bit of a midpoint depends on how it is written.
    middle = 0.5 * codebook.levels[1:] + 0.5 * codebook.levels[:-1]
    assert codebook.thresholds == pytest.approx(middle, rel=0.0, abs=4 * EPS * np.abs(x).max())
    # Centroid: 200 terms of a sum, one rounding of at most the largest sample each.
    for level, cell in zip(codebook.levels, cells_of(codebook, x), strict=True):
        assert cell.size > 0
        assert level == pytest.approx(math.fsum(cell) / cell.size, rel=0.0, abs=400 * EPS * np.abs(x).max())


@given(st.lists(NUMBERS, min_size=1, max_size=60))
def test_more_levels_never_lose(samples: list[float]) -> None:
    errors = [lloyd_max(samples, levels).distortion(samples) for levels in range(1, 9)]
    assert all(after <= before + slack(samples) for before, after in itertools.pairwise(errors))
    assert errors[0] == pytest.approx(np.var(samples), rel=1e-9, abs=slack(samples))


@given(SAMPLES, LEVELS, st.sampled_from([lloyd_max, quantile]))
def test_quantising_is_monotone_and_idempotent(samples: list[float], levels: int, fit) -> None:
    codebook = fit(samples, levels)
    assert (np.diff(codebook.levels) > 0.0).all()
    ordered = np.sort(samples)
    quantised = codebook.quantise(ordered)
    assert (np.diff(quantised) >= 0.0).all()
    assert np.array_equal(codebook.quantise(quantised), quantised)
    assert set(quantised.tolist()) == set(codebook.levels.tolist())  # no level is idle


@given(SAMPLES, LEVELS, st.randoms(use_true_random=False))
def test_the_order_of_the_samples_does_not_matter(samples: list[float], levels: int, random) -> None:
    shuffled = list(samples)
    random.shuffle(shuffled)
    for fit in (lloyd_max, quantile):
        assert np.array_equal(fit(samples, levels).levels, fit(shuffled, levels).levels)


@given(st.lists(st.tuples(NUMBERS, st.integers(0, 3)), min_size=1, max_size=8), LEVELS)
def test_a_weight_is_a_number_of_samples(pairs: list[tuple[float, int]], levels: int) -> None:
    repeated = [x for x, count in pairs for _ in range(count)]
    weights = [float(count) for _, count in pairs]
    for fit in (lloyd_max, quantile):
        weighted = fit([x for x, _ in pairs], levels, weights=weights)
        assert np.array_equal(weighted.levels, fit(repeated, levels).levels)


@given(SAMPLES, LEVELS, st.integers(-300, 250))
def test_scale_does_not_matter(samples: list[float], levels: int, power: int) -> None:
    """To the last bit for powers of two, up to 1e100; denormal samples have no factor to spare."""
    x = np.where(np.abs(samples) < 1e-100, 0.0, samples)
    scale = 2.0**power
    assert np.array_equal(lloyd_max(x * scale, levels).levels, lloyd_max(x, levels).levels * scale)


def test_samples_that_are_close_to_each_other_but_far_from_zero_are_told_apart() -> None:
    base = 1.0 + np.arange(4) * 2.0**-45
    samples = np.concatenate([base[:2], base[2:], base[2:]])
    assert lloyd_max(samples, 4).levels.tolist() == base.tolist()
    assert lloyd_max(base, 2).distortion(base) <= (2.0**-45) ** 2


def test_a_normal_density_has_the_levels_of_maxs_table() -> None:
    """Max, 1960, table 1, for N = 4: levels 0.4528 and 1.510, threshold 0.9816, distortion 0.1175."""
    grid = np.linspace(-6.0, 6.0, 4001)
    codebook = lloyd_max(grid, 4, weights=np.exp(-0.5 * grid**2))
    # The grid is 0.003 wide; the table has four digits.
    assert codebook.levels == pytest.approx([-1.510, -0.4528, 0.4528, 1.510], abs=3e-3)
    assert codebook.thresholds == pytest.approx([-0.9816, 0.0, 0.9816], abs=3e-3)
    assert codebook.distortion(grid, weights=np.exp(-0.5 * grid**2)) == pytest.approx(0.1175, abs=1e-4)


def test_uniform_levels_are_evenly_spread() -> None:
    assert uniform(5).levels.tolist() == [0.0, 0.25, 0.5, 0.75, 1.0]
    assert uniform(1).levels.tolist() == [0.5]
    assert uniform(2, low=-1.0, high=3.0).levels.tolist() == [-1.0, 3.0]
    x = np.random.default_rng(0).random(1000)
    for levels in (2, 3, 5, 9):
        assert np.abs(uniform(levels).quantise(x) - x).max() <= 0.5 / (levels - 1) + EPS


def test_cells_of_a_quantile_codebook_hold_equally_many() -> None:
    x = np.random.default_rng(1).random(1200) ** 3
    for levels in (1, 2, 3, 5, 8):
        codebook = quantile(x, levels)
        counts = np.bincount(codebook.index(x), minlength=levels)
        assert counts.tolist() == [1200 // levels] * levels
        means = [cell.mean() for cell in cells_of(codebook, x)]
        assert codebook.levels == pytest.approx(means, rel=1e-12)  # a thousand roundings of positive terms


@pytest.mark.parametrize("count", range(1, 33))
def test_as_many_quantiles_as_samples_are_the_samples(count: int) -> None:
    """Running sums of a tenth reach three tenths and more only but for rounding."""
    x = np.arange(count) + 0.5
    for weights in (None, np.full(count, 0.1)):
        assert quantile(x, count, weights=weights).levels.tolist() == x.tolist()


@pytest.mark.parametrize(("floor", "levels"), [(0.99, 2), (1.01, 1), (0.2, 2)])
def test_distortion_and_floor_are_alternatives(floor: float, levels: int) -> None:
    """One level leaves the variance, 1: the greater allowance decides, not both together."""
    assert adaptive([-1.0, 1.0], distortion=0.9, floor=floor).levels.size == levels


@given(SAMPLES, decades(1e-4, 1.0), st.integers(1, 8))
def test_the_number_of_levels_is_the_least_that_reaches_the_distortion(
    samples: list[float], fraction: float, most: int
) -> None:
    codebook = adaptive(samples, max_levels=most, distortion=fraction, floor=1e-9)
    count, accepted = codebook.levels.size, max(fraction * float(np.var(samples)), 1e-9)
    assert count <= most
    if count < min(most, len(set(samples))):
        assert codebook.distortion(samples) <= accepted + slack(samples)
    if count > 1:
        assert lloyd_max(samples, count - 1).distortion(samples) >= accepted - slack(samples)
    assert np.array_equal(codebook.levels, lloyd_max(samples, count).levels)


@pytest.mark.parametrize("kind", ["lloyd_max", "uniform", "quantile"])
def test_every_kind_adapts(kind: str) -> None:
    x = np.random.default_rng(2).random(500)
    counts = [adaptive(x, kind=kind, distortion=d, max_levels=32).levels.size for d in (1.0, 0.1, 0.02, 0.005)]
    assert counts == sorted(counts)
    assert counts[0] <= 2  # the mean of these samples is not 1/2, where a single uniform level is
    assert counts[-1] > 10  # 1/L^2 at best
    report = adaptive(x, kind=kind, distortion=0.02, max_levels=32).report(x)
    assert report.relative_distortion <= 0.02
    assert report.distortion == pytest.approx(report.relative_distortion * np.var(x))
    assert report.entropy_bits <= math.log2(report.levels) + 1e-12 <= report.bits + 1e-12


def test_samples_that_are_all_but_equal_need_one_level() -> None:
    assert adaptive([0.5, 0.5001, 0.4999]).levels == pytest.approx([0.5])
    assert adaptive([0.5, 0.5001, 0.4999], floor=0.0, distortion=0.0).levels.size == 3


@pytest.mark.parametrize("kind", ["lloyd_max", "uniform", "quantile"])
def test_no_samples_and_one(kind: str) -> None:
    assert adaptive([], kind=kind).levels.size == 1
    codebook = adaptive([0.5], kind=kind)
    assert codebook.levels.tolist() == [0.5]
    report = codebook.report([])
    assert (report.distortion, report.relative_distortion, report.bits, report.entropy_bits) == (0.0, 0.0, 0, 0.0)


def test_bits_and_entropy() -> None:
    assert [uniform(levels).bits for levels in (1, 2, 3, 4, 5, 8, 9)] == [0, 1, 2, 2, 3, 3, 4]
    codebook = uniform(4)
    assert codebook.entropy_bits([0.0, 1 / 3, 2 / 3, 1.0]) == pytest.approx(2.0)
    assert codebook.entropy_bits([0.0, 0.0, 0.0, 1.0], weights=[0, 0, 1, 1]) == pytest.approx(1.0)
    assert codebook.entropy_bits([0.3, 0.3]) == 0.0


def test_shapes_are_kept_and_thresholds_go_down() -> None:
    codebook = Codebook([0.0, 1.0, 3.0])
    assert codebook.quantise([[0.5, 2.0], [2.1, -7.0]]).tolist() == [[0.0, 1.0], [3.0, 0.0]]
    assert codebook.index(0.9) == 1
    with pytest.raises(ValueError, match="read-only"):
        codebook.levels[0] = 1.0


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: lloyd_max([0.1], 0), "levels = 0: must be an integer >= 1"),
        (lambda: lloyd_max([0.1], 2.0), "levels = 2.0: must be an integer >= 1"),
        (lambda: lloyd_max([0.1, np.nan], 2), r"samples\[1\] = nan: must be finite"),
        (lambda: lloyd_max([1e101], 2), r"samples\[0\] = 1e\+101: must be finite, at most 1e\+100"),
        (lambda: lloyd_max(["a"], 2), "samples: dtype <U1; must be of real numbers"),
        (lambda: lloyd_max([0.1], 2, weights=[1, 2]), r"weights: shape \(2,\)"),
        (lambda: lloyd_max([0.1], 2, weights=[-1]), "weights: .* least -1; must be .* all >= 0"),
        (lambda: quantile([np.inf], 2), r"samples\[0\] = inf"),
        (lambda: uniform(2, low=1.0, high=1.0), r"high = 1.0: must be a number in \(1, 1e\+100\]"),
        (lambda: adaptive([0.1], kind="vector"), "kind = 'vector': must be one of 'lloyd_max', 'uniform', 'quantile'"),
        (lambda: adaptive([0.1], distortion=-1.0), r"distortion = -1.0: must be a number in \[0, inf\)"),
        (lambda: adaptive([0.1], floor=math.nan), r"floor = nan: must be a number in \[0, inf\)"),
        (lambda: adaptive([0.1], max_levels=0), "max_levels = 0: must be an integer >= 1"),
        (lambda: Codebook([]), r"levels = \[\]: must be one or more increasing numbers"),
        (lambda: Codebook([1.0, 1.0]), "levels = .*: must be one or more increasing numbers"),
        (lambda: Codebook([0.0, 1.0], [2.0]), r"thresholds = \[2.0\]: each must be from one level to below the next"),
        (lambda: Codebook([0.0, 1.0], []), r"thresholds: shape \(0,\); must be \(1,\)"),
        (lambda: uniform(2).quantise([np.nan]), r"samples\[0\] = nan"),
    ],
)
def test_what_cannot_be_quantised_is_refused(call, message: str) -> None:
    with pytest.raises(OptionError, match=message):
        call()
