"""The one table of a problem's fields: what each is, what it accepts, and what stands for it where it is left out.

`Problem` and `ProblemBatch`, the readers and writers of JSON, NPZ and CSV, the JSON Schema, the round loop's reports
and the texts of errors all follow it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Literal

from .array_types import BoolArray, FloatArray
from .wording import one_of

__all__ = [
    "CLIENT_FIELDS",
    "FIELD",
    "FIELDS",
    "LARGEST",
    "LINKS",
    "SMALLEST",
    "Domain",
    "Field",
    "Objective",
]


# What is positive lies between these two, whatever its unit. Products and quotients of five such numbers stay
# within double precision, so no kernel has to think of overflow, underflow or subnormal numbers, which would
# make a proven bound wrong.
SMALLEST, LARGEST = 1e-30, 1e30


class Objective(StrEnum):
    """What a round costs."""

    MAKESPAN = "makespan"
    """The time at which the last selected client has uploaded (a synchronous round)."""
    TOTAL = "total"
    """The weighted sum of the selected clients' times."""


@dataclass(frozen=True, kw_only=True)
class Domain:
    """The numbers that are accepted.

    Attributes
    ----------
    unit : str
        SI unit; empty where there is none.
    positive : bool
        Whether they must be > 0, that is at least `SMALLEST`; else >= 0.
    infinite : bool
        Whether infinity is accepted beside the numbers up to `LARGEST`.
    divided_by : bool
        Whether what is not 0 must be at least `SMALLEST`.
    """

    unit: str = ""
    positive: bool = False
    infinite: bool = False
    divided_by: bool = False

    def accepted(self) -> str:
        """Say what a number must be; that infinity may stand there too is for the reader to add, in its notation."""
        unit = f" ({self.unit})" if self.unit else ""
        number = "a number" if self.infinite else "a finite number"
        return f"must be {number}{unit} {'> 0' if self.positive else '>= 0'}"

    def magnitudes(self) -> str:
        """Say how large a number must be."""
        unit = f" {self.unit}" if self.unit else ""
        lowest = f"{SMALLEST:g}" if self.positive else f"0, or {SMALLEST:g}" if self.divided_by else "0"
        return f"must be {lowest} to {LARGEST:g}{unit}"

    def holds(self, lowest: float, highest: float) -> bool:
        """Tell whether all numbers between two are accepted for sure; False for NaN."""
        if not (lowest >= SMALLEST if self.positive or self.divided_by else lowest >= 0.0):
            return False
        return highest <= LARGEST or (self.infinite and lowest == math.inf)

    def signed(self, values: FloatArray) -> BoolArray:
        """Mark the numbers of the right sign, which NaN has not, and of the right kind: finite, or infinite too."""
        good: BoolArray = values > 0.0 if self.positive else values >= 0.0
        return good if self.infinite else good & (values < math.inf)

    def sized(self, values: FloatArray) -> BoolArray:
        """Mark the numbers of an accepted magnitude."""
        good: BoolArray = values <= LARGEST
        if self.infinite:
            good |= values == math.inf
        if self.positive:
            good &= values >= SMALLEST
        elif self.divided_by:
            good &= (values >= SMALLEST) | (values == 0.0)
        return good

    def good(self, values: FloatArray) -> BoolArray:
        """Mark the numbers that are accepted."""
        return self.signed(values) & self.sized(values)


