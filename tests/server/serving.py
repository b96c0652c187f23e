"""A real server in a process of its own, and the plainest of clients."""

from __future__ import annotations

import http.client
import json
import os
import queue
import signal
import socket
import subprocess
import sys
import threading
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

import fedss_opt as fo
from fedss_opt.server.limits import Limits

# Nothing here is asserted by the clock: this is how long a test waits before it calls a server stuck.
PATIENCE_S = 300.0

# Of the server that most tests share.
SIZES = Limits(max_body_bytes=100_000, max_clients=500, max_tasks=10, max_time_s=20.0)

JSON = {"Content-Type": "application/json"}


def cell(clients: int, tasks: int = 2, seed: int = 0, objective: str = "makespan") -> fo.Problem:
    """A feasible problem."""
    rng = np.random.default_rng(seed)
    relevance = rng.random((tasks, clients))
    return fo.Problem(
        payload_bits=rng.uniform(1e5, 1e6, clients),
        cn0_hz=10.0 ** rng.uniform(6.0, 8.0, clients),
        bandwidth_hz=2e7,
        relevance=relevance,
        required=0.4 * relevance.sum(axis=1),
        objective=objective,
    )


@dataclass
class Server:
    """``fedss-opt serve`` on a free port of this machine."""

    process: subprocess.Popen[str]
    port: int
    lines: list[dict[str, Any]]
    token: str | None = None
    arrived: queue.Queue[dict[str, Any]] = field(default_factory=queue.Queue)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def log(self) -> str:
        return json.dumps(self.lines)

    def ask(
        self, method: str, path: str, body: bytes | dict[str, Any] | None = None, headers: dict[str, str] | None = None
    ) -> tuple[int, Any, http.client.HTTPMessage]:
        """Send one request on a connection of its own; return status, body (parsed, where it is JSON) and headers."""
        if isinstance(body, dict):
            body = json.dumps(body).encode()
        if headers is None:
            headers = (JSON if body is not None else {}) | (
                {"Authorization": f"Bearer {self.token}"} if self.token else {}
            )
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE_S)
        try:
            connection.request(method, path, body, headers)
            response = connection.getresponse()
            data = response.read()
        finally:
            connection.close()
        is_json = "json" in response.headers.get("content-type", "")
        return response.status, json.loads(data) if is_json and data else data, response.headers

    def connect(self, source: str = "127.0.0.1") -> socket.socket:
        """Open a bare connection, from one of this machine's addresses."""
        return socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE_S, source_address=(source, 0))

    def begin(self, body: bytes, sent: int, source: str = "127.0.0.1") -> socket.socket:
        """Send the head of a solve and the first bytes of its body; what follows is up to the test."""
        plug = self.connect(source)
        plug.sendall(head(len(body), self.token) + body[:sent])
        return plug

    def wait_for(self, event: str, **facts: Any) -> dict[str, Any]:
        """Wait until the log has a line."""
        wanted = {"event": event, **facts}
        while True:
            line = self.arrived.get(timeout=PATIENCE_S)
            if wanted.items() <= line.items():
                return line

    def end(self, signum: int = signal.SIGTERM) -> int:
        """Send a signal and return the exit status."""
        if self.process.poll() is None:
            self.process.send_signal(signum)
        return self.process.wait(PATIENCE_S)


def head(length: int, token: str | None = None) -> bytes:
    """Return the head of a solve, with a body of so many bytes."""
    secret = f"Authorization: Bearer {token}\r\n" if token else ""
    return (
        f"POST /v1/solve HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n{secret}"
        f"Content-Length: {length}\r\nConnection: close\r\n\r\n"
    ).encode()


def answer_on(plug: socket.socket) -> tuple[int, Any]:
    """Read to the end of a connection; return the status and the body's document."""
    data = b""
    while chunk := plug.recv(65536):
        data += chunk
    plug.close()
    top, _, body = data.partition(b"\r\n\r\n")
    return int(top.split()[1]), json.loads(body)


def _hear_ctrl_c() -> None:
    """Undo what a shell does to its jobs in the background: they, and all that they start, ignore Ctrl-C."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def start(*options: str, port: int = 0, token: str | None = None, host: str | None = None) -> Server:
    """Start a server and wait until it is ready."""
    server = launch(*options, port=port, token=token, host=host)
    server.port = server.wait_for("ready")["port"]
    return server


def launch(*options: str, port: int = 0, token: str | None = None, host: str | None = None) -> Server:
    """Start a server."""
    for package in ("starlette", "uvicorn", "prometheus_client"):
        pytest.importorskip(package, reason="needs the extra serve")
    environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1"}
    environment.pop("FEDSS_OPT_TOKEN", None)
    if token is not None:
        environment["FEDSS_OPT_TOKEN"] = token
    where = ["--port", str(port), *(["--host", host] if host else [])]
    process = subprocess.Popen(
        [sys.executable, "-m", "fedss_opt.cli", "serve", *where, *options],
        env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
        preexec_fn=_hear_ctrl_c,  # noqa: PLW1509 - sets a signal, and takes no lock
    )  # fmt: skip
    lines: list[dict[str, Any]] = []
    server = Server(process=process, port=port, lines=lines, token=token)
    threading.Thread(target=_listen, args=(server,), daemon=True).start()
    return server


def _listen(server: Server) -> None:
    assert server.process.stderr is not None
    for text in server.process.stderr:
        line = json.loads(
            text
        )  # every line of the log is JSON: what is none ends the thread, and the test waits in vain
        server.lines.append(line)
        server.arrived.put(line)
