"""The named cells: formulae against hand-computed values, draws against their laws, and every refusal."""

from __future__ import annotations

import math

import numpy as np
import pytest

import fedss_opt as fo
from fedss_opt.scenarios import PRESETS, RelevanceKind, make, names
from fedss_opt.scenarios.channel import Layout, LogDistance, Shape, draw_channels
from fedss_opt.scenarios.devices import Cycles, ShiftedExponential
from fedss_opt.scenarios.draws import generator, uniform
from fedss_opt.scenarios.presets import dbm_to_w
from fedss_opt.scenarios.relevance_draws import LEVELS, draw_relevance
from fedss_opt.scenarios.urban import UrbanMacro, UrbanMicro

KINDS = [str(kind) for kind in RelevanceKind]


# -- path loss, by hand ---------------------------------------------------------------------------------


def test_cell_path_loss_is_128_1_and_not_128_7():
    law = PRESETS["yang2021"].path_loss
    # 128.1 + 37.6 log10(0.25) = 128.1 - 22.6375
    assert law.path_loss_db(250.0, True) == pytest.approx(105.4625, abs=1e-4)
    assert law.path_loss_db(1000.0, True) == pytest.approx(128.1)


def test_chen_gain_is_the_inverse_square_and_fedl_the_fourth_power():
    assert 10 ** (-PRESETS["chen2021"].path_loss.path_loss_db(200.0, True) / 10) == pytest.approx(200.0**-2)
    assert 10 ** (-PRESETS["fedl2019"].path_loss.path_loss_db(20.0, True) / 10) == pytest.approx(1e-4 * 20.0**-4)


def test_fedcs_path_loss_at_one_kilometre():
    # 36.7 * 3 + 22.7 + 26 log10(2.5) = 110.1 + 22.7 + 10.3464
    assert PRESETS["fedcs2019"].path_loss.path_loss_db(1000.0, True) == pytest.approx(143.1464, abs=1e-4)


@pytest.mark.parametrize(
    ("model", "distance", "in_sight", "expected"),
    [
        # d3D = sqrt(100^2 + 8.5^2) = 100.3606; log10 = 2.001563; 20 log10(3.5) = 10.881361
        (UrbanMicro(carrier_hz=3.5e9), 100.0, True, 32.4 + 21.0 * 2.001563 + 10.881361),
        (UrbanMicro(carrier_hz=3.5e9), 100.0, False, 35.3 * 2.001563 + 22.4 + 21.3 * 0.544068),
        # Breakpoint 210 m; d3D = sqrt(400^2 + 8.5^2) = 400.0903; log10 = 2.602158;
        # log10(210^2 + 8.5^2) = log10(44172.25) = 4.645150
        (UrbanMicro(carrier_hz=3.5e9), 400.0, True, 32.4 + 40.0 * 2.602158 + 10.881361 - 9.5 * 4.645150),
        # d3D = sqrt(100^2 + 23.5^2) = 102.7241; log10 = 2.011672
        (UrbanMacro(carrier_hz=3.5e9), 100.0, True, 28.0 + 22.0 * 2.011672 + 10.881361),
        (UrbanMacro(carrier_hz=3.5e9), 100.0, False, 13.54 + 39.08 * 2.011672 + 10.881361),
        # Breakpoint 4 * 24 * 0.5 * 3.5e9 / 3e8 = 560 m; d3D = sqrt(10^6 + 23.5^2), log10 = 3.000120;
        # log10(560^2 + 23.5^2) = log10(314152.25) = 5.497140
        (UrbanMacro(carrier_hz=3.5e9), 1000.0, True, 28.0 + 40.0 * 3.000120 + 10.881361 - 9.0 * 5.497140),
    ],
)
def test_urban_path_loss_spot_values(model, distance, in_sight, expected):
    assert model.path_loss_db(distance, in_sight) == pytest.approx(expected, abs=1e-3)


def test_urban_breakpoints():
    # 4 (10 - 1) (1.5 - 1) 3.5e9 / 3e8 and 4 (25 - 1) (1.5 - 1) 3.5e9 / 3e8
    assert UrbanMicro(carrier_hz=3.5e9).breakpoint_m == pytest.approx(210.0)
    assert UrbanMacro(carrier_hz=3.5e9).breakpoint_m == pytest.approx(560.0)


