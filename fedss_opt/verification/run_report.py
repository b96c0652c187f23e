"""The report of a run: Markdown, the same as one HTML page, with figures, and its numbers as JSON."""

from __future__ import annotations

import base64
import json
import math
import os
import re
from importlib import import_module
from pathlib import Path
from typing import Any

from .frozen_families import family_size
from .run_figures import draw_figures
from .verification_run import VerificationRun, environment

__all__ = ["markdown_report", "record", "write_report"]

_TITLES = {
    "errors.png": "Error of the closed form against 1 - G",
    "gaps.png": "Certified gaps",
    "agreement.png": "Agreement with reference solvers",
    "cores.png": "Core sizes",
}

Table = tuple[str, list[str], list[list[str]]]


def write_report(run: VerificationRun, folder: Path) -> list[Path]:
    """Write ``report.md``, ``report.html``, ``report.json`` and the figures into a folder, which is made.

    Returns what was written; raises `MissingDependencyError` without matplotlib.
    """
    figures = draw_figures(run)
    text = markdown_report(run, figures)
    files = {
        **figures,
        "report.md": text.encode(),
        "report.html": _html_report(text, figures).encode(),
        "report.json": (json.dumps(record(run), indent=1, allow_nan=False) + "\n").encode(),
    }
    folder.mkdir(parents=True, exist_ok=True)
    for name, data in files.items():
        (folder / name).write_bytes(data)
    return [folder / name for name in files]


def record(run: VerificationRun) -> dict[str, Any]:
    """Return the numbers of a run as a document of JSON; what is no number is None.

    ``claims`` has one entry per row of the report; ``sweeps`` (errors in units of 2^-52 of the true value, eps),
    ``subproblems``, ``comparisons``, ``methods`` and ``corruptions`` are what they rest on; ``faults`` says which
    claim noticed each; ``instances`` has the SHA-256 of each family, and ``instances_in_all`` how many they are.
    """
    check = run.cross_check
    machine = {name: value for name, value in environment().items() if name != "platform"}
    convex = [claim for claim in run.claims if claim.group == "sub-problems" and claim.tried]
    return {
        "format": "fedss_opt/verification",
        "version": 1,
        "size": run.size.name,
        "seconds": round(run.seconds, 1),
        "members": run.size.members,
        "instances_in_all": run.instances,
        "time_limit_s": run.size.schedule.time_limit_s,
        "environment": {**machine, "processors": str(os.cpu_count())},
        "claims": [
            {"group": c.group, "claim": c.name, "tried": c.tried, "result": c.result, "figure": c.figure}
            for c in run.claims
        ],
        "sweeps": [
            {"form": s.form, "region": s.region, "points": len(s.points)}
            | {"worst_eps": _number(s.worst), "mean_eps": _number(s.mean), "worst_slope_eps": _number(s.worst_slope)}
            for s in run.sweeps
        ],
        "subproblems": [
            {"name": c.name.removesuffix(" as CVXPY"), "draws": c.tried, "worst": _number(c.worst)} for c in convex
        ],
        "comparisons": [
            {"name": c.name, "tried": c.tried, "worst": _number(c.worst)}
            for c in (check.claims.values() if check else ())
        ],
        "methods": [
            {"name": m.name, "instances": m.runs, "seconds": round(m.seconds, 1), "proven": m.proven}
            | {"without_allowance": m.exact, "searched": m.searched, "failed": list(m.failed)}
            for m in (check.methods.values() if check else ())
        ],
        "corruptions": [{"name": n, "tried": c.tried, "caught": c.caught} for n, c in run.corruptions.items()],
        "faults": [
            {"name": f.fault.name, "file": f.fault.file, "noticed_by": f.by[:1], "error": f.error} for f in run.faults
        ],
        "instances": dict(run.hashes),
    }


def _number(value: float) -> float | None:
    return float(f"{value:.6g}") if math.isfinite(value) else None


