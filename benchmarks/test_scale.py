"""Scale: what a solve costs in oracle passes, from a hundred clients to ten million.

The unit is the oracle pass, one evaluation of the least bandwidth and its derivative for all N on one thread, timed in
the same process right before the solve it is compared with, so that a noisy machine cancels.
"""

from __future__ import annotations

import math
import os
import subprocess
import sys
import time
from statistics import median

import numpy as np
import pytest

import fedss_opt as fo
from fedss_opt.cells import cell_of
from fedss_opt.kernels.oracle import cost_pass

from .families import instance

# N, K, the gap asked for, seeds, and the target in passes.
SIZES = [(1_000_000, 1, 1e-4, 10, 40.0), (1_000_000, 5, 1e-4, 10, 80.0), (10_000, 20, 1e-3, 10, 400.0)]
GROWTH = (1_000, 10_000, 100_000, 1_000_000, 10_000_000)
SEEDS = 10


def _timed(call, repeats: int) -> float:
    times = []
    for _ in range(repeats):
        began = time.perf_counter()
        call()
        times.append(time.perf_counter() - began)
    return median(times)


def oracle_s(problem: fo.Problem, deadline_s: float) -> float:
    """Seconds of one pass over all clients."""
    cell, _ = cell_of(problem)
    cost, slope = np.empty(cell.client.size), np.empty(cell.client.size)
    cost_pass(cell, deadline_s, cost, slope)
    return _timed(lambda: cost_pass(cell, deadline_s, cost, slope), 9)


@pytest.mark.parametrize(("clients", "tasks", "gap_tol", "seeds", "target"), SIZES)
def test_passes(benchmark, clients: int, tasks: int, gap_tol: float, seeds: int, target: float) -> None:
    """Oracle passes that a solve to a certified gap takes; median over the instances."""
    passes, seconds, per_client, gaps = [], [], [], []

    def measure() -> None:
        for seed in range(seeds):
            problem = instance("yang2021", clients, tasks, seed)
            solution = fo.solve(problem, gap_tol=gap_tol)
            one = oracle_s(problem, solution.latency_s)
            took = _timed(lambda p=problem: fo.solve(p, gap_tol=gap_tol), 3)
            passes.append(took / one)
            seconds.append(took)
            per_client.append(1e9 * one / clients)
            gaps.append(solution.gap)

    benchmark.group = "passes"
    benchmark.pedantic(measure, rounds=1, iterations=1)
    benchmark.extra_info.update(
        clients=clients,
        tasks=tasks,
        gap_tol=gap_tol,
        seeds=seeds,
        target=target,
        passes=passes,
        seconds=seconds,
        ns_per_client=per_client,
        gap_worst=max(gaps),
    )


@pytest.mark.parametrize("family", ["yang2021", "umi"])
def test_warm_start(benchmark, family: str) -> None:
    """N = 100, K = 5 from cold, and from the round before with every channel moved by 1 dB."""
    cold, warm, loss = [], [], []

    def measure() -> None:
        for seed in range(SEEDS):
            before = instance(family, 100, 5, seed)
            earlier = fo.solve(before)
            moved = 10.0 ** np.random.default_rng(seed).choice([-0.1, 0.1], before.n_clients)
            now = before.replace(cn0_hz=before.cn0_hz * moved)
            fo.solve(now)
            cold.append(_timed(lambda p=now: fo.solve(p), 9))
            warm.append(_timed(lambda p=now, e=earlier: fo.solve(p, warm_start=e), 9))
            loss.append(fo.solve(now, warm_start=earlier).objective_s / fo.solve(now).objective_s - 1.0)

    benchmark.group = "warm start"
    benchmark.pedantic(measure, rounds=1, iterations=1)
    benchmark.extra_info.update(family=family, seeds=SEEDS, cold_s=cold, warm_s=warm, loss=loss)


