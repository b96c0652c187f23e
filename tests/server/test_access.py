"""Tokens, addresses, limits and places, without a server."""

from __future__ import annotations

import pytest

from fedss_opt.exceptions import OptionError
from fedss_opt.server.access import TOKEN_VARIABLE, Token, read_token, resolve
from fedss_opt.server.admission import Admission
from fedss_opt.server.limits import Limits
from fedss_opt.server.problem_details import RefusalKind, RefusedError

SECRET = "0123456789abcdef"


@pytest.mark.parametrize(
    ("header", "fits"),
    [
        (b"Bearer " + SECRET.encode(), True),
        (b"bearer  " + SECRET.encode() + b" ", True),
        (b"Bearer " + SECRET.encode() + b"0", False),
        (b"Bearer " + SECRET[:-1].encode(), False),
        (b"Bearer " + SECRET.upper().encode(), False),
        (b"Bearer\t" + SECRET.encode(), False),
        (SECRET.encode(), False),
        (b"Basic " + SECRET.encode(), False),
        (b"Bearer \xff\x00", False),
        (b"", False),
        (None, False),
    ],
)
def test_a_header_carries_the_token_or_does_not(header, fits):
    assert Token.of(SECRET).matches(header) is fits


def test_a_token_cannot_be_read_from_what_is_kept():
    assert SECRET not in repr(Token.of(SECRET))
    assert SECRET not in str(vars(Token.of(SECRET)))


@pytest.mark.parametrize(
    "text", ["", "short", "x" * 5000, "sixteen or more but with spaces", "sixteen-or-möre-letters"]
)
def test_a_bad_token_is_refused_without_being_quoted(text):
    with pytest.raises(OptionError) as caught:
        read_token(None, {TOKEN_VARIABLE: text})
    assert str(caught.value).startswith(TOKEN_VARIABLE)
    assert not text or text not in str(caught.value)


def test_a_file_comes_before_the_environment(tmp_path):
    (tmp_path / "token").write_text(SECRET + "\n")
    token = read_token(tmp_path / "token", {TOKEN_VARIABLE: "another-token-than-that"})
    assert token is not None
    assert token.matches(b"Bearer " + SECRET.encode())
    assert read_token(None, {}) is None
    with pytest.raises(FileNotFoundError):
        read_token(tmp_path / "nothing", {})


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.9", "localhost"])
def test_this_machine_needs_no_token(host):
    assert resolve(host, 0, None).is_loopback


@pytest.mark.parametrize("host", ["0.0.0.0", "192.0.2.1", "8.8.8.8"])
def test_other_addresses_do(host):
    with pytest.raises(OptionError, match="needs a token"):
        resolve(host, 8080, None)
    assert not resolve(host, 8080, Token.of(SECRET)).is_loopback


@pytest.mark.parametrize(
    ("host", "port"), [("127.0.0.1", -1), ("127.0.0.1", 65536), ("no such host", 80), ("a" * 80, 80)]
)
def test_what_is_no_address_is_an_option_error(host, port):
    with pytest.raises(OptionError, match=r"^(host|port) = "):
        resolve(host, port, None)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("workers", 0),
        ("workers", True),
        ("queue", -1),
        ("max_body_bytes", 1.5),
        ("max_time_s", 0.0),
        ("max_time_s", float("inf")),
        ("body_s", float("nan")),
        ("per_caller", 0),
    ],
)
def test_a_limit_that_is_none_is_refused_by_its_name(name, value):
    with pytest.raises(OptionError, match=name):
        Limits(**{name: value})


def test_places_are_counted_and_given_back():
    admission = Admission(Limits(workers=1, queue=2, per_caller=2))

    def kind_of(caller: str) -> RefusalKind | None:
        try:
            with admission.enter(caller):
                return None
        except RefusedError as refusal:
            return refusal.kind if refusal.headers == {"Retry-After": "1"} else None

    with admission.enter("a"), admission.enter("a"):
        assert kind_of("a") is RefusalKind.TOO_MANY_REQUESTS
        assert kind_of("b") is None
        with admission.enter("b"):
            assert kind_of("b") is RefusalKind.BUSY
            assert kind_of("a") is RefusalKind.TOO_MANY_REQUESTS
    with pytest.raises(KeyError), admission.enter("a"):
        raise KeyError
    assert admission.in_flight == 0
    assert kind_of("a") is None
    admission.stop()
    assert kind_of("a") is RefusalKind.STOPPING


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("localhost", 200),
        ("LOCALHOST:1", 200),
        ("localhost.", 200),
        ("127.0.0.1:8080", 200),
        ("127.9.9.9", 200),
        ("[::1]:8080", 200),
        ("evil.example", 421),
        ("localhost.evil.example", 421),
        ("127.0.0.1.evil.example", 421),
        ("10.0.0.1", 421),
        ("[::2]", 421),
    ],
)
def test_without_a_token_only_names_of_this_machine_are_served(server, host, status):
    assert server.ask("GET", "/health", headers={"Host": host})[0] == status


def test_with_a_token_every_name_is_served(guarded):
    headers = {"Host": "cell-7", "Authorization": f"Bearer {guarded.token}"}
    assert guarded.ask("GET", "/openapi.json", headers=headers)[0] == 200