def _tables(run: VerificationRun) -> list[Table]:
    tables: list[Table] = []
    for group in dict.fromkeys(claim.group for claim in run.claims):
        rows = [[c.name, str(c.tried), c.result, c.figure] for c in run.claims if c.group == group]
        tables.append((group.capitalize(), ["claim", "tried", "result", "worst seen"], rows))
    rows = [
        [name, str(c.tried), str(c.caught), ", ".join(f"{claim} ({n})" for claim, n in c.by.most_common(4))]
        for name, c in run.corruptions.items()
    ]
    tables.append(("What caught the corruptions", ["corruption", "tried", "caught", "claims that failed"], rows))
    if run.cross_check is not None:
        methods = run.cross_check.methods.values()
        rows = [[m.name, str(m.runs), str(len(m.failed)), f"{m.seconds:.1f}", str(m.searched)] for m in methods]
        header = ["method", "instances", "failed or unfinished", "seconds in all", "bounds by search"]
        limit = f"{run.size.schedule.time_limit_s:g}"
        tables.append((f"Methods and reference solvers (a failure costs its time limit, {limit} s)", header, rows))
        failed = [[m.name, reason] for m in methods for reason in m.failed]
        tables += [("Failed or unfinished", ["method", "instance and reason"], failed)] if failed else []
    hashes = [[family, str(family_size(family, run.size.members)), digest] for family, digest in run.hashes.items()]
    tables.append(("Instances", ["family", "members", "SHA-256"], hashes))
    tables.append(("Environment", ["what", "version"], [list(item) for item in environment().items()]))
    return tables


def markdown_report(run: VerificationRun, figures: dict[str, bytes] | None = None) -> str:
    """Return the report as Markdown; `figures` are linked by name."""
    command = f"fedss-opt verify --{run.size.name} --report DIR"
    parts = ["# Verification report", f"{run.counts()}.", f"Made by `{command}` in {run.seconds:.0f} s."]
    for claim in run.claims:
        if claim.result == "holds" or not claim.details:
            continue
        parts += [f"**{claim.result}**: {claim.name}", "\n".join(f"* {detail}" for detail in claim.details[:20])]
    parts += [f"![{_TITLES[name]}]({name})" for name in figures or {}]
    for title, header, rows in _tables(run):
        lines = ["| " + " | ".join(header) + " |", "|" + "---|" * len(header)]
        lines += ["| " + " | ".join(text.replace("|", "\\|") for text in row) + " |" for row in rows]
        parts += [f"## {title}", "\n".join(lines)]
    return "\n\n".join(parts) + "\n"


_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; max-width: 62rem; margin: 2rem auto; padding: 0 1rem; color: #222; }
table { border-collapse: collapse; margin: 0.5rem 0 1.5rem; font-size: 13px; }
th, td { border-bottom: 1px solid #ddd; padding: 0.25rem 0.7rem; text-align: left; vertical-align: top; }
td { overflow-wrap: anywhere; }
.violated { color: #b00020; font-weight: bold; } .skipped, .undecided { color: #8a6d00; } .holds { color: #1b6e3c; }
img { max-width: 100%; }
"""


def _html_report(markdown: str, figures: dict[str, bytes]) -> str:
    """Return the Markdown as one page that needs no other: figures are inside."""
    module = import_module("markdown_it")
    for name, data in figures.items():
        markdown = markdown.replace(f"({name})", f"(data:image/png;base64,{base64.b64encode(data).decode()})")
    body = module.MarkdownIt("commonmark").enable("table").render(markdown)
    body = re.sub(r"<(td|strong)>(holds|violated|undecided|skipped)<", r"<\1 class='\2'>\2<", body)
    head = f"<meta charset='utf-8'><title>Verification report</title><style>{_STYLE}</style>"
    return f"<!DOCTYPE html><html lang='en'><head>{head}</head><body>{body}</body></html>\n"
