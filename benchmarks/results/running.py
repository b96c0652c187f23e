"""Running what is still to be run, and finding the runs of a study again."""

from __future__ import annotations

import math
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from fedss_opt.simulation.accuracy import first_reached
from fedss_opt.simulation.run_records import RoundRecord
from fedss_opt.studies.executors import run_jobs
from fedss_opt.studies.experiment import Experiment
from fedss_opt.studies.grid import Job

from .cache import Cache, Finished
from .studies import Study

__all__ = ["Runs", "missing", "run"]


def missing(studies: Iterable[Study], cache: Cache) -> list[Job]:
    """List the runs that are still to be run, each once however many studies ask for it."""
    found: dict[str, Job] = {}
    for study in studies:
        for jobs in study.jobs().values():
            found |= {cache.path(job).name: job for job in jobs if cache.find(job) is None}
    return list(found.values())


def run(jobs: list[Job], cache: Cache, *, workers: int) -> list[str]:
    """Run jobs and keep them as they end; return what failed, a line each."""
    failed = []
    columns = (
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.description}"),
    )
    with Progress(*columns, console=Console(stderr=True), disable=not sys.stderr.isatty()) as bar:
        task = bar.add_task("", total=len(jobs))
        # Numbered anew: jobs of several grids share numbers.
        numbered = [Job(place, j.settings, j.variant, j.policy, j.seed) for place, j in enumerate(jobs)]
        executor = "serial" if workers == 1 else "processes"
        for outcome in run_jobs(numbered, executor=executor, workers=None if workers == 1 else workers):
            if outcome.result is None:
                failed.append(f"{outcome.job.name}: {outcome.error}")
            else:
                cache.keep(outcome.job, outcome.result)
            bar.update(task, advance=1, description=outcome.job.name)
    return failed


@dataclass(frozen=True)
class Runs:
    """The finished runs of a study.

    Attributes
    ----------
    study : Study
        Which.
    of : mapping of (case, algorithm, policy) to mapping of seed to Finished
        The runs.
    """

    study: Study
    of: Mapping[tuple[str, str, str], Mapping[int, Finished]]

    @classmethod
    def find(cls, study: Study, cache: Cache) -> Runs:
        """Collect a study's runs; all must be there."""
        found: dict[tuple[str, str, str], dict[int, Finished]] = {}
        for case, jobs in study.jobs().items():
            for job in jobs:
                finished = cache.find(job)
                if finished is None:
                    raise LookupError(f"{job.name}: has not been run")
                found.setdefault((case, job.variant.name, job.policy), {})[job.seed] = finished
        return cls(study, found)

    def __iter__(self) -> Iterator[Finished]:
        """Walk through all runs."""
        for runs in self.of.values():
            yield from runs.values()

    def case(self, name: str) -> Experiment:
        """Return the experiment of a case."""
        return self.study.cases[name]

    def algorithms(self, case: str) -> tuple[str, ...]:
        """Return the algorithms and variants of a case."""
        return self.case(case).run.algorithms

    def base(self, case: str, algorithm: str) -> str:
        """Return the algorithm that a variant is one of."""
        return self.case(case).variants[algorithm].base

    def last(self, case: str, algorithm: str, policy: str) -> list[RoundRecord]:
        """Return the last record of every seed."""
        return [run.last for run in self.of[case, algorithm, policy].values()]

    def accuracy(self, case: str, algorithm: str, policy: str) -> list[float]:
        """Return the final mean accuracy of every seed."""
        return [_known(record.accuracy_mean) for record in self.last(case, algorithm, policy)]

    def worst_decile(self, case: str, algorithm: str, policy: str) -> list[float]:
        """Return the final accuracy of the worst tenth, of every seed."""
        return [_known(record.accuracy_worst_decile) for record in self.last(case, algorithm, policy)]

    def seconds_to(self, target: float, case: str, algorithm: str, policy: str) -> list[float]:
        """Return the simulated seconds to a mean accuracy, of every seed; infinite where it was not reached."""
        return [
            first_reached([_known(r.accuracy_mean) for r in run.tested], [r.simulated_s for r in run.tested], target)
            for run in self.of[case, algorithm, policy].values()
        ]

    def rand_index(self, case: str, algorithm: str, policy: str) -> list[float]:
        """Return how well every seed's tasks were found; nothing where they were not looked for."""
        found = [run.rand_index for run in self.of[case, algorithm, policy].values()]
        return [value for value in found if value is not None]


def _known(value: float | None) -> float:
    return math.nan if value is None else value
