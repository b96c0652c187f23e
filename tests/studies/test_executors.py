"""Executors: the same table wherever runs are run."""

from __future__ import annotations

import os
import signal
import time
from collections import deque
from concurrent.futures import Executor, Future
from contextlib import ExitStack

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


def test_an_address_that_no_scheduler_can_have_is_refused_at_once(experiment):
    pytest.importorskip("distributed")
    started = time.monotonic()
    with pytest.raises(OptionError, match=r"^executor = 'dask=nonsense://x': .*unknown address scheme 'nonsense'"):
        list(run_jobs(jobs_of(experiment), executor="dask=nonsense://x"))
    assert time.monotonic() - started < 20.0


def test_what_a_pool_cancels_or_returns_empty_is_lost_and_said(experiment, outcomes):
    class Unreliable(Executor):
        calls = 0

        def submit(self, function, /, *args, **named):
            Unreliable.calls += 1
            future = Future()
            if Unreliable.calls == 1:
                future.set_result(outcomes[0])
            elif Unreliable.calls == 2:
                future.cancel()
                future.set_running_or_notify_cancel()
            elif Unreliable.calls == 3:
                future.set_result(None)
            return future

    done = []

    def drain():
        waiting = deque(jobs_of(experiment)[:4])
        lost = yield from executors._drain(
            Unreliable(), executors.run_job, waiting, 4, lambda: False, lambda: None, lambda: 0.5
        )
        done.extend(lost)

    assert list(drain()) == [outcomes[0]]
    assert [job.place for job, _ in done] == [1, 2, 3]
    assert [executors._why_lost(error) for _, error in done] == [
        "the scheduler gave it up, or is gone",
        "its worker returned nothing",
        "no worker answers",
    ]


def one_of_many(job: Job) -> RunOutcome:
    """Take a moment, so that a cluster can be lost meanwhile."""
    time.sleep(0.5)
    return RunOutcome(job, error="ran")


@pytest.mark.slow
@pytest.mark.parametrize("gone", ["scheduler", "workers"])
def test_what_is_done_is_kept_when_the_cluster_is_lost(gone, monkeypatch, tmp_path):
    pytest.importorskip("distributed")
    from ..dask_cluster import Cluster  # noqa: PLC0415

    monkeypatch.setattr(executors, "run_job", one_of_many)
    monkeypatch.setattr(executors, "_GONE_S", 5.0)
    jobs = jobs_of(small_experiment(run={"algorithms": ("fedavg",), "policies": ("all",), "seeds": tuple(range(40))}))
    with ExitStack() as stack:
        cluster = Cluster(tmp_path, stack)
        ended = []
        for outcome in run_jobs(jobs, executor=f"dask={cluster.client.scheduler.address}"):
            ended.append(outcome)
            if len(ended) == 5:
                for process in [cluster.scheduler] if gone == "scheduler" else cluster.workers:
                    cluster.kill(process)
    assert sorted(outcome.job.place for outcome in ended) == list(range(40))
    assert sum(outcome.error == "ran" for outcome in ended) >= 5
    assert {outcome.error for outcome in ended} - {"ran"} <= {
        "the scheduler gave it up, or is gone",
        "no worker answers",
        "its worker died, again and again",
    }
    assert {outcome.error for outcome in ended} != {"ran"}
