"""Relevance: against rational arithmetic, what must not change it, and what it is for tasks that are known."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from fedss_opt import OptionError
from fedss_opt.sharing import ParameterLayout
from fedss_opt.sharing.relevance import (
    MEASURES,
    Cosine,
    Jaccard,
    SignalToNoise,
    client_relevance,
    task_relevance,
)

from .. import naive_sharing as naive
from ..strategies import generators, mixed

EPS = 2.0**-53


@st.composite
def rounds(draw: st.DrawFn) -> dict[str, object]:
    """Uploads of a small round, rounded by different amounts per layer."""
    n, tasks, groups = draw(st.integers(0, 8)), draw(st.integers(1, 3)), draw(st.integers(1, 3))
    rng, size = draw(generators()), groups + draw(st.integers(0, 4))
    group = [*range(groups), *rng.integers(0, groups, size - groups)]
    layer = np.arange(size) % 2
    return {
        "tasks": tasks,
        "layout": ParameterLayout(layer, np.array(group), np.ones(size, dtype=bool)),
        "values": mixed(rng, (n, size), np.arange(-3.0, 4.0), (-10.0, 10.0)).astype(np.float32),
        "task": rng.integers(0, tasks, n),
        "masks": rng.random((n, size)) < 0.75,
        "rounding": mixed(rng, (n, int(layer.max()) + 1), [0.0, 0.1, 3.0]),
    }


def measured(a_round: dict, *, measure: SignalToNoise | None = None, **changes) -> SignalToNoise:
    data = {**a_round, **changes}
    measure = measure or SignalToNoise(data["tasks"], data["layout"])
    measure.update(
        data["values"],
        data["task"],
        masks=data["masks"],
        masks_by_task=False,
        rounding_variance=data["rounding"],
    )
    return measure


@given(rounds())
def test_signal_and_noise_are_those_of_the_equation(a_round: dict) -> None:
    found, layout, tasks = measured(a_round), a_round["layout"], a_round["tasks"]
    rounding = a_round["rounding"][:, layout.layer]
    largest = float(np.abs(a_round["values"]).max(initial=0.0)) ** 2 + 3.0
    for t in range(tasks):
        for s in range(t):
            exact = naive.signal_to_noise(
                a_round["values"], a_round["task"], layout.group.tolist(), a_round["masks"], rounding, t, s
            )
            for g, terms in enumerate(exact):
                assert found.compared[t, s, g] == (terms is not None)
                if terms is not None:
                    # Differences of means are off by 8 units of the largest value, squares of them by as many of its
                    # square; seven coordinates, and 8 uploads in a variance: fewer than 200 units in all.
                    assert abs(found.numerator[t, s, g] - float(terms[0])) <= 200 * EPS * largest
                    assert abs(found.denominator[t, s, g] - float(terms[1])) <= 200 * EPS * largest


@given(rounds(), st.sampled_from([0.5, 1.0, 2.0]))
def test_relevance_is_the_clipped_ratio(a_round: dict, kappa: float) -> None:
    measure = SignalToNoise(a_round["tasks"], a_round["layout"], kappa=kappa)
    relevance = measured(a_round, measure=measure).relevance
    assert relevance.min() >= 0.0
    assert relevance.max() <= 1.0
    assert np.array_equal(relevance, relevance.transpose(1, 0, 2))
    for t, s, g in np.ndindex(relevance.shape):
        noise, signal = kappa * measure.numerator[t, s, g], measure.denominator[t, s, g]
        if t == s:
            expected = 1.0
        elif not measure.compared[t, s, g]:
            expected = 0.0
        else:
            expected = min(noise / signal, 1.0) if signal > 0.0 else 1.0
        assert relevance[t, s, g] == expected


@given(rounds(), st.integers(-20, 20))
def test_scale_does_not_matter(a_round: dict, power: int) -> None:
    """To the last bit for powers of two, as long as nothing vanishes."""
    scale = 2.0**power
    values = a_round["values"].astype(np.float64)
    scaled = measured(a_round, values=values * scale, rounding=a_round["rounding"] * scale**2)
    assert np.array_equal(scaled.relevance, measured(a_round, values=values).relevance)


@given(rounds(), st.randoms(use_true_random=False))
def test_the_order_of_the_clients_does_not_matter(a_round: dict, random) -> None:
    order = list(range(len(a_round["task"])))
    random.shuffle(order)
    moved = {name: a_round[name][order] for name in ("values", "task", "masks", "rounding")}
    one, other = measured(a_round), measured(a_round, **moved)
    largest = float(np.abs(a_round["values"]).max(initial=0.0)) ** 2 + 3.0
    # Each is within 200 units of the exact sums.
    assert np.allclose(one.numerator, other.numerator, rtol=0.0, atol=400 * EPS * largest)
    assert np.allclose(one.denominator, other.denominator, rtol=0.0, atol=400 * EPS * largest)
    assert np.array_equal(one.compared, other.compared)


@given(rounds(), rounds())
def test_rounds_are_averaged_and_a_saved_state_continues(first: dict, second: dict) -> None:
    tasks, layout = first["tasks"], first["layout"]
    second = {**second, "tasks": tasks, "layout": layout}
    n = len(second["task"])
    second["values"] = np.resize(second["values"], (n, layout.parameters))
    second["masks"] = np.resize(second["masks"], (n, layout.parameters))
    second["rounding"] = np.resize(second["rounding"], (n, layout.layers))
    second["task"] = second["task"] % tasks
    both = SignalToNoise(tasks, layout, smoothing=0.25)
    measured(first, measure=both)
    saved = both.state
    measured(second, measure=both)
    alone, again = measured(first), measured(second)
    expected = np.where(
        alone.compared & again.compared,
        0.25 * alone.numerator + 0.75 * again.numerator,
        np.where(again.compared, again.numerator, alone.numerator),
    )
    assert np.array_equal(both.numerator, expected)
    assert np.array_equal(both.compared, alone.compared | again.compared)
    resumed = SignalToNoise(tasks, layout, smoothing=0.25)
    resumed.load_state(saved)
    measured(second, measure=resumed)
    assert np.array_equal(resumed.relevance, both.relevance)
    assert all(np.array_equal(resumed.state[name], both.state[name]) for name in both.state)


def uploads(difference: float, *, parameters: int = 20_000, clients: int = 6) -> tuple[np.ndarray, np.ndarray]:
    """Two tasks whose uploads have variance 1 in every coordinate and means that are apart."""
    values = np.random.default_rng(7).normal(size=(2 * clients, parameters))
    values[clients:] += difference
    return values, np.repeat([0, 1], clients)


@pytest.mark.parametrize("difference", [0.0, 0.5, 2.0])
def test_the_ratio_says_how_much_of_the_difference_is_noise(difference: float) -> None:
    values, task = uploads(difference)
    parameters = values.shape[1]
    layout = ParameterLayout(*np.zeros((2, parameters), dtype=int), np.ones(parameters, dtype=bool))
    measure = SignalToNoise(2, layout)
    measure.update(values, task)
    noise = 2.0 / 6.0  # expected squared difference of two means of six, beyond the true one
    ratio = measure.numerator[0, 1, 0] / measure.denominator[0, 1, 0]
    # Both are means of 20 000 independent terms whose standard deviations are at most 1.5 times their means: 1 % each.
    assert ratio == pytest.approx(noise / (noise + difference**2), rel=0.05)


def test_rounding_is_taken_out_of_the_variances() -> None:
    values, task = uploads(0.5)
    parameters = values.shape[1]
    layout = ParameterLayout(*np.zeros((2, parameters), dtype=int), np.ones(parameters, dtype=bool))
    exact, rounded, corrected = (SignalToNoise(2, layout) for _ in range(3))
    exact.update(values, task)
    # Stochastic rounding to multiples of 1.5, whose remainders are close to uniform for normal values of variance 1:
    # variance 1.5^2 / 6.
    noisy = np.floor(values / 1.5 + np.random.default_rng(8).random(values.shape)) * 1.5
    rounded.update(noisy, task)
    corrected.update(noisy, task, rounding_variance=1.5**2 / 6.0)
    plain, before, after = (measure.numerator[0, 1, 0] for measure in (exact, rounded, corrected))
    assert before / plain == pytest.approx(1.0 + 1.5**2 / 6.0, rel=0.03)
    # The cut at 0 of single coordinates biases the rest upwards by a per cent or two.
    assert after / plain == pytest.approx(1.0, rel=0.04)
    everything = SignalToNoise(2, layout)
    everything.update(noisy, task, rounding_variance=1e6)
    assert everything.relevance[0, 1, 0] == 0.0


def test_identical_models_without_noise_are_fully_relevant() -> None:
    measure = SignalToNoise(2, ParameterLayout.dense((2, 1)))
    measure.update(np.full((4, 3), 0.1), [0, 0, 1, 1])
    assert measure.relevance.tolist() == [[[1.0], [1.0]], [[1.0], [1.0]]]


def test_a_pair_needs_two_uploads_on_either_side() -> None:
    values = np.arange(15.0).reshape(5, 3)
    measure = SignalToNoise(3, ParameterLayout.dense((2, 1)))
    measure.update(values, [0, 0, 1, 2, 2])
    assert measure.seen.tolist() == [[False, False, True], [False, False, False], [True, False, False]]
    assert measure.relevance[0, 1, 0] == 0.0
    assert measure.relevance[1, 1, 0] == 1.0


def test_one_task_is_relevant_to_itself() -> None:
    for kind in MEASURES.values():
        measure = kind(1, ParameterLayout.dense((1, 1)))
        measure.update(np.zeros((0, 2)), [])
        assert measure.relevance.tolist() == [
            [
                [
                    1.0,
                ]
            ]
        ]


@pytest.mark.parametrize("name", MEASURES)
def test_measures_are_interchangeable(name: str) -> None:
    rng = np.random.default_rng(3)
    layout = ParameterLayout.dense((6, 4, 2))
    values, task = rng.normal(size=(9, layout.parameters)), np.repeat([0, 1, 2], 3)
    masks = (rng.random((3, layout.parameters)) < 0.6) | ~layout.prunable
    measure = MEASURES[name](3, layout)
    measure.update(values, task, masks=masks, masks_by_task=True, rounding_variance=0.0)
    relevance = measure.relevance
    assert relevance.shape == (3, 3, layout.groups)
    assert np.array_equal(relevance, relevance.transpose(1, 0, 2))
    assert (relevance[np.arange(3), np.arange(3)] == 1.0).all()
    assert relevance.min() >= 0.0
    assert relevance.max() <= 1.0
    other = MEASURES[name](3, layout)
    other.load_state(measure.state)
    assert np.array_equal(other.relevance, relevance)


def test_cosines_compare_means_of_what_both_keep() -> None:
    layout = ParameterLayout.dense((3, 1))
    measure = Cosine(2, layout, smoothing=0.5)
    masks = np.array([[True, True, True, True], [True, True, False, True]])
    values = np.array([[2.0, 0.0, 9.0, 1.0], [4.0, 0.0, 9.0, 1.0], [0.0, 3.0, 5.0, 1.0]])
    measure.update(values, [0, 0, 1], masks=masks, masks_by_task=True)
    once = naive.cosine([3.0, 0.0, 1.0], [0.0, 3.0, 1.0])
    assert measure.relevance[0, 1, 0] == pytest.approx(once, rel=8 * EPS)
    measure.update([[1.0, 1.0, 1.0, 1.0], [2.0, 2.0, 2.0, 2.0]], [0, 1])
    assert measure.relevance[0, 1, 0] == pytest.approx(0.5 * once + 0.5, rel=8 * EPS)


def test_masks_of_tasks_are_known_without_uploads_and_those_of_clients_decide_by_majority() -> None:
    layout = ParameterLayout(np.zeros(4, dtype=int), np.zeros(4, dtype=int), np.ones(4, dtype=bool))
    measure = Jaccard(2, layout)
    by_task = np.array([[True, True, False, False], [True, False, True, False]])
    measure.update(np.zeros((0, 4)), [], masks=by_task, masks_by_task=True)
    assert measure.relevance[0, 1, 0] == pytest.approx(1 / 3)
    masks = np.array([[1, 1, 0, 0], [1, 0, 1, 0], [1, 0, 0, 0], [1, 1, 0, 0]], dtype=bool)
    measure.update(np.zeros((4, 4)), [0, 0, 0, 1], masks=masks, masks_by_task=False)
    assert measure.relevance[0, 1, 0] == pytest.approx(1 / 2)  # {0} beside {0, 1}


@given(st.integers(1, 4).flatmap(lambda t: hnp.arrays(np.float64, (t, t, 3), elements=st.floats(0.0, 1.0))))
def test_task_relevance_is_a_mean_over_groups(groups: np.ndarray) -> None:
    # Three terms and a weight: a handful of roundings of at most 1.
    assert task_relevance(groups) == pytest.approx(groups.mean(axis=2), abs=8 * EPS)
    assert task_relevance(groups, weights=[0, 2, 0]) == pytest.approx(groups[:, :, 1], abs=8 * EPS)
    ones = np.ones(groups.shape)
    assert (task_relevance(ones, weights=[0.1, 0.2, 0.3]) == 1.0).all()


def test_client_relevance_is_that_of_the_clients_task() -> None:
    tasks = np.array([[1.0, 0.2, 0.3], [0.2, 1.0, 0.6], [0.3, 0.6, 1.0]])
    assert client_relevance(tasks, [2, 0]).tolist() == [[0.3, 1.0], [0.6, 0.2], [1.0, 0.3]]
    assert client_relevance(tasks, []).shape == (3, 0)


LAYOUT = ParameterLayout.dense((1, 1))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: SignalToNoise(0, LAYOUT), "tasks = 0: must be an integer >= 1"),
        (lambda: SignalToNoise(2, LAYOUT, kappa=0.0), r"kappa = 0.0: must be a number in \(0, inf\)"),
        (lambda: SignalToNoise(2, LAYOUT, smoothing=1.0), r"smoothing = 1.0: must be a number in \[0, 1\)"),
        (lambda: SignalToNoise(2, LAYOUT).update([[np.inf, 0.0]], [0]), r"values\[0, 0\] = inf: must be finite"),
        (lambda: SignalToNoise(2, LAYOUT).update([[1.0, 0.0]], [2]), r"task\[0\] = 2: must be from 0 to 1"),
        (
            lambda: SignalToNoise(2, LAYOUT).update([[1.0, 0.0]], [0], rounding_variance=[[-1.0]]),
            r"rounding_variance: shape \(1, 1\), least -1; must be a number or \(1, 1\), all >= 0",
        ),
        (
            lambda: Cosine(2, LAYOUT).update([[1.0, 0.0]], [0], rounding_variance=[1.0]),
            r"rounding_variance: shape \(1,\)",
        ),
        (lambda: Cosine(2, LAYOUT).load_state({}), "state: has nothing; must have value, compared"),
        (
            lambda: Cosine(2, LAYOUT).load_state(Cosine(3, LAYOUT).state),
            r"state: value has shape \(3, 3, 1\); must be \(2, 2, 1\)",
        ),
        (
            lambda: Cosine(2, LAYOUT).load_state({"value": np.zeros((2, 2, 1)), "compared": np.zeros((2, 2, 1))}),
            "state: compared has dtype float64; must be bool",
        ),
        (lambda: task_relevance(np.ones((2, 2))), r"groups: shape \(2, 2\); must be \(T, T, G\)"),
        (lambda: task_relevance(np.ones((2, 2, 0))), "at least one group"),
        (lambda: task_relevance(np.ones((2, 2, 2)), weights=[0, 0]), "weights: .* all >= 0 and one > 0"),
        (lambda: client_relevance(np.ones((2, 3)), [0]), r"tasks: shape \(2, 3\); must be \(T, T\)"),
        (lambda: client_relevance(np.ones((2, 2)), [2]), r"task\[0\] = 2"),
    ],
)
def test_what_cannot_be_measured_is_refused(call, message: str) -> None:
    with pytest.raises(OptionError, match=message):
        call()
