"""Problems and honest answers for the tests of verification."""

from __future__ import annotations

import pytest

import fedss_opt as fo
from fedss_opt.verification.frozen_families import FAMILIES, instances

pytest.importorskip("flint")


@pytest.fixture(scope="session")
def honest(warm) -> list[tuple[str, fo.Problem, fo.Solution]]:
    """The ADMM's answers to the first members of every family."""
    cases = [case for family in FAMILIES for case in instances(family, 8)]
    return [(case.name, case.problem, fo.solve(case.problem)) for case in cases]


@pytest.fixture
def cell() -> fo.Problem:
    """A small problem with a gap, whose certificate is no more than it needs to be."""
    return fo.Problem(
        payload_bits=[1e6, 2e6, 1.5e6, 1e6],
        cn0_hz=[3e7, 8e6, 2e7, 1e7],
        bandwidth_hz=1e6,
        relevance=[[1.0, 0.5, 0.8, 0.3], [0.0, 1.0, 1.0, 1.0]],
        required=[1.2, 0.5],
    )
