"""The grid of runs, and what becomes of those that fail."""

from __future__ import annotations

import numpy as np
import pytest

from fedss_opt.simulation import Simulation
from fedss_opt.studies import grid
from fedss_opt.studies.executors import run_jobs
from fedss_opt.studies.grid import jobs_of, run_job

from .conftest import small_experiment

pytestmark = pytest.mark.usefixtures("warm")


def test_every_algorithm_meets_every_policy_and_seed(experiment):
    jobs = jobs_of(experiment)
    assert [(job.variant.name, job.policy, job.seed) for job in jobs] == [
        (algorithm, policy, seed)
        for algorithm in ("fedss", "fedavg")
        for policy in ("all", "random")
        for seed in (0, 1)
    ]
    assert [job.place for job in jobs] == list(range(8))
    assert jobs[1].name == "fedss under all, seed 1"


def test_every_run_has_a_checkpoint_of_its_own(experiment, tmp_path):
    jobs = jobs_of(experiment, folder=tmp_path)
    assert len({job.checkpoint for job in jobs}) == len(jobs)
    assert all(job.checkpoint.parent == tmp_path for job in jobs)


def test_a_job_is_the_simulation_under_the_variants_name():
    experiment = small_experiment(
        run={"algorithms": ("plain",), "policies": ("random",), "seeds": (3,)}, algorithms={"plain": {"base": "fedavg"}}
    )
    (job,) = jobs_of(experiment)
    result = run_job(job).result
    alone = Simulation(experiment.simulation, algorithm="fedavg", policy="random", seed=3).run()
    assert (result.algorithm, result.policy, result.seed) == ("plain", "random", 3)
    assert result.records == alone.records
    np.testing.assert_array_equal(result.participation, alone.participation)


def test_what_is_refused_is_told_and_what_breaks_leaves_a_traceback(monkeypatch):
    (job,) = jobs_of(small_experiment(run={"algorithms": ("fedavg",), "policies": ("all",)}, data={"n_clients": 5000}))
    outcome = run_job(job)
    assert outcome.result is None
    assert outcome.refused
    assert "images" in outcome.error

    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError("by zero")

    monkeypatch.setattr(grid, "Simulation", broken)
    outcome = run_job(job)
    assert not outcome.refused
    assert outcome.error == "ZeroDivisionError: by zero"
    assert "Traceback" in outcome.traceback


def test_a_failing_run_does_not_stop_the_others(monkeypatch, experiment):
    def sometimes(*arguments: object, **options: object) -> Simulation:
        if options["seed"] == 1:
            raise ZeroDivisionError("by zero")
        return Simulation(*arguments, **options)

    monkeypatch.setattr(grid, "Simulation", sometimes)
    outcomes = list(run_jobs(jobs_of(experiment)))
    assert [outcome.result is not None for outcome in outcomes] == [True, False] * 4
    assert {outcome.job.seed for outcome in outcomes if outcome.error} == {1}


def test_a_folder_that_a_worker_does_not_see_is_no_failure(experiment, tmp_path):
    job = jobs_of(experiment, folder=tmp_path / "elsewhere", resume=True)[0]
    assert run_job(job).result is not None
    assert not (tmp_path / "elsewhere").exists()
