"""Outcomes that nobody computed, for tests of what is made of outcomes: any number of runs costs milliseconds."""

from __future__ import annotations

from collections.abc import Container

import numpy as np

from fedss_opt.simulation.run_records import RoundRecord, RunResult
from fedss_opt.studies.experiment import Experiment
from fedss_opt.studies.grid import RunOutcome, jobs_of


def synthetic_outcomes(
    experiment: Experiment,
    *,
    failed: Container[int] = (),
    missing: Container[int] = (),
    error: str = "SolverError: it gave up",
) -> list[RunOutcome]:
    """Learning curves that saturate, the earlier an algorithm stands in the list the faster.

    Parameters
    ----------
    experiment : Experiment
        Which runs there are.
    failed, missing : container of int
        Places in the grid of the runs that failed, and of those that never ran.
    error : str
        Why they failed.
    """
    names, policies = experiment.run.algorithms, experiment.run.policies
    outcomes = []
    for job in jobs_of(experiment):
        if job.place in missing:
            continue
        if job.place in failed:
            outcomes.append(RunOutcome(job, error=error, traceback="Traceback"))
            continue
        learner, policy = names.index(job.variant.name), policies.index(job.policy)
        rng = np.random.default_rng((learner, policy, job.seed))
        outcomes.append(RunOutcome(job, _run(experiment, job.variant.name, job.policy, job.seed, learner, policy, rng)))
    return outcomes


def _run(
    experiment: Experiment, name: str, policy: str, seed: int, learner: int, slowness: int, rng: np.random.Generator
) -> RunResult:
    rounds, clients, tasks = experiment.rounds, experiment.data.n_clients, experiment.data.n_tasks
    latency = (0.05 + 0.03 * slowness) * rng.lognormal(0.0, 0.3, rounds)
    clock = np.cumsum(latency)
    bits = np.cumsum(rng.integers(2_000_000, 3_000_000, rounds)) * (1 + learner)
    level = 0.97 - 0.02 * learner + 0.005 * rng.standard_normal()
    task_level = level - 0.03 * np.arange(tasks)
    pace = 3.0 + learner
    states = rng.choice(np.array([0, 1, 2, 3], np.int8), size=(rounds, clients), p=[0.05, 0.45, 0.45, 0.05])
    records = []
    for i in range(rounds):
        selected, arrived = int((states[i] >= 2).sum()), int((states[i] == 2).sum())
        tested = (i + 1) % experiment.evaluate_every == 0 or i + 1 == rounds
        by_task = task_level * (1.0 - 0.9 * np.exp(-(i + 1) / pace)) + 0.002 * rng.standard_normal(tasks)
        records.append(
            RoundRecord(
                round=i,
                status="feasible",
                gap=0.01 if policy == "admm" else None,
                selected=selected,
                arrived=arrived,
                latency_s=float(latency[i]),
                downlink_s=0.01,
                simulated_s=float(clock[i]),
                uplink_bits=int(bits[i]),
                downlink_bits=2 * int(bits[i]),
                accuracy_mean=float(by_task.mean()) if tested else None,
                accuracy_worst_decile=float(by_task.min()) if tested else None,
                accuracy_spread=float(by_task.std()) if tested else None,
                task_accuracy=tuple(by_task.tolist()) if tested else (),
                figures={"density": 0.3} if name.startswith("fedss") else {},
            )
        )
    exhibits = {}
    if name.startswith("fedss"):
        measured = rng.uniform(0.0, 1.0, (tasks, tasks, 12))
        measured = (measured + measured.transpose(1, 0, 2)) / 2.0
        measured[np.arange(tasks), np.arange(tasks)] = 1.0
        exhibits = {"relevance": measured, "sharing": np.round(measured * 4.0) / 4.0}
    return RunResult(
        algorithm=name,
        policy=policy,
        seed=seed,
        records=tuple(records),
        participation=states,
        exhibits=exhibits,
    )
