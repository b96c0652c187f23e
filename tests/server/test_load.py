"""Slow, cut-off and too many requests: each costs its sender, and nobody else."""

from __future__ import annotations

import contextlib
import json
import re
import select
import socket
import time

import pytest

from .serving import Server, answer_on, cell

BODY = json.dumps(cell(5).to_dict()).encode()


def until_admitted(server: Server, number: int) -> None:
    """Wait until so many requests are under way; a server that never counts them is stuck."""
    while f"fedss_opt_in_flight {number:.1f}" not in server.ask("GET", "/metrics")[1].decode():
        time.sleep(0.01)


def test_places_are_shared_and_then_taken(guarded):
    # Whoever has sent half of a body holds a place, for as long as the body may take.
    mine = [guarded.begin(BODY, 10) for _ in range(3)]
    until_admitted(guarded, 3)
    assert answer_on(guarded.begin(BODY, len(BODY)))[0] == 429
    other = guarded.begin(BODY, 10, source="127.0.0.2")
    until_admitted(guarded, 4)
    status, refusal = answer_on(guarded.begin(BODY, len(BODY), source="127.0.0.2"))
    assert (status, refusal["type"]) == (503, "urn:fedss-opt:busy")
    assert guarded.ask("GET", "/health")[0] == 200
    for plug in (*mine, other):
        plug.sendall(BODY[10:])
        assert answer_on(plug)[0] == 200
    until_admitted(guarded, 0)
    assert guarded.ask("POST", "/v1/solve", BODY)[0] == 200


def test_a_body_that_does_not_come_is_given_up(impatient):
    plug = impatient.begin(BODY, 10)
    status, refusal = answer_on(plug)  # ends, because the server ends it
    assert (status, refusal["type"]) == (408, "urn:fedss-opt:too-slow")
    until_admitted(impatient, 0)


def test_a_head_that_drips_in_is_given_up(impatient):
    plug = impatient.connect()
    plug.settimeout(0.2)
    data, dripped = b"", 0
    plug.sendall(b"GET /health HTTP/1.1\r\nHost: localhost\r\n")
    while b"\r\n\r\n" not in data:
        try:
            plug.sendall(b"X-Drip: 1\r\n")
            dripped += 1
            data += plug.recv(65536)
        except TimeoutError:
            continue
        except ConnectionError:
            break
    plug.close()
    assert dripped > 1
    assert data.startswith(b"HTTP/1.1 408 ")


def test_an_idle_connection_is_closed(impatient):
    with impatient.connect() as plug:
        assert plug.recv(1) == b""


def test_an_answered_connection_that_drips_on_is_closed(impatient):
    # A body that was announced beside GET and never ends: every byte would stop uvicorn's own clock.
    plug = impatient.connect()
    plug.settimeout(0.2)
    plug.sendall(b"GET /health HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000\r\n\r\n")
    data = b""
    while True:
        try:
            plug.sendall(b"x")
            chunk = plug.recv(65536)
        except TimeoutError:
            continue
        except ConnectionError:
            break
        if not chunk:
            break
        data += chunk
    plug.close()
    assert data.startswith(b"HTTP/1.1 200 ")


def test_who_does_not_read_is_let_go(impatient):
    plug = impatient.connect()
    plug.setblocking(False)
    requests = b"GET /openapi.json HTTP/1.1\r\nHost: localhost\r\n\r\n" * 1000
    errors = select.poll()
    errors.register(plug, 0)  # errors are reported without being asked for, and nothing else is
    gone = False
    while not gone:
        # Many more answers than the system keeps for a reader; the first part of them is all that is ever written.
        with contextlib.suppress(BlockingIOError, ConnectionError):
            plug.send(requests)
        gone = bool(errors.poll(10))
    plug.close()
    assert impatient.ask("GET", "/health")[0] == 200


def test_a_request_that_is_cut_off_leaves_nothing_behind(guarded):
    plug = guarded.begin(BODY, 10)
    until_admitted(guarded, 1)
    plug.shutdown(socket.SHUT_WR)
    assert plug.recv(1) == b""
    plug.close()
    until_admitted(guarded, 0)
    guarded.wait_for("request", refusal="cut-off")


def test_a_reader_that_goes_away_costs_nobody_else(guarded):
    for _ in range(3):
        guarded.begin(BODY, len(BODY)).close()
    until_admitted(guarded, 0)
    assert guarded.ask("POST", "/v1/solve", BODY)[0] == 200


