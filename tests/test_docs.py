"""The documentation holds: its blocks run, its links lead somewhere, and what it names exists.

The blocks of a page run in order, in an empty folder with a copy of ``examples``. What is done with a block is said by
the words after its opening fence:

* ```` ```python ```` is executed; all of a page share one namespace.
* ```` ```console ````: each line after ``$ `` is run; it must end with status 0, or, for the block's last command, with
  the ``N`` of ``exit=N``. Output that is shown below it must be in its output, line by line; ``...`` is anything.
* ```` ```json ````, ``toml``, ``yaml`` and ``csv`` must parse.
* ``file=NAME`` writes the block into the folder under that name, for the blocks that follow.
* ``no-run``: Python is compiled only; of commands it is checked that their options, targets, extras and files exist.
  It is for what takes long, stays, or changes the machine: ``make``, ``pip``, servers, other people's programs.
* ``slow``: the same, and ``pytest -m slow`` runs it.
* ``text``, ``bibtex``, ``math`` and ``mermaid`` are for reading.
"""

from __future__ import annotations

import csv
import io
import json
import re
import shutil
import subprocess
import tomllib
from collections.abc import Callable
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from .consoles import commands, complaints, make_targets, missing_line, run
from .pages import ROOT, Fence, code_spans, fences, generated, headings, links, pages

PAGES = pages()
FOR_READING = ("text", "bibtex", "math", "mermaid")


def name_of(page: Path) -> str:
    return page.relative_to(ROOT).as_posix() if ROOT in page.parents else page.name


def has_slow(page: Path) -> bool:
    text = page.read_text(encoding="utf-8")
    return "slow" in text and any("slow" in fence.flags for fence in fences(text))


# -- blocks


