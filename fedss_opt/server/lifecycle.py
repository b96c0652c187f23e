"""From the first compiled kernel to the last answer: listening, warming up, serving, stopping."""

from __future__ import annotations

import logging
import os
import signal
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from types import FrameType

import uvicorn
from prometheus_client import disable_created_metrics
from starlette.types import ASGIApp

from .. import __version__
from .access import Address, Token
from .admission import Admission
from .asgi import build_app
from .body_parser import BodyParser
from .limits import Limits
from .logs import event, start_logging
from .protocol import patient_protocol
from .work import warm_up

__all__ = ["serve"]


class _Server(uvicorn.Server):
    """Says when it hears requests, and refuses new problems from the signal on, not from uvicorn's next look at it."""

    def __init__(self, config: uvicorn.Config, admission: Admission) -> None:
        super().__init__(config)
        self._admission = admission

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        for listener in sockets or ():
            host, port = listener.getsockname()[:2]
            event("ready", host=host, port=port)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        self._admission.stop()
        super().handle_exit(sig, frame)


def _end_at_once(signum: int, frame: FrameType | None) -> None:
    """End before anything has begun: compilers are not interrupted well, and the first process has no default."""
    event("stopped")
    os._exit(0)


@contextmanager
def _normal_end(server: _Server) -> Iterator[None]:
    """Let SIGTERM be a normal end: uvicorn raises it once more, when all is finished, for whoever listened before."""
    signal.signal(signal.SIGTERM, server.handle_exit)
    yield


def serve(address: Address, *, token: Token | None = None, limits: Limits | None = None) -> None:
    """Serve until SIGTERM or Ctrl-C; what has begun is then finished.

    The address is taken first, so that a wrong one is known at once; requests are only heard after all kernels are
    compiled and loaded, so none is slow for that, and whoever connects earlier is turned away by the system.

    Parameters
    ----------
    address : Address
        Where to listen; see `fedss_opt.server.access.resolve`.
    token : Token, optional
        What ``Authorization: Bearer`` must carry.
    limits : Limits, optional
        What is taken.

    Raises
    ------
    OSError
        When the address cannot be had.
    """
    limits = limits or Limits()
    start_logging()
    before = signal.signal(signal.SIGTERM, _end_at_once)
    try:
        _serve(address, token, limits)
    finally:
        signal.signal(signal.SIGTERM, before)


def _serve(address: Address, token: Token | None, limits: Limits) -> None:
    # Else every counter has a second series, with the moment of its creation.
    disable_created_metrics()  # type: ignore[no-untyped-call]
    with address.listen() as listener:
        host, port = listener.getsockname()[:2]
        event("starting", version=__version__, host=host, port=port, token=token is not None)
        began = time.perf_counter()
        warm_up()
        event("warm", seconds=round(time.perf_counter() - began, 3))
        admission = Admission(limits)
        executor = ThreadPoolExecutor(limits.workers, thread_name_prefix="solve")
        parser = BodyParser(limits.workers)
        try:
            app = build_app(limits=limits, token=token, admission=admission, executor=executor, parser=parser)
            server = _Server(_configuration(app, limits), admission)
            with _normal_end(server):
                server.run(sockets=[listener])
        finally:
            # What still waits after the time to drain has nobody left to answer; what runs ends with its time limit.
            executor.shutdown(cancel_futures=True)
            parser.close()
            event("stopped")


def _configuration(app: ASGIApp, limits: Limits) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        http=patient_protocol(limits),
        ws="none",
        lifespan="off",
        log_config=None,
        log_level=logging.ERROR,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        timeout_graceful_shutdown=max(1, round(limits.drain_s)),
    )
