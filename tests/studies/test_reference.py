"""The documentation's tables: every key is described, and the page is current."""

from __future__ import annotations

from pathlib import Path

import pytest

from fedss_opt.cli.app import app
from fedss_opt.simulation.algorithms import ALGORITHMS, algorithm_type
from fedss_opt.studies.experiment import Experiment
from fedss_opt.studies.keys import fields
from fedss_opt.studies.reference import BEGIN, END, describe, key_tables, renew
from fedss_opt.studies.results import COLUMNS

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "simulate.md"


def test_the_page_is_current():
    inside = PAGE.read_text(encoding="utf-8").split(BEGIN)[1].split(END)[0].strip()
    assert inside == key_tables().strip(), "renew it: python -m fedss_opt.studies.reference docs/reference/simulate.md"


def test_every_key_is_described():
    silent = [path for path, owner, name, _ in fields(Experiment) if not describe(owner, name)]
    for algorithm in ALGORITHMS:
        kind = algorithm_type(algorithm).settings_type
        silent += [f"algorithms.{algorithm}.{name}" for name in kind.model_fields if not describe(kind, name)]
    assert silent == []


def test_every_column_and_option_is_on_the_page():
    text = PAGE.read_text(encoding="utf-8")
    assert [name for name in COLUMNS if f"`{name}`" not in text] == []
    (command,) = (command for command in app.registered_commands if command.name == "simulate")
    options = [
        name
        for parameter in command.callback.__annotations__.values()
        for extra in getattr(parameter, "__metadata__", ())
        for name in getattr(extra, "param_decls", None) or ()
    ]
    assert [name for name in options if name not in text] == []


def test_a_page_keeps_what_stands_around_the_tables(tmp_path):
    page = tmp_path / "page.md"
    page.write_text(f"before\n{BEGIN}\noutdated\n{END}\nafter\n")
    renew(page)
    text = page.read_text()
    assert text.startswith(f"before\n{BEGIN}\n")
    assert text.endswith(f"{END}\nafter\n")
    assert "outdated" not in text
    assert "`rounds = 60`" in text


@pytest.mark.parametrize("key", ["learning_rate", "bandwidth_hz", "density"])
def test_descriptions_are_one_line(key):
    found = [describe(owner, name) for _, owner, name, _ in fields(Experiment) if name == key]
    assert all(text and "\n" not in text for text in found)
