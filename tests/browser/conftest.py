"""Fixtures of the browser tests. Whatever they open must load without a network and without an error on the console."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from selenium.webdriver import Chrome

    from .chrome import Viewer

_HERE = Path(__file__).resolve().parent


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave these tests out unless they are asked for: ``pytest tests/browser``, which is ``make browser``."""
    asked = any(Path(argument.partition("::")[0]).resolve().is_relative_to(_HERE) for argument in config.args)
    # What is no test would be imported for its doctests, and needs packages that may not be there.
    is_test = collection_path.is_dir() or collection_path.name.startswith(("test_", "__init__"))
    return None if asked and is_test else True


@pytest.fixture(scope="session")
def driver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chrome]:
    """One Chromium for all tests."""
    for package in ("selenium", "axe_core_python"):
        pytest.importorskip(package, reason=f'needs {package}: pip install "fedss-opt[browser]"')
    from .chrome import chromium, missing  # noqa: PLC0415 - an extra

    lacking = missing()
    if lacking:
        pytest.skip(lacking)
    with chromium(tmp_path_factory.mktemp("chromium")) as driver:
        yield driver


@pytest.fixture
def viewer(driver: Chrome, tmp_path: Path, pytestconfig: pytest.Config) -> Viewer:
    """A person before a desktop screen; after the test there must be nothing to complain of."""
    from .chrome import Viewer, screenshots_folder  # noqa: PLC0415 - an extra

    downloads = tmp_path / "downloads"
    downloads.mkdir()
    return Viewer(driver, downloads, screenshots_folder(pytestconfig.rootpath))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Iterator[None]:
    """Fail a test whose page wrote an error to the console or asked for something outside of it."""
    yield
    funcargs: dict[str, Any] = getattr(item, "funcargs", {})
    if "viewer" in funcargs:
        complaints = funcargs["viewer"].complaints()
        assert not complaints, "\n".join(complaints)
