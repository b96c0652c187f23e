"""What the site of ``docs/`` needs to be whole, checked without building it (``make docs`` does that)."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"
GENERATED = ("_build", "gallery", "reference/api/generated")
TOCTREE = re.compile(r"^(`{3,}|:{3,})\{toctree\}[^\n]*\n(.*?)^\1$", re.MULTILINE | re.DOTALL)

# Packages and modules whose `__all__` is a promise to users.
PUBLIC = [
    "",
    "batch",
    "exceptions",
    "integrations.flower",
    "integrations.nvflare",
    "integrations.select",
    "reports",
    "rounds",
    "rounds.links",
    "scenarios",
    "sharing",
    "simulation",
    "simulation.algorithms",
    "simulation.data",
    "studies",
    "solvers",
    "verification",
]
# The version is on every page, and the subpackage has a page.
ELSEWHERE = {"__version__", "scenarios"}


def pages() -> set[str]:
    """Names of the pages, as toctrees have them."""
    found = {path.relative_to(DOCS).with_suffix("").as_posix() for path in DOCS.rglob("*.md")}
    return {page for page in found if not page.startswith(GENERATED)}


def listed() -> list[str]:
    """Every entry of every toctree."""
    entries = []
    for page in sorted(pages()):
        for _, body in TOCTREE.findall((DOCS / f"{page}.md").read_text(encoding="utf-8")):
            lines = [line.strip() for line in body.splitlines()]
            names = [line for line in lines if line and not line.startswith(":")]
            entries += [(Path(page).parent / name).as_posix() for name in names]
    return entries


def documented() -> set[tuple[str, str]]:
    """Module and name of everything on the pages of the reference."""
    found = set()
    for path in (DOCS / "reference" / "api").glob("*.md"):
        module = ""
        for line in path.read_text(encoding="utf-8").splitlines():
            if match := re.fullmatch(r"\.\. currentmodule:: ([\w.]+)", line):
                module = match[1]
            elif match := re.fullmatch(r"(?: {3}|\.\. (?:autodata|py:type):: )(\w+)", line):
                found.add((module, match[1]))
    return found


def public_names(module: str) -> list[str]:
    """`__all__`, read from the source: some modules need what is not installed."""
    path = ROOT / "fedss_opt" / module.replace(".", "/")
    source = path.with_suffix(".py") if path.with_suffix(".py").exists() else path / "__init__.py"
    for node in ast.parse(source.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
            return list(ast.literal_eval(node.value))
    raise AssertionError(f"{source} has no __all__")


def related(one: str, other: str) -> bool:
    """Whether one of two modules is inside the other."""
    return f"{one}.".startswith(f"{other}.") or f"{other}.".startswith(f"{one}.")


def test_every_page_is_in_one_toctree() -> None:
    entries = listed()
    assert len(entries) == len(set(entries))
    assert set(entries) - {"gallery/index"} == pages() - {"index"}


@pytest.mark.parametrize("module", PUBLIC)
def test_every_public_name_is_in_the_reference(module: str) -> None:
    home = f"fedss_opt.{module}".rstrip(".")
    found = documented()
    # A name that a package takes from one of its modules is documented at one of the two.
    missing = [
        name
        for name in public_names(module)
        if name not in ELSEWHERE
        and (home, name) not in found
        and not (module and any(n == name and related(m, home) for m, n in found))
    ]
    assert missing == []


def test_every_command_is_in_the_reference() -> None:
    typer = pytest.importorskip("typer")
    from fedss_opt.cli.app import app  # noqa: PLC0415

    text = (DOCS / "reference" / "commands.md").read_text(encoding="utf-8")
    assert re.findall(r"^```\{command\} (\S+)$", text, re.MULTILINE) == list(typer.main.get_command(app).commands)


def test_the_configuration_compiles_and_its_own_extensions_exist() -> None:
    tree = ast.parse((DOCS / "conf.py").read_text(encoding="utf-8"))
    compile(tree, "conf.py", "exec")
    extensions = next(
        ast.literal_eval(node.value)
        for node in tree.body
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "extensions"
    )
    assert {path.stem for path in (DOCS / "_ext").glob("*.py")} <= set(extensions)


def test_make_has_the_targets_that_pages_name() -> None:
    targets = set(re.findall(r"^([a-z][a-z-]*):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    sources = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(DOCS / f"{page}.md" for page in pages())]
    named = {
        (path.name, target)
        for path in sources
        for target in re.findall(
            r"(?:`|^\$ )make (?:[A-Z]+=\S+ )?([a-z][a-z-]*)", path.read_text(encoding="utf-8"), re.M
        )
    }
    assert {("CONTRIBUTING.md", "test"), ("README.md", "demo")} <= named
    assert {(page, target) for page, target in named if target not in targets} == set()


def test_the_files_to_touch_exist() -> None:
    text = (DOCS / "developer" / "extending.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`([\w./-]+\.(?:py|md|toml|j2))`", text))
    paths = {name for name in named if "/" in name}
    assert [name for name in sorted(paths) if not (ROOT / name).is_file()] == []
    # "`a.py` and `b.py` in `folder/`": bare names of files in the folders of the page.
    bare = {path.name for folder in ("fedss_opt", "tests", "docs") for path in (ROOT / folder).rglob("*.*")}
    bare |= {path.name for path in ROOT.glob("*.*")}
    assert sorted(named - paths - bare) == []
