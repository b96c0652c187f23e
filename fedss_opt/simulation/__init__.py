"""Federated multi-task learning over a simulated cell: real bytes, simulated seconds.

Needs the extra ``simulation``.
"""

from ..extras import needs_extra

with needs_extra("the simulator", "simulation"):
    from .engine import Simulation, SimulationSettings
    from .run_records import RoundRecord, RunResult

__all__ = ["RoundRecord", "RunResult", "Simulation", "SimulationSettings"]
