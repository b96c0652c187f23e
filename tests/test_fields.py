"""One table of fields: whatever spells them out says the same as it does."""

from __future__ import annotations

import inspect

import numpy as np
import pytest

import fedss_opt as fo
from fedss_opt.fields import CLIENT_FIELDS, FIELD, FIELDS, LARGEST, LINKS, SMALLEST, Domain


def test_every_field_stands_in_the_table_and_nothing_else() -> None:
    data = tuple(name for name in fo.Problem.__slots__ if not name.startswith("_"))
    assert tuple(FIELD) == data == tuple(field.name for field in FIELDS)
    # Links of client models other than the two that come with the package go through `**links`.
    spelled = set(FIELD) - (set(LINKS.values()) - {"cn0_hz", "spectral_efficiency"}) | {"links"}
    assert spelled == set(inspect.signature(fo.Problem).parameters)
    of_a_batch = spelled - {"client_ids", "task_ids"} | {"offsets", "task_offsets"}
    assert of_a_batch == set(inspect.signature(fo.ProblemBatch).parameters)


@pytest.mark.parametrize("made", [fo.Problem, fo.ProblemBatch])
def test_defaults_are_those_of_the_table(made: type) -> None:
    for name, parameter in inspect.signature(made).parameters.items():
        if name in FIELD:
            default = inspect.Parameter.empty if FIELD[name].required else FIELD[name].default
            assert parameter.default == default or parameter.default is default, name


def test_reports_of_clients_carry_its_fields_by_the_names_of_columns() -> None:
    known = set(inspect.signature(fo.RoundAllocator.update).parameters)
    links = {field.column for field in CLIENT_FIELDS.values() if field.model}
    assert {field.column for name, field in CLIENT_FIELDS.items() if name != "available"} - links <= known
    for link in links:
        fo.RoundAllocator(bandwidth_hz=1e6).update("ann", **{link: 1.0})


def test_every_entry_of_the_table_is_complete() -> None:
    assert set(LINKS.values()) <= set(CLIENT_FIELDS)
    for field in FIELDS:
        assert field.meaning.endswith(".")
        assert field.type == "number" or field.domain == Domain()
        assert field.type != "number" or field.default is None or field.domain.good(np.array([field.default])).all()


@pytest.mark.parametrize(
    "domain",
    [
        Domain(positive=positive, infinite=infinite, divided_by=divided_by)
        for positive in (False, True)
        for infinite in (False, True)
        for divided_by in (False, True)
    ],
)
def test_the_quick_look_at_a_range_never_accepts_what_the_slow_one_refuses(domain: Domain) -> None:
    values = np.array([-np.inf, -1.0, 0.0, SMALLEST / 2, SMALLEST, 1.0, LARGEST, 2 * LARGEST, np.inf, np.nan])
    for value in values.tolist():
        if domain.holds(value, value):
            assert domain.good(np.array([value])).all()
    assert domain.good(np.array([SMALLEST, 1.0, LARGEST])).all()
    assert not domain.good(np.array([-np.inf, -1.0, 2 * LARGEST, np.nan])).any()
