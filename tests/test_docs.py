"""The Python in the documentation runs, and its links lead somewhere.

The blocks of a page run in order in one namespace, in an empty folder that contains what the repository keeps
under ``examples``. A block that opens with ```` ```python no-run ```` is only compiled.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PAGES = [*sorted((ROOT / "docs").rglob("*.md")), *(ROOT / name for name in ("README.md", "CONTRIBUTING.md"))]
BLOCK = re.compile(r"^```python([^\n]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\[[^\]]*\]\((?!https?:)([^)#]+)[^)]*\)")

# Pages that are still to be written: until then, links to them are promises.
EXPECTED: set[str] = set()


@pytest.mark.usefixtures("warm")
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_python_in_the_documentation_runs(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = page.read_text(encoding="utf-8")
    (tmp_path / "examples").symlink_to(ROOT / "examples", target_is_directory=True)
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {"__name__": page.stem}
    for match in BLOCK.finditer(text):
        # Padded, so that a traceback names the line of the page.
        code = "\n" * (text[: match.start(2)].count("\n")) + match.group(2)
        compiled = compile(code, str(page), "exec")
        if "no-run" not in match.group(1).split():
            exec(compiled, names)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    targets = [Path(target) for target in LINK.findall(page.read_text(encoding="utf-8"))]
    missing = [target for target in targets if not (page.parent / target).exists()]
    assert [target for target in missing if target.name not in EXPECTED] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_what_the_documentation_names_exists(page: Path) -> None:
    """Tests that a page points to: ``file.py::test_name``, or the name alone."""
    text = page.read_text(encoding="utf-8")
    files = [path for folder in ("tests", "benchmarks") for path in sorted((ROOT / folder).rglob("test_*.py"))]
    sources = "\n".join(path.read_text(encoding="utf-8") for path in files)
    named = re.findall(r"`(?:[\w/.]+)?(?:::)?(test_\w+)`", text)
    assert [name for name in named if f"def {name}(" not in sources] == []
