"""Documents: exact round trips, one-line errors with paths, files that are whole or not there."""

from __future__ import annotations

import copy
import json
import math

import jsonschema
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import fedss_opt as fo
from fedss_opt import documents
from fedss_opt.documents.files import json_text
from fedss_opt.fields import FIELDS

from . import by_hand
from .strategies import problems

PROBLEM = jsonschema.Draft202012Validator(documents.problem_schema())
SOLUTION = jsonschema.Draft202012Validator(documents.solution_schema())


@pytest.fixture
def cell() -> fo.Problem:
    return fo.Problem(
        payload_bits=[1e6, 2e6, 1.5e6],
        cn0_hz=[3e7, 8e6, 0.1 + 0.2],
        bandwidth_hz=1e6,
        relevance=[[1.0, 0.5, 0.8], [0.0, 1 / 3, 0.1]],
        required=[1.2, 0.4],
        max_upload_s=[1.0, math.inf, 2.0],
        available=[True, True, False],
        client_ids=["a", "b", "ü"],
        task_ids=["speech", "scene"],
    )


@pytest.fixture
def document(cell) -> dict:
    return cell.to_dict()


# -- round trips --------------------------------------------------------------------------------------------


@given(problems())
def test_problems_round_trip_exactly_through_json_and_fit_the_schema(problem):
    text = json_text(documents.problem_to_dict(problem))
    document = documents.parse_json(text)
    PROBLEM.validate(document)
    assert documents.problem_from_dict(document) == problem
    assert documents.parse_json(json_text(document, ascii_only=True)) == document


@given(problems())
def test_problems_round_trip_exactly_through_npz(tmp_path_factory, problem):
    path = tmp_path_factory.mktemp("npz") / "cell.npz"
    problem.save(path)
    assert fo.Problem.load(path) == problem


numbers = st.floats(1e-30, 1e30)


@given(
    st.lists(numbers, min_size=1, max_size=5),
    numbers,
    st.one_of(st.none(), st.lists(st.text(), min_size=5, max_size=5, unique=True)),
)
def test_any_float_and_any_name_survives(payload, bandwidth, names):
    n = len(payload)
    problem = fo.Problem(
        payload_bits=payload,
        spectral_efficiency=payload[::-1],
        bandwidth_hz=bandwidth,
        client_ids=None if names is None else names[:n],
    )
    assert documents.problem_from_dict(documents.parse_json(json_text(problem.to_dict()).encode())) == problem


def test_a_lone_surrogate_in_a_name_is_escaped(tmp_path):
    problem = fo.Problem(payload_bits=[1.0], cn0_hz=1.0, bandwidth_hz=1.0, client_ids=["\ud800"])
    problem.save(tmp_path / "cell.json")
    assert fo.Problem.load(tmp_path / "cell.json") == problem


def test_the_document_leaves_out_defaults_and_writes_infinity_as_null(document):
    assert set(document) == {
        "format", "version", "objective", "bandwidth_hz", "payload_bits", "cn0_hz", "max_upload_s",
        "available", "relevance", "required", "client_ids", "task_ids",
    }  # fmt: skip
    assert document["max_upload_s"] == [1.0, None, 2.0]


def test_scalars_stand_for_all_clients():
    problem = documents.problem_from_dict(
        {
            "$schema": "https://example.org/problem.json",
            "format": "fedss_opt/problem",
            "version": 1,
            "bandwidth_hz": 1000000,
            "payload_bits": 1000,
            "spectral_efficiency": [2, 3],
            "max_upload_s": None,
            "mandatory": True,
            "relevance": [1, 2],
            "required": 3,
        }
    )
    assert problem.payload_bits.tolist() == [1000.0, 1000.0]
    assert problem.max_upload_s.tolist() == [math.inf, math.inf]
    assert problem.mandatory.all()
    assert problem.relevance.tolist() == [[1.0, 2.0]]


def test_no_task_may_be_written_out(document):
    del document["task_ids"]
    assert documents.problem_from_dict(document | {"relevance": [], "required": []}).n_tasks == 0


def test_empty_names_of_no_task_are_kept():
    problem = fo.Problem(payload_bits=[1.0], cn0_hz=1.0, bandwidth_hz=1.0, task_ids=[])
    assert documents.problem_from_dict(problem.to_dict()) == problem


