"""What a Solution is made of: plain figures and arrays of one kind, or an error that names the field."""

from __future__ import annotations

import copy
import dataclasses
import gc
import math
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import fedss_opt as fo


def solution(**changes: Any) -> fo.Solution:
    fields: dict[str, Any] = {
        "status": fo.Status.FEASIBLE,
        "stop_reason": fo.StopReason.COMPLETED,
        "selected": np.array([True, False]),
        "bandwidth_hz": np.array([1e6, 0.0]),
        "latency_s": 1.0,
        "objective_s": 1.0,
        "lower_bound_s": math.nan,
        "certificate": None,
        "method": "by hand",
    }
    return fo.Solution(**(fields | changes))


def test_what_means_the_same_becomes_the_same() -> None:
    made = solution(
        status="optimal",
        stop_reason="gap",
        selected=[1, 0],
        bandwidth_hz=[10**6, 0],
        latency_s=1,
        objective_s=np.float32(1.0),
        lower_bound_s=np.int8(1),
    )
    assert made.status is fo.Status.OPTIMAL
    assert made.stop_reason is fo.StopReason.GAP
    assert (made.selected.dtype, made.bandwidth_hz.dtype) == (np.bool_, np.float64)
    figures = (made.latency_s, made.objective_s, made.lower_bound_s)
    assert figures == (1.0, 1.0, 1.0)
    assert {type(figure) for figure in figures} == {float}


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"status": "best"}, "status = 'best': must be one of 'optimal', 'feasible', 'infeasible', 'unknown'"),
        ({"status": None}, "status = None: must be one of"),
        ({"stop_reason": 3}, "stop_reason = 3: must be one of 'gap', "),
        ({"selected": ["a", "b"]}, "selected[0] = 'a': must be true or false"),
        ({"selected": [0.5, 1.0]}, "selected[0] = 0.5: must be true or false"),
        ({"selected": True}, "selected: has shape (); give one value per client"),
        ({"selected": None}, "selected: has shape ()"),
        ({"bandwidth_hz": ["1", "2"]}, "bandwidth_hz[0] = '1': not a number"),
        ({"bandwidth_hz": [None, 1.0]}, "bandwidth_hz[0] = None: not a number"),
        ({"latency_s": None}, "latency_s = None: must be a number"),
        ({"objective_s": "1"}, "objective_s = '1': must be a number"),
        ({"lower_bound_s": True}, "lower_bound_s = True: must be a number"),
        ({"certificate": 1.0}, "certificate: a float; must be a Certificate, or None"),
    ],
)
def test_what_is_of_another_type_is_refused_by_name(wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(fo.ProblemError) as caught:
        solution(**wrong)
    assert str(caught.value).startswith(message)


def test_a_status_by_its_name_is_judged_like_the_status() -> None:
    """An answer that calls itself "optimal" beside a bound of 0 used to pass the check."""
    problem = fo.Problem(payload_bits=1e6, spectral_efficiency=[1.0, 2.0], bandwidth_hz=1e6)
    report = fo.check(problem, solution(status="optimal", lower_bound_s=0.0))
    assert [claim.name for claim in report.failed] == ["status"]


# -- the problem that is answered --


def _small(**changes: object) -> fo.Problem:
    data: dict[str, object] = {
        "payload_bits": [1e6, 2e6, 1.5e6],
        "cn0_hz": [3e7, 8e6, 2e7],
        "bandwidth_hz": 1e6,
        "relevance": [[1.0, 0.5, 0.8]],
        "required": 1.2,
        "max_upload_s": [np.inf, 50.0, 60.0],
        "client_ids": ["ann", "bob", "eve"],
    }
    return fo.Problem(**(data | changes))  # type: ignore[arg-type]


@pytest.mark.parametrize("method", ["admm", "exact", "greedy"])
@pytest.mark.parametrize("changes", [{}, {"required": 9.0}, {"max_upload_s": 1e-6}])
def test_every_method_says_what_it_answers(method: str, changes: dict[str, object]) -> None:
    problem = _small(**changes)
    solution = fo.solve(problem, method)
    assert solution.problem is problem
    assert solution.check() == fo.check(problem, solution)
    proven = 0.0 if solution.certificate is None else solution.certificate.bound(problem)
    assert solution.bound == proven
    costs = solution.reduced_costs()
    assert costs.shape == (3,)
    if solution.certificate is not None:
        np.testing.assert_array_equal(costs, solution.certificate.reduced_costs(problem))
    assert solution.to_dict() == solution.to_dict(problem)


def test_without_a_problem_what_needs_one_is_refused() -> None:
    solution = dataclasses.replace(fo.solve(_small()), problem=None)
    for ask in (solution.check, solution.reduced_costs, lambda: solution.bound):
        with pytest.raises(fo.OptionError, match=r"^problem: is not known to this answer; set it with"):
            ask()
    assert "objective" not in solution.to_dict()
    with pytest.raises(fo.FileFormatError, match=r"^\$\.problem: is not known"):
        solution.to_dict(with_problem=True)


def test_a_pickled_answer_keeps_its_problem() -> None:
    solution = fo.solve(_small())
    for again in (pickle.loads(pickle.dumps(solution)), copy.deepcopy(solution), dataclasses.replace(solution)):
        assert again.problem == solution.problem
        assert again.to_dict() == solution.to_dict()


def test_an_answer_of_a_batch_knows_its_problem_while_the_batch_lives() -> None:
    problems = [_small(), _small(required=1.0)]
    result = fo.solve_batch([*problems, None])
    last = result[1]
    assert last.problem == problems[1]
    assert last.check().ok
    assert result[2].problem is None
    assert pickle.loads(pickle.dumps(last)).problem is None
    del result
    gc.collect()
    assert last.problem is None


@pytest.mark.parametrize("suffix", [".json", ".npz"])
@pytest.mark.parametrize("with_problem", [True, False])
@pytest.mark.parametrize(
    "changes", [{}, {"required": 9.0}, {"max_upload_s": 1e-6}, {"relevance": None, "required": None}]
)
def test_answers_are_saved_and_loaded(
    tmp_path: Path, suffix: str, with_problem: bool, changes: dict[str, object]
) -> None:
    problem = _small(**changes)
    for method in ("admm", "exact", "greedy"):
        solution, path = fo.solve(problem, method), tmp_path / f"answer{suffix}"
        solution.save(path, with_problem=with_problem)
        again = fo.Solution.load(path)
        assert again.problem == (problem if with_problem else None)
        assert again.to_dict(problem) == solution.to_dict()
        assert fo.Solution.load(path, problem).check() == solution.check()
        if with_problem:
            with pytest.raises(fo.FileFormatError, match=r"\$\.problem: is another one"):
                fo.Solution.load(path, problem.replace(bandwidth_hz=2e6))


def test_what_an_archive_says_of_an_answer_is_checked(tmp_path: Path) -> None:
    path = tmp_path / "answer.npz"
    fo.solve(_small()).save(path, with_problem=True)
    with np.load(path) as archive:
        arrays = dict(archive)
    for changes, message in (
        ({"status": "great"}, r"\$\.status = 'great'"),
        ({"certificate.price": [1.0]}, r"\$\.certificate\.price"),
        ({"problem.payload_bits": -1.0}, r"\$\.problem\.payload_bits = -1\.0"),
        ({"status.x": 1.0}, r"\$\.status\.x: stands beside"),
    ):
        np.savez(path, **(arrays | {name: np.array(value) for name, value in changes.items()}))
        with pytest.raises(fo.FileFormatError, match=rf"answer\.npz: {message}"):
            fo.Solution.load(path)