@pytest.mark.parametrize("model", [UrbanMicro(carrier_hz=3.5e9), UrbanMacro(carrier_hz=28e9)])
def test_urban_models_are_continuous_increasing_and_worse_without_sight(model):
    distance = np.geomspace(10.0, 5000.0, 2000)
    clear = model.path_loss_db(distance, np.ones(2000, dtype=bool))
    blocked = model.path_loss_db(distance, np.zeros(2000, dtype=bool))
    assert np.all(np.diff(clear) > 0.0)
    assert np.all(np.diff(blocked) > 0.0)
    assert np.all(blocked >= clear)
    at = model.breakpoint_m
    both = model.path_loss_db([at * (1 - 1e-9), at * (1 + 1e-9)], [True, True])
    assert both[0] == pytest.approx(both[1], abs=0.1)


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        # 18/90 + exp(-90/36) * (1 - 18/90) = 0.2 + 0.082085 * 0.8
        (UrbanMicro(carrier_hz=3.5e9), 0.265668),
        # 18/90 + exp(-90/63) * 0.8 = 0.2 + 0.239651 * 0.8
        (UrbanMacro(carrier_hz=3.5e9), 0.391721),
    ],
)
def test_line_of_sight_probability(model, expected):
    assert model.line_of_sight_probability(90.0) == pytest.approx(expected, abs=1e-5)
    np.testing.assert_array_equal(model.line_of_sight_probability([0.0, 10.0, 18.0]), 1.0)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"carrier_hz": 0.4e9}, r"carrier_hz = 4e\+08: must be from 0.5e9 to 100e9 Hz"),
        (
            {"carrier_hz": 3.5e9, "user_height_m": 13.0},
            "user_height_m = 13: must be from 1.5 m to below 13 m",
        ),
        ({"carrier_hz": 3.5e9, "base_height_m": 1.0}, "base_height_m = 1: must be above the user's 1.5 m"),
    ],
)
def test_urban_models_refuse_what_the_report_does_not_cover(arguments, message):
    with pytest.raises(fo.ProblemError, match=message):
        UrbanMicro(**arguments)


# -- draws, against their laws --------------------------------------------------------------------------


def test_shadowing_is_log_normal_in_decibels():
    law = LogDistance(intercept_db=0.0, slope_db=0.0, shadowing_db=8.0)
    layout = Layout(shape=Shape.DISC, size_m=100.0, nearest_m=1.0)
    channels = draw_channels(layout=layout, path_loss=law, rayleigh=False, clients=40_000, seed=3)
    decibels = 10.0 * np.log10(channels.gain)
    assert decibels.mean() == pytest.approx(0.0, abs=0.15)
    assert decibels.std() == pytest.approx(8.0, abs=0.1)


def test_rayleigh_fading_has_mean_one_and_leaves_the_large_scale_alone():
    cell = PRESETS["shi2021"]
    both = [
        draw_channels(layout=cell.layout, path_loss=cell.path_loss, rayleigh=r, clients=40_000, seed=3)
        for r in (False, True)
    ]
    np.testing.assert_array_equal(both[0].large_scale, both[1].large_scale)
    np.testing.assert_array_equal(both[0].fading, 1.0)
    assert both[1].fading.mean() == pytest.approx(1.0, abs=0.02)
    assert np.all(both[1].gain > 0.0)


@pytest.mark.parametrize(
    ("shape", "greatest", "mean"),
    [
        (Shape.DISC, 100.0, 200.0 / 3.0),
        (Shape.SQUARE, 100.0 / math.sqrt(2.0), 38.2598),  # side * (sqrt 2 + asinh 1) / 6
        (Shape.INTERVAL, 100.0, 50.5),
    ],
)
def test_layouts(shape, greatest, mean):
    distance = Layout(shape=shape, size_m=100.0, nearest_m=1.0).distances_m(40_000, seed=5)
    assert distance.min() >= 1.0
    assert distance.max() <= greatest
    assert distance.mean() == pytest.approx(mean, rel=0.01)


def test_compute_laws():
    cycles = Cycles(cycles_per_unit=(1e4, 3e4), units=500.0, frequency_hz=2e9).draw(1000, seed=0)
    assert cycles.min() >= 2.5e-3
    assert cycles.max() <= 7.5e-3
    shifted = ShiftedExponential(shift_s=0.2, mean_s=0.1).draw(40_000, seed=0)
    assert shifted.min() >= 0.2
    assert shifted.mean() == pytest.approx(0.3, abs=0.003)


