"""The mutation run: make every change in a copy of the package and run the tests that have to notice it.

Kernels run as plain Python: a changed kernel would have all of them compiled anew, which takes longer than any of these
tests.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import Queue

from fedss_opt.verification.package_copy import ChangeError, PackageCopy

from .table import Mutant, read_mutants

_ROOT = Path(__file__).parents[2]
_BESIDE = (_ROOT / "tests", _ROOT / "examples", _ROOT / "pyproject.toml")
_TIMEOUT_S = 600.0  # an endless loop is noticed too
_ASKED = 0.95  # of the mutants that some test could notice
_PASSED, _FAILED = 0, 1  # of pytest's exit codes; any other says that the tests did not run
_OPTIONS = ["-x", "-q", "-p", "no:cacheprovider", "-W", "ignore::RuntimeWarning", "--hypothesis-profile=unshrunk"]
_UNUSED = ["-p", "no:schemathesis", "-p", "no:benchmark", "-p", "no:anyio"]  # plugins that take seconds to load
_PYTEST = ["-B", "-m", "pytest", *_OPTIONS, *_UNUSED]


def _try(mutant: Mutant, copy: PackageCopy) -> tuple[str, str]:
    """Return what became of a mutant, and the test that noticed it."""
    try:
        with copy.changed(mutant):
            done = copy.run([*_PYTEST, *mutant.tests], jit=False, timeout_s=_TIMEOUT_S)
    except ChangeError as error:
        return "stale", str(error)
    except subprocess.TimeoutExpired:
        return "noticed", "does not end"
    if done.returncode == _PASSED:
        return "survives", mutant.survives
    if done.returncode != _FAILED:
        return "broken", (done.stdout + done.stderr)[-2000:]
    found = re.search(r"FAILED (?:tests/)?(.*?)(?: - |$)", done.stdout, re.MULTILINE)
    return "noticed", found.group(1) if found else ""


def _passes(copy: PackageCopy, tests: Sequence[str]) -> bool:
    """Tell whether tests pass without a mutant; show what they print if not."""
    done = copy.run([*_PYTEST, "--maxfail=100", *sorted(set(tests))], jit=False, timeout_s=10 * _TIMEOUT_S)
    if done.returncode != _PASSED:
        print(
            done.stdout, done.stderr, "The tests do not pass as they are: nothing can be said of any mutant.", sep="\n"
        )
    return done.returncode == _PASSED


def main(words: Sequence[str], workers: int) -> int:
    """Try the mutants, print what became of them, and return the exit status."""
    mutants = [m for m in read_mutants() if not words or any(word in f"{m.name} {m.file}" for word in words)]
    tried = [mutant for mutant in mutants if not mutant.equivalent]
    outcomes: dict[str, str] = {}
    started = time.perf_counter()
    with tempfile.TemporaryDirectory(prefix="mutants-") as folder:
        copies: Queue[PackageCopy] = Queue()
        for place in range(workers):
            (Path(folder) / str(place)).mkdir()
            copies.put(PackageCopy(Path(folder) / str(place), beside=_BESIDE))
        if not _passes(copies.queue[0], [test for mutant in tried for test in mutant.tests]):
            return 2

        def attempt(mutant: Mutant) -> None:
            copy, begun = copies.get(), time.perf_counter()
            try:
                outcomes[mutant.name], why = _try(mutant, copy)
            finally:
                copies.put(copy)
            spent = time.perf_counter() - begun
            print(f"{outcomes[mutant.name]:10} {spent:6.1f} s  {mutant.file}: {mutant.name}  [{why}]", flush=True)

        with ThreadPoolExecutor(workers) as pool:
            list(pool.map(attempt, tried))
    for mutant in mutants:
        if mutant.equivalent:
            print(f"equivalent            {mutant.file}: {mutant.name}  [{mutant.equivalent}]")
    return _summarise(mutants, outcomes, time.perf_counter() - started)


def _summarise(mutants: Sequence[Mutant], outcomes: dict[str, str], seconds: float) -> int:
    noticed = [name for name, outcome in outcomes.items() if outcome == "noticed"]
    explained = [m.name for m in mutants if m.survives and outcomes.get(m.name) == "survives"]
    wrong = [f"{outcome}: {name}" for name, outcome in outcomes.items() if name not in (*noticed, *explained)]
    wrong += [f"noticed, yet said to survive: {m.name}" for m in mutants if m.survives and m.name in noticed]
    print(
        f"\n{len(mutants)} mutants in {seconds:.0f} s: {len(mutants) - len(outcomes)} equivalent, {len(noticed)} of "
        f"{len(outcomes)} noticed, {len(explained)} survive as explained, {len(wrong)} otherwise"
    )
    print(*wrong, sep="\n")
    return 1 if wrong or len(noticed) < _ASKED * len(outcomes) else 0


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m tests.mutants", description="Do the tests notice?")
    parser.add_argument(
        "words", nargs="*", help="try the mutants whose name or file contains one of these; all without"
    )
    parser.add_argument("--workers", type=int, default=2, help="mutants at a time")
    arguments = parser.parse_args()
    sys.exit(main(arguments.words, arguments.workers))
