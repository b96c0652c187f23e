"""The tests of every extra with the lowest and the newest versions that ``pyproject.toml`` admits (``make versions``).

Each set of versions gets an environment of its own under ``out/versions``, made from the package registry, in which the
test files of that part are run on this tree. Kernels compile there once per version of Numba.

    python -m tests.versions             # everything: an hour or more
    python -m tests.versions flower      # one part
    python -m tests.versions --list
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path

from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "out" / "versions"
TOOLS = ("pytest>=8.2", "hypothesis>=6.100")


@dataclass(frozen=True)
class Part:
    """What is varied, and the tests that it concerns."""

    extras: tuple[str, ...]
    varied: tuple[str, ...]
    tests: tuple[str, ...]
    besides: tuple[str, ...] = ()


PARTS = {
    "core": Part(
        (),
        ("numpy", "scipy", "numba"),
        ("tests/test_problem.py", "tests/solvers", "tests/kernels", "tests/test_certification.py"),
    ),
    "cli": Part(("cli",), ("typer", "rich"), ("tests/cli/test_solve.py", "tests/cli/test_process.py")),
    "serve": Part(
        ("serve",),
        ("prometheus-client", "starlette", "uvicorn", "h11"),
        ("tests/server",),
        ("jsonschema", "pyyaml", "schemathesis>=4.0"),
    ),
    "distributed": Part(
        ("distributed", "simulation"),
        ("distributed", "dask"),
        ("tests/batch/test_dask.py", "tests/batch/test_executors.py", "tests/studies/test_executors.py"),
    ),
    "flower": Part(
        ("flower",),
        ("flwr",),
        (
            "tests/integrations/test_flower.py",
            *(f"tests/integrations/test_flower_{name}.py" for name in ("failing", "links")),
        ),
    ),
    "nvflare": Part(("nvflare",), ("nvflare",), ("tests/integrations/test_nvflare.py",)),
}


def requirements() -> dict[str, list[Requirement]]:
    """Return what the package needs, by extra; under the empty name what it always needs."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    listed = {"": project["dependencies"], **project["optional-dependencies"]}
    return {extra: [Requirement(text) for text in texts] for extra, texts in listed.items()}


def wanted(part: Part, lowest: bool) -> list[str]:
    """Return what pip is asked for: all requirements of a part, those that are varied at the end of their range."""
    known, found, waiting = requirements(), dict[str, str](), ["", *part.extras]
    while waiting:
        for requirement in known[waiting.pop()]:
            if requirement.name == "fedss-opt":
                waiting.extend(requirement.extras)
                continue
            found[requirement.name] = str(requirement)
            low = re.search(r">=([\d.]+)", str(requirement.specifier))
            if lowest and low and requirement.name in part.varied:
                found[requirement.name] = f"{requirement.name}~={_three(low[1])}"
    return [*found.values(), *TOOLS, *part.besides]


def _three(version: str) -> str:
    """Write a version with three parts, so that ``~=`` keeps its second: the lowest minor release, with its fixes."""
    return ".".join([*version.split("."), "0", "0"][:3])


def run(name: str, lowest: bool) -> str:
    """Make an environment, run the tests of a part in it, and return a line on how it went."""
    part = PARTS[name]
    folder = FOLDER / f"{name}-{'lowest' if lowest else 'newest'}"
    python = folder / "bin" / "python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    installed = subprocess.run(
        [python, "-m", "pip", "install", "--quiet", "--upgrade", "--disable-pip-version-check", *wanted(part, lowest)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if installed.returncode:
        reason = [line for line in installed.stderr.splitlines() if line.startswith("ERROR")]
        return f"not installable: {(reason or ['?'])[-1]}"
    versions = subprocess.run(
        [python, "-m", "pip", "list", "--format=freeze"], capture_output=True, text=True, check=True
    )
    told = [line for line in versions.stdout.split() if line.partition("==")[0].lower() in part.varied]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "NUMBA_CACHE_DIR": str(FOLDER / "numba")}
    log = folder / "tests.log"
    with log.open("w") as stream:
        ended = subprocess.run(
            [python, "-m", "pytest", "-p", "no:cacheprovider", "-q", *part.tests],
            cwd=ROOT, env=environment, stdout=stream, stderr=stream, check=False,
        )  # fmt: skip
    last = log.read_text().strip().splitlines()[-1:] or ["nothing"]
    return f"{'passed' if ended.returncode == 0 else 'FAILED'}: {', '.join(told)}: {last[0]}"


def main(names: list[str]) -> int:
    """Run the parts that are named, or all."""
    if names == ["--list"]:
        for name, part in PARTS.items():
            print(f"{name}: {', '.join(wanted(part, lowest=True))}")
        return 0
    lines = []
    for name in names or PARTS:
        for lowest in (True, False):
            line = f"{name}, {'lowest' if lowest else 'newest'}: {run(name, lowest)}"
            print(line, flush=True)
            lines.append(line)
    return int(any(": passed: " not in line for line in lines))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
