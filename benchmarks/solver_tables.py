"""The tables of docs/benchmarks.md that come from pytest-benchmark, one function each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from statistics import median
from typing import Any

from .markdown import table
from .records import Records

__all__ = ["solver_tables"]

Entry = dict[str, Any]

CELLS = ("yang2021", "umi")
"""The families that targets are set for."""

# N, K; then for time in ms, median gap in per cent and worst distance in per cent: the target, None where none is set.
TARGETS: list[tuple[int, int, float, float | None, float | None]] = [
    (20, 1, 0.3, None, 1.0),
    (100, 5, 3.0, 2.5, 0.5),
    (1_000, 5, 40.0, 0.3, 0.1),
    (10_000, 5, 300.0, 0.03, None),
    (100_000, 1, 1000.0, 0.01, None),
]


def solver_tables(records: Records) -> dict[str, str]:
    """Return the tables by name, those whose benchmarks are recorded."""
    makers: dict[str, Callable[[Records], str]] = {
        "provenance": _provenance,
        "targets": _targets,
        "admm": _admm,
        "scale": _scale,
        "exact": _exact,
        "exact-hard": _exact_hard,
        "beside-scip": _beside_scip,
        "batches": _batches,
        "fixed-selection": _fixed_selection,
        "oracle-pass": _oracle_pass,
        "new-process": _new_process,
        "ablation": _ablation,
        "reports": _reports,
    }
    return {name: text for name, make in makers.items() if (text := make(records))}


# -- cells

_JOINED = "\u00a0"  # a no-break space: what belongs together stays on one line of a narrow table


def _three(value: float) -> str:
    """Write three significant digits, without a power of ten where a person would write none."""
    return f"{float(f'{value:.3g}'):,.0f}" if value >= 1000.0 else f"{value:.3g}"


def _percent(fraction: float) -> str:
    """Write two digits; what is within the solver's tolerance, 1e-6, is as good as nothing."""
    return "0" if fraction == 0.0 else "< 1e-4 %" if fraction <= 1e-6 else f"{100 * fraction:.2g} %"


def _spread(values: Sequence[float], unit: float = 1.0, digits: str | None = None) -> str:
    """Write minimum, median and maximum, in units of `unit`."""
    figures = [value / unit for value in (min(values), median(values), max(values))]
    low, middle, high = (_three(figure) if digits is None else format(figure, digits) for figure in figures)
    return f"{low} - **{middle}** - {high}".replace(" ", _JOINED)


def _times(entry: Entry, unit: float) -> str:
    return _spread([entry["stats"][key] for key in ("min", "median", "max")], unit)


def _size(extra: Entry) -> str:
    return f"{extra['clients']:,},{_JOINED}{extra['tasks']}"


def _out_of(part: int, whole: int) -> str:
    return f"{part} of {whole}".replace(" ", _JOINED)


def _of(entries: Sequence[Entry], **wanted: Any) -> Entry | None:
    """Return what the first entry with these names told."""
    matching = (e for e in entries if all(e["extra_info"].get(key) == value for key, value in wanted.items()))
    return next(matching, None)


# -- tables


def _provenance(records: Records) -> str:
    """Tell where and when; runs that differ in nothing that is shown are one row."""
    rows: dict[tuple[str, ...], list[str]] = {}
    for name, run in records.runs.items():
        versions = ", ".join(f"{package} {version}" for package, version in run["versions"].items())
        day = run["date"].replace("-", "\u2011")  # hyphens that do not break
        machine = f"{run['processor']}, {run['cores']} cores, Python {run['python']}"
        cells = (day, f"`{run['commit']}`", machine, versions or "not noted")
        rows.setdefault(cells, []).extend(f for f, entries in records.families.items() if _uses(entries, name))
    head = ["benchmarks", "day", "commit", "machine", "versions"]
    named = [
        [", ".join(f"`{family}`" for family in dict.fromkeys(families)), *cells] for cells, families in rows.items()
    ]
    return table(head, named) if rows else ""


def _uses(entries: dict[str, Entry], run: str) -> bool:
    return any(entry["run"] == run for entry in entries.values())


def _distances(records: Records) -> list[Entry]:
    return records.entries("admm", "test_distance_to_optimum") + records.entries("admm", "test_distance_to_proven")


def _targets(records: Records) -> str:
    measured, distances = records.entries("admm", "test_admm"), _distances(records)
    rows = []
    for clients, tasks, limit_ms, limit_gap, limit_distance in TARGETS:
        found = [_of(measured, family=family, clients=clients, tasks=tasks) for family in CELLS]
        apart = [_of(distances, family=family, clients=clients, tasks=tasks) for family in CELLS]
        if None in found:
            return ""
        times = [1e3 * entry["stats"]["median"] for entry in found if entry]
        gaps = [100.0 * entry["extra_info"]["gap_median"] for entry in found if entry]
        worst = [100.0 * entry["extra_info"]["distance_worst"] for entry in apart if entry]
        rows.append(
            [
                _size({"clients": clients, "tasks": tasks}),
                f"{limit_ms:,g}{_JOINED}ms",
                _against(times, limit_ms, "ms"),
                "" if limit_gap is None else f"{limit_gap:g} %",
                _against(gaps, limit_gap, "%"),
                "" if limit_distance is None else f"{limit_distance:g} %",
                _against(worst, limit_distance, "%"),
            ]
        )
    head = ["N, K", "time: target", "measured", "certified gap: target", "measured", "worst distance: target"]
    return table([*head, "measured"], rows)


