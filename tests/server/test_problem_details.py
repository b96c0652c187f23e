"""What is wrong is refused with the right status, a document that machines read, and nothing of what was sent."""

from __future__ import annotations

import json
import pickle

import jsonschema
import pytest

from fedss_opt.exceptions import FileFormatError, MissingDependencyError, OptionError, SolverError
from fedss_opt.server.limits import Limits
from fedss_opt.server.openapi import openapi
from fedss_opt.server.problem_details import LONGEST_DETAIL, RefusalKind, RefusedError, refusal_of

from .serving import JSON, cell

REFUSAL = jsonschema.Draft202012Validator(openapi(Limits(), needs_token=True)["components"]["schemas"]["Refusal"])
SMALL = json.dumps(cell(3).to_dict()).encode()


def wide(**changes: object) -> bytes:
    return json.dumps(cell(3).to_dict() | changes).encode()


@pytest.mark.parametrize(
    ("method", "path", "body", "headers", "status", "kind"),
    [
        ("POST", "/v1/solve", b"", JSON, 400, "malformed"),
        ("POST", "/v1/solve", b"{", JSON, 400, "malformed"),
        ("POST", "/v1/solve", b"\xff\xfe", JSON, 400, "malformed"),
        ("POST", "/v1/solve", b"[" * 50_000, JSON, 400, "malformed"),
        ("POST", "/v1/solve", b"1" * 50_000, JSON, 400, "malformed"),
        ("POST", "/v1/solve", b'{"a": NaN}', JSON, 400, "malformed"),
        ("POST", "/v1/solve", SMALL[:-1], JSON, 400, "malformed"),
        ("POST", "/v1/solve", b"null", JSON, 422, "invalid-problem"),
        ("POST", "/v1/solve", wide(payload_bits=[-1.0, 1.0, 1.0]), JSON, 422, "invalid-problem"),
        ("POST", "/v1/solve", wide(payload_bits=[1.0, 1.0]), JSON, 422, "invalid-problem"),
        ("POST", "/v1/solve", wide(secret="x" * 60_000), JSON, 422, "invalid-problem"),
        ("POST", "/v1/solve", wide(payload_bits=[1.0] * 501), JSON, 422, "too-many-clients"),
        ("POST", "/v1/solve", wide(relevance=[[1.0] * 501]), JSON, 422, "too-many-clients"),
        ("POST", "/v1/solve", wide(required=[1.0] * 11), JSON, 422, "too-many-tasks"),
        ("POST", "/v1/solve", wide(relevance=[[1.0]] * 11), JSON, 422, "too-many-tasks"),
        ("POST", "/v1/solve?method=cvxpy", SMALL, JSON, 422, "invalid-option"),
        ("POST", "/v1/solve?method=", SMALL, JSON, 422, "invalid-option"),
        ("POST", "/v1/solve?gap_tol=nan", SMALL, JSON, 422, "invalid-option"),
        ("POST", "/v1/solve?gap_tol=1e999", SMALL, JSON, 422, "invalid-option"),
        ("POST", "/v1/solve?gap_tol=-1", SMALL, JSON, 422, "invalid-option"),
        ("POST", "/v1/solve?gap_tol=0.1&gap_tol=0.2", SMALL, JSON, 422, "invalid-option"),
        ("POST", "/v1/solve?time_limit_s=20.1", SMALL, JSON, 422, "invalid-option"),
        ("POST", "/v1/solve?time_limit_s=1_0", SMALL, JSON, 422, "invalid-option"),
        ("POST", "/v1/solve?seed=1.5", SMALL, JSON, 422, "invalid-option"),
        ("POST", f"/v1/solve?seed={2**53}", SMALL, JSON, 422, "invalid-option"),
        ("POST", "/v1/check?method=admm", SMALL, JSON, 422, "invalid-option"),
        ("POST", "/v1/solve", b" " * 100_001, JSON, 413, "too-large"),
        ("POST", "/v1/solve", SMALL, {}, 415, "wrong-media-type"),
        ("POST", "/v1/solve", SMALL, {"Content-Type": "text/plain"}, 415, "wrong-media-type"),
        ("POST", "/v1/solve", SMALL, JSON | {"Content-Encoding": "gzip"}, 415, "wrong-media-type"),
        ("GET", "/v1/solve", None, None, 405, "wrong-method"),
        ("DELETE", "/health", None, None, 405, "wrong-method"),
        ("GET", "/v1", None, None, 404, "not-found"),
        ("GET", "/v1/solve/", None, None, 404, "not-found"),
        ("GET", "/%00%ff", None, None, 404, "not-found"),
    ],
    ids=str,
)
def test_each_refusal_has_its_status_and_its_document(server, method, path, body, headers, status, kind):
    found, refusal, answered = server.ask(method, path, body, headers)
    assert (found, refusal["type"]) == (status, f"urn:fedss-opt:{kind}")
    REFUSAL.validate(refusal)
    assert refusal["status"] == status
    assert answered["content-type"] == "application/problem+json"
    assert len(refusal["detail"]) <= LONGEST_DETAIL
    assert server.ask("GET", "/health")[0] == 200


