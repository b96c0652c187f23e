"""An experiment: one cell and its learners, and which algorithms meet which policies with which seeds."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import Field, ValidationError, field_validator, model_validator

from ..exceptions import OptionError
from ..simulation.algorithms import ALGORITHMS, AlgorithmSettings, algorithm_type
from ..simulation.engine import SimulationSettings
from ..simulation.section import Section
from ..solvers import METHODS
from ..wording import nearest, one_of
from .findings import explain
from .keys import fill_nothing

__all__ = ["AlgorithmVariant", "Experiment", "RunSettings", "parse_seeds"]

_NAME = re.compile(r"[a-z0-9][a-z0-9_-]*")
_MOST_SEEDS = 10_000


def parse_seeds(text: str) -> tuple[int, ...]:
    """Read seeds as people write them: ``"0,3,5"``, ``"0:8"`` (the end is left out), or both; else a ValueError.

    Examples
    --------
    >>> parse_seeds("0:4,9")
    (0, 1, 2, 3, 9)
    """
    seeds: list[int] = []
    for part in text.split(","):
        found = re.fullmatch(r"\s*(\d{1,18})(?::(\d{1,18}))?\s*", part)
        if found is None:
            raise ValueError("must be integers >= 0 such as 0,3,5, or a range such as 0:8 (0 to 7)")
        first = int(found[1])
        stop = first + 1 if found[2] is None else int(found[2])
        if stop <= first or len(seeds) + stop - first > _MOST_SEEDS:
            raise ValueError(f"the range {part.strip()} must hold 1 to {_MOST_SEEDS} seeds; its end is left out")
        seeds.extend(range(first, stop))
    return tuple(seeds)


class RunSettings(Section):
    """What is run: every algorithm under every policy with every seed."""

    algorithms: Annotated[tuple[str, ...], Field(min_length=1)] = ("fedss", "fedavg", "oracle_clustered")
    """Algorithms, or variants that have a table `[algorithms.NAME]`."""
    policies: Annotated[tuple[str, ...], Field(min_length=1)] = ("admm",)
    """Methods and policies of `fedss_opt.solve` that allocate."""
    seeds: Annotated[tuple[Annotated[int, Field(ge=0, lt=10**18)], ...], Field(min_length=1)] = (0,)
    """Seeds; a text such as ``"0:8"`` stands for a range without its end."""

    @field_validator("seeds", mode="before")
    @classmethod
    def _read_seeds(cls, value: Any) -> Any:
        return parse_seeds(value) if isinstance(value, str) else value

    @field_validator("algorithms", "policies", "seeds")
    @classmethod
    def _refuse_repetitions(cls, value: tuple[Any, ...]) -> tuple[Any, ...]:
        twice = next((item for place, item in enumerate(value) if item in value[:place]), None)
        if twice is not None:
            raise ValueError(f"{twice!r} stands there twice")
        return value

    @field_validator("policies")
    @classmethod
    def _know_the_policies(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for name in value:
            if name not in METHODS:
                raise ValueError(f"{name!r} {one_of(name, METHODS)}")
        return value


@dataclass(frozen=True)
class AlgorithmVariant:
    """An algorithm (`base`) with options, under the name it has in the results."""

    name: str
    base: str
    options: AlgorithmSettings


class Experiment(SimulationSettings):
    """A whole experiment, as a configuration file says it.

    Examples
    --------
    >>> experiment = Experiment(
    ...     run={"algorithms": ("fedss", "fedss-dense")}, algorithms={"fedss-dense": {"base": "fedss", "density": 1.0}}
    ... )
    >>> experiment.variants["fedss-dense"].options.density
    1.0
    """

    name: str = "experiment"
    """What to call it."""
    run: RunSettings = RunSettings()
    """Which algorithms, policies and seeds."""
    algorithms: dict[str, dict[str, Any]] = Field(default_factory=dict)
    """Options of the algorithms, a table each; one with ``base = "NAME"`` is a variant of that algorithm, under a name
    of its own.
    """

    @model_validator(mode="after")
    def _know_the_variants(self) -> Experiment:
        variants = self.variants
        for place, name in enumerate(self.run.algorithms):
            if name not in variants:
                known = {**ALGORITHMS, **self.algorithms}
                raise OptionError(
                    field=f"run.algorithms[{place}]",
                    value=name,
                    accepted=one_of(name, known),
                )
        return self

    @property
    def simulation(self) -> SimulationSettings:
        """What every run has in common."""
        return SimulationSettings(**{name: getattr(self, name) for name in SimulationSettings.model_fields})

    @property
    def variants(self) -> Mapping[str, AlgorithmVariant]:
        """The variants that run or have a table, by name."""
        found = {name: _variant(name, table) for name, table in self.algorithms.items()}
        for name in self.run.algorithms:
            if name not in found and name in ALGORITHMS:
                found[name] = _variant(name, {})
        return found


def _variant(name: str, table: Mapping[str, Any]) -> AlgorithmVariant:
    place = f"algorithms.{name}"
    if not _NAME.fullmatch(name):
        raise OptionError("a variant's name has lower-case letters, digits, - and _ only", field=place)
    base = table.get("base", name)
    if "base" not in table and name not in ALGORITHMS:
        hint = nearest(name, ALGORITHMS)
        raise OptionError(f"no algorithm of this name{hint}; a variant says base = ...", field=place)
    if base not in ALGORITHMS:
        raise OptionError(field=f"{place}.base", value=base, accepted=one_of(base, ALGORITHMS))
    if name in ALGORITHMS and base != name:
        text = f"{name} is an algorithm itself; give the variant another name"
        raise OptionError(field=f"{place}.base", value=base, accepted=text)
    kind = algorithm_type(base).settings_type
    options = fill_nothing({key: value for key, value in table.items() if key != "base"}, kind)
    try:
        settings = kind.model_validate(options)
    except ValidationError as error:
        raise explain(error, kind, place) from None
    return AlgorithmVariant(name, base, settings)
