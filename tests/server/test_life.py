"""From the start to the end of a server: warm before it is ready, and what has begun is finished."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys

import pytest

from fedss_opt.server.access import resolve

from .serving import answer_on, cell, launch, start

BODY = json.dumps(cell(5).to_dict()).encode()
PLACES = ("--workers", "1", "--queue", "1")


@pytest.mark.usefixtures("warm")
def test_sigterm_finishes_what_has_begun_and_refuses_what_comes():
    server = start(*PLACES)
    plug = server.begin(BODY, 10)
    while "fedss_opt_in_flight 1.0" not in server.ask("GET", "/metrics")[1].decode():
        pass
    server.process.send_signal(signal.SIGTERM)
    refused = False
    while not refused:
        try:
            # Until the listening socket is closed, a tenth of a second later, the refusal is a document.
            status, refusal, _ = server.ask("POST", "/v1/solve", BODY)
            if status != 200:  # asked before the signal was heard
                assert (status, refusal["type"]) == (503, "urn:fedss-opt:stopping")
        except ConnectionError:
            refused = True
    plug.sendall(BODY[10:])
    status, answer = answer_on(plug)
    assert status == 200
    assert answer["selected"]
    assert server.end() == 0
    server.wait_for("stopped")


@pytest.mark.usefixtures("warm")
def test_a_killed_server_starts_again_in_its_place():
    first = start(*PLACES)
    plug = first.begin(BODY, 10)
    assert first.end(signal.SIGKILL) == -signal.SIGKILL
    with pytest.raises((ConnectionError, IndexError)):  # reset, or closed without an answer
        answer_on(plug)
    second = start(*PLACES, port=first.port)
    assert second.port == first.port
    assert second.ask("POST", "/v1/solve", BODY)[0] == 200
    names = [line["event"] for line in second.lines]
    assert names[:3] == ["starting", "warm", "ready"]
    assert second.end(signal.SIGINT) == 130


@pytest.mark.usefixtures("warm")
def test_a_drain_that_expires_is_answered():
    server = start(*PLACES, "--drain", "1")
    plug = server.begin(BODY, 10)
    while "fedss_opt_in_flight 1.0" not in server.ask("GET", "/metrics")[1].decode():
        pass
    server.process.send_signal(signal.SIGTERM)
    status, refusal = answer_on(plug)
    assert (status, refusal["type"]) == (503, "urn:fedss-opt:stopping")
    assert server.end() == 0


def test_sigterm_while_warming_up_is_a_clean_end():
    server = launch()
    server.wait_for("starting")
    assert server.end() == 0
    server.wait_for("stopped")


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def test_an_address_is_taken_before_anybody_is_heard_there():
    address = resolve("127.0.0.1", free_port(), None)
    for _ in range(2):  # and free again afterwards
        with address.listen(), pytest.raises(OSError, match=f"127.0.0.1 port {address.port}"), address.listen():
            pass


@pytest.mark.usefixtures("warm")
def test_the_second_server_on_a_port_ends_in_one_line():
    port = free_port()
    first = launch(port=port)
    first.wait_for("starting")
    assert f"127.0.0.1 port {port}" in refused("--port", str(port))
    assert first.end() == 0


def refused(*options: str) -> str:
    """Run a server that should not start, without a token in its environment; return its one line."""
    environment = {name: value for name, value in os.environ.items() if name != "FEDSS_OPT_TOKEN"}
    done = subprocess.run(
        [sys.executable, "-m", "fedss_opt.cli", "serve", *options],
        env=environment, capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert done.stdout == ""
    lines = done.stderr.splitlines()
    assert len(lines) == 1
    return lines[0]


def test_an_address_beyond_this_machine_needs_a_token(tmp_path):
    assert "needs a token" in refused("--host", "0.0.0.0", "--port", "0")
    short = tmp_path / "token"
    short.write_text("secret\n")
    line = refused("--host", "0.0.0.0", "--token-file", str(short))
    assert "6 characters" in line
    assert "secret" not in line


def test_an_address_that_is_taken_is_one_line(server):
    assert f"127.0.0.1 port {server.port}" in refused("--port", str(server.port))


def test_a_missing_package_names_the_extra():
    code = "import sys; sys.modules['uvicorn'] = None; from fedss_opt.cli import main; sys.exit(main(['serve']))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 2
    assert 'pip install "fedss-opt[serve]"' in done.stderr
    assert len(done.stderr.splitlines()) == 1