def test_a_body_of_unknown_length_is_cut_off_where_it_is_too_long(server):
    plug = server.connect()
    plug.sendall(b"POST /v1/solve HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n")
    plug.sendall(b"Transfer-Encoding: chunked\r\n\r\n")
    for _ in range(2):
        plug.sendall(b"EA60\r\n" + b" " * 60_000 + b"\r\n")
    data = b""
    while chunk := plug.recv(65536):
        data += chunk
    plug.close()
    assert data.startswith(b"HTTP/1.1 413 ")


def test_who_waits_for_a_word_before_sending_is_refused_at_once(server):
    plug = server.connect()
    plug.sendall(b"POST /v1/solve HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n")
    plug.sendall(b"Content-Length: 100001\r\nExpect: 100-continue\r\n\r\n")
    data = b""
    while chunk := plug.recv(65536):
        data += chunk
    plug.close()
    assert data.startswith(b"HTTP/1.1 413 ")  # and no "100 Continue" before it


def test_what_is_no_http_is_refused_like_everything_else(server):
    plug = server.connect()
    plug.sendall(b"\x16\x03\x01 nonsense\r\n\r\n")
    data = b""
    while chunk := plug.recv(65536):
        data += chunk
    plug.close()
    top, _, body = data.partition(b"\r\n\r\n")
    assert top.startswith(b"HTTP/1.1 400 ")
    REFUSAL.validate(json.loads(body))


def test_the_log_has_sizes_and_no_payload(server):
    secret = "a-name-that-is-nobodys-business"
    body = cell(3).replace(client_ids=[secret, "b", "c"]).to_dict()
    assert server.ask("POST", "/v1/solve", body)[0] == 200
    assert server.ask("POST", "/v1/solve", body | {secret: 1})[0] == 422
    assert server.ask("POST", f"/v1/solve?{secret}={secret}", body)[0] == 422
    assert server.ask("GET", f"/{secret}")[0] == 404
    _, _, headers = server.ask("POST", "/v1/solve", cell(7, 3).to_dict())
    line = server.wait_for("request", request=headers["x-request-id"])
    facts = ("status", "path", "clients", "tasks", "outcome")
    assert [line[fact] for fact in facts] == [200, "/v1/solve", 7, 3, line["outcome"]]
    assert secret not in server.log
    assert secret not in server.ask("GET", "/metrics")[1].decode()


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (FileFormatError("$.x: missing"), RefusalKind.INVALID_PROBLEM),
        (OptionError("gap_tol"), RefusalKind.INVALID_OPTION),
        (MissingDependencyError("cvxpy"), RefusalKind.INVALID_OPTION),
        (SolverError("status 3"), RefusalKind.SOLVER_FAILED),
        (MemoryError("of 3 GB"), RefusalKind.INTERNAL),
    ],
)
def test_exceptions_have_their_refusals(error, kind):
    assert refusal_of(error).kind is kind


def test_what_nobody_expected_says_nothing_of_the_data():
    assert refusal_of(KeyError("a secret")).detail == "KeyError"


def test_every_kind_has_a_status_that_is_an_error():
    assert all(400 <= kind.status < 600 and kind.summary for kind in RefusalKind)


def test_refusals_travel_between_processes():
    refusal = RefusedError(RefusalKind.BUSY, "full", {"Retry-After": "1"})
    again = pickle.loads(pickle.dumps(refusal))
    assert (again.kind, str(again), again.headers) == (refusal.kind, "full", refusal.headers)
