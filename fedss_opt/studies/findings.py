"""What is wrong with a configuration: an error that names the key, the value and what is accepted."""

from __future__ import annotations

from pydantic import ValidationError

from ..exceptions import InputError, OptionError
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


def explain(error: ValidationError, model: type[Section], path: str = "") -> OptionError:
    """Say which key is wrong, what stands there, and what is accepted, for the first that Pydantic found.

    Parameters
    ----------
    error, model : ValidationError, type
        What was found, and the settings class that was to be made.
    path : str
        Where its section stands in the configuration.

    Examples
    --------
    >>> from fedss_opt.simulation.training import TrainingSettings
    >>> try:
    ...     TrainingSettings(learning_rate=-1)
    ... except ValidationError as error:
    ...     print(explain(error, TrainingSettings, "training"))
    training.learning_rate = -1: must be a number > 0
    """
    finding = error.errors()[0]
    kind, value, location = finding["type"], finding["input"], finding["loc"]
    place, above, owner, field = path, path, model, None
    for step in location:
        above = place if isinstance(step, str) else above
        place += f"[{step}]" if isinstance(step, int) else f".{step}" if place else step
        field = owner.model_fields.get(str(step))
        inner = section(field.annotation) if field else None
        above, owner = (place, inner) if inner else (above, owner)
    if kind == "extra_forbidden":
        known = list(owner.model_fields)
        hint = nearest(str(location[-1]), known) or f"; the keys here are {', '.join(known)}"
        return OptionError(f"unknown key{hint}", field=place)
    if kind == "missing":
        return OptionError("missing", field=place)
    told = finding.get("ctx", {}).get("error")
    if isinstance(told, InputError) and told.field:  # a validator that knows better, within its section
        return OptionError.of(told.at(above) if above else told)
    message = (
        str(told) if told is not None else _WORDS.get(kind) or finding["msg"].replace("Input should be", "must be")
    )
    if told is None and field is not None and kind != "too_short":
        wanted = accepted(field.annotation, tuple(field.metadata))
        message = f"must be {'finite: ' if kind == 'finite_number' else ''}{wanted}"
    return OptionError(field=place, value=value, display=shown(value), accepted=message)
