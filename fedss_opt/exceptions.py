"""The package's exceptions: one tree, so that a caller can catch all of it or one branch."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Self, TypeVar

from .wording import shown

__all__ = [
    "FedssOptError",
    "FileFormatError",
    "InputError",
    "MissingDependencyError",
    "OptionError",
    "PayloadError",
    "ProblemError",
    "SolverError",
    "needs_extra",
]


Error = TypeVar("Error", bound="InputError")


class FedssOptError(Exception):
    """Anything this package raises on purpose."""


class _Absent:
    """The type of `ABSENT`."""

    def __repr__(self) -> str:
        return "ABSENT"

    def __reduce__(self) -> str:
        return "ABSENT"


ABSENT: Any = _Absent()
"""Stands for the value where there is none to show."""


class InputError(FedssOptError, ValueError):
    """What was handed in cannot be accepted.

    The text is made of the parts below, and of nothing else: whoever wants to know where something is wrong reads the
    attributes, and whoever knows better where it stands says so with `at` and `within`.

    Parameters
    ----------
    message : str
        What is wrong.
    field : str
        Name of the field or option; inside a document its place there, such as ``certificate.price``.
    index : sequence of int
        Place inside the field.
    value : object
        What stands there.
    accepted : str
        What is accepted.
    infinity : str
        How infinity is written where the field accepts it, else empty.
    path : str, optional
        Path of the document that the field is in, such as ``$``; None for a field of a call.
    display : str, optional
        How to show the value; by default its `repr`, shortened.

    Attributes
    ----------
    field, index, value, accepted, infinity, path
        As above. A value that is no plain number or text is kept as the text that shows it;
        `fedss_opt.exceptions.ABSENT` stands for none.
    source : str
        What it is in: a file, a line, a client.

    Examples
    --------
    >>> import fedss_opt as fo
    >>> try:
    ...     fo.Problem(payload_bits=[1e6, -1.0], cn0_hz=1e7, bandwidth_hz=1e6)
    ... except fo.InputError as error:
    ...     print(error)
    ...     print(error.field, error.index, error.value, "|", error.accepted)
    payload_bits[1] = -1.0: must be a finite number (bit) > 0
    payload_bits (1,) -1.0 | must be a finite number (bit) > 0
    """

    def __init__(
        self,
        message: str = "",
        *,
        field: str = "",
        index: Sequence[int] = (),
        value: object = ABSENT,
        accepted: str = "",
        infinity: str = "",
        path: str | None = None,
        display: str | None = None,
    ) -> None:
        super().__init__(message)
        item = getattr(value, "item", None)
        if callable(item) and getattr(value, "ndim", None) == 0:  # a scalar of NumPy's
            value = item()
        self.message = message
        self.field = field
        self.index = tuple(map(int, index))
        self.accepted = accepted
        self.infinity = infinity
        self.path = path
        self.source = ""
        self._display = "" if value is ABSENT else shown(value) if display is None else display
        self.value = value if value is ABSENT or isinstance(value, (bool, int, float, str)) else self._display
        self._shows_place = True

    @property
    def place(self) -> str:
        """Where it is: ``relevance[0, 3]``, or ``$.relevance[0][3]`` inside a document."""
        if self.path is None:
            return f"{self.field}[{', '.join(map(str, self.index))}]" if self.index else self.field
        dot = "." if self.field and not self.field.startswith("[") else ""
        return f"{self.path}{dot}{self.field}{''.join(f'[{i}]' for i in self.index)}"

    def __str__(self) -> str:
        accepted = f"{self.accepted}, or {self.infinity}" if self.infinity else self.accepted
        place = self.place if self._shows_place else ""
        head = " = ".join(part for part in (place, self._display) if part)
        body = "; ".join(part for part in (self.message, accepted) if part)
        return ": ".join(part for part in (self.source, head, body) if part)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({str(self)!r})"

    def at(self, path: str) -> Self:
        """Return the same error inside a document, or a part of one.

        Examples
        --------
        >>> error = InputError(field="relevance", index=(0, 3), value=-1.0, accepted="must be >= 0")
        >>> print(error.at("$"))
        $.relevance[0][3] = -1.0: must be >= 0
        >>> print(error.at("$").at("$.problems[2]"))
        $.problems[2].relevance[0][3] = -1.0: must be >= 0
        """
        again = self._again(type(self))
        again.path = path + (self.path or "").removeprefix("$")
        return again

    def within(self, source: str, *, instead: bool = False) -> Self:
        """Return the same error with what it is in before it; `instead` of its own place, if that says it all.

        Examples
        --------
        >>> error = InputError(field="compute_s", index=(3,), value=-1.0, accepted="must be >= 0")
        >>> print(error.within("client 'ann'"))
        client 'ann': compute_s[3] = -1.0: must be >= 0
        >>> print(error.within("line 5, column compute_s", instead=True))
        line 5, column compute_s: -1.0: must be >= 0
        """
        again = self._again(type(self))
        again.source = ": ".join(part for part in (source, self.source) if part)
        again._shows_place = self._shows_place and not instead
        return again

    @classmethod
    def of(cls, error: InputError) -> Self:
        """Return the same error as one of this class."""
        return error._again(cls)

    def _again(self, kind: type[Error]) -> Error:
        again = kind.__new__(kind, self.message)
        again.__dict__.update(self.__dict__)
        return again


class ProblemError(InputError):
    """A problem's data cannot be accepted; the message names field, place, value and what is accepted."""


class FileFormatError(ProblemError):
    """A file or document is not what it should be; the message names the path inside the document."""


class OptionError(InputError):
    """An unknown method, or an option outside what it accepts."""


class PayloadError(FedssOptError, ValueError):
    """An encoded payload is damaged, or was made for another model, mask or version."""


class MissingDependencyError(FedssOptError, ImportError):
    """An optional dependency is not installed; the message names the extra that brings it."""


@contextmanager
def needs_extra(who: str, extra: str) -> Iterator[None]:
    """Say of a package that is missing who needs it, and which extra brings it.

    Raises
    ------
    MissingDependencyError
        When what is imported within needs a package that is not there.
    """
    try:
        yield
    except (ModuleNotFoundError, MissingDependencyError) as error:
        missing = (error.name or "").partition(".")[0]
        if missing in ("", "fedss_opt"):
            raise
        text = f'{who} needs {missing}; install it with: pip install "fedss-opt[{extra}]"'
        raise MissingDependencyError(text, name=missing) from None


class SolverError(FedssOptError, RuntimeError):
    """Another party's solver failed; the message carries its status."""
