"""What is given: validated once, completely, never changed; and the figures recomputed from it."""

from __future__ import annotations

import copy
import math
import pickle
import re
from fractions import Fraction
from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import fedss_opt as fo
from fedss_opt import Objective, Problem, ProblemError
from fedss_opt.client_models import MODELS
from fedss_opt.problem import coverage_target

from . import naive
from .strategies import problems, selections

EPS = float(np.finfo(float).eps)
ARRAYS = (
    "payload_bits",
    "relevance",
    "required",
    "compute_s",
    "max_upload_s",
    "min_bandwidth_hz",
    "max_bandwidth_hz",
    "weights",
    "mandatory",
    "available",
)


def build(**changes: object) -> Problem:
    fields: dict[str, object] = {
        "payload_bits": [1e6, 2e6, 3e6],
        "cn0_hz": [1e7, 2e7, 3e7],
        "bandwidth_hz": 1e6,
        "relevance": [[1.0, 0.5, 0.0], [0.0, 0.5, 1.0]],
        "required": [0.5, 1.0],
    }
    fields.update(changes)
    return Problem(**{name: value for name, value in fields.items() if value is not ...})


# -- construction --


def test_defaults() -> None:
    problem = Problem(payload_bits=[1e6, 2e6], cn0_hz=1e7, bandwidth_hz=5)
    assert (problem.n_clients, problem.n_tasks) == (2, 0)
    assert problem.bandwidth_hz == 5.0
    assert type(problem.bandwidth_hz) is float
    assert problem.cn0_hz.tolist() == [1e7, 1e7]
    assert problem.spectral_efficiency is None
    assert problem.relevance.shape == (0, 2)
    assert problem.required.shape == (0,)
    assert problem.compute_s.tolist() == [0.0, 0.0]
    assert problem.max_upload_s.tolist() == [math.inf] * 2
    assert problem.min_bandwidth_hz.tolist() == [0.0, 0.0]
    assert problem.max_bandwidth_hz.tolist() == [math.inf] * 2
    assert problem.weights.tolist() == [1.0, 1.0]
    assert problem.mandatory.tolist() == [False, False]
    assert problem.available.tolist() == [True, True]
    assert problem.objective is Objective.MAKESPAN
    assert problem.rate_model == "shannon"
    assert problem.client_ids is None
    assert problem.task_ids is None


def test_the_rate_model_follows_from_the_channel_data() -> None:
    assert build(cn0_hz=..., spectral_efficiency=2.0).rate_model == "flat"
    for changes, found in (({"cn0_hz": ...}, "neither"), ({"spectral_efficiency": 2.0}, "both")):
        with pytest.raises(ProblemError, match=rf"^cn0_hz, spectral_efficiency: {found} given; give exactly one"):
            build(**changes)


@pytest.mark.parametrize("objective", ["makespan", "total", Objective.TOTAL])
def test_objectives_are_accepted_by_name(objective: str) -> None:
    assert build(objective=objective).objective is Objective(objective)


@pytest.mark.parametrize("objective", ["sum", "Makespan", None, 1, ["total"]])
def test_unknown_objectives_are_refused(objective: object) -> None:
    with pytest.raises(ProblemError, match=r"^objective = .*: must be one of 'makespan', 'total'$"):
        build(objective=objective)


