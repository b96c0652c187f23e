"""What every chart of clients shares: the marks of their states, their tooltips, their names in notes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..array_types import BoolArray, IntArray
from .charts import color
from .page_parts import Column, Table
from .reasons import STATES, State
from .words import isolated

__all__ = ["MOST_POINTS", "UPLOADS", "column_of", "late_note", "state_marks", "tooltips"]

# Marks are elements of the document: these many draw at once on a phone.
MOST_POINTS = 1_200
# In a note: more names than these nobody reads, and longer ones are cut.
_MOST_NAMED, _LONGEST_NAME = 5, 24

UPLOADS = (State.SELECTED, State.MANDATORY)
_COLORS = [color({State.SELECTED: "selected", State.MANDATORY: "accent"}.get(state, "left-out")) for state in State]


def tooltips(alt: Any, table: Table, keys: Sequence[str]) -> list[Any]:
    """Return tooltips of those of a table's columns that it has, as they stand in the table."""
    found = {column.key: column for column in table.columns}
    tips = []
    for key in keys:
        column = found.get(key)
        if column is None:
            continue
        field = f"{key}_text" if column.kind == "number" else key
        tips.append(alt.Tooltip(f"{field}:N", title=column.head))
    return tips


def column_of(table: Table, key: str) -> Column:
    """Return a column of a table by its key."""
    return next(column for column in table.columns if column.key == key)


def state_marks(alt: Any, states: IntArray) -> dict[str, Any]:
    """Return the encodings that tell the clients' states apart: full for those who upload, a ring for the others.

    The client whose details are shown has a wide rim of another colour.
    """
    legend = alt.Legend(values=[STATES[state] for state in np.unique(states).tolist()])
    scale = alt.Scale(domain=list(STATES), range=_COLORS)
    inside = alt.Scale(domain=list(STATES), range=[_inside(state) for state in State])
    is_picked = "datum.key === picked"
    rim = alt.Stroke("state:O", title=None, scale=scale, legend=legend)
    return {
        "stroke": alt.condition(is_picked, alt.value(color("answer")), rim),
        "strokeWidth": alt.condition(is_picked, alt.value(3.5), alt.value(1.6)),
        "fill": alt.Fill("state:O", title=None, scale=inside, legend=legend),
    }


def _inside(state: State) -> str:
    return _COLORS[state] if state in UPLOADS else "transparent"


def late_note(table: Table, late: BoolArray, by: str) -> str:
    """Say which clients cannot end by a time, by name if they are few; nothing where all can."""
    keys = np.flatnonzero(late).tolist()
    if not keys:
        return ""
    if len(keys) > _MOST_NAMED:
        return f"{len(keys):,} clients cannot end by {by} on any bandwidth; they are not drawn."
    names = [_named(str(table.values["name"][key])) for key in keys]
    who = " and ".join(part for part in (", ".join(names[:-1]), names[-1]) if part)
    return f"{who} cannot end by {by} on any bandwidth; not drawn."


def _named(name: str) -> str:
    name = f"client {name}" if name.isdecimal() else name
    return isolated(name if len(name) <= _LONGEST_NAME else f"{name[:_LONGEST_NAME]}...")
