"""What a report page is made of: cards, charts, tables and downloads; plain data, drawn by `page`."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from ..array_types import FloatArray
from ..quantities import Scale, scale_for

__all__ = ["Card", "Chart", "Column", "Download", "Page", "Table", "displayable", "embeddable", "measure"]

# Significant digits of the figures on a page: more than a radio or a reader can tell apart, half the size of a double.
DIGITS = 7


@dataclass(frozen=True, kw_only=True)
class Card:
    """One figure that a reader should see first.

    Attributes
    ----------
    id : str
        ``card-ID`` on the page.
    label, value : str
        What it is, and how much, with its unit.
    note : str
        One short line below.
    """

    id: str
    label: str
    value: str
    note: str = ""


@dataclass(frozen=True, kw_only=True)
class Chart:
    """One Vega-Lite chart in its figure.

    Attributes
    ----------
    id : str
        ``figure-ID`` and ``data-chart="ID"`` on the page.
    title, caption : str
        What it shows, and how to read it.
    description : str
        What a reader who does not see it should know; the chart's ARIA label.
    spec : dict
        Vega-Lite, as `charts.spec_of` makes it. Colours are names of the page's CSS (``charts.color``).
    datasets : mapping of str to str
        Names in the spec's ``data`` -> ids of the page's tables, whose rows stand for them in the columns' display
        units (and as text, ``COLUMN_text``), with ``key`` as their position. What is drawn once needs no table: put it
        into the spec.
    drawn : sequence of int, optional
        Positions of the rows that are drawn; all by default.
    note : str
        What is left out, or missing.
    """

    id: str
    title: str
    spec: Mapping[str, Any]
    description: str
    caption: str = ""
    datasets: Mapping[str, str] = field(default_factory=dict)
    drawn: Sequence[int] | None = None
    note: str = ""


@dataclass(frozen=True, kw_only=True)
class Column:
    """One column of a table.

    Attributes
    ----------
    key : str
        Name in the table's values, and in the rows that charts are given.
    title, unit : str
        Head of the column; the unit is the one that is displayed.
    kind : {"number", "text", "choice", "sentence"}
        A number; a text; a position in `labels`; or one whose label has ``{key}`` for the row's other figures.
    factor, decimals : float, int
        A displayed number is the value over `factor`, with `decimals` decimals.
    csv : str
        Head of the column in the CSV, where values stand in base units; empty to leave the column out.
    labels : sequence of str
        Of a choice or a sentence.
    infinite : str
        What stands for an infinite number.
    shown : bool
        Whether it is in the table; all columns are in a row's details.
    """

    key: str
    title: str
    unit: str = ""
    kind: str = "number"
    factor: float = 1.0
    decimals: int = 0
    csv: str = ""
    labels: Sequence[str] = ()
    infinite: str = "none"
    shown: bool = True

    @property
    def head(self) -> str:
        """Title and unit."""
        return f"{self.title}, {self.unit}" if self.unit else self.title

    def format(self, value: float) -> str:
        """Return a number as the page shows it, with its unit."""
        if math.isnan(value):
            return "unknown"
        if math.isinf(value):
            return self.infinite
        scaled = value / self.factor
        # What the column's decimals would round to nothing, or to -0, keeps digits of its own.
        nothing = abs(scaled) < 0.5 * 10.0**-self.decimals
        return f"{f'{scaled:.2g}' if nothing else f'{scaled:,.{self.decimals}f}'} {self.unit}".rstrip()


def measure(key: str, title: str, values: npt.ArrayLike, unit: str, **options: Any) -> Column:
    """Return a column of a quantity, in the unit in which its magnitudes read best."""
    scale: Scale = scale_for(np.abs(np.asarray(values, dtype=np.float64)), unit)
    return Column(key=key, title=title, unit=scale.unit, factor=scale.factor, decimals=scale.decimals, **options)


@dataclass(frozen=True, kw_only=True)
class Table:
    """A table that can be sorted, filtered and paged; its first column is made of buttons that select a row.

    Attributes
    ----------
    id : str
        ``table-ID`` on the page, and where charts take their rows.
    title : str
        Its caption.
    columns : sequence of Column
        The first one names the row.
    values : mapping of str to sequence
        A sequence a column, in base units; NaN where there is no figure.
    row : str
        What a row is, ``client``: rows carry ``data-client="0"``.
    choices : sequence of (label, key, value)
        Restrictions that the reader can choose: rows whose column `key` has this value.
    note : str
        What is left out.
    lists : mapping of str to (head, labels, values)
        Of the details: a list of figures a row, such as what a client contributes to every task.
    """

    id: str
    title: str
    columns: Sequence[Column]
    values: Mapping[str, Any]
    row: str
    choices: Sequence[tuple[str, str, int]] = ()
    note: str = ""
    lists: Mapping[str, tuple[str, Sequence[str], FloatArray]] = field(default_factory=dict)

    @property
    def rows(self) -> int:
        """Number of rows."""
        return len(self.values[self.columns[0].key])


@dataclass(frozen=True, kw_only=True)
class Download:
    """A file that the page hands out.

    Attributes
    ----------
    id : str
        ``download-ID`` on the page.
    label, filename : str
        On the button; of the file.
    text : str, optional
        Its content; JSON or CSV by the name's ending.
    table : str, optional
        Id of the table that is written as CSV instead.
    """

    id: str
    label: str
    filename: str
    text: str | None = None
    table: str | None = None

    @property
    def media_type(self) -> str:
        """The file's MIME type."""
        return "application/json" if self.filename.endswith(".json") else "text/csv;charset=utf-8"


