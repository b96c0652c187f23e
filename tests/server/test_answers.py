"""What is asked over a real socket is what the library answers."""

from __future__ import annotations

import http.client
import json
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import fedss_opt as fo
from fedss_opt import documents

from .serving import JSON, PATIENCE_S, cell


def test_a_problem_is_answered_as_by_the_library(server):
    problem = cell(40)
    status, document, headers = server.ask("POST", "/v1/solve", problem.to_dict())
    assert status == 200
    assert headers["content-type"] == "application/json"
    solution, expected = documents.solution_from_dict(document, problem), fo.solve(problem)
    assert solution.method == "admm"
    assert np.array_equal(solution.selected, expected.selected)
    # Every float is written exactly, and the kernels are the same machine code on both sides.
    assert np.array_equal(solution.bandwidth_hz, expected.bandwidth_hz)
    assert solution.lower_bound_s == expected.lower_bound_s
    assert fo.check(problem, solution).ok


def test_options_are_obeyed(server):
    problem = cell(12)
    status, document, _ = server.ask("POST", "/v1/solve?method=exact&gap_tol=1e-9&seed=1.0", problem.to_dict())
    assert (status, document["method"], document["status"]) == (200, "exact", "optimal")


def test_an_infeasible_problem_is_an_answer(server):
    problem = cell(5).replace(required=[100.0, 0.1])
    status, document, _ = server.ask("POST", "/v1/solve", problem.to_dict())
    assert (status, document["status"], document["certificate"]["kind"]) == (200, "infeasible", "coverage")
    assert fo.check(problem, documents.solution_from_dict(document, problem)).ok


def test_a_solve_that_exceeds_its_time_gives_its_best_with_its_bound(server):
    problem = cell(300, 8, objective="total")  # branch and bound on it takes minutes
    status, document, _ = server.ask("POST", "/v1/solve?method=exact&gap_tol=0&time_limit_s=3", problem.to_dict())
    assert (status, document["status"], document["stop_reason"]) == (200, "feasible", "time")
    assert document["lower_bound_s"] > 0.0
    solution = documents.solution_from_dict(document, problem)
    assert fo.check(problem, solution).ok


def test_concurrent_clients_get_their_own_answers(server):
    problems = [cell(20 + seed, seed=seed) for seed in range(16)]
    with ThreadPoolExecutor(16) as threads:
        answers = list(threads.map(lambda problem: server.ask("POST", "/v1/solve", problem.to_dict()), problems))
    for problem, (status, document, _) in zip(problems, answers, strict=True):
        assert status == 200
        assert np.array_equal(document["bandwidth_hz"], fo.solve(problem).bandwidth_hz)


def test_a_check_finds_what_does_not_hold(server):
    problem = cell(20)
    solution = fo.solve(problem).to_dict(problem)
    status, report, _ = server.ask("POST", "/v1/check", {"problem": problem.to_dict(), "solution": solution})
    assert (status, report["ok"]) == (200, True)
    lie = {**solution, "latency_s": solution["latency_s"] / 2}
    _, report, _ = server.ask("POST", "/v1/check", {"problem": problem.to_dict(), "solution": lie})
    assert [claim["name"] for claim in report["claims"] if not claim["holds"]] == ["latency"]


@pytest.mark.parametrize(
    ("both", "path"),
    [
        ({"problem": {"format": 1}, "solution": {}}, "$.problem.format"),
        ({"problem": cell(3).to_dict(), "solution": {}}, "$.solution.format"),
        ({"problem": cell(501).to_dict(), "solution": {}}, "$.problem.payload_bits"),
        ({"problem": cell(3).to_dict()}, "$"),
        ([], "$"),
    ],
)
def test_what_is_wrong_with_a_check_is_named_by_its_path(server, both, path):
    status, refusal, _ = server.ask("POST", "/v1/check", json.dumps(both).encode())
    assert (status, refusal["path"]) == (422, path)


def test_health_says_that_problems_are_taken(server):
    assert server.ask("GET", "/health")[:2] == (200, {"status": "ok", "version": fo.__version__})


def test_metrics_count_what_is_answered(server):
    def count() -> float:
        text = server.ask("GET", "/metrics")[1].decode()
        lines = [line for line in text.splitlines() if line.startswith('fedss_opt_solve_seconds_count{method="fedcs"}')]
        return float(lines[0].split()[-1]) if lines else 0.0

    before = count()
    for _ in range(3):
        assert server.ask("POST", "/v1/solve?method=fedcs", cell(9).to_dict())[0] == 200
    assert count() == before + 3
    text = server.ask("GET", "/metrics")[1].decode()
    assert 'fedss_opt_requests_total{path="/v1/solve",status="200"}' in text
    assert "fedss_opt_in_flight 0.0" in text


def test_a_connection_serves_many_requests(server):
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=PATIENCE_S)
    connection.connect()
    plug = connection.sock
    for path, expected in (("/v1/solve", 422), ("/health", 405), ("/v1/solve", 422)):
        connection.request("POST", path, b"{}", JSON)
        response = connection.getresponse()
        response.read()
        assert response.status == expected
        assert connection.sock is plug  # http.client opens a new one where the server has closed the old
    connection.close()
