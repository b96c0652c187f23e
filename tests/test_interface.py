"""How large the interface is, and whether names say which is which: bounds that only come down."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from .test_site import documented

PACKAGE = Path(__file__).resolve().parents[1] / "fedss_opt"
# What is on the pages of docs/reference/api; all else is internal.
MOST_PUBLIC_NAMES = 160


def test_the_interface_stays_small() -> None:
    assert len(documented()) <= MOST_PUBLIC_NAMES


def test_no_two_modules_have_one_name() -> None:
    names = Counter(path.name for path in PACKAGE.rglob("*.py") if not path.name.startswith("__"))
    assert not {name for name, count in names.items() if count > 1}