FIELD_ERRORS = [
    ({"payload_bits": [1e6, 0.0, 1.0]}, "payload_bits[1] = 0.0: must be a finite number (bit) > 0"),
    ({"payload_bits": math.inf}, "payload_bits = inf: must be a finite number (bit) > 0"),
    ({"payload_bits": None}, "payload_bits = None: not a number; must be a finite number (bit) > 0"),
    ({"cn0_hz": [1.0, 2.0, math.nan]}, "cn0_hz[2] = nan: must be a finite number (Hz) > 0"),
    ({"cn0_hz": -1.0}, "cn0_hz = -1.0: must be a finite number (Hz) > 0"),
    (
        {"cn0_hz": ..., "spectral_efficiency": [1.0, math.inf, 1.0]},
        "spectral_efficiency[1] = inf: must be a finite number (bit/s/Hz) > 0",
    ),
    ({"bandwidth_hz": 0}, "bandwidth_hz = 0.0: must be a finite number (Hz) > 0"),
    ({"bandwidth_hz": math.inf}, "bandwidth_hz = inf: must be a finite number (Hz) > 0"),
    ({"bandwidth_hz": math.nan}, "bandwidth_hz = nan: must be a finite number (Hz) > 0"),
    ({"bandwidth_hz": "1e6"}, "bandwidth_hz = '1e6': not a number; must be a finite number (Hz) > 0"),
    ({"bandwidth_hz": True}, "bandwidth_hz = True: not a number; must be a finite number (Hz) > 0"),
    ({"bandwidth_hz": None}, "bandwidth_hz = None: not a number; must be a finite number (Hz) > 0"),
    ({"bandwidth_hz": [1e6]}, "bandwidth_hz: has shape (1,); give a single number"),
    ({"compute_s": [0.0, -1.0, 0.0]}, "compute_s[1] = -1.0: must be a finite number (s) >= 0"),
    ({"compute_s": math.inf}, "compute_s = inf: must be a finite number (s) >= 0"),
    ({"max_upload_s": [1.0, 0.0, 1.0]}, "max_upload_s[1] = 0.0: must be a number (s) > 0, or inf"),
    ({"max_upload_s": math.nan}, "max_upload_s = nan: must be a number (s) > 0, or inf"),
    ({"min_bandwidth_hz": -1.0}, "min_bandwidth_hz = -1.0: must be a finite number (Hz) >= 0"),
    ({"min_bandwidth_hz": math.inf}, "min_bandwidth_hz = inf: must be a finite number (Hz) >= 0"),
    ({"max_bandwidth_hz": 0.0}, "max_bandwidth_hz = 0.0: must be a number (Hz) > 0, or inf"),
    ({"weights": [1.0, 1.0, 0.0]}, "weights[2] = 0.0: must be a finite number > 0"),
    ({"relevance": [[1.0, -0.5, 0.0]] * 2}, "relevance[0, 1] = -0.5: must be a finite number >= 0"),
    (
        {"relevance": [[1.0, 0.0, 0.0], [0, 0, math.inf]]},
        "relevance[1, 2] = inf: must be a finite number >= 0",
    ),
    ({"required": [0.5, -1.0]}, "required[1] = -1.0: must be a finite number >= 0"),
    ({"required": [0.5, 1e-40]}, "required[1] = 1e-40: out of range; must be 0, or 1e-30 to 1e+30"),
    ({"payload_bits": 1e300}, "payload_bits = 1e+300: out of range; must be 1e-30 to 1e+30 bit"),
    ({"max_upload_s": 1e300}, "max_upload_s = 1e+300: out of range; must be 1e-30 to 1e+30 s, or inf"),
    ({"compute_s": 1e300}, "compute_s = 1e+300: out of range; must be 0 to 1e+30 s"),
    ({"weights": 1e-99}, "weights = 1e-99: out of range; must be 1e-30 to 1e+30"),
    ({"required": math.nan}, "required = nan: must be a finite number >= 0"),
    ({"mandatory": [0, 2, 0]}, "mandatory[1] = 2: must be true or false"),
    ({"available": "yes"}, "available = 'yes': must be true or false"),
    (
        {"compute_s": [0.0, 0.0]},
        "compute_s: has 2 clients where payload_bits has 3; they must agree",
    ),
    ({"relevance": [[1.0, 0.5]] * 2}, "relevance: has 2 clients where payload_bits has 3; they must agree"),
    (
        {"payload_bits": [[1e6, 2e6, 3e6]]},
        "payload_bits: has shape (1, 3); give one value per client, shape (N,)",
    ),
    (
        {"relevance": np.ones((1, 2, 3))},
        "relevance: has shape (1, 2, 3); give (K, N), or (N,) for a single task",
    ),
    (
        {"relevance": [[1.0, 2.0, 3.0], [1.0]]},
        "relevance: its rows differ in length; give a rectangular array",
    ),
    (
        {"relevance": [1.0, 2.0, 3.0]},
        "relevance: has shape (3,); give (2, 3): one row a task, one column a client",
    ),
    ({"required": [0.5]}, "required: has shape (1,); give shape (2,) or a scalar"),
    ({"required": [[0.5, 1.0]]}, "required: has shape (1, 2); give shape (2,) or a scalar"),
    ({"required": [[1.0], [1.0, 2.0]]}, "required: its rows differ in length; give a rectangular array"),
    ({"required": ...}, "required: missing; give what each task needs, shape (K,), beside relevance"),
    ({"relevance": ...}, "required: given without relevance; give relevance of shape (K, N) too"),
    (
        {"relevance": ..., "required": [[1.0], [1.0, 2.0]]},
        "required: its rows differ in length; give a rectangular array",
    ),
    (
        {"min_bandwidth_hz": [1.0, 1000000.25, 1.0], "max_bandwidth_hz": 1000000.0},
        "min_bandwidth_hz[1] = 1000000.25: must be at most max_bandwidth_hz, which is 1000000.0 there",
    ),
    (
        {"mandatory": [False, True, True], "available": [False, True, False]},
        "mandatory[2]: true where available is false; a mandatory client must be available",
    ),
    ({"client_ids": ["a", "b"]}, "client_ids: has 2 clients where payload_bits has 3; they must agree"),
    ({"client_ids": ["a", "b", "a"]}, "client_ids[2] = 'a': stands twice; names must be unique"),
    ({"client_ids": "abc"}, "client_ids = 'abc': not a list of strings"),
    ({"client_ids": ["a", "b", 3]}, "client_ids[2] = 3: not a string; give a list of strings"),
    ({"client_ids": iter("abc")}, ": not a list of strings; give"),
    ({"task_ids": ["t"]}, "task_ids: has 1 names for 2 tasks; they must agree"),
    ({"task_ids": {"t", "u"}}, ": not a list of strings; give"),
    ({"task_ids": 2}, "task_ids = 2: not a list of strings"),
]


