"""What is done with a request's bytes, without a server around it."""

from __future__ import annotations

import json

import numpy as np
import pytest

import fedss_opt as fo
from fedss_opt.server.limits import Limits
from fedss_opt.server.work import SolveOptions, check_body, json_bytes, solve_body

from .serving import cell

pytestmark = pytest.mark.usefixtures("warm")


def test_the_seed_is_the_one_that_was_asked_for() -> None:
    problem = cell(30)
    body = json_bytes(problem.to_dict())
    found = []
    for seed in (1, 2):
        done = solve_body(body, SolveOptions(method="random", seed=seed), Limits())
        found.append(json.loads(done.body)["selected"])
        assert found[-1] == fo.solve(problem, "random", seed=seed).selected.tolist()
    assert found[0] != found[1]


def test_a_check_has_the_tolerance_that_was_asked_for() -> None:
    problem = cell(30)
    answer = fo.solve(problem)
    loose = {**answer.to_dict(problem), "lower_bound_s": 0.8 * answer.objective_s, "status": "optimal", "gap": 0.25}
    body = json_bytes({"problem": problem.to_dict(), "solution": loose})
    assert check_body(body, 0.5, Limits()).outcome == "holds"
    assert check_body(body, 0.2, Limits()).outcome == "violated"


def test_methods_that_are_not_the_package_s_share_a_label() -> None:
    """A label of a metric that a caller could choose would let one caller fill the server's memory."""
    problem = cell(5)
    answer = fo.solve(problem, "all").to_dict(problem)
    for method, label in (("all", "all"), ("mine", "other"), ("", "other")):
        body = json_bytes({"problem": problem.to_dict(), "solution": {**answer, "method": method}})
        assert check_body(body, 1e-4, Limits()).method == label
    assert np.isfinite(answer["latency_s"])
