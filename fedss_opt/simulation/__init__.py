"""Federated multi-task learning over a simulated cell: real bytes, simulated seconds.

Needs the extra ``simulation``.
"""

from ..exceptions import needs_extra

with needs_extra("the simulator", "simulation"):
    from .engine import Simulation, SimulationSettings
    from .run_records import Participation, RoundRecord, RunResult

__all__ = ["Participation", "RoundRecord", "RunResult", "Simulation", "SimulationSettings"]