@pytest.mark.parametrize(("changes", "message"), FIELD_ERRORS, ids=[m.split(":")[0] for _, m in FIELD_ERRORS])
def test_errors_name_field_place_value_and_remedy(changes: dict[str, object], message: str) -> None:
    with pytest.raises(ProblemError, match=re.escape(message)):
        build(**changes)


@pytest.mark.parametrize("name", [a for a in ARRAYS if a not in ("relevance", "required")])
def test_scalars_stand_for_every_client(name: str) -> None:
    value = name == "available" if name in ("mandatory", "available") else 2.5
    assert getattr(build(**{name: value}), name).tolist() == [value] * 3


def test_one_dimension_of_relevance_is_a_single_task() -> None:
    problem = build(relevance=[1.0, 0.5, 0.25], required=0.5)
    assert problem.relevance.shape == (1, 3)
    assert build(relevance=[1.0, 0.5, 0.25], required=[0.5]) == problem


def test_scalar_relevance_and_requirement() -> None:
    assert build(relevance=0.5, required=[1.0, 0.5]).relevance.tolist() == [[0.5] * 3] * 2
    assert build(relevance=0.5, required=1.0).relevance.shape == (1, 3)
    assert build(relevance=0.5, required=1.0, task_ids=["a", "b"]).relevance.shape == (2, 3)
    assert build(required=0.25).required.tolist() == [0.25, 0.25]


def test_any_array_gives_the_number_of_clients() -> None:
    plain = {"payload_bits": 1e6, "cn0_hz": 1e7, "bandwidth_hz": 1e6}
    assert Problem(**plain).n_clients == 1
    assert Problem(**plain, weights=[1.0, 2.0]).n_clients == 2
    assert Problem(**plain, available=[True, True, False]).n_clients == 3
    assert Problem(**plain, relevance=[[1.0, 2.0]], required=1.0).n_clients == 2
    assert Problem(**plain, client_ids=["a", "b"]).n_clients == 2


def test_nobody_and_nothing() -> None:
    problem = Problem(payload_bits=[], cn0_hz=[], bandwidth_hz=1.0)
    assert (problem.n_clients, problem.n_tasks) == (0, 0)
    assert problem.latency_s([], []) == problem.objective_s([], []) == 0.0
    assert problem.covers([]).shape == problem.coverage([]).shape == (0,)
    assert problem.replace(objective="total").objective_s([], 0.0) == 0.0
    tasks = Problem(payload_bits=[], cn0_hz=1.0, bandwidth_hz=1.0, relevance=np.zeros((2, 0)), required=[0.0, 1.0])
    assert (tasks.n_clients, tasks.n_tasks) == (0, 2)
    assert tasks.covers([]).tolist() == [True, False]
    with pytest.raises(ProblemError, match=re.escape("payload_bits = -1.0")):
        Problem(payload_bits=-1.0, cn0_hz=[], bandwidth_hz=1.0)  # nobody has it, wrong all the same


def test_a_requirement_out_of_reach_is_no_error() -> None:
    assert not build(required=100.0).covers([True] * 3).any()


def test_names() -> None:
    problem = build(client_ids=["a", "b", "c"], task_ids=("t", "u"))
    assert problem.client_ids == ("a", "b", "c")
    assert (problem.client_name(1), problem.task_name(1)) == ("b", "u")
    assert (build().client_name(1), build().task_name(0)) == ("1", "0")


