"""The cell over rounds: beside the scenarios, against its laws, and the downlink against a root by bisection."""

from __future__ import annotations

import math
import pickle
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

import fedss_opt as fo
from fedss_opt.scenarios import PRESETS, names
from fedss_opt.scenarios.channel import draw_channels
from fedss_opt.simulation.radio_cell import CellSettings, RadioCell, RadioLinks

FloatArray = npt.NDArray[np.float64]

ROOMY = ("yang2021", "shi2021", "fedcs2019", "umi", "uma")


def make(devices: int = 20, seed: int = 0, **settings: Any) -> RadioCell:
    return RadioCell(CellSettings(**settings), devices, seed)


# -- at rest: the scenario ------------------------------------------------------------------------------


@pytest.mark.parametrize("name", names())
@pytest.mark.parametrize("seed", [0, 3])
@pytest.mark.parametrize("power", [None, 17.0])
def test_at_rest_without_fading_the_cell_is_the_scenarios(name: str, seed: int, power: float | None) -> None:
    cell = make(seed=seed, preset=name, fading="none", transmit_power_dbm=power)
    preset = PRESETS[name]
    problem = fo.scenarios.make(name, n_clients=20, seed=seed, transmit_power_dbm=power)
    for round_, time_s in ((0, 0.0), (5, 1234.5)):
        links = cell.links(round_, time_s)
        np.testing.assert_array_equal(links.max_upload_s, problem.max_upload_s)
        if preset.layout is None:
            np.testing.assert_array_equal(links.uplink["spectral_efficiency"], problem.spectral_efficiency)
            assert np.isnan(links.distance_m).all()
            continue
        assert preset.path_loss is not None
        drawn = draw_channels(
            layout=preset.layout, path_loss=preset.path_loss, rayleigh=preset.rayleigh, clients=20, seed=seed
        )
        np.testing.assert_array_equal(links.distance_m, drawn.distance_m)
        np.testing.assert_array_equal(links.gain, drawn.large_scale)
        if not preset.rayleigh:
            np.testing.assert_array_equal(links.uplink["cn0_hz"], problem.cn0_hz)
    assert cell.bandwidth_hz == cell.downlink_bandwidth_hz == problem.bandwidth_hz


def test_settings_replace_what_the_preset_says() -> None:
    cell = make(preset="umi", bandwidth_hz=5e6, resource_blocks=True)
    assert (cell.bandwidth_hz, cell.downlink_bandwidth_hz, cell.resource_block_hz) == (5e6, 5e6, 360e3)
    assert make(downlink_bandwidth_hz=7e6).downlink_bandwidth_hz == 7e6
    assert make(preset="umi").resource_block_hz is None


@pytest.mark.usefixtures("warm")
@pytest.mark.parametrize("name", names())
def test_links_go_into_a_problem(name: str) -> None:
    cell = make(preset=name, fading="rayleigh")
    links = cell.links(2, 60.0)
    problem = fo.Problem(
        payload_bits=1e4,
        bandwidth_hz=cell.bandwidth_hz,
        resource_block_hz=cell.resource_block_hz,
        max_upload_s=links.max_upload_s,
        relevance=np.ones((1, 20)),
        required=2.0,
        **links.uplink,
    )
    assert fo.solve(problem).selected.sum() >= 2


# -- fading ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["shi2021", "cbcsba2025"])
def test_fading_is_exponential_anew_in_every_round_and_constant_within(name: str) -> None:
    devices = 20_000
    fades = make(devices, preset=name, fading="rayleigh")
    still = make(devices, preset=name, fading="none").links(0, 0.0).gain
    first, again, second = (
        fades.links(round_, time_s).gain / still for round_, time_s in ((1, 0.0), (1, 9.0), (2, 9.0))
    )
    np.testing.assert_array_equal(first, again)
    # Mean and standard deviation of an exponential draw are 1; standard errors 1/sqrt(n) and sqrt(2/n) (its fourth
    # central moment is 9), correlation 1/sqrt(n); 4 of them.
    assert first.mean() == pytest.approx(1.0, abs=4.0 / math.sqrt(devices))
    assert first.std() == pytest.approx(1.0, abs=4.0 * math.sqrt(2.0 / devices))
    assert np.corrcoef(first, second)[0, 1] == pytest.approx(0.0, abs=4.0 / math.sqrt(devices))