def test_powers():
    assert dbm_to_w(30.0) == pytest.approx(1.0)
    assert dbm_to_w(10.0) == pytest.approx(0.01)
    assert dbm_to_w(-174.0) == pytest.approx(3.9811e-21, rel=1e-4)


# -- relevance ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", RelevanceKind)
@pytest.mark.parametrize(("clients", "tasks"), [(0, 0), (0, 3), (4, 0), (1, 1), (50, 1), (200, 4)])
def test_relevance_shape_and_sign(kind, clients, tasks):
    relevance = draw_relevance(kind, clients, tasks, seed=7)
    assert relevance.shape == (tasks, clients)
    assert relevance.flags.c_contiguous
    assert np.all((relevance >= 0.0) & np.isfinite(relevance))
    if clients and tasks:
        assert np.all(relevance.max(axis=0) > 0.0)


def test_relevance_kinds_are_what_they_say():
    drawn = {kind: draw_relevance(kind, 4000, 5, seed=1) for kind in RelevanceKind}
    for kind in (RelevanceKind.OVERLAPPING, RelevanceKind.ONE_TASK):
        assert set(np.unique(drawn[kind] * LEVELS)) <= set(range(LEVELS + 1))
    assert np.all(np.count_nonzero(drawn[RelevanceKind.ONE_TASK], axis=0) == 1)
    assert set(np.unique(drawn[RelevanceKind.TIED])) == {0.0, 1.0}
    overlapping = np.sort(drawn[RelevanceKind.OVERLAPPING], axis=0)
    assert overlapping[-1].min() >= 0.75
    assert overlapping[:-1].max() <= 0.625
    assert 0.1 < overlapping[:-1].mean() < 0.3
    assert len(np.unique(drawn[RelevanceKind.CONTINUOUS])) == 4000 * 5
    tail = np.sort(drawn[RelevanceKind.HEAVY_TAILED].sum(axis=0))
    assert tail[-400:].sum() > 0.4 * tail.sum()


def test_kinds_agree_on_the_home_task():
    home = draw_relevance(RelevanceKind.ONE_TASK, 300, 4, seed=2).argmax(axis=0)
    for kind in (RelevanceKind.OVERLAPPING, RelevanceKind.CONTINUOUS, RelevanceKind.HEAVY_TAILED):
        np.testing.assert_array_equal(draw_relevance(kind, 300, 4, seed=2).argmax(axis=0), home)


# -- make -----------------------------------------------------------------------------------------------


def test_names_and_presets_agree():
    assert names() == tuple(PRESETS)
    assert set(names()) >= {
        "yang2021",
        "shi2021",
        "fedcs2019",
        "chen2021",
        "fedl2019",
        "cbcsba2025",
        "umi",
        "uma",
    }
    with pytest.raises(TypeError):
        PRESETS["mine"] = PRESETS["umi"]  # type: ignore[index]
    assert {name for name in names() if PRESETS[name].verified} == {"chen2021", "fedl2019", "cbcsba2025"}
    assert {preset.tag for preset in PRESETS.values()} == {"read", "unverified"}
    for preset in PRESETS.values():
        assert preset.description
        assert preset.source
        with pytest.raises(AttributeError):
            preset.n_clients = 3  # type: ignore[misc]


@pytest.mark.parametrize("name", names())
@pytest.mark.parametrize("objective", ["makespan", "total"])
def test_every_preset_makes_a_problem(name, objective):
    problem = make(name, objective=objective)
    preset = PRESETS[name]
    assert problem.n_clients == preset.n_clients
    assert problem.n_tasks == 5
    assert problem.bandwidth_hz == preset.bandwidth_hz
    assert problem.objective == objective
    assert problem.rate_model == ("flat" if name == "cbcsba2025" else "shannon")
    assert problem.client_ids[0] in ("client-000", "client-0000")
    assert problem.task_ids == ("task-0", "task-1", "task-2", "task-3", "task-4")
    np.testing.assert_allclose(problem.required, 0.3 * problem.relevance.sum(axis=1), rtol=1e-12)
    assert problem.covers(problem.available).all()


@pytest.mark.parametrize("name", names())
@pytest.mark.parametrize(("clients", "tasks"), [(0, 0), (0, 2), (1, 0), (1, 1), (3, 7)])
def test_small_cells(name, clients, tasks):
    problem = make(name, n_clients=clients, n_tasks=tasks)
    assert (problem.n_clients, problem.n_tasks) == (clients, tasks)


