"""The table of mutants fits the package as it is: a change of the package shows here which ones it has outdated."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from fedss_opt.verification.package_copy import PACKAGE

from .table import Mutant, read_mutants

ROOT = Path(__file__).parents[2]
MUTANTS = read_mutants()


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_every_mutant_can_be_made_and_has_its_tests(mutant: Mutant) -> None:
    mutant.apply((PACKAGE / mutant.file).read_text(encoding="utf-8"))
    assert bool(mutant.tests) != bool(mutant.equivalent)
    for test in mutant.tests:
        file, _, name = test.partition("::")
        text = (ROOT / file).read_text(encoding="utf-8")
        assert f"def {name.partition('[')[0]}(" in text if name else text


def test_there_are_enough_and_each_has_a_name_of_its_own() -> None:
    assert len(MUTANTS) >= 80
    assert [name for name, count in Counter(mutant.name for mutant in MUTANTS).items() if count > 1] == []
    assert sum(bool(mutant.survives) for mutant in MUTANTS) <= 0.05 * sum(not mutant.equivalent for mutant in MUTANTS)
