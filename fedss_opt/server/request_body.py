"""From a request to bytes and options, within the limits on size and time."""

from __future__ import annotations

import asyncio
import math
import re

from starlette.requests import ClientDisconnect, Request

from ..gap_tolerance import DEFAULT_GAP_TOL, gap_tol_of
from ..wording import one_of
from .limits import Limits
from .problem_details import RefusalKind, RefusedError
from .work import MAX_SEED, METHODS_SERVED, SolveOptions

__all__ = ["check_options", "discard_body", "read_body", "solve_options"]

# How long a refused body is read on: a socket that is closed over unread bytes is reset, and the refusal lost with it.
_LINGER_S = 1.0

_READ = "fedss_opt.read"  # in the scope, because a refusal is handled with a Request object of its own

_NUMBER = re.compile(r"-?(?:0|[1-9]\d{0,400})(?:\.\d{1,400})?(?:[eE][+-]?\d{1,4})?")
_INTEGER = re.compile(r"-?(?:0|[1-9]\d{0,17})(?:\.0{1,9})?")  # 1.0 is an integer to JSON Schema


async def read_body(request: Request, limits: Limits) -> bytes:
    """Read the body of a request.

    Raises
    ------
    RefusedError
        For another media type, a body that is too long (before it is read, where its length is announced), one that
        does not arrive in time, or one that ends early.
    """
    _refuse_media_type(request)
    announced = request.headers.get("content-length", "0")
    if int(announced) > limits.max_body_bytes:  # the protocol has seen that it is a number
        raise _too_large(limits)
    data = bytearray()
    try:
        async with asyncio.timeout(limits.body_s):
            async for chunk in request.stream():
                data += chunk
                if len(data) > limits.max_body_bytes:
                    data.clear()  # the refusal would hold it
                    raise _too_large(limits)
    except TimeoutError:
        raise RefusedError(
            RefusalKind.TOO_SLOW, f"the body must arrive within {limits.body_s:g} s", {"Connection": "close"}
        ) from None
    except ClientDisconnect:
        raise RefusedError(RefusalKind.CUT_OFF, "the connection was closed inside the body") from None
    request.scope[_READ] = True
    return bytes(data)


def _too_large(limits: Limits) -> RefusedError:
    return RefusedError(
        RefusalKind.TOO_LARGE, f"at most {limits.max_body_bytes} bytes are accepted", {"Connection": "close"}
    )


def _refuse_media_type(request: Request) -> None:
    # A page in a browser can post text/plain to a server on this machine without asking, but not JSON.
    media = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media != "application/json":
        raise RefusedError(RefusalKind.WRONG_MEDIA_TYPE, "send the header Content-Type: application/json")
    # A small compressed body can be a large one.
    if request.headers.get("content-encoding", "identity").strip().lower() != "identity":
        raise RefusedError(RefusalKind.WRONG_MEDIA_TYPE, "send the body without Content-Encoding")


async def discard_body(request: Request) -> None:
    """Read what a refused request still sends, for a second at most and without keeping it."""
    if request.scope.get(_READ) or "expect" in request.headers:  # who expects, waits for a word before sending
        return
    try:
        async with asyncio.timeout(_LINGER_S):
            while True:
                message = await request.receive()
                if message["type"] != "http.request" or not message.get("more_body", False):
                    return
    except TimeoutError:
        return


def solve_options(request: Request, limits: Limits) -> SolveOptions:
    """Read the options of a solve from the query.

    Raises
    ------
    RefusedError
        For an unknown or repeated parameter, or a value that is not accepted.
    """
    given = _parameters(request, ("method", "gap_tol", "time_limit_s", "seed"))
    method = given.get("method", "admm")
    if method not in METHODS_SERVED:
        raise _not_accepted("method", one_of(method, METHODS_SERVED))
    time_limit_s = limits.max_time_s
    if "time_limit_s" in given:
        time_limit_s = _number("time_limit_s", given["time_limit_s"], limits.max_time_s)
    seed = 0
    if "seed" in given:
        if not _INTEGER.fullmatch(given["seed"]) or not 0 <= int(given["seed"].partition(".")[0]) <= MAX_SEED:
            raise _not_accepted("seed", f"must be an integer from 0 to {MAX_SEED}")
        seed = int(given["seed"].partition(".")[0])
    return SolveOptions(
        method=method, gap_tol=_gap_tol(given, gap_tol_of(method, None)), time_limit_s=time_limit_s, seed=seed
    )


def check_options(request: Request) -> float:
    """Read the options of a check from the query: the gap up to which an answer may call itself optimal."""
    return _gap_tol(_parameters(request, ("gap_tol",)), DEFAULT_GAP_TOL)


def _gap_tol(given: dict[str, str], default: float) -> float:
    return _number("gap_tol", given["gap_tol"], math.inf) if "gap_tol" in given else default


def _parameters(request: Request, known: tuple[str, ...]) -> dict[str, str]:
    given: dict[str, str] = {}
    for name, value in request.query_params.multi_items():
        if name not in known:
            # Not quoted: whoever puts a token into the URL must not get it back, or find it in a log.
            raise RefusedError(RefusalKind.INVALID_OPTION, f"an unknown parameter; accepted are {', '.join(known)}")
        if name in given:
            raise _not_accepted(name, "must be given once")
        given[name] = value
    return given


def _number(name: str, text: str, greatest: float) -> float:
    value = float(text) if _NUMBER.fullmatch(text) else math.nan
    if not (0.0 <= value <= greatest and value < math.inf):
        upper = f" and <= {greatest:g}" if greatest < math.inf else ""
        raise _not_accepted(name, f"must be a finite number >= 0{upper}")
    return value


def _not_accepted(name: str, accepted: str) -> RefusedError:
    return RefusedError(RefusalKind.INVALID_OPTION, field=name, accepted=accepted)
