"""An experiment as a report page: `write_simulation_report` (extra ``report``)."""

from .page import write_simulation_report

__all__ = ["write_simulation_report"]
