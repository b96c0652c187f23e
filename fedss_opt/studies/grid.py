"""Every algorithm under every policy with every seed: the runs of an experiment, and what becomes of them."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ..exceptions import FedssOptError
from ..simulation.engine import Simulation, SimulationSettings
from ..simulation.run_records import RoundRecord, RunResult
from .experiment import AlgorithmVariant, Experiment

__all__ = ["Job", "RunOutcome", "jobs_of", "run_job", "simulation_of"]


@dataclass(frozen=True)
class Job:
    """One run: an algorithm, a policy and a seed, and all that they need; can be sent anywhere.

    It stands at `place` in the grid. Its state is kept in the file `checkpoint`, if any, and continued with `resume`.
    """

    place: int
    settings: SimulationSettings
    variant: AlgorithmVariant
    policy: str
    seed: int
    checkpoint: Path | None = None
    resume: bool = False

    @property
    def name(self) -> str:
        """The run as a person calls it."""
        return f"{self.variant.name} under {self.policy}, seed {self.seed}"


@dataclass(frozen=True, eq=False)
class RunOutcome:
    """What became of a run: its result, or why it failed in one line, and where unless it was refused on purpose."""

    job: Job
    result: RunResult | None = None
    error: str = ""
    traceback: str = ""

    @classmethod
    def failed(cls, job: Job, error: Exception) -> RunOutcome:
        """Return the outcome of a run that failed otherwise than on purpose."""
        text = "".join(traceback.format_exception(error))
        return cls(job, error=f"{type(error).__name__}: {error}", traceback=text)

    @property
    def refused(self) -> bool:
        """Whether the run was refused on purpose, with an error that says why."""
        return self.result is None and not self.traceback


def jobs_of(experiment: Experiment, *, folder: Path | None = None, resume: bool = False) -> tuple[Job, ...]:
    """List the runs of an experiment, seed by seed within policy within algorithm; each has a checkpoint in the folder.

    Examples
    --------
    >>> from fedss_opt.studies.experiment import Experiment
    >>> [job.name for job in jobs_of(Experiment(run={"algorithms": ["fedavg"], "seeds": "0:2"}))]
    ['fedavg under admm, seed 0', 'fedavg under admm, seed 1']
    """
    settings, variants = experiment.simulation, experiment.variants
    grid = [
        (variants[name], policy, seed)
        for name in experiment.run.algorithms
        for policy in experiment.run.policies
        for seed in experiment.run.seeds
    ]
    return tuple(
        Job(
            place=place,
            settings=settings,
            variant=variant,
            policy=policy,
            seed=seed,
            checkpoint=None if folder is None else folder / f"{variant.name}--{policy}--{seed}.npz",
            resume=resume,
        )
        for place, (variant, policy, seed) in enumerate(grid)
    )


def simulation_of(job: Job) -> Simulation:
    """Return a job's simulation, which refuses what its configuration cannot do before anything is run."""
    return Simulation(
        job.settings,
        algorithm=job.variant.base,
        options=job.variant.options,
        policy=job.policy,
        seed=job.seed,
        label=job.variant.name,
    )


def run_job(job: Job, on_round: Callable[[RoundRecord], None] | None = None) -> RunOutcome:
    """Run a job; whatever fails is part of its outcome, so that the others go on.

    Examples
    --------
    >>> from fedss_opt.studies.experiment import Experiment
    >>> small = Experiment(rounds=1, data={"n_clients": 8}, run={"algorithms": ["fedavg"], "policies": ["all"]})
    >>> outcome = run_job(jobs_of(small)[0])
    >>> outcome.error, len(outcome.result.records)
    ('', 1)
    """
    try:
        simulation = simulation_of(job)
        # A worker on another machine may not see the folder; it runs all the same.
        kept = job.checkpoint is not None and job.checkpoint.parent.is_dir()
        result = simulation.run(on_round=on_round, checkpoint=job.checkpoint if kept else None, resume=job.resume)
    except FedssOptError as error:
        return RunOutcome(job, error=str(error))
    except Exception as error:
        return RunOutcome.failed(job, error)
    return RunOutcome(job, result)