@dataclass(frozen=True, kw_only=True)
class Field:
    """One field of a problem.

    Attributes
    ----------
    name : str
        Name in `Problem`, in documents and, by default, in the CSV.
    shape : {"scalar", "clients", "tasks", "tasks x clients"}
        Shape. A field of shape "clients" or "tasks" may also be a scalar that stands for all.
    type : {"number", "boolean", "string"}
        Type of each entry.
    meaning : str
        One line for the schema and the documentation.
    domain : Domain
        The numbers that are accepted.
    default : float, bool, str or None
        What stands for a field that is left out; None for required fields and for those that are absent by default.
    required : bool
        Whether every problem has it.
    column : str
        Name of its column in a CSV: its own where there is one a client and none is given, else empty.
    choices : tuple of str
        The only texts that are accepted; empty for any.
    model : str
        The client model whose links the field gives, a file of `fedss_opt.client_models`; empty for other fields.
    """

    name: str
    shape: Literal["scalar", "clients", "tasks", "tasks x clients"]
    type: Literal["number", "boolean", "string"] = "number"
    meaning: str
    domain: Domain = Domain()
    default: Any = None
    required: bool = False
    column: str = ""
    choices: tuple[str, ...] = ()
    model: str = ""

    def __post_init__(self) -> None:
        if self.shape == "clients" and not self.column:
            object.__setattr__(self, "column", self.name)

    @property
    def unit(self) -> str:
        """SI unit; empty where there is none."""
        return self.domain.unit

    def accepted(self) -> str:
        """Say what an entry must be."""
        if self.choices:
            return one_of(None, self.choices)
        words = {"number": self.domain.accepted(), "boolean": "must be true or false", "string": "must be a string"}
        return words[self.type]


_HERTZ = Domain(unit="Hz", positive=True)

FIELDS: tuple[Field, ...] = (
    Field(
        name="objective",
        shape="scalar",
        type="string",
        choices=tuple(Objective),
        default="makespan",
        meaning="What a round costs: 'makespan' (the last upload's end) or 'total' (the weighted sum).",
    ),
    Field(
        name="bandwidth_hz",
        shape="scalar",
        domain=_HERTZ,
        required=True,
        meaning="Uplink bandwidth that the selected clients share.",
    ),
    Field(
        name="resource_block_hz",
        shape="scalar",
        domain=_HERTZ,
        meaning="Width of a resource block: bandwidths are whole numbers of blocks. Absent: they are continuous.",
    ),
    Field(
        name="payload_bits",
        shape="clients",
        domain=Domain(unit="bit", positive=True),
        required=True,
        meaning="What a client uploads.",
    ),
    Field(
        name="cn0_hz",
        shape="clients",
        model="shannon",
        domain=_HERTZ,
        meaning="Carrier-to-noise-density ratio C/N0; the rate on b Hz is b log2(1 + cn0/b).",
    ),
    Field(
        name="spectral_efficiency",
        shape="clients",
        model="flat",
        domain=Domain(unit="bit/s/Hz", positive=True),
        meaning="Instead of cn0_hz: the rate on b Hz is spectral_efficiency times b.",
    ),
    Field(
        name="compute_s",
        shape="clients",
        domain=Domain(unit="s"),
        default=0.0,
        meaning="Time before the upload can start (downlink and local training).",
    ),
    Field(
        name="max_upload_s",
        shape="clients",
        domain=Domain(unit="s", positive=True, infinite=True),
        default=math.inf,
        meaning="Longest upload, such as an energy budget over the transmit power.",
    ),
    Field(
        name="min_bandwidth_hz",
        shape="clients",
        domain=Domain(unit="Hz"),
        default=0.0,
        meaning="Least bandwidth that a selected client's radio can use.",
    ),
    Field(
        name="max_bandwidth_hz",
        shape="clients",
        domain=Domain(unit="Hz", positive=True, infinite=True),
        default=math.inf,
        meaning="Greatest bandwidth that a client's radio can use.",
    ),
    Field(
        name="weights",
        shape="clients",
        domain=Domain(positive=True),
        default=1.0,
        column="weight",
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
        meaning="What a client contributes to a task: one row a task, one column a client.",
    ),
    Field(
        name="required",
        shape="tasks",
        domain=Domain(divided_by=True),
        meaning="How much relevance each task needs this round.",
    ),
    Field(name="client_ids", shape="clients", type="string", column="id", meaning="Unique names of the clients."),
    Field(name="task_ids", shape="tasks", type="string", meaning="Unique names of the tasks."),
)
"""Every field of a problem, in the order of its document."""

FIELD: dict[str, Field] = {field.name: field for field in FIELDS}
"""The same by name."""

CLIENT_FIELDS: dict[str, Field] = {f.name: f for f in FIELDS if f.shape == "clients" and f.type != "string"}
"""The fields with a number or a flag a client."""

LINKS: dict[str, str] = {field.model: field.name for field in FIELDS if field.model}
"""The field that says how good the links are for each client model, by the model's name; a problem has one of them."""
