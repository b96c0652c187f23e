"""Studies: configurations, grids of runs, tables, figures and pages (``docs/reference/simulate.md``).

Needs the extra ``simulation``; figures and pages the extra ``report`` besides.
"""

from ..exceptions import needs_extra

with needs_extra("a study", "simulation"):
    from .configuration import Override, default_text, load_experiment, parse_override, to_document, to_toml
    from .executors import run_jobs
    from .experiment import AlgorithmVariant, Experiment, RunSettings, parse_seeds
    from .grid import Job, RunOutcome, jobs_of, run_job
    from .results import record_document, results_frame, results_of, write_frame, write_records
    from .study_page import write_simulation_report
    from .summary import interval, summarise

__all__ = [
    "AlgorithmVariant",
    "Experiment",
    "Job",
    "Override",
    "RunOutcome",
    "RunSettings",
    "default_text",
    "interval",
    "jobs_of",
    "load_experiment",
    "parse_override",
    "parse_seeds",
    "record_document",
    "results_frame",
    "results_of",
    "run_job",
    "run_jobs",
    "summarise",
    "to_document",
    "to_toml",
    "write_frame",
    "write_records",
    "write_simulation_report",
]
