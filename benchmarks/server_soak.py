"""A server among honest and hostile callers: ``python -m benchmarks.server_soak --seconds 600``.

Hostile ones send 16 MB of numbers and of empty arrays, leave heads half open, and go away inside bodies. The line
at the end says how far the server's memory grew after its first refusals, how long honest callers waited beside what
they wait for alone, and the slowest ``/health``; with ``--assert`` it ends with status 1 where a bound does not hold.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import re
import socket
import sys
import threading
import time
from collections.abc import Callable

from .server_load import Client, Times, instances, lines_of, request_of, server

GROWTH_MB, TIMES, HEALTH_S = 50.0, 2.0, 0.2
HONEST = 4

_BODIES = (b"[" + b"1.5," * 4_190_000 + b"1]", b"[" + b"[]," * 5_590_000 + b"1]")


def resident_mb(port: int) -> float:
    text = Client(port).ask(request_of("GET", "/metrics")).decode()
    match = re.search(r"^process_resident_memory_bytes (\S+)", text, re.MULTILINE)
    assert match is not None
    return float(match[1]) / 1e6


def refused(port: int, body: bytes) -> None:
    """Send a body that is refused, and read the refusal."""
    with contextlib.suppress(RuntimeError, ConnectionError):
        Client(port).ask(request_of("POST", "/v1/solve", body))


def half_open(port: int) -> None:
    """Leave a hundred heads half open for a second."""
    with contextlib.ExitStack() as plugs:
        for _ in range(100):
            plug = plugs.enter_context(socket.create_connection(("127.0.0.1", port)))
            plug.sendall(b"POST /v1/solve HTTP/1.1\r\n")
        time.sleep(1.0)


def gone(port: int) -> None:
    """Go away inside a body."""
    with socket.create_connection(("127.0.0.1", port)) as plug:
        plug.sendall(request_of("POST", "/v1/solve", _BODIES[0])[:100_000])


class Soak:
    """Callers that go on until they are stopped."""

    def __init__(self) -> None:
        self._stop = threading.Event()
        self._threads: list[threading.Thread] = []

    def add(self, work: Callable[[], None], pause_s: float = 0.0) -> None:
        """Add a caller that waits so long between its requests."""

        def go_on() -> None:
            while not self._stop.wait(pause_s):
                with contextlib.suppress(ConnectionError):
                    work()

        self._threads.append(threading.Thread(target=go_on))

    def run(self, seconds: float) -> None:
        """Let all callers go on for so long."""
        for thread in self._threads:
            thread.start()
        self._stop.wait(seconds)
        self._stop.set()
        for thread in self._threads:
            thread.join()


def timed(work: Callable[[], object], times: Times) -> None:
    began = time.perf_counter()
    work()
    times.seconds.append(time.perf_counter() - began)


def soak(port: int, seconds: float, *, hostile: bool) -> tuple[Times, Times]:
    """Return how long honest solves and ``/health`` took; each on a connection of its own."""
    solves, healths, both = Times(), Times(), Soak()
    request = request_of("POST", "/v1/solve", lines_of(instances(50)[:1])[0])
    for _ in range(HONEST):
        both.add(lambda: timed(lambda: Client(port).ask(request), solves), 0.01)
    both.add(lambda: timed(lambda: Client(port).ask(request_of("GET", "/health")), healths), 0.05)
    if hostile:
        for body in _BODIES:
            both.add(lambda body=body: refused(port, body))  # type: ignore[misc]
        both.add(lambda: half_open(port))
        both.add(lambda: gone(port), 0.1)
    both.run(seconds)
    return solves, healths


def main() -> int:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=600.0)
    parser.add_argument("--assert", action="store_true", dest="bound", help="end with status 1 beyond a bound")
    options = parser.parse_args()
    with server() as (port, _):
        for body in _BODIES:
            refused(port, body)
        before = resident_mb(port)
        alone, _ = soak(port, options.seconds / 10, hostile=False)
        beside, healths = soak(port, options.seconds, hostile=True)
        growth = resident_mb(port) - before
    times = float(beside.at(0.5)) / float(alone.at(0.5))
    slowest = max(healths.seconds)
    print(
        f"load {os.getloadavg()[0]:.1f}; memory {before:.0f} MB {growth:+.0f} MB; honest p50 {alone.at(0.5)} ms alone, "
        f"{beside.at(0.5)} ms beside the others ({times:.1f} times), p99 {alone.at(0.99)} and {beside.at(0.99)} ms; "
        f"/health p99 {healths.at(0.99)} ms, slowest {1e3 * slowest:.0f} ms"
    )
    return int(options.bound and (growth > GROWTH_MB or times > TIMES or slowest > HEALTH_S))


if __name__ == "__main__":
    sys.exit(main())
