"""The report of a trial: Markdown, the same as one HTML page, with figures, and its numbers as JSON."""

from __future__ import annotations

import base64
import html
import json
import math
import os
from pathlib import Path
from typing import Any

from .figures import draw_figures
from .instances import family_size
from .trial import Row, Trial, environment

__all__ = ["markdown_report", "record", "write_report"]

_TITLES = {
    "errors.png": "Error of the closed form against 1 - G",
    "gaps.png": "Certified gaps",
    "agreement.png": "Agreement with the referees",
    "cores.png": "Core sizes",
}

Table = tuple[str, list[str], list[list[str]]]


def write_report(trial: Trial, folder: Path) -> list[Path]:
    """Write ``report.md``, ``report.html``, ``report.json`` and the figures into a folder, which is made.

    Parameters
    ----------
    trial : Trial
        What was measured.
    folder : Path
        Where to.

    Returns
    -------
    list of Path
        What was written.

    Raises
    ------
    MissingDependencyError
        Without matplotlib.
    """
    figures = draw_figures(trial)
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for name, data in figures.items():
        (folder / name).write_bytes(data)
        written.append(folder / name)
    texts = {
        "report.md": markdown_report(trial, figures),
        "report.html": _html_report(trial, figures),
        "report.json": json.dumps(record(trial), indent=1, allow_nan=False) + "\n",
    }
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="utf-8")
        written.append(folder / name)
    return written


def record(trial: Trial) -> dict[str, Any]:
    """Return the numbers of a trial as a document of JSON; what is no number is None.

    Parameters
    ----------
    trial : Trial
        What was measured.

    Returns
    -------
    dict
        ``format`` and ``version``; ``size`` and ``seconds``; ``environment``; ``claims``, one per row of the report;
        ``sweeps`` (errors in eps, 2^-52 of the true value), ``subproblems``, ``comparisons``, ``methods`` and
        ``mutations``, what the claims were judged by; ``faults``, and which claim noticed each; ``instances``, the
        SHA-256 of each family, and ``instances_in_all``, how many they are.
    """
    court = trial.court
    machine = {name: value for name, value in environment().items() if name != "platform"}
    return {
        "format": "fedss_opt/verification",
        "version": 1,
        "size": trial.size.name,
        "seconds": round(trial.seconds, 1),
        "members": trial.size.members,
        "instances_in_all": trial.instances,
        "time_limit_s": trial.size.schedule.time_limit_s,
        "environment": {**machine, "processors": str(os.cpu_count())},
        "claims": [
            {"group": r.group, "claim": r.claim, "tried": r.tried, "verdict": r.verdict, "figure": r.figure}
            for r in trial.rows
        ],
        "sweeps": [
            {
                "form": sweep.form,
                "region": sweep.region,
                "points": len(sweep.points),
                "worst_eps": _number(sweep.worst),
                "mean_eps": _number(sweep.mean),
                "worst_slope_eps": _number(sweep.worst_slope),
            }
            for sweep in trial.sweeps
        ],
        "subproblems": [{"name": b.name, "draws": b.draws, "worst": _number(b.worst)} for b in trial.blocks],
        "comparisons": [
            {"name": c.name, "tried": c.tried, "worst": _number(c.worst)}
            for c in (court.comparisons.values() if court else ())
        ],
        "methods": [
            {
                "name": m.name,
                "instances": m.runs,
                "seconds": round(m.seconds, 1),
                "proven": m.proven,
                "without_allowance": m.exact,
                "searched": m.searched,
                "failed": list(m.failed),
            }
            for m in (court.methods.values() if court else ())
        ],
        "mutations": [{"name": m.name, "tried": m.tried, "caught": m.caught} for m in trial.mutations],
        "faults": [
            {"name": f.fault.name, "file": f.fault.change.file, "noticed_by": f.by[:1], "error": f.error}
            for f in trial.faults
        ],
        "instances": dict(trial.hashes),
    }


def _number(value: float) -> float | None:
    return float(f"{value:.6g}") if math.isfinite(value) else None


def _summary(trial: Trial) -> str:
    return f"{trial.counts()}."


