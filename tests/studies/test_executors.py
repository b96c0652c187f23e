"""Executors: the same table wherever runs are run."""

from __future__ import annotations

import os
import signal

import pytest

from fedss_opt.exceptions import MissingDependencyError, OptionError
from fedss_opt.simulation.run_records import RoundRecord
from fedss_opt.studies import executors
from fedss_opt.studies.executors import check_executor, run_jobs
from fedss_opt.studies.grid import Job, RunOutcome, jobs_of
from fedss_opt.studies.results import results_frame, results_of

from .conftest import small_experiment

pytestmark = pytest.mark.usefixtures("warm")

DIES_WITH_SEED = 1


def _die(job: Job) -> RunOutcome:
    """Take the process down, as the kernel does when memory runs out."""
    if job.seed == DIES_WITH_SEED:
        os.kill(os.getpid(), signal.SIGKILL)
    return executors.run_job(job)


@pytest.mark.parametrize(
    ("executor", "workers"),
    [("threads", None), ("dask", None), ("dask=", None), ("", None), ("serial", 2), ("processes", 0)],
)
def test_executors_that_are_none(executor, workers):
    with pytest.raises(OptionError, match=r"^(executor|workers) = "):
        check_executor(executor, workers)


def test_the_order_of_the_jobs_changes_nothing(experiment, outcomes):
    backwards = list(run_jobs(jobs_of(experiment)[::-1]))
    assert results_frame(results_of(backwards)).equals(results_frame(results_of(outcomes)))


def test_processes_give_the_same_table(experiment, outcomes):
    told: list[tuple[int, RoundRecord]] = []
    elsewhere = list(
        run_jobs(
            jobs_of(experiment)[:4],
            executor="processes",
            workers=2,
            watch=lambda job, record: told.append((job.place, record)),
        )
    )
    assert results_frame(results_of(elsewhere)).equals(results_frame(results_of(outcomes[:4])))
    assert told
    by_place = {outcome.job.place: outcome.result for outcome in outcomes}
    assert all(record == by_place[place].records[record.round] for place, record in told)


def test_every_round_is_watched_here(experiment):
    told = []
    list(run_jobs(jobs_of(experiment)[:2], watch=lambda job, record: told.append((job.place, record.round))))
    assert told == [(place, round_) for place in (0, 1) for round_ in range(4)]


def test_a_stop_ends_the_round_and_keeps_what_was_done(experiment, outcomes, tmp_path):
    jobs = jobs_of(experiment, folder=tmp_path)
    seen: list[int] = []
    running = run_jobs(jobs, watch=lambda job, record: seen.append(job.place), stopped=lambda: len(seen) == 6)
    assert next(running).job.place == 0
    with pytest.raises(KeyboardInterrupt):
        next(running)
    assert jobs[1].checkpoint.exists()
    again = list(run_jobs(jobs_of(experiment, folder=tmp_path, resume=True)[:3]))
    assert results_frame(results_of(again)).equals(results_frame(results_of(outcomes[:3])))


def test_a_stop_ends_processes():
    experiment = small_experiment(rounds=100_000)
    seen: list[int] = []
    with pytest.raises(KeyboardInterrupt):
        list(
            run_jobs(
                jobs_of(experiment),
                executor="processes",
                workers=1,
                watch=lambda job, record: seen.append(job.place),
                stopped=lambda: len(seen) > 2,
            )
        )


@pytest.mark.slow
def test_a_process_that_dies_is_reported_and_the_others_are_kept(monkeypatch):
    monkeypatch.setattr(executors, "_run_in_worker", _die)
    experiment = small_experiment(run={"algorithms": ("fedavg",), "policies": ("all",), "seeds": (0, 1, 2)})
    ended = sorted(run_jobs(jobs_of(experiment), executor="processes", workers=2), key=lambda each: each.job.place)
    assert [outcome.result is not None for outcome in ended] == [True, False, True]
    assert "died" in ended[1].error


# -- Dask ---------------------------------------------------------------------------------------------------


def test_dask_gives_the_same_table(experiment, outcomes):
    distributed = pytest.importorskip("distributed")
    with distributed.LocalCluster(
        n_workers=1, threads_per_worker=2, processes=False, dashboard_address=None
    ) as cluster:
        elsewhere = list(run_jobs(jobs_of(experiment), executor=f"dask={cluster.scheduler_address}"))
    assert results_frame(results_of(elsewhere)).equals(results_frame(results_of(outcomes)))


def test_dask_that_is_missing_or_silent(monkeypatch, experiment):
    distributed = pytest.importorskip("distributed")

    def silent(*_: object, **__: object) -> None:
        raise OSError("Timed out trying to connect")

    monkeypatch.setattr(distributed, "Client", silent)
    with pytest.raises(OptionError, match="no scheduler to talk to: Timed out"):
        list(run_jobs(jobs_of(experiment), executor="dask=tcp://127.0.0.1:1"))
    monkeypatch.setitem(__import__("sys").modules, "distributed", None)
    with pytest.raises(MissingDependencyError, match=r"fedss-opt\[distributed\]"):
        list(run_jobs(jobs_of(experiment), executor="dask=tcp://127.0.0.1:1"))
