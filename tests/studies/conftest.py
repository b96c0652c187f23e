"""A small experiment that every test here can afford."""

from __future__ import annotations

import pytest

from fedss_opt.studies.executors import run_jobs
from fedss_opt.studies.experiment import Experiment
from fedss_opt.studies.grid import RunOutcome, jobs_of


def small_experiment(**changes: object) -> Experiment:
    """Eight clients, four rounds, two algorithms, two policies that need no solver, two seeds."""
    return Experiment(
        **{
            "rounds": 4,
            "evaluate_every": 2,
            "data": {"n_clients": 8, "n_tasks": 2, "images_per_client": 10},
            "model": {"kind": "softmax"},
            "training": {"local_epochs": 1},
            "run": {"algorithms": ("fedss", "fedavg"), "policies": ("all", "random"), "seeds": (0, 1)},
            "algorithms": {"fedss": {"n_tasks": 2, "warmup_rounds": 1}},
            **changes,
        }
    )


@pytest.fixture(scope="session")
def experiment() -> Experiment:
    return small_experiment()


@pytest.fixture(scope="session")
def outcomes(warm: None, experiment: Experiment) -> list[RunOutcome]:
    """The experiment, run here."""
    return list(run_jobs(jobs_of(experiment)))