def test_repr() -> None:
    expected = "Problem(n_clients=3, n_tasks=2, bandwidth_hz=1e+06, rate_model='shannon', objective='makespan')"
    assert repr(build()) == expected


# -- a problem does not change --


def test_the_callers_arrays_are_copied() -> None:
    payload, relevance = np.array([1e6, 2e6, 3e6]), np.asfortranarray([[1.0, 0.5, 0.0], [0.0, 0.5, 1.0]])
    mandatory = np.zeros(3, dtype=bool)
    problem = build(payload_bits=payload, relevance=relevance, mandatory=mandatory)
    payload[:], relevance[:], mandatory[:] = 7.0, 7.0, True
    assert problem == build()
    assert payload.flags.writeable


@given(problem=problems())
def test_arrays_are_clean_and_read_only(problem: Problem) -> None:
    n, k = problem.n_clients, problem.n_tasks
    for name in ARRAYS:
        value = getattr(problem, name)
        assert value.flags.c_contiguous
        assert value.dtype == (np.bool_ if name in ("mandatory", "available") else np.float64)
        assert value.shape == {"relevance": (k, n), "required": (k,)}.get(name, (n,))
        with pytest.raises(ValueError, match="read-only"):
            value[...] = 0


def test_attributes_cannot_be_set_or_deleted() -> None:
    problem = build()
    with pytest.raises(AttributeError, match=r"use problem\.replace\(bandwidth_hz=\.\.\.\)"):
        problem.bandwidth_hz = 2.0
    with pytest.raises(AttributeError, match="does not change"):
        problem.colour = "red"
    with pytest.raises(AttributeError, match="does not change"):
        del problem.weights
    with pytest.raises(TypeError, match="unhashable"):
        hash(problem)


# -- copies and comparison --


@given(problem=problems())
def test_copies_are_equal(problem: Problem) -> None:
    for protocol in range(2, pickle.HIGHEST_PROTOCOL + 1):
        assert pickle.loads(pickle.dumps(problem, protocol)) == problem
    again = copy.deepcopy(problem)
    assert again == problem
    assert copy.copy(problem) == problem
    assert problem.replace() == problem
    for name in ARRAYS:
        assert not getattr(again, name).flags.writeable
        assert not np.shares_memory(getattr(again, name), getattr(problem, name))


CHANGES = {
    "payload_bits": 5e6,
    "bandwidth_hz": 2e6,
    "cn0_hz": 5e7,
    "relevance": 1.0,
    "required": 0.25,
    "compute_s": 1.0,
    "max_upload_s": 100.0,
    "min_bandwidth_hz": 1.0,
    "max_bandwidth_hz": 5e5,
    "weights": 2.0,
    "mandatory": [True, False, False],
    "available": [True, True, False],
    "objective": "total",
    "client_ids": ["a", "b", "c"],
    "task_ids": ["t", "u"],
}


@pytest.mark.parametrize("name", CHANGES)
def test_every_field_counts_in_equality_and_can_be_replaced(name: str) -> None:
    problem = build()
    changed = problem.replace(**{name: CHANGES[name]})
    assert changed == build(**{name: CHANGES[name]})
    assert changed != problem
    assert problem == build()


def test_equality_with_other_things() -> None:
    assert build() != "a problem"
    assert (build() == None) is False  # noqa: E711 - the operator is what is tested
    flat = build(cn0_hz=..., spectral_efficiency=[1e7, 2e7, 3e7])
    assert flat != build()
    # NumPy compares strings without their trailing NULs.
    assert build(client_ids=["a", "b", "c\0"]) != build(client_ids=["a", "b", "c"])


def test_replacing_validates_anew() -> None:
    with pytest.raises(ProblemError, match=re.escape("weights[1] = -1.0")):
        build().replace(weights=[1.0, -1.0, 1.0])
    with pytest.raises(ProblemError, match=r"^bandwidth: no such field \(did you mean 'bandwidth_hz'\?\)$"):
        build().replace(bandwidth=1.0)
    with pytest.raises(ProblemError, match="both given"):
        build().replace(spectral_efficiency=2.0)
    assert build().replace(spectral_efficiency=2.0, cn0_hz=None).rate_model == "flat"
    assert build().replace(relevance=None, required=None).n_tasks == 0


# -- figures --