# -- errors in problems -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"payload_bits": [1e6, "2e6", 1]}, "$.payload_bits[1] = '2e6' (a string): must be a number"),
        ({"payload_bits": [1e6, True, 1]}, "$.payload_bits[1] = true: must be a number"),
        ({"payload_bits": [1e6, None, 1]}, "$.payload_bits[1] = null: must be a number"),
        ({"payload_bits": [1e6, 2e6, -1]}, "$.payload_bits[2] = -1.0: must be a finite number (bit) > 0"),
        ({"payload_bits": [1e6, 2e6]}, "$.cn0_hz: has 3 clients where payload_bits has 2; they must agree"),
        ({"payload_bits": {}}, "$.payload_bits = an object of 0: must be a number or an array of numbers"),
        ({"payload_bits": [[1], [2], [3]]}, "$.payload_bits[0] = an array of 1: must be a number"),
        ({"payload_bits": 10**400}, "must be a finite number"),
        ({"max_upload_s": [1, -2, None]}, "$.max_upload_s[1] = -2.0: must be a number (s) > 0, or null"),
        ({"bandwidth_hz": "20MHz"}, "$.bandwidth_hz = '20MHz' (a string): must be"),
        ({"bandwidth_hz": [1]}, "$.bandwidth_hz: an array of 1 where a single number is needed"),
        ({"bandwidth_hz": 0}, "$.bandwidth_hz = 0.0: must be a finite number (Hz) > 0"),
        ({"relevance": [[1, 2, 3], [1, 2, -3]]}, "$.relevance[1][2] = -3.0: must be a finite number >= 0"),
        ({"relevance": [[1, 2, 3], [1, 2]]}, "$.relevance[1]: has 2 entries where $.relevance[0] has 3"),
        ({"relevance": [[1, 2, 3], 4]}, "$.relevance[1] = 4 (a number): must be an array of numbers"),
        ({"available": [True, 1, False]}, "$.available[1] = 1 (a number): must be true or false"),
        ({"available": "yes"}, "$.available = 'yes' (a string): must be an array of true and false"),
        ({"max_upload_s": [1, None, math.inf]}, "$.max_upload_s[2] = inf: must be a finite number, or null"),
        ({"compute_s": math.nan}, "$.compute_s = nan: must be a finite number"),
        ({"client_ids": ["a", "a", "b"]}, "$.client_ids[1] = 'a': stands twice"),
        ({"client_ids": ["a", 2, "b"]}, "$.client_ids[1] = 2 (a number): must be a string"),
        ({"objective": "makspan"}, "$.objective = 'makspan': must be one of 'makespan', 'total' (did you"),
        ({"payload_bit": 1}, "$.payload_bit: unknown key (did you mean 'payload_bits'?)"),
        ({"zzz": 1}, "$.zzz: unknown key; the keys are"),
        ({"format": "fedss_opt/solution"}, "must be 'fedss_opt/problem'"),
        ({"version": 2}, "$.version = 2 (a number): this release reads version 1"),
        ({"version": True}, "$.version = true"),
        ({"spectral_efficiency": [1, 1, 1]}, "$.cn0_hz, spectral_efficiency: both given"),
        ({"mandatory": [False, False, True]}, "$.mandatory[2]: true where available is false; a "),
        ({"min_bandwidth_hz": 5, "max_bandwidth_hz": 4}, "$.min_bandwidth_hz[0] = 5"),
    ],
)  # fmt: skip
def test_errors_name_the_path_the_value_and_what_is_accepted(document, change, message):
    with pytest.raises(fo.FileFormatError) as caught:
        fo.Problem.from_dict(document | change)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("key", ["format", "version", "bandwidth_hz", "payload_bits", "required"])
def test_missing_keys_are_named(document, key):
    del document[key]
    with pytest.raises(fo.FileFormatError, match=rf"^\$\.{key}: missing"):
        fo.Problem.from_dict(document)


@pytest.mark.parametrize("value", [None, [], 3, "x", True])
def test_a_document_is_an_object(value):
    with pytest.raises(fo.FileFormatError, match=r"^\$: .* where an object is needed"):
        documents.problem_from_dict(value)