def _against(values: Sequence[float], limit: float | None, unit: str) -> str:
    """Write the two cells' figures, and which of them is above the target."""
    if not values:
        return ""
    missed = [cell for cell, value in zip(CELLS, values, strict=True) if limit is not None and value > limit]
    verdict = {0: "", 1: f", **{missed[0]} missed**" if missed else "", len(CELLS): ", **missed**"}[len(missed)]
    # Two digits, also where the second is a zero.
    figures = " / ".join("0" if value == 0.0 else f"{value:#.2g}".rstrip(".") for value in values)
    return f"{figures} {unit}".replace(" ", _JOINED) + verdict


def _admm(records: Records) -> str:
    distances = _distances(records)
    rows = []
    for entry in records.entries("admm", "test_admm"):
        extra = entry["extra_info"]
        apart = _of(distances, family=extra["family"], clients=extra["clients"], tasks=extra["tasks"])
        cells = [_times(entry, 1e-3), _percent(extra["gap_median"]), _percent(extra["gap_worst"])]
        rows.append([extra["family"], _size(extra), *cells, _distance(apart["extra_info"]) if apart else ""])
    head = ["family", "N, K", "time, ms (min - median - max)", "median gap", "worst gap", "worst distance"]
    return table(head, rows) if rows else ""


def _distance(extra: Entry) -> str:
    if extra["distance_worst"] is None:
        return "no optimum proven"
    # Tolerances of the optimum, not distances.
    worst = extra["distance_worst"] if extra["distance_worst"] > 1e-8 else 0.0
    known = "" if extra["proven"] == extra["seeds"] else f"; {extra['seeds'] - extra['proven']} optima not proven"
    return f"{_percent(worst)} ({_out_of(extra['found'], extra['seeds'])} optimal{known})"


def _scale(records: Records) -> str:
    def info(test: str) -> list[Entry]:
        return [entry["extra_info"] for entry in records.entries("scale", test)]

    rows = []
    for x in info("test_passes")[:1]:
        rows.append(["oracle pass, ns per client (N = 1,000,000)", "30", _spread(x["ns_per_client"])])
    for x in info("test_passes"):
        what = f"N = {x['clients']:,}, K = {x['tasks']}, to a gap of {x['gap_tol']:g}: oracle passes"
        rows.append([what, f"{x['target']:g}", _spread(x["passes"])])
    for x in info("test_warm_start"):
        rows.append([f"N = 100, K = 5, {x['family']}, cold, ms", "1", _spread(x["cold_s"], 1e-3)])
        rows.append(["the same, warm after 1 dB, ms", "0.3", _spread(x["warm_s"], 1e-3)])
    for x in info("test_overhead"):
        detail = f"**{1e6 * x['outside_s']:.0f}** (and {1e6 * x['problem_s']:.0f} for the Problem)"
        rows.append(["N = 20: time outside the kernels, us", "100", detail])
    for x in info("test_memory"):
        rows.append(["N = 1,000,000, K = 1: peak memory, vectors of N", f"{x['target']:g}", _spread(x["vectors"])])
    for x in info("test_growth"):
        times = ", ".join(_three(1e3 * seconds) for seconds in x["seconds"])
        rows.append(
            [f"N = 10^3, 10^4, ... 10^7, K = 1: log-log slope (times: {times} ms)", "1.1", f"**{x['slope']:.2f}**"]
        )
    for x in info("test_first_compile"):
        rows.append(["very first solve, nothing cached, s", f"{x['target']:g}", _spread(x["seconds"])])
    return table(["what", "target", "measured (min - median - max)"], rows) if rows else ""


def _exact(records: Records) -> str:
    rows = []
    for entry in records.entries("exact", "test_exact"):
        x = entry["extra_info"]
        rows.append(
            [
                x["family"],
                _size(x),
                "" if x["target_s"] is None else f"{1e3 * x['target_s']:,g}",
                _times(entry, 1e-3),
                _out_of(x["proven"], x["seeds"]),
                "" if x["proven"] == x["seeds"] else _percent(x["gap_worst"]),
                "" if x["core_median"] is None else f"{x['core_median']:,g}",
            ]
        )
    head = ["family", "N, K", "target, ms", "time, ms (min - median - max)", "proven", "worst gap if not", "core"]
    return table(head, rows) if rows else ""


