"""All hyperparameters: the settings' defaults, and what the studies say otherwise."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from fedss_opt.simulation.algorithms import ALGORITHMS, AlgorithmSettings, algorithm_type
from fedss_opt.simulation.engine import SimulationSettings
from fedss_opt.studies.keys import shown, spoken

from .studies import Study
from .tables import table

__all__ = ["algorithms_table", "settings_table", "studies_table", "variants_table"]


def _values(values: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, str]]:
    for key, value in values.items():
        here = f"{path}.{key}" if path else key
        if isinstance(value, Mapping):
            yield from _values(value, here)
        else:
            yield here, shown(value)


def _listed(values: Mapping[str, str]) -> str:
    return ", ".join(f"`{key} = {value}`" for key, value in values.items())


def _said(values: Mapping[str, Any]) -> str:
    return _listed(dict(_values(values)))


def settings_table() -> str:
    """Write the defaults of a run, a row per section."""
    document = spoken(SimulationSettings())
    plain = {key: value for key, value in document.items() if not isinstance(value, Mapping)}
    sections = {key: value for key, value in document.items() if isinstance(value, Mapping)}
    rows = [[name, _said(values)] for name, values in {"run": plain, **sections}.items()]
    return _left(table(["section", "defaults"], rows))


def algorithms_table() -> str:
    """Write the defaults of every algorithm, a row each; bits a value are said where they are not 32."""
    usual = spoken(AlgorithmSettings())
    rows = []
    for name in ALGORITHMS:
        kind = algorithm_type(name)
        own = {key: value for key, value in spoken(kind.settings_type()).items() if usual.get(key) != value}
        rows.append([f"{kind.title} (`{name}`)", _said(own) or "none of its own"])
    return _left(table(["algorithm", "defaults"], rows))


def studies_table(studies: Sequence[Study]) -> str:
    """Write what each case of each study sets otherwise, and how many runs it has."""
    usual = dict(_values(spoken(SimulationSettings())))
    rows = []
    for study in studies:
        for case, jobs in study.jobs().items():
            said = {k: v for k, v in _values(spoken(study.cases[case].simulation)) if usual.get(k) != v}
            rows.append([f"{study.name}: {case}", _listed(said) or "nothing", f"{len(jobs)}"])
    return _left(table(["study: case", "other than the defaults", "runs"], rows))


def variants_table(studies: Sequence[Study]) -> str:
    """Write what the variants of an algorithm set otherwise than the algorithm."""
    rows: dict[str, list[str]] = {}
    for study in studies:
        for experiment in study.cases.values():
            for name, variant in experiment.variants.items():
                usual = spoken(algorithm_type(variant.base).settings_type())
                own = {key: value for key, value in spoken(variant.options).items() if usual.get(key) != value}
                # The cases of another K say so themselves.
                if name != variant.base and name not in rows:
                    rows[name] = [f"{study.title(name)} (`{variant.base}`)", _said(own) or "nothing"]
    return _left(table(["variant", "other than the algorithm"], list(rows.values())))


def _left(text: str) -> str:
    return text.replace("---:|", "---|")
