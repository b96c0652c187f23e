"""`fedss_opt.check` and ``fedss-opt check`` themselves: true answers are accepted, false ones refused."""

from __future__ import annotations

import contextlib
import io
import tempfile
from importlib import import_module
from pathlib import Path

from ..problem import Problem
from ..solution import CertificateKind, Solution
from .claim_record import records_of
from .corruption_claims import corrupted
from .frozen_families import Instance

__all__ = ["CHECK_CLAIMS", "CheckClaims"]

CHECK_CLAIMS = (
    "fedss_opt.check says ok of the answers of admm",
    "fedss_opt.check refuses no answer of exact",
    "fedss_opt.check proves the optima of exact again: nine in ten",
    "fedss_opt.check refuses corrupted answers",
    "fedss-opt check: exit status 0 for true answers",
    "fedss-opt check: exit status 1 for corrupted answers",
)

_COARSE = 1e-6  # `fedss_opt.check` allows 1e-9 to figures from anywhere: it is held against a thousand times as much


class CheckClaims:
    """Holds the checkers against answers that are true and answers that are not."""

    def __init__(self) -> None:
        self.claims = records_of(CHECK_CLAIMS)
        self._proven: list[bool] = []

    def try_instance(self, instance: Instance) -> None:
        """Check the answers of `admm` and `exact` to an instance, and all that can be made of them.

        Of a family's first member the command is asked as well, of the true answers and of three corrupted ones each.
        """
        solve, check = import_module("fedss_opt.solvers").solve, import_module("fedss_opt.checking").check
        admm, exact, _, refused, zero, one = self.claims.values()
        for method in ("admm", "exact"):
            where, problem = f"{instance.name}, {method}", instance.problem
            solution = solve(problem, method)
            report = check(problem, solution)
            if method == "admm":
                admm.see_true(where, report.ok)
            else:
                exact.see(where, float(sum(claim.holds is False for claim in report.claims)))
                self._proven.append(report.ok)
            certificate = solution.certificate
            searched = certificate is not None and certificate.kind is CertificateKind.SEARCH
            # A finished search needs no multipliers and no price: what is wrong with them makes no claim false.
            false = [
                made
                for made in corrupted(problem, solution, _COARSE)
                if not (searched and ("multiplier" in made[0] or "price" in made[0]))
            ]
            for name, changed, answer in false:
                refused.see_true(f"{where}, {name}", not check(changed, answer).ok)
            if instance.number == 0:
                zero.see(where, abs(_exit_status(problem, solution)) if report.ok else 0.0)
                for name, changed, answer in false[:: max(len(false) // 3, 1)]:
                    # A value that no document can hold is refused before it is checked.
                    one.see_true(f"{where}, {name}", _exit_status(changed, answer) in (1, 2))

    def finish(self) -> None:
        """Count how many optima were proven again, once all instances were tried."""
        proven, tried = sum(self._proven), len(self._proven)
        if tried:
            claim = self.claims[CHECK_CLAIMS[2]]
            claim.tried = tried - 1
            claim.see(f"{proven} of {tried}", 0.9 - proven / tried)


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
