"""The OpenAPI 3.1 document: its schemas are those of the files, its limits those of the running server."""

from __future__ import annotations

from typing import Any

from .. import __version__
from ..checking import CHECK_FORMAT
from ..documents import problem_schema, solution_schema
from .limits import Limits
from .problem_details import RefusalKind
from .work import MAX_SEED, METHODS_SERVED

__all__ = ["openapi"]

_BODY_KINDS = (
    RefusalKind.MALFORMED,
    RefusalKind.CUT_OFF,
    RefusalKind.TOO_SLOW,
    RefusalKind.TOO_LARGE,
    RefusalKind.WRONG_MEDIA_TYPE,
    RefusalKind.INVALID_PROBLEM,
    RefusalKind.INVALID_OPTION,
    RefusalKind.TOO_MANY_CLIENTS,
    RefusalKind.TOO_MANY_TASKS,
    RefusalKind.TOO_MANY_REQUESTS,
    RefusalKind.SOLVER_FAILED,
    RefusalKind.INTERNAL,
    RefusalKind.BUSY,
    RefusalKind.STOPPING,
)


def openapi(limits: Limits, *, needs_token: bool) -> dict[str, Any]:
    """Return the OpenAPI document.

    Examples
    --------
    >>> sorted(openapi(Limits(), needs_token=False)["paths"])
    ['/health', '/metrics', '/openapi.json', '/v1/check', '/v1/solve']
    """
    document: dict[str, Any] = {
        "openapi": "3.1.0",
        "info": {
            "title": "fedss_opt",
            "version": __version__,
            "summary": "Certified client selection and bandwidth allocation for a round of federated learning.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "paths": _paths(limits, needs_token),
        "components": {"schemas": _schemas()},
    }
    if needs_token:
        document["components"]["securitySchemes"] = {"bearer": {"type": "http", "scheme": "bearer"}}
        document["security"] = [{"bearer": []}]
    return document


def _paths(limits: Limits, needs_token: bool) -> dict[str, Any]:
    tokens = (RefusalKind.UNAUTHORIZED,) if needs_token else (RefusalKind.WRONG_HOST,)
    names = () if needs_token else tokens
    gap_tol = {
        path: _parameter(
            "gap_tol", f"Certified gap up to which an answer is optimal; {default}.", {"type": "number", "minimum": 0}
        )
        for path, default in (("solve", "1e-9 by default for exact, else 1e-4"), ("check", "1e-4 by default"))
    }
    seconds = {"type": "number", "minimum": 0, "maximum": limits.max_time_s, "default": limits.max_time_s}
    seed = {"type": "integer", "minimum": 0, "maximum": MAX_SEED, "default": 0}
    return {
        "/v1/solve": {
            "post": {
                "operationId": "solve",
                "summary": "Answer a problem.",
                "description": (
                    f"At most {limits.max_clients} clients, {limits.max_tasks} tasks and {limits.max_body_bytes} "
                    "bytes. An infeasible problem is answered like any other: see `status` and `certificate`."
                ),
                "parameters": [
                    _parameter("method", "How to solve.", {"enum": list(METHODS_SERVED), "default": "admm"}),
                    gap_tol["solve"],
                    _parameter("time_limit_s", "Then the best answer so far is given, with its bound.", seconds),
                    _parameter("seed", "Seed of the policies that draw.", seed),
                ],
                "requestBody": _body("Problem"),
                "responses": _json("The answer.", "Solution") | _refusals((*_BODY_KINDS, *tokens)),
            }
        },
        "/v1/check": {
            "post": {
                "operationId": "check",
                "summary": "Check every claim of an answer from the problem's data.",
                "parameters": [gap_tol["check"]],
                "requestBody": _body("CheckRequest"),
                "responses": _json("What became of every claim.", "CheckReport") | _refusals((*_BODY_KINDS, *tokens)),
            }
        },
        "/health": {
            "get": {
                "operationId": "health",
                "summary": "Whether problems are taken; needs no token.",
                "security": [],
                "responses": _json("They are.", "Health") | _refusals((RefusalKind.STOPPING, *names)),
            }
        },
        "/metrics": {
            "get": {
                "operationId": "metrics",
                "summary": "Metrics for Prometheus.",
                "responses": {"200": {"description": "The metrics.", "content": {"text/plain": {}}}}
                | _refusals(tokens),
            }
        },
        "/openapi.json": {
            "get": {
                "operationId": "openapi",
                "summary": "This document.",
                "responses": {
                    "200": {"description": "It.", "content": {"application/json": {"schema": {"type": "object"}}}}
                }
                | _refusals(tokens),
            }
        },
    }


def _parameter(name: str, meaning: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"name": name, "in": "query", "description": meaning, "required": False, "schema": schema}


def _reference(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{name}"}


def _body(name: str) -> dict[str, Any]:
    return {"required": True, "content": {"application/json": {"schema": _reference(name)}}}


def _json(meaning: str, name: str) -> dict[str, Any]:
    return {"200": {"description": meaning, "content": {"application/json": {"schema": _reference(name)}}}}


def _refusals(kinds: tuple[RefusalKind, ...]) -> dict[str, Any]:
    """Describe the refusals by HTTP status, several kinds of which may share one."""
    titles: dict[int, list[str]] = {}
    for kind in kinds:
        titles.setdefault(kind.status, []).append(f"{kind.summary} (`urn:fedss-opt:{kind}`).")
    return {
        str(status): {
            "description": " ".join(lines),
            "content": {"application/problem+json": {"schema": _reference("Refusal")}},
        }
        for status, lines in sorted(titles.items())
    }


def _schemas() -> dict[str, Any]:
    text, figure = {"type": "string"}, {"type": ["number", "null"]}
    claim = {"name": text, "holds": {"type": ["boolean", "null"]}, "figure": figure, "detail": text}
    report = {
        "format": {"const": CHECK_FORMAT},
        "version": {"const": 1},
        "ok": {"type": "boolean"},
        "claims": {"type": "array", "items": _object(claim)},
    }
    refusal = {
        "type": {"enum": [f"urn:fedss-opt:{kind}" for kind in RefusalKind]},
        "title": text,
        "status": {"type": "integer"},
        "detail": text,
    }
    path = {"type": "string", "description": "Where in the document, such as $.payload_bits[3]."}
    return {
        "Problem": problem_schema(),
        "Solution": solution_schema(),
        "CheckRequest": _object({"problem": _reference("Problem"), "solution": _reference("Solution")}),
        "CheckReport": _object(report),
        "Health": _object({"status": {"const": "ok"}, "version": text}),
        "Refusal": _object(refusal) | {"properties": {**refusal, "path": path}, "title": "RFC 9457 problem details"},
    }


def _object(properties: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }
