"""`fedss_opt.check` and ``fedss-opt check`` themselves: true answers are accepted, false ones refused."""

from __future__ import annotations

import contextlib
import io
import tempfile
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

from ..problem import Problem
from ..solution import CertificateKind, Solution
from .instances import Instance
from .mutations import COARSE_MUTATIONS, COARSE_STALE
from .records import Comparison

__all__ = ["CHECK_CLAIMS", "CheckClaims"]

CHECK_CLAIMS = (
    "fedss_opt.check says ok of the answers of admm",
    "fedss_opt.check refuses no answer of exact",
    "fedss_opt.check proves the optima of exact again: nine in ten",
    "fedss_opt.check refuses corrupted answers",
    "fedss-opt check: exit status 0 for true answers",
    "fedss-opt check: exit status 1 for corrupted answers",
)

# A finished search needs no multipliers and no price: what is wrong with them makes none of its claims false.
_OF_MULTIPLIERS = ("multiplier", "price")


class CheckClaims:
    """Holds the checkers against answers that are true and answers that are not."""

    def __init__(self) -> None:
        self.claims = {name: Comparison(name) for name in CHECK_CLAIMS}
        self._proven = [0, 0]

    def try_instance(self, instance: Instance, *, command: bool = False) -> None:
        """Check the answers of `admm` and `exact` to an instance, and all that can be made of them.

        Parameters
        ----------
        instance : Instance
            The instance.
        command : bool
            Whether the command is asked as well, of the true answers and of three corrupted ones each.
        """
        package, check = import_module("fedss_opt.solvers"), import_module("fedss_opt.checking").check
        admm, exact, _, refused, zero, one = (self.claims[name] for name in CHECK_CLAIMS)
        for method in ("admm", "exact"):
            where, problem = f"{instance.name}, {method}", instance.problem
            solution = package.solve(problem, method)
            report = check(problem, solution)
            if method == "admm":
                admm.see(where, 0.0 if report.ok else 1.0, 0.0)
            else:
                false = [claim for claim in report.claims if claim.verdict is not None and not claim.verdict]
                exact.see(where, float(len(false)), 0.0)
                self._proven[0] += report.ok
                self._proven[1] += 1
            corrupted = list(_corrupted(problem, solution))
            for name, changed, answer in corrupted:
                refused.see(f"{where}, {name}", 1.0 if check(changed, answer).ok else 0.0, 0.0)
            if command:
                zero.see(where, abs(_exit_status(problem, solution)) if report.ok else 0.0, 0.0)
                for name, changed, answer in corrupted[:: max(len(corrupted) // 3, 1)]:
                    status = _exit_status(changed, answer)
                    # A value that no document can hold is refused before it is checked.
                    one.see(f"{where}, {name}", 0.0 if status in (1, 2) else 1.0, 0.0)

    def finish(self) -> None:
        """Count how many optima were proven again, once all instances were tried."""
        proven, tried = self._proven
        if tried:
            claim = self.claims[CHECK_CLAIMS[2]]
            claim.tried = tried - 1
            claim.see(f"{proven} of {tried}", 0.9 - proven / tried, 0.0)


def _corrupted(problem: Problem, solution: Solution) -> Iterator[tuple[str, Problem, Solution]]:
    """Yield every corruption that makes a claim false: its name, the problem, the answer."""
    certificate = solution.certificate
    searched = certificate is not None and certificate.kind is CertificateKind.SEARCH
    for name, mutate in COARSE_MUTATIONS.items():
        changed = None if searched and any(word in name for word in _OF_MULTIPLIERS) else mutate(problem, solution)
        if changed is not None:
            yield name, problem, changed
    for name, change in COARSE_STALE.items():
        other = change(problem, solution)
        if other is not None:
            yield name, other, solution


def _exit_status(problem: Problem, solution: Solution) -> int:
    """Return what ``fedss-opt check`` ends with, in plain floats."""
    main, documents = import_module("fedss_opt.cli").main, import_module("fedss_opt.documents")
    with tempfile.TemporaryDirectory() as folder:
        files = [str(Path(folder) / "problem.json"), str(Path(folder) / "answer.json")]
        problem.save(files[0])
        try:
            documents.save_solution(solution, files[1], problem)
        except ValueError:
            return 2
        sink = io.StringIO()
        with contextlib.redirect_stdout(sink), contextlib.redirect_stderr(sink):
            return int(main(["check", *files, "--arithmetic", "float"]))