def test_growth(benchmark) -> None:
    """Time of a solve to a gap of 1e-4 from 10^3 to 10^7 clients, K = 1, and its log-log slope."""
    seconds = []

    def measure() -> None:
        for clients in GROWTH:
            problem = instance("yang2021", clients, 1, 0)
            fo.solve(problem)
            seconds.append(_timed(lambda p=problem: fo.solve(p), 3 if clients < 10**7 else 1))

    benchmark.group = "growth"
    benchmark.pedantic(measure, rounds=1, iterations=1)
    x, y = np.log(np.array(GROWTH, dtype=float)), np.log(np.array(seconds))
    slope = float(np.polyfit(x, y, 1)[0])
    benchmark.extra_info.update(clients=list(GROWTH), seconds=seconds, slope=slope)


def test_overhead(benchmark) -> None:
    """What Python adds at N = 20: the whole of Problem and solve, less the time inside the kernels."""
    from fedss_opt.solvers import admm_method  # noqa: PLC0415

    problem = instance("yang2021", 20, 1, 0)
    fields = {
        name: getattr(problem, name) for name in ("payload_bits", "cn0_hz", "bandwidth_hz", "relevance", "required")
    }
    inside = 0.0

    def clocked(kernel):
        def call(*arguments):
            nonlocal inside
            began = time.perf_counter()
            result = kernel(*arguments)
            inside += time.perf_counter() - began
            return result

        return call

    fo.solve(problem)
    with pytest.MonkeyPatch.context() as patch:
        for name in ("begin", "advance", "conclude"):
            patch.setattr(admm_method, name, clocked(getattr(admm_method, name)))
        build, whole, kernels = [], [], []
        for _ in range(500):
            began = time.perf_counter()
            fresh = fo.Problem(**fields)
            built = time.perf_counter()
            inside = 0.0
            fo.solve(fresh)
            whole.append(time.perf_counter() - built)
            build.append(built - began)
            kernels.append(inside)
    benchmark.group = "overhead"
    benchmark.pedantic(fo.solve, args=(problem,), rounds=100)
    outside = [w - k for w, k in zip(whole, kernels, strict=True)]
    benchmark.extra_info.update(
        problem_s=median(build), solve_s=median(whole), kernels_s=median(kernels), outside_s=median(outside)
    )


_MEMORY = """
import threading, time
import fedss_opt as fo
from benchmarks.families import instance
fo.solve(instance("yang2021", 1000, 1, 0)); fo.solve(instance("yang2021", 40_000, 1, 0))
problem = instance("yang2021", 1_000_000, 1, 0)
def resident():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * 4096
base, peak, done = resident(), resident(), False
def watch():
    global peak
    while not done:
        peak = max(peak, resident())
        time.sleep(0.0005)
thread = threading.Thread(target=watch)
thread.start()
fo.solve(problem)
done = True
thread.join()
print((peak - base) / 8e6)
"""


@pytest.mark.skipif(not os.path.exists("/proc/self/statm"), reason="reads resident memory from /proc")
def test_memory(benchmark) -> None:
    """Peak resident memory beyond the input at N = 10^6, K = 1, in vectors of N doubles."""
    vectors = []

    def measure() -> None:
        done = subprocess.run([sys.executable, "-c", _MEMORY], capture_output=True, text=True, check=True)
        vectors.append(float(done.stdout))

    benchmark.group = "memory"
    benchmark.pedantic(measure, rounds=3, iterations=1)
    benchmark.extra_info.update(vectors=vectors, target=12.0)


_COMPILE = """
import time, resource
began = time.perf_counter()
import fedss_opt as fo
problem = fo.Problem(
    payload_bits=[1e6, 2e6, 1.5e6], cn0_hz=[3e7, 8e6, 2e7], bandwidth_hz=1e6, relevance=[[1.0, 0.5, 0.8]], required=1.2
)
fo.solve(problem)
print(time.perf_counter() - began)
"""


def test_first_compile(benchmark, tmp_path) -> None:
    """The very first solve on a machine: nothing in the kernel cache."""
    seconds = []

    def measure() -> None:
        folder = tmp_path / str(len(seconds))
        done = subprocess.run(
            [sys.executable, "-c", _COMPILE],
            capture_output=True,
            text=True,
            check=True,
            env={**os.environ, "NUMBA_CACHE_DIR": str(folder)},
        )
        seconds.append(float(done.stdout))

    benchmark.group = "first compile"
    benchmark.pedantic(measure, rounds=3, iterations=1)
    benchmark.extra_info.update(seconds=seconds, target=15.0)
    assert math.isfinite(max(seconds))
