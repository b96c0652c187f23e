"""What every section of a configuration has in common."""

from __future__ import annotations

import types
from typing import Any, Union, get_args, get_origin

from pydantic import BaseModel, ConfigDict, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError

__all__ = ["Section"]


class Section(BaseModel):
    """A section of a configuration: immutable, without unknown keys, NaN, or infinities that a field does not allow.

    Examples
    --------
    >>> class Walk(Section):
    ...     speed_m_s: float = 1.5
    >>> Walk(speed_m_s=2).speed_m_s
    2.0
    >>> Walk(sped_m_s=2)
    Traceback (most recent call last):
    ...
    pydantic_core._pydantic_core.ValidationError: 1 validation error for Walk
    sped_m_s
      Extra inputs are not permitted ...
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, use_attribute_docstrings=True)

    @field_validator("*", mode="before")
    @classmethod
    def _refuse_what_is_no_number(cls, value: Any, info: ValidationInfo) -> Any:
        """Refuse ``rounds = true`` and ``rounds = "5"``, which Pydantic would take for 1 and 5."""
        if isinstance(value, (bool, str)) and info.field_name is not None:
            kinds = _plain(cls.model_fields[info.field_name].annotation)
            if isinstance(value, bool) and not kinds & {bool, Any}:
                raise ValueError("must not be true or false")
            if isinstance(value, str) and kinds <= {int, float, bool, type(None)}:
                raise PydanticCustomError("number_type", "Input should be a number, not a text")
        return value


def _plain(annotation: Any) -> set[Any]:
    """Return the types that a field accepts, without their bounds."""
    kinds = get_args(annotation) if get_origin(annotation) in (Union, types.UnionType) else (annotation,)
    return {get_args(kind)[0] if hasattr(kind, "__metadata__") else kind for kind in kinds}
