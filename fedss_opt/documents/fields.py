"""The one table of the problem document's fields; reader, writer, NPZ, CSV and JSON Schema all follow it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

__all__ = ["FIELDS", "PROBLEM_FORMAT", "PROBLEM_KEYS", "VERSION", "Field"]

PROBLEM_FORMAT = "fedss_opt/problem"
"""The key ``format`` of a problem's document."""
VERSION = 1
"""The key ``version`` of documents."""


@dataclass(frozen=True, kw_only=True)
class Field:
    """One field of a problem: its shape, its type, what it accepts, and what it means.

    Attributes
    ----------
    name : str
        Name in `Problem`, in the document and (for clients' fields) in the CSV.
    shape : {"scalar", "clients", "tasks", "tasks x clients"}
        Shape. A field of shape "clients" or "tasks" may also be a scalar that stands for all.
    type : {"number", "boolean", "string"}
        Type of each entry.
    meaning : str
        One line for the schema and the documentation.
    unit : str
        SI unit; empty where there is none.
    default : float, bool or None
        Value of a field that is left out; None for required fields and for those that are absent by default.
    required : bool
        Whether every document has it.
    positive, infinite : bool
        Whether entries must be > 0 (else >= 0), and whether infinity (written ``null``) is accepted.
    """

    name: str
    shape: Literal["scalar", "clients", "tasks", "tasks x clients"]
    type: Literal["number", "boolean", "string"]
    meaning: str
    unit: str = ""
    default: float | bool | None = None
    required: bool = False
    positive: bool = False
    infinite: bool = False

    def accepted(self) -> str:
        """Say what an entry must be."""
        if self.type != "number":
            return "must be true or false" if self.type == "boolean" else "must be a string"
        number = "must be a number" if self.infinite else "must be a finite number"
        unit = f" ({self.unit})" if self.unit else ""
        return f"{number}{unit} {'> 0' if self.positive else '>= 0'}"

    def accepts(self, value: float) -> bool:
        """Whether a number is within the field's range."""
        return (value > 0.0 if self.positive else value >= 0.0) and (self.infinite or value < math.inf)


FIELDS: tuple[Field, ...] = (
    Field(
        name="objective",
        shape="scalar",
        type="string",
        meaning="What a round costs: 'makespan' (the last upload's end) or 'total' (the weighted sum).",
    ),
    Field(
        name="bandwidth_hz",
        shape="scalar",
        type="number",
        unit="Hz",
        required=True,
        positive=True,
        meaning="Uplink bandwidth that the selected clients share.",
    ),
    Field(
        name="resource_block_hz",
        shape="scalar",
        type="number",
        unit="Hz",
        positive=True,
        meaning="Width of a resource block: bandwidths are whole numbers of blocks. Absent: they are continuous.",
    ),
    Field(
        name="payload_bits",
        shape="clients",
        type="number",
        unit="bit",
        required=True,
        positive=True,
        meaning="What a client uploads.",
    ),
    Field(
        name="cn0_hz",
        shape="clients",
        type="number",
        unit="Hz",
        positive=True,
        meaning="Carrier-to-noise-density ratio C/N0; the rate on b Hz is b log2(1 + cn0/b).",
    ),
    Field(
        name="spectral_efficiency",
        shape="clients",
        type="number",
        unit="bit/s/Hz",
        positive=True,
        meaning="Instead of cn0_hz: the rate on b Hz is spectral_efficiency times b.",
    ),
    Field(
        name="compute_s",
        shape="clients",
        type="number",
        unit="s",
        default=0.0,
        meaning="Time before the upload can start (downlink and local training).",
    ),
    Field(
        name="max_upload_s",
        shape="clients",
        type="number",
        unit="s",
        default=math.inf,
        positive=True,
        infinite=True,
        meaning="Longest upload, such as an energy budget over the transmit power.",
    ),
    Field(
        name="min_bandwidth_hz",
        shape="clients",
        type="number",
        unit="Hz",
        default=0.0,
        meaning="Least bandwidth that a selected client's radio can use.",
    ),
    Field(
        name="max_bandwidth_hz",
        shape="clients",
        type="number",
        unit="Hz",
        default=math.inf,
        positive=True,
        infinite=True,
        meaning="Greatest bandwidth that a client's radio can use.",
    ),
    Field(
        name="weights",
        shape="clients",
        type="number",
        default=1.0,
        positive=True,
        meaning="Weight of a client's time in the objective 'total'.",
    ),
    Field(
        name="mandatory",
        shape="clients",
        type="boolean",
        default=False,
        meaning="Clients that must be selected.",
    ),
    Field(
        name="available",
        shape="clients",
        type="boolean",
        default=True,
        meaning="Clients that can be selected.",
    ),
    Field(
        name="relevance",
        shape="tasks x clients",
        type="number",
        meaning="What a client contributes to a task: one row a task, one column a client.",
    ),
    Field(
        name="required",
        shape="tasks",
        type="number",
        meaning="How much relevance each task needs this round.",
    ),
    Field(name="client_ids", shape="clients", type="string", meaning="Unique names of the clients."),
    Field(name="task_ids", shape="tasks", type="string", meaning="Unique names of the tasks."),
)
"""Every field of a problem's document, in order."""

PROBLEM_KEYS: tuple[str, ...] = ("format", "version", *(field.name for field in FIELDS))
