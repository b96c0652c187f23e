"""The tables of docs/benchmarks.md that come from a race."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from .markdown import table
from .peers.cases import Plan, Race
from .peers.race import Result
from .peers.tables import rates

__all__ = ["race_tables"]


def race_tables(document: Mapping[str, Any]) -> dict[str, str]:
    """Return a sentence on the plan and a table per race, by name, from a parsed ``race.json``."""
    told = document["plan"]
    plan = Plan(
        name=told["name"], sizes=tuple(told["sizes"]), seeds=told["seeds"], time_limit_s=float(told["time_limit_s"])
    )
    found: dict[Race, list[Result]] = {}
    for result in map(Result.from_dict, document["results"]):
        found.setdefault(result.case.race, []).append(result)
    tables = {"race-plan": _plan(plan, document["versions"])}
    for race, results in found.items():
        _, head, rows = rates(race, results, plan)
        # A number and its unit stay on one line.
        joined = [[re.sub(r"(?<=\d) (?=%|m?s\b|of )|(?<=of) ", "\u00a0", cell) for cell in row] for row in rows]
        tables[f"race-{race.name.lower()}"] = table(head, joined)
    return tables


def _plan(plan: Plan, versions: Mapping[str, str]) -> str:
    seeds = "one seed" if plan.seeds == 1 else f"{plan.seeds} seeds"
    sizes = ", ".join(f"{clients:,}" for clients in plan.sizes)
    named = ", ".join(
        f"{name} {version}" for name, version in versions.items() if name not in ("machine", "processors")
    )
    machine = f"{versions['processors']} processors ({versions['machine']})"
    return (
        f"The tables are of the plan *{plan.name}* with {seeds} of each of two families and {plan.time_limit_s:g} s "
        f"for each entrant and instance; N = {sizes}; {machine}; {named}."
    )
