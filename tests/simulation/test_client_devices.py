"""Devices over rounds: who shares what, what is drawn when, and the laws of what is drawn."""

from __future__ import annotations

import math
import pickle
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

import fedss_opt as fo
from fedss_opt.simulation.client_devices import Devices, DeviceSettings

N = 20_000
# The standard error of a share of N independent draws is at most 0.5 / sqrt(N); four of them.
SHARE = 4.0 * 0.5 / math.sqrt(N)


def make(clients: int = 12, seed: int = 0, task: list[int] | None = None, **settings: Any) -> Devices:
    return Devices(DeviceSettings(**settings), clients, seed, task=task)


# -- clients and devices --------------------------------------------------------------------------------


@given(clients=st.integers(0, 40), share=st.integers(1, 6), tasks=st.integers(1, 5), seed=st.integers(0, 5))
def test_devices_are_full_but_the_last(clients: int, share: int, tasks: int, seed: int) -> None:
    task = np.random.default_rng(seed).integers(0, tasks, clients).tolist()
    for given_task in (None, task):
        devices = make(clients, clients_per_device=share, task=given_task)
        sizes = np.bincount(devices.device_of, minlength=devices.devices)
        assert len(sizes) == devices.devices == math.ceil(clients / share)
        assert np.all(sizes[:-1] == share)
        assert len(devices.flops_per_s) == devices.devices


@pytest.mark.parametrize(
    "task", [[0, 0, 0, 1, 1, 1, 2, 2, 2], [0, 1, 2, 0, 1, 2, 0, 1, 2], [2, 0, 1, 1, 2, 0, 0, 1, 2]]
)
def test_clients_of_different_tasks_share_a_device(task: list[int]) -> None:
    devices = make(9, clients_per_device=3, task=task)
    for device in range(3):
        assert sorted(np.array(task)[devices.device_of == device]) == [0, 1, 2]


def test_without_tasks_neighbours_share_a_device() -> None:
    np.testing.assert_array_equal(make(5, clients_per_device=2).device_of, [0, 0, 1, 1, 2])


# -- computing ------------------------------------------------------------------------------------------


def test_a_client_alone_computes_its_work_at_its_speed() -> None:
    devices = make(6, flops_per_s=(1e8, 1e10))
    work = np.arange(6) * 1e9
    np.testing.assert_allclose(devices.compute_s(work), work / devices.flops_per_s, rtol=1e-15)
    slow = make(6, flops_per_s=2e9, saturation=0.5)
    np.testing.assert_allclose(slow.compute_s(work), work / 1e9, rtol=1e-15)


@pytest.mark.parametrize(("sharing", "expected"), [("competitive", 4.0), ("equal", 6.0), ("serial", 4.0)])
def test_clients_of_a_device_share_its_gpu(sharing: str, expected: float) -> None:
    devices = make(4, clients_per_device=2, flops_per_s=1e9, gpu_sharing=sharing, task=[0, 0, 1, 1])
    seconds = devices.compute_s([3e9, 0.0, 1e9, 5e9])
    assert seconds[[0, 2]].max() == pytest.approx(expected)
    # The other client of the second device has nothing to do.
    np.testing.assert_allclose(seconds[[1, 3]], [0.0, 5.0])


def test_speeds_are_log_uniform() -> None:
    speed = np.log(make(N, flops_per_s=(1e8, 1e10)).flops_per_s)
    low, high = math.log(1e8), math.log(1e10)
    assert np.all((speed >= low) & (speed <= high))
    for quarter in (0.25, 0.5, 0.75):
        assert np.mean(speed < low + quarter * (high - low)) == pytest.approx(quarter, abs=SHARE)


def test_without_jitter_the_report_is_kept_and_in_time() -> None:
    devices = make()
    reported = devices.compute_s(np.linspace(1e6, 1e9, 12))
    np.testing.assert_array_equal(devices.actual_compute_s(reported, 3), reported)
    # The allocator's own deadline, and a sum that is rounded the other way.
    upload = 0.1
    deadline = float((reported + upload).max())
    assert devices.in_time(reported + upload, deadline * (1.0 - 2e-16)).all()


