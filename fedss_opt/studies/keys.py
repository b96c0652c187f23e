"""The keys of a configuration: which there are, what each accepts, and how a file says that one has no value."""

from __future__ import annotations

import types
from collections.abc import Iterator, Mapping
from enum import Enum
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin

import annotated_types
from pydantic.fields import FieldInfo

from ..simulation.section import Section

__all__ = ["NOTHING", "accepted", "fields", "fill_nothing", "section", "shown", "spoken"]

NOTHING = "none"
"""How a file says that a key has no value, which TOML has no word for."""

_PLAIN = {bool: "true or false", int: "an integer", float: "a number", str: "a text", Path: "a path"}


def section(annotation: Any) -> type[Section] | None:
    """Return the settings class that a field holds, if it holds one."""
    return annotation if isinstance(annotation, type) and issubclass(annotation, Section) else None


def fields(model: type[Section], path: str = "") -> Iterator[tuple[str, type[Section], str, FieldInfo]]:
    """Walk through all keys that are no sections: dotted path, class, name and field.

    Examples
    --------
    >>> from fedss_opt.simulation.training import TrainingSettings
    >>> [path for path, *_ in fields(TrainingSettings, "training")][:2]
    ['training.local_epochs', 'training.batch_size']
    """
    for name, field in model.model_fields.items():
        inner = section(field.annotation)
        here = f"{path}.{name}" if path else name
        if inner is None:
            yield here, model, name, field
        else:
            yield from fields(inner, here)


def accepted(annotation: Any, metadata: tuple[Any, ...] = ()) -> str:
    """Say what a field of this type accepts, with the bounds that Pydantic keeps as its metadata.

    Examples
    --------
    >>> from annotated_types import Ge, Lt
    >>> accepted(float, (Ge(0.0), Lt(1.0)))
    'a number >= 0 and < 1'
    >>> accepted(Literal["makespan", "total"])
    "'makespan' or 'total'"
    """
    origin, inside = get_origin(annotation), get_args(annotation)
    if hasattr(annotation, "__metadata__"):
        return accepted(inside[0], (*annotation.__metadata__, *metadata))
    if origin in (Union, types.UnionType):
        # Bounds of an optional field are those of what it holds.
        held = [kind for kind in inside if kind is not type(None)]
        return _either([accepted(kind, metadata) for kind in held] + [f"'{NOTHING}'"] * _can_be_nothing(annotation))
    if origin is Literal:
        return _either([repr(value) for value in inside])
    if origin in (tuple, list):
        if len(inside) == 2 and inside[1] is not Ellipsis:
            return "an array [low, high]"
        return f"an array, each {accepted(inside[0])}"
    if isinstance(annotation, type) and issubclass(annotation, Enum):
        return _either([repr(str(member.value)) for member in annotation])
    if section(annotation) is not None or origin is dict or annotation is dict:
        return "a table"
    bounds = " and ".join(_bounds(metadata))
    endless = any(getattr(item, "allow_inf_nan", False) for item in metadata)
    return _PLAIN.get(annotation, "a value") + (f" {bounds}" if bounds else "") + (" or inf" if endless else "")


def _bounds(metadata: tuple[Any, ...]) -> list[str]:
    found = []
    for item in metadata:
        # A field of several bounds holds a FieldInfo, which holds them.
        if isinstance(item, FieldInfo):
            found.extend(_bounds(tuple(item.metadata)))
        for kind, name, sign in (
            (annotated_types.Gt, "gt", ">"),
            (annotated_types.Ge, "ge", ">="),
            (annotated_types.Lt, "lt", "<"),
            (annotated_types.Le, "le", "<="),
        ):
            if isinstance(item, kind):
                found.append(f"{sign} {getattr(item, name):g}")
    return found


def _either(choices: list[str]) -> str:
    different = list(dict.fromkeys(choices))
    return " or ".join(filter(None, [", ".join(different[:-1]), different[-1]]))


def _can_be_nothing(annotation: Any) -> bool:
    """Whether a key accepts no value, and the word for it is none of its own values."""
    inside = get_args(annotation)
    texts = any(isinstance(kind, type) and issubclass(kind, (str, Path)) for kind in inside)
    return get_origin(annotation) in (Union, types.UnionType) and type(None) in inside and not texts


def fill_nothing(document: Mapping[str, Any], model: type[Section]) -> dict[str, Any]:
    """Turn ``"none"`` into no value where a key accepts that."""
    filled: dict[str, Any] = {}
    for name, value in document.items():
        field = model.model_fields.get(name)
        inner = None if field is None else section(field.annotation)
        if inner is not None and isinstance(value, Mapping):
            filled[name] = fill_nothing(value, inner)
        else:
            nothing = value == NOTHING and field is not None and _can_be_nothing(field.annotation)
            filled[name] = None if nothing else value
    return filled


def spoken(settings: Section) -> dict[str, Any]:
    """Return all values of a section as TOML has them; what has none is left out if that is the default.

    Examples
    --------
    >>> from fedss_opt.simulation.uplink import AllocationSettings
    >>> spoken(AllocationSettings(relevance_step=None))["relevance_step"]
    'none'
    """
    plain = settings.model_dump(mode="json")
    table: dict[str, Any] = {}
    for name, field in type(settings).model_fields.items():
        value = getattr(settings, name)
        if isinstance(value, Section):
            table[name] = spoken(value)
        elif value is not None:
            table[name] = plain[name]
        elif field.default is not None:
            table[name] = NOTHING
    return table


def shown(value: Any) -> str:
    """Show a value as TOML writes it, shortened."""
    if isinstance(value, Mapping):
        return "a table"
    if isinstance(value, bool):
        return str(value).lower()
    text = repr(list(value) if isinstance(value, tuple) else value)
    return text if len(text) <= 60 else text[:57] + "..."