json_values = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=3)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=3), inner, max_size=2)),
    max_leaves=6,
)


@given(st.sampled_from([field.name for field in FIELDS]), json_values)
def test_whatever_stands_in_a_field_is_accepted_or_refused_in_one_line(name, value):
    document = {
        "format": "fedss_opt/problem", "version": 1, "bandwidth_hz": 1.0, "payload_bits": [1.0],
        "cn0_hz": [1.0],
    }  # fmt: skip
    try:
        problem = documents.problem_from_dict(document | {name: value})
    except fo.FileFormatError as error:
        refused = str(error)
    else:
        refused = "$"
        PROBLEM.validate(json.loads(json_text(problem.to_dict())))
    assert refused.startswith("$")
    assert "\n" not in refused


# -- solutions ----------------------------------------------------------------------------------------------


def _bounded(problem: fo.Problem) -> fo.Solution:
    certificate = fo.Certificate(
        kind=fo.CertificateKind.BOUND, price=0.3, multipliers=np.array([1e5, 0.1 + 0.2][: problem.n_tasks])
    )
    plain = by_hand.answer(problem)
    return by_hand.answer(
        problem,
        lower_bound_s=plain.objective_s * 0.97,
        certificate=certificate,
        message="drawn by hand",
        iterations=7,
        solve_time_s=0.1,
    )


def _same(one: fo.Solution, other: fo.Solution) -> bool:
    def key(solution: fo.Solution) -> str:
        fields = {name: getattr(solution, name) for name in solution.__dataclass_fields__ if name != "problem"}
        certificate = fields.pop("certificate")
        fields["certificate"] = None if certificate is None else vars(certificate)
        return repr(
            {name: value.tolist() if isinstance(value, np.ndarray) else value for name, value in fields.items()}
        ) + repr(certificate and certificate.multipliers.tolist())

    return key(one) == key(other)


@pytest.mark.parametrize("named", [True, False])
def test_solutions_round_trip_exactly_and_fit_the_schema(cell, named):
    problem = cell if named else cell.replace(client_ids=None, task_ids=None)
    for solution in (by_hand.answer(problem), _bounded(problem), by_hand.uncovered(problem, 1)):
        document = json.loads(json_text(solution.to_dict(problem)))
        SOLUTION.validate(document)
        assert ("client_ids" in document) == named
        for reread in (problem, None):
            assert _same(documents.solution_from_dict(document, reread), solution)
        assert _same(documents.solution_from_dict(json.loads(json_text(solution.to_dict()))), solution)


def test_no_answer_is_null_and_comes_back_as_infinity(cell):
    document = by_hand.uncovered(cell, 1).to_dict(cell)
    assert document["latency_s"] is document["objective_s"] is document["lower_bound_s"] is document["gap"] is None
    solution = documents.solution_from_dict(document)
    assert solution.latency_s == solution.objective_s == solution.lower_bound_s == math.inf
    assert math.isnan(documents.solution_from_dict(by_hand.answer(cell).to_dict()).lower_bound_s)


