"""One tree of exceptions, and Python's own names for those who do not know ours."""

from __future__ import annotations

import inspect
import pickle

import pytest

import fedss_opt as fo
from fedss_opt import exceptions

TREE = {
    "InputError": (fo.FedssOptError, ValueError),
    "ProblemError": (fo.InputError, ValueError),
    "FileFormatError": (fo.ProblemError, ValueError),
    "OptionError": (fo.InputError, ValueError),
    "PayloadError": (fo.FedssOptError, ValueError),
    "MissingDependencyError": (fo.FedssOptError, ImportError),
    "SolverError": (fo.FedssOptError, RuntimeError),
}


@pytest.mark.parametrize("name", TREE)
def test_each_exception_has_its_parents(name: str) -> None:
    for parent in TREE[name]:
        assert issubclass(getattr(fo, name), parent)


def test_the_tree_is_complete_and_public() -> None:
    defined = {
        name
        for name, member in inspect.getmembers(exceptions, inspect.isclass)
        if member.__module__ == exceptions.__name__ and not name.startswith("_")
    }
    assert defined == set(exceptions.__all__) == {*TREE, "FedssOptError"}
    assert all(getattr(fo, name) is getattr(exceptions, name) and name in fo.__all__ for name in defined)


@pytest.mark.parametrize("name", [*TREE, "FedssOptError"])
def test_exceptions_travel_between_processes(name: str) -> None:
    error = getattr(fo, name)("the message")
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is type(error)
    assert str(again) == "the message"


def test_input_errors_say_where_and_what_without_their_text() -> None:
    with pytest.raises(fo.ProblemError) as caught:
        fo.Problem(payload_bits=1.0, cn0_hz=1.0, bandwidth_hz=1.0, relevance=[[1.0, -2.0]], required=1.0)
    error = caught.value
    assert (error.field, error.index, error.value) == ("relevance", (0, 1), -2.0)
    assert error.accepted == "must be a finite number >= 0"
    assert (error.path, error.source, error.infinity) == (None, "", "")
    assert error.place == "relevance[0, 1]"
    assert str(error) == "relevance[0, 1] = -2.0: must be a finite number >= 0"


def test_an_error_is_located_again_by_whoever_knows_better() -> None:
    error = fo.ProblemError(field="relevance", index=(0, 1), value=-2.0, accepted="must be >= 0")
    located = error.at("$").at("$.problems[3]").within("cell.json")
    assert type(located) is fo.ProblemError
    assert str(located) == "cell.json: $.problems[3].relevance[0][1] = -2.0: must be >= 0"
    assert located.place == "$.problems[3].relevance[0][1]"
    assert (located.field, located.index, located.value) == (error.field, error.index, error.value)
    assert str(error) == "relevance[0, 1] = -2.0: must be >= 0"  # as it was
    assert str(error.within("line 7, column task:a", instead=True)) == "line 7, column task:a: -2.0: must be >= 0"
    assert type(fo.FileFormatError.of(located)) is fo.FileFormatError
    assert str(fo.FileFormatError.of(located)) == str(located)


def test_located_errors_travel_between_processes() -> None:
    for value in (1.5, "text", None, [1, 2], (item for item in ()), exceptions.ABSENT):
        error = fo.ProblemError("wrong", field="f", index=(1,), value=value).at("$").within("file")
        again = pickle.loads(pickle.dumps(error))
        assert str(again) == str(error)
        assert (again.field, again.index, again.value, again.place) == ("f", (1,), error.value, "$.f[1]")
    assert again.value is exceptions.ABSENT
