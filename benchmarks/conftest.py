"""What a record of a run needs to know besides its times."""

from __future__ import annotations

from importlib import metadata

PACKAGES = ("fedss-opt", "numpy", "scipy", "numba", "cvxpy", "clarabel", "pyscipopt", "altair")


def pytest_benchmark_update_machine_info(config: object, machine_info: dict[str, object]) -> None:
    """Add the versions of what is measured, and of what it is measured against."""
    versions = {}
    for name in PACKAGES:
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    machine_info["versions"] = versions