@pytest.mark.parametrize("name", names())
@pytest.mark.parametrize("kind", KINDS)
def test_same_arguments_same_problem_other_seed_other_problem(name, kind):
    one = make(name, n_clients=20, n_tasks=3, seed=5, relevance=kind)
    assert one == make(name, n_clients=20, n_tasks=3, seed=5, relevance=kind)
    assert one != make(name, n_clients=20, n_tasks=3, seed=6, relevance=kind)


@pytest.mark.parametrize("name", names())
def test_a_larger_cell_contains_the_smaller_and_tasks_leave_channels_alone(name):
    large = make(name, n_clients=40, n_tasks=3, payload_bits=(1e5, 1e6))
    small = make(name, n_clients=15, n_tasks=3, payload_bits=(1e5, 1e6))
    other = make(name, n_clients=15, n_tasks=6, relevance="tied", required_fraction=0.5)
    for field in ("cn0_hz", "spectral_efficiency", "compute_s", "payload_bits", "max_upload_s"):
        values = getattr(large, field)
        if values is not None:
            np.testing.assert_array_equal(values[:15], getattr(small, field))
            if field != "payload_bits":
                np.testing.assert_array_equal(getattr(other, field), getattr(small, field))
    np.testing.assert_array_equal(large.relevance[:, :15], small.relevance)


def test_cn0_is_power_times_gain_over_noise():
    problem = make("yang2021", n_clients=30, seed=4)
    cell = PRESETS["yang2021"]
    channels = draw_channels(layout=cell.layout, path_loss=cell.path_loss, rayleigh=False, clients=30, seed=4)
    np.testing.assert_allclose(problem.cn0_hz, 0.01 * channels.gain / 3.981071705534973e-21, rtol=1e-12)
    louder = make("yang2021", n_clients=30, seed=4, transmit_power_dbm=20.0)
    np.testing.assert_allclose(louder.cn0_hz, 10.0 * problem.cn0_hz, rtol=1e-12)


def test_chen_interference_and_caps():
    problem = make("chen2021", n_clients=500)
    distance = PRESETS["chen2021"].layout.distances_m(500, seed=0)
    noise = 0.01 * distance**-2 / problem.cn0_hz  # W/Hz
    levels = np.array([0.01, 0.03, 0.05, 0.07, 0.09, 0.11]) * 1e-6
    nearest = np.abs(noise[:, np.newaxis] * 1e6 - 1e-14 - levels).min(axis=1)
    assert nearest.max() < 1e-15
    np.testing.assert_allclose(problem.max_upload_s, 0.3)  # 3 mJ at 10 mW, which binds before 0.5 s
    np.testing.assert_allclose(make("chen2021", transmit_power_dbm=0.0).max_upload_s, 0.5)
    np.testing.assert_array_equal(make("chen2021", max_upload_s=math.inf).max_upload_s, math.inf)
    assert problem.payload_bits[0] == 636160.0


def test_flat_preset_rates():
    problem = make("cbcsba2025", n_clients=300)
    assert problem.spectral_efficiency.min() >= math.log2(9.0)
    assert problem.spectral_efficiency.max() <= math.log2(81.0)
    same = make("cbcsba2025", n_clients=3, transmit_power_dbm=30.0)
    np.testing.assert_allclose(same.spectral_efficiency, math.log2(9.0))
    # 2e5 cycles * 50 samples * 20 epochs = 2e8 cycles at 0.1 .. 5 GHz
    assert problem.compute_s.min() >= 0.04
    assert problem.compute_s.max() <= 2.0


def test_overrides():
    problem = make(
        "yang2021",
        n_clients=50,
        payload_bits=(0.5e6, 5e6),
        bandwidth_hz=0.4e6 * 50,
        compute_s=(0.1, 0.2),
        max_upload_s=3,
    )
    assert 0.5e6 <= problem.payload_bits.min() < 1.5e6
    assert 4e6 < problem.payload_bits.max() <= 5e6
    assert problem.bandwidth_hz == 20e6
    assert 0.1 <= problem.compute_s.min() < problem.compute_s.max() <= 0.2
    np.testing.assert_array_equal(problem.max_upload_s, 3.0)
    np.testing.assert_array_equal(make("umi", payload_bits=7e5).payload_bits, 7e5)
    np.testing.assert_array_equal(make("yang2021", compute_s=0).compute_s, 0.0)
    np.testing.assert_array_equal(make("umi", payload_bits=(3.0, 3.0)).payload_bits, 3.0)


