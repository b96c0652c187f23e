"""Studies: configurations, grids of runs, tables, figures and pages (``docs/reference/simulate.md``).

Needs the extra ``simulation``; figures and pages the extra ``report`` besides.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..exceptions import MissingDependencyError

if TYPE_CHECKING:
    from .configuration import load_experiment, parse_override
    from .executors import run_jobs
    from .experiment import Experiment
    from .grid import Job, RunOutcome, jobs_of
    from .results import results_frame, results_of
    from .study_page import write_simulation_report
    from .summary import summarise

_HOMES = {
    "configuration": ("load_experiment", "parse_override"),
    "executors": ("run_jobs",),
    "experiment": ("Experiment",),
    "grid": ("Job", "RunOutcome", "jobs_of"),
    "results": ("results_frame", "results_of"),
    "study_page": ("write_simulation_report",),
    "summary": ("summarise",),
}
_EXTRA = ("annotated_types", "polars", "pydantic", "pydantic_core", "sklearn", "threadpoolctl", "tomli_w")

__all__ = [
    "Experiment",
    "Job",
    "RunOutcome",
    "jobs_of",
    "load_experiment",
    "parse_override",
    "results_frame",
    "results_of",
    "run_jobs",
    "summarise",
    "write_simulation_report",
]


def __getattr__(name: str) -> Any:
    """Load a part with its first use, so that a missing extra is told where it is needed."""
    home = next((home for home, names in _HOMES.items() if name in names), None)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module  # noqa: PLC0415

    try:
        return getattr(import_module(f".{home}", __name__), name)
    except ModuleNotFoundError as error:
        missing = (error.name or "").partition(".")[0]
        if missing in _EXTRA:
            raise MissingDependencyError(
                f'studies need {missing}; install it with: pip install "fedss-opt[simulation]"'
            ) from None
        raise
