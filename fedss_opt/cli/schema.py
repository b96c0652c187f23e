"""``fedss-opt schema``: the documents' JSON Schemas."""

from __future__ import annotations

import json
from enum import StrEnum
from typing import Annotated

import typer

from ..documents import problem_schema, solution_schema
from .exit_status import ExitStatus

__all__ = ["schema_command"]


class Document(StrEnum):
    """The documents that have a schema."""

    PROBLEM = "problem"
    SOLUTION = "solution"


def schema_command(
    document: Annotated[Document, typer.Argument(help="Which document.")],
) -> int:
    """Print the JSON Schema (draft 2020-12) of a document."""
    schema = problem_schema() if document is Document.PROBLEM else solution_schema()
    print(json.dumps(schema, indent=2))
    return ExitStatus.OK
