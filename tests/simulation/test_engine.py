"""The engine: what a round costs and who takes part, the same for whoever asks and however often it is interrupted."""

import dataclasses
import functools

import numpy as np
import pytest

from fedss_opt import OptionError, StopReason
from fedss_opt.exceptions import FileFormatError
from fedss_opt.rounds import RoundAllocator
from fedss_opt.simulation import Simulation, SimulationSettings, engine
from fedss_opt.simulation.algorithms import ALGORITHMS
from fedss_opt.simulation.run_records import Participation
from fedss_opt.solvers import METHODS

TINY = {
    "rounds": 4,
    "data": {"n_clients": 8, "n_tasks": 2, "images_per_client": 12},
    "model": {"hidden": (12,)},
    "training": {"local_epochs": 1},
}


def simulation(algorithm="fedavg", policy="admm", seed=3, options=None, **changes):
    return Simulation(
        SimulationSettings(**{**TINY, **changes}), algorithm=algorithm, policy=policy, seed=seed, options=options
    )


def as_text(result):
    return [record.to_json() for record in result.records]


FEDSS = {"n_tasks": 2, "warmup_rounds": 1, "prune_every": 1}


def eventful(algorithm, **changes):
    devices = {"availability": 0.8, "failure_rate": 0.1, "battery_j": 5.0, "jitter": 0.1, "grace": 0.1}
    options = FEDSS if algorithm == "fedss" else None
    return simulation(algorithm, options=options, devices=devices, cell={"speed_m_s": 3.0}, **changes)


@functools.cache
def uninterrupted(algorithm):
    return eventful(algorithm).run()


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_every_algorithm_plays_its_rounds(warm, algorithm):
    result = simulation(algorithm, options=FEDSS if algorithm == "fedss" else None).run()
    assert [record.round for record in result.records] == [0, 1, 2, 3]
    clocks = [record.simulated_s for record in result.records]
    assert clocks == sorted(clocks)
    assert clocks[0] > 0.0
    assert all(0.0 <= record.accuracy_mean <= 1.0 for record in result.records)
    assert result.participation.shape == (4, 8)


@pytest.mark.parametrize("policy", [method for method in METHODS if method != "cvxpy"])
def test_every_policy_allocates_the_rounds(warm, policy):
    result = simulation("fedss", policy, options=FEDSS).run()
    assert {record.status for record in result.records} <= {"optimal", "feasible"}
    chosen = [record.selected for record in result.records]
    assert min(chosen) >= 1
    if policy == "all":
        assert chosen == [8, 8, 8, 8]


def test_a_round_costs_what_the_plan_says_and_the_downlink(warm):
    run = simulation(rounds=1)
    links = run.cell.links(0, 0.0).of_clients(run.devices.device_of)
    result = run.run()
    record = result.records[0]
    # The plan again, from outside.
    fresh = simulation(rounds=1)
    fresh.algorithm.start()
    everybody, reported_s = np.ones(8, dtype=bool), fresh.devices.compute_s(fresh.work_flops)
    plan = fresh._plan(0, links, everybody, reported_s, links.max_upload_s)
    assert record.selected == len(plan.clients)
    assert record.latency_s == plan.latency_s
    assert record.simulated_s == record.downlink_s + record.latency_s
    parameters = run.model.layout.parameters
    # Every upload is the float32 parameters, 8 bytes of head and 4 of checksum.
    assert record.uplink_bits == record.selected * (32 * parameters + 96)
    assert record.downlink_bits == record.uplink_bits
    assert record.downlink_s > 0.0


def test_the_same_seed_gives_the_same_run_and_another_seed_another(warm):
    assert as_text(eventful("fedss").run()) == as_text(uninterrupted("fedss"))
    assert as_text(eventful("fedss", seed=4).run()) != as_text(uninterrupted("fedss"))


def test_runs_of_one_seed_are_paired(warm):
    """Data, channels and who is there do not depend on algorithm and policy."""
    devices = {"availability": 0.7, "failure_rate": 0.2}
    one, other = (simulation(a, p, devices=devices) for a, p in (("fedavg", "all"), ("local", "random")))
    np.testing.assert_array_equal(one.data.inputs, other.data.inputs)
    np.testing.assert_array_equal(one.devices.available(2), other.devices.available(2))
    np.testing.assert_array_equal(one.cell.links(2, 0.0).gain, other.cell.links(2, 0.0).gain)


