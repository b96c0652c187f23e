"""Experiments: configurations, grids of runs, tables and figures (``docs/reference/simulate.md``)."""

from .configuration import Override, default_text, load_experiment, parse_override, to_document, to_toml
from .executors import run_jobs
from .grid import Job, Outcome, jobs_of, run_job
from .results import record_document, results_frame, results_of, write_frame, write_records
from .settings import Experiment, RunSettings, Variant, parse_seeds
from .summary import interval, summarise

__all__ = [
    "Experiment",
    "Job",
    "Outcome",
    "Override",
    "RunSettings",
    "Variant",
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
]
