"""The OpenAPI document says what the server does: its schemas are the files', and generated requests find no other."""

from __future__ import annotations

import jsonschema
import pytest

import fedss_opt as fo
from fedss_opt import documents
from fedss_opt.server.limits import Limits
from fedss_opt.server.openapi import openapi
from fedss_opt.server.problem_details import RefusalKind

from .serving import PATIENCE_S, SIZES, cell

schemathesis = pytest.importorskip("schemathesis", reason="generates requests from the OpenAPI document")


def test_the_schemas_are_those_of_the_files():
    schemas = openapi(Limits(), needs_token=False)["components"]["schemas"]
    assert schemas["Problem"] == documents.problem_schema()
    assert schemas["Solution"] == documents.solution_schema()


def test_the_report_of_a_check_fits_its_schema():
    problem = cell(5)
    report = fo.check(problem, fo.solve(problem, "greedy")).to_dict()
    schema = openapi(Limits(), needs_token=False)["components"]["schemas"]["CheckReport"]
    jsonschema.Draft202012Validator(schema).validate(report)


def test_every_status_of_a_refusal_is_documented():
    paths = [path for token in (False, True) for path in openapi(Limits(), needs_token=token)["paths"].values()]
    described = {status for path in paths for operation in path.values() for status in operation["responses"]}
    routing = {404, 405}  # what no path and no method has
    assert {str(kind.status) for kind in RefusalKind if kind.status not in routing} <= described


def test_a_token_is_asked_for_everywhere_but_at_the_health():
    document = openapi(Limits(), needs_token=True)
    assert document["security"] == [{"bearer": []}]
    assert [path for path, item in document["paths"].items() for one in item.values() if "security" in one] == [
        "/health"
    ]
    assert "security" not in openapi(Limits(), needs_token=False)


# The server's document, read from the function that writes it: pytest collects the operations before a server runs.
SERVED = openapi(SIZES, needs_token=False)
api = schemathesis.openapi.from_dict(SERVED)


def test_the_server_hands_out_this_document(server):
    assert server.ask("GET", "/openapi.json")[1] == SERVED


@api.parametrize()
def test_generated_requests_are_answered_as_documented(server, case):
    # Sizes that must agree between fields are beyond a schema: a generated problem may be refused (422), and that is
    # the one thing which is not checked.
    unchecked = [schemathesis.checks.positive_data_acceptance]
    case.call_and_validate(base_url=server.url, excluded_checks=unchecked, timeout=PATIENCE_S)