@pytest.mark.usefixtures("warm")
@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_the_blocks_of_a_page_hold(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    play(page, tmp_path, monkeypatch)


@pytest.mark.slow
@pytest.mark.usefixtures("warm")
@pytest.mark.parametrize("page", [page for page in PAGES if has_slow(page)], ids=name_of)
def test_the_long_blocks_of_a_page_run(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    play(page, tmp_path, monkeypatch, slow=True)


def play(page: Path, folder: Path, monkeypatch: pytest.MonkeyPatch, *, slow: bool = False) -> None:
    """Go through the blocks of a page in order."""
    # A copy: what a page writes there must not end up in the repository.
    shutil.copytree(ROOT / "examples", folder / "examples", ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.chdir(folder)
    names: dict[str, object] = {"__name__": page.stem}
    for fence in fences(page.read_text(encoding="utf-8")):
        where = f"{name_of(page)}:{fence.line}"
        if "file" in fence.options:
            (folder / fence.options["file"]).write_text(fence.text, encoding="utf-8")
        running = not fence.flags & ({"no-run"} if slow else {"no-run", "slow"})
        if fence.language == "python":
            # Padded, so that a traceback names the line of the page.
            code = compile("\n" * (fence.line - 1) + fence.text, str(page), "exec")
            if running and "file" not in fence.options:
                exec(code, names)
        elif fence.language == "console":
            (run_commands if running else check_commands)(fence, where, page)
        elif fence.language in ("bash", "sh"):
            done = subprocess.run(["bash", "-n"], input=fence.text, text=True, capture_output=True, check=False)
            assert done.returncode == 0, f"{where}: {done.stderr}"
        elif fence.language in PARSERS:
            parse(fence, where)
        else:
            assert fence.language in FOR_READING, (
                f"{where}: a block of {fence.language!r}; checked are python, console, bash, {', '.join(PARSERS)}, "
                f"and for reading there are {', '.join(FOR_READING)}"
            )


def run_commands(fence: Fence, where: str, page: Path) -> None:
    asked = commands(fence.text, fence.line)
    for place, command in enumerate(asked, start=1):
        expected = int(fence.options.get("exit", "0")) if place == len(asked) else 0
        finished = run(command)
        told = f"{name_of(page)}:{command.line}: $ {command.text}"
        assert finished.status == expected, f"{told}: status {finished.status}, not {expected}\n{finished.output}"
        missing = missing_line(command.shown, finished.output)
        assert missing is None, f"{told}: the page shows a line that is not there: {missing}\n{finished.output}"


def check_commands(fence: Fence, where: str, page: Path) -> None:
    found = [told for command in commands(fence.text, fence.line) for told in complaints(command.text, page.parent)]
    assert found == [], where


def _yaml(text: str) -> object:
    return pytest.importorskip("yaml").safe_load(text)


def _csv(text: str) -> None:
    rows = list(csv.reader(io.StringIO(text), strict=True))
    assert len({len(row) for row in rows}) == 1, f"rows of different lengths: {[len(row) for row in rows]}"


PARSERS: dict[str, Callable[[str], object]] = {
    "json": json.loads,
    "toml": tomllib.loads,
    "yaml": _yaml,
    "csv": _csv,
}


def parse(fence: Fence, where: str) -> None:
    try:
        PARSERS[fence.language](fence.text)
    except (ValueError, AssertionError, csv.Error) as error:
        pytest.fail(f"{where}: not {fence.language}: {error}")


# -- links


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_links_lead_somewhere(page: Path) -> None:
    """Files and folders exist, and of pages the headings that are named; nothing points to a place on one machine."""
    lost = []
    for link in links(page.read_text(encoding="utf-8")):
        if external(link):
            continue
        path, _, anchor = unquote(link).partition("#")
        target = page.parent / path if path else page
        if path.startswith("/"):
            lost.append(f"{link}: an absolute path")
        elif generated(target.resolve()):
            continue  # the build itself fails on these
        elif ROOT not in target.resolve().parents:
            lost.append(f"{link}: outside of the repository")
        elif not target.exists():
            lost.append(link)
        elif anchor and target.suffix == ".md" and anchor not in headings(target.read_text(encoding="utf-8")):
            lost.append(f"{link}: no such heading")
    assert lost == []


def external(link: str) -> bool:
    return bool(urlsplit(link).scheme)


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_addresses_are_sound(page: Path) -> None:
    """Whether they answer is for `make linkcheck`, which has a network; here they must be addresses at all."""
    for link in links(page.read_text(encoding="utf-8")):
        if external(link):
            address = urlsplit(link)
            assert address.scheme in ("https", "http", "mailto"), link
            assert address.scheme == "mailto" or re.fullmatch(
                r"[\w.-]+\.[a-z]+(:\d+)?|localhost:\d+", address.netloc
            ), link
            assert re.search(r"\s|%20|[.,;]$", link) is None, link


# -- names


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_what_the_documentation_names_exists(page: Path) -> None:
    """Tests that a page points to: ``tests/file.py::test_name``, ``file.py::test_name`` or the name alone."""
    text = page.read_text(encoding="utf-8")
    files = [path for folder in ("tests", "benchmarks") for path in sorted((ROOT / folder).rglob("test_*.py"))]
    lost = []
    for place, name in re.findall(r"`(?:([\w/.]+\.py)::)?(test_\w+)`", text):
        where = [path for path in files if path.as_posix().endswith(f"/{place}")] if place else files
        if not any(f"def {name}(" in path.read_text(encoding="utf-8") for path in where):
            lost.append(f"{place}::{name}" if place else name)
    assert lost == []


@pytest.mark.parametrize("page", [page for page in PAGES if page.name != "CHANGELOG.md"], ids=name_of)
def test_commands_in_running_text_exist(page: Path) -> None:
    """``make TARGET`` and ``fedss-opt COMMAND --option``, wherever a text speaks of them."""
    spans = [span.replace("\\|", "|") for span in code_spans(page.read_text(encoding="utf-8"))]
    lost = [
        f"`make {m[1]}`"
        for span in spans
        if (m := re.fullmatch(r"make ([a-z-]+)", span)) and m[1] not in make_targets()
    ]
    for span in spans:
        if span.startswith("fedss-opt ") and "..." not in span and span.count('"') % 2 == 0:
            lost += complaints(span, page.parent, whole=False)
    assert lost == []
