"""What a request can be refused for, said the same way over HTTP (RFC 9457) and in a stream of lines."""

from __future__ import annotations

from enum import StrEnum
from typing import Any, Self

from ..documents import parse_json
from ..exceptions import InputError, MissingDependencyError, OptionError, ProblemError, SolverError

__all__ = ["RefusalKind", "RefusedError", "parsed", "refusal_of"]

# A message may quote what the caller sent, which may be as long as the body.
LONGEST_DETAIL = 500


class RefusalKind(StrEnum):
    """Why there is no answer: the last part of the problem's ``type``, its HTTP status, and one line for a person."""

    status: int
    summary: str

    def __new__(cls, value: str, status: int, summary: str) -> Self:
        """Make a kind of its three parts."""
        member = str.__new__(cls, value)
        member._value_, member.status, member.summary = value, status, summary
        return member

    MALFORMED = "malformed", 400, "Not a JSON document"
    INVALID_PROBLEM = "invalid-problem", 422, "The document is not what it should be"
    INVALID_OPTION = "invalid-option", 422, "An option is outside what is accepted"
    TOO_MANY_CLIENTS = "too-many-clients", 422, "More clients than are accepted here"
    TOO_MANY_TASKS = "too-many-tasks", 422, "More tasks than are accepted here"
    TOO_LARGE = "too-large", 413, "More bytes than are accepted here"
    WRONG_MEDIA_TYPE = "wrong-media-type", 415, "The body must be plain application/json"
    UNAUTHORIZED = "unauthorized", 401, "A valid bearer token is needed"
    WRONG_HOST = "wrong-host", 421, "This server does not answer in that name"
    NOT_FOUND = "not-found", 404, "There is nothing here"
    WRONG_METHOD = "wrong-method", 405, "This method is not for this path"
    TOO_SLOW = "too-slow", 408, "The request did not arrive in time"
    CUT_OFF = "cut-off", 400, "The request ended early"
    TOO_MANY_REQUESTS = "too-many-requests", 429, "This caller has too many requests under way"
    BUSY = "busy", 503, "The server has too many requests under way"
    STOPPING = "stopping", 503, "The server is stopping"
    SOLVER_FAILED = "solver-failed", 500, "The solver failed"
    INTERNAL = "internal", 500, "Something went wrong that should not"


class RefusedError(InputError):
    """A request that gets no answer.

    Parameters
    ----------
    kind : RefusalKind
        Why.
    message : str
        One line on this very case.
    headers : dict of str to str, optional
        HTTP headers that go with it.
    **parts
        Where it is and what is accepted, as for `fedss_opt.InputError`.
    """

    def __init__(
        self, kind: RefusalKind, message: str = "", headers: dict[str, str] | None = None, **parts: Any
    ) -> None:
        super().__init__(message, **parts)
        self.args = (kind, message)  # so that pickle can call it again
        self.kind = kind
        self.headers = headers or {}

    @property
    def detail(self) -> str:
        """One line on this very case, at bounded length."""
        text = str(self)
        return text if len(text) <= LONGEST_DETAIL else text[: LONGEST_DETAIL - 4] + " ..."

    @property
    def status(self) -> int:
        """HTTP status."""
        return self.kind.status

    def to_dict(self) -> dict[str, Any]:
        """Return what is wrong as a document.

        Returns
        -------
        dict
            ``type`` (``urn:fedss-opt:`` and the kind), ``title``, ``detail`` and, for what is wrong inside the
            document, its place there as ``path``.

        Examples
        --------
        >>> refused = RefusedError(
        ...     RefusalKind.INVALID_PROBLEM,
        ...     field="payload_bits",
        ...     index=(3,),
        ...     value=-1,
        ...     accepted="must be > 0",
        ...     path="$",
        ... )
        >>> refused.to_dict()["path"], refused.to_dict()["detail"]
        ('$.payload_bits[3]', '$.payload_bits[3] = -1: must be > 0')
        """
        document = {"type": f"urn:fedss-opt:{self.kind}", "title": self.kind.summary, "detail": self.detail}
        return document if self.path is None else document | {"path": self.place}


def parsed(data: bytes) -> Any:
    """Parse a JSON document that somebody sent; `RefusedError` when it is none.

    Examples
    --------
    >>> parsed(b'{"version": 1}')
    {'version': 1}
    """
    try:
        return parse_json(data)
    except InputError as error:
        raise _refused(RefusalKind.MALFORMED, error) from None


def _refused(kind: RefusalKind, error: InputError) -> RefusedError:
    refused = RefusedError.of(error)
    refused.kind, refused.headers = kind, {}
    return refused


def refusal_of(error: Exception) -> RefusedError:
    """Say which refusal an exception is; what nobody expected says no more than its name.

    Examples
    --------
    >>> refusal_of(OptionError("gap_tol = -1: must be >= 0")).kind
    <RefusalKind.INVALID_OPTION: 'invalid-option'>
    """
    if isinstance(error, RefusedError):
        return error
    for kinds, kind in (
        ((ProblemError,), RefusalKind.INVALID_PROBLEM),
        ((OptionError, MissingDependencyError), RefusalKind.INVALID_OPTION),
        ((SolverError,), RefusalKind.SOLVER_FAILED),
    ):
        if isinstance(error, kinds):
            return _refused(kind, error) if isinstance(error, InputError) else RefusedError(kind, str(error))
    return RefusedError(RefusalKind.INTERNAL, type(error).__name__)
