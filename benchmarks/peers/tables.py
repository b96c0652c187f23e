"""The race in tables, as Markdown and as one HTML file with the figures inside."""

from __future__ import annotations

import base64
import html
import math
from collections.abc import Iterable, Mapping
from statistics import median

from .cases import ACCURACIES, Plan, Race
from .profile import shifted_geometric_mean, success_rate
from .race import Result

__all__ = ["Table", "html_report", "markdown_report", "rates", "times_of"]

Table = tuple[str, list[str], list[list[str]]]  # title, header, rows


def times_of(results: Iterable[Result], accuracy: float) -> dict[str, list[float | None]]:
    """Return times to an accuracy by entrant, instance by instance."""
    times: dict[str, list[float | None]] = {}
    for result in results:
        times.setdefault(result.entrant, []).append(result.times[accuracy])
    return times


def _seconds(value: float) -> str:
    if not math.isfinite(value):
        return ""
    return f"{1e3 * value:.3g} ms" if value < 0.9995 else f"{value:.3g} s"


def rates(race: Race, results: list[Result], plan: Plan) -> Table:
    """Success rates and shifted geometric means over all sizes and families."""
    header = [str(race), *(f"within {_power(accuracy)}" for accuracy in ACCURACIES), "largest N"]
    if race is Race.JOINT:
        header.append("said to be optimal")
    by_accuracy = {accuracy: times_of(results, accuracy) for accuracy in ACCURACIES}
    rows = []
    for name in dict.fromkeys(result.entrant for result in results):
        mine = [r for r in results if r.entrant == name]
        cells = []
        for accuracy in ACCURACIES:
            times = by_accuracy[accuracy][name]
            mean = shifted_geometric_mean(times, plan.time_limit_s)
            cells.append(f"{100 * success_rate(times):.0f} %, {_seconds(mean)}")
        cells.append(_largest(mine))
        if race is Race.JOINT:
            cells.append(f"{sum(r.proven for r in mine)} of {len(mine)}")
        rows.append([name, *cells])
    title = "share solved, and shifted geometric mean of the time (shift 10 ms, failures at the limit)"
    return title, header, rows


def _power(accuracy: float) -> str:
    return f"1e{round(math.log10(accuracy))}"


def _largest(results: list[Result], accuracy: float = 1e-4) -> str:
    """Return the last size of which more than half of the instances were solved."""
    sizes = sorted({r.case.clients for r in results})
    rates = {n: success_rate([r.times[accuracy] for r in results if r.case.clients == n]) for n in sizes}
    return next((f"{n:,}" for n in reversed(sizes) if rates[n] > 0.5), "none")


def _by_size(results: list[Result]) -> Table:
    """Median time of the whole solve, and median distance from the best, by size."""
    sizes = sorted({result.case.clients for result in results})
    rows = []
    for name in dict.fromkeys(result.entrant for result in results):
        cells = [_cell([r for r in results if r.entrant == name and r.case.clients == size]) for size in sizes]
        rows.append([name, *cells])
    return "median time of a solve and median distance, by N", ["entrant", *(f"N = {n:,}" for n in sizes)], rows


def _cell(results: list[Result]) -> str:
    answered = [r for r in results if r.status == "answered"]
    if all(r.status == "not run" for r in results):
        return "not run"
    failed = len(results) - len(answered)
    words = [f"{failed} of {len(results)} failed"] if failed else []
    if answered:
        distance = _relative(median(r.distance for r in answered))
        inside = median(r.solver_s for r in answered)
        own = f" ({_seconds(inside)} in the solver)" if math.isfinite(inside) else ""
        words.insert(0, f"{_seconds(median(r.seconds for r in answered))}{own}, {distance}")
    return "; ".join(words)


def _relative(distance: float) -> str:
    if distance >= 1.0:
        return f"{1.0 + distance:.3g} times the best"
    return "0" if distance < 1e-12 else f"{100 * distance:.2g} %" if distance >= 1e-4 else f"{distance:.0e}"


def _failures(results: list[Result]) -> Table:
    """Why entrants failed or were not run: one line per reason."""
    reasons: dict[tuple[str, str, str], list[int]] = {}
    for r in results:
        if r.status != "answered":
            reasons.setdefault((r.entrant, r.status, r.note), []).append(r.case.clients)
    rows = [
        [name, status, f"{len(sizes)}", ", ".join(f"{n:,}" for n in sorted(set(sizes))), note]
        for (name, status, note), sizes in reasons.items()
    ]
    return "failures", ["entrant", "what", "instances", "N", "why"], rows


def _tables(results: Mapping[Race, list[Result]], plan: Plan) -> list[Table]:
    tables = []
    for race, mine in results.items():
        for title, header, rows in (rates(race, mine, plan), _by_size(mine), _failures(mine)):
            if rows:
                tables.append((f"{str(race).capitalize()}: {title}", header, rows))
    return tables


def _introduction(plan: Plan, versions: Mapping[str, str]) -> list[str]:
    return [
        f"Plan {plan.name}: N = {', '.join(f'{n:,}' for n in plan.sizes)}; {plan.seeds} seeds of two families each; "
        f"time limit {plan.time_limit_s:g} s; one thread.",
        ", ".join(f"{name} {version}" for name, version in versions.items()) + ".",
    ]


def markdown_report(
    results: Mapping[Race, list[Result]], plan: Plan, versions: Mapping[str, str], figures: Mapping[str, bytes]
) -> str:
    """Return the report as Markdown; figures are linked by name."""
    parts = ["# The race", *_introduction(plan, versions), *(f"![{name}]({name})" for name in figures)]
    for title, header, rows in _tables(results, plan):
        lines = ["| " + " | ".join(header) + " |", "|" + "---|" * len(header)]
        lines += ["| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in rows]
        parts += [f"## {title}", "\n".join(lines)]
    return "\n\n".join(parts) + "\n"


_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; max-width: 70rem; margin: 2rem auto; padding: 0 1rem; color: #222; }
table { border-collapse: collapse; margin: 0.5rem 0 1.5rem; font-size: 13px; }
th, td { border-bottom: 1px solid #ddd; padding: 0.25rem 0.7rem; text-align: left; vertical-align: top; }
img { max-width: 100%; }
"""


def html_report(
    results: Mapping[Race, list[Result]], plan: Plan, versions: Mapping[str, str], figures: Mapping[str, bytes]
) -> str:
    """Return the report as one HTML file that needs no other."""
    parts = [
        "<!DOCTYPE html><html lang='en'><head><meta charset='utf-8'><title>The race</title>",
        f"<style>{_STYLE}</style></head><body><h1>The race</h1>",
        *(f"<p>{html.escape(text)}</p>" for text in _introduction(plan, versions)),
    ]
    for name, data in figures.items():
        parts.append(f"<p><img alt='{name}' src='data:image/png;base64,{base64.b64encode(data).decode()}'></p>")
    for title, header, rows in _tables(results, plan):
        head = "".join(f"<th>{html.escape(cell)}</th>" for cell in header)
        body = "".join("<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in row) + "</tr>" for row in rows)
        parts.append(f"<h2>{html.escape(title)}</h2><table><tr>{head}</tr>{body}</table>")
    return "\n".join(parts) + "</body></html>\n"
