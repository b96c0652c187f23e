"""Turn pytest-benchmark's JSON into the Markdown tables of docs/benchmarks.md.

Usage: ``python -m benchmarks.report out/benchmark.json [more.json ...]``
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from statistics import median


def _ms(seconds: float) -> str:
    return f"{1e3 * seconds:.3g}"


def _percent(fraction: float) -> str:
    return f"{100 * fraction:.2g} %"


def _s(seconds: float) -> str:
    return f"{seconds:.3g}"


def _spread(values: list[float]) -> str:
    return f"{min(values):.3g} - **{median(values):.3g}** - {max(values):.3g}"


def _table(head: list[str], rows: list[list[str]]) -> str:
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in rows])


def _times(entry: dict) -> str:
    stats = entry["stats"]
    return f"{_ms(stats['min'])} - **{_ms(stats['median'])}** - {_ms(stats['max'])}"


def _exact(entries: list[dict]) -> str:
    rows = []
    for e in entries:
        x, stats = e["extra_info"], e["stats"]
        rows.append(
            [
                x["family"],
                f"{x['clients']:,}, {x['tasks']}",
                "" if x["target_s"] is None else _s(x["target_s"]),
                f"{_s(stats['min'])} - **{_s(stats['median'])}** - {_s(stats['max'])}",
                f"{x['proven']} of {x['seeds']}",
                "" if x["proven"] == x["seeds"] else _percent(x["gap_worst"]),
                "" if x["core_median"] is None else f"{x['core_median']:g}",
            ]
        )
    head = ["family", "N, K", "target, s", "time, s (min - median - max)", "proven", "worst gap if not", "core"]
    return "## The exact solver\n\n" + _table(head, rows)


def _beside_scip(entries: list[dict]) -> str:
    rows = []
    for x in (e["extra_info"] for e in entries):
        apart = x["relative_difference_worst"]
        rows.append(
            [
                f"{x['clients']}, {x['tasks']}",
                _spread([1e3 * seconds for seconds in x["exact_s"]]),
                f"{x['exact_proven']} of {x['seeds']}",
                _spread(x["scip_s"]),
                f"{x['scip_proven']} of {x['seeds']}",
                _spread(x["ratio"]),
                "" if apart is None else f"{apart:.0e}",
            ]
        )
    head = ["N, K", "ours, ms", "proven", "SCIP, s", "proven", "SCIP's time / ours", "worst difference in T"]
    return "### Beside SCIP\n\n" + _table(head, rows)


def _scale(by_name: dict[str, list[dict]]) -> str:
    """Tell what `test_scale.py` measures, a line each."""

    def info(name: str) -> list[dict]:
        return [entry["extra_info"] for entry in by_name.get(name, [])]

    rows = []
    for x in info("test_passes")[:1]:
        rows.append(["oracle pass, ns per client (N = 1,000,000)", "30", _spread(x["ns_per_client"])])
    for x in info("test_passes"):
        what = f"N = {x['clients']:,}, K = {x['tasks']}, to a gap of {x['gap_tol']:g}: oracle passes"
        rows.append([what, f"{x['target']:g}", _spread(x["passes"])])
    for x in info("test_warm_start"):
        rows.append([f"N = 100, K = 5, {x['family']}, cold, ms", "1", _spread([1e3 * s for s in x["cold_s"]])])
        rows.append(["the same, warm after 1 dB, ms", "0.3", _spread([1e3 * s for s in x["warm_s"]])])
    for x in info("test_overhead"):
        detail = f"**{1e6 * x['outside_s']:.0f}** (and {1e6 * x['problem_s']:.0f} for the Problem)"
        rows.append(["N = 20: time outside the kernels, us", "100", detail])
    for x in info("test_memory"):
        rows.append(["N = 1,000,000, K = 1: peak memory, vectors of N", "12", _spread(x["vectors"])])
    for x in info("test_growth"):
        times = ", ".join(f"{1e3 * s:.3g}" for s in x["seconds"])
        rows.append([f"N = 10^3 ... 10^7, K = 1: log-log slope (ms: {times})", "1.1", f"**{x['slope']:.2f}**"])
    for x in info("test_first_compile"):
        rows.append(["very first solve, nothing cached, s", "15", _spread(x["seconds"])])
    return "## Scale\n\n" + _table(["what", "target", "measured (min - median - max)"], rows)


def report(document: dict) -> str:
    """Build the page's tables from a parsed benchmark file."""
    by_name: dict[str, list[dict]] = {}
    for entry in document["benchmarks"]:
        by_name.setdefault(entry["name"].split("[")[0], []).append(entry)
    machine = document["machine_info"]
    cpu = machine.get("cpu", {})
    parts = [
        f"Machine: {cpu.get('brand_raw', machine['machine'])}, {cpu.get('count', '?')} cores; "
        f"Python {machine['python_version']}; {document['datetime'][:10]}."
    ]
    if "test_admm" in by_name:
        distance = {
            (e["extra_info"]["family"], e["extra_info"]["clients"]): e["extra_info"]
            for e in by_name.get("test_distance_to_optimum", [])
        }
        rows = []
        for e in by_name["test_admm"]:
            x = e["extra_info"]
            d = distance.get((x["family"], x["clients"]))
            rows.append(
                [
                    x["family"],
                    f"{x['clients']:,}, {x['tasks']}",
                    _times(e),
                    _percent(x["gap_median"]),
                    _percent(x["gap_worst"]),
                    f"{_percent(d['distance_worst'])} ({d['found']} of {d['seeds']} optimal)" if d else "",
                ]
            )
        head = ["family", "N, K", "time, ms (min - median - max)", "median gap", "worst gap", "worst distance"]
        parts.append("## The ADMM\n\n" + _table(head, rows))
    if "test_passes" in by_name:
        parts.append(_scale(by_name))
    if "test_exact" in by_name:
        parts.append(_exact(by_name["test_exact"]))
    if "test_beside_scip" in by_name:
        parts.append(_beside_scip(by_name["test_beside_scip"]))
    if "test_fixed_selection" in by_name:
        rows = [
            [
                f"{x['clients']:,} ({x['selected']} selected)",
                f"{x['kernel_us']:.3g}",
                f"{x['ratio_min']:.3g} - **{x['ratio_median']:.3g}** - {x['ratio_max']:.3g}",
                f"{x['programs_median']:g}",
                f"{x['relative_difference_worst']:.1e}",
            ]
            for x in (e["extra_info"] for e in by_name["test_fixed_selection"])
        ]
        head = ["N", "ours, us", "Clarabel's time / ours", "programs", "worst difference in T"]
        parts.append("## Bandwidth for a fixed selection\n\n" + _table(head, rows))
    if "test_oracle_pass" in by_name:
        rows = [
            [e["extra_info"]["objective"], f"{e['extra_info']['ns_per_client']:.3g}"]
            for e in by_name["test_oracle_pass"]
        ]
        parts.append("## One oracle pass\n\n" + _table(["objective", "ns per client"], rows))
    if "test_first_solve" in by_name:
        x = by_name["test_first_solve"][0]["extra_info"]
        rows = [
            [name, f"{x[key + '_min']:.2f} - **{x[key + '_median']:.2f}** - {x[key + '_max']:.2f}"]
            for name, key in (("import", "import_s"), ("import and first solve", "first_solve_s"))
        ]
        parts.append("## A new process, kernels cached\n\n" + _table(["what", "s (min - median - max)"], rows))
    if "test_ablation" in by_name:
        rows = [
            [
                f"{e['extra_info']['clients']:,}, {e['extra_info']['tasks']}",
                e["extra_info"]["variant"],
                _times(e),
                _percent(e["extra_info"]["gap_median"]),
                f"{e['extra_info']['iterations_median']:g}",
            ]
            for e in by_name["test_ablation"]
        ]
        head = ["N, K", "variant", "time, ms", "median gap", "ADMM iterations"]
        parts.append("## What each addition buys\n\n" + _table(head, rows))
    return "\n\n".join(parts) + "\n"


if __name__ == "__main__":
    documents = [json.loads(Path(path).read_text()) for path in sys.argv[1:]]
    documents[0]["benchmarks"] = [entry for document in documents for entry in document["benchmarks"]]
    print(report(documents[0]))