def test_jitter_is_log_normal_about_the_report() -> None:
    devices = make(N, jitter=0.3)
    ratio = np.log(devices.actual_compute_s(np.full(N, 2.0), 5) / 2.0)
    assert np.mean(ratio < 0.0) == pytest.approx(0.5, abs=SHARE)
    assert ratio.std() == pytest.approx(0.3, rel=4.0 / math.sqrt(2.0 * N))
    other = np.log(devices.actual_compute_s(np.full(N, 2.0), 6) / 2.0)
    assert np.corrcoef(ratio, other)[0, 1] == pytest.approx(0.0, abs=4.0 / math.sqrt(N))


def test_grace_is_a_fraction_of_the_deadline() -> None:
    finished = [1.0, 1.1, 1.2, math.inf]
    np.testing.assert_array_equal(make(4).in_time(finished, 1.0), [True, False, False, False])
    np.testing.assert_array_equal(make(4, grace=0.15).in_time(finished, 1.0), [True, True, False, False])


# -- energy ---------------------------------------------------------------------------------------------


def test_energy_goes_by_the_speed_of_the_clients_device() -> None:
    devices = make(4, clients_per_device=2, flops_per_s=(1e9, 4e9))
    work = np.full(4, 1e9)
    np.testing.assert_allclose(devices.computing_j(work), 1e-28 * devices.flops_per_s[[0, 0, 1, 1]] ** 2 * 1e9)


def test_budgets_limit_the_upload() -> None:
    devices = make(3, flops_per_s=2e9, energy_j=0.5, battery_j=10.0)
    charge = devices.full_charge_j()
    np.testing.assert_array_equal(charge, [10.0, 10.0, 10.0])
    # 1e-28 * (2e9)^2 = 4e-10 J an operation: 0.4, 0.48 and 0.6 J of 0.5 J.
    limits = devices.energy_limits(charge, [1e9, 1.2e9, 1.5e9], [0.01, 0.01, 0.01])
    np.testing.assert_array_equal(limits.able, [True, True, False])
    np.testing.assert_allclose(limits.max_upload_s[:2], [10.0, 2.0], rtol=1e-12)
    assert make(3).energy_limits(make(3).full_charge_j(), [1e9] * 3, [0.01] * 3).max_upload_s[0] == math.inf


# -- who is there ---------------------------------------------------------------------------------------


def test_by_default_everybody_is_there_and_nothing_fails() -> None:
    devices = make()
    for round_ in (0, 1, 10**6):
        assert devices.available(round_).all()
        assert not devices.fails(round_).any()
    assert np.all(np.isinf(devices.departs))


def test_rates_are_kept_round_by_round() -> None:
    devices = make(N, availability=0.8, failure_rate=0.1)
    for round_ in (0, 7):
        assert devices.available(round_).mean() == pytest.approx(0.8, abs=SHARE)
        assert devices.fails(round_).mean() == pytest.approx(0.1, abs=SHARE)
    both = (devices.available(0) & devices.available(7)).mean()
    assert both == pytest.approx(0.64, abs=SHARE)
    assert (devices.available(3) & devices.fails(3)).mean() == pytest.approx(0.08, abs=SHARE)


def test_who_left_stays_away_and_departures_are_geometric() -> None:
    devices = make(N, departure_rate=0.05)
    there = np.array([devices.available(round_) for round_ in range(40)])
    assert there[0].all()
    assert not np.any(there[1:] & ~there[:-1])
    for round_ in (1, 10, 39):
        assert there[round_].mean() == pytest.approx(0.95**round_, abs=SHARE)
    assert not make(N, departure_rate=1.0).available(1).any()
    assert make(N, departure_rate=1.0).available(0).all()


@given(rates=st.tuples(st.floats(0.0, 1.0), st.floats(0.0, 1.0)), round_=st.integers(0, 50))
def test_a_higher_rate_changes_nothing_but_more_of_the_same(rates: tuple[float, float], round_: int) -> None:
    low, high = sorted(rates)
    assert np.all(make(availability=low).available(round_) <= make(availability=high).available(round_))
    assert np.all(make(failure_rate=low).fails(round_) <= make(failure_rate=high).fails(round_))
    assert np.all(make(departure_rate=low).departs >= make(departure_rate=high).departs)