@settings(max_examples=60)
@given(problem=problems(min_clients=1, max_tasks=0), share=st.floats(1e-9, 1e3))
def test_rates_and_times_are_those_of_sixty_digits(problem: Problem, share: float) -> None:
    b = share * problem.bandwidth_hz
    rates, times = problem.rate_bps(b), problem.upload_s(b)
    for n in range(problem.n_clients):
        # g/b, log1p, two products and the constant: each within 1 ulp, log1p within 2.
        assert rates[n] == pytest.approx(float(naive.rate(problem, n, naive.mpf(b))), rel=6 * EPS)
        assert times[n] == pytest.approx(problem.payload_bits[n] / rates[n], rel=EPS)


def test_rates_at_the_edges_of_double_precision() -> None:
    problem = Problem(payload_bits=1.0, cn0_hz=[1e7, 1e-7], bandwidth_hz=1.0)
    assert problem.rate_bps(0.0).tolist() == [0.0, 0.0]
    assert problem.upload_s(0.0).tolist() == [math.inf, math.inf]
    for b in (5e-324, 1e-305, 1e-300, 1e30):  # g / b overflows, or adds nothing to 1
        for n, found in enumerate(problem.rate_bps(b)):
            # A subnormal result is within one subnormal; else as everywhere.
            exact = float(naive.rate(problem, n, naive.mpf(b)))
            assert found == pytest.approx(exact, rel=8 * EPS, abs=5e-324)
    flat = Problem(payload_bits=1.0, spectral_efficiency=[2.0, 3.0], bandwidth_hz=1.0)
    assert flat.rate_bps([1.0, 0.0]).tolist() == [2.0, 0.0]
    assert flat.upload_s([1.0, 0.0]).tolist() == [0.5, math.inf]


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("channel", [{"cn0_hz": [1e7, 2e7]}, {"spectral_efficiency": [1.0, 2.0]}])
def test_figures_never_warn(channel: dict[str, object]) -> None:
    problem = Problem(payload_bits=1e6, bandwidth_hz=1e6, **channel)
    for b in (0.0, 5e-324, 1e-300, 1e30, [0.0, 1e6]):
        problem.latency_s([True, True], b)
        problem.replace(objective="total").objective_s([True, True], b)


@pytest.mark.parametrize(
    ("b", "message"),
    [
        (-1.0, "bandwidth_hz = -1.0: must be a finite number (Hz) >= 0"),
        ([1.0, math.nan, 1.0], "bandwidth_hz[1] = nan: must be a finite number (Hz) >= 0"),
        (math.inf, "bandwidth_hz = inf: must be a finite number (Hz) >= 0"),
        ([1.0, 2.0], "bandwidth_hz: has shape (2,); give shape (3,) or a scalar"),
        ("1", "bandwidth_hz = '1': not a number"),
    ],
)
def test_bandwidths_that_are_none_are_refused(b: object, message: str) -> None:
    for figure in (build().rate_bps, build().upload_s, lambda b: build().latency_s([True] * 3, b)):
        with pytest.raises(ProblemError, match=re.escape(message)):
            figure(b)


def test_selections_are_masks() -> None:
    problem = build()
    for figure in (problem.covers, problem.coverage, lambda s: problem.latency_s(s, 1.0)):
        with pytest.raises(ProblemError, match=re.escape("selected[1] = 2: must be true or false")):
            figure([0, 2])
        with pytest.raises(ProblemError, match=re.escape("selected: has shape (2,); give shape (3,)")):
            figure([True, False])


@given(data=st.data(), problem=problems(min_clients=1))
def test_latency_and_objective(data: st.DataObject, problem: Problem) -> None:
    chosen = data.draw(selections(problem.n_clients))
    b = np.where(chosen, problem.bandwidth_hz / problem.n_clients, 0.0)
    ends = problem.compute_s + problem.upload_s(b)
    picked = [float(e) for e, yes in zip(ends, chosen, strict=True) if yes]
    assert problem.latency_s(chosen, b) == max(picked, default=0.0)
    assert problem.latency_s(chosen.tolist(), b) == problem.latency_s(chosen, b)
    if problem.objective is Objective.MAKESPAN:
        expected = max(picked, default=0.0)
    else:
        expected = math.fsum(
            float(w) * float(e) for w, e, yes in zip(problem.weights, ends, chosen, strict=True) if yes
        )
    # At most eight products and additions of positive numbers.
    assert problem.objective_s(chosen, b) == pytest.approx(expected, rel=10 * EPS)


