"""Warming up: it calls every kernel that the package calls, and after it no method compiles anything."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import fedss_opt
from fedss_opt.kernels.cell import build_cell
from fedss_opt.warming import python_calls

ROOT = Path(fedss_opt.__file__).parent
# Batches compile theirs before their clock starts, and runs of the verification have no clock.
LEFT_OUT = {"solve_stretch"}
EXEMPT = {"kernels", "verification"}


def imported_kernels() -> Iterator[tuple[str, object]]:
    """Whatever is compiled and imported, by name, from the kernels into another module of the package."""
    for path in ROOT.rglob("*.py"):
        module = path.relative_to(ROOT).with_suffix("").parts
        if module[0] in EXEMPT:
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] == "kernels":
                source = import_module(f"fedss_opt.{node.module}")
                for name in node.names:
                    value = getattr(source, name.name)
                    if hasattr(value, "py_func") and name.name not in LEFT_OUT:
                        yield f"{'/'.join(module)}: {name.name}", value


def test_every_kernel_that_python_imports_is_called() -> None:
    called = [kernel for kernel, _ in python_calls()] + [build_cell]  # the latter on the way to the first cell
    missing = [place for place, kernel in imported_kernels() if all(kernel is not other for other in called)]
    assert not missing


SOLVES = """
import itertools
import numpy as np
import fedss_opt as fo
from fedss_opt.kernels import jit
from fedss_opt.solvers import POLICIES
from fedss_opt.warming import warm_up

warm_up()
before = {kernel: len(kernel.signatures) for kernel in jit._dispatchers}
rng = np.random.default_rng(0)
relevance = rng.random((2, 12))
link = {"cn0_hz": 10.0 ** rng.uniform(6.5, 8.0, 12)}, {"spectral_efficiency": rng.uniform(0.5, 4.0, 12)}
for objective, rate, block_hz, tasks in itertools.product(("makespan", "total"), link, (None, 1.8e5), (1, 2)):
    problem = fo.Problem(
        payload_bits=10.0 ** rng.uniform(5.5, 6.5, 12), bandwidth_hz=4e6, objective=objective, **rate,
        resource_block_hz=block_hz, relevance=relevance[:tasks], required=0.4 * relevance[:tasks].sum(axis=1),
        mandatory=np.arange(12) == 0, available=np.arange(12) < 11,
    )
    for method in ("admm", "exact", *POLICIES):
        for limit_s in (None, 0.0, 60.0):
            solution = fo.solve(problem, method, time_limit_s=limit_s, gap_tol=1e-9)
            fo.check(problem, solution)
    earlier = fo.solve(problem)
    fo.solve(problem, warm_start=earlier)
    if earlier.certificate is not None:
        earlier.certificate.bound(problem)
    fo.solve(problem.replace(required=1e3))
grown = [kernel.__name__ for kernel, count in before.items() if len(kernel.signatures) > count]
assert not grown, grown
"""


def test_no_method_compiles_anything_afterwards() -> None:
    done = subprocess.run([sys.executable, "-c", SOLVES], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