def test_a_foreign_answer_needs_little(cell):
    document = {
        "format": "fedss_opt/solution", "version": 1, "status": "feasible", "method": "mine", "latency_s": 3,
        "objective_s": 3, "selected": [True, True, False], "bandwidth_hz": [1, 2, 0],
    }  # fmt: skip
    SOLUTION.validate(document)
    solution = documents.solution_from_dict(document, cell)
    assert solution.stop_reason is fo.StopReason.COMPLETED
    assert solution.certificate is None


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"status": "great"}, "$.status = 'great': must be one of 'optimal'"),
        ({"stop_reason": "tired"}, "$.stop_reason = 'tired'"),
        ({"selected": [True, 1, False]}, "$.selected[1] = 1 (a number): must be true or false"),
        ({"selected": [True]}, "$.bandwidth_hz: has 3 clients where $.selected has 1"),
        ({"bandwidth_hz": [1, None, 0]}, "$.bandwidth_hz[1] = null: must be a number"),
        ({"latency_s": "1s"}, "$.latency_s = '1s' (a string): must be a number or null"),
        ({"latency_s": -1}, "$.latency_s = -1 (a number): must be >= 0, or null"),
        ({"gap": 0.5}, "$.gap = 0.5 (a number): objective_s and lower_bound_s give"),
        ({"gap": None}, "$.gap = null: objective_s"),
        ({"iterations": -1}, "$.iterations = -1 (a number): must be an integer >= 0"),
        ({"iterations": 1.5}, "$.iterations = 1.5"),
        ({"method": None}, "$.method = null: must be a string"),
        ({"certificate": {"kind": "bound", "price": 1}}, "$.certificate.multipliers: missing"),
        ({"certificate": {"kind": "x", "price": 1, "multipliers": []}}, "$.certificate.kind = 'x'"),
        ({"certificate": {"kind": "bound", "price": 1, "multiplier": []}}, "(did you mean 'multipliers'?)"),
        ({"certificate": 3}, "$.certificate = 3 (a number): must be an object or null"),
        ({"client_ids": ["a", "b"]}, "$.client_ids: has 2 names where $.selected has 3 clients"),
        ({"client_ids": ["a", "b", "c"]}, "$.client_ids[2] = 'c': the problem has 'ü' there"),
        ({"task_ids": ["speech"]}, "$.task_ids: has 1 names where the problem has 2"),
        ({"objective": "total"}, "$.objective = 'total': the problem's is 'makespan'"),
        ({"latency": 1}, "$.latency: unknown key (did you mean 'latency_s'?)"),
        ({"version": "1"}, "$.version = '1' (a string): this release reads version 1"),
    ],
)
def test_errors_in_solutions_name_the_path(cell, change, message):
    document = _bounded(cell).to_dict(cell)
    with pytest.raises(fo.FileFormatError) as caught:
        documents.solution_from_dict(document | change, cell)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_an_answer_to_another_problem_is_refused(cell):
    other = cell.replace(client_ids=None)
    document = by_hand.answer(fo.Problem(payload_bits=[1.0, 2.0], cn0_hz=1e9, bandwidth_hz=1.0)).to_dict()
    with pytest.raises(fo.FileFormatError, match=r"\$\.selected: has 2 clients where the problem has 3"):
        documents.solution_from_dict(document, other)
    with pytest.raises(fo.FileFormatError, match=r"\$\.selected: has 2 clients where the problem has 3"):
        documents.solution_from_dict(document).to_dict(cell)
    swapped = cell.replace(client_ids=[*cell.client_ids[1::-1], *cell.client_ids[2:]])
    written = by_hand.answer(cell).to_dict(cell)
    assert documents.solution_from_dict(written, cell).has_answer
    with pytest.raises(fo.FileFormatError, match=rf"\$\.client_ids\[0\] = '{cell.client_ids[0]}': the problem has"):
        documents.solution_from_dict(written, swapped)


_ANSWERED = by_hand.answer(fo.Problem(payload_bits=[1e6], cn0_hz=[1e7], bandwidth_hz=1e6)).to_dict()


@given(st.sampled_from(sorted(documents.solution_schema()["properties"])), json_values)
def test_whatever_stands_in_a_solution_is_accepted_or_refused_in_one_line(name, value):
    document = copy.deepcopy(_ANSWERED)
    try:
        solution = documents.solution_from_dict(document | {name: value})
    except fo.FileFormatError as error:
        refused = str(error)
    else:
        refused = "$"
        SOLUTION.validate(json.loads(json_text(solution.to_dict())))
    assert refused.startswith("$")
    assert "\n" not in refused


def test_the_schemas_are_schemas():
    for schema in (documents.problem_schema(), documents.solution_schema()):
        jsonschema.Draft202012Validator.check_schema(schema)
        json.dumps(schema, allow_nan=False)


@pytest.mark.parametrize(
    "change",
    [{"payload_bits": [0]}, {"bandwidth_hz": "1"}, {"compute_s": [None]}, {"zzz": 1}, {"version": 2}],
)
def test_the_schema_refuses_what_the_reader_refuses(document, change):
    assert not PROBLEM.is_valid(document | change)
    with pytest.raises(fo.FileFormatError):
        fo.Problem.from_dict(document | change)
