"""The browser tests' own tests: what they are meant to notice, they notice."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .chrome import Viewer


def _page(folder: Path, body: str) -> Path:
    path = folder / "page.html"
    path.write_text(f"<!doctype html><html lang=en><title>t</title><main><h1>t</h1>{body}</main>", encoding="utf-8")
    return path


def test_a_plain_page_is_nothing_to_complain_of(viewer: Viewer, tmp_path: Path) -> None:
    viewer.open(_page(tmp_path, "<img alt='' src='data:image/gif;base64,R0lGODlhAQABAAAAACwAAAAAAQABAAA='>"))
    assert viewer.complaints() == []
    assert viewer.inaccessible() == []


def test_errors_on_the_console_are_noticed(viewer: Viewer, tmp_path: Path) -> None:
    viewer.open(_page(tmp_path, "<script>console.error('oh no'); nowhere();</script>"))
    complaints = viewer.complaints()
    assert any("oh no" in complaint for complaint in complaints)
    assert any("nowhere is not defined" in complaint for complaint in complaints)


def test_requests_that_leave_the_machine_are_noticed_and_fail(viewer: Viewer, tmp_path: Path) -> None:
    body = "<img alt='' src='https://example.org/a.png'><script>fetch('http://127.0.0.1:9/b').catch(() => 0)</script>"
    viewer.open(_page(tmp_path, body))
    viewer.settle()
    complaints = viewer.complaints()
    assert "request: https://example.org/a.png" in complaints
    assert "request: http://127.0.0.1:9/b" in complaints
    assert viewer.run("return document.images[0].naturalWidth") == 0


def test_axe_finds_what_cannot_be_read(viewer: Viewer, tmp_path: Path) -> None:
    viewer.open(_page(tmp_path, "<p style='color:#ccc;background:#fff'>faint</p><input>"))
    found = " ".join(viewer.inaccessible())
    assert "color-contrast" in found
    assert "label" in found


def test_screens_and_preferences_are_emulated(viewer: Viewer, tmp_path: Path) -> None:
    from .chrome import PHONE  # noqa: PLC0415 - an extra

    viewer.open(_page(tmp_path, "<div style='width:600px'>wide</div>"))
    assert viewer.too_wide() == 0
    viewer.size(PHONE)
    assert viewer.too_wide() > 0
    viewer.media(dark=True)
    assert viewer.run("return matchMedia('(prefers-color-scheme: dark)').matches")
    viewer.media(printed=True)
    assert viewer.run("return matchMedia('print').matches")
    assert viewer.pdf().startswith(b"%PDF")


def test_downloads_arrive(viewer: Viewer, tmp_path: Path) -> None:
    viewer.open(_page(tmp_path, "<a id=it href='data:text/csv,a,b' download='it.csv'>it</a>"))
    assert viewer.download("#it") == b"a,b"


def test_every_page_is_opened_without_memories(viewer: Viewer, tmp_path: Path) -> None:
    page = _page(tmp_path, "")
    viewer.open(page)
    viewer.run("localStorage.setItem('theme', 'dark')")
    viewer.open(page)
    assert viewer.run("return localStorage.getItem('theme')") is None
