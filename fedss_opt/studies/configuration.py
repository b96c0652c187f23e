"""Configurations as TOML: read, changed from the command line, written, and refused in one line."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib.resources import files
from os import PathLike, fspath
from pathlib import Path
from typing import Any

import tomli_w
from pydantic import ValidationError

from ..documents.files import decode, in_file
from ..exceptions import FileFormatError, OptionError
from .experiment import Experiment
from .findings import explain
from .keys import fill_nothing, spoken

__all__ = ["Override", "default_text", "load_experiment", "parse_override", "to_document", "to_toml"]


@dataclass(frozen=True)
class Override:
    """A key, as a dotted path, that gets another value than the file's; `option` says so in error messages."""

    option: str
    key: str
    value: Any


def parse_override(text: str) -> Override:
    """Read ``key=value``: the value as TOML writes it, else a text.

    Raises
    ------
    OptionError
        When there is no key, or no value.

    Examples
    --------
    >>> parse_override("model.hidden=[32]").value, parse_override("data.family=iid").value
    ([32], 'iid')
    """
    key, sign, value = (part.strip() for part in text.partition("="))
    if not sign or not value or not all(key.split(".")):
        raise OptionError(f"--set {text}: must be key=value, such as training.learning_rate=0.05")
    try:
        found = tomllib.loads(f"value = {value}")
    except tomllib.TOMLDecodeError:
        found = {}
    # What brings further keys along, on a second line, was no value.
    return Override(f"--set {text}", key, found["value"] if found.keys() == {"value"} else value)


def default_text() -> str:
    """Return the configuration that runs when none is given, with its comments.

    Examples
    --------
    >>> import tomllib
    >>> from fedss_opt.studies.configuration import default_text
    >>> sorted(tomllib.loads(default_text())["run"])
    ['algorithms', 'policies', 'seeds']
    """
    return (files(__package__) / "default.toml").read_text(encoding="utf-8")


def load_experiment(path: str | PathLike[str] | None = None, overrides: Iterable[Override] = ()) -> Experiment:
    """Read an experiment from a TOML file, or the package's default, with values replaced in order.

    Raises
    ------
    FileFormatError
        When the file is not TOML, or a key of it is not accepted; names file, key, value and what is accepted.
    OptionError
        When only the overrides are not accepted.
    OSError
        When the file cannot be read.

    Examples
    --------
    >>> load_experiment(overrides=[parse_override("rounds=5")]).rounds
    5
    """
    name = "default.toml" if path is None else fspath(path)
    data = default_text().encode() if path is None else Path(path).read_bytes()
    with in_file(name):
        document = _parse(decode(data))
    changes = tuple(overrides)
    changed = document
    for change in changes:
        changed = _with(changed, change)
    try:
        return _experiment(changed)
    except OptionError as error:
        try:
            _experiment(document)
        except OptionError as of_file:
            raise FileFormatError.of(of_file).within(name) from None
        raise error.within(_option_of(changes, error.place)) from None


def _parse(text: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise FileFormatError(f"not TOML: {error}") from None


def _with(document: Mapping[str, Any], change: Override) -> dict[str, Any]:
    """Return the document with one value replaced; tables on the way to it are made."""
    first, _, rest = change.key.partition(".")
    if not rest:
        return {**document, first: change.value}
    inner = document.get(first, {})
    if not isinstance(inner, Mapping):
        raise OptionError(f"{change.option}: {first} is a value and has no key {rest}")
    return {**document, first: _with(inner, Override(change.option, rest, change.value))}


def _experiment(document: Mapping[str, Any]) -> Experiment:
    clean = fill_nothing(document, Experiment)
    try:
        return Experiment.model_validate(clean)
    except ValidationError as error:
        raise explain(error, Experiment) from None


def _option_of(changes: tuple[Override, ...], place: str) -> str:
    """Return the option that gave a key, or something in it; all of them where none did."""
    for change in reversed(changes):
        if place == change.key or place.startswith((f"{change.key}.", f"{change.key}[")):
            return change.option
    return ", ".join(change.option for change in changes)


# -- writing ------------------------------------------------------------------------------------------------


def to_document(experiment: Experiment) -> dict[str, Any]:
    """Return everything that an experiment says, defaults included, as TOML has it.

    Examples
    --------
    >>> to_document(load_experiment())["algorithms"]["fedavg"]["upload_bits"]
    32
    """
    document = spoken(experiment)
    document["algorithms"] = {
        name: ({} if variant.base == name else {"base": variant.base}) | spoken(variant.options)
        for name, variant in experiment.variants.items()
    }
    return document


def to_toml(document: Mapping[str, Any]) -> str:
    """Write a document of tables, arrays and plain values as TOML; reading it gives the same document.

    Examples
    --------
    >>> print(to_toml({"rounds": 5, "data": {"family": "iid", "alpha": 0.3}}), end="")
    rounds = 5
    <BLANKLINE>
    [data]
    family = "iid"
    alpha = 0.3
    """
    return tomli_w.dumps(document)
