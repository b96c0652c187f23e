"""Studies: configurations, grids of runs, tables, figures and pages (``docs/reference/simulate.md``).

Needs the extra ``simulation``; figures and pages the extra ``report`` besides.
"""

from ..extras import needs_extra

with needs_extra("a study", "simulation"):
    from .configuration import load_experiment, parse_override
    from .executors import run_jobs
    from .experiment import Experiment
    from .grid import Job, RunOutcome, jobs_of
    from .results import results_frame, results_of
    from .study_page import write_simulation_report
    from .summary import summarise

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
