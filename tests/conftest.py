"""What every test shares: a deterministic Hypothesis and kernels that are compiled before they are timed."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, Phase, settings

import fedss_opt as fo

# The same examples in every run: a failure seen once is seen again. `deadline=None`, because the first call
# of a kernel compiles it.
settings.register_profile(
    "repeatable",
    deadline=None,
    derandomize=True,
    database=None,
    max_examples=50,
    print_blob=False,
    suppress_health_check=[HealthCheck.too_slow],
)
# What a nightly run may use: pytest --hypothesis-profile=searching
settings.register_profile("searching", settings.get_profile("repeatable"), derandomize=False, max_examples=2000)
# What `make mutants` uses: that an example fails is enough.
settings.register_profile(
    "unshrunk",
    settings.get_profile("repeatable"),
    max_examples=100,
    phases=[Phase.explicit, Phase.generate],
    report_multiple_bugs=False,
)
settings.load_profile("repeatable")


@pytest.fixture(scope="session")
def warm() -> None:
    """Compile the kernels once. Tests that solve ask for it; those that do not need not wait."""
    problem = fo.Problem(payload_bits=[1.0, 2.0], cn0_hz=1.0, bandwidth_hz=1.0, relevance=1.0, required=1.0)
    fo.solve(problem)
