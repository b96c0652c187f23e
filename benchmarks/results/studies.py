"""Studies: a TOML file each, read into one experiment per case."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from fedss_opt.exceptions import FileFormatError
from fedss_opt.simulation.algorithms import ALGORITHMS, algorithm_type
from fedss_opt.studies.configuration import Override, load_experiment, parse_override, to_toml
from fedss_opt.studies.experiment import Experiment
from fedss_opt.studies.grid import Job, jobs_of

__all__ = ["FOLDER", "STUDIES", "Study", "read_study"]

FOLDER = Path(__file__).parent
STUDIES = ("frontier", "clock", "waterfall", "controls", "required", "speed")
"""The studies, in the order of the page."""


@dataclass(frozen=True)
class Study:
    """Experiments that answer one question.

    Attributes
    ----------
    name : str
        Name of the study and of its file.
    cases : mapping of str to Experiment
        What is run, by case.
    titles : mapping of str to str
        What tables and figures call a variant.
    """

    name: str
    cases: Mapping[str, Experiment]
    titles: Mapping[str, str]

    def jobs(self) -> dict[str, tuple[Job, ...]]:
        """List the runs of every case."""
        return {case: jobs_of(experiment) for case, experiment in self.cases.items()}

    def title(self, algorithm: str) -> str:
        """Return what a person calls an algorithm or a variant."""
        if algorithm in self.titles:
            return self.titles[algorithm]
        return algorithm_type(algorithm).title if algorithm in ALGORITHMS else algorithm


def read_study(path: Path, *, seeds: Sequence[int] = (), rounds: int | None = None) -> Study:
    """Read a study.

    Parameters
    ----------
    path : Path
        A configuration as `fedss_opt.studies` reads it, with two tables more: ``[cases]``, each a list
        of what ``--set`` would change, and ``[titles]`` of variants.
    seeds : sequence of int
        Seeds of every run; the file's by default.
    rounds : int, optional
        Rounds of every run, for trials; the file's by default.

    Raises
    ------
    FileFormatError
        When the file is not such a configuration.
    """
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise FileFormatError(f"{path.name}: not TOML: {error}") from None
    cases, titles = document.pop("cases", {"only": []}), document.pop("titles", {})
    always = [Override("--seeds", "run.seeds", list(seeds))] if seeds else []
    if rounds is not None:
        always += [Override("--rounds", "rounds", rounds), Override("--rounds", "evaluate_every", 1)]
    with TemporaryDirectory() as folder:
        # Under its own name, which is what errors call it.
        plain = Path(folder) / path.name
        plain.write_text(to_toml(document), encoding="utf-8")
        experiments = {case: _experiment(plain, changes, always) for case, changes in cases.items()}
    return Study(str(document.get("name", path.stem)), experiments, titles)


def _experiment(path: Path, changes: Iterable[str], always: Iterable[Override]) -> Experiment:
    found: list[Any] = [parse_override(change) for change in changes]
    return load_experiment(path, [*found, *always])
