"""What a co-process and a server cost beside the bare solve: ``python -m benchmarks.server_load``.

The stream is measured twice: in this process, where the processor's time is counted, and over pipes, where every
answer says how long its solve took and the rest of the round trip is what the stream adds. The server is asked over
connections that stay open, by as many clients as the table says, each sending its next problem when the answer is
there.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import re
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import fedss_opt as fo
from fedss_opt.cli.jsonl import Stream, solve_stream

from .families import instance

PROGRAM = [sys.executable, "-m", "fedss_opt.cli"]
PROBLEMS = 20  # instances of each size


@dataclass
class Times:
    """Seconds, one entry a problem."""

    seconds: list[float] = field(default_factory=list)

    def at(self, share: float) -> str:
        """Return a quantile in milliseconds."""
        ranked = sorted(self.seconds)
        return f"{1e3 * ranked[min(len(ranked) - 1, int(share * len(ranked)))]:.3g}"


def instances(clients: int) -> list[fo.Problem]:
    return [instance("yang2021", clients, 2, seed) for seed in range(PROBLEMS)]


def lines_of(problems: list[fo.Problem]) -> list[bytes]:
    return [json.dumps(problem.to_dict()).encode() + b"\n" for problem in problems]


def repeated(work: Callable[[int], None], seconds: float, clock: Callable[[], float]) -> Times:
    """Do the work on one instance after the other until the time is over."""
    times, end, turn = Times(), time.perf_counter() + seconds, 0
    while time.perf_counter() < end or turn < PROBLEMS:
        began = clock()
        work(turn % PROBLEMS)
        times.seconds.append(clock() - began)
        turn += 1
    return times


def stream_row(clients: int, seconds: float) -> str:
    """Measure the stream on one size."""
    problems = instances(clients)
    lines = lines_of(problems)
    bare = repeated(lambda i: void(fo.solve(problems[i])), seconds, time.thread_time)
    text, count = b"".join(lines) * 5, 5 * PROBLEMS
    began = time.thread_time()
    solve_stream(Stream(), io.BytesIO(text), io.BytesIO(), quiet=True)
    whole = (time.thread_time() - began) / count
    began = time.thread_time()
    for _ in range(5):
        for problem in problems:
            fo.solve(problem)
    beyond = whole - (time.thread_time() - began) / count
    trips, added = Times(), Times()
    process = subprocess.Popen([*PROGRAM, "solve", "--jsonl", "-q"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdin is not None
    assert process.stdout is not None

    def ask(i: int) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        began = time.perf_counter()
        process.stdin.write(lines[i])
        process.stdin.flush()
        answer = process.stdout.readline()
        trips.seconds.append(time.perf_counter() - began)
        added.seconds.append(trips.seconds[-1] - json.loads(answer)["solve_time_s"])

    ask(0)
    trips.seconds.clear()
    added.seconds.clear()
    repeated(ask, seconds, time.perf_counter)
    process.communicate()
    figures = (bare.at(0.5), f"{1e3 * beyond:.3g}", trips.at(0.5), added.at(0.5), added.at(0.99))
    return " | ".join((str(clients), *figures))


def void(_: object) -> None:
    """Take a value and do nothing with it."""


@contextmanager
def server() -> Iterator[tuple[int, int]]:
    """Start a server; give its port and its process id."""
    process = subprocess.Popen([*PROGRAM, "serve", "--port", "0", "--queue", "64"], stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    port = 0
    for line in process.stderr:
        entry = json.loads(line)
        if entry["event"] == "ready":
            port = entry["port"]
            break
    drain = threading.Thread(target=process.stderr.read, daemon=True)  # a full pipe would stop the server
    drain.start()
    try:
        yield port, process.pid
    finally:
        process.terminate()
        process.wait()


class Client:
    """A connection that stays open, and as little work of its own as can be."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port))
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def ask(self, request: bytes) -> bytes:
        """Send a request and return the body of its answer."""
        self._socket.sendall(request)
        data = b""
        while b"\r\n\r\n" not in data:
            data += self._socket.recv(2**18)
        head, _, body = data.partition(b"\r\n\r\n")
        match = re.search(rb"content-length: (\d+)", head)
        assert match is not None
        while len(body) < int(match[1]):
            body += self._socket.recv(2**18)
        if not head.startswith(b"HTTP/1.1 200"):
            raise RuntimeError(head.decode())
        return body


def request_of(method: str, path: str, body: bytes = b"") -> bytes:
    kind = "Content-Type: application/json\r\n" if body else ""
    return f"{method} {path} HTTP/1.1\r\nHost: localhost\r\n{kind}Content-Length: {len(body)}\r\n\r\n".encode() + body


def processor_s(port: int) -> float:
    """Ask a server how much processor time it has used."""
    text = Client(port).ask(request_of("GET", "/metrics")).decode()
    match = re.search(r"^process_cpu_seconds_total (\S+)", text, re.MULTILINE)
    assert match is not None
    return float(match[1])


def server_row(port: int, clients: int, callers: int, seconds: float) -> str:
    """Measure the server on one size and one number of callers."""
    problems = instances(clients)
    requests = [request_of("POST", "/v1/solve", line) for line in lines_of(problems)]
    bare = repeated(lambda i: void(fo.solve(problems[i])), seconds / 2, time.thread_time)
    results: list[tuple[Times, Times]] = []

    def call() -> None:
        caller, trips, solves = Client(port), Times(), Times()

        def ask(i: int) -> None:
            began = time.perf_counter()
            body = caller.ask(requests[i])
            trips.seconds.append(time.perf_counter() - began)
            solves.seconds.append(json.loads(body)["solve_time_s"])

        ask(0)
        trips.seconds.clear()
        solves.seconds.clear()
        repeated(ask, seconds, time.perf_counter)
        results.append((trips, solves))

    used, began = processor_s(port), time.perf_counter()
    threads = [threading.Thread(target=call) for _ in range(callers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    elapsed, used = time.perf_counter() - began, processor_s(port) - used
    trips = Times([value for one, _ in results for value in one.seconds])
    solves = Times([value for _, one in results for value in one.seconds])
    number = len(trips.seconds)
    figures = (f"{number / elapsed:.0f}", trips.at(0.5), trips.at(0.99), solves.at(0.5), f"{1e3 * used / number:.3g}")
    return " | ".join((str(clients), str(callers), bare.at(0.5), *figures))


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=3.0, help="for each measurement")
    parser.add_argument("--clients", type=int, nargs="+", default=[10, 50, 200, 1000])
    parser.add_argument("--callers", type=int, nargs="+", default=[1, 4, 16])
    options = parser.parse_args()
    print(f"{os.cpu_count()} processors, load {os.getloadavg()[0]:.1f}; milliseconds\n")
    print("| N | solve, CPU | stream beyond it, CPU | round trip p50 | beyond the solve p50 | p99 |")
    print("|--:|--:|--:|--:|--:|--:|")
    for clients in options.clients:
        print(f"| {stream_row(clients, options.seconds)} |", flush=True)
    print("\n| N | callers | solve, CPU | requests/s | p50 | p99 | of it solve p50 | server CPU a request |")
    print("|--:|--:|--:|--:|--:|--:|--:|--:|")
    with server() as (port, _):
        for clients in options.clients:
            for callers in options.callers:
                print(f"| {server_row(port, clients, callers, options.seconds)} |", flush=True)


if __name__ == "__main__":
    main()
