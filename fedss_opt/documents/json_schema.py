"""JSON Schemas (draft 2020-12) of the documents, generated from what the readers themselves follow."""

from __future__ import annotations

from typing import Any

from ..fields import FIELDS, LINKS, Field, Objective
from ..solution import CertificateKind, Status, StopReason
from .problem_document import PROBLEM_FORMAT, VERSION
from .solution_document import (
    CERTIFICATE_KEYS,
    CERTIFICATE_REQUIRED,
    SOLUTION_FORMAT,
    SOLUTION_KEYS,
    SOLUTION_REQUIRED,
)

__all__ = ["problem_schema", "solution_schema"]

_DRAFT = "https://json-schema.org/draft/2020-12/schema"


def _entry(field: Field) -> dict[str, Any]:
    if field.choices:
        return {"enum": list(map(str, field.choices))}
    if field.type != "number":
        return {"type": field.type}
    entry: dict[str, Any] = {"type": ["number", "null"] if field.domain.infinite else "number"}
    entry["exclusiveMinimum" if field.domain.positive else "minimum"] = 0
    return entry


def _property(field: Field) -> dict[str, Any]:
    entry = _entry(field)
    array: dict[str, Any] = {"type": "array", "items": entry}
    described: dict[str, Any] = {"description": field.meaning + (f" Unit: {field.unit}." if field.unit else "")}
    if field.domain.infinite:
        described["description"] += " null: no limit."
    if field.default is not None and not field.domain.infinite:
        described["default"] = field.default
    if field.shape == "scalar":
        return described | entry
    if field.shape == "tasks x clients":
        return described | {"anyOf": [array, {"type": "array", "items": array}]}
    if field.type == "string":
        return described | array | {"uniqueItems": True}
    return described | {"anyOf": [entry, array]}


def problem_schema() -> dict[str, Any]:
    """Return the JSON Schema of the problem document.

    Lengths that must agree between fields are beyond a schema; `problem_from_dict` checks them.

    Examples
    --------
    >>> problem_schema()["required"]
    ['format', 'version', 'bandwidth_hz', 'payload_bits']
    """
    return {
        "$schema": _DRAFT,
        "title": "A round of federated learning in one cell: clients, channels, tasks, bandwidth",
        "type": "object",
        "properties": {
            "$schema": {"type": "string"},
            "format": {"const": PROBLEM_FORMAT},
            "version": {"const": VERSION},
            **{field.name: _property(field) for field in FIELDS},
        },
        "required": ["format", "version", *(field.name for field in FIELDS if field.required)],
        "oneOf": [{"required": [name]} for name in LINKS.values()],
        "dependentRequired": {"relevance": ["required"], "required": ["relevance"]},
        "additionalProperties": False,
    }


def solution_schema() -> dict[str, Any]:
    """Return the JSON Schema of the solution document.

    Examples
    --------
    >>> sorted(solution_schema()["properties"]["status"]["enum"])
    ['feasible', 'infeasible', 'optimal', 'unknown']
    """
    seconds = {"type": ["number", "null"], "minimum": 0}
    names = {"type": "array", "items": {"type": "string"}, "uniqueItems": True}
    certificate = {
        "kind": {"enum": [str(kind) for kind in CertificateKind]},
        "price": {
            "description": "Deadline T, s (makespan), or price of bandwidth, s/Hz (total). null: infinity.",
            "type": ["number", "null"],
        },
        "multipliers": {
            "description": "One per task, >= 0: Hz (makespan) or s (total) per unit of relevance.",
            "type": "array",
            "items": {"type": "number"},
        },
        "task": {
            "description": "Number, from 0, of the task that cannot be served.",
            "type": ["integer", "null"],
            "minimum": 0,
        },
    }
    properties: dict[str, Any] = {
        "format": {"const": SOLUTION_FORMAT},
        "version": {"const": VERSION},
        "status": {"enum": [str(status) for status in Status]},
        "stop_reason": {"enum": [str(reason) for reason in StopReason]},
        "method": {"type": "string"},
        "objective": {"enum": [str(o) for o in Objective]},
        "latency_s": seconds | {"description": "When the last selected client has uploaded. null: no answer."},
        "objective_s": seconds | {"description": "The problem's objective. null: no answer."},
        "lower_bound_s": seconds | {"description": "Nothing feasible is below. null: no bound is claimed."},
        "gap": {
            "description": "(objective_s - lower_bound_s) / lower_bound_s. null: unknown.",
            "type": ["number", "null"],
            "minimum": 0,
        },
        "iterations": {"type": "integer", "minimum": 0},
        "solve_time_s": seconds,
        "message": {"type": "string"},
        "client_ids": names,
        "task_ids": names,
        "selected": {
            "description": "Who uploads: one entry a client, in the problem's order.",
            "type": "array",
            "items": {"type": "boolean"},
        },
        "bandwidth_hz": {
            "description": "One entry a client, Hz; 0 for those left out.",
            "type": "array",
            "items": {"type": "number"},
        },
        "certificate": {
            "description": "The proof of lower_bound_s, or of the infeasibility. null: none.",
            "type": ["object", "null"],
            "properties": {name: certificate[name] for name in CERTIFICATE_KEYS},
            "required": list(CERTIFICATE_REQUIRED),
            "additionalProperties": False,
        },
        "problem": {"description": "The document of the problem that is answered.", "type": "object"},
    }
    return {
        "$schema": _DRAFT,
        "title": "An answer: who uploads, on how much bandwidth, and the proof of how good that is",
        "type": "object",
        "properties": {"$schema": {"type": "string"}, **{name: properties[name] for name in SOLUTION_KEYS}},
        "required": list(SOLUTION_REQUIRED),
        "additionalProperties": False,
    }