def test_connections_have_an_end(server):
    # Nobody who waits: all have asked, and none has sent its body.
    plugs = [server.begin(BODY, 10, source=f"127.0.0.{1 + n % 4}") for n in range(20)]
    until_admitted(server, 20)
    try:
        idle = [server.connect(source="127.0.0.9") for _ in range(20)]
        late = server.connect(source="127.0.0.5")
        status, refusal = answer_on(idle[0])  # the oldest of the address with most of those that asked nothing
        assert (status, refusal["type"]) == (503, "urn:fedss-opt:busy")
        late.sendall(b"GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        assert answer_on(late)[0] == 200
        for plug in idle:
            plug.close()
        for plug in plugs:
            plug.sendall(BODY[10:])
            assert answer_on(plug)[0] == 200
    finally:
        for plug in plugs:
            plug.close()


def test_half_open_heads_starve_nobody(server):
    drips = []
    try:
        for _ in range(100):  # of 40 that are held
            drips.append(server.connect())
            drips[-1].sendall(b"GET /health HTTP/1.1\r\n")
        for _ in range(10):
            assert server.ask("GET", "/health")[0] == 200
    finally:
        for plug in drips:
            plug.close()


def test_two_lengths_of_one_body_close_the_connection(server):
    both = b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n"
    kind = b"Host: localhost\r\nContent-Type: application/json\r\n"
    plug = server.connect()
    plug.sendall(b"POST /v1/solve HTTP/1.1\r\n" + kind + both + b"\r\n0\r\n\r\n")
    status, refusal = answer_on(plug)  # ends, because the server ends it
    assert (status, refusal["type"]) == (400, "urn:fedss-opt:malformed")


def test_who_closes_its_side_after_a_whole_request_is_answered(server):
    plug = server.begin(BODY, len(BODY))
    plug.shutdown(socket.SHUT_WR)
    status, answer = answer_on(plug)
    assert status == 200
    assert answer["selected"]


@pytest.mark.parametrize("body", [b"[" + b"1.5," * 500_000 + b"1]", b"[" + b"[]," * 700_000 + b"1]"])
def test_refused_bodies_stop_nobody_and_stay_nowhere(big, body):
    def resident_mb() -> float:
        text = big.ask("GET", "/metrics")[1].decode()
        return float(re.search(r"^process_resident_memory_bytes (\S+)", text, re.MULTILINE)[1]) / 1e6

    assert big.ask("POST", "/v1/solve", body)[0] == 422
    before = resident_mb()
    for _ in range(10):
        status, refusal, _ = big.ask("POST", "/v1/solve", body)
        assert (status, refusal["type"]) == (422, "urn:fedss-opt:invalid-problem")
    assert resident_mb() - before < 25.0


def test_long_bodies_are_answered_as_short_ones(big):
    problem = cell(4000)
    body = json.dumps(problem.to_dict()).encode()
    assert len(body) > 2**17
    status, answer, _ = big.ask("POST", "/v1/solve?method=greedy", body)
    assert status == 200
    both = {"problem": problem.to_dict(), "solution": answer}
    assert big.ask("POST", "/v1/check", both)[1]["ok"] in (True, False)
    broken = json.loads(body) | {"payload_bits": [-1.0] * 4000}
    status, refusal, _ = big.ask("POST", "/v1/solve", broken)
    assert (status, refusal["path"]) == (422, "$.payload_bits[0]")


@pytest.mark.parametrize(
    "header", [None, "", "Bearer", "Bearer ", "Bearer wrong-horse-battery-staple", "Basic {}", "{}"]
)
def test_without_the_token_only_health_answers(guarded, header):
    headers = {} if header is None else {"Authorization": header.format(guarded.token)}
    for method, path in (("POST", "/v1/solve"), ("POST", "/v1/check"), ("GET", "/metrics"), ("GET", "/openapi.json")):
        status, refusal, answered = guarded.ask(method, path, BODY if method == "POST" else None, headers)
        assert (status, refusal["type"]) == (401, "urn:fedss-opt:unauthorized")
        assert answered["www-authenticate"] == "Bearer"
    assert guarded.ask("GET", "/health", headers=headers)[0] == 200


def test_the_token_is_in_no_url_and_in_no_log(guarded):
    assert guarded.ask("POST", "/v1/solve", BODY)[0] == 200
    url = f"/v1/solve?token={guarded.token}"
    assert guarded.ask("POST", url, BODY, {"Content-Type": "application/json"})[0] == 401
    status, refusal, _ = guarded.ask("POST", url, BODY)
    assert status == 422
    assert guarded.token not in json.dumps(refusal)
    _, _, headers = guarded.ask("GET", f"/{guarded.token}")
    guarded.wait_for("request", request=headers["x-request-id"], status=404, path="other")
    assert guarded.token not in guarded.log