@dataclass(frozen=True, kw_only=True)
class Page:
    """A whole page; see `fedss_opt.reports.page` for what it becomes.

    Attributes
    ----------
    title : str
        Of the page.
    headline : str
        The result in one sentence or two.
    state : {"good", "fair", "bad", ""}
        Colour of the headline's edge.
    template : str
        Name of a template that extends ``base.html.j2``.
    package : str
        Whose folders ``templates`` and ``assets`` hold the page's own files.
    cards : sequence of Card
        In order.
    charts : sequence of Chart
        By id, wherever the template puts them.
    tables : sequence of Table
        Likewise.
    downloads : sequence of Download
        In order.
    styles, scripts : sequence of str
        Its own files of ``assets``; they come after those of every page.
    context : mapping
        Further names for the template.
    """

    title: str
    headline: str
    template: str
    package: str = "fedss_opt.reports"
    state: str = ""
    cards: Sequence[Card] = ()
    charts: Sequence[Chart] = ()
    tables: Sequence[Table] = ()
    downloads: Sequence[Download] = ()
    styles: Sequence[str] = ()
    scripts: Sequence[str] = ()
    context: Mapping[str, Any] = field(default_factory=dict)


def embeddable(values: Any) -> list[Any]:
    """Return a column as JSON can carry it: `DIGITS` digits, None for NaN, ``"inf"`` for infinity.

    Examples
    --------
    >>> embeddable([0.123456789, float("nan"), float("inf"), 2.0])
    [0.1234568, None, 'inf', 2]
    """
    array = np.asarray(values)
    if array.dtype.kind not in "fiub" and array.size:
        return [displayable(value) for value in values]
    if array.dtype.kind != "f":
        return [int(value) for value in array.tolist()]
    return [_number(value) for value in array.tolist()]


def displayable(text: str) -> str:
    """Return text without halves of surrogate pairs, which are no characters and stop what reads a page."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _number(value: float) -> float | int | str | None:
    if math.isnan(value):
        return None
    if math.isinf(value):
        return "inf" if value > 0.0 else "-inf"
    rounded = float(f"{value:.{DIGITS}g}")
    return int(rounded) if rounded.is_integer() and abs(rounded) < 1e15 else rounded