@pytest.mark.parametrize("algorithm", ["fedss", "fedavg", "ditto", "lotteryfl"])
@pytest.mark.parametrize("stop", [1, 3])
def test_a_resumed_run_continues_bit_for_bit(warm, tmp_path, algorithm, stop):
    whole = uninterrupted(algorithm)
    file = tmp_path / "run.npz"
    eventful(algorithm, rounds=stop).run(checkpoint=file)
    resumed = eventful(algorithm).run(checkpoint=file, resume=True)
    assert as_text(resumed) == as_text(whole)
    np.testing.assert_array_equal(resumed.participation, whole.participation)
    assert resumed.exhibits.keys() == whole.exhibits.keys()
    for name, array in whole.exhibits.items():
        np.testing.assert_array_equal(resumed.exhibits[name], array)


def test_a_killed_round_is_played_again(warm, tmp_path):
    """An exception in the middle of a round loses that round and nothing else."""
    file = tmp_path / "run.npz"
    broken = eventful("fedss")
    play = broken.play

    def until_the_third(round_):
        if round_ == 2:
            raise KeyboardInterrupt
        return play(round_)

    broken.play = until_the_third
    with pytest.raises(KeyboardInterrupt):
        broken.run(checkpoint=file)
    resumed = eventful("fedss").run(checkpoint=file, resume=True)
    assert as_text(resumed) == as_text(uninterrupted("fedss"))


