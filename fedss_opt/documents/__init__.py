"""Problems and answers as JSON documents and NPZ files (``docs/reference/file-format.md``)."""

from .files import load_problem, load_solution, parse_json, save_problem, save_solution
from .json_schema import problem_schema, solution_schema
from .problem_document import PROBLEM_FORMAT, VERSION, problem_from_dict, problem_to_dict
from .solution_document import SOLUTION_FORMAT, solution_from_dict, solution_to_dict

__all__ = [
    "PROBLEM_FORMAT",
    "SOLUTION_FORMAT",
    "VERSION",
    "load_problem",
    "load_solution",
    "parse_json",
    "problem_from_dict",
    "problem_schema",
    "problem_to_dict",
    "save_problem",
    "save_solution",
    "solution_from_dict",
    "solution_schema",
    "solution_to_dict",
]
