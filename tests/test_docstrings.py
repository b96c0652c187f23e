"""Public names are explained, each with an example; `pytest --doctest-modules` runs the examples."""

from __future__ import annotations

import inspect
from enum import Enum

import pytest

MODULES = (
    "fedss_opt",
    "fedss_opt.batch",
    "fedss_opt.documents.json_schema",
    "fedss_opt.integrations.flower",
    "fedss_opt.reports",
    "fedss_opt.rounds",
    "fedss_opt.scenarios",
    "fedss_opt.sharing",
    "fedss_opt.simulation",
    "fedss_opt.simulation.algorithms",
    "fedss_opt.simulation.data",
    "fedss_opt.studies",
    "fedss_opt.simulation.models",
    "fedss_opt.tables",
    "fedss_opt.verification",
)

# Classes without an example of their own: nobody makes them by hand, and what returns or takes them shows them in its
# example. A name that gets an example, or goes, leaves this list.
WITHOUT_EXAMPLE = {
    "fedss_opt": {"Certificate", "CheckReport", "Progress", "RoundPlan"},
    "fedss_opt.integrations.flower": {"AllocatedResult", "AllocatedStrategy", "LinkSource", "Links"},
    "fedss_opt.rounds": {"FairnessCost", "RoundPlan"},
    "fedss_opt.scenarios": {"Preset"},
    "fedss_opt.sharing": {"Aggregate", "Decoded", "MaskStatistics", "QuantiserReport"},
    "fedss_opt.simulation": {"RoundRecord", "RunResult"},
    "fedss_opt.simulation.algorithms": {"Algorithm", "AlgorithmSettings"},
    "fedss_opt.simulation.data": {"Task"},
    "fedss_opt.studies": {"Job", "RunOutcome"},
    "fedss_opt.verification": {"Allowances"},
}


def public(module: str) -> dict[str, object]:
    """Return the functions and classes that a module offers."""
    loaded = pytest.importorskip(module, exc_type=ImportError)
    return {
        name: thing
        for name in loaded.__all__
        if inspect.isclass(thing := getattr(loaded, name)) or inspect.isroutine(thing)
    }


def explains_itself(thing: object) -> bool:
    """Whether a class is a closed set of values, an error or an interface, which its uses show."""
    return inspect.isclass(thing) and (
        issubclass(thing, Enum | Exception) or bool(getattr(thing, "_is_protocol", False))
    )


@pytest.mark.parametrize("module", MODULES)
def test_public_names_are_explained(module: str) -> None:
    for name, thing in public(module).items():
        first, *_ = [*(inspect.getdoc(thing) or "").splitlines(), ""]
        assert first.endswith((".", ":", "?")), f"{module}.{name}"


@pytest.mark.parametrize("module", MODULES)
def test_public_names_have_an_example(module: str) -> None:
    lacking = {
        name
        for name, thing in public(module).items()
        if ">>>" not in (thing.__doc__ or "") and not explains_itself(thing)
    }
    assert lacking == WITHOUT_EXAMPLE.get(module, set())


def test_the_list_names_modules_that_are_looked_at() -> None:
    assert set(WITHOUT_EXAMPLE) <= set(MODULES)