def test_requirement_counts_available_clients_only():
    problem = make("umi", n_clients=200, n_tasks=3, required_fraction=[0.0, 0.5, 1.0], availability=0.6)
    assert 80 < np.count_nonzero(problem.available) < 160
    offered = problem.coverage(problem.available)
    np.testing.assert_allclose(problem.required, [0.0, 0.5 * offered[1], offered[2]], rtol=1e-12)
    assert problem.covers(problem.available).all()
    nobody = make("umi", n_clients=20, n_tasks=3, availability=0.0)
    assert not nobody.available.any()
    np.testing.assert_array_equal(nobody.required, 0.0)
    assert not make("umi", n_clients=20, required_fraction=1.5).covers(np.ones(20, dtype=bool)).any()


def test_many_clients():
    problem = make("uma", n_clients=200_000, n_tasks=1)
    assert problem.client_ids[-1] == "client-199999"
    assert np.all(np.isfinite(problem.cn0_hz))


def test_generators_differ_by_purpose_and_fixed_values_are_not_drawn():
    assert generator(0, "a").random() != generator(0, "b").random()
    assert generator(0, "a").random() != generator(1, "a").random()
    np.testing.assert_array_equal(uniform(2.0, 3, 0, "x"), [2.0, 2.0, 2.0])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"preset": "lte"}, "preset = 'lte': must be one of 'yang2021', 'shi2021', .*'umi', 'uma'"),
        ({"relevance": "sparse"}, "relevance = 'sparse': must be one of 'overlapping', 'one_task', .*'tied'"),
        ({"n_clients": -1}, "n_clients = -1: must be an integer >= 0"),
        ({"n_clients": 2.0}, "n_clients = 2.0: must be an integer >= 0"),
        ({"n_tasks": True}, "n_tasks = True: must be an integer >= 0"),
        ({"seed": -3}, "seed = -3: must be an integer >= 0"),
        (
            {"required_fraction": -0.1},
            r"required_fraction = -0.1: must be a fraction >= 0 \(finite\), or one for each of the 5",
        ),
        ({"required_fraction": [0.1, 0.2]}, r"required_fraction = \[0.1, 0.2\]: must be a fraction"),
        ({"required_fraction": "much"}, "required_fraction = 'much': must be a fraction"),
        ({"required_fraction": math.nan}, "required_fraction = nan: must be a fraction"),
        ({"payload_bits": 0.0}, r"payload_bits = 0.0: must be a finite number \(bit\) > 0, or a pair"),
        ({"payload_bits": (5.0, 2.0)}, r"payload_bits = \(5.0, 2.0\): .*low <= high"),
        ({"payload_bits": (1.0, 2.0, 3.0)}, "or a pair"),
        ({"payload_bits": (1.0, math.inf)}, "must be a finite number"),
        ({"payload_bits": "big"}, "payload_bits = 'big'"),
        ({"compute_s": -1.0}, r"compute_s = -1.0: must be a finite number \(s\) >= 0"),
        ({"bandwidth_hz": 0.0}, r"bandwidth_hz = 0.0: must be a number in \(0, inf\)"),
        ({"bandwidth_hz": math.inf}, r"bandwidth_hz = inf: must be a number in \(0, inf\)"),
        ({"max_upload_s": 0.0}, r"max_upload_s = 0.0: must be a number in \(0, inf\]"),
        ({"transmit_power_dbm": math.nan}, r"transmit_power_dbm = nan: must be a number in \(-inf, inf\)"),
        ({"availability": 1.5}, r"availability = 1.5: must be a number in \[0, 1\]"),
    ],
)
def test_refusals(arguments, message):
    with pytest.raises(fo.OptionError, match=message):
        make(**arguments)


def test_unknown_objective_is_the_problems_to_refuse():
    with pytest.raises(fo.ProblemError, match="objective = 'mean': must be one of 'makespan', 'total'"):
        make("umi", objective="mean")


def test_resource_blocks_are_the_presets() -> None:
    problem = fo.scenarios.make("umi", n_clients=10, resource_blocks=True)
    assert problem.resource_block_hz == 360e3
    assert problem.replace(resource_block_hz=None) == fo.scenarios.make("umi", n_clients=10)
    with pytest.raises(fo.OptionError, match=r"'yang2021' says no width of a block; .*'umi'"):
        fo.scenarios.make("yang2021", resource_blocks=True)