@given(data=st.data(), problem=problems())
def test_coverage_is_decided_as_in_exact_arithmetic(data: st.DataObject, problem: Problem) -> None:
    chosen = data.draw(selections(problem.n_clients))
    assert bool(problem.covers(chosen).all()) == naive.covers(problem, chosen)
    # The sum of at most eight numbers >= 0.
    np.testing.assert_allclose(
        problem.coverage(chosen), (problem.relevance * chosen).sum(axis=1), rtol=10 * EPS, atol=0.0
    )


def test_coverage_at_ties() -> None:
    """Ten times 0.1 is below 1 in plain doubles and counts as 1; anything clearly less does not."""
    tenths = Problem(payload_bits=np.ones(10), cn0_hz=1.0, bandwidth_hz=1.0, relevance=0.1, required=1.0)
    assert sum([0.1] * 10) < 1.0
    assert tenths.covers([True] * 10).all()
    assert not tenths.covers([True] * 9 + [False]).any()

    target = float(tenths.coverage_target[0])
    assert Fraction(target) < 1
    assert target == pytest.approx(1.0, rel=1.001e-12)
    for r, met in ((target, True), (math.nextafter(target, 0.0), False), (math.nextafter(target, 2.0), True)):
        assert bool(tenths.replace(relevance=[[r] + [0.0] * 9]).covers([True] * 10)[0]) is met


@given(
    values=st.lists(st.integers(0, 2**40), min_size=1, max_size=12),
    shift=st.integers(-40, 40),
    off=st.integers(-2, 2),
)
def test_coverage_is_exact_within_an_ulp_of_the_target(values: list[int], shift: int, off: int) -> None:
    """The target moved by single ulps round the exact sum: no rounding of sums may change the verdict."""
    relevance = np.array(values, dtype=float) * 2.0**shift + 2.0 ** (shift - 40)
    exact = sum(map(Fraction, relevance.tolist()), Fraction(0))
    required = float(exact / Fraction(1.0 - 1e-12))
    for _ in range(abs(off)):
        required = math.nextafter(required, math.inf if off > 0 else 0.0)
    problem = Problem(payload_bits=1.0, cn0_hz=1.0, bandwidth_hz=1.0, relevance=[relevance], required=required)
    met = exact >= Fraction(float(problem.coverage_target[0]))
    assert bool(problem.covers(np.ones(len(values), dtype=bool))[0]) is met


@pytest.mark.parametrize("clients", [1, 10, 4000, 5000, 100_000, 1_000_000])
@pytest.mark.parametrize("share", [0.1, 0.3, 0.7, 1.1])
def test_all_of_them_is_within_reach_however_it_was_summed(clients: int, share: float) -> None:
    """A plain sum over N clients is off by up to N / 2 ulp, the more the more equal they are."""
    problem = Problem(
        payload_bits=1.0, cn0_hz=1.0, bandwidth_hz=1.0, relevance=np.full((1, clients), share), required=1.0
    )
    everybody = np.ones(clients, dtype=bool)
    for required in (sum([share] * clients), clients * share, float(np.cumsum(problem.relevance[0])[-1])):
        asked = problem.replace(required=required)
        assert asked.covers(everybody).all()
        if clients > 1:  # and nobody is let off
            assert not asked.covers(np.arange(clients) > 0).any()


@given(
    values=st.lists(st.floats(1e-9, 1.0), min_size=1, max_size=40),
    times=st.sampled_from([1, 50, 400]),
    order=st.randoms(use_true_random=False),
)
def test_any_plain_sum_of_everybody_can_be_met(values: list[float], times: int, order: Random) -> None:
    relevance = values * times
    order.shuffle(relevance)
    problem = Problem(
        payload_bits=1.0, cn0_hz=1.0, bandwidth_hz=1.0, relevance=[relevance], required=sum(relevance, start=0.0)
    )
    assert problem.covers(np.ones(len(relevance), dtype=bool)).all()


def test_the_allowance_for_rounding_grows_with_the_clients_and_stays_below_one_of_them() -> None:
    for clients in (1, 4503, 10**4, 10**6):
        target = coverage_target(np.array([1.0]), clients)[0]
        assert target == 1.0 - max(1e-12, clients * 2.0**-52)
        assert 1.0 - target < 1e-3 / clients


def test_no_requirement_is_met_by_nobody() -> None:
    assert build(required=0.0).covers([False] * 3).all()
    assert not build(required=1e-30).covers([False] * 3).any()


def test_public_names() -> None:
    assert fo.Problem is Problem
    assert [str(o) for o in Objective] == ["makespan", "total"]
    assert [model.name for model in MODELS] == ["shannon", "flat"]
