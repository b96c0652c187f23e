"""The kernel of batches is compiled before a test that solves one."""

from __future__ import annotations

import pytest

import fedss_opt as fo


@pytest.fixture(scope="session")
def warm_batch(warm: None) -> None:
    fo.solve_batch([])
