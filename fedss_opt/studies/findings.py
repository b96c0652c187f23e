"""What is wrong with a configuration, in one line that names the key, the value and what is accepted."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from ..documents.reading import nearest
from ..simulation.section import Section
from .keys import accepted, item_of, section, shown

__all__ = ["explain"]


@dataclass(frozen=True)
class _Place:
    """Where a finding is.

    Attributes
    ----------
    path : str
        Dotted path of the key or section.
    owner : type
        The innermost section.
    annotation : type or None
        What stands there; None where the place is a section, or no key of one.
    metadata : tuple
        Its bounds.
    """

    path: str
    owner: type[Section]
    annotation: Any
    metadata: tuple[Any, ...]


def explain(error: ValidationError, model: type[Section], document: Mapping[str, Any], path: str = "") -> str:
    """Say in one line which key is wrong, what stands there, and what is accepted.

    Parameters
    ----------
    error : ValidationError
        What Pydantic found; its first finding is told.
    model : type
        The settings class that was to be made.
    document : mapping
        What it was to be made of.
    path : str
        Where the document stands in the configuration.

    Examples
    --------
    >>> from fedss_opt.simulation.training import TrainingSettings
    >>> try:
    ...     TrainingSettings(learning_rate=-1)
    ... except ValidationError as error:
    ...     explain(error, TrainingSettings, {"learning_rate": -1}, "training")
    'training.learning_rate = -1: must be a number > 0'
    """
    finding = error.errors()[0]
    kind, value, location = finding["type"], finding["input"], finding["loc"]
    place = _follow(location, model, document, path)
    told = finding.get("ctx", {}).get("error")
    if kind == "extra_forbidden":
        known = list(place.owner.model_fields)
        hint = nearest(str(location[-1]), known) or f"; the keys here are {', '.join(known)}"
        return f"{place.path}: unknown key{hint}"
    if kind == "missing":
        return f"{place.path}: missing"
    if kind in ("value_error", "assertion_error") and told is not None:
        return _placed(str(told), place, value)
    return f"{place.path} = {shown(value)}: must be {_wanted(place, kind, str(finding['msg']))}"


def _wanted(place: _Place, kind: str, message: str) -> str:
    if place.annotation is None:
        return message.removeprefix("Input should be ")
    if kind == "too_short":
        return "an array that is not empty"
    wanted = accepted(place.annotation, place.metadata)
    return f"finite: {wanted}" if kind == "finite_number" else wanted


def _placed(text: str, place: _Place, value: Any) -> str:
    """Give a validator's own words the full path, whether they name the key, a key beside it, or nothing."""
    begins = re.match(r"(\w+)(?=[\s:.=\[])", text)
    name = place.path.rpartition(".")[2]
    if begins and place.annotation is not None and begins[1] == name:
        return place.path + text[len(name) :]
    if begins and place.annotation is None and begins[1] in place.owner.model_fields:
        return f"{place.path}.{text}" if place.path else text
    return f"{place.path} = {shown(value)}: {text}"


def _follow(location: tuple[int | str, ...], model: type[Section], document: Any, path: str) -> _Place:
    """Walk from a section to the place of a finding."""
    owner: type[Section] = model
    annotation: Any = None
    metadata: tuple[Any, ...] = ()
    for step in location:
        if isinstance(step, int):
            path += f"[{step}]"
            annotation, metadata = item_of(annotation)
            continue
        known = annotation is None and step in owner.model_fields
        held = document.get(step) if isinstance(document, Mapping) else None
        if not known and annotation is not None and held is None:
            continue  # the name of a choice within a union, which is no key
        path = f"{path}.{step}" if path else step
        document = held
        if not known:
            annotation, metadata = item_of(annotation)
            continue
        field = owner.model_fields[step]
        inner = section(field.annotation)
        if inner is not None and isinstance(held, Mapping):
            owner = inner
        else:
            annotation, metadata = field.annotation, tuple(field.metadata)
    return _Place(path, owner, annotation, metadata)
