"""What every section of a configuration has in common."""

from __future__ import annotations

from typing import Any, get_args

from pydantic import BaseModel, ConfigDict, ValidationInfo, field_validator

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
    def _refuse_truth_for_a_number(cls, value: Any, info: ValidationInfo) -> Any:
        """Refuse ``learning_rate = true``, which Pydantic would take for 1."""
        if isinstance(value, bool) and info.field_name is not None:
            annotation = cls.model_fields[info.field_name].annotation
            if annotation not in (bool, Any) and bool not in get_args(annotation):
                raise ValueError("must not be true or false")
        return value
