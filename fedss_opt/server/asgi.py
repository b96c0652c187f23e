"""The application: five paths, and the one place where failures become problem details, log lines and counts."""

from __future__ import annotations

import asyncio
import json
import logging
import secrets
import time
from collections.abc import Callable
from concurrent.futures import Executor
from functools import partial
from typing import Any, TypeVar

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .. import __version__
from .access import Token, is_loopback_name
from .admission import Admission
from .body_parser import LONG_BYTES, BodyParser
from .limits import Limits
from .logs import event
from .metrics import Metrics
from .openapi import openapi
from .problem_details import RefusalKind, RefusedError, refusal_of
from .request_body import check_options, discard_body, read_body, solve_options
from .work import Done, check_parsed, json_bytes, pair_of, problem_of, solve_parsed

__all__ = ["build_app"]

# Labels of metrics and logs; whatever else is asked for is "other", for a path may carry anything.
PATHS = ("/v1/solve", "/v1/check", "/health", "/metrics", "/openapi.json")

T = TypeVar("T")

_FACTS = "fedss_opt.facts"


def build_app(
    *, limits: Limits, token: Token | None, admission: Admission, executor: Executor, parser: BodyParser
) -> ASGIApp:
    """Build the ASGI application.

    Parameters
    ----------
    limits : Limits
        What is taken.
    token : Token or None
        What ``Authorization: Bearer`` must carry; None lets everybody in who reaches the server.
    admission : Admission
        Where requests are counted.
    executor : concurrent.futures.Executor
        Threads that solve, `limits.workers` of them.
    parser : BodyParser
        Where long bodies are parsed.
    """
    metrics = Metrics(admission, limits)
    endpoints = _Endpoints(limits, token is not None, admission, executor, parser, metrics)
    routes = [
        Route("/v1/solve", endpoints.solve, methods=["POST"]),
        Route("/v1/check", endpoints.check, methods=["POST"]),
        Route("/health", endpoints.health, methods=["GET"]),
        Route("/metrics", endpoints.metrics, methods=["GET"]),
        Route("/openapi.json", endpoints.openapi, methods=["GET"]),
    ]
    handlers: dict[Any, Any] = {RefusedError: _refused, HTTPException: _unrouted}
    app = Starlette(routes=routes, exception_handlers=handlers)
    app.router.redirect_slashes = False  # a redirect would repeat the query, whatever is in it
    return _RequestMiddleware(app, token, metrics)


class _Endpoints:
    """The endpoints."""

    def __init__(
        self,
        limits: Limits,
        needs_token: bool,
        admission: Admission,
        executor: Executor,
        parser: BodyParser,
        metrics: Metrics,
    ) -> None:
        self._limits, self._admission, self._metrics = limits, admission, metrics
        self._executor, self._parser = executor, parser
        self._openapi = json_bytes(openapi(limits, needs_token=needs_token))

    async def solve(self, request: Request) -> Response:
        options = solve_options(request, self._limits)
        done = await self._work(request, problem_of, lambda problem: solve_parsed(problem, options))
        self._metrics.solved(done)
        return _json(done.body)

    async def check(self, request: Request) -> Response:
        gap_tol = check_options(request)
        done = await self._work(request, pair_of, lambda pair: check_parsed(pair, gap_tol))
        return _json(done.body)

    async def health(self, request: Request) -> Response:
        if self._admission.stopping:
            raise RefusedError(RefusalKind.STOPPING, "the server finishes what it has begun")
        return _json(json_bytes({"status": "ok", "version": __version__}))

    async def metrics(self, request: Request) -> Response:
        return Response(self._metrics.text(), headers={"Content-Type": self._metrics.content_type})

    async def openapi(self, request: Request) -> Response:
        return _json(self._openapi)

    async def _work(self, request: Request, parse: Callable[[bytes, Limits], T], work: Callable[[T], Done]) -> Done:
        """Admit a request, read its body, and work on it in a thread, where nothing else waits for it."""
        # Admitted before it is read: the bodies in memory are at most as many as the requests under way.
        with self._admission.enter(request.client.host if request.client else ""):
            body = await read_body(request, self._limits)
            length = len(body)
            try:
                run = partial(asyncio.get_running_loop().run_in_executor, self._executor)
                if length >= LONG_BYTES:
                    done = await run(work, await self._parser.call(parse, body, self._limits))
                else:
                    done = await run(_parse_and_work, parse, work, body, self._limits)
            except Exception as error:
                refusal = refusal_of(error)
                if refusal.kind is RefusalKind.INTERNAL:
                    event("failure", level=logging.ERROR, error=error)
                error.__traceback__ = refusal.__traceback__ = None  # its frames hold what was read
                raise refusal from None
            finally:
                del body  # a refusal and this frame hold each other until somebody looks for cycles
        request.scope[_FACTS] |= {
            "bytes": length,
            "clients": done.n_clients,
            "tasks": done.n_tasks,
            "outcome": done.outcome,
            "stop_reason": done.stop_reason,
            "solve_seconds": round(done.seconds, 6),
        }
        return done