def _exact_hard(records: Records) -> str:
    rows = []
    for name in ("test_hard_families", "test_hard_totals"):
        for entry in records.entries("exact", name):
            x = entry["extra_info"]
            size = _size(x) + (f", {x['blocks']} blocks" if x["blocks"] else "")
            rows.append(
                [
                    x["family"],
                    size,
                    f"{x['gap_tol']:g}",
                    "" if x["target_s"] is None else f"{1e3 * x['target_s']:,g}",
                    _times(entry, 1e-3),
                    _out_of(x["proven"], x["seeds"]) + (f", {x['infeasible']} infeasible" if x["infeasible"] else ""),
                    "" if x["proven"] == x["seeds"] else _percent(x["gap_worst"]),
                ]
            )
    head = ["family", "N, K", "tolerance", "target, ms", "time, ms (min - median - max)", "closed", "worst gap if not"]
    return table(head, rows) if rows else ""


def _beside_scip(records: Records) -> str:
    rows = []
    for x in (entry["extra_info"] for entry in records.entries("exact", "test_beside_scip")):
        apart = x["relative_difference_worst"]
        rows.append(
            [
                _size(x),
                _spread(x["exact_s"], 1e-3),
                _out_of(x["exact_proven"], x["seeds"]),
                _spread(x["scip_s"]),
                _out_of(x["scip_proven"], x["seeds"]),
                _spread(x["ratio"]),
                "" if apart is None else f"{apart:.0e}",
            ]
        )
    head = ["N, K", "ours, ms", "proven", "SCIP, s", "proven", "SCIP's time / ours", "worst difference in T"]
    return table(head, rows) if rows else ""


def _batches(records: Records) -> str:
    rows = []
    for x in (entry["extra_info"] for entry in records.entries("batch", "test_solve_batch")):
        if x["problems"] < 100_000:
            continue  # too short to tell the second thread's worth
        rates = [f"{x['per_second_one_thread']:,.0f}", f"{x['per_second_two_threads']:,.0f}"]
        rows.append([f"{x['tasks']}", *rates, f"{100 * x['efficiency']:.0f} %", f"{x['cores']:.2f}"])
    head = ["K", "problems per second, 1 thread", "2 threads", "of twice the single rate (target 90 %)"]
    return table([*head, "processors the two had"], rows) if rows else ""


def _fixed_selection(records: Records) -> str:
    rows = [
        [
            f"{x['clients']:,} ({x['selected']:,} selected)",
            f"{x['kernel_us']:.3g}",
            _spread([x["ratio_min"], x["ratio_median"], x["ratio_max"]]),
            f"{x['programs_median']:g}",
            f"{x['relative_difference_worst']:.1e}",
        ]
        for x in (entry["extra_info"] for entry in records.entries("bandwidth", "test_fixed_selection"))
    ]
    head = ["N", "ours, us", "Clarabel's time / ours", "programs", "worst difference in T"]
    return table(head, rows) if rows else ""


def _oracle_pass(records: Records) -> str:
    found = [entry["extra_info"] for entry in records.entries("bandwidth", "test_oracle_pass")]
    rows = [[x["objective"], f"{x['clients']:,}", f"{x['ns_per_client']:.3g}"] for x in found]
    return table(["objective", "clients", "ns per client"], rows) if rows else ""


def _new_process(records: Records) -> str:
    rows = []
    for x in (entry["extra_info"] for entry in records.entries("start", "test_first_solve")):
        for name, key in (("import", "import_s"), ("import and first solve", "first_solve_s")):
            rows.append([name, _spread([x[f"{key}_{which}"] for which in ("min", "median", "max")], digits=".2f")])
    return table(["what", "s (min - median - max)"], rows) if rows else ""


def _ablation(records: Records) -> str:
    rows = []
    for entry in records.entries("ablation", "test_ablation"):
        x = entry["extra_info"]
        cells = [_times(entry, 1e-3), _percent(x["gap_median"]), f"{x['iterations_median']:g}"]
        rows.append([_size(x), x["variant"], *cells])
    return table(["N, K", "variant", "time, ms", "median gap", "ADMM iterations"], rows) if rows else ""


def _reports(records: Records) -> str:
    rows = []
    for entry in records.entries("reports", "test_allocation_report"):
        x = entry["extra_info"]
        what = f"page of an answer, N = {x['clients']:,}, K = {x['tasks']}"
        rows.append([what, _times(entry, 1.0), f"{x['bytes'] / 1e6:.2f} MB"])
    for entry in records.entries("reports", "test_documentation"):
        x = entry["extra_info"]
        what = f"the documentation, {x['pages']:,} pages, gallery included"
        rows.append([what, f"**{entry['stats']['median']:.3g}**", f"{x['bytes'] / 1e6:.3g} MB"])
    return table(["what", "s (min - median - max)", "size"], rows) if rows else ""
