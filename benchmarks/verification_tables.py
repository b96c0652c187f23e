"""The tables of docs/verification.md, from the ``report.json`` of a full run."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from .markdown import table

__all__ = ["verification_tables"]

Document = Mapping[str, Any]
Row = list[str]

_PACKAGES = ("numpy", "scipy", "numba", "python-flint", "cvxpy", "clarabel", "pyscipopt")


def verification_tables(document: Document) -> dict[str, str]:
    """Return a sentence on the run and its tables by name, from a parsed ``report.json``."""
    rows = [*_closed_forms(document), *_subproblems(document), *_answers(document), *_comparisons(document)]
    return {
        "verification-run": _run(document),
        "verification": table(["what", "tried", "worst seen"], [*rows, _corruptions(document), *_faults(document)]),
        "verification-methods": _methods(document),
        "verification-claims": _claims(document),
    }


def _count(value: int) -> str:
    return f"{value:,}"


def _run(document: Document) -> str:
    results = [claim["result"] for claim in document["claims"]]
    told = {result: results.count(result) for result in ("violated", "undecided", "skipped")}
    others = ", ".join(f"{count or 'none'} {result}" for result, count in told.items())
    where = document["environment"]
    packages = ", ".join(f"{name} {where[name]}" for name in _PACKAGES if name in where)
    machine = f"{where['processors']} processors ({where['machine']}; Python {where['python']}, {packages})"
    return (
        f"The full run took {document['seconds']:.0f} s on {machine}: **{results.count('holds')} of {len(results)} "
        f"claims hold** on {_count(document['instances_in_all'])} instances; {others}."
    )


def _closed_forms(document: Document) -> list[Row]:
    """One row a form, over all the regions in which an accuracy is claimed; then those in which it is not."""

    def only(sweep: Document) -> bool:
        return "feasible or not" in str(sweep["region"])

    forms: dict[str, list[Document]] = {}
    for sweep in document["sweeps"]:
        if not only(sweep):
            name = "flat rate, all forms" if "flat" in sweep["form"] else sweep["form"]
            forms.setdefault(name, []).append(sweep)
    rows = [[name, f"{_count(_sum(sweeps, 'points'))} points", _errors(sweeps)] for name, sweeps in forms.items()]
    for sweep in filter(only, document["sweeps"]):
        rows.append([f"{sweep['form']}: {sweep['region']}", f"{_count(sweep['points'])} points", _errors([sweep])])
    return rows


def _errors(sweeps: list[Document]) -> str:
    means = sorted(sweep["mean_eps"] for sweep in sweeps)
    span = f"mean {means[0]:.2f}" if len(means) == 1 else f"means {means[0]:.2f} to {means[-1]:.2f}"
    slopes = [sweep["worst_slope_eps"] for sweep in sweeps if sweep["worst_slope_eps"] is not None]
    slope = f"; slope {max(slopes):.3g} eps" if slopes else ""
    worst = max(sweep["worst_eps"] for sweep in sweeps)
    return f"{f'{worst:,.0f}' if worst >= 1000.0 else f'{worst:.3g}'} eps; {span}{slope}"


def _sum(parts: list[Document], key: str) -> int:
    return sum(int(part[key]) for part in parts)


def _subproblems(document: Document) -> list[Row]:
    return [[f"{b['name']} as CVXPY", _count(b["draws"]), f"{b['worst']:.1e}"] for b in document["subproblems"]]


def _answers(document: Document) -> list[Row]:
    rows = []
    for method in document["methods"]:
        if method["proven"] or method["without_allowance"]:
            figure = f"{_count(method['proven'])} proven, {_count(method['without_allowance'])} without any allowance"
            rows.append([f"claims of the answers of `{method['name']}`", _count(method["instances"]), figure])
        if method["searched"]:
            every = "all proven" if method["proven"] == method["instances"] else ""
            rows.append([f"bounds of `{method['name']}` by search, proved again", _count(method["searched"]), every])
    return rows


def _comparisons(document: Document) -> list[Row]:
    return [[c["name"], f"{_count(c['tried'])} pairs", _worst(c["worst"])] for c in document["comparisons"]]


def _worst(value: float) -> str:
    return f"{value:.1e}" if value > 0.0 else "0"


def _corruptions(document: Document) -> Row:
    tried, caught = _sum(document["corruptions"], "tried"), _sum(document["corruptions"], "caught")
    told = "all caught" if caught == tried else f"**{_count(tried - caught)} not caught**"
    return ["corruptions", f"{len(document['corruptions'])} kinds, {_count(tried)} corrupted answers", told]


def _faults(document: Document) -> list[Row]:
    faults = document["faults"]
    unnoticed = [fault["name"] for fault in faults if not fault["noticed_by"]]
    files = {fault["file"] for fault in faults}
    told = f"**not noticed: {', '.join(unnoticed)}**" if unnoticed else "all noticed"
    return [["faults made in copies", f"{len(faults)} in {len(files)} files", told]] if faults else []


def _methods(document: Document) -> str:
    cells: list[Callable[[Document], str]] = [
        lambda m: str(m["name"]),
        lambda m: _count(m["instances"]),
        lambda m: f"{m['seconds']:.1f}",
        lambda m: ", ".join(f"`{what}`" for what in m["failed"]) or "none",
    ]
    head = ["method or reference solver", "instances", "seconds in all", "failed or not finished"]
    return table(head, [[cell(method) for cell in cells] for method in document["methods"]])


def _claims(document: Document) -> str:
    """One row a group: how many claims, how often tried, and what became of them."""
    groups: dict[str, list[Document]] = {}
    for claim in document["claims"]:
        groups.setdefault(claim["group"], []).append(claim)
    rows = []
    for name, claims in groups.items():
        holding = sum(claim["result"] == "holds" for claim in claims)
        rows.append([name, str(len(claims)), _count(_sum(claims, "tried")), str(holding)])
    return table(["group", "claims", "times tried", "hold"], rows)
