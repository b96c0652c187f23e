"""The pages of the documentation, where they have been built (``make docs``): they open, and they are accessible."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit
from urllib.request import url2pathname

import pytest

if TYPE_CHECKING:
    from .chrome import Viewer

SITE = Path(__file__).parents[2] / "docs" / "_build" / "html"

# One page of every kind.
PAGES = (
    "index",
    "tutorials/first-allocation",
    "tutorials/federated-run",
    "how-to/reports",
    "explanation/mathematics",
    "reference/cli",
    "reference/api/index",
    "gallery/index",
    "faq",
    "benchmarks",
)

pytestmark = pytest.mark.skipif(not (SITE / "index.html").exists(), reason="the site is not built: make docs")


@pytest.mark.parametrize("name", PAGES)
def test_a_page_opens_without_a_network_and_is_accessible(viewer: Viewer, name: str) -> None:
    from .chrome import PHONE  # noqa: PLC0415 - an extra

    viewer.open(SITE / f"{name}.html")
    viewer.wait(lambda: viewer.run("return document.readyState === 'complete'"), "the page")
    assert viewer.one("h1").is_displayed()
    viewer.judge_accessibility(f"site-{name.replace('/', '-')}")
    viewer.size(PHONE)
    viewer.settle()
    assert viewer.too_wide() == 0


def test_formulas_are_set(viewer: Viewer) -> None:
    viewer.open(SITE / "explanation" / "mathematics.html")
    viewer.wait(lambda: viewer.all("mjx-container"), "MathJax")
    assert viewer.all("mjx-merror, mjx-container [data-mjx-error]") == []


def test_every_link_within_the_site_leads_somewhere(viewer: Viewer) -> None:
    viewer.open(SITE / "index.html")
    links = viewer.run("return [...document.querySelectorAll('a[href]')].map(a => a.href)")
    local = {link.partition("#")[0] for link in links if link.startswith("file:")}
    assert local
    missing = [link for link in local if not Path(url2pathname(urlsplit(link).path)).exists()]
    assert missing == []
