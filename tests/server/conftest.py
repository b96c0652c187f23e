"""Servers that the tests share: starting one takes a second or two, most of it for loading kernels."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from .serving import SIZES, Server, start

TOKEN = "correct-horse-battery-staple"


@pytest.fixture(scope="session")
def server(warm: None) -> Iterator[Server]:
    """A server for everybody on this machine, with small limits on sizes and patience for slow machines."""
    sizes = ("--max-body", str(SIZES.max_body_bytes), "--max-clients", str(SIZES.max_clients))
    sizes += ("--max-tasks", str(SIZES.max_tasks), "--max-time", str(SIZES.max_time_s))
    one = start(*sizes, "--queue", "30", "--max-connections", "40", "--request-time", "60")
    yield one
    one.end()


@pytest.fixture(scope="session")
def guarded(warm: None) -> Iterator[Server]:
    """A server that other machines could reach, with a token; it takes 4 requests, 3 of them from one address."""
    places = ("--workers", "2", "--queue", "2", "--per-caller", "3", "--request-time", "60")
    one = start(*places, host="0.0.0.0", token=TOKEN)
    yield one
    one.end()


@pytest.fixture(scope="session")
def impatient(warm: None) -> Iterator[Server]:
    """A server that waits a second for a head, and another one for a body."""
    one = start("--request-time", "1", "--workers", "1")
    yield one
    one.end()


@pytest.fixture(scope="session")
def big(warm: None) -> Iterator[Server]:
    """A server that takes long bodies."""
    one = start("--workers", "1", "--request-time", "60", "--max-time", "20")
    yield one
    one.end()