# -- draws ----------------------------------------------------------------------------------------------


def everything(devices: Devices, rounds: list[int]) -> dict[tuple[str, int], np.ndarray[Any, Any]]:
    reported = devices.compute_s(np.full(devices.clients, 1e9))
    found = {("compute", 0): reported, ("departs", 0): devices.departs}
    for round_ in rounds:
        found["actual", round_] = devices.actual_compute_s(reported, round_)
        found["available", round_] = devices.available(round_)
        found["fails", round_] = devices.fails(round_)
    return found


CHANGING: dict[str, Any] = {"jitter": 0.2, "availability": 0.7, "failure_rate": 0.2, "departure_rate": 0.05}


def test_rounds_can_be_asked_for_in_any_order_and_again() -> None:
    once = everything(make(30, seed=4, **CHANGING), [0, 1, 2, 3])
    resumed = everything(pickle.loads(pickle.dumps(make(30, seed=4, **CHANGING))), [3, 1])
    for key, values in resumed.items():
        np.testing.assert_array_equal(values, once[key])
    other = everything(make(30, seed=5, **CHANGING), [3])
    assert all(np.any(values != once[key]) for key, values in other.items())
    assert np.any(once["actual", 0] != once["actual", 1])


def test_more_clients_leave_the_first_as_they_are() -> None:
    few, many = (everything(make(n, seed=1, **CHANGING), [2]) for n in (10, 30))
    for key, values in few.items():
        np.testing.assert_array_equal(values, many[key][:10])


# -- refusals -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"clients_per_device": 0}, "clients_per_device"),
        ({"flops_per_s": 0.0}, r"flops_per_s = 0.0: must be a finite number \(1/s\) > 0, or a pair"),
        ({"flops_per_s": (2.0, 1.0)}, "low <= high"),
        ({"flops_per_s": [1.0, math.nan]}, "flops_per_s"),
        ({"gpu_sharing": "fair"}, "gpu_sharing"),
        ({"virtual_resource": 0.0}, "virtual_resource"),
        ({"saturation": 1.5}, "saturation = 1.5: must be at most 1, the whole GPU"),
        ({"saturation": (0.5, 2.0)}, "must be at most 1"),
        ({"jitter": -0.1}, "jitter"),
        ({"energy_j": 0.0}, "energy_j"),
        ({"energy_j": math.nan}, "energy_j"),
        ({"battery_j": -math.inf}, "battery_j"),
        ({"failure_rate": 1.1}, "failure_rate"),
        ({"availability": -0.1}, "availability"),
        ({"departure_rate": math.nan}, "departure_rate"),
        ({"grace": math.inf}, "grace"),
        ({"grave": 1.0}, "grave"),
    ],
)
def test_settings_name_the_key(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        DeviceSettings(**settings)


def test_settings_as_a_file_gives_them() -> None:
    settings = DeviceSettings.model_validate({"flops_per_s": [1e9, 2e9], "saturation": 0.5, "battery_j": math.inf})
    assert settings.flops_per_s == (1e9, 2e9)
    assert DeviceSettings.model_validate_json(settings.model_dump_json(exclude_defaults=True)) == settings


def test_refusals() -> None:
    with pytest.raises(fo.OptionError, match="clients = -1: must be an integer >= 0"):
        make(-1)
    with pytest.raises(fo.OptionError, match=r"seed = 1\.5"):
        make(seed=1.5)  # type: ignore[arg-type]
    with pytest.raises(fo.OptionError, match=r"task: has shape \(2,\); must be one number for each of the 3 clients"):
        make(3, task=[0, 1])
    with pytest.raises(fo.OptionError, match="round = -1: must be an integer >= 0"):
        make().available(-1)
    with pytest.raises(fo.ProblemError, match=r"work_flops\[1\] = -1.0"):
        make(2).compute_s([1.0, -1.0])
    with pytest.raises(fo.ProblemError, match="work_flops: has shape"):
        make(2).compute_s([1.0, 1.0, 1.0])


def test_nobody() -> None:
    devices = make(0)
    assert devices.devices == 0
    for values in everything(devices, [0]).values():
        assert values.shape == (0,)
