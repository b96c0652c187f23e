"""What is wrong with a configuration, in one line that names the key, the value and what is accepted."""

from __future__ import annotations

import re

from pydantic import ValidationError

from ..simulation.section import Section
from ..wording import nearest
from .keys import accepted, section, shown

__all__ = ["explain"]

# What Pydantic calls otherwise than TOML does, within arrays and free tables.
_WORDS = {
    "dict_type": "must be a table",
    "string_type": "must be a text",
    "int_type": "must be an integer",
    "int_from_float": "must be an integer",
    "too_short": "must be an array that is not empty",
}


def explain(error: ValidationError, model: type[Section], path: str = "") -> str:
    """Say in one line which key is wrong, what stands there, and what is accepted.

    Parameters
    ----------
    error : ValidationError
        What Pydantic found; its first finding is told.
    model : type
        The settings class that was to be made.
    path : str
        Where its section stands in the configuration.

    Examples
    --------
    >>> from fedss_opt.simulation.training import TrainingSettings
    >>> try:
    ...     TrainingSettings(learning_rate=-1)
    ... except ValidationError as error:
    ...     explain(error, TrainingSettings, "training")
    'training.learning_rate = -1: must be a number > 0'
    """
    finding = error.errors()[0]
    kind, value, location = finding["type"], finding["input"], finding["loc"]
    place, owner, field = path, model, None
    for step in location:
        place += f"[{step}]" if isinstance(step, int) else f".{step}" if place else step
        field = owner.model_fields.get(str(step))
        owner = (section(field.annotation) if field else None) or owner
    if kind == "extra_forbidden":
        known = list(owner.model_fields)
        hint = nearest(str(location[-1]), known) or f"; the keys here are {', '.join(known)}"
        return f"{place}: unknown key{hint}"
    if kind == "missing":
        return f"{place}: missing"
    told = finding.get("ctx", {}).get("error")
    if kind == "value_error" and told is not None:
        return _placed(str(told), place, owner, shown(value))
    message = _WORDS.get(kind) or str(finding["msg"]).replace("Input should be", "must be")
    if field is not None and kind != "too_short":
        wanted = accepted(field.annotation, tuple(field.metadata))
        message = f"must be {'finite: ' if kind == 'finite_number' else ''}{wanted}"
    return f"{place} = {shown(value)}: {message}"


def _placed(text: str, place: str, owner: type[Section], value: str) -> str:
    """Give a validator's own words the full path, whether they name the key, a key of the section, or nothing."""
    begins = re.match(r"(\w+)(?=[\s:.=\[])", text)
    name = place.rpartition(".")[2]
    if begins and begins[1] == name:
        return place + text[len(name) :]
    if begins and name not in owner.model_fields and begins[1] in owner.model_fields:
        return f"{place}.{text}" if place else text
    return f"{place} = {value}: {text}"
