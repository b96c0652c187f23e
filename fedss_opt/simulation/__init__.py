"""Federated multi-task learning over a simulated cell: real bytes, simulated seconds.

Needs the extra ``simulation``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..exceptions import MissingDependencyError

if TYPE_CHECKING:
    from .engine import Simulation, SimulationSettings
    from .run_records import RoundRecord, RunResult

__all__ = ["RoundRecord", "RunResult", "Simulation", "SimulationSettings"]

_HOMES = {
    "RoundRecord": "run_records",
    "RunResult": "run_records",
    "Simulation": "engine",
    "SimulationSettings": "engine",
}


def __getattr__(name: str) -> Any:
    """Load the simulator with its first use, so that a missing extra is told where it is needed."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module  # noqa: PLC0415

    try:
        return getattr(import_module(f".{_HOMES[name]}", __name__), name)
    except ModuleNotFoundError as error:
        if error.name in ("pydantic", "sklearn", "threadpoolctl"):
            raise MissingDependencyError(f"the simulator needs {error.name}; install fedss-opt[simulation]") from None
        raise