def _command(trial: Trial) -> str:
    return f"fedss-opt verify --{trial.size.name} --report DIR"


def _tables(trial: Trial) -> list[Table]:
    tables: list[Table] = []
    for group in dict.fromkeys(row.group for row in trial.rows):
        rows = [[r.claim, str(r.tried), r.verdict, r.figure] for r in trial.rows if r.group == group]
        tables.append((group.capitalize(), ["claim", "tried", "verdict", "worst seen"], rows))
    tried = [
        [m.name, str(m.tried), str(m.caught), ", ".join(f"{name} ({n})" for name, n in m.by.most_common(4))]
        for m in trial.mutations
    ]
    tables.append(("What caught the mutations", ["corruption", "tried", "caught", "claims that failed"], tried))
    if trial.court is not None:
        methods = [
            [r.name, str(r.runs), str(r.failures), f"{r.seconds:.1f}", str(r.searched)]
            for r in trial.court.methods.values()
        ]
        header = ["method", "instances", "failed or unfinished", "seconds in all", "bounds by search"]
        limit = f"{trial.size.schedule.time_limit_s:g}"
        failed = [[r.name, reason] for r in trial.court.methods.values() for reason in r.failed]
        tables.append((f"Methods and referees (a failure costs its time limit, {limit} s)", header, methods))
        if failed:
            tables.append(("Failed or unfinished", ["method", "instance and reason"], failed))
    hashes = [[family, str(family_size(family, trial.size.members)), digest] for family, digest in trial.hashes.items()]
    tables.append(("Instances", ["family", "members", "SHA-256"], hashes))
    tables.append(("Environment", ["what", "version"], [list(item) for item in environment().items()]))
    return tables


def _complaints(trial: Trial) -> list[Row]:
    return [row for row in trial.rows if row.verdict != "holds" and row.details]


def markdown_report(trial: Trial, figures: dict[str, bytes] | None = None) -> str:
    """Return the report as Markdown; `figures` are linked by name."""
    parts = ["# Verification report", _summary(trial), f"Made by `{_command(trial)}` in {trial.seconds:.0f} s."]
    for row in _complaints(trial):
        parts.append(f"**{row.verdict}**: {row.claim}")
        parts.append("\n".join(f"* {detail}" for detail in row.details[:20]))
    for name in figures or {}:
        parts.append(f"![{_TITLES[name]}]({name})")
    for title, header, rows in _tables(trial):
        lines = ["| " + " | ".join(header) + " |", "|" + "---|" * len(header)]
        lines += ["| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in rows]
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


def _html_report(trial: Trial, figures: dict[str, bytes]) -> str:
    """One file that needs no other: figures are inside."""
    parts = [
        "<!DOCTYPE html><html lang='en'><head><meta charset='utf-8'><title>Verification report</title>",
        f"<style>{_STYLE}</style></head><body><h1>Verification report</h1>",
        f"<p class='{'holds' if trial.ok else 'violated'}'>{html.escape(_summary(trial))}</p>",
        f"<p>Made by <code>{html.escape(_command(trial))}</code> in {trial.seconds:.0f} s.</p>",
    ]
    for row in _complaints(trial):
        items = "".join(f"<li>{html.escape(detail)}</li>" for detail in row.details[:20])
        parts.append(f"<p class='{row.verdict}'>{row.verdict}: {html.escape(row.claim)}</p><ul>{items}</ul>")
    for name, data in figures.items():
        source = base64.b64encode(data).decode()
        parts.append(f"<p><img alt='{_TITLES[name]}' src='data:image/png;base64,{source}'></p>")
    for title, header, rows in _tables(trial):
        head = "".join(f"<th>{html.escape(cell)}</th>" for cell in header)
        body = "".join("<tr>" + "".join(_cell(cell) for cell in row) + "</tr>" for row in rows)
        parts.append(f"<h2>{html.escape(title)}</h2><table><tr>{head}</tr>{body}</table>")
    return "\n".join(parts) + "</body></html>\n"


def _cell(text: str) -> str:
    known = text in ("holds", "violated", "undecided", "skipped")
    return f"<td class='{text}'>{text}</td>" if known else f"<td>{html.escape(text)}</td>"