def _parse_and_work(
    parse: Callable[[bytes, Limits], T], work: Callable[[T], Done], body: bytes, limits: Limits
) -> Done:
    return work(parse(body, limits))


class _RequestMiddleware:
    """Asks for the token, and sees to it that every request leaves a line, a count and an answer."""

    def __init__(self, app: ASGIApp, token: Token | None, metrics: Metrics) -> None:
        self._app, self._token, self._metrics = app, token, metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        began, identity = time.perf_counter(), secrets.token_hex(8)
        facts: dict[str, Any] = {"refusal": None}
        scope[_FACTS] = facts
        status = 0

        async def sending(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message["headers"], (b"x-request-id", identity.encode("ascii"))]
            await send(message)

        try:
            refusal = self._refusal(scope)
            if refusal is None:
                await self._app(scope, receive, sending)
            else:
                await (await _refused(Request(scope, receive), refusal))(scope, receive, sending)
        except asyncio.CancelledError:
            # The time to drain is over; whoever still waits hears it.
            if not status:
                facts["refusal"] = str(RefusalKind.STOPPING)
                refusal = RefusedError(RefusalKind.STOPPING, "the time to finish is over", {"Connection": "close"})
                await _response(refusal)(scope, receive, sending)
        except Exception as error:
            event("failure", level=logging.ERROR, error=error, request=identity)
            if not status:
                refusal = RefusedError(RefusalKind.INTERNAL, type(error).__name__)
                await (await _refused(Request(scope, receive), refusal))(scope, receive, sending)
        finally:
            elapsed_s = time.perf_counter() - began
            path = scope["path"] if scope["path"] in PATHS else "other"
            self._metrics.request(path, status, elapsed_s, facts["refusal"])
            event(
                "request",
                request=identity,
                method=scope["method"] if scope["method"] in ("GET", "HEAD", "POST") else "other",
                path=path,
                status=status,
                seconds=round(elapsed_s, 6),
                **{name: fact for name, fact in facts.items() if fact is not None},
            )

    def _refusal(self, scope: Scope) -> RefusedError | None:
        """Say why a request is not even looked at, from its head alone."""
        names = {name for name, _ in scope["headers"]}
        if {b"content-length", b"transfer-encoding"} <= names:
            return _TWO_LENGTHS
        if self._token is None:
            hosts = [value for name, value in scope["headers"] if name == b"host"]
            return None if all(map(is_loopback_name, hosts)) else _WRONG_HOST
        if scope["path"] == "/health":
            return None
        given = [value for name, value in scope["headers"] if name == b"authorization"]
        return None if self._token.matches(given[0] if len(given) == 1 else None) else _UNAUTHORIZED


_UNAUTHORIZED = RefusedError(
    RefusalKind.UNAUTHORIZED, "send the header Authorization: Bearer and the token", {"WWW-Authenticate": "Bearer"}
)

# Who passes it on may have read the other one, and would take the rest of the body for a request.
_TWO_LENGTHS = RefusedError(
    RefusalKind.MALFORMED, "give Content-Length or Transfer-Encoding, not both", {"Connection": "close"}
)
# A page whose name was made to point here asks in that name.
_WRONG_HOST = RefusedError(
    RefusalKind.WRONG_HOST, "without a token the host must be localhost, 127.0.0.1 or [::1]", {"Connection": "close"}
)


async def _refused(request: Request, refusal: RefusedError) -> Response:
    """Turn a refusal into problem details (RFC 9457)."""
    request.scope[_FACTS]["refusal"] = str(refusal.kind)
    if refusal.kind not in (RefusalKind.CUT_OFF, RefusalKind.TOO_SLOW):
        await discard_body(request)
    return _response(refusal)


def _response(refusal: RefusedError) -> Response:
    body = json.dumps({**refusal.to_dict(), "status": refusal.status}).encode("ascii")
    return Response(body, refusal.status, refusal.headers, media_type="application/problem+json")


async def _unrouted(request: Request, error: HTTPException) -> Response:
    """Refuse what no route takes."""
    if error.status_code == RefusedError(RefusalKind.WRONG_METHOD, "").status:
        allowed = (error.headers or {}).get("Allow", "")
        return await _refused(request, RefusedError(RefusalKind.WRONG_METHOD, f"use {allowed}", {"Allow": allowed}))
    return await _refused(request, RefusedError(RefusalKind.NOT_FOUND, f"the paths are {', '.join(PATHS)}"))


def _json(body: bytes) -> Response:
    return Response(body, media_type="application/json")
