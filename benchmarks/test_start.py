"""Cold processes: import, and the first solve with a warm kernel cache."""

from __future__ import annotations

import json
import subprocess
import sys

_SCRIPT = """
import json, time
began = time.perf_counter()
import fedss_opt as fo
imported = time.perf_counter()
problem = fo.Problem(
    payload_bits=[1e6, 2e6, 1.5e6], cn0_hz=[3e7, 8e6, 2e7], bandwidth_hz=1e6, relevance=[[1.0, 0.5, 0.8]], required=1.2
)
fo.solve(problem)
print(json.dumps({"import_s": imported - began, "first_solve_s": time.perf_counter() - began}))
"""


def _fresh_process() -> dict[str, float]:
    done = subprocess.run([sys.executable, "-c", _SCRIPT], capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def test_first_solve(benchmark) -> None:
    """From the start of the import to the end of the first solve, in a new process."""
    _fresh_process()  # fills the kernel cache where it is empty
    runs: list[dict[str, float]] = []
    benchmark.group = "cold process"
    benchmark.pedantic(lambda: runs.append(_fresh_process()), rounds=10, iterations=1)
    for name in ("import_s", "first_solve_s"):
        values = sorted(run[name] for run in runs)
        benchmark.extra_info.update(
            {f"{name}_min": values[0], f"{name}_median": values[len(values) // 2], f"{name}_max": values[-1]}
        )
