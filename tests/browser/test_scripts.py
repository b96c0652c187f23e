"""What the pages' own scripts write: figures, sentences and files."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from fedss_opt.reports.page import write_page
from fedss_opt.reports.page_parts import Column, Download, Page, Table

if TYPE_CHECKING:
    from .chrome import Viewer

pytest.importorskip("altair", reason="needs the extra report")

Run = Callable[..., Any]


@pytest.fixture
def run(viewer: Viewer, tmp_path: Path) -> Run:
    """Run JavaScript in a page with one small table."""
    number: dict[str, Any] = {"unit": "MHz", "factor": 1e6, "decimals": 2}
    columns = [
        Column(key="name", title="client", kind="text", csv="id"),
        Column(key="cost", title="cost", csv="cost", infinite="too late", **number),
        Column(key="worth", title="worth", csv="worth", **number),
        Column(key="why", title="why", kind="sentence", labels=("{cost} for {worth}.",), csv="why"),
    ]
    values = {
        "name": ["Infinity Station", "-inf", "NaN", "=1+1"],
        "cost": np.array([1.5e6, np.inf, 1.234567e6, np.nan]),
        "worth": np.array([-1234.0, 0.0, 1.234568e6, 5.678e9]),
        "why": np.zeros(4, dtype=np.int64),
    }
    table = Table(id="clients", title="Clients", columns=columns, values=values, row="client")
    files = [Download(id="csv", label="CSV", filename="clients.csv", table="clients")]
    path = tmp_path / "page.html"
    write_page(lambda: Page(title="T", headline="H", template="base.html.j2", tables=[table], downloads=files), path)
    viewer.open(path)
    return viewer.run


def _shown(run: Run, key: int, column: str) -> str:
    script = "const t = fedss.table('clients'); return fedss.text(t, t.byKey.get(arguments[1]), arguments[0], true)"
    return str(run(script, key, column))


def test_what_the_decimals_would_hide_keeps_its_digits(run):
    cells = "return [...document.querySelectorAll('tbody tr td:nth-child(3)')].map((cell) => cell.textContent)"
    assert run(cells) == ["-0.0012", "0", "1.23", "5,678.00"]


def test_a_figure_alone_has_the_unit_in_which_it_reads_best(run):
    assert [_shown(run, key, "worth") for key in range(4)] == ["-1.234 kHz", "0 MHz", "1.23 MHz", "5.678 GHz"]
    assert [_shown(run, key, "cost") for key in (0, 1)] == ["1.50 MHz", "too late"]


def test_figures_of_a_sentence_that_differ_look_different(run):
    assert _shown(run, 2, "why") == "1.234567 MHz for 1.234568 MHz."
    assert _shown(run, 0, "why") == "1.50 MHz for -1.234 kHz."


def test_a_csv_keeps_names_that_look_like_numbers(run):
    rows = list(csv.DictReader(io.StringIO(run("return fedss.csv('clients')"))))
    assert [row["id"] for row in rows] == ["Infinity Station", "'-inf", "NaN", "'=1+1"]
    assert [row["cost"] for row in rows] == ["1500000", "inf", "1234567", ""]
    assert [row["worth"] for row in rows] == ["-1234", "0", "1234568", "5678000000"]