def test_a_checkpoint_of_another_run_is_refused(warm, tmp_path):
    file = tmp_path / "run.npz"
    simulation(rounds=1).run(checkpoint=file)
    with pytest.raises(FileFormatError, match="belongs to a run with other settings"):
        simulation(seed=4).run(checkpoint=file, resume=True)
    data = file.read_bytes()
    for damaged in (data[: len(data) // 2], b"", b"no archive", data[:100] + bytes([data[100] ^ 255]) + data[101:]):
        file.write_bytes(damaged)
        with pytest.raises(FileFormatError, match=r"run\.npz"):
            simulation().run(checkpoint=file, resume=True)


def test_more_rounds_are_the_same_run(warm, tmp_path):
    """The number of rounds is not part of what a run is: it can be prolonged."""
    file = tmp_path / "run.npz"
    simulation(rounds=2).run(checkpoint=file)
    resumed = simulation(rounds=4).run(checkpoint=file, resume=True)
    assert len(resumed.records) == 4


def test_failing_clients_are_waited_for_and_left_out(warm):
    result = simulation("fedavg", "all", devices={"failure_rate": 1.0}).run()
    assert {record.arrived for record in result.records} == {0}
    assert all(record.latency_s > 0.0 for record in result.records)
    assert set(np.unique(result.participation)) == {Participation.LOST}
    # Nothing arrived, so the model is the first one, and its accuracy that of the start.
    assert len({record.accuracy_mean for record in result.records}) == 1


def test_late_clients_are_left_out_and_grace_lets_them_in(warm):
    strict, lenient = (
        simulation("fedavg", "all", devices={"jitter": 0.5, "grace": grace, "flops_per_s": 1e6}).run()
        for grace in (0.0, 100.0)
    )
    assert min(record.arrived for record in strict.records) < 8
    assert {record.arrived for record in lenient.records} == {8}


def test_who_fails_is_waited_for_as_long_as_the_grace_allows(warm):
    """The server knows the deadline of its plan, and tolerates half of it more."""
    devices = {"failure_rate": 1.0, "grace": 0.5}
    run = simulation("fedavg", "all", devices=devices, rounds=1)
    links = run.cell.links(0, 0.0).of_clients(run.devices.device_of)
    record = run.run().records[0]
    fresh = simulation("fedavg", "all", devices=devices, rounds=1)
    fresh.algorithm.start()
    everybody, reported_s = np.ones(8, dtype=bool), fresh.devices.compute_s(fresh.work_flops)
    plan = fresh._plan(0, links, everybody, reported_s, links.max_upload_s)
    assert record.latency_s == pytest.approx(1.5 * plan.latency_s, rel=1e-12)


def test_training_alone_is_paid_for(warm):
    """Nobody uploads under `local`: each round costs a client the energy of its computing."""
    run = simulation("local", rounds=3, devices={"battery_j": 1e3})
    computing = run.devices.computing_j(run.work_flops)
    assert (computing > 0.0).all()
    run.run()
    np.testing.assert_allclose(run.charge_j, 1e3 - 3.0 * computing, rtol=1e-12)


def test_no_upload_may_last_longer_than_the_energy_does(warm, monkeypatch):
    """What a round's budget leaves after computing, over the power: by hand, for every client's problem."""
    run = simulation("fedavg", devices={"energy_j": 0.5, "flops_per_s": 1e9}, rounds=1)
    links = run.cell.links(0, 0.0).of_clients(run.devices.device_of)
    plans = []

    def noted(*arguments, **options):
        plans.append(engine_plan(*arguments, **options))
        return plans[-1]

    engine_plan = engine.plan_uplink
    monkeypatch.setattr(engine, "plan_uplink", noted)
    run.run()
    computing_j = 1e-28 * 1e9**2 * run.work_flops
    np.testing.assert_allclose(plans[0].problem.max_upload_s, (0.5 - computing_j) / links.power_w, rtol=1e-12)


def test_what_tasks_need_is_a_share_of_what_those_can_offer_who_can_upload(warm):
    """A budget that not everybody's upload keeps: half of the others, not half of all."""
    record = simulation(devices={"energy_j": 8e-6, "switched_capacitance": 0.0}, rounds=1, seed=2).run().records[0]
    assert record.status == "optimal"
    assert 0 < record.selected < 4


def test_clients_that_left_are_absent_for_good(warm):
    result = simulation("fedavg", "all", devices={"departure_rate": 0.5}).run()
    gone = result.participation == Participation.ABSENT
    assert gone.any()
    assert (np.diff(gone.astype(int), axis=0) >= 0).all()


def test_empty_batteries_end_a_clients_part(warm):
    result = simulation("fedavg", "all", rounds=8, devices={"battery_j": 1.2e-4, "flops_per_s": 1e9}).run()
    counts = [record.selected for record in result.records]
    assert counts[0] > counts[-1]


@pytest.mark.parametrize("algorithm", ["fedss", "local"])
def test_nobody_there_costs_idle_rounds(warm, algorithm):
    """Time goes on although nothing is required of nobody; else a cell without clients would be the fastest."""
    options = FEDSS if algorithm == "fedss" else None
    for devices in ({"availability": 0.0}, {"battery_j": 1e-12}):
        result = simulation(algorithm, options=options, devices=devices, allocation={"idle_s": 0.25}).run()
        assert [record.selected for record in result.records] == [0, 0, 0, 0]
        assert [record.simulated_s for record in result.records] == [0.25, 0.5, 0.75, 1.0]
        assert len({record.accuracy_mean for record in result.records}) == 1


def test_training_alone_takes_its_actual_time(warm):
    planned, jittered = (
        simulation("local", devices={"jitter": jitter}).run().records[-1].simulated_s for jitter in (0.0, 2.0)
    )
    assert planned != jittered


def test_diverging_training_says_so(warm):
    with pytest.raises(OptionError, match=r"training of client \d diverged in round \d.*learning_rate = 1e\+20"):
        simulation(training={"learning_rate": 1e20}).run()


@pytest.mark.parametrize("step", [0.3, 0.75])
def test_relevance_steps_are_powers_of_two(step):
    with pytest.raises(ValueError, match="must be a power of two"):
        simulation(allocation={"relevance_step": step})


def test_models_are_tested_when_asked_and_at_the_end(warm):
    result = simulation(evaluate_every=3).run()
    assert [record.evaluated for record in result.records] == [False, False, True, True]


def test_unknown_names_are_refused():
    with pytest.raises(OptionError, match="algorithm = 'fedsgd'"):
        simulation("fedsgd")
    with pytest.raises(OptionError, match=r"fedss\.density"):
        simulation("fedss", options={"density": 2.0})
    with pytest.raises(OptionError, match="policy = 'fastest'"):
        simulation(policy="fastest")


def test_a_random_policy_draws_anew_in_every_round(warm):
    """The same cell, everybody there: who is selected still changes."""
    result = simulation("fedavg", "random", rounds=6).run()
    assert len({tuple(row) for row in result.participation.tolist()}) > 1
    np.testing.assert_array_equal(result.participation, simulation("fedavg", "random", rounds=6).run().participation)


def test_an_interrupted_allocation_ends_the_run_before_its_round(warm, monkeypatch, tmp_path):
    """Ctrl-C inside a solve gives the best answer so far; a run must not go on with what no other run would have."""
    whole = RoundAllocator.allocate

    def cut_short(self, round_):
        plan = whole(self, round_)
        solution = dataclasses.replace(plan.solution, stop_reason=StopReason.INTERRUPTED)
        return dataclasses.replace(plan, solution=solution)

    monkeypatch.setattr(RoundAllocator, "allocate", cut_short)
    file = tmp_path / "run.npz"
    with pytest.raises(KeyboardInterrupt):
        simulation().run(checkpoint=file)
    assert not file.exists()
