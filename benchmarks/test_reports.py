"""What a report page costs beyond the solve, how large it is, and what the documentation's build takes."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import fedss_opt as fo

from .families import instance

ROOT = Path(__file__).resolve().parents[1]


@pytest.mark.parametrize(("clients", "tasks"), [(100, 5), (10_000, 5)])
def test_allocation_report(benchmark, tmp_path, clients: int, tasks: int) -> None:
    """Writing the page of an answer that is at hand, with the course of its bounds, as ``solve --report`` does."""
    pytest.importorskip("altair", reason='needs the extra: pip install "fedss-opt[report]"')
    from fedss_opt.reports import write_allocation_report  # noqa: PLC0415

    problem = instance("yang2021", clients, tasks, 0)
    history: list[fo.Progress] = []

    def note(progress: fo.Progress) -> None:
        history.append(progress)

    solution = fo.solve(problem, callback=note)
    page = tmp_path / "answer.html"
    benchmark.group = "report"
    # The first page of a process loads the libraries, which a command pays for once.
    write_allocation_report(problem, solution, page, history=history)
    benchmark.pedantic(
        write_allocation_report, args=(problem, solution, page), kwargs={"history": history}, rounds=5, iterations=1
    )
    benchmark.extra_info.update(clients=clients, tasks=tasks, bytes=page.stat().st_size)


@pytest.mark.slow
def test_documentation(benchmark, tmp_path) -> None:
    """The whole site from a copy of the sources, gallery included: what ``make docs`` does once Sphinx is installed."""
    pytest.importorskip("sphinx", reason='needs the extra: pip install "fedss-opt[docs]"')
    here = tmp_path / "copy"
    left_out = shutil.ignore_patterns(".*", "_build", "gallery", "generated", "__pycache__", "out")
    shutil.copytree(ROOT, here, ignore=left_out)
    # The examples of the gallery are sources; the folder of the same name in docs is what is made of them.
    shutil.copytree(ROOT / "examples" / "gallery", here / "examples" / "gallery")
    command = re.search(r"^\t\$\(BIN\)/python (-m sphinx -W .*)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert command is not None, "the Makefile builds the site in another way than this benchmark knows"
    benchmark.group = "documentation"
    benchmark.pedantic(
        lambda: subprocess.run([sys.executable, *command[1].split()], cwd=here, check=True), rounds=1, iterations=1
    )
    site = here / "docs" / "_build" / "html"
    benchmark.extra_info.update(
        pages=len(list(site.rglob("*.html"))),
        bytes=sum(path.stat().st_size for path in site.rglob("*") if path.is_file()),
    )