def test_fading_is_the_presets_unless_it_is_asked_for() -> None:
    for name, default in (("shi2021", True), ("yang2021", False)):
        for fading, fades in ((None, default), ("rayleigh", True), ("none", False)):
            cell = make(preset=name, fading=fading)
            assert np.any(cell.links(0, 0.0).gain != cell.links(1, 0.0).gain) == fades


# -- on the move ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ROOMY)
def test_moving_devices_start_at_the_scenarios_distances(name: str) -> None:
    start = make(preset=name, speed_m_s=1.5).links(0, 0.0)
    np.testing.assert_allclose(start.distance_m, make(preset=name).links(0, 0.0).distance_m, rtol=1e-12)
    layout = PRESETS[name].layout
    assert layout is not None
    later = make(preset=name, speed_m_s=30.0).links(1, 3600.0)
    assert np.any(later.distance_m != start.distance_m)
    assert np.all((later.distance_m >= layout.nearest_m) & (later.distance_m <= layout.size_m))
    assert np.all(later.gain > 0.0)


@pytest.mark.parametrize(
    "settings", [{}, {"speed_m_s": 3.0, "fading": "rayleigh"}, {"preset": "uma", "speed_m_s": 3.0}]
)
def test_rounds_can_be_asked_for_in_any_order_and_again(settings: dict[str, Any]) -> None:
    cell = make(seed=5, **settings)
    asked = [(0, 0.0), (1, 10.5), (7, 333.25)]
    once = {key: cell.links(*key) for key in asked}
    resumed = pickle.loads(pickle.dumps(make(seed=5, **settings)))
    for key in reversed(asked):
        for field in ("distance_m", "power_w", "gain", "noise", "max_upload_s"):
            np.testing.assert_array_equal(getattr(resumed.links(*key), field), getattr(once[key], field))


@pytest.mark.parametrize("name", names())
@pytest.mark.parametrize("speed", [0.0, 2.0])
def test_a_larger_cell_contains_the_smaller(name: str, speed: float) -> None:
    if speed and name not in ROOMY:
        return
    few, many = (make(n, preset=name, speed_m_s=speed, fading="rayleigh").links(3, 77.0) for n in (6, 60))
    for field in ("distance_m", "power_w", "gain", "noise", "max_upload_s"):
        np.testing.assert_array_equal(getattr(few, field), getattr(many, field)[:6])


# -- several clients on a device ------------------------------------------------------------------------


def test_clients_of_a_device_share_its_channel_and_its_power() -> None:
    links = make(3, preset="chen2021").links(0, 0.0)
    clients = links.of_clients([0, 1, 0, 2, 0])
    np.testing.assert_array_equal(clients.gain, links.gain[[0, 1, 0, 2, 0]])
    np.testing.assert_array_equal(clients.distance_m, links.distance_m[[0, 1, 0, 2, 0]])
    np.testing.assert_allclose(clients.power_w, 0.01 / np.array([3, 1, 3, 1, 3]))
    np.testing.assert_allclose(clients.uplink["cn0_hz"][0] * 3, links.uplink["cn0_hz"][0])
    # 3 mJ over 10 mW for a device; a third of each for its clients.
    np.testing.assert_allclose(clients.max_upload_s, 0.3)
    alone = links.of_clients([2, 0, 1])
    np.testing.assert_array_equal(alone.uplink["cn0_hz"], links.uplink["cn0_hz"][[2, 0, 1]])


