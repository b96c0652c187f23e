"""The command line inside the test's process, and with answers that cost nothing."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from typer.testing import CliRunner, Result

import fedss_opt as fo
from fedss_opt.cli import demo, visible_solve
from fedss_opt.cli.app import app

from .. import by_hand

Runner = Callable[..., Result]


@pytest.fixture
def cli(monkeypatch, tmp_path) -> Runner:
    """Run ``fedss-opt`` in an empty folder; no failure may show as an exception."""
    monkeypatch.chdir(tmp_path)
    runner = CliRunner(env={"COLUMNS": "80", "NO_COLOR": "1"})

    def run(*arguments: str, stdin: str | bytes | None = None) -> Result:
        result = runner.invoke(app, list(arguments), input=stdin, prog_name="fedss-opt")
        assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
        return result

    return run


@pytest.fixture
def cell(tmp_path) -> fo.Problem:
    """A small problem, saved as ``cell.json``."""
    problem = fo.Problem(
        payload_bits=[1e6, 2e6, 1.5e6, 1e6],
        cn0_hz=[3e7, 8e6, 2e7, 1e7],
        bandwidth_hz=1e6,
        relevance=[[1.0, 0.5, 0.8, 0.3], [0.0, 1.0, 1.0, 1.0]],
        required=[1.2, 0.5],
        client_ids=["phone", "meter", "[red]caméra\x1b[0m", "gate"],
        task_ids=["speech", "scene"],
    )
    problem.save(tmp_path / "cell.json")
    return problem


@pytest.fixture
def by_hand_solver(monkeypatch) -> dict[str, Callable[[fo.Problem], fo.Solution]]:
    """Replace the solver; a test may put another function under the key ``answer``."""
    answers = {"answer": lambda problem: by_hand.answer(problem, by_hand.greedy(problem))}

    def solve(problem: fo.Problem, method: str = "admm", **options: object) -> fo.Solution:
        if method not in fo.METHODS:
            return fo.solve(problem, method)  # for its error
        callback = options.get("callback")
        solution = replace(answers["answer"](problem), method=method)
        if callback is not None:
            assert callable(callback)
            for step in range(3):
                callback(fo.Progress(iteration=step, elapsed_s=0.01 * step, objective_s=1.0, lower_bound_s=0.3 * step))
        return solution

    monkeypatch.setattr(visible_solve, "solve", solve)
    monkeypatch.setattr(demo, "solve", solve)
    monkeypatch.setattr(visible_solve, "get_ready", lambda quiet: None)
    return answers


@pytest.fixture
def unknown() -> Callable[[fo.Problem], fo.Solution]:
    """Say that nothing was found."""
    return lambda problem: replace(
        by_hand.uncovered(problem, 0),
        status=fo.Status.UNKNOWN,
        certificate=None,
        lower_bound_s=math.nan,
        message="nothing was found",
        selected=np.zeros(problem.n_clients, dtype=bool),
    )
