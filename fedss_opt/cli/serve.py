"""``fedss-opt serve``: problems over HTTP."""

from __future__ import annotations

import os
from importlib import import_module
from pathlib import Path
from typing import Annotated

import typer

from ..extras import needs_extra
from ..server.access import TOKEN_VARIABLE, read_token, resolve
from ..server.limits import Limits
from .exit_status import ExitStatus

__all__ = ["serve_command"]

_EXTRA = ("anyio", "h11", "prometheus_client", "starlette", "uvicorn")
_DEFAULT = Limits(workers=1)


def serve_command(
    *,
    host: Annotated[str, typer.Option(help="Address to listen on; beyond this machine a token is needed.")] = (
        "127.0.0.1"
    ),
    port: Annotated[int, typer.Option(help="Port; 0 takes a free one, which the log says.")] = 8080,
    token_file: Annotated[
        Path | None,
        typer.Option(help=f"File with the bearer token; else the variable {TOKEN_VARIABLE}.", show_default=False),
    ] = None,
    max_time: Annotated[float, typer.Option(help="Seconds that a solve may take.")] = _DEFAULT.max_time_s,
    max_clients: Annotated[int, typer.Option(help="Clients of a problem.")] = _DEFAULT.max_clients,
    max_tasks: Annotated[int, typer.Option(help="Tasks of a problem.")] = _DEFAULT.max_tasks,
    max_body: Annotated[int, typer.Option(help="Bytes of a request.")] = _DEFAULT.max_body_bytes,
    workers: Annotated[
        int | None, typer.Option(help="Solves at a time; one a processor by default.", show_default=False)
    ] = None,
    queue: Annotated[int, typer.Option(help="Requests that may wait besides those that run.")] = _DEFAULT.queue,
    per_caller: Annotated[
        int | None, typer.Option(help="Requests at a time from one address; no limit by default.", show_default=False)
    ] = None,
    max_connections: Annotated[int, typer.Option(help="Open connections.")] = _DEFAULT.max_connections,
    request_time: Annotated[
        float, typer.Option(help="Seconds in which the head, and then the body, of a request must arrive.")
    ] = _DEFAULT.body_s,
    drain: Annotated[float, typer.Option(help="Seconds to finish what has begun, after SIGTERM.")] = _DEFAULT.drain_s,
) -> int:
    """Serve POST /v1/solve, POST /v1/check, GET /health, GET /metrics and GET /openapi.json.

    The log goes to stderr, one JSON object a line. SIGTERM finishes what has begun and ends with status 0.
    """
    limits = Limits(
        max_body_bytes=max_body,
        max_clients=max_clients,
        max_tasks=max_tasks,
        max_time_s=max_time,
        workers=Limits().workers if workers is None else workers,
        queue=queue,
        per_caller=per_caller,
        max_connections=max_connections,
        head_s=request_time,
        body_s=request_time,
        drain_s=drain,
    )
    token = read_token(token_file, os.environ)
    address = resolve(host, port, token)
    with needs_extra("fedss-opt serve", "serve", *_EXTRA):
        lifecycle = import_module("fedss_opt.server.lifecycle")
    lifecycle.serve(address, token=token, limits=limits)
    return ExitStatus.OK