# -- downlink -------------------------------------------------------------------------------------------


def least_bandwidth(bits: float, cn0: float, seconds: float) -> float:
    """Least b with ``b log2(1 + g/b) = S/T``, by bisection; inf where even all bandwidth falls short."""
    rate = bits / seconds
    if rate >= cn0 / math.log(2.0):
        return math.inf
    low, high = 0.0, 1.0
    while high * math.log1p(cn0 / high) / math.log(2.0) < rate:
        high *= 2.0
    for _ in range(100):
        middle = 0.5 * (low + high)
        enough = middle > 0.0 and middle * math.log1p(cn0 / middle) / math.log(2.0) >= rate
        low, high = (low, middle) if enough else (middle, high)
    return high


def downlink_by_bisection(bits: list[float], cn0: list[float], bandwidth: float) -> float:
    low, high = 0.0, 1.0
    while sum(least_bandwidth(s, g, high) for s, g in zip(bits, cn0, strict=True)) > bandwidth:
        high *= 2.0
    for _ in range(60):  # to the last bit
        middle = 0.5 * (low + high)
        fits = middle > 0.0 and (
            sum(least_bandwidth(s, g, middle) for s, g in zip(bits, cn0, strict=True)) <= bandwidth
        )
        low, high = (low, middle) if fits else (middle, high)
    return high


def links_of(cn0_per_w: list[float], *, linear: bool = False) -> RadioLinks:
    n = len(cn0_per_w)
    return RadioLinks(
        distance_m=np.full(n, 100.0),
        power_w=np.full(n, 0.01),
        gain=np.ones(n),
        noise=1.0 / np.array(cn0_per_w),
        linear=linear,
        max_upload_s=np.full(n, math.inf),
    )


@pytest.mark.usefixtures("warm")
@given(
    streams=st.lists(st.tuples(st.floats(1e3, 1e7), st.floats(3.0, 9.0)), min_size=1, max_size=5),
    bandwidth=st.floats(1e5, 1e8),
)
def test_the_downlink_is_the_least_common_time(streams: list[tuple[float, float]], bandwidth: float) -> None:
    bits, decades = zip(*streams, strict=True)
    quality = [10.0**x for x in decades]
    cell = make(1, downlink_bandwidth_hz=bandwidth, base_station_power_dbm=40.0)
    seconds = cell.downlink_s(bits, np.arange(len(bits)), links_of(quality))
    cn0 = [10.0 / len(bits) * g for g in quality]  # 40 dBm are 10 W
    # Bandwidths are rounded up by a few ulp and the bisections end at one; log1p of a small quotient costs no digits.
    assert seconds == pytest.approx(downlink_by_bisection(list(bits), cn0, bandwidth), rel=1e-11)


@pytest.mark.usefixtures("warm")
def test_no_other_bandwidths_are_faster() -> None:
    cell = make(30)
    links = cell.links(0, 0.0)
    chosen = np.array([3, 8, 9, 21])
    bits = np.array([1e6, 2e6, 5e5, 4e6])
    best = cell.downlink_s(bits, chosen, links)
    problem = fo.Problem(payload_bits=bits, bandwidth_hz=20e6, **links.of(chosen).channel(10.0**1.3 / 4.0))
    shares = np.random.default_rng(0).dirichlet(np.ones(4), 2000) * 20e6
    assert min(problem.latency_s(np.ones(4, dtype=bool), share) for share in shares) >= best * (1.0 - 1e-12)


@pytest.mark.usefixtures("warm")
def test_a_linear_downlink_shares_out_hertz_seconds() -> None:
    cell = make(preset="cbcsba2025")
    links = cell.links(0, 0.0)
    # 43 dBm over four streams, 8 per watt.
    efficiency = math.log2(1.0 + 8.0 * 10.0**1.3 / 4.0)
    seconds = cell.downlink_s([1e6, 2e6, 3e6, 4e6], [0, 1, 2, 3], links)
    assert seconds == pytest.approx(1e7 / efficiency / 20e6, rel=1e-12)


@pytest.mark.usefixtures("warm")
def test_nobody_and_nothing_to_send() -> None:
    cell = make()
    links = cell.links(0, 0.0)
    assert cell.downlink_s([], [], links) == 0.0
    assert cell.downlink_s([0.0, 0.0], [1, 2], links) == 0.0
    # Who gets nothing takes neither power nor bandwidth.
    assert cell.downlink_s([0.0, 1e6], [1, 2], links) == cell.downlink_s([1e6], [2], links)
    # Two clients on one device are two streams.
    assert cell.downlink_s([1e6, 1e6], [2, 2], links) > cell.downlink_s([1e6], [2], links)
    assert make(0).links(0, 0.0).gain.shape == (0,)


@pytest.mark.usefixtures("warm")
def test_more_bits_or_less_power_take_longer() -> None:
    cell, weak = make(), make(base_station_power_dbm=30.0)
    links = cell.links(0, 0.0)
    bits, chosen = np.array([1e6, 2e6, 3e6]), [1, 5, 7]
    base = cell.downlink_s(bits, chosen, links)
    assert cell.downlink_s(bits * [1.0, 1.1, 1.0], chosen, links) > base
    assert weak.downlink_s(bits, chosen, links) > base
    assert make(downlink_bandwidth_hz=10e6).downlink_s(bits, chosen, links) > base


# -- refusals -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"preset": "lte"}, "preset\n.*must be one of 'yang2021', .*'uma'"),
        ({"bandwidth_hz": 0.0}, "bandwidth_hz"),
        ({"bandwidth_hz": math.inf}, "bandwidth_hz"),
        ({"transmit_power_dbm": math.nan}, "transmit_power_dbm"),
        ({"fading": "rice"}, "fading"),
        ({"speed_m_s": -1.0}, "speed_m_s"),
        ({"decorrelation_m": 0.0}, "decorrelation_m"),
        ({"base_station_power_dbm": 300.0}, "base_station_power_dbm"),
        ({"speed": 1.0}, "speed"),
    ],
)
def test_settings_name_the_key(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        CellSettings(**settings)


@pytest.mark.parametrize("name", sorted(set(names()) - set(ROOMY)))
def test_without_an_area_there_is_no_motion(name: str) -> None:
    with pytest.raises(fo.OptionError, match=rf"speed_m_s = 1.*'{name}' has no area to move in; .*'yang2021', 'shi"):
        make(preset=name, speed_m_s=1.0)


def test_refusals() -> None:
    with pytest.raises(fo.OptionError, match=r"'yang2021' says no width of a block; .*'umi'"):
        make(resource_blocks=True)
    with pytest.raises(fo.OptionError, match="devices = -1: must be an integer >= 0"):
        make(-1)
    cell = make(3)
    links = cell.links(0, 0.0)
    with pytest.raises(fo.OptionError, match=r"round = 1\.5: must be an integer"):
        cell.links(1.5, 0.0)  # type: ignore[arg-type]
    with pytest.raises(fo.OptionError, match=r"time_s = -1\.0: must be a number in \[0, inf\)"):
        cell.links(0, -1.0)
    with pytest.raises(fo.OptionError, match=r"devices\[1\] = 3: must be a vector of integers from 0 to 2"):
        cell.downlink_s([1.0, 1.0], [0, 3], links)
    with pytest.raises(fo.OptionError, match=r"devices: shape \(3,\), dtype bool"):
        cell.downlink_s([1.0, 1.0], [True, False, True], links)
    with pytest.raises(fo.ProblemError, match=r"bits: has shape \(1,\); give shape \(2,\)"):
        cell.downlink_s([1.0], [0, 2], links)
    with pytest.raises(fo.ProblemError, match=r"bits\[0\] = -1\.0"):
        cell.downlink_s([-1.0], [0], links)
